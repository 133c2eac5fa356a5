"""What injected faults did: two rehearsals of one seed, with and without them, laid beside each other.

Knows which facts are worth comparing. Two equal rehearsals give no change at all: there is no chance in between.
"""

from __future__ import annotations

from collections.abc import Iterator

from analysis.rehearsal.facts import Change, Difference, RehearsalReport
from analysis.rehearsal.words import NOTHING, clock, named, number

BEGAN_LATER_S = 1.0
"""A step that began so much later or sooner is told."""


def difference(with_faults: RehearsalReport, without: RehearsalReport) -> Difference:
    """Return what differs; both have the same steps, pumps and channels."""
    changes = [
        change
        for part in (_course_of_plan, _given, _recorded, _levels)
        for change in part(without, with_faults)
        if change.without != change.with_faults
    ]
    then, now = ({alarm.alarm_id for alarm in report.alarms} for report in (without, with_faults))
    return Difference(
        go_without=without.go,
        outcome_without=without.outcome,
        changes=tuple(changes),
        alarms_added=tuple(alarm.alarm_id for alarm in with_faults.alarms if alarm.alarm_id not in then),
        alarms_gone=tuple(alarm.alarm_id for alarm in without.alarms if alarm.alarm_id not in now),
    )


def _course_of_plan(one: RehearsalReport, other: RehearsalReport) -> Iterator[Change]:
    yield Change("verdict", "GO" if one.go else "NO GO", "GO" if other.go else "NO GO")
    yield Change("how it ended", one.outcome, other.outcome)
    yield Change("length of the plan", _clock(one.ran_s), _clock(other.ran_s))
    for before, after in zip(one.steps, other.steps, strict=True):
        title = f"step {before.number}, {before.label}"
        yield Change(title, before.state, after.state)
        began = before.started_s, after.started_s
        if began[0] is not None and began[1] is not None and abs(began[0] - began[1]) > BEGAN_LATER_S:
            yield Change(f"{title}, began", clock(began[0]), clock(began[1]))


def _given(one: RehearsalReport, other: RehearsalReport) -> Iterator[Change]:
    for before, after in zip(one.doses, other.doses, strict=True):
        reached = number(before.true_mg_per_kg), number(after.true_mg_per_kg)
        yield Change(f"{named(before)}: truly at the animal, mg/kg", *reached)
        maybe = number(before.uncertain_mg_per_kg), number(after.uncertain_mg_per_kg)
        yield Change(f"{named(before)}: maybe more, mg/kg", *maybe)
    for pump, again in zip(one.pumps, other.pumps, strict=True):
        for title, was, became in (
            ("truly out", pump.true_delivered_ul, again.true_delivered_ul),
            ("confirmed", pump.confirmed_ul, again.confirmed_ul),
            ("maybe more", pump.uncertain_ul, again.uncertain_ul),
        ):
            yield Change(f"{pump.pump}: {title}, µL", number(was), number(became))


def _recorded(one: RehearsalReport, other: RehearsalReport) -> Iterator[Change]:
    for before, after in zip(one.channels, other.channels, strict=True):
        yield Change(f"{before.channel}: samples missing", str(before.missing), str(after.missing))
        yield Change(f"{before.channel}: samples flagged", str(before.flagged), str(after.flagged))


def _levels(one: RehearsalReport, other: RehearsalReport) -> Iterator[Change]:
    """Compare the extremes; a drug that only one of both had is in its dose already."""
    others = {level.name: level for level in other.levels}
    for before in one.levels:
        after = others.get(before.name)
        if after is not None:
            for title, was, became in (
                ("lowest", before.lowest, after.lowest),
                ("highest", before.highest, after.highest),
            ):
                yield Change(f"{before.name}: {title}, {before.unit}", number(was), number(became))


def _clock(seconds: float | None) -> str:
    return NOTHING if seconds is None else clock(seconds)
