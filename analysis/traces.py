"""Traces made drawable: broken at gaps, thinned to what paper can show, and smoothed for the eye.

Pure functions over arrays. Times in minutes. Nothing in here changes what is recorded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_POINTS = 6000


def with_breaks(
    t_min: NDArray[np.float64], values: NDArray[np.float64], index: NDArray[np.int64], epoch: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the trace with a NaN wherever samples are missing, so that no line is drawn across a gap."""
    holes = np.flatnonzero((np.diff(index) != 1) | (np.diff(epoch) != 0)) + 1
    middle = (t_min[holes - 1] + t_min[holes]) / 2
    return np.insert(t_min, holes, middle), np.insert(values, holes, np.nan)


def envelope(
    t_min: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return (lowest, highest, time) of some MAX_POINTS buckets of neighbours; NaN where a bucket has a gap."""
    starts = np.arange(0, len(values), max(1, len(values) // MAX_POINTS))
    if not len(starts):
        return values, values, t_min
    return np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts), t_min[starts]


def medians(
    t_min: NDArray[np.float64], values: NDArray[np.float64], width_min: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (time, median) of consecutive stretches of ``width_min`` minutes; NaN for a stretch with a gap in it."""
    if len(values) < 2:
        return t_min, values
    step_min = float(np.median(np.diff(t_min)))
    size = max(1, round(width_min / step_min)) if step_min > 0 else 1
    whole = len(values) // size * size
    return t_min[:whole].reshape(-1, size).mean(axis=1), np.median(values[:whole].reshape(-1, size), axis=1)
