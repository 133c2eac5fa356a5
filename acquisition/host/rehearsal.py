"""Rehearses an experiment: the same plan, engine and bytes on a simulated bench in virtual time. No port is opened.

Knows how a plan describes its world to a bench, and how a rehearsal is run and summed up. Does not know how the bench
works; it is found by name like every instrument.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from acquisition.books.seals import Solution
from acquisition.engine.gate_facts import PastInfusion
from acquisition.engine.session import REHEARSAL_PACE, build_session
from acquisition.experiment.limits import Limits
from acquisition.experiment.rig import is_replayed, is_simulated
from acquisition.host.auto_operator import AutoOperator
from acquisition.host.blinded_world import filling, told_truth, vehicle_warnings
from acquisition.host.lockstep import LockstepClock, LockstepHost
from acquisition.messages import AlarmView
from acquisition.plan import Plan, PotentiostatSetup, PumpSetup
from acquisition.recording.recorder import InlineRecorder
from drivers import registry
from drivers.clock import NS_PER_S, Clock
from drivers.registry import Bench
from drivers.replay import WithReplays
from drivers.transport import TransportOpener

SIMULATED_FILE = "simulated.toml"
"""Seed, animal, sensors and scenario, every number of them, beside the recording of whatever was simulated."""
NO_PRESETS: Mapping[str, Any] = MappingProxyType({})
OVERTIME_S = 3600.0
"""A rehearsal that takes so much longer than its plan is ended: the plan hangs."""

_Setup = TypeVar("_Setup", PumpSetup, PotentiostatSetup)

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class RehearsalResult:
    """What came out of it. ``outcome`` is "finished", or says what ended it."""

    session_dir: Path
    outcome: str
    alarms: tuple[AlarmView, ...]
    """Those that were on or not acknowledged at the end: nobody acknowledges in a rehearsal, so all that mattered."""
    truth: Mapping[str, Any]
    """What really happened in the simulated world."""
    confirmed_ul: Mapping[str, float]
    """Per pump, by the engine's ledger."""
    uncertain_ul: Mapping[str, float]
    duration_s: float
    infusions: tuple[PastInfusion, ...] = ()
    """Every infusion of the ledger, into waste too."""
    began_ns: int = 0
    """The clock when the simulated world began: zero of the truth's seconds."""


def describe_world(plan: Plan, presets: Mapping[str, Any] = NO_PRESETS) -> dict[str, Any]:
    """Return the plan's world as the bench takes it (``world`` in ``sim_devices``), with the presets chosen for it.

    What is replayed is not in it: a recording acts on nothing.
    """
    return {
        **presets,
        "subject": {"species": plan.subject.species}
        | ({"weight_g": plan.subject.weight_g} if plan.subject.weight_g > 0 else {}),  # a beaker has none
        "pumps": {pump.name: _pump(pump, filling(plan, pump)) for pump in plan.pumps if not is_replayed(pump.url)},
        "potentiostats": {s.name: _potentiostat(s) for s in plan.potentiostats if not is_replayed(s.url)},
    }


def simulated_opener(
    plan: Plan, clock: Clock, seed: int, faults: Sequence[str], presets: Mapping[str, Any] = NO_PRESETS
) -> tuple[TransportOpener, Bench]:
    """Return what opens every line of a simulated plan, and the bench in it; recordings are played beside the bench.

    ``presets``: animal, sensor and scenario, each by name or by its values (``acquisition.experiment.presets``).
    Raises ValueError for a bad fault or an impossible world.
    """
    bench = registry.bench()(clock, describe_world(plan, presets), seed, faults)
    return WithReplays(bench, clock), bench


def _pump(pump: PumpSetup, content: Solution) -> dict[str, Any]:
    """Describe a pump with what is in its syringe: the simulated animal feels that, nobody reads it."""
    described: dict[str, Any] = {
        "url": pump.url,
        "simulator": registry.twin(pump.driver),
        "address": pump.address,
        "true_diameter_mm": pump.diameter_mm,
        "syringe_volume_ul": pump.syringe_volume_ul,
        "loaded_ul": pump.loaded_ul,
        "dead_volume_ul": pump.line_dead_volume_ul,
        "primed": pump.primed,
        "drug": content.drug,
        "route": pump.route,
    }
    if not is_simulated(pump.url):  # the twin of a real pump is of its model; a simulated one is what its url says
        described["model"] = pump.expected_model
    if content.concentration_mg_per_ml is not None:
        described["concentration_mg_per_ml"] = content.concentration_mg_per_ml
    return described


def _potentiostat(setup: PotentiostatSetup) -> dict[str, Any]:
    channels = []
    for channel in setup.channels:
        described: dict[str, Any] = {"name": channel.name, "electrode": channel.electrode, "role": channel.role}
        if channel.sensitivity_a_per_um is not None:
            described["sensitivity_a_per_um"] = channel.sensitivity_a_per_um
        gain = next((c.sentinel_gain for c in setup.channels if c.sentinel == channel.name and c.sentinel_gain), None)
        if gain is not None:  # as calibrated, so that the difference is a difference
            described["gain"] = 1.0 / gain
        channels.append(described)
    model = setup.expected_model
    return {"url": setup.url, "simulator": registry.twin(setup.driver), "model": model, "channels": channels}


def on_twins(plan: Plan) -> Plan:
    """Return the plan for simulated twins in the place of all its instruments."""
    return replace(
        plan,
        simulated=True,
        pumps=tuple(_of_any_number(pump) for pump in plan.pumps),
        potentiostats=tuple(_of_any_number(potentiostat) for potentiostat in plan.potentiostats),
        warnings=tuple(dict.fromkeys((*plan.warnings, *vehicle_warnings(plan)))),
    )


def _of_any_number(setup: _Setup) -> _Setup:
    """Return the setup without its serial number where the port is real: the twin in its place has one of its own."""
    return setup if is_simulated(setup.url) else replace(setup, expected_serial_number="")


@contextmanager
def _rubbish_collected_seldom() -> Iterator[None]:
    """Look for rubbish that holds itself a hundred times less often: a rehearsal makes next to none, and millions of
    objects that are gone as soon as they were used.
    """
    before = gc.get_threshold()
    gc.set_threshold(before[0] * 100, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def rehearse(
    plan: Plan,
    limits: Limits,
    *,
    out_dir: Path,
    files: Mapping[str, bytes],
    software: str,
    seed: int = 1,
    faults: Sequence[str] = (),
    presets: Mapping[str, Any] = NO_PRESETS,
    progress: Progress | None = None,
    operator_delay_s: float = 5.0,
    record_after_s: float = 0.0,
) -> RehearsalResult:
    """Run the whole plan in virtual time and return what came of it. Same seed and faults, same samples and events.

    An operator step is answered after ``operator_delay_s``. All that is simulated is kept beside the recording
    (``SIMULATED_FILE``). An interrupted one leaves nothing. Raises ValueError for a bad fault or an impossible world,
    RecordingFailed.
    """
    plan = on_twins(plan)
    clock = LockstepClock()
    began_ns = clock.now_ns()
    opener, bench = simulated_opener(plan, clock, seed, faults, presets)
    session = build_session(
        plan,
        limits,
        opener=opener,
        clock=clock,
        out_dir=out_dir,
        recorder=InlineRecorder.create,
        files={**files, SIMULATED_FILE: bench.described().encode()},
        software=software,
        seed=seed,
        pace=REHEARSAL_PACE,
        hears_marks=bench.mark,
    )
    conductor = session.conductor
    person = AutoOperator(conductor, continue_after_s=operator_delay_s, record_after_s=record_after_s)
    host = LockstepHost(clock, (conductor, *session.lanes, person), lambda: conductor.over)
    expected_s = max(plan.duration_s + plan.patience_s + record_after_s, 1.0)
    tell = None
    if progress is not None:
        say = progress

        def tell(now_ns: int) -> None:
            say(min(1.0, now_ns / NS_PER_S / expected_s), conductor.phase_text)

    try:
        with _rubbish_collected_seldom():
            host.run(round((expected_s + OVERTIME_S) * NS_PER_S), tell)
    except KeyboardInterrupt:
        session.close()
        shutil.rmtree(session.session_dir, ignore_errors=True)  # half a rehearsal says nothing
        raise
    except BaseException:
        session.close()
        raise
    session.close()
    now_ns = clock.now_ns()
    if progress is not None:
        progress(1.0, "Done")
    return RehearsalResult(
        session_dir=session.session_dir,
        outcome="finished" if conductor.outcome == "finished" else person.gave_up or conductor.outcome or "did not end",
        alarms=conductor.desk.alarms.views(),
        truth=told_truth(plan, bench.truth()),
        confirmed_ul={name: pump.ledger.confirmed_ul for name, pump in conductor.pumps.items()},
        uncertain_ul={name: pump.ledger.uncertain_ul(now_ns) for name, pump in conductor.pumps.items()},
        duration_s=now_ns / NS_PER_S,
        infusions=tuple(i for pump in conductor.pumps.values() for i in pump.ledger.past_infusions(now_ns)),
        began_ns=began_ns,
    )
