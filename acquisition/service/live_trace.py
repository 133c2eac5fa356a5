"""Samples on their way to a screen: fewer points when the screen is slow, and still every peak and every gap.

Pure functions over arrays of shape (n,) times in ns and (n, channels) amperes. Knows nothing of clients. Never used
for what is recorded.
"""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Trace:
    """Points to draw: ``t_ns`` (n,), ``current_a`` (n, channels); a row of NaN breaks the line."""

    t_ns: NDArray[np.int64]
    current_a: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.t_ns)


def joined(traces: list[Trace]) -> Trace:
    """Return traces one after the other."""
    return Trace(np.concatenate([t.t_ns for t in traces]), np.concatenate([t.current_a for t in traces]))


def reduced(trace: Trace, max_points: int) -> Trace:
    """Return at most ``max_points`` points that keep every channel's extremes, and every gap as at least one break.

    Each bucket of neighbours becomes its lowest and highest value per channel, in the order they occurred, at the
    bucket's first and last time; a bucket with a gap in it gets a row of NaN between them.
    """
    if len(trace) <= max_points:
        return trace
    buckets = max(1, max_points // 3)
    edges = np.linspace(0, len(trace), buckets + 1).astype(np.int64)
    t_parts: list[NDArray[np.int64]] = []
    value_parts: list[NDArray[np.float64]] = []
    for first, end in itertools.pairwise(edges.tolist()):
        values = trace.current_a[first:end]
        low, high = _extremes(values)
        rises = _first_where(values, low) <= _first_where(values, high)
        rows = [np.where(rises, low, high), np.where(rises, high, low)]
        times = [trace.t_ns[first], trace.t_ns[end - 1]]
        if np.isnan(values).all(axis=1).any():
            rows.insert(1, np.full_like(low, np.nan))
            times.insert(1, times[0])
        t_parts.append(np.array(times, dtype=np.int64))
        value_parts.append(np.array(rows))
    return Trace(np.concatenate(t_parts), np.concatenate(value_parts))


def _extremes(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a bucket that is all gap: NaN is the right answer
        return np.nanmin(values, axis=0), np.nanmax(values, axis=0)


def _first_where(values: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.intp]:
    found: NDArray[np.intp] = np.argmax(values == wanted, axis=0)
    return found
