"""The studentized interval of a ratio: right about as often as it says where the percentile kinds are not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from analysis.studentized import difference_interval, ratio_interval

Array = NDArray[np.float64]
TRUE = 0.57
STUDIES = 300


def responses(mean: float, number: int, rng: np.random.Generator) -> Array:
    """Return responses of one mouse: a quarter of them chance, lognormal, and the noise of the measuring [D-sim]."""
    spread = np.sqrt(np.log1p(0.25**2))
    sizes = np.exp(spread * rng.standard_normal(number) - spread**2 / 2)
    return np.asarray(mean * sizes + 0.15 * rng.standard_normal(number))


@pytest.mark.parametrize(("before", "after"), [(6, 6), (6, 4), (8, 5)])
def test_it_covers_the_truth_about_as_often_as_it_says(before: int, after: int) -> None:
    """BCa covers 85 to 90 % here (``docs/explanation/effect-and-groups.md``), which this must not be taken for."""
    rng = np.random.default_rng(before * 10 + after)
    inside = 0
    for _ in range(STUDIES):
        low, high = ratio_interval(responses(2.0, before, rng), responses(2.0 * TRUE, after, rng), 0.95, rng)
        inside += low <= TRUE <= high
    assert 0.925 <= inside / STUDIES <= 0.98


def test_of_many_values_it_is_what_scipys_bca_is() -> None:
    rng = np.random.default_rng(4)
    before, after = responses(2.0, 200, rng), responses(2.0 * TRUE, 200, rng)

    def ratio(one: Array, other: Array, axis: int = -1) -> Array:
        return np.asarray(np.mean(other, axis=axis) / np.mean(one, axis=axis))

    found = stats.bootstrap((before, after), ratio, n_resamples=4999, method="BCa", rng=rng).confidence_interval

    assert ratio_interval(before, after, 0.95, rng) == pytest.approx((found.low, found.high), abs=0.004)


def test_of_many_normal_values_a_difference_has_welchs_interval() -> None:
    rng = np.random.default_rng(5)
    before, after = rng.normal(3.0, 1.0, 300), rng.normal(2.0, 0.5, 200)
    welch = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.95)

    assert difference_interval(before, after, 0.95, rng) == pytest.approx((welch.low, welch.high), abs=0.012)


def test_of_many_normal_values_a_ratio_has_fiellers_interval() -> None:
    """The ratios that a Welch test of after - r * before does not reject: Fieller's, found here by trying them all."""
    rng = np.random.default_rng(6)
    before, after = rng.normal(2.0, 1.0, 80), rng.normal(0.3, 0.8, 60)
    tried = np.linspace(-0.2, 0.6, 8001)
    p = np.array([stats.ttest_ind(after, r * before, equal_var=False).pvalue for r in tried[::10]])
    kept = tried[::10][p >= 0.05]

    assert ratio_interval(before, after, 0.95, rng) == pytest.approx((kept[0], kept[-1]), abs=0.012)


def test_a_fall_to_nothing_has_an_interval_without_any_logarithm() -> None:
    rng = np.random.default_rng(7)
    low, high = ratio_interval(responses(2.0, 6, rng), 0.1 * rng.standard_normal(6), 0.95, rng)
    assert -0.3 < low < 0.0 < high < 0.3


def test_where_the_baseline_is_not_told_from_zero_no_ratio_can_be_ruled_out() -> None:
    rng = np.random.default_rng(8)
    low, high = ratio_interval(np.array([-1.0, 2.0, -1.5, 2.5, 0.4]), responses(2.0, 6, rng), 0.95, rng)
    assert np.isnan(low) or np.isnan(high)


def test_both_ends_turn_with_the_sign_of_the_baseline() -> None:
    rng = np.random.default_rng(9)
    before, after = responses(2.0, 6, rng), responses(1.0, 6, rng)
    up = ratio_interval(before, after, 0.95, np.random.default_rng(1))
    down = ratio_interval(-before, after, 0.95, np.random.default_rng(1))
    assert down == pytest.approx((-up[1], -up[0]))


def test_a_resample_of_equal_values_stops_nothing() -> None:
    """Of four values of which three are equal, a third of the resamples have no spread."""
    rng = np.random.default_rng(10)
    low, high = ratio_interval(np.array([2.0, 2.0, 2.0, 2.2]), np.array([1.0, 1.0, 1.0, 1.1]), 0.95, rng)
    assert low < 0.5 < high
