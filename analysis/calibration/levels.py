"""Levels of a site explained by what is in the beaker, how its background drifts, and how its enzyme saturates.

Knows the model and its errors: ``level = b + S G / (1 + G / Kapp) + other slopes · others + drift`` (science.md
4.1). Two things no calibration can tell by itself are averaged over, each by how well it explains the levels: how much
slower than a level the noise is, and whether the drift goes on or dies away. Does not know traces, probes or gates.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.calibration.regression import CONFIDENCE, Estimate

Floats = NDArray[np.float64]

SLOW_NOISE: Mapping[float, float] = {0.0: 0.5, 0.3: 0.125, 1.0: 0.125, 3.0: 0.125, 10.0: 0.125}
"""Variance that a random walk adds in a minute, as a part of a level's own, and how likely that is beforehand [A]. The
array preset has about 0.8 (science.md 4.2: 5 pA per root hour, and 0.7 pA for a mean of 20 s [D-sim])."""
DRIFT_TIMES_S = (inf, 3600.0, 1800.0, 900.0)
"""Time constants with which a drift dies away, equally likely beforehand [A]; the slow settling has 1500 s [A]."""
MOST_STEPS, CLOSE_ENOUGH = 30, 1e-10
WORST_CONDITION = 1e12
"""Of a normal matrix with columns of like size; beyond it two columns say the same."""
LEAST_BEND = -0.2
"""... of the highest concentration: a current that rises more steeply than a line is noise, up to a point."""


@dataclass(frozen=True)
class LevelFit:
    """What explains the levels. Columns are those of ``concentrations``."""

    coefficients: Floats
    """Intercept, a slope per column, then drift (A/s) and 1 / Kapp (1/µM) where they were fitted, shape (p,)."""
    covariance: Floats
    """Shape (p, p)."""
    degrees_of_freedom: int
    columns: int
    saturating: int | None
    """Column that saturates; its slope is the one near zero. None: all are straight."""
    drifts: bool
    drift_part: Floats
    """What the drift adds to each level, shape (n,); zero at time zero."""

    def estimate(self, column: int) -> Estimate:
        """Return the slope of a column with its interval."""
        return self._at(1 + column)

    @property
    def drift(self) -> Estimate | None:
        """Return the drift at time zero, per second; None where none was fitted."""
        return self._at(1 + self.columns) if self.drifts else None

    @property
    def bend(self) -> Estimate | None:
        """Return 1 / Kapp, 1/µM; None for a straight line. It may be below zero by noise."""
        return self._at(len(self.coefficients) - 1) if self.saturating is not None else None

    @cached_property
    def quantile(self) -> float:
        """Return Student's t for ``CONFIDENCE``."""
        return float(stats.t.ppf(0.5 + CONFIDENCE / 2, self.degrees_of_freedom))

    def band(self, concentrations: Floats) -> tuple[Floats, Floats, Floats]:
        """Return (curve, low, high) of the mean level at time zero; concentrations (m, columns), pointwise interval."""
        rows = np.zeros((len(concentrations), len(self.coefficients)))
        rows[:, 0] = 1.0
        rows[:, 1 : 1 + self.columns] = concentrations
        if self.saturating is not None:
            g, bend = concentrations[:, self.saturating], float(self.coefficients[-1])
            rows[:, 1 + self.saturating] = g / (1.0 + bend * g)
            rows[:, -1] = -self.coefficients[1 + self.saturating] * (g / (1.0 + bend * g)) ** 2
        at = self.coefficients.copy()
        if self.saturating is not None:
            at[-1] = 0.0
        curve = rows @ at
        half = self.quantile * np.sqrt(np.einsum("ij,jk,ik->i", rows, self.covariance, rows))
        return curve, curve - half, curve + half

    def _at(self, place: int) -> Estimate:
        value = float(self.coefficients[place])
        half = self.quantile * sqrt(float(self.covariance[place, place]))
        return Estimate(value, value - half, value + half)


def fit_levels(
    concentrations: Floats,
    levels: Floats,
    t_s: Floats | None = None,
    *,
    saturating: int | None = None,
    slow_noise: Mapping[float, float] = SLOW_NOISE,
    drift_times_s: Sequence[float] = DRIFT_TIMES_S,
) -> LevelFit:
    """Return the fit; ``concentrations`` (n, columns), µM, ``levels`` (n,), A, ``t_s`` (n,), s; drift is 0 at 0.

    Without ``t_s`` there is neither drift nor slow noise: ordinary least squares. Each pair of noise and drift is
    fitted by generalised least squares (Gauss-Newton for the bend), weighted by its restricted likelihood; how far the
    pairs lie apart is part of the covariance. Raises ValueError where there are not more levels than unknowns, or
    additions that cannot be told apart.
    """
    columns = concentrations.shape[1]
    unknowns = 1 + columns + (t_s is not None) + (saturating is not None)
    freedom = len(levels) - unknowns
    if freedom < 1:
        raise ValueError(
            f"{len(levels)} levels cannot give {unknowns} numbers and say how sure they are; add glutamate more often"
        )
    design = np.column_stack([np.ones(len(levels)), concentrations])
    pairs = [((0.0, 1.0), inf)] if t_s is None else list(itertools.product(slow_noise.items(), drift_times_s))
    shapes = np.zeros((len(pairs), len(levels)))
    designs = np.repeat(design[None], len(pairs), axis=0)
    if t_s is not None:
        shapes = np.array([t_s if dies_s == inf else -dies_s * np.expm1(-t_s / dies_s) for _, dies_s in pairs])
        designs = np.concatenate([designs, shapes[:, :, None]], axis=2)
    whiten, log_dets = _whiteners(t_s, [slow for (slow, _), _ in pairs], len(levels))
    found = _least_squares(designs, np.repeat(levels[None], len(pairs), axis=0), whiten)
    drift_parts = found[0][:, 1 + columns, None] * shapes if t_s is not None else shapes
    if saturating is None:
        coefficients, left = found[0], levels - np.einsum("kij,kj->ki", designs, found[0])
    else:
        coefficients, designs, left = _bent(designs, levels, whiten, 1 + saturating, concentrations[:, saturating])
        found = _least_squares(designs, left, whiten)
        drift_parts = coefficients[:, 1 + columns, None] * shapes if t_s is not None else shapes
    rounding = (1e-12 * float(np.ptp(levels))) ** 2
    squares = np.maximum(np.sum(np.einsum("kij,kj->ki", whiten, left) ** 2, axis=1), rounding)
    logs = -0.5 * (log_dets + found[2] + freedom * np.log(squares)) + np.log([prior for (_, prior), _ in pairs])
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    mean = weights @ coefficients
    apart = coefficients - mean
    covariance = np.einsum("k,kij->ij", weights * squares / freedom, found[1])
    covariance += np.einsum("k,ki,kj->ij", weights, apart, apart)
    return LevelFit(mean, covariance, freedom, columns, saturating, t_s is not None, weights @ drift_parts)


def _bent(designs: Floats, levels: Floats, whiten: Floats, place: int, g: Floats) -> tuple[Floats, Floats, Floats]:
    """Return (coefficients with 1 / Kapp, design with its derivative, what is left) of every pair, by Gauss-Newton."""
    designs, highest = designs.copy(), float(g.max())
    bend = np.zeros(len(designs))
    levels_of_all = np.repeat(levels[None], len(designs), axis=0)
    for _ in range(MOST_STEPS):
        designs[:, :, place] = g / (1.0 + bend[:, None] * g)
        linear = _least_squares(designs, levels_of_all, whiten)[0]
        left = levels - np.einsum("kij,kj->ki", designs, linear)
        derivative = -linear[:, place, None] * designs[:, :, place] ** 2
        whole = np.concatenate([designs, derivative[:, :, None]], axis=2)
        step = _least_squares(whole, left, whiten)[0][:, -1]
        if np.abs(step).max() * highest < CLOSE_ENOUGH:
            break
        bend = np.maximum(LEAST_BEND / highest, bend + np.clip(step, -0.25 / highest, 0.25 / highest))
    return np.column_stack([linear, bend]), whole, left


def _whiteners(t_s: Floats | None, slow: Sequence[float], count: int) -> tuple[Floats, Floats]:
    """Return the matrices that make errors independent, and the logarithms of their covariances' determinants."""
    since = np.zeros(count) if t_s is None else (t_s - t_s.min()) / 60.0
    roots = np.linalg.cholesky(np.eye(count) + np.array(slow)[:, None, None] * np.minimum.outer(since, since))
    return np.linalg.inv(roots), 2.0 * np.sum(np.log(np.diagonal(roots, axis1=1, axis2=2)), axis=1)


def _least_squares(designs: Floats, levels: Floats, whiten: Floats) -> tuple[Floats, Floats, Floats]:
    """Return (coefficients, inverse of the normal matrix, log determinant of the scaled one) of every pair.

    ``designs`` (pairs, n, p), ``levels`` (pairs, n), ``whiten`` (pairs, n, n). Raises ValueError for columns that
    cannot be told apart.
    """
    scale = np.abs(designs).max(axis=1)
    scale[scale == 0.0] = 1.0  # µM beside ones beside seconds: keeps the matrix well conditioned
    scaled = whiten @ designs / scale[:, None, :]
    normal = np.swapaxes(scaled, 1, 2) @ scaled
    if np.linalg.cond(normal).max() > WORST_CONDITION:
        raise ValueError("two of the additions cannot be told apart by their concentrations")
    inverse = np.linalg.inv(normal) / (scale[:, :, None] * scale[:, None, :])
    projected = np.einsum("kji,kj->ki", whiten @ designs, np.einsum("kij,kj->ki", whiten, levels))
    return np.einsum("kij,kj->ki", inverse, projected), inverse, np.linalg.slogdet(normal)[1]
