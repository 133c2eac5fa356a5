"""How fast a current drifts, and whether it has held still: the same for the running experiment and afterwards.

Knows one channel's means of whole seconds and a straight line through them. Does not know steps or screens. A baseline
is steady when the slope over the whole stretch is small enough; seconds that are missing count as not known, and too
many of them, or the newest ones, are not steady (science.md 5: "slope < x pA/min for y min" [A]).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import nan

import numpy as np
from numpy.typing import NDArray

NS_PER_S = 1_000_000_000
COVERED = 0.9
"""Share of the seconds of the stretch that must hold samples [A]."""
NEWEST_S = 5.0
"""A channel without a number for so long, while the stream goes on, is not steady, whatever came before [A]."""


@dataclass
class DriftWatch:
    """Means of the last ``over_s`` whole seconds of one channel; samples come in order of time."""

    over_s: float
    _seconds: deque[tuple[int, float]] = field(default_factory=deque, init=False, repr=False)
    _second: int = field(default=-1, init=False)
    _sum: float = field(default=0.0, init=False)
    _count: int = field(default=0, init=False)

    def add(self, t_ns: NDArray[np.int64], current_a: NDArray[np.float64]) -> None:
        """Take samples, shape (n,), A; NaN counts as missing."""
        for second in np.unique(t_ns // NS_PER_S).tolist():
            part = current_a[t_ns // NS_PER_S == second]
            part = part[np.isfinite(part)]
            if second != self._second:
                self._close()
                self._second = second
            self._sum += float(np.sum(part))
            self._count += len(part)

    def slope_a_per_min(self, now_ns: int) -> float:
        """Return the slope of the last ``over_s`` seconds, A/min; NaN until enough of them are known."""
        first = now_ns / NS_PER_S - self.over_s - 1.0
        while self._seconds and self._seconds[0][0] < first:
            self._seconds.popleft()
        if len(self._seconds) < max(3.0, COVERED * self.over_s) or self._seconds[-1][0] < self._second - NEWEST_S:
            return nan
        t, y = np.array(self._seconds).T
        return float(np.polyfit(t - t[0], y, 1)[0]) * 60.0

    def is_steady(self, now_ns: int, most_a_per_min: float) -> bool:
        """Tell whether the current drifts by at most so much, up or down."""
        slope = self.slope_a_per_min(now_ns)
        return abs(slope) <= most_a_per_min if slope == slope else False  # noqa: PLR0124 - NaN is not itself

    def _close(self) -> None:
        later = (
            not self._seconds or self._second > self._seconds[-1][0]
        )  # a new start's times may overlap the last one's
        if self._count and later:
            self._seconds.append((self._second, self._sum / self._count))
        self._sum, self._count = 0.0, 0
        if len(self._seconds) > self.over_s + 2.0:
            self._seconds.popleft()
