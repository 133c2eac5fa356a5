"""Traces with gaps, and ways to cut them into pieces, for properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@st.composite
def trace(draw: st.DrawFn, interval_s: float, longest: int = 120) -> tuple[Floats, Floats]:
    """Return times with jumps, and currents in A with values that are none."""
    count = draw(st.integers(0, longest))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = 1e-10 + rng.normal(0.0, 2e-12, count).cumsum()
    values[rng.random(count) < draw(st.sampled_from([0.0, 0.05, 0.5]))] = draw(st.sampled_from([np.nan, np.inf]))
    jumps = np.where(rng.random(count) < draw(st.sampled_from([0.0, 0.05])), 3.0, 0.0)
    return np.cumsum(interval_s + jumps), values


def cut(draw: Callable[[Any], Any], count: int) -> list[slice]:
    """Return slices that follow each other and together are the whole."""
    edges = sorted(draw(st.lists(st.integers(0, count), max_size=12)))
    return [slice(start, stop) for start, stop in zip([0, *edges], [*edges, count], strict=True)]
