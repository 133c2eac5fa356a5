"""A calibration gives back what the simulated sensor is: science.md 4.7, self-test 1, over 200 seeds."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from scipy import stats

from analysis.calibration.fit import Result, fit_calibration
from tests.calibration.beaker_kit import (
    ADDITIONS,
    ARRAY_NOISE,
    BEAKER_UL,
    FAST,
    T_S,
    TRUTH,
    clean,
    drift_a,
    noise_a,
    noisy,
)  # fmt: skip

SEEDS = 200
TRUE_GAIN = 1.0 / TRUTH.sentinel_gain


@lru_cache(maxsize=1)
def many() -> tuple[Result, ...]:
    return tuple(fit_calibration(T_S, *noisy(seed), BEAKER_UL, ADDITIONS) for seed in range(SEEDS))


def noise_free(km_um: float = 1e5) -> Result:
    return fit_calibration(T_S, *clean(km_um), BEAKER_UL, ADDITIONS)


def test_a_noise_free_calibration_returns_slope_selectivity_and_gain_within_1_percent() -> None:
    result = noise_free()
    assert result.slope_a_per_um.value / TRUTH.slope_a_per_um == pytest.approx(1.0, abs=0.01)
    assert result.selectivity is not None
    assert result.selectivity.value / TRUTH.selectivity == pytest.approx(1.0, abs=0.01)
    assert result.gain is not None
    assert result.gain.value / TRUE_GAIN == pytest.approx(1.0, abs=0.01)
    assert result.r2 > 0.9999
    assert result.crosstalk is not None
    assert abs(result.crosstalk.value) < 0.001
    assert result.dopamine_share is not None
    assert abs(result.dopamine_share.value) < 0.01
    assert all(one.flat and one.found for one in result.active.plateaus)


def test_with_a_saturating_enzyme_the_slope_is_the_one_near_zero_and_its_km_is_told() -> None:
    """Kapp 1500 µM [A] bends the line by 3.8 % at 59 µM: every step is still within the 10 % that counts as linear."""
    result = noise_free(1500.0)
    rows, x_um, y_a = result.active.glutamate_points()
    truth = TRUTH.slope_a_per_um * x_um / (1.0 + x_um / 1500.0)
    assert rows.tolist() == [1, 2, 3, 4]
    assert list(result.step_slopes_a_per_um) == pytest.approx(np.diff(truth) / np.diff(x_um), rel=0.01, abs=0)
    assert result.slope_a_per_um.value / TRUTH.slope_a_per_um == pytest.approx(1.0, abs=0.01)
    assert stats.linregress(x_um, truth).slope < 0.97 * TRUTH.slope_a_per_um  # what a line would have said
    assert result.apparent_km_um is not None
    assert result.apparent_km_um.value == pytest.approx(1500.0, rel=0.01)
    assert result.linear_to_um == pytest.approx(x_um[-1])
    assert y_a[-1] - y_a[0] == pytest.approx(truth[-1], rel=0.005)


def test_with_two_glutamate_steps_the_slope_is_that_of_a_line_and_no_km_is_told() -> None:
    active, _ = clean(1500.0)
    short = ADDITIONS[3][0] > T_S
    result = fit_calibration(T_S[short], active[short], None, BEAKER_UL, ADDITIONS[:3])
    assert result.apparent_km_um is None
    assert result.slope_a_per_um.value < 0.98 * TRUTH.slope_a_per_um


def test_an_enzyme_that_saturates_early_ends_the_linear_range_early() -> None:
    bent = noise_free(100.0)
    assert np.isnan(bent.linear_to_um) or bent.linear_to_um < 59.0


def test_the_limit_of_detection_is_within_20_percent_of_what_went_in_for_each_of_200_seeds() -> None:
    true_lod_um = 3 * np.hypot(1.5e-12, 1.5e-12) / TRUTH.slope_a_per_um
    found = np.array([one.lod_um for one in many()]) / true_lod_um
    assert np.all(np.abs(found - 1.0) < 0.2)
    assert found.mean() == pytest.approx(1.0, abs=0.05)


def test_a_bent_line_and_a_background_that_still_settles_leave_the_slopes_interval_nominal() -> None:
    """Kapp 500 µM, and the potential came on half an hour ago; more cases in ``benchmarks.calibration_coverage``."""
    inside = 0
    for seed in range(SEEDS):
        active = clean(500.0)[0] + noise_a(ARRAY_NOISE, seed, 0) + drift_a(30.0, np.random.default_rng(seed))
        slope = fit_calibration(T_S, active, None, BEAKER_UL, ADDITIONS).slope_a_per_um
        inside += slope.low <= TRUTH.slope_a_per_um <= slope.high
    assert 0.93 * SEEDS <= inside <= 0.975 * SEEDS


def test_the_slopes_interval_covers_the_truth_at_its_nominal_rate() -> None:
    """95 % ± 3 standard errors of a count of 200, for each of the three."""
    slack = 3 * np.sqrt(0.95 * 0.05 / SEEDS)
    slopes = [one.slope_a_per_um for one in many()]
    gains = [one.gain for one in many() if one.gain is not None]
    selectivities = [one.selectivity for one in many() if one.selectivity is not None]
    for truth, found in (
        (TRUTH.slope_a_per_um, slopes), (TRUE_GAIN, gains), (TRUTH.selectivity, selectivities),
    ):  # fmt: skip
        assert len(found) == SEEDS
        assert np.mean([one.low <= truth <= one.high for one in found]) == pytest.approx(0.95, abs=slack)


def test_every_seeds_gain_is_good_enough_to_remove_nine_tenths_of_what_both_sites_see() -> None:
    assert all(one.gain is not None and abs(one.gain.value / TRUE_GAIN - 1.0) < 0.1 for one in many())


def test_the_band_around_the_line_covers_the_true_line_at_its_nominal_rate() -> None:
    slack = 3 * np.sqrt(0.95 * 0.05 / SEEDS)
    at_um = np.array([[30.0, 240.0, 0.0, 0.0]])
    exact = float(noise_free().active.line.band(at_um)[0][0])
    bands = [one.active.line.band(at_um) for one in many()]
    assert np.mean([low[0] <= exact <= high[0] for _, low, high in bands]) == pytest.approx(0.95, abs=slack)


def test_the_response_time_is_that_of_stirrer_and_sensor() -> None:
    """Stirrer 1.5 s, film 0.30 s, enzyme 0.15 s in series, integrated numerically."""
    t = np.arange(0, 60, 0.001)
    levels = np.ones_like(t)
    for lag in (1.5, 0.30, 0.15):
        response, state = np.empty_like(t), 0.0
        keep = np.exp(-0.001 / lag)
        for n, value in enumerate(levels):
            state = keep * state + (1 - keep) * value
            response[n] = state
        levels = response
    truth_s = t[np.argmax(levels >= 0.9)] - t[np.argmax(levels >= 0.1)]
    assert noise_free().response_s == pytest.approx(truth_s, abs=0.15)
    assert np.median([one.response_s for one in many()[:50]]) == pytest.approx(truth_s, abs=0.3)


def test_what_selectivity_means_is_said_in_glutamate() -> None:
    """science.md 2.4 [D]: at 300:1, 250 µM of ascorbate look like 0.83 µM of glutamate."""
    offset = noise_free().ascorbate_offset_um(250.0)
    assert offset is not None
    assert offset.value == pytest.approx(0.83, abs=0.01)


def test_without_a_sentinel_or_peroxide_there_is_no_gain_and_nothing_else_is_missing() -> None:
    active, sentinel = clean()
    alone = fit_calibration(T_S, active, None, BEAKER_UL, ADDITIONS)
    assert alone.gain is None
    assert alone.crosstalk is None
    short = ADDITIONS[-1][0] > T_S
    early = fit_calibration(T_S[short], active[short], sentinel[short], BEAKER_UL, ADDITIONS[:-1])
    assert early.gain is None
    assert early.slope_a_per_um.value == pytest.approx(alone.slope_a_per_um.value, rel=0.01)


@pytest.mark.parametrize(
    ("keep", "why"),
    [((0, 4, 5), "no glutamate"), ((0, 1), "cannot give")],
)
def test_a_beaker_that_cannot_give_a_slope_is_refused_with_the_reason(keep: tuple[int, ...], why: str) -> None:
    active, _ = clean()
    with pytest.raises(ValueError, match=why):
        fit_calibration(T_S, active, None, BEAKER_UL, [ADDITIONS[n] for n in keep])


def test_nominal_concentrations_would_miss_the_slope_by_more_than_1_percent() -> None:
    rows, x_um, y_a = noise_free().active.glutamate_points()
    nominal = stats.linregress([0.0, 20.0, 40.0, 60.0], y_a).slope
    assert nominal < 0.99 * TRUTH.slope_a_per_um
    assert len(rows) == len(x_um) == 1 + [name for name, *_ in FAST].count("glutamate")
