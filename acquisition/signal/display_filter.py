"""A smoother line for the eye. Views only: nothing that is recorded or measured passes through here.

Knows a centred mean. It needs samples of the future, so it is for looking back, and delays nothing. Does not know
seconds, channels or screens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def centred_mean(values: Array, samples: int) -> Array:
    """Return the mean over ``samples`` (made odd) neighbours, shape (n,) and unit kept; no delay.

    A NaN (a gap, a sample without a value) parts the trace: nothing is averaged across it, and it stays NaN. At the
    ends of a piece the mean is over the neighbours that there are. Cost does not grow with ``samples``.
    """
    half = max(1, samples | 1) // 2
    shown = np.array(values, dtype=np.float64)
    if not half:
        return shown
    there = np.isfinite(shown)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], there, [False])).astype(np.int8)))
    for first, last in zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=True):
        shown[first:last] = _mean(shown[first:last], half)
    return shown


def _mean(piece: Array, half: int) -> Array:
    """Return the centred mean of a piece without a hole."""
    middle = float(piece.mean())  # sums of departures stay small: nothing is lost to rounding
    sums = np.concatenate(([0.0], np.cumsum(piece - middle)))
    at = np.arange(len(piece))
    first, last = np.maximum(at - half, 0), np.minimum(at + half + 1, len(piece))
    return np.asarray(middle + (sums[last] - sums[first]) / (last - first), np.float64)
