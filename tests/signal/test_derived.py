"""What is looked at: sentinel off, smoothed, baseline off; the match watched; µM with the band of the slope."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.signal.concentration import um_band
from acquisition.signal.derived import Derivation, Recipe, derived
from acquisition.signal.filters import FILTERS
from acquisition.signal.match_watch import MatchWatch
from acquisition.signal.self_reference import match
from tests.analysis.test_self_reference import TRUE_GAIN, sites
from tests.signal.pieces import cut, trace

TEN_HZ = 0.1
RECIPES = (
    Recipe(),
    Recipe(filter=FILTERS["mean 1 s"]),
    Recipe(gain=1.2, filter=FILTERS["low-pass 1 Hz"], baseline_s=60.0),
    Recipe(gain=1.0, baseline_s=60.0),
)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_the_live_trace_is_that_of_the_whole_recording(data: st.DataObject) -> None:
    recipe = data.draw(st.sampled_from(RECIPES))
    t_s, active_a = data.draw(trace(TEN_HZ, 500))
    sentinel_a = np.where(np.arange(len(t_s)) % 97 == 5, np.nan, 0.8 * active_a)
    before = active_a.copy()
    whole = derived(t_s, active_a, recipe, TEN_HZ, sentinel_a)

    live = Derivation(recipe, TEN_HZ)
    pieces = [live.add(t_s[part], active_a[part], sentinel_a[part]) for part in cut(data.draw, len(t_s))]

    assert np.allclose(np.concatenate([np.empty(0), *pieces]), whole, rtol=1e-9, atol=1e-19, equal_nan=True)
    assert np.array_equal(active_a, before, equal_nan=True)


def test_a_common_step_leaves_the_difference_and_an_own_one_stays() -> None:
    t_s = np.arange(0.0, 200.0, TEN_HZ)
    common_a = np.where(t_s > 100.0, 50e-12, 0.0)
    own_a = np.where(t_s > 150.0, 14e-12, 0.0)
    shown_a = derived(
        t_s, 150e-12 + 1.25 * common_a + own_a, Recipe(gain=1.25, baseline_s=60.0), TEN_HZ, 90e-12 + common_a
    )
    assert np.isnan(shown_a[0])
    assert np.allclose(shown_a[(t_s > 40.0) & (t_s < 149.0)], 0.0, atol=1e-18)
    assert shown_a[np.searchsorted(t_s, 155.0)] == pytest.approx(14e-12)


def test_the_delta_is_the_smoothed_trace_less_its_baseline() -> None:
    t_s = np.arange(0.0, 100.0, TEN_HZ)
    running = Derivation(Recipe(filter=FILTERS["mean 1 s"], baseline_s=60.0), TEN_HZ)
    shown_a = running.add(t_s, 1e-10 + np.where(t_s > 90.0, 4e-12, 0.0))
    assert running.baseline is not None
    assert running.baseline.level == pytest.approx(1e-10)
    assert shown_a[-1] == pytest.approx(4e-12)


def test_the_baseline_is_as_late_as_the_trace_that_it_is_taken_off() -> None:
    t_s = np.arange(0.0, 200.0, TEN_HZ)
    plain_a, late_a = (
        derived(t_s, 1e-12 * t_s, Recipe(filter=FILTERS[name], baseline_s=60.0), TEN_HZ)
        for name in ("none", "mean 5 s")
    )
    assert late_a[-1] == pytest.approx(plain_a[-1])


def test_a_sentinel_that_is_not_there_is_not_taken_for_zero() -> None:
    with pytest.raises(ValueError, match="there is none"):
        Derivation(Recipe(gain=1.0), TEN_HZ).add(np.zeros(1), np.zeros(1))


# -- the match, watched ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gain", "verdict"), [(TRUE_GAIN, True), (1.0, False)])
def test_the_watch_judges_live_as_the_analysis_does_afterwards(gain: float, verdict: bool) -> None:
    active_a, sentinel_a = sites(60e-12, seed=3)
    watch, t_s = MatchWatch(TEN_HZ), np.arange(len(active_a), dtype=np.float64) * TEN_HZ
    for start in range(0, len(t_s), 37):
        part = slice(start, start + 37)
        watch.add(t_s[part], active_a[part], sentinel_a[part])
    assert watch.quality(gain) == match(active_a, sentinel_a, gain)
    assert watch.quality(gain).matched is verdict


def test_the_watch_forgets_what_is_older_than_its_stretch_and_a_gap_is_no_change() -> None:
    watch = MatchWatch(TEN_HZ, over_s=300.0)
    for hour in range(6):
        t_s = hour * 3600.0 + np.arange(0.0, 1800.0, TEN_HZ)
        watch.add(t_s, np.full(len(t_s), 1e-10 + hour * 1e-10), np.full(len(t_s), hour * 1e-10))
    assert watch._means.shape[1] <= 3000
    assert watch.quality(1.0).matched is None


def test_what_both_sites_did_in_a_gap_is_no_evidence() -> None:
    rng, watch = np.random.default_rng(4), MatchWatch(TEN_HZ)
    for piece in range(20):
        t_s = piece * 100.0 + np.arange(0.0, 60.0, TEN_HZ)
        common_a = np.full(len(t_s), 1e-10 * (piece % 2))
        watch.add(t_s, common_a + rng.normal(0, 1e-12, len(t_s)), common_a + rng.normal(0, 1e-12, len(t_s)))
    assert watch.quality(1.0).matched is None


def test_a_fast_instrument_is_thinned_to_ten_means_a_second() -> None:
    rng = np.random.default_rng(1)
    watch = MatchWatch(0.001)
    t_s = np.arange(0.0, 20.0, 0.001)
    watch.add(t_s, rng.normal(0, 1e-11, len(t_s)), np.zeros(len(t_s)))
    assert watch._means.shape == (2, 200)
    assert watch.quality(1.0).residual_sd_a == pytest.approx(1e-12, rel=0.15)


# -- µM with its band ------------------------------------------------------------------------------------------------


def test_the_band_is_what_the_ends_of_the_slopes_interval_make_of_a_current_of_either_sign() -> None:
    low_um, high_um = um_band(np.array([140e-12, -140e-12, np.nan]), 6.5e-12, 7.5e-12)
    assert low_um[:2] == pytest.approx([140 / 7.5, -140 / 6.5])
    assert high_um[:2] == pytest.approx([140 / 6.5, -140 / 7.5])
    assert np.isnan([low_um[2], high_um[2]]).all()


def test_the_band_holds_the_true_concentration_as_often_as_its_interval_holds_the_true_slope() -> None:
    rng = np.random.default_rng(5)
    slope, error, true_um = 7e-12, 0.2e-12, 12.0
    found = slope + error * rng.standard_normal(4000)
    inside = [
        low <= true_um <= high
        for low, high in (um_band(np.array(true_um * slope), s - 1.96 * error, s + 1.96 * error) for s in found)
    ]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("ends", [(0.0, 1e-12), (-1e-12, 1e-12), (2e-12, 1e-12), (1e-12, np.inf), (np.nan, 1e-12)])
def test_an_interval_that_is_none_gives_no_band(ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="gives no band"):
        um_band(np.zeros(1), *ends)
