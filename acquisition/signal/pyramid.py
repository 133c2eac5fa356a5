"""Lowest and highest value of a channel at any zoom, without ever looking at all samples again.

Knows samples, buckets of 16, of 256, ... of them, and how to thin them to the pixels of a plot. A gap (NaN) ends the
bucket it falls into at every level, so that it stays a gap at every zoom. Does not know what the values mean.
Factor and memory figures: reference recording.md, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FACTOR = 16
LEVELS = 6
RAW_KEPT = 600_000
"""Samples kept as they came: ten minutes at 1 kHz, sixteen hours at 10 Hz."""
FIRST_LEVEL_KEPT = 600_000
"""Buckets of 16 kept: two and a half hours at 1 kHz. Coarser levels keep the whole session."""

_START, _END, _LOW, _HIGH = range(4)


@dataclass
class _Rows:
    """Growing rows of (start, end, low, high); with ``kept`` only the newest stay. Always one contiguous piece."""

    kept: int | None
    _data: Floats = field(default_factory=lambda: np.empty((4, 1024)), init=False)
    _first: int = field(default=0, init=False)
    _stop: int = field(default=0, init=False)
    evicted: bool = field(default=False, init=False)

    @property
    def rows(self) -> Floats:
        return self._data[:, self._first : self._stop]

    def __len__(self) -> int:
        return self._stop - self._first

    def append(self, new: Floats) -> None:
        count = new.shape[1]
        if self._stop + count > self._data.shape[1]:
            self._make_room(count)
        self._data[:, self._stop : self._stop + count] = new
        self._stop += count
        if self.kept is not None and len(self) > self.kept:
            self._first = self._stop - self.kept
            self.evicted = True

    def _make_room(self, count: int) -> None:
        live = self.rows
        bigger = np.empty((4, 2 * (live.shape[1] + count)))
        bigger[:, : live.shape[1]] = live
        self._data, self._first, self._stop = bigger, 0, live.shape[1]


@dataclass
class MinMaxPyramid:
    """One channel. ``t`` rises; NaN in ``value`` is a gap. Appending 100 samples costs some 10 µs."""

    raw_kept: int = RAW_KEPT
    first_level_kept: int = FIRST_LEVEL_KEPT
    _levels: list[_Rows] = field(init=False, repr=False)
    _open: list[int] = field(init=False, repr=False)
    """How many of the newest rows of level k are not yet inside a bucket of level k + 1."""

    def __post_init__(self) -> None:
        if min(self.raw_kept, self.first_level_kept) < FACTOR:
            raise ValueError(f"keep at least {FACTOR} rows, or a bucket could lose its members")
        kept: list[int | None] = [self.raw_kept, self.first_level_kept]
        self._levels = [_Rows(kept[k] if k < len(kept) else None) for k in range(LEVELS)]
        self._open = [0] * LEVELS

    def append(self, t: Floats, value: Floats) -> None:
        """Take samples: ``t`` and ``value`` of shape (n,), any unit, ``t`` rising and later than all before."""
        gaps = np.flatnonzero(np.isnan(value))
        start = 0
        for gap in [*gaps.tolist(), len(value)]:
            if gap > start:
                run_t, run_v = t[start:gap], value[start:gap]
                self._push(0, np.stack((run_t, run_t, run_v, run_v)))
            if gap < len(value):
                self._break(float(t[gap]))
            start = gap + 1

    def _push(self, level: int, new: Floats) -> None:
        self._levels[level].append(new)
        if level + 1 == LEVELS:
            return
        open_rows = self._open[level] + new.shape[1]
        whole = open_rows - open_rows % FACTOR
        if whole:
            # A long run may exceed what a level keeps; what is needed is then in ``new`` or still in the rows.
            source = new if new.shape[1] >= open_rows else self._tail(level, open_rows)
            self._push(level + 1, _rolled(source[:, :whole]))
        self._open[level] = open_rows - whole

    def _tail(self, level: int, open_rows: int) -> Floats:
        rows = self._levels[level].rows
        if rows.shape[1] >= open_rows:
            return rows[:, rows.shape[1] - open_rows :]
        raise ValueError(f"at most {self.raw_kept - FACTOR} samples at a time")

    def _break(self, t: float) -> None:
        for level in range(LEVELS - 1):
            if self._open[level]:
                rows = self._levels[level].rows
                tail = rows[:, rows.shape[1] - self._open[level] :]
                self._open[level] = 0
                self._push(level + 1, _rolled(tail, tail.shape[1]))
        self._open = [0] * LEVELS
        gap = np.array([[t], [t], [np.nan], [np.nan]])
        for rows_of_level in self._levels:
            rows_of_level.append(gap)

    def buckets(self, level: int) -> Floats:
        """Return rows (start, end, low, high), shape (4, n), at this level; the newest ones finer, none missing."""
        parts = [self._levels[level].rows]
        for finer in range(level - 1, -1, -1):
            rows = self._levels[finer].rows
            parts.append(rows[:, rows.shape[1] - self._open[finer] :])
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def after(self, t: float, most: int) -> tuple[Floats, Floats]:
        """Return (t, value) of the first ``most`` samples later than ``t`` that are still kept; NaN at gaps."""
        rows = self._levels[0].rows
        first = int(np.searchsorted(rows[_START], t, side="right"))
        part = rows[:, first : first + most].copy()
        return part[_START], part[_LOW]

    def line(self, t_from: float, t_to: float, pixels: int) -> tuple[Floats, Floats]:
        """Return (t, value) of a line for a plot ``pixels`` wide: at most some 2 points a pixel, NaN at gaps.

        The grid of the thinning is fixed in time, not to the window's edge, so a moving window does not flicker.
        Reaches one point past each edge, where there is one.
        """
        rows = self._window(t_from, t_to, 4 * pixels)
        if rows.shape[1] <= 2 * pixels and np.array_equal(rows[_START], rows[_END]):
            return rows[_START], rows[_LOW]
        grid = np.floor(rows[_START] / ((t_to - t_from) / pixels))
        missing = np.isnan(rows[_LOW])
        new_group = (np.diff(grid) != 0) | (np.diff(missing) != 0)
        starts = np.concatenate(([0], np.flatnonzero(new_group) + 1))
        ends = np.concatenate((starts[1:], [rows.shape[1]])) - 1
        t = np.empty(2 * len(starts))
        value = np.empty(2 * len(starts))
        t[0::2], t[1::2] = rows[_START][starts], rows[_END][ends]
        value[0::2] = np.fmin.reduceat(rows[_LOW], starts)
        value[1::2] = np.fmax.reduceat(rows[_HIGH], starts)
        return t, value

    def _window(self, t_from: float, t_to: float, most: int) -> Floats:
        """Return the finest rows that still reach back to ``t_from`` and are not more than ``most``."""
        rows = np.empty((4, 0))
        for level in range(LEVELS):
            reaches = self._levels[level]
            if reaches.evicted and reaches.rows[_START, 0] > t_from and level + 1 < LEVELS:
                continue
            rows = self.buckets(level)
            first = max(int(np.searchsorted(rows[_END], t_from)) - 1, 0)
            last = int(np.searchsorted(rows[_START], t_to, side="right")) + 1
            rows = rows[:, first:last]
            if rows.shape[1] <= most:
                break
        return rows

    def __len__(self) -> int:
        """Return how many rows the finest level holds."""
        return len(self._levels[0])


def _rolled(rows: Floats, factor: int = FACTOR) -> Floats:
    """Return one row for every ``factor`` rows."""
    shape = (-1, factor)
    return np.stack(
        (
            rows[_START, ::factor],
            rows[_END, factor - 1 :: factor],
            rows[_LOW].reshape(shape).min(axis=1),
            rows[_HIGH].reshape(shape).max(axis=1),
        )
    )
