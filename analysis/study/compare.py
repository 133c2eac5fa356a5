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
from typing import Any

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
class GroupMean:
    """One group: the mean over its mice with a t interval, in the unit of the values; NaN where it cannot be told."""

    group: str
    n: int
    mean: float
    low: float
    high: float
    p: float
    """Two-sided, against zero."""


@dataclass(frozen=True)
class Difference:
    """A group's mean minus the control's, in the unit of the values."""

    group: str
    control: str
    apart: float
    low: float
    high: float
    p: float
    p_holm: float


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
    found = group_mean(group, log_ratios)
    return GroupEffect(group, found.n, exp(found.mean), exp(found.low), exp(found.high), found.p)


def group_mean(group: str, values: Sequence[float]) -> GroupMean:
    """Return the mean of one group, 95 %; fewer than two mice have no interval. Raises ValueError for NaN."""
    checked = _checked(group, values)
    if len(checked) < 2:
        return GroupMean(group, len(checked), float(checked[0]) if len(checked) else nan, nan, nan, nan)
    found = stats.ttest_1samp(checked, 0.0)
    interval = found.confidence_interval(LEVEL)
    mean = float(np.mean(checked))
    return GroupMean(group, len(checked), mean, float(interval.low), float(interval.high), float(found.pvalue))


def contrasts(log_ratios: Mapping[str, Sequence[float]], control: str) -> tuple[Contrast, ...]:
    """Return every other group against the control. Raises ValueError for fewer than two mice in a group, or NaN."""
    return pair_contrasts(log_ratios, [(group, control) for group in log_ratios if group != control])


def pair_contrasts(log_ratios: Mapping[str, Sequence[float]], pairs: Sequence[tuple[str, str]]) -> tuple[Contrast, ...]:
    """Return these (group, control), Holm's correction over all of them. Raises ValueError as ``contrasts``."""
    return tuple(
        Contrast(one.group, one.control, exp(one.apart), exp(one.low), exp(one.high), one.p, one.p_holm)
        for one in differences(log_ratios, pairs)
    )


def differences(values: Mapping[str, Sequence[float]], pairs: Sequence[tuple[str, str]]) -> tuple[Difference, ...]:
    """Return mean minus mean of these (group, control) by Welch's t test, 95 %, Holm's correction over all of them.

    The intervals are not widened for the number of pairs. Raises ValueError for fewer than two mice in a group, or NaN.
    """
    found = []
    for group, control in pairs:
        own, against = _checked(group, values[group]), _checked(control, values[control])
        if min(len(own), len(against)) < 2:
            raise ValueError(f"{group} against {control}: a comparison needs at least two mice in each")
        test = stats.ttest_ind(own, against, equal_var=False)
        interval = test.confidence_interval(LEVEL)
        apart = float(np.mean(own) - np.mean(against))
        found.append((group, control, apart, float(interval.low), float(interval.high), float(test.pvalue)))
    if not found:
        return ()
    corrected = multipletests([p for *_rest, p in found], method="holm")[1]
    return tuple(Difference(*one, float(p_holm)) for one, p_holm in zip(found, corrected, strict=True))


def mixed_contrast(
    mouse: Sequence[str], group: Sequence[str], after: Sequence[float], amplitude: Sequence[float], control: str
) -> MixedContrast:
    """Return the change of one group over the control's from all responses; each sequence has one entry a response.

    ``after`` is 0 (False) before and 1 (True) after. log(amplitude) ~ after * group, with a random level and a random
    change per mouse (REML; statsmodels MixedLM). Two groups at a time. Raises ValueError otherwise, and
    ArithmeticError or numpy's LinAlgError where no model can be fitted.
    """
    table = pd.DataFrame({"mouse": mouse, "group": group, "after": np.asarray(after, float), "y": amplitude})
    others = [name for name in pd.unique(table["group"]) if name != control]
    if len(others) != 1 or control not in set(table["group"]):
        raise ValueError("the mixed model compares one group with the control")
    positive = table[table["y"] > 0].copy()
    positive["y"] = np.log(positive["y"])
    positive["treated"] = (positive["group"] == others[0]).astype(float)
    model = smf.mixedlm("y ~ after * treated", positive, groups=positive["mouse"], re_formula="~after")
    fit, doubts = _best_fit(model)
    name = "after:treated"
    estimate, error = float(fit.fe_params[name]), _standard_error(model, fit, name)
    freedom = positive["mouse"].nunique() - 2  # mice, not responses: normal intervals are too short for few mice
    reach = float(stats.t.ppf(0.5 + LEVEL / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(estimate / error), freedom)) if error > 0 else nan
    return MixedContrast(
        exp(estimate), exp(estimate - reach), exp(estimate + reach), p, len(table) - len(positive), doubts
    )


def _best_fit(model: Any) -> tuple[Any, tuple[str, ...]]:
    """Return the first fit that converged, else the likeliest, each begun anew, and what it complained about itself.

    A second method that goes on where a first one gave up ends far off, and does not say so.
    """
    found = []
    for method in ("lbfgs", "powell"):
        with warnings.catch_warnings(record=True) as complaints:
            warnings.simplefilter("always")
            fit = model.fit(reml=True, method=[method])
            likelihood = float(fit.llf)
        if np.isfinite(likelihood):
            found.append((likelihood, fit, tuple(dict.fromkeys(str(one.message) for one in complaints))))
            if fit.converged:
                break
    if not found:
        raise ArithmeticError("no mixed model fits these responses: they hardly differ from one another")
    return max(found, key=lambda one: one[0])[1:]


def _standard_error(model: Any, fit: Any, name: str) -> float:
    """Return the standard error of a fixed effect by generalised least squares, given the variances that were found.

    As lme4 and nlme do. The fit's own is from the curvature over variances too, which is no number where one is zero.
    """
    between, within = np.asarray(fit.cov_re), float(fit.scale)
    information = sum(
        x.T @ np.linalg.solve(within * np.eye(len(x)) + z @ between @ z.T, x)
        for x, z in zip(model.exog_li, model.exog_re_li, strict=True)
    )
    at = list(fit.fe_params.index).index(name)
    return float(np.sqrt(np.linalg.inv(information)[at, at]))


def _checked(group: str, log_ratios: Sequence[float]) -> Array:
    values = np.asarray(log_ratios, np.float64)
    if not np.isfinite(values).all():
        raise ValueError(
            f"{group}: {np.count_nonzero(~np.isfinite(values))} of {len(values)} mice have no log-ratio (no responses, "
            "or a mean at or below zero); exclude them with a reason, or change the windows"
        )
    return values
