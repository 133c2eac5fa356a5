"""What a drug did in one animal: responses after it arrived against the animal's own before, and the tonic level.

Knows windows relative to the arrival at the animal, ratios and their bootstrap intervals. Does not know which drug it
was or in which direction it should act: a rise and a fall are computed alike (science.md 4.5). The primary outcome is
the evoked amplitude; the tonic level is supporting at best [D-sim].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, nan

import numpy as np
from numpy.typing import NDArray

from analysis.review import Infusion
from analysis.studentized import difference_interval, ratio_interval

Array = NDArray[np.float64]

LEVEL = 0.95
FEWEST = 4
"""Responses in a window below which there is no interval: resamples of three are too often all one value."""


@dataclass(frozen=True)
class EffectWindows:
    """Stretches (first, last), s after the drug arrived. Within 30 min is the finding [S]; from 10 on a choice [A]."""

    before_s: tuple[float, float] = (-1800.0, 0.0)
    after_s: tuple[float, float] = (600.0, 1800.0)

    def __post_init__(self) -> None:
        """Refuse windows that overlap. Raises ValueError."""
        if not self.before_s[0] < self.before_s[1] <= self.after_s[0] < self.after_s[1]:
            raise ValueError(f"the window before {self.before_s} must end before the one after {self.after_s} begins")


@dataclass(frozen=True)
class Effect:
    """After over before, or after minus before; NaN where it cannot be told. ``n_*``: responses, or blocks of time."""

    value: float
    low: float
    high: float
    n_before: int
    n_after: int

    @property
    def log_ratio(self) -> float:
        """Return the natural logarithm of a ratio; NaN where it is none (an amplitude at or below zero)."""
        return log(self.value) if self.value > 0 else nan


def arrival_s(infusion: Infusion) -> float:
    """Return when the first of an infusion has passed the line's dead volume, s; NaN if none ever did (an estimate)."""
    there = np.flatnonzero(infusion.at_animal_ul > 0)
    return float(infusion.t_s[there[0]]) if len(there) else nan


def evoked_effect(
    t_s: Array, amplitude: Array, arrived_s: float, windows: EffectWindows | None = None, seed: int = 1
) -> Effect:
    """Return mean amplitude after / mean amplitude before, with a studentized bootstrap interval (95 %) over responses.

    ``t_s``: onsets, s, shape (n,); ``amplitude`` in any unit, shape (n,), NaN for one that could not be measured.
    A ratio of means, not a mean of ratios or of logarithms: small responses may be below zero by noise.
    """
    before, after = _split(t_s, amplitude, arrived_s, windows or EffectWindows())
    return _compared(before, after, seed, relative=True)


def tonic_effect(
    t_s: Array,
    level: Array,
    arrived_s: float,
    windows: EffectWindows | None = None,
    *,
    block_s: float = 60.0,
    seed: int = 1,
) -> Effect:
    """Return mean level after - mean level before, in the unit of ``level``, with a bootstrap interval over blocks.

    ``t_s`` and ``level`` are the trace, shape (n,). Neighbouring samples tell the same, so the means of blocks of
    ``block_s`` are drawn, not samples; drift of the sensor is in it all the same.
    """
    block = np.floor((t_s - arrived_s) / block_s)
    good = np.isfinite(level)
    numbers, where = np.unique(block[good], return_inverse=True)
    means = np.bincount(where, level[good]) / np.bincount(where)
    centres_s = arrived_s + (numbers + 0.5) * block_s
    before, after = _split(centres_s, means, arrived_s, windows or EffectWindows())
    return _compared(before, after, seed, relative=False)


def sensitivity(
    t_s: Array, amplitudes: Mapping[str, Array], arrived_s: float, choices: Mapping[str, EffectWindows], seed: int = 1
) -> dict[tuple[str, str], Effect]:
    """Return the evoked effect for every way of measuring and every choice of windows: {(measured, windows): effect}.

    A result that hangs on one of these choices is no result.
    """
    return {
        (measured, chosen): evoked_effect(t_s, amplitude, arrived_s, windows, seed)
        for measured, amplitude in amplitudes.items()
        for chosen, windows in choices.items()
    }


def _split(t_s: Array, values: Array, arrived_s: float, windows: EffectWindows) -> tuple[Array, Array]:
    """Return the values before and after; those that are NaN in neither."""
    since_s = t_s - arrived_s
    good = np.isfinite(values) & np.isfinite(since_s)
    first, second = (
        values[good & (since_s >= first_s) & (since_s < last_s)]
        for first_s, last_s in (windows.before_s, windows.after_s)
    )
    return first, second


def _compared(before: Array, after: Array, seed: int, *, relative: bool) -> Effect:
    if len(before) < 1 or len(after) < 1:
        return Effect(nan, nan, nan, len(before), len(after))
    first, second = float(np.mean(before)), float(np.mean(after))
    low = high = nan
    if min(len(before), len(after)) >= FEWEST and np.ptp(before) > 0 and np.ptp(after) > 0:
        interval = ratio_interval if relative else difference_interval
        low, high = interval(before, after, LEVEL, np.random.default_rng(seed))
    return Effect(second / first if relative else second - first, low, high, len(before), len(after))
