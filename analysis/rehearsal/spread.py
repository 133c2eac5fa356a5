"""Several rehearsals with different seeds, as one table: other animals, other noise, other chances.

Knows what of a report is kept for the spread, so that a report can be dropped before the next one is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.rehearsal.facts import LevelFact, RehearsalReport, RunFact, Spread, SpreadRow
from analysis.rehearsal.words import named

GLUTAMATE, RELEASE = "tonic glutamate", "neuronal release"


def run_fact(report: RehearsalReport) -> RunFact:
    """Return what the spread keeps of one report."""
    levels = {level.name: level for level in report.levels}
    return RunFact(
        seed=report.seed,
        go=report.go,
        outcome=report.outcome,
        reasons=report.reasons,
        true_mg_per_kg={named(dose): dose.true_mg_per_kg for dose in report.doses if dose.true_mg_per_kg is not None},
        glutamate_change_percent=_change_percent(levels.get(GLUTAMATE)),
        lowest_release=levels[RELEASE].lowest if RELEASE in levels else None,
        alarms=tuple(alarm.alarm_id for alarm in report.alarms),
        missing_samples=sum(channel.missing for channel in report.channels),
    )


def _change_percent(level: LevelFact | None) -> float | None:
    if level is None or level.before <= 0:
        return None
    farthest = max((level.lowest, level.highest), key=lambda value: abs(value - level.before))
    return 100.0 * (farthest / level.before - 1.0)


def spread_of(runs: Sequence[RunFact]) -> Spread:
    """Return the spread over all runs."""
    rows = [
        _row(f"{drug}: truly at the animal", "mg/kg", [run.true_mg_per_kg.get(drug) for run in runs])
        for drug in dict.fromkeys(drug for run in runs for drug in run.true_mg_per_kg)
    ]
    rows.append(_row("tonic glutamate, farthest change", "%", [run.glutamate_change_percent for run in runs]))
    rows.append(_row("neuronal release, lowest", "of normal", [run.lowest_release for run in runs]))
    rows.append(_row("alarms", "", [float(len(run.alarms)) for run in runs]))
    rows.append(_row("samples missing", "", [float(run.missing_samples) for run in runs]))
    sounded = Counter(alarm for run in runs for alarm in set(run.alarms))
    return Spread(tuple(runs), tuple(row for row in rows if row), dict(sounded.most_common()))


def _row(what: str, unit: str, values: Sequence[float | None]) -> SpreadRow | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return SpreadRow(what, unit, min(known), float(np.median(known)), max(known))


def with_spread(report: RehearsalReport, spread: Spread) -> RehearsalReport:
    """Return the report of the first seed with the spread over all: one seed that says no go is a reason."""
    others = [run for run in spread.runs if not run.go and run.seed != report.seed]
    if not others:
        return replace(report, spread=spread)
    seeds = ", ".join(str(run.seed) for run in others[:10]) + (", ..." if len(others) > 10 else "")
    count = len(spread.runs) - spread.go
    reason = f"{count} of {len(spread.runs)} seeds said NO GO (beside this one: {seeds}); seed {others[0].seed}: "
    reason = reason if not report.go else reason.replace("beside this one: ", "")
    return replace(report, go=False, reasons=(*report.reasons, reason + others[0].reasons[0]), spread=spread)
