"""The pre-flight: everything a start is held against, as one list that a person sees whole.

Pure. Each line says whether it is in order, must be mended, may be accepted by name, or can only be ticked by somebody
who looked. The gatekeeper refuses a start with the same list. Lines about one pump are in ``preflight_pump``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from math import isnan, nan

from acquisition.engine import gate_rules
from acquisition.engine.gate_facts import Cause, Snapshot
from acquisition.engine.preflight_pump import pump_items
from acquisition.experiment.limits import Limits
from acquisition.experiment.weighing import NO_ANIMAL, weighing_fault
from acquisition.messages import PreflightItem, preflight_item
from acquisition.plan import Plan, PotentiostatSetup, SteadyRule

CHECKLIST = (
    (
        "height",
        "Pump and syringe stand at the height of the animal.",
        "A pump above the animal can siphon its syringe empty into it; below, it draws blood back.",
        "Measure it, move the pump if need be, then tick.",
    ),
    (
        "anti-siphon",
        "The line has an anti-siphon valve, or its end is at the height of the pump.",
        "An open line runs by its own weight, whatever the pump does.",
        "Look at the line, then tick.",
    ),
    (
        "clamp",
        "A clamp is within reach, and was closed while the syringe was put in.",
        "A syringe that is pressed into its holder pushes liquid out; a clamp is also what stops a pump that will not.",
        "Look for the clamp, then tick.",
    ),
)
"""R31: only a person can know."""


def items(snapshot: Snapshot, plan: Plan, limits: Limits) -> tuple[PreflightItem, ...]:
    """Return every line, with the names of those who accepted or ticked it as it reads now."""
    found = [*_session(snapshot, plan, limits), *_people(snapshot, plan, limits)]
    for setup in plan.pumps:
        found += pump_items(snapshot, plan, setup)
    if plan.subject.species != NO_ANIMAL:  # in a beaker nobody's concentration is believed yet
        found += [item for setup in plan.potentiostats for item in _calibration(setup, snapshot.preflight.today)]
    found += [_steady(rule, snapshot.preflight.slopes_a_per_min.get(rule, nan)) for rule in plan.must_be_steady]
    if plan.animal_pumps:
        found += [preflight_item(name, "tick", *texts) for name, *texts in CHECKLIST]
    return tuple(_signed(item, snapshot) for item in found)


def _signed(item: PreflightItem, snapshot: Snapshot) -> PreflightItem:
    word = snapshot.preflight.words.get(item.item_id)
    if word is None or item.level not in ("warning", "tick") or word.what != item.what:
        return item
    return preflight_item(item.item_id, item.level, item.what, item.so_what, item.do_what, by=word.by)


def _judged(item_id: str, causes: Iterable[Cause], fine: str, so_what: str) -> Iterator[PreflightItem]:
    """Yield one refused line per cause, or one that says it is fine."""
    causes = list(causes)
    for cause in causes:
        yield preflight_item(item_id, "refused", cause.reason, so_what, cause.remedy)
    if not causes:
        yield preflight_item(item_id, "ok", fine)


def _session(snapshot: Snapshot, plan: Plan, limits: Limits) -> Iterator[PreflightItem]:
    unknown = "What would be infused is not what was checked."
    yield from _judged(
        "plan", gate_rules.plan_intact(snapshot, plan, limits), "Plan and limits are as accepted.", unknown
    )
    wrong_phase = f"The session is {snapshot.phase}, not ready."
    causes = [] if snapshot.phase == "ready" else [Cause(wrong_phase, "A plan starts once, from the ready state.")]
    yield from _judged("session", causes, "Every instrument is connected.", "")
    unsound = "Nobody knows what happened meanwhile."
    yield from _judged(
        "clock", [*gate_rules.clock(snapshot), *gate_rules.wall_clock(snapshot)], "The clock is sound.", unsound
    )
    nothing = "What the animal gets and does would not be kept."
    yield from _judged("recording", gate_rules.recording(snapshot), "The recording writes to the disk.", nothing)
    yield from _judged("disk", gate_rules.disk(snapshot), "The disk has room for twice this session.", nothing)
    alarms = {a.alarm_id + a.instrument: a for s in plan.pumps for a in gate_rules.alarms_against(snapshot, plan, s)}
    for alarm in alarms.values():
        cause = gate_rules.alarm_cause(alarm)
        where = f":{alarm.instrument}" if alarm.instrument else ""
        yield preflight_item(f"alarm{where}:{alarm.alarm_id}", "refused", cause.reason, alarm.so_what, cause.remedy)
    if not alarms:
        yield preflight_item("alarms", "ok", "No high alarm is on or waits for somebody to acknowledge it.")


def _people(snapshot: Snapshot, plan: Plan, limits: Limits) -> Iterator[PreflightItem]:
    """Say who stands for the limits, whether the weight is of today, and what only a person can judge."""
    background = snapshot.preflight.background
    if plan.simulated:
        yield preflight_item(
            "limits", "ok", f'SIMULATED: limits "{limits.name}"; a real run wants somebody to stand for them.'
        )
    elif plan.animal_pumps:
        who = background.limits_approved_by
        nobody = Cause(
            f'Nobody stands for the limits "{limits.name}".',
            'End this session, read the limits file, then: amperfuse approve --rig RIG --by "NAME".',
        )
        harm = "What counts as too much for this animal is nobody's word."
        yield from _judged("limits", [] if who else [nobody], f'{who} stands for the limits "{limits.name}".', harm)
        fault = weighing_fault(plan, limits, snapshot.preflight.today)
        old = [Cause(f"The animal was weighed {fault}.", "End this session; weigh it and correct the protocol.")]
        wrong = "Every dose per weight would be wrong by as much as the animal has changed."
        yield from _judged("weight", old if fault else [], f"Weighed {plan.subject.weighed_on}.", wrong)
    for doubt in background.doubts:
        yield preflight_item(doubt.item_id, "warning", doubt.what, doubt.so_what, doubt.do_what)


def _steady(rule: SteadyRule, slope_a_per_min: float) -> PreflightItem:
    """Judge one baseline that the protocol wants steady. What it reads as does not change while it drifts."""
    item_id, wanted = f"steady:{rule.channel}", f"{_pa(rule.slope_a_per_min)} over {rule.over_s / 60:g} min"
    harm = "A response on a drifting baseline is measured wrong, and a drift reads like a slow effect."
    if isnan(slope_a_per_min):
        minutes = f"{rule.over_s / 60:g} min"
        what = f"Whether {rule.channel} is steady is not known: less than {minutes} are recorded, or it has gaps."
        do = f"Wait; it is asked to drift by at most {wanted}. Or accept by name."
        return preflight_item(item_id, "warning", what, harm, do)
    if abs(slope_a_per_min) <= rule.slope_a_per_min:
        return preflight_item(item_id, "ok", f"{rule.channel} is steady: {_pa(slope_a_per_min)}.")
    what = f"{rule.channel} drifts faster than {wanted}."
    do = f"It drifts by {_pa(slope_a_per_min)}. Wait until it has settled. Or accept by name."
    return preflight_item(item_id, "warning", what, harm, do)


def _pa(slope_a_per_min: float) -> str:
    return f"{slope_a_per_min * 1e12:.3g} pA/min"


def _calibration(setup: PotentiostatSetup, today: date) -> Iterator[PreflightItem]:
    """Judge the calibrations of a potentiostat's glutamate electrodes."""
    said = [
        f"{c.name}: {words}" for c in setup.channels if c.role == "glutamate" and (words := c.calibration_fault(today))
    ]
    item_id = f"calibration:{setup.name}"
    if not said:
        yield preflight_item(
            item_id, "ok", f"The electrodes of {setup.name} have calibrations of a known and recent day."
        )
        return
    yield preflight_item(
        item_id,
        "warning",
        f"Calibration of {setup.name}: {'; '.join(said)}.",
        "Currents are kept in any case. Concentrations would be missing, or wrong by what the sensor has changed.",
        'Calibrate: the rig names the probe, or sensitivity and calibrated = "YEAR-MONTH-DAY". Or accept by name.',
    )
