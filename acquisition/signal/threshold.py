"""When a signal has crossed a threshold, and when it has come back: with a dwell, and with hysteresis.

Knows one channel's values in order of time. Does not know what follows from a crossing. A value that is not finite says
nothing, neither that the signal is beyond nor that it is back; a stretch without a number longer than ``GAP_S`` begins
the dwell anew, because nobody saw what was in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan

import numpy as np
from numpy.typing import NDArray

NS_PER_S = 1_000_000_000
GAP_S = 2.0
"""Nobody knows what a signal did in a longer stretch without a number [A]."""


@dataclass(frozen=True)
class Crossing:
    """The signal has been beyond the threshold for the whole dwell, or (``over``) has come back as long."""

    t_ns: int
    """Of the sample with which it was sure."""
    since_ns: int
    """Of the first sample beyond, or back."""
    value: float
    """The most extreme one since then."""
    over: bool


@dataclass
class Threshold:
    """Watches for ``enter`` to be reached, and then for ``leave`` to be come back to, each for ``dwell_s`` in a row.

    ``above``: upwards, so ``leave`` is not above ``enter``; else downwards. Raises ValueError for one the wrong way.
    """

    enter: float
    leave: float
    above: bool
    dwell_s: float
    crossed: bool = field(default=False, init=False)
    _since_ns: int | None = field(default=None, init=False)
    _last_ns: int = field(default=0, init=False)
    _extreme: float = field(default=nan, init=False)

    def __post_init__(self) -> None:
        if (self.leave > self.enter) if self.above else (self.leave < self.enter):
            raise ValueError("a signal comes back on the side that it came from")

    def add(self, t_ns: NDArray[np.int64], values: NDArray[np.float64]) -> list[Crossing]:
        """Take samples, shape (n,), and return what was crossed with them, in order."""
        known = np.isfinite(values)
        found = []
        for now_ns, value in zip(t_ns[known].tolist(), values[known].tolist(), strict=True):
            if self._since_ns is not None and now_ns - self._last_ns > GAP_S * NS_PER_S:
                self._since_ns = None
            self._last_ns = now_ns
            if not self._is_on_the_other_side(value):
                self._since_ns = None
                continue
            if self._since_ns is None:
                self._since_ns, self._extreme = now_ns, value
            self._extreme = self._further(value, self._extreme)
            if now_ns - self._since_ns >= self.dwell_s * NS_PER_S:
                found.append(Crossing(now_ns, self._since_ns, self._extreme, over=self.crossed))
                self.crossed, self._since_ns = not self.crossed, None
        return found

    def _is_on_the_other_side(self, value: float) -> bool:
        """Tell whether a value is where the signal is not yet known to be: beyond, or back."""
        if self.crossed:
            return value < self.leave if self.above else value > self.leave
        return value >= self.enter if self.above else value <= self.enter

    def _further(self, value: float, other: float) -> float:
        return max(value, other) if self.above != self.crossed else min(value, other)
