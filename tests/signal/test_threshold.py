"""Thresholds: enter, dwell, hysteresis, and what a missing stretch means."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from acquisition.signal.threshold import Crossing, Threshold

S = 1_000_000_000


def at_10_hz(*values: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    return np.arange(len(values), dtype=np.int64) * (S // 10), np.array(values, np.float64)


def crossings(values: list[float], **changes: float | bool) -> list[Crossing]:
    wanted = {"enter": 5.0, "leave": 3.0, "above": True, "dwell_s": 0.2} | changes
    return Threshold(**wanted).add(*at_10_hz(*values))  # type: ignore[arg-type]


def test_a_signal_that_stays_beyond_for_the_dwell_has_crossed_with_the_first_sample_beyond() -> None:
    (found,) = crossings([0, 5, 7, 6, 6])
    assert (found.since_ns, found.t_ns, found.value, found.over) == (S // 10, 3 * S // 10, 7.0, False)


def test_a_spike_shorter_than_the_dwell_is_none() -> None:
    assert crossings([0, 9, 9, 0, 9, 9, 0, 9]) == []


def test_between_the_two_levels_it_stays_what_it_was_and_below_the_lower_it_is_back() -> None:
    found = crossings([6, 6, 6, 4, 4, 4, 4, 2, 2, 2, 4, 4, 4])
    assert [one.over for one in found] == [False, True]
    assert found[1].value == 2.0


def test_downwards_is_the_mirror_image() -> None:
    up = crossings([0, 6, 7, 6, 2, 1, 2])
    down = crossings([0, -6, -7, -6, -2, -1, -2], enter=-5.0, leave=-3.0, above=False)
    assert [(one.t_ns, -one.value, one.over) for one in down] == [(one.t_ns, one.value, one.over) for one in up]


def test_missing_values_neither_cross_nor_bring_back_and_a_long_gap_begins_the_dwell_anew() -> None:
    nan = float("nan")
    assert len(crossings([6, nan, 6])) == 1
    assert len(crossings([6, 6, 6, nan, nan, nan, nan])) == 1
    assert crossings([6, *[nan] * 25, 6, 6]) == []


def test_a_threshold_the_wrong_way_is_refused() -> None:
    with pytest.raises(ValueError, match="comes back"):
        Threshold(5.0, 6.0, above=True, dwell_s=0.0)
    with pytest.raises(ValueError, match="comes back"):
        Threshold(5.0, 4.0, above=False, dwell_s=0.0)


@given(st.lists(st.floats(-10, 10) | st.just(float("nan")), max_size=80), st.lists(st.integers(0, 80), max_size=5))
def test_cut_anywhere_it_says_the_same_and_crossings_alternate(values: list[float], cuts: list[int]) -> None:
    t_ns, current = at_10_hz(*values)
    whole, pieces = (Threshold(5.0, 3.0, above=True, dwell_s=0.2) for _ in range(2))
    found = whole.add(t_ns, current)
    edges = sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})
    cut_found = [one for a, b in pairwise(edges) for one in pieces.add(t_ns[a:b], current[a:b])]
    assert cut_found == found
    assert [one.over for one in found] == [bool(n % 2) for n in range(len(found))]
