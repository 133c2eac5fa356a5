"""Arms of a cohort: what the animals of each show together, and against the control of the same group.

Knows which animals belong together: the animal is the unit, not the response (science.md 4.6). How groups are compared
is known to ``analysis.study.compare``. Does not know which treatment is which, or what should come out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.cohort.animal import AnimalReading
from analysis.study.compare import Contrast, GroupEffect, contrasts, group_effect


@dataclass(frozen=True)
class ArmSummary:
    """One arm in one stretch of time."""

    group: str
    treatment: str
    stretch: str
    log_ratios: tuple[float, ...]
    """Of the animals that have one."""
    left_out: int
    """Animals without one; why stands in the table of animals."""
    effect: GroupEffect
    against_control: Contrast | None
    """None for the control itself, and where either has fewer than two animals."""


def summarise(animals: Sequence[AnimalReading], control: str) -> tuple[ArmSummary, ...]:
    """Return every arm in every stretch, in the order in which they first occur."""
    groups = dict.fromkeys(animal.group for animal in animals)
    stretches = dict.fromkeys(label for animal in animals for label in animal.reading.effects)
    return tuple(arm for stretch in stretches for group in groups for arm in _group(animals, control, group, stretch))


def _group(animals: Sequence[AnimalReading], control: str, group: str, stretch: str) -> list[ArmSummary]:
    own = [animal for animal in animals if animal.group == group]
    found: dict[str, list[float]] = {}
    left_out: dict[str, int] = {}
    for animal in own:
        effect = animal.reading.effects.get(stretch)
        values = found.setdefault(animal.treatment, [])
        left_out.setdefault(animal.treatment, 0)
        if effect is not None and np.isfinite(effect.log_ratio):
            values.append(effect.log_ratio)
        else:
            left_out[animal.treatment] += 1
    enough = {treatment: values for treatment, values in found.items() if len(values) > 1}
    against = {one.group: one for one in contrasts(enough, control)} if control in enough else {}
    return [
        ArmSummary(
            group=group,
            treatment=treatment,
            stretch=stretch,
            log_ratios=tuple(values),
            left_out=left_out[treatment],
            effect=group_effect(treatment, values),
            against_control=against.get(treatment),
        )
        for treatment, values in found.items()
    ]
