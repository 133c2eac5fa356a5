"""The gatekeeper: may this happen now? One pure function between every intent and every command.

Knows the conditions under which a pump may be programmed and started: the plan unchanged, the pump known, still and
confirmed, the recording alive, the limits kept with the worst case counted. STOP is always allowed. Looks at a
snapshot of facts that the conductor fills in; asks nobody, changes nothing, knows no clock and no bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from acquisition.engine.gate_facts import (
    Cause,
    FinishSession,
    Intent,
    PastInfusion,
    Permit,
    ProgramInfusion,
    PumpSnapshot,
    Refusal,
    Snapshot,
    StartInfusion,
    StartPlan,
    StopAll,
)
from acquisition.experiment.exposure import TOLERANCE, Exposure, earlier, excesses
from acquisition.experiment.limits import Limits
from acquisition.plan import InfuseStep, Plan, PumpSetup
from drivers.capabilities import PumpProgram

__all__ = [
    "Cause",
    "FinishSession",
    "Intent",
    "PastInfusion",
    "Permit",
    "ProgramInfusion",
    "PumpSnapshot",
    "Refusal",
    "Snapshot",
    "StartInfusion",
    "StartPlan",
    "StopAll",
    "decide",
    "same_program",
]

FRESH_S = 3.0
"""A pump's last reply may be this old; after 3 s of silence its state is unknown (R35)."""
RECORDER_PROGRESS_S = 3.0
"""The recorder must have acknowledged a write within this time. [A]: two of its half-second syncs with margin."""
DISK_FACTOR = 2.0
"""Free space must be at least this many times the need of the rest of the session (R21)."""
READ_BACK_TOLERANCE = 1e-6
"""Relative: plan and read-back are both decoded from the device's own few digits and must be the same number (R20)."""


def decide(intent: Intent, snapshot: Snapshot, plan: Plan, limits: Limits) -> Permit | Refusal:
    """Permit ``intent`` or refuse it with every reason. Pure."""
    if isinstance(intent, StopAll):
        return Permit(intent)
    if isinstance(intent, FinishSession):
        causes = tuple(_still_moving(snapshot))
        return Refusal(causes) if causes else Permit(intent)
    if isinstance(intent, StartPlan):
        causes = (*_plan_intact(snapshot, plan, limits), *_ready_to_start(snapshot, plan))
        return Refusal(causes) if causes else Permit(intent)
    step = next((s for s in plan.steps if s.number == intent.step), None)
    if not isinstance(step, InfuseStep):
        return Refusal((Cause(f"Step {intent.step} of the plan is not an infusion.", "Report this as a bug."),))
    setup = plan.pump(step.pump)
    program = PumpProgram(setup.diameter_mm, step.rate_ul_per_min, step.volume_ul)
    causes = (
        *_plan_intact(snapshot, plan, limits),
        *_turn_of_step(intent, snapshot, step),
        *_pump_ready(snapshot, setup),
        *_alarms(snapshot, plan, setup),
        *_within_limits(snapshot, plan, limits, step, setup),
    )
    if setup.role != "anaesthetic_maintenance":  # neither a recorder fault nor an empty room may wake the animal
        causes += (*_recording(snapshot), *_attended(snapshot))
    if isinstance(intent, StartInfusion):
        causes += tuple(_armed(snapshot, setup, program))
    return Refusal(causes) if causes else Permit(intent, program)


def _plan_intact(snapshot: Snapshot, plan: Plan, limits: Limits) -> Iterator[Cause]:
    again = "Finish this session and load the protocol again."
    if plan.sha256 != snapshot.accepted_plan_sha256:
        yield Cause("The plan in memory is not the plan that was accepted.", again)
    if limits.sha256 != plan.limits_sha256:
        yield Cause("The limits in memory are not those the plan was checked against.", again)
    if plan.simulated != snapshot.simulated or any(pump.simulated != plan.simulated for pump in snapshot.pumps):
        yield Cause("Simulated and real instruments are mixed, or the plan was made for the other kind.", again)
    if not snapshot.clock_sound:
        yield Cause(
            "The computer's clock jumped or the computer slept.", "Look at the pumps, then acknowledge the clock alarm."
        )


def _ready_to_start(snapshot: Snapshot, plan: Plan) -> Iterator[Cause]:
    if snapshot.phase != "ready":
        yield Cause(f"The session is {snapshot.phase}, not ready.", "A plan starts once, from the ready state.")
    for setup in plan.pumps:
        yield from _pump_ready(snapshot, setup)
        yield from _alarms(snapshot, plan, setup)
    yield from _recording(snapshot)


def _turn_of_step(intent: Intent, snapshot: Snapshot, step: InfuseStep) -> Iterator[Cause]:
    early = isinstance(intent, ProgramInfusion) and snapshot.phase == "ready"
    if not early and snapshot.phase != "running":
        yield Cause(f"The plan is not running (the session is {snapshot.phase}).", "Start the plan.")
    if not early and snapshot.current_step != step.number:
        yield Cause(
            f"It is not the turn of step {step.number} (the schedule is at {snapshot.current_step}).",
            "Wait for its turn; a missed infusion is not caught up.",
        )
    if any(past.step == step.number for past in snapshot.past):
        yield Cause(
            f"Step {step.number} was started before; what it gave is in the ledger.",
            "An infusion is never repeated automatically: make a new plan for the remaining dose.",
        )


def _pump_ready(snapshot: Snapshot, setup: PumpSetup) -> Iterator[Cause]:
    pump = snapshot.pump(setup.name)
    if pump is None or pump.link != "online":
        yield Cause(f"Pump {setup.name} is not online.", f"Check power and cable of pump {setup.name}.")
        return
    if not pump.identity_matched:
        yield Cause(
            f"The instrument that answers as pump {setup.name} has not been identified as the one in the rig file.",
            "Check that the right pump is on this port.",
        )
    if pump.stop_confirmed is False:
        yield Cause(
            f"Pump {setup.name} is NOT CONFIRMED STOPPED.", "Go to the pump, press its stop key, clamp the line."
        )
    if not pump.motion.is_still or pump.infusing_step is not None:
        doing = f"busy with step {pump.infusing_step}" if pump.infusing_step is not None else pump.motion.value
        yield Cause(f"Pump {setup.name} is not known to stand still ({doing}).", f"Stop pump {setup.name}.")
    if pump.confirmed_ns is None or snapshot.now_ns - pump.confirmed_ns > FRESH_S * 1e9:
        yield Cause(
            f"Pump {setup.name} has not answered for {FRESH_S:g} s.", f"Check power and cable of pump {setup.name}."
        )
    if pump.alarm:
        yield Cause(f"Pump {setup.name} reports an alarm.", "Find its cause at the pump and acknowledge the alarm.")


def _alarms(snapshot: Snapshot, plan: Plan, setup: PumpSetup) -> Iterator[Cause]:
    others = {pump.name for pump in plan.pumps} - {setup.name}
    maintenance = setup.role == "anaesthetic_maintenance"
    for alarm in snapshot.alarms:
        # An experimental infusion that no electrode sees is a dose for nothing (S1); maintained anaesthesia goes on.
        ours = alarm.instrument == setup.name or (alarm.instrument not in others and not maintenance)
        if ours and alarm.priority == "high" and (alarm.active or not alarm.acknowledged):
            yield Cause(f"High alarm: {alarm.what}", f"{alarm.do_what} Then acknowledge the alarm.")


def _recording(snapshot: Snapshot) -> Iterator[Cause]:
    recorder = snapshot.recorder
    if recorder.failing:
        yield Cause(f"The recording does not write: {recorder.failing}", "Make room on the disk or mend it.")
    elif (
        snapshot.recorder_progressed_ns is None
        or snapshot.now_ns - snapshot.recorder_progressed_ns > RECORDER_PROGRESS_S * 1e9
    ):
        yield Cause(f"Nothing has been recorded for {RECORDER_PROGRESS_S:g} s.", "Check the disk of the session.")
    if recorder.queue_fill >= 0.5:
        yield Cause(
            f"The recorder is behind: its queue is {recorder.queue_fill:.0%} full.", "Wait until it has caught up."
        )
    if recorder.disk_free_bytes is None or recorder.disk_free_bytes < DISK_FACTOR * snapshot.disk_need_bytes:
        free = "unknown" if recorder.disk_free_bytes is None else f"{recorder.disk_free_bytes / 1e6:.0f} MB"
        need = f"{DISK_FACTOR * snapshot.disk_need_bytes / 1e6:.0f} MB"
        yield Cause(f"Free disk space is {free}; this session wants {need}.", "Make room on the disk.")


def _attended(snapshot: Snapshot) -> Iterator[Cause]:
    if not snapshot.attended:
        yield Cause(
            "Nobody watches: no window and no following terminal of a person was heard lately.",
            "Open the window ('amperfuse gui') and continue there.",
        )


def _within_limits(
    snapshot: Snapshot, plan: Plan, limits: Limits, step: InfuseStep, setup: PumpSetup
) -> Iterator[Cause]:
    given_ul = math.fsum(p.confirmed_ul + p.uncertain_ul for p in snapshot.past if p.pump == setup.name)
    usable_ul = setup.loaded_ul - (0.0 if setup.primed else setup.line_dead_volume_ul)
    if given_ul + step.volume_ul > usable_ul * (1.0 + TOLERANCE):
        yield Cause(
            f"Pump {setup.name} holds {max(usable_ul - given_ul, 0.0):.4g} uL at worst; step {step.number} needs "
            f"{step.volume_ul:.4g} uL.",
            "Refill and make a new plan.",
        )
    next_one = Exposure(step.number, setup, 0.0, step.duration_s, step.volume_ul, step.rate_ul_per_min)
    before = earlier(plan.history, snapshot.session_s)
    exposures = [*before, *(_exposure(past, snapshot, plan) for past in snapshot.past), next_one]
    for excess in excesses(limits, plan.subject.weight_g, exposures, hard=True):
        yield Cause(
            f"With step {step.number} the animal could get {excess.found_text}, above the hard limit "
            f"{excess.row.limit_id} of {excess.bound.text} (uncertain volume is counted as given).",
            "A hard limit cannot be overridden: make a new plan with less.",
        )


def _exposure(past: PastInfusion, snapshot: Snapshot, plan: Plan) -> Exposure:
    # Its rate was judged when it was permitted; here it only counts into the sums.
    start_s, end_s = (past.started_ns - snapshot.now_ns) / 1e9, (past.ended_ns - snapshot.now_ns) / 1e9
    return Exposure(past.step, plan.pump(past.pump), start_s, end_s, past.confirmed_ul + past.uncertain_ul, 0.0)


def _armed(snapshot: Snapshot, setup: PumpSetup, program: PumpProgram) -> Iterator[Cause]:
    pump = snapshot.pump(setup.name)
    if pump is None:
        return
    if pump.read_back is None:
        yield Cause(f"The settings of pump {setup.name} have not been read back.", "Program the step again.")
    elif not same_program(pump.read_back, program):
        yield Cause(
            f"Pump {setup.name} holds {pump.read_back.target_ul:.4g} uL at {pump.read_back.rate_ul_per_min:.4g} uL/min "
            f"for {pump.read_back.diameter_mm:.4g} mm; the plan says {program.target_ul:.4g} uL at "
            f"{program.rate_ul_per_min:.4g} uL/min for {program.diameter_mm:.4g} mm.",
            "Do not use this pump until the difference is understood.",
        )
    if setup.watchdog_s > 0 and pump.watchdog_armed is False:
        yield Cause(f"The watchdog of pump {setup.name} is not armed.", "Connect the pump again.")


def same_program(read_back: PumpProgram, wanted: PumpProgram) -> bool:
    """Tell whether a read-back is the programme that was wanted (R20)."""
    pairs = (
        (read_back.diameter_mm, wanted.diameter_mm),
        (read_back.rate_ul_per_min, wanted.rate_ul_per_min),
        (read_back.target_ul, wanted.target_ul),
    )
    return all(math.isclose(got, want, rel_tol=READ_BACK_TOLERANCE) for got, want in pairs)


def _still_moving(snapshot: Snapshot) -> Iterator[Cause]:
    for pump in snapshot.pumps:
        if pump.link != "online":
            continue  # a pump that is gone for good must not keep the files open for ever; its own alarm stays
        moving = pump.infusing_step is not None or not pump.motion.is_still
        if moving or pump.stop_confirmed is False:
            yield Cause(f"Pump {pump.name} is not confirmed to stand still.", "Stop all pumps first.")
