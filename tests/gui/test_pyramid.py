"""The min/max pyramid draws what brute force would draw, in few points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.signal.concentration import apparent_um
from acquisition.signal.pyramid import FACTOR, LEVELS, MinMaxPyramid

VALUES = st.one_of(st.floats(-1e-6, 1e-6), st.just(float("nan")))
CHUNKS = st.lists(st.lists(VALUES, max_size=90), max_size=12)


def grown(chunks: list[list[float]], **kept: int) -> tuple[MinMaxPyramid, np.ndarray, np.ndarray]:
    pyramid = MinMaxPyramid(**kept)
    start = 0
    for chunk in chunks:
        t = np.arange(start, start + len(chunk), dtype=np.float64)
        pyramid.append(t, np.array(chunk, dtype=np.float64))
        start += len(chunk)
    values = np.array([value for chunk in chunks for value in chunk], dtype=np.float64)
    return pyramid, np.arange(len(values), dtype=np.float64), values


@given(chunks=CHUNKS, level=st.integers(0, LEVELS - 1))
def test_every_bucket_of_every_level_is_the_brute_force_extreme_of_its_samples(
    chunks: list[list[float]], level: int
) -> None:
    pyramid, t, values = grown(chunks)

    start, end, low, high = pyramid.buckets(level)

    assert np.all(np.diff(start) > 0)
    seen = 0
    for first, last, lowest, highest in zip(start, end, low, high, strict=True):
        inside = values[(t >= first) & (t <= last)]
        seen += len(inside)
        if np.isnan(lowest):
            assert len(inside) == 1
            assert np.isnan(inside[0])
        else:
            assert lowest == inside.min()  # a NaN inside would make this fail: no bucket reaches across a gap
            assert highest == inside.max()
    assert seen == len(values)  # none missing, none twice


@given(chunks=CHUNKS, pixels=st.integers(2, 40), edges=st.tuples(st.integers(0, 500), st.integers(1, 500)))
def test_a_line_shows_the_extremes_of_what_is_in_the_window(
    chunks: list[list[float]], pixels: int, edges: tuple[int, int]
) -> None:
    pyramid, t, values = grown(chunks)
    if not len(values):
        return
    t_from, t_to = float(edges[0]), float(edges[0] + edges[1])
    window = values[(t >= t_from) & (t <= t_to)]
    finite = window[np.isfinite(window)]

    _t, drawn = pyramid.line(t_from, t_to, pixels)

    if len(finite):
        assert np.nanmin(drawn) <= finite.min()
        assert np.nanmax(drawn) >= finite.max()
        everything = values[np.isfinite(values)]
        assert set(drawn[np.isfinite(drawn)]) <= set(everything)  # nothing is invented


@given(chunks=CHUNKS, pixels=st.integers(2, 40))
def test_the_whole_line_has_exactly_the_extremes_of_all_samples(chunks: list[list[float]], pixels: int) -> None:
    pyramid, _t, values = grown(chunks)
    if not np.isfinite(values).any():
        return

    _t, drawn = pyramid.line(-1.0, float(len(values)), pixels)

    assert np.nanmin(drawn) == np.nanmin(values)
    assert np.nanmax(drawn) == np.nanmax(values)


@given(before=st.integers(1, 200), after=st.integers(1, 200), pixels=st.integers(4, 60))
def test_a_gap_stays_a_gap_at_every_zoom(before: int, after: int, pixels: int) -> None:
    pyramid = MinMaxPyramid()
    pyramid.append(np.arange(before, dtype=float), np.ones(before))
    pyramid.append(np.array([float(before)]), np.array([np.nan]))
    pyramid.append(np.arange(10_000, 10_000 + after, dtype=float), np.ones(after))

    t, drawn = pyramid.line(0.0, 10_000.0 + after, pixels)

    hole = np.flatnonzero(np.isnan(drawn))
    assert len(hole)
    left, right = t[: hole[0]], t[hole[-1] + 1 :]
    assert left.max() < before
    assert right.min() >= 10_000  # no line is drawn across


def test_a_long_session_needs_two_points_a_pixel_and_old_samples_are_thinned_not_lost() -> None:
    pyramid = MinMaxPyramid(raw_kept=1000, first_level_kept=1000)
    rng = np.random.default_rng(1)
    values = rng.normal(size=200_000)
    for start in range(0, len(values), 500):
        pyramid.append(np.arange(start, start + 500, dtype=float), values[start : start + 500])

    t, drawn = pyramid.line(0.0, 200_000.0, 800)
    t_late, late = pyramid.line(199_500.0, 200_000.0, 800)

    assert len(pyramid) == 1000
    assert len(drawn) <= 2 * 801
    assert drawn.min() == values.min()
    assert drawn.max() == values.max()
    assert t[0] == 0.0
    assert np.array_equal(late[-400:], values[-400:])  # the last minutes come as they were
    assert len(t_late) <= 502


def test_a_moving_window_draws_the_same_bins() -> None:
    pyramid = MinMaxPyramid()
    values = np.sin(np.arange(50_000) / 7)
    pyramid.append(np.arange(50_000, dtype=float), values)
    pixel = 20_000 / 500

    t_a, a = pyramid.line(10_000.0, 30_000.0, 500)
    t_b, b = pyramid.line(10_000.0 + pixel, 30_000.0 + pixel, 500)

    shared = (t_a > 10_200) & (t_a < 29_800)
    assert np.isin(t_a[shared], t_b).all()
    assert np.isin(a[shared], b).all()


def test_too_small_a_memory_is_refused() -> None:
    with pytest.raises(ValueError, match=str(FACTOR)):
        MinMaxPyramid(raw_kept=3)


def test_apparent_concentration_is_current_over_sensitivity_and_nothing_else() -> None:
    current_a = np.array([7e-12, -7e-12, np.nan, 0.0])

    um = apparent_um(current_a, 7e-12)

    assert np.array_equal(um, np.array([1.0, -1.0, np.nan, 0.0]), equal_nan=True)


@pytest.mark.parametrize("sensitivity", [0.0, float("nan"), float("inf")])
def test_no_concentration_without_a_sensitivity(sensitivity: float) -> None:
    with pytest.raises(ValueError, match="no concentration"):
        apparent_um(np.zeros(1), sensitivity)
