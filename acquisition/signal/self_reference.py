"""Self-referencing: the sentinel site's current taken off the glutamate site's, and how well the two are matched.

Knows two currents of the same times and the gain between them. Does not know calibrations, screens or sessions. The
same function serves the live trace and the analysis afterwards (science.md 2.5, PMID 11289414 [S]).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MATCHED_WITHIN = 0.10
"""A gain that the traces themselves put further than this from the one used is no match: more than 10 % of what both
sites see would be left (science.md 4.7, self-test 2 [D-sim])."""
SIGMAS = 3.0
"""So many standard errors of the traces' own gain must lie between it and the one used."""
MOVED = 5.0
"""The sentinel has moved where its change is so many times the usual one: noise alone hardly ever is [A]."""
ENOUGH = 8
"""Changes below which nothing is said about the match."""
MAD = 1.4826
"""From the median absolute deviation to the SD of a normal distribution [D]."""


@dataclass(frozen=True)
class Match:
    """How well two sites are matched over one stretch. NaN where it cannot be told."""

    correlation: float
    """Between what is left after the subtraction and the sentinel, where the sentinel moved; 0 when nothing common is
    left."""
    gain_seen: float
    """Active over sentinel, as the changes that moved the sentinel have it."""
    gain_seen_se: float
    residual_sd_a: float
    """Noise of the subtracted current from sample to sample (SD of differences / √2), A."""
    matched: bool | None
    """None: nothing can be said. A mismatch can only be seen while something acts on both sites."""


def self_referenced(active_a: Array, sentinel_a: Array, gain: float = 1.0) -> Array:
    """Return active - gain * sentinel, A, any shape; NaN where either is NaN.

    ``gain`` is the active site's answer over the sentinel's to what both sense, from the peroxide step of a
    calibration; 1 for the raw difference. Raises ValueError for a gain that is not a positive number.
    """
    if not np.isfinite(gain) or gain <= 0.0:
        raise ValueError(f"a sentinel gain of {gain} cannot be subtracted with; it must be a positive number")
    return np.asarray(active_a - gain * sentinel_a)


def match(active_a: Array, sentinel_a: Array, gain: float, every: int = 100) -> Match:
    """Return how well ``gain`` matches the two sites over this stretch; arrays of shape (n,), evenly spaced, A.

    Compares changes between means of ``every`` samples (10 s at 10 Hz), so that offset and slow drift of the sites say
    nothing and noise little, and of those only the changes in which the sentinel clearly moved: glutamate moves the
    other site alone, and noise in the sentinel would make the gain look smaller than it is. The gain seen is the
    least-squares slope through the origin, its error that of the changes in what is left (median absolute deviation).
    """
    left_a = self_referenced(active_a, sentinel_a, gain)
    steps_a = np.diff(left_a)
    steps_a = steps_a[np.isfinite(steps_a)]
    noise_a = float(np.std(steps_a)) / sqrt(2.0) if len(steps_a) > 1 else nan
    x, left = _changes(sentinel_a, every), _changes(left_a, every)
    there = np.isfinite(x) & np.isfinite(left)
    x, left = x[there], left[there]
    if len(x) < ENOUGH:
        return Match(nan, nan, nan, noise_a, None)
    moved = np.abs(x) > MOVED * _usual(x)
    power = float(np.sum(x[moved] ** 2))
    if not power:
        return Match(nan, nan, nan, noise_a, None)
    product = float(np.sum(x[moved] * left[moved]))
    correlation = product / sqrt(power * float(np.sum(left[moved] ** 2)) or 1.0)
    seen, error = gain + product / power, _usual(left) / sqrt(power)
    return Match(correlation, seen, error, noise_a, _verdict(abs(seen - gain) / gain, error / gain))


def _verdict(off: float, error: float) -> bool | None:
    """Return whether a gain that is ``off`` by so much, give or take, is a match; both relative."""
    if off > max(MATCHED_WITHIN, SIGMAS * error):
        return False
    # a difference that nobody could tell from noise is no proof of a match either
    return True if SIGMAS * error <= MATCHED_WITHIN else None


def _changes(values: Array, every: int) -> Array:
    """Return the changes between means of ``every`` neighbouring samples, shape (n // every - 1,)."""
    whole = len(values) // every * every
    return np.diff(values[:whole].reshape(-1, every).mean(axis=1))


def _usual(changes: Array) -> float:
    """Return the SD of changes that rare large ones do not swell."""
    return MAD * float(np.median(np.abs(changes)))
