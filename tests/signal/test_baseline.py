"""The running baseline: a median of whole seconds that events do not move and memory does not grow with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.signal.baseline import LEAST_SECONDS, RunningBaseline
from tests.signal.pieces import cut, trace


def test_events_that_fill_less_than_half_of_the_time_do_not_move_it() -> None:
    t_s = np.arange(0.0, 600.0, 0.1)
    values = np.where(t_s % 60.0 < 20.0, 5.0, 1.0)
    levels = RunningBaseline(300.0).add(t_s, values)
    assert set(levels[t_s >= 90.0].tolist()) == {1.0}


def test_a_change_that_lasts_becomes_the_baseline_after_half_its_window() -> None:
    t_s = np.arange(0.0, 600.0, 0.1)
    values = np.where(t_s < 300.0, 1.0, 2.0)
    levels = RunningBaseline(120.0).add(t_s, values)
    assert levels[t_s < 358.0][-1] == 1.0
    assert levels[t_s > 362.0][0] == 2.0


def test_its_window_is_as_long_as_was_asked_for() -> None:
    t_s = np.arange(0.0, 200.0, 0.5)
    levels = RunningBaseline(45.0).add(t_s, np.floor(t_s))
    assert (levels[t_s >= 45.0] == np.floor(t_s[t_s >= 45.0]) - 23.0).all()  # the middle of the 45 seconds before


def test_a_second_is_not_part_of_its_own_baseline() -> None:
    t_s = np.arange(0.0, 41.0)
    values = np.concatenate((np.ones(40), [99.0]))
    assert RunningBaseline(30.0).add(t_s, values)[-1] == 1.0


def test_before_enough_is_known_there_is_none() -> None:
    t_s = np.arange(0.0, 60.0, 0.5)
    levels = RunningBaseline().add(t_s, np.ones(len(t_s)))
    assert np.isnan(levels[t_s < LEAST_SECONDS]).all()
    assert (levels[t_s >= LEAST_SECONDS] == 1.0).all()


def test_missing_values_are_missing_and_after_a_long_gap_it_begins_anew() -> None:
    t_s = np.concatenate((np.arange(0.0, 100.0), np.arange(1000.0, 1100.0)))
    values = np.where(t_s < 500.0, 1.0, 7.0)
    values[50:60] = np.nan
    levels = RunningBaseline(120.0).add(t_s, values)
    assert levels[99] == 1.0
    assert np.isnan(levels[100 : 100 + LEAST_SECONDS]).all()
    assert levels[-1] == 7.0


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_piece_by_piece_is_the_same_as_at_once(data: st.DataObject) -> None:
    t_s, values = data.draw(trace(0.5, 240))
    whole = RunningBaseline(45.0).add(t_s, values)
    running = RunningBaseline(45.0)
    pieces = [running.add(t_s[part], values[part]) for part in cut(data.draw, len(t_s))]
    assert np.allclose(np.concatenate([np.empty(0), *pieces]), whole, rtol=1e-12, equal_nan=True)


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_it_is_the_median_of_the_seconds_in_its_window(data: st.DataObject) -> None:
    t_s, values = data.draw(trace(0.5, 200))
    levels = RunningBaseline(45.0).add(t_s, values)
    good, second = np.isfinite(values), np.floor(t_s)
    for place in range(0, len(t_s), 17):
        seconds = [s for s in np.unique(second[good]) if second[place] - 45.0 <= s < second[place]]
        means = [values[good & (second == s)].mean() for s in seconds]
        wanted = np.median(means) if len(means) >= LEAST_SECONDS else np.nan
        assert levels[place] == pytest.approx(wanted, rel=1e-12, nan_ok=True)


def test_memory_is_that_of_the_window_however_long_it_runs() -> None:
    running = RunningBaseline(60.0)
    for hour in range(24):
        t_s = hour * 3600.0 + np.arange(0.0, 3600.0, 5.0)
        running.add(t_s, np.sin(t_s))
    assert len(running._seconds) <= 61
    assert len(running._sorted) == len(running._seconds)
