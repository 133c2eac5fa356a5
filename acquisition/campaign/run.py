"""Runs one trial: the real engine, drivers and bytes on a simulated bench, in lockstep and virtual time.

Knows how a trial becomes a plan and a session. Only here and in the judges is the simulated truth read.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acquisition.campaign.trial import Act, Trial
from acquisition.campaign.witness import ENGINE_DIED, Account, MemoryBook, Witness
from acquisition.engine.conductor import Conductor
from acquisition.engine.session import LOCKSTEP_PACE, build_session
from acquisition.experiment.limits import Limits
from acquisition.experiment.limits_file import load_limits
from acquisition.host.auto_operator import AutoOperator
from acquisition.host.lockstep import Actor, LockstepClock, LockstepHost
from acquisition.host.rehearsal import describe_world
from acquisition.messages import Command, Continue, Finish, Note, Start, Stop
from acquisition.plan import ChannelSetup, InfuseStep, Plan, PotentiostatSetup, PumpSetup, Subject
from drivers import registry
from drivers.capabilities import OptionValue
from drivers.clock import NS_PER_S, VirtualClock

OVERTIME_S = 90.0
"""A trial that takes so much longer than its plan does not end by itself: then somebody comes and presses STOP."""
FETCHED_S = 60.0
"""So long after that STOP the session must have ended."""
ALONE_NS = 120 * NS_PER_S
"""How long instruments that lost their engine are watched."""
_STUCK_S = 4.0
_READY_S = 15.0
_FETCH = 2_000_000
PUMP, SENSOR = "drug", "stat"
_LIMITS: Limits = load_limits(None)


def run(trial: Trial) -> Account:
    """Run a trial to its end, or to the time by which it should have ended."""
    plan = plan_of(trial)
    clock = LockstepClock()
    bench = registry.bench()(clock, describe_world(plan), trial.seed, trial.faults)
    witness = Witness(lambda: bench.delivered_ul(PUMP))
    book = MemoryBook()
    session = build_session(
        plan,
        _LIMITS,
        opener=bench,
        clock=clock,
        out_dir=Path(),
        make_dir=lambda _out_dir, _plan, _wall_ns: ("campaign", Path("campaign")),  # the witness needs no disk
        recorder=lambda _dir, _header, _clock: witness,
        files={},
        software="campaign",
        seed=trial.seed,
        pace=LOCKSTEP_PACE,
        open_book=lambda _session: book,
    )
    conductor = session.conductor
    person = AutoOperator(conductor, ready_within_s=_READY_S, stuck_after_s=_STUCK_S + 2 * trial.watchdog_s)
    actors: list[Actor] = [_Fate(conductor, clock, witness, book, list(trial.acts)), conductor, *session.lanes, person]
    asleep_s = sum(act.for_s for act in trial.acts if act.deed == "machine-sleeps")
    deadline_ns = round((plan.duration_s + asleep_s + OVERTIME_S) * NS_PER_S)
    crash = died = ""
    fetched = False
    host = LockstepHost(clock, actors, lambda: conductor.over)
    try:
        host.run(deadline_ns)
        if not conductor.over:
            fetched = True
            conductor.submit(Stop(request=_FETCH, reason="somebody came to look"), lambda _answer: None)
            host.run(deadline_ns + round(FETCHED_S * NS_PER_S))
    except _EngineDied:
        died = ENGINE_DIED
        VirtualClock.sleep_until_ns(clock, clock.now_ns() + ALONE_NS)
    except Exception:  # noqa: BLE001 - whatever it is, it is a finding
        crash = traceback.format_exc(limit=-4)
    ledger = conductor.pumps[PUMP].ledger
    step_ul = max((infusion.counter_step_ul for infusion in ledger.past), default=0.0)
    return Account(
        outcome=died or (conductor.outcome if conductor.over else ""),
        fetched=fetched,
        crash=crash,
        witness=witness,
        book=book,
        true_ul=bench.delivered_ul(PUMP),
        confirmed_ul=ledger.confirmed_ul,
        uncertain_ul=ledger.uncertain_ul(clock.now_ns()),
        counter_step_ul=step_ul,
        lost_bytes=bench.lost_bytes(),
        duration_s=clock.now_ns() / NS_PER_S,
    )


class _EngineDied(BaseException):
    """The process is gone, wherever it was: no part of it may catch this."""


@dataclass
class _Fate:
    """Does what the trial says at its times: what a person commands, sensible or not, and what befalls the computer."""

    conductor: Conductor
    clock: LockstepClock
    witness: Witness
    book: MemoryBook
    todo: list[Act]
    _request: int = field(default=1_000_000, init=False)
    _ends: list[tuple[int, str]] = field(default_factory=list, init=False)

    def next_due_ns(self) -> int | None:
        if not (self.todo or self._ends) or self.conductor.over:
            return None
        due = [t_ns for t_ns, _deed in self._ends]
        return min([*due, round(self.todo[0].t_s * NS_PER_S)]) if self.todo else min(due)

    def step(self, now_ns: int) -> None:
        for end in [end for end in self._ends if end[0] <= now_ns]:
            self._ends.remove(end)
            self._befall(end[1], begins=False)
        while self.todo and round(self.todo[0].t_s * NS_PER_S) <= now_ns:
            act = self.todo.pop(0)
            if act.deed == "engine-dies":
                raise _EngineDied
            if act.deed == "machine-sleeps":
                self.clock.jump_ns(round(act.for_s * NS_PER_S))
            elif act.deed in ("clock-forward", "clock-back"):
                sign = 1 if act.deed == "clock-forward" else -1
                self.clock.start_wall_ns += sign * round(act.for_s * NS_PER_S)
            elif act.deed == "program-error":
                self.conductor.submit(Note(request=0, text="a mistake", opened_ns=now_ns), _mistake)
            elif act.deed in _COMMANDS:
                self._request += 1
                command = _COMMANDS[act.deed](self._request, self.conductor.schedule.held_on or 0)
                self.conductor.submit(command, lambda _answer: None)
            else:
                self._befall(act.deed, begins=True)
                self._ends.append((now_ns + round(act.for_s * NS_PER_S), act.deed))

    def _befall(self, deed: str, *, begins: bool) -> None:
        if deed == "recorder-hangs":
            self.witness.hangs = begins
        elif deed == "disk-slow":
            self.witness.queue_fill = 0.6 if begins else 0.0
        elif deed in _WRITE_ERRORS:
            self.witness.failing = _WRITE_ERRORS[deed] if begins else ""
        else:
            self.book.failing = begins


def _mistake(_answer: object) -> None:
    raise ZeroDivisionError("a mistake of the program, made on purpose")


_WRITE_ERRORS = {
    "disk-full": "the disk is full",
    "write-error": "[Errno 5] Input/output error",
    "file-locked": "[WinError 33] another process has locked a portion of the file",
}
_COMMANDS: dict[str, Callable[[int, int], Command]] = {
    "stop": lambda request, _step: Stop(request=request, reason="campaign"),
    "start": lambda request, _step: Start(request=request),
    "continue": lambda request, step: Continue(request=request, step=step),
    "finish": lambda request, _step: Finish(request=request),
}


@dataclass(frozen=True)
class _Syringe:
    """What is in the pump, and what its driver and its twin need to know beside."""

    name: str
    diameter_mm: float
    volume_ul: float
    url_options: str = ""
    options: Mapping[str, OptionValue] = field(default_factory=dict)


_BD_1_ML = _Syringe("BD 1 mL", 4.699, 1000.0)
_SYRINGES = {"wpi-micro4": _Syringe("10 uL", 0.46, 10.0, "?plunger_line=3&selected=2", {"line": 3})}
_ELECTRODE = {"pinnacle-8401": "a"}
_SENSOR_OPTIONS: dict[str, Mapping[str, OptionValue]] = {"pinnacle-8401": {"preamp": "8407-2BIO"}}


def plan_of(trial: Trial) -> Plan:
    """Return the plan of a trial."""
    syringe = _SYRINGES.get(trial.family, _BD_1_ML)
    pump = PumpSetup(
        name=PUMP,
        driver=trial.family,
        url=f"sim://{registry.twin(trial.family)}/{PUMP}{syringe.url_options}",
        address=0,
        expected_model="",
        expected_serial_number="",
        syringe=syringe.name,
        diameter_mm=syringe.diameter_mm,
        syringe_volume_ul=syringe.volume_ul,
        watchdog_s=trial.watchdog_s,
        line_dead_volume_ul=5.0,
        drug="ketamine",
        concentration_mg_per_ml=0.1,
        route="iv_infusion",
        role="anaesthetic_maintenance" if trial.maintenance else "experimental",
        loaded_ul=0.6 * syringe.volume_ul,
        primed=True,
        options=syringe.options,
    )
    sensor = PotentiostatSetup(
        name=SENSOR,
        driver=trial.sensor_family,
        url=f"sim://{registry.twin(trial.sensor_family)}/{SENSOR}",
        expected_model="",
        expected_serial_number="",
        potential_v=0.6,
        interval_s=0.2 if trial.sensor_family == "pinnacle-8401" else 0.25,
        channels=(ChannelSetup("glu", _ELECTRODE.get(trial.sensor_family, "we1"), "glutamate", 50e-9, 7e-12),),
        options=_SENSOR_OPTIONS.get(trial.sensor_family, {}),
    )
    steps = tuple(
        InfuseStep(number, "ketamine", PUMP, infusion.volume_ul, infusion.rate_ul_per_min, None)
        for number, infusion in enumerate(trial.infusions, start=1)
    )
    return Plan(
        name="campaign",
        description="",
        simulated=True,
        subject=Subject("m1", "mouse", "F", "P12W", 25.0, "2026-01-01"),
        pumps=(pump,),
        potentiostats=(sensor,) if trial.sensor else (),
        steps=steps,
        protocol_sha256="",
        rig_sha256="",
        limits_sha256=_LIMITS.sha256,
    )
