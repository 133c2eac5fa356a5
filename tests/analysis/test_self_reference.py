"""Self-referencing against currents whose parts are known: science.md 4.7, self-test 2, and 2.5."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from acquisition.signal.self_reference import match, self_referenced
from sim_devices.models.noise import Noise, SiteNoise, white_a

Array = NDArray[np.float64]
SENTINEL_OF_ACTIVE = 0.85
"""What the sentinel answers of what the glutamate site answers, to all but glutamate."""
TRUE_GAIN = 1.0 / SENTINEL_OF_ACTIVE


def sites(step_a: float, seed: int, steps: int = 1, noise_a: float = 1.5e-12) -> tuple[Array, Array]:
    """Return (active, sentinel), A, 10 Hz: ascorbate steps that both see, noise of each of its own, no glutamate."""
    length = 6000
    common_a = np.zeros(length)
    for start in np.linspace(0, length, steps + 1, endpoint=False)[1:].astype(int):
        common_a[start:] += step_a * (1.0 - np.exp(-np.arange(length - start) / 15.0))
    own_a = [noise(length, noise_a, np.random.default_rng((seed, site))) for site in range(2)]
    return 150e-12 + common_a + own_a[0], 130e-12 + SENTINEL_OF_ACTIVE * common_a + own_a[1]


def noise(length: int, size_a: float, rng: np.random.Generator) -> Array:
    site = SiteNoise(Noise(white_a=size_a, pink_a=size_a), rng)
    seconds = [site.second() for _ in range(length // 10)]
    pink_a = np.concatenate([pink.reshape(10, -1).mean(axis=1) for pink, _ in seconds])
    return np.asarray(pink_a + np.concatenate([white_a(charges, 5)[4::5] for _, charges in seconds]))


def left_of_step(difference_a: Array, step_a: float) -> float:
    """Return which part of the step is left after the subtraction."""
    return abs(float(np.mean(difference_a[-2000:]) - np.mean(difference_a[:2900]))) / step_a


@pytest.mark.parametrize("seed", range(5))
def test_a_calibrated_gain_removes_nine_tenths_of_an_ascorbate_step_and_is_called_matched(seed: int) -> None:
    step_a = 60e-12
    active_a, sentinel_a = sites(step_a, seed)
    assert left_of_step(self_referenced(active_a, sentinel_a, TRUE_GAIN), step_a) <= 0.1
    quality = match(active_a, sentinel_a, TRUE_GAIN)
    assert quality.matched is True
    assert quality.gain_seen == pytest.approx(TRUE_GAIN, abs=3 * quality.gain_seen_se)


@pytest.mark.parametrize("seed", range(5))
def test_a_gain_of_1_against_a_true_085_leaves_more_and_the_check_says_so(seed: int) -> None:
    step_a = 60e-12
    active_a, sentinel_a = sites(step_a, seed)
    assert left_of_step(self_referenced(active_a, sentinel_a, 1.0), step_a) > 0.1
    quality = match(active_a, sentinel_a, 1.0)
    assert quality.matched is False
    assert quality.correlation > abs(match(active_a, sentinel_a, TRUE_GAIN).correlation)


def test_sites_that_share_nothing_are_neither_matched_nor_a_mismatch() -> None:
    active_a, sentinel_a = sites(0.0, seed=1)
    assert match(active_a, sentinel_a, 1.0).matched is None
    assert match(active_a, sentinel_a, 1.5).matched is None


def test_too_few_samples_say_nothing() -> None:
    active_a, sentinel_a = sites(60e-12, seed=1)
    quality = match(active_a[:500], sentinel_a[:500], 1.0)
    assert quality.matched is None
    assert np.isnan(quality.gain_seen)
    assert np.isfinite(quality.residual_sd_a)


def test_the_noise_left_is_that_of_both_sites() -> None:
    rng = np.random.default_rng(3)
    active_a, sentinel_a = rng.normal(0, 2e-12, (2, 20000))
    quality = match(active_a, sentinel_a, 1.2)
    assert quality.residual_sd_a == pytest.approx(2e-12 * (1 + 1.2**2) ** 0.5, rel=0.03)


def test_the_gain_seen_lies_within_two_standard_errors_as_often_as_it_should() -> None:
    inside = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        common = np.repeat([0.0, 40.0, 0.0, 40.0], 1000)
        active, sentinel = (factor * common + rng.normal(0, 4.0, 4000) for factor in (1.0, SENTINEL_OF_ACTIVE))
        quality = match(active, sentinel, TRUE_GAIN, every=50)
        inside.append(abs(quality.gain_seen - TRUE_GAIN) < 2 * quality.gain_seen_se)
    assert 0.90 <= np.mean(inside) <= 0.99


def test_glutamate_on_the_active_site_alone_is_no_mismatch() -> None:
    active_a, sentinel_a = sites(60e-12, seed=2, steps=2)
    active_a[1000:1400] += 14e-12  # 2 uM at 7 pA/uM
    active_a[5000:5400] += 14e-12
    assert match(active_a, sentinel_a, TRUE_GAIN).matched is True
    assert match(active_a, sentinel_a, 1.0).matched is False


def test_a_gap_on_either_site_is_a_gap_in_the_difference() -> None:
    difference_a = self_referenced(np.array([1.0, np.nan, 3.0]), np.array([0.5, 1.0, np.nan]), 2.0)
    assert difference_a[0] == 0.0
    assert np.isnan(difference_a[1:]).all()


@pytest.mark.parametrize("gain", [0.0, -1.0, float("nan"), float("inf")])
def test_a_gain_that_is_no_positive_number_is_refused(gain: float) -> None:
    with pytest.raises(ValueError, match="must be a positive number"):
        self_referenced(np.zeros(3), np.zeros(3), gain)
