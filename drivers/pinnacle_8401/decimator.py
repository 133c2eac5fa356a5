"""The filter from 2000 raw samples a second to what is recorded: a moving mean over 0.1 s, in whole numbers. Pure.

A mean over 100 ms holds 5 whole periods of 50 Hz and 6 of 60 Hz: it nulls both and all their harmonics, and so does any
multiple of 100 ms. It is evaluated every 10 to 100 ms, so faster outputs overlap. A window that misses a single raw
sample gives no output: never a mean over something else than it says. Sums are exact integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drivers.errors import NotEncodable

RAW_RATE_HZ: Final = 2000
RAW_PERIOD_NS: Final = 500_000
WINDOW: Final = 200
"""Raw samples in 100 ms."""
LONGEST: Final = 2000
RAIL_LOW: Final = 8
RAIL_HIGH: Final = 262_135

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Filter:
    """How many raw samples lie between two outputs, and how many are averaged."""

    every: int
    window: int

    @property
    def delay_ns(self) -> int:
        """Return how far the middle of a window lies behind its first raw sample."""
        return (self.window - 1) * RAW_PERIOD_NS // 2


def filter_for(interval_s: float) -> Filter:
    """Return the filter of an output interval. Raises NotEncodable for one at which it would not null the mains."""
    every = interval_s * RAW_RATE_HZ
    whole = round(every) if math.isfinite(every) and every <= LONGEST else 0
    if whole >= 20 and abs(every - whole) < 1e-6 and (WINDOW % whole == 0 or whole % WINDOW == 0):
        return Filter(whole, max(WINDOW, whole))
    raise NotEncodable(
        f"interval {interval_s:g} s: an 8401-HR is recorded every 10, 12.5, 20, 25, 50 or 100 ms, or every whole "
        "multiple of 100 ms up to 1 s; only then does its filter null the mains"
    )


@dataclass
class Decimator:
    """Carries the unfinished windows from one call to the next."""

    filter: Filter
    channels: int
    _index: Whole = field(init=False)
    _codes: Whole = field(init=False)
    _blocks: tuple[Whole, Whole, NDArray[np.bool_]] = field(init=False)

    def __post_init__(self) -> None:
        self._index = np.empty(0, dtype=np.int64)
        self._codes = np.empty((0, self.channels), dtype=np.int64)
        self._blocks = (self._index, self._codes, self._codes.astype(bool))

    def feed(self, index: Whole, codes: Whole) -> tuple[Whole, Whole, NDArray[np.bool_]]:
        """Take raw samples with rising places; return outputs: places (n,), sums (n, channels), railed (n, channels).

        Output ``n`` is the window that begins at raw sample ``n * every``.
        """
        fresh = self._whole_blocks(index, codes)
        place, sums, railed = (np.concatenate((old, new)) for old, new in zip(self._blocks, fresh, strict=True))
        size = self.filter.window // self.filter.every
        self._blocks = (place[-size + 1 :], sums[-size + 1 :], railed[-size + 1 :]) if size > 1 else self._none()
        count = max(place.size - size + 1, 0)
        whole = np.flatnonzero(place[place.size - count :] - place[:count] == size - 1)
        running = np.concatenate((np.zeros((1, self.channels), dtype=np.int64), np.cumsum(sums, axis=0)))
        rails = np.concatenate((np.zeros((1, self.channels), dtype=np.int64), np.cumsum(railed, axis=0)))
        return place[whole], running[whole + size] - running[whole], rails[whole + size] > rails[whole]

    def _none(self) -> tuple[Whole, Whole, NDArray[np.bool_]]:
        empty = np.empty((0, self.channels), dtype=np.int64)
        return np.empty(0, dtype=np.int64), empty, empty.astype(bool)

    def _whole_blocks(self, index: Whole, codes: Whole) -> tuple[Whole, Whole, NDArray[np.bool_]]:
        """Return the blocks of ``every`` raw samples that are finished and lack none: places, sums, railed."""
        index = np.concatenate((self._index, index))
        codes = np.concatenate((self._codes, codes))
        if not index.size:
            return self._none()
        every = self.filter.every
        open_from = int(np.searchsorted(index, (int(index[-1]) + 1) // every * every))
        self._index, self._codes = index[open_from:], codes[open_from:]
        block = index[:open_from] // every
        if not block.size:
            return self._none()
        begins = np.concatenate(([0], np.flatnonzero(np.diff(block)) + 1))
        whole = np.diff(np.concatenate((begins, [block.size]))) == every
        sums = np.add.reduceat(codes[:open_from], begins, axis=0)
        rails = (codes[:open_from] <= RAIL_LOW) | (codes[:open_from] >= RAIL_HIGH)
        railed = np.logical_or.reduceat(rails, begins, axis=0)
        return block[begins][whole], sums[whole], railed[whole]
