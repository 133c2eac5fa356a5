"""Display filters: late by what they say, the same piece by piece as at once, and never across a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from acquisition.signal.filters import FILTERS, NONE, DisplayFilter, FilterSpec, Floats, filtered
from tests.signal.pieces import cut, trace

TEN_HZ, KILOHERTZ = 0.1, 0.001
AT_TEN_HZ = [name for name in FILTERS if name != "mains"]


def at(interval_s: float, count: int) -> Floats:
    return np.arange(count, dtype=np.float64) * interval_s


@pytest.mark.parametrize("interval_s", [TEN_HZ, KILOHERTZ])
@pytest.mark.parametrize("name", AT_TEN_HZ)
def test_a_ramp_is_shown_late_by_the_delay_that_is_stated(name: str, interval_s: float) -> None:
    t_s = at(interval_s, round(60.0 / interval_s))
    shown = filtered(t_s, 3e-12 * t_s, FILTERS[name], interval_s)
    late_s = t_s[-1] - shown[-1] / 3e-12
    assert late_s == pytest.approx(FILTERS[name].delay_s(interval_s), abs=1e-4)


@pytest.mark.parametrize("name", [name for name in AT_TEN_HZ if name != "none"])
def test_half_of_a_step_is_there_after_about_the_delay_that_is_stated(name: str) -> None:
    t_s = at(KILOHERTZ, 30_000)
    shown = filtered(t_s, np.where(t_s >= 10.0, 1.0, 0.0), FILTERS[name], KILOHERTZ)
    stated_s = FILTERS[name].delay_s(KILOHERTZ)
    assert t_s[np.argmax(shown >= 0.5)] - 10.0 == pytest.approx(stated_s, rel=0.05)
    assert shown[-1] == pytest.approx(1.0)


def test_delays_are_those_of_the_arithmetic_of_each_filter() -> None:
    stated = {name: round(FILTERS[name].delay_s(TEN_HZ), 3) for name in AT_TEN_HZ}
    assert stated["none"] == 0.0
    assert stated["mean 1 s"] == 0.45  # ten samples: nine distances, half of them
    assert stated["glitches"] == 0.2  # five samples
    assert FILTERS["low-pass 0.2 Hz"].delay_s(KILOHERTZ) == pytest.approx(2**0.5 / (2 * np.pi * 0.2), rel=1e-3)


@pytest.mark.parametrize("interval_s", [TEN_HZ, KILOHERTZ])
def test_the_delay_of_a_low_pass_is_that_which_scipy_finds_near_0_hz(interval_s: float) -> None:
    b, a = signal.butter(2, 1.0, fs=1.0 / interval_s)
    _w, delay = signal.group_delay((b, a), w=[1e-4], fs=1.0 / interval_s)
    assert FILTERS["low-pass 1 Hz"].delay_s(interval_s) == pytest.approx(delay[0] * interval_s, rel=1e-4)


@pytest.mark.parametrize("name", AT_TEN_HZ)
def test_a_constant_stays_what_it_is_from_the_first_sample_on(name: str) -> None:
    shown = filtered(at(TEN_HZ, 200), np.full(200, 1.5e-10), FILTERS[name], TEN_HZ)
    assert np.allclose(shown, 1.5e-10, rtol=1e-12)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_piece_by_piece_is_the_same_as_at_once(data: st.DataObject) -> None:
    spec = FILTERS[data.draw(st.sampled_from(AT_TEN_HZ))]
    t_s, values = data.draw(trace(TEN_HZ))
    whole = filtered(t_s, values, spec, TEN_HZ)

    running = DisplayFilter(spec, TEN_HZ)
    pieces = [running.add(t_s[part], values[part]) for part in cut(data.draw, len(t_s))]

    assert np.allclose(np.concatenate([np.empty(0), *pieces]), whole, rtol=1e-9, atol=1e-20, equal_nan=True)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_nothing_is_carried_across_a_gap_and_nothing_is_shown_in_it(data: st.DataObject) -> None:
    spec = FILTERS[data.draw(st.sampled_from(AT_TEN_HZ))]
    t_s, values = data.draw(trace(TEN_HZ))
    shown = filtered(t_s, values, spec, TEN_HZ)
    assert np.array_equal(np.isnan(shown), ~np.isfinite(values))
    after = np.flatnonzero(np.isfinite(values) & (np.diff(t_s, prepend=-1e9) > 0.15))
    for first in after.tolist():
        assert shown[first] == pytest.approx(values[first], rel=1e-9, abs=1e-20)
        assert np.allclose(
            filtered(t_s[first:], values[first:], spec, TEN_HZ), shown[first:], rtol=1e-9, atol=1e-20, equal_nan=True
        )


def test_a_glitch_is_gone_and_a_step_is_not() -> None:
    values = np.full(100, 1.0)
    values[40:42] = 50.0
    values[60:] = 2.0
    shown = filtered(at(TEN_HZ, 100), values, FILTERS["glitches"], TEN_HZ)
    assert set(shown.tolist()) == {1.0, 2.0}
    assert shown[-1] == 2.0


@pytest.mark.parametrize("hz", [50.0, 60.0, 100.0])
def test_mains_is_taken_out_where_the_instrument_samples_fast_enough(hz: float) -> None:
    t_s = at(KILOHERTZ, 2000)
    shown = filtered(t_s, 1e-10 + 20e-12 * np.sin(2 * np.pi * hz * t_s), FILTERS["mains"], KILOHERTZ)
    assert np.abs(shown[100:] - 1e-10).max() < 0.01 * 20e-12


def test_where_mains_looks_like_current_no_filter_claims_to_take_it_out() -> None:
    assert "10 samples/s are too few" in FILTERS["mains"].fault(TEN_HZ)
    assert FILTERS["mains"].left_of(50.0, TEN_HZ) == pytest.approx(1.0)
    assert "too few" in FILTERS["mains"].fault(1 / 100)  # its first harmonic looks like current here
    assert FILTERS["mains"].fault(1 / 250) == ""


@pytest.mark.parametrize(
    ("spec", "interval_s", "why"),
    [
        (FilterSpec("mean", 1.0), 1.0, "too few samples"),
        (FilterSpec("median", 0.5), 1.0, "too few samples"),
        (FilterSpec("low-pass", 1.0), 1.0, "nothing above 1 Hz"),
    ],
)
def test_a_filter_that_would_do_nothing_says_why_and_is_refused(spec: FilterSpec, interval_s: float, why: str) -> None:
    assert why in spec.fault(interval_s)
    with pytest.raises(ValueError, match=why):
        DisplayFilter(spec, interval_s)


def test_samples_without_a_distance_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be filtered"):
        DisplayFilter(NONE, 0.0)


@pytest.mark.parametrize("name", AT_TEN_HZ)
def test_what_is_filtered_is_left_as_it_was(name: str) -> None:
    values = np.random.default_rng(1).normal(size=100)
    before = values.copy()
    filtered(at(TEN_HZ, 100), values, FILTERS[name], TEN_HZ)
    assert np.array_equal(values, before)
