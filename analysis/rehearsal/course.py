"""The predicted levels of the simulated animal over time, read from the bench's truth.

Knows the columns of the truth's course and how they come onto the plan's clock. Predicts nothing itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.rehearsal.facts import LevelFact, LevelsAt

BEFORE_S = 600.0
"""The level before the drug is a mean over at most so long."""
LEVELS = (
    ("plasma_mg_per_l", "ketamine in plasma", "mg/L"),
    ("brain_mg_per_kg", "ketamine in brain", "mg/kg"),
    ("norketamine_plasma_mg_per_l", "norketamine in plasma", "mg/L"),
    ("hnk_plasma_mg_per_l", "hydroxynorketamine in plasma", "mg/L"),
    ("hnk_brain_mg_per_kg", "hydroxynorketamine in brain", "mg/kg"),
    ("tonic_glutamate_um", "tonic glutamate", "µM"),
    ("release", "neuronal release", "of normal"),
)
ALWAYS = ("tonic_glutamate_um", "release")
"""Told also where they never change; a drug that was never there is left out."""


@dataclass(frozen=True)
class Course:
    """Levels at ``t_s`` on the plan's clock, shape (n,) each; n is 0 where no animal was simulated."""

    t_s: NDArray[np.float64]
    columns: Mapping[str, NDArray[np.float64]]

    def at(self, t_s: float | None) -> LevelsAt | None:
        """Return the levels at a time, of the sample before it; None where there is none."""
        place = -1 if t_s is None else int(np.searchsorted(self.t_s, t_s + 1e-9)) - 1
        if place < 0:
            return None
        row = {name: float(column[place]) for name, column in self.columns.items()}
        return LevelsAt(row["plasma_mg_per_l"], row["brain_mg_per_kg"], row["tonic_glutamate_um"], row["release"])


def course_of(truth: Mapping[str, Any], plan_began_s: float) -> Course:
    """Return the course on the plan's clock; ``plan_began_s``: seconds since the world began."""
    given = {} if "beaker" in truth else dict(truth.get("course", {}))
    t_s = np.asarray(given.pop("t_s", []), np.float64) - plan_began_s
    return Course(t_s, {name: np.asarray(column, np.float64) for name, column in given.items()})


def level_facts(course: Course, first_infusion_s: float) -> tuple[LevelFact, ...]:
    """Return what became of each level from the first infusion on (``math.inf``: there was none)."""
    if not len(course.t_s):
        return ()
    found = []
    for name, title, unit in LEVELS:
        column = course.columns[name]
        if name in ALWAYS or column.max() > 0:
            found.append(_level(title, unit, course.t_s, column, first_infusion_s))
    return tuple(found)


def _level(title: str, unit: str, t_s: NDArray[np.float64], column: NDArray[np.float64], first_s: float) -> LevelFact:
    before = (t_s <= first_s) & (t_s > (first_s if math.isfinite(first_s) else t_s[-1]) - BEFORE_S)
    after = np.flatnonzero(t_s >= first_s) if t_s[-1] >= first_s else np.arange(len(t_s))
    low, high = after[int(np.argmin(column[after]))], after[int(np.argmax(column[after]))]
    return LevelFact(
        name=title,
        unit=unit,
        before=float(column[before].mean() if before.any() else column[0]),
        lowest=float(column[low]),
        lowest_at_s=float(t_s[low]),
        highest=float(column[high]),
        highest_at_s=float(t_s[high]),
        end=float(column[-1]),
    )
