"""How many mice: the power of the paired comparison for an effect, by simulation of the numbers a study would give.

Knows amplitudes and their spread. Does not know traces. Every default has its mark; change them to your own pilot's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Assumptions:
    """What a mouse and a sensor are like; science.md 4.6 [D-sim], amplitudes of 4.3 [A]."""

    responses_before: int = 5
    responses_after: int = 5
    within_cv: float = 0.25
    """Spread of responses of one mouse, over their mean."""
    effect_sd: float = 0.15
    """Spread of the effect between mice, on the logarithm."""
    amplitude_um: float = 2.0
    between_cv: float = 0.35
    """Spread of mean amplitudes between mice."""
    noise_um: float = 0.3
    """Error of one measured amplitude, SD."""


def log_ratios(
    mice: int, ratio: float, assumed: Assumptions, studies: int, rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return log(mean after / mean before), shape (studies, mice); NaN where a mean is at or below zero."""
    shape = (studies, mice)
    spread = np.log1p(assumed.between_cv**2)
    level = assumed.amplitude_um * np.exp(rng.normal(-spread / 2, np.sqrt(spread), shape))
    effect = ratio * np.exp(rng.normal(0.0, assumed.effect_sd, shape))
    before = _mean_of(level, assumed.responses_before, assumed, rng)
    after = _mean_of(level * effect, assumed.responses_after, assumed, rng)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((before > 0) & (after > 0), np.log(after / before), np.nan)


def power(
    mice: int,
    ratio: float,
    assumed: Assumptions | None = None,
    *,
    alpha: float = 0.05,
    studies: int = 4000,
    seed: int = 1,
) -> float:
    """Return the share of studies with ``mice`` that find an effect of ``ratio`` (0.57 is -43 %) by a paired t test.

    A study with a mouse whose ratio cannot be told counts as a miss. Raises ValueError for fewer than two mice, or a
    ratio that is not positive.
    """
    if mice < 2 or not ratio > 0:
        raise ValueError("power needs at least two mice and a ratio above zero")
    values = log_ratios(mice, ratio, assumed or Assumptions(), studies, np.random.default_rng(seed))
    whole = np.isfinite(values).all(axis=1)  # with NaN in it scipy tests row by row, a hundred times slower
    p = stats.ttest_1samp(values[whole], 0.0, axis=1).pvalue
    return float(np.count_nonzero(p < alpha) / studies)


def contrast_power(
    mice: int,
    ratio: float,
    assumed: Assumptions | None = None,
    *,
    alpha: float = 0.05,
    studies: int = 4000,
    seed: int = 1,
) -> float:
    """Return the share of studies with ``mice`` a group that tell a group from its control by Welch's t test.

    ``ratio``: the group's change over the control's, which has none. For k comparisons give alpha / k: no less than
    what Holm's correction finds. Misses and errors as in ``power``.
    """
    if mice < 2 or not ratio > 0:
        raise ValueError("power needs at least two mice and a ratio above zero")
    rng = np.random.default_rng(seed)
    treated, control = (log_ratios(mice, one, assumed or Assumptions(), studies, rng) for one in (ratio, 1.0))
    whole = np.isfinite(treated).all(axis=1) & np.isfinite(control).all(axis=1)
    p = stats.ttest_ind(treated[whole], control[whole], axis=1, equal_var=False).pvalue
    return float(np.count_nonzero(p < alpha) / studies)


def mice_needed(ratio: float, wanted: float = 0.8, assumed: Assumptions | None = None, most: int = 60) -> int | None:
    """Return the smallest number of mice with at least the ``wanted`` power; None when ``most`` are not enough."""
    return next((mice for mice in range(3, most + 1) if power(mice, ratio, assumed) >= wanted), None)


def _mean_of(
    level: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    responses: int,
    assumed: Assumptions,
    rng: np.random.Generator,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Draw the mean of some responses at once: a mean of normal errors is normal, its spread over the root of n."""
    spread, noise = assumed.within_cv / np.sqrt(responses), assumed.noise_um / np.sqrt(responses)
    drawn = level * (1.0 + spread * rng.standard_normal(level.shape)) + noise * rng.standard_normal(level.shape)
    return np.asarray(drawn)
