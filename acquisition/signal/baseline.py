"""The running baseline of a trace: the median of its last minutes, and what lies above or below it now.

Knows one channel's means of whole seconds. Short events hardly move a median, a change that lasts longer than half
its window becomes the baseline itself: what is shown against it are changes of seconds to minutes, never tonic ones.
Fed piece by piece it gives what it gives at once; memory is a few numbers a second, for the window only.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from math import nan

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

OVER_S = 600.0
"""Ten minutes: long beside an evoked response, short beside a settling electrode [A]."""
LEAST_SECONDS = 30
"""Seconds with samples below which there is no baseline [A]."""


@dataclass
class RunningBaseline:
    """Median of the means of the whole seconds in the last ``over_s`` seconds. Samples come in order of time."""

    over_s: float = OVER_S
    level: float = field(default=nan, init=False)
    """The newest baseline; NaN where too little is known."""
    _seconds: deque[tuple[int, float]] = field(default_factory=deque, init=False, repr=False)
    _sorted: list[float] = field(default_factory=list, init=False, repr=False)
    _second: int | None = field(default=None, init=False)
    _sum: float = field(default=0.0, init=False)
    _count: int = field(default=0, init=False)

    def add(self, t_s: Floats, values: Floats) -> Floats:
        """Return the baseline of each sample, shape (n,), the unit of ``values``: of the seconds before its own.

        Values that are not finite count as missing.
        """
        if not len(values):
            return np.empty(0)
        seconds = np.floor(t_s).astype(np.int64)
        starts = np.flatnonzero(np.diff(seconds, prepend=seconds[0] - 1))
        finite = np.isfinite(values)
        sums = np.add.reduceat(np.where(finite, values, 0.0), starts)
        counts = np.add.reduceat(finite.astype(np.int64), starts)
        levels = []
        for second, total, count in zip(seconds[starts].tolist(), sums.tolist(), counts.tolist(), strict=True):
            if second != self._second:
                self._close(second)
            self._sum += total
            self._count += count
            levels.append(self.level)
        return np.repeat(levels, np.diff(starts, append=len(values)))

    def _close(self, next_second: int) -> None:
        """Take the second that has ended into the median, and out of it what is too old for the next one."""
        if self._second is not None and self._count:
            mean = self._sum / self._count
            self._seconds.append((self._second, mean))
            insort(self._sorted, mean)
        self._second, self._sum, self._count = next_second, 0.0, 0
        while self._seconds and self._seconds[0][0] < next_second - self.over_s:
            _gone, mean = self._seconds.popleft()
            del self._sorted[bisect_left(self._sorted, mean)]
        known = len(self._sorted)
        middle = (self._sorted[(known - 1) // 2] + self._sorted[known // 2]) / 2 if known else nan
        self.level = middle if known >= LEAST_SECONDS else nan
