"""A value with its interval, R², and the ratio of two values that are both unsure.

Knows small numbers of points. Does not know sensors, nor what is fitted to what (``levels``).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value and its confidence interval; an end is infinite where the data leave it open."""

    value: float
    low: float
    high: float


def r_squared(x: Floats, y: Floats) -> float:
    """Return R² of the straight line through points of shape (n,); NaN where one of them does not vary."""
    if len(x) < 3 or not np.ptp(x) or not np.ptp(y):
        return nan
    return float(np.corrcoef(x, y)[0, 1] ** 2)


def ratio(above: float, below: float, covariance: Floats, quantile: float) -> Estimate:
    """Return above / below with Fieller's interval (1954), ``covariance`` (2, 2) of the two; exact for normal errors.

    Where ``below`` cannot be told from zero the ratio is open upwards: its lower end is what is known.
    """
    value = above / below if below else inf
    spread = quantile**2 * covariance
    a = below**2 - float(spread[1, 1])
    b = above * below - float(spread[0, 1])
    c = above**2 - float(spread[0, 0])
    inside = b * b - a * c
    if a > 0.0:
        inside = max(inside, 0.0)  # without noise it is zero but for rounding
    if inside < 0.0:
        return Estimate(value, -inf, inf)
    if a > 0.0:
        return Estimate(value, (b - sqrt(inside)) / a, (b + sqrt(inside)) / a)
    roots = ((b - sqrt(inside)) / a, (b + sqrt(inside)) / a) if a < 0.0 else (c / (2 * b) if b else -inf,) * 2
    return Estimate(value, max(roots), inf)
