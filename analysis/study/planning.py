"""How many animals a study needs: the power of its own comparison, with the numbers of its study file.

Knows the study's design and how power is told. The simulation is ``analysis.study.power``'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from analysis.study.power import Assumptions, contrast_power
from analysis.study.study_file import PowerTable, Study

ALPHA = 0.05
MOST = 60
"""Animals a group beyond which nobody looks."""
STEP_STUDIES = 2000
"""Studies simulated for each number of animals: a power of 0.8 is then told to within 0.02 (two standard errors)."""


def power_lines(study: Study, ratio: float | None = None) -> Iterator[str]:
    """Yield what a person reads; ``ratio`` in place of the study file's. Raises ValueError without either."""
    table = _table(study, ratio)
    assumed = assumptions(table)
    comparisons = len(study.groups) - 1
    alpha = ALPHA / comparisons
    planned = study.file.design.animals_per_group
    reached = contrast_power(planned, table.ratio, assumed, alpha=alpha, studies=STEP_STUDIES)
    needed = animals_needed(table, comparisons)
    yield (
        f"To tell a ratio of {table.ratio:g} to {study.control} by Welch's t test at {ALPHA:g}"
        + (f" over {comparisons} comparisons (Bonferroni, no less than Holm's)" if comparisons > 1 else "")
        + ":"
    )
    yield f"  {planned} animals a group, as planned: power {reached:.2f}"
    yield (
        f"  {needed} animals a group are the fewest for {table.wanted:g}"
        if needed is not None
        else f"  not even {MOST} animals a group reach {table.wanted:g}"
    )
    yield (
        f"  assumed: {assumed.responses_before} responses before, {assumed.responses_after} after, each with a spread "
        f"of {assumed.within_cv:g} of its mean; effect between animals {assumed.effect_sd:g} (log SD); noise "
        f"{assumed.noise_um:g} of {assumed.amplitude_um:g} µM"
    )
    yield "  Numbers of a pilot are better than these; animals that will be excluded come on top."


def animals_needed(table: PowerTable, comparisons: int) -> int | None:
    """Return the fewest animals a group with the wanted power; None when ``MOST`` are not enough.

    Power grows with animals, so the number is found by doubling, then by halving.
    """
    assumed, alpha = assumptions(table), ALPHA / comparisons

    def enough(mice: int) -> bool:
        return contrast_power(mice, table.ratio, assumed, alpha=alpha, studies=STEP_STUDIES) >= table.wanted

    low, high = 2, 4
    while not enough(high):
        if high == MOST:
            return None
        low, high = high + 1, min(2 * high, MOST)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def assumptions(table: PowerTable) -> Assumptions:
    """Return what a mouse and a sensor are like."""
    return Assumptions(**{key: getattr(table, key) for key in Assumptions.__dataclass_fields__})


def _table(study: Study, ratio: float | None) -> PowerTable:
    table = study.file.power or PowerTable(ratio=ratio or 0.0)
    return table.model_copy(update={"ratio": ratio}) if ratio is not None else table
