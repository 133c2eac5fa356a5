"""Groups of animals compared: one number per mouse, and a mixed model over all responses beside it.

Knows log-ratios (after over before, each mouse against itself) and their intervals. Does not know drugs or windows. A
group is compared to a control by Welch's t test on the log-ratios; several comparisons are corrected by Holm's method.
Both, and the mixed model, are scipy's and statsmodels'.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, nan

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

Array = NDArray[np.float64]
LEVEL = 0.95


@dataclass(frozen=True)
class GroupEffect:
    """One group: geometric mean of after/before over its mice, with a t interval on the logarithms."""

    group: str
    n: int
    ratio: float
    low: float
    high: float
    p: float
    """Two-sided, against no change."""


@dataclass(frozen=True)
class Contrast:
    """A group's change over the control's."""

    group: str
    control: str
    ratio: float
    low: float
    high: float
    p: float
    p_holm: float


@dataclass(frozen=True)
class MixedContrast:
    """The same from a linear mixed model of the logarithms of single responses, mouse as random effect."""

    ratio: float
    low: float
    high: float
    p: float
    left_out: int
    """Responses at or below zero, which have no logarithm."""
    doubts: tuple[str, ...]
    """What the fit itself complains about: a variance at zero, no convergence. Empty when nothing."""


def group_effect(group: str, log_ratios: Sequence[float]) -> GroupEffect:
    """Return the change of one group; fewer than two mice have no interval. Raises ValueError for NaN."""
    values = _checked(group, log_ratios)
    if len(values) < 2:
        return GroupEffect(group, len(values), exp(values[0]) if len(values) else nan, nan, nan, nan)
    found = stats.ttest_1samp(values, 0.0)
    interval = found.confidence_interval(LEVEL)
    return GroupEffect(
        group, len(values), exp(float(np.mean(values))), exp(interval.low), exp(interval.high), float(found.pvalue)
    )


def contrasts(log_ratios: Mapping[str, Sequence[float]], control: str) -> tuple[Contrast, ...]:
    """Return every other group against the control. Raises ValueError for fewer than two mice in a group, or NaN."""
    against = _checked(control, log_ratios[control])
    found = []
    for group, values in log_ratios.items():
        if group == control:
            continue
        own = _checked(group, values)
        if min(len(own), len(against)) < 2:
            raise ValueError(f"{group} against {control}: a comparison needs at least two mice in each")
        test = stats.ttest_ind(own, against, equal_var=False)
        interval = test.confidence_interval(LEVEL)
        apart = float(np.mean(own) - np.mean(against))
        found.append((group, apart, float(interval.low), float(interval.high), float(test.pvalue)))
    if not found:
        return ()
    corrected = multipletests([p for *_rest, p in found], method="holm")[1]
    return tuple(
        Contrast(group, control, exp(apart), exp(low), exp(high), p, float(p_holm))
        for (group, apart, low, high, p), p_holm in zip(found, corrected, strict=True)
    )


def mixed_contrast(
    mouse: Sequence[str], group: Sequence[str], after: Sequence[bool], amplitude: Sequence[float], control: str
) -> MixedContrast:
    """Return the change of one group over the control's from all responses; each sequence has one entry a response.

    log(amplitude) ~ after * group, with a random level and a random change per mouse (REML; statsmodels MixedLM). Two
    groups at a time. Raises ValueError otherwise.
    """
    table = pd.DataFrame({"mouse": mouse, "group": group, "after": np.asarray(after, float), "y": amplitude})
    others = [name for name in pd.unique(table["group"]) if name != control]
    if len(others) != 1 or control not in set(table["group"]):
        raise ValueError("the mixed model compares one group with the control")
    positive = table[table["y"] > 0].copy()
    positive["y"] = np.log(positive["y"])
    positive["treated"] = (positive["group"] == others[0]).astype(float)
    model = smf.mixedlm("y ~ after * treated", positive, groups=positive["mouse"], re_formula="~after")
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        fit = model.fit(reml=True, method=["lbfgs", "powell"])
    doubts = tuple(dict.fromkeys(str(one.message) for one in complaints))
    name = "after:treated"
    estimate, error = float(fit.params[name]), float(fit.bse[name])
    freedom = positive["mouse"].nunique() - 2  # mice, not responses: normal intervals are too short for few mice
    reach = float(stats.t.ppf(0.5 + LEVEL / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(estimate / error), freedom)) if error > 0 else nan
    return MixedContrast(
        exp(estimate), exp(estimate - reach), exp(estimate + reach), p, len(table) - len(positive), doubts
    )


def _checked(group: str, log_ratios: Sequence[float]) -> Array:
    values = np.asarray(log_ratios, np.float64)
    if not np.isfinite(values).all():
        raise ValueError(
            f"{group}: {np.count_nonzero(~np.isfinite(values))} of {len(values)} mice have no log-ratio (no responses, "
            "or a mean at or below zero); exclude them with a reason, or change the windows"
        )
    return values
