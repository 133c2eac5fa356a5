"""Least squares of plateau levels on concentrations, with honest intervals for few points.

Knows matrices. Does not know sensors. Levels are explained by all analytes at once, because every addition dilutes
what was there before it; with one analyte this is the ordinary straight line (science.md 2.4: slope = OLS).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value and its confidence interval; an end is infinite where the data leave it open."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LineFit:
    """``levels = coefficients @ (1, concentrations)``."""

    coefficients: Floats
    """Intercept, then one slope per column, shape (p,)."""
    covariance: Floats
    """Shape (p, p), from the scatter of the levels around the fit."""
    degrees_of_freedom: int
    residuals: Floats

    def estimate(self, column: int) -> Estimate:
        """Return the slope of a column (0 is the first concentration) with its interval."""
        value = float(self.coefficients[1 + column])
        half = self.quantile() * sqrt(float(self.covariance[1 + column, 1 + column]))
        return Estimate(value, value - half, value + half)

    def quantile(self) -> float:
        """Return Student's t for ``CONFIDENCE``."""
        return float(stats.t.ppf(0.5 + CONFIDENCE / 2, self.degrees_of_freedom))

    def band(self, concentrations: Floats) -> tuple[Floats, Floats, Floats]:
        """Return (line, low, high) of the mean level at concentrations of shape (m, columns); pointwise interval."""
        rows = np.column_stack([np.ones(len(concentrations)), concentrations])
        line = rows @ self.coefficients
        half = self.quantile() * np.sqrt(np.einsum("ij,jk,ik->i", rows, self.covariance, rows))
        return line, line - half, line + half


def fit_line(concentrations: Floats, levels: Floats) -> LineFit:
    """Return the least-squares fit; ``concentrations`` (n, columns), ``levels`` (n,).

    Raises ValueError where there are not more levels than unknowns, or additions that cannot be told apart.
    """
    design = np.column_stack([np.ones(len(levels)), concentrations])
    unknowns = design.shape[1]
    freedom = len(levels) - unknowns
    if freedom < 1:
        raise ValueError(
            f"{len(levels)} plateaus cannot give {unknowns} numbers and say how sure they are; add glutamate more often"
        )
    scale = np.abs(design).max(axis=0)
    scale[scale == 0.0] = 1.0
    scaled = design / scale  # µM beside ones: keeps the matrix well conditioned
    if np.linalg.matrix_rank(scaled) < unknowns:
        raise ValueError("two of the additions cannot be told apart by their concentrations")
    inverse = np.linalg.inv(scaled.T @ scaled)
    coefficients = inverse @ scaled.T @ levels / scale
    residuals = levels - design @ coefficients
    variance = float(residuals @ residuals) / freedom
    return LineFit(coefficients, variance * inverse / np.outer(scale, scale), freedom, residuals)


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
    if inside < 0.0:
        return Estimate(value, -inf, inf)
    if a > 0.0:
        return Estimate(value, (b - sqrt(inside)) / a, (b + sqrt(inside)) / a)
    roots = ((b - sqrt(inside)) / a, (b + sqrt(inside)) / a) if a < 0.0 else (c / (2 * b) if b else -inf,) * 2
    return Estimate(value, max(roots), inf)
