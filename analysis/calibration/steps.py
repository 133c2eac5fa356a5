"""The glutamate steps one by one: how quickly each is answered, and up to where they are answered alike.

Knows a trace and its plateaus. Does not know fits of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from analysis.calibration.plateaus import Plateau

Floats = NDArray[np.float64]

LINEAR_WITHIN = 0.10
"""A step is answered linearly when its own slope is within this part of the line's [A]."""


def step_slopes(x_um: Floats, y_a: Floats) -> tuple[float, ...]:
    """Return each step's own slope, A/µM: where an enzyme saturates they fall, and the line lies below the first."""
    return tuple(float(slope) for slope in np.diff(y_a) / np.diff(x_um))


def linear_to_um(x_um: Floats, y_a: Floats, slope_a_per_um: float) -> float:
    """Return the highest concentration up to which each step's own slope is within 10 % of the line's; NaN: none."""
    highest = nan
    for own, reached_um in zip(step_slopes(x_um, y_a), x_um[1:], strict=True):
        if not abs(own / slope_a_per_um - 1.0) <= LINEAR_WITHIN:
            break
        highest = float(reached_um)
    return highest


def response_time_s(
    t_s: Floats,
    current_a: Floats,
    plateaus: Sequence[Plateau],
    numbers: NDArray[np.int64],
    additions_s: Sequence[float],
) -> float:
    """Return the median time from 10 to 90 % of the steps to these plateaus, s; NaN where none is to be seen."""
    found = []
    for number in numbers:
        before, after = plateaus[number - 1], plateaus[number]
        part = (t_s >= before.end_s) & (t_s <= after.end_s) & np.isfinite(current_a)
        height_a = after.level_a - before.level_a
        if part.any() and height_a > 0.0:
            found.append(_rise_s(t_s[part], (current_a[part] - before.level_a) / height_a, additions_s[number - 1]))
    return float(np.nanmedian(found)) if np.isfinite(found).any() else nan


def _rise_s(t_s: Floats, share: Floats, near_s: float) -> float:
    """Return the time from the last crossing of 10 % to the first of 90 % after it, s; NaN without either.

    The crossing of 90 % is looked for first, by the running median of 5 samples, so that one spike is no answer.
    """
    steady = ndimage.median_filter(share, size=5, mode="nearest")
    above = np.flatnonzero(steady >= 0.9)
    if not len(above):
        return nan
    below = np.flatnonzero(steady[: above[0]] < 0.1)
    if not len(below) or t_s[above[0]] < near_s - 60.0:
        return nan
    return _crossing(t_s, steady, int(above[0]) - 1, 0.9) - _crossing(t_s, steady, int(below[-1]), 0.1)


def _crossing(t_s: Floats, y: Floats, before: int, level: float) -> float:
    rise = float(y[before + 1] - y[before])
    part = (level - float(y[before])) / rise if rise else 0.0
    return float(t_s[before]) + part * float(t_s[before + 1] - t_s[before])
