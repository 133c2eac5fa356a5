"""Where the current stands still after each addition, and how high.

Knows a current and the times of additions. Does not know what was added. A window is found (the latest flat one before
the next addition) or set by a person; either way it is told, so that it can be shown and moved.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAD = 1.4826
"""From the median absolute deviation to the SD of a normal distribution [D]."""
OUTLIER_SIGMAS = 5.0
"""Samples further from the median of their window are a touched cable, not a level [A]."""
FLAT_SIGMAS = 4.0
"""A window is flat when its quarters differ by less than so many usual differences of the baseline's [A]."""
FLAT_SHARE = 0.005
"""... or by less than this part of all the calibration's change, which no result would show [A]."""


@dataclass(frozen=True)
class PlateauSettings:
    """How plateaus are looked for; all [A], all adjustable. Seconds."""

    length_s: float = 20.0
    settle_s: float = 15.0
    """After an addition nothing is read: the stirrer (0.5 to 4 s) and the film (T90 about 1 s [S]) want their time."""
    guard_s: float = 5.0
    """Before the next addition nothing is read: the pipette may be in the beaker before somebody says so."""
    noise_s: float = 120.0
    """Length of the baseline, before the first addition, that noise is taken from."""
    drift_s: float = 300.0
    """The same for drift and slow noise. A short baseline tells little of either, and every slope is less sure."""


@dataclass(frozen=True)
class Plateau:
    """One plateau. ``number`` is 0 for the baseline, then that of the addition before it."""

    number: int
    start_s: float
    end_s: float
    level_a: float
    """Mean without outliers, A; NaN where there is no sample."""
    samples: int
    flat: bool
    found: bool
    """False: a person set the window."""


@dataclass(frozen=True)
class Baseline:
    """What the current does before anything is added."""

    start_s: float
    end_s: float
    noise_sd_a: float
    """SD around a straight line: drift is not noise, and is told apart, A."""


def find_plateaus(
    t_s: Floats,
    current_a: Floats,
    additions_s: Sequence[float],
    settings: PlateauSettings | None = None,
    windows: Mapping[int, tuple[float, float]] | None = None,
) -> tuple[Plateau, ...]:
    """Return the plateau before the first addition and after each; arrays of shape (n,), s and A, NaN allowed.

    ``windows`` (start, end) by plateau number go before what would be found. The last plateau ends with the recording.
    Raises ValueError where additions lie too close to each other to read a level between them.
    """
    settings, windows = settings or PlateauSettings(), windows or {}
    rooms = _rooms(t_s, additions_s, settings)
    usual_a = _usual_difference(t_s, current_a, rooms[0], settings.length_s)
    rough_a = [_level(t_s, current_a, end - settings.length_s, end)[0] for _start, end in rooms]
    span_a = float(np.nanmax(rough_a) - np.nanmin(rough_a)) if np.isfinite(rough_a).any() else 0.0
    tolerance_a = max(FLAT_SIGMAS * usual_a, FLAT_SHARE * span_a)
    found = []
    for number, (start_s, end_s) in enumerate(rooms):
        if number in windows:
            window, flat = windows[number], _flat(t_s, current_a, windows[number], tolerance_a)
        else:
            window, flat = _latest_flat(t_s, current_a, (start_s, end_s), settings.length_s, tolerance_a)
        level_a, samples = _level(t_s, current_a, *window)
        found.append(Plateau(number, *window, level_a, samples, flat, number not in windows))
    return tuple(found)


def baseline(t_s: Floats, current_a: Floats, first_addition_s: float, settings: PlateauSettings) -> Baseline:
    """Return the noise of the last stretch before the first addition; NaN with fewer than 10 samples."""
    end_s = first_addition_s - settings.guard_s
    start_s = max(float(t_s[0]) if len(t_s) else end_s, end_s - settings.noise_s)
    part = (t_s >= start_s) & (t_s < end_s) & np.isfinite(current_a)
    t, y = t_s[part] - start_s, current_a[part]
    if len(t) < 10:
        return Baseline(start_s, end_s, nan)
    kept = np.abs(y - np.median(y)) <= OUTLIER_SIGMAS * _spread(y)
    t, y = t[kept], y[kept]
    slope, intercept = np.polyfit(t, y, 1)
    left = y - (slope * t + intercept)
    return Baseline(start_s, end_s, sqrt(float(np.sum(left**2)) / (len(t) - 2)))


def before(t_s: Floats, current_a: Floats, first: Plateau, settings: PlateauSettings) -> tuple[Floats, Floats]:
    """Return (middles, s; levels, A) of pieces as long as a plateau, back from where the first plateau begins.

    They say how much a level scatters and how it drifts while nothing is added. Pieces without a sample are left out.
    """
    earliest_s = max(float(t_s[0]), first.end_s - settings.drift_s)
    edges = np.arange(first.start_s, earliest_s - 1e-9, -settings.length_s)[::-1]
    levels = np.array([_level(t_s, current_a, start, end)[0] for start, end in itertools.pairwise(edges)])
    middles = edges[:-1] + 0.5 * settings.length_s
    there = np.isfinite(levels)
    return middles[: len(levels)][there], levels[there]


def _rooms(t_s: Floats, additions_s: Sequence[float], settings: PlateauSettings) -> list[tuple[float, float]]:
    """Return the stretch in which each plateau may lie."""
    if not len(t_s) or not len(additions_s):
        raise ValueError("there is no addition, or no sample, to find plateaus of")
    if any(later <= earlier for earlier, later in itertools.pairwise(additions_s)):
        raise ValueError("additions must come one after the other")
    starts = [max(float(t_s[0]), additions_s[0] - settings.guard_s - settings.noise_s)]
    starts += [at + settings.settle_s for at in additions_s]
    ends = [*(at - settings.guard_s for at in additions_s), float(t_s[-1])]
    for number, (start_s, end_s) in enumerate(zip(starts, ends, strict=True)):
        if end_s - start_s < settings.length_s:
            where = "before the first addition" if number == 0 else f"after addition {number}"
            raise ValueError(
                f"there are only {max(0.0, end_s - start_s):.0f} s to read a plateau {where}; "
                f"{settings.length_s:g} s are needed, {settings.settle_s:g} s after an addition and "
                f"{settings.guard_s:g} s before the next"
            )
    return list(zip(starts, ends, strict=True))


def _latest_flat(
    t_s: Floats, current_a: Floats, room: tuple[float, float], length_s: float, tolerance_a: float
) -> tuple[tuple[float, float], bool]:
    """Return the latest flat window of the room; the latest one, not flat, where there is none."""
    end_s = room[1]
    while end_s - length_s >= room[0]:
        if _flat(t_s, current_a, (end_s - length_s, end_s), tolerance_a):
            return (end_s - length_s, end_s), True
        end_s -= 1.0
    return (room[1] - length_s, room[1]), False


def _flat(t_s: Floats, current_a: Floats, window: tuple[float, float], tolerance_a: float) -> bool:
    edges = np.linspace(*window, 5)
    quarters = [_level(t_s, current_a, first, last) for first, last in itertools.pairwise(edges)]
    levels = [level for level, samples in quarters if samples]
    return len(levels) > 1 and max(levels) - min(levels) <= tolerance_a


def _usual_difference(t_s: Floats, current_a: Floats, room: tuple[float, float], length_s: float) -> float:
    """Return the usual difference between neighbouring quarter windows of the baseline around its own drift, A."""
    edges = np.arange(room[0], room[1], 0.25 * length_s)
    levels = np.array([_level(t_s, current_a, a, b)[0] for a, b in itertools.pairwise(edges)])
    steps = np.diff(levels)
    steps = steps[np.isfinite(steps)]
    return sqrt(float(np.mean((steps - np.median(steps)) ** 2))) if len(steps) > 2 else 0.0


def _level(t_s: Floats, current_a: Floats, start_s: float, end_s: float) -> tuple[float, int]:
    """Return (mean without outliers, number of samples kept)."""
    first, last = np.searchsorted(t_s, (start_s, end_s))
    y = current_a[first:last]
    y = y[np.isfinite(y)]
    if not len(y):
        return nan, 0
    kept = y[np.abs(y - np.median(y)) <= OUTLIER_SIGMAS * _spread(y)]
    return float(np.mean(kept)), len(kept)


def _spread(y: Floats) -> float:
    """Return the robust SD; where over half of the samples are equal, the SD."""
    return float(MAD * np.median(np.abs(y - np.median(y)))) or float(np.std(y))
