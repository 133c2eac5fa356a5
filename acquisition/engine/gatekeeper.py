"""The gatekeeper: may this happen now? One pure function between every intent and every command.

Knows the conditions under which a pump may be programmed and started: the plan unchanged, the pump known, still and
confirmed, the recording alive, the limits kept with the worst case counted. STOP is always allowed. Looks at a
snapshot of facts that the conductor fills in; asks nobody, changes nothing, knows no clock and no bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from acquisition.books.seals import SealUnopened
from acquisition.engine import gate_rules, preflight
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
        items = preflight.items(snapshot, plan, limits)
        causes = tuple(Cause(item.what, item.do_what) for item in items if item.blocks)
        return Refusal(causes) if causes else Permit(intent)
    step = next((s for s in plan.steps if s.number == intent.step), None)
    if not isinstance(step, InfuseStep):
        return Refusal((Cause(f"Step {intent.step} of the plan is not an infusion.", "Report this as a bug."),))
    setup = plan.pump(step.pump)
    program = PumpProgram(setup.diameter_mm, step.rate_ul_per_min, step.volume_ul)
    causes = (
        *gate_rules.plan_intact(snapshot, plan, limits),
        *gate_rules.clock(snapshot),
        *_turn_of_step(intent, snapshot, step),
        *gate_rules.pump_ready(snapshot, setup),
        *map(gate_rules.alarm_cause, gate_rules.alarms_against(snapshot, plan, setup)),
        *_within_limits(snapshot, plan, limits, step, setup),
    )
    if setup.role != "anaesthetic_maintenance":  # neither a recorder fault nor an empty room may wake the animal
        causes += (*gate_rules.recording(snapshot), *gate_rules.disk(snapshot), *gate_rules.attended(snapshot))
    if isinstance(intent, StartInfusion):
        causes += (*gate_rules.pump_tested(snapshot, setup), *_armed(snapshot, setup, program))
    return Refusal(causes) if causes else Permit(intent, program)


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
    reached = (past for past in snapshot.past if not past.into_waste)
    exposures = [*before, *(_exposure(past, snapshot, plan) for past in reached), next_one]
    try:
        found = excesses(limits, plan.subject.weight_g, exposures, hard=True)
    except SealUnopened as error:
        yield Cause(f"What the animal was given cannot be counted: {error}.", "Bring the key of the study back.")
        return
    for excess in found:
        if excess.sealed:
            yield Cause(
                f"With step {step.number} the animal could get {excess.found_text} (uncertain volume is counted as "
                "given). No more is told while it is blinded.",
                "A hard limit cannot be overridden: ask whoever allocated the syringe.",
            )
            continue
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
