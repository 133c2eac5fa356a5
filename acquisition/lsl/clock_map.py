"""From the engine's time to Lab Streaming Layer's: which offset holds from when on. Pure.

Both are monotonic clocks of one computer, so that one offset holds for a session; it changes when the computer sleeps
(the engine's clock goes on, liblsl's may stand still) or a simulated clock jumps. Every offset that ever held is kept:
a sample is mapped by the one of its own time. Knows nothing of where readings come from.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drivers.clock import NS_PER_S, Clock

MOVED_S = 0.02
"""Two readings that differ by more are no noise of reading [A]; on Windows a clock may tick every 16 ms [M]."""


MESSAGE_S = 0.02
"""How late a message of the engine is taken to be at most, when several are compared [A]."""


@dataclass(frozen=True)
class Reading:
    """Both clocks at one instant: ``lsl_s - engine_ns`` is true within ``uncertainty_s``."""

    engine_ns: int
    lsl_s: float
    uncertainty_s: float

    @property
    def offset_s(self) -> float:
        """Return what is added to engine seconds."""
        return self.lsl_s - self.engine_ns / NS_PER_S


def read_both(clock: Clock, lsl_clock: Callable[[], float], tries: int = 5) -> Reading:
    """Read the engine's clock between two readings of liblsl's, and keep the closest pair."""
    best: Reading | None = None
    for _ in range(tries):
        before_s = lsl_clock()
        engine_ns = clock.now_ns()
        after_s = lsl_clock()
        half_s = (after_s - before_s) / 2
        if best is None or half_s < best.uncertainty_s:
            best = Reading(engine_ns, before_s + half_s, half_s)
    if best is None:
        raise ValueError("both clocks must be read at least once")
    return best


def earliest(readings: Iterable[Reading]) -> Reading:
    """Return the reading with the smallest offset: what was told by message arrives late and never early."""
    return min(readings, key=lambda reading: reading.offset_s)


@dataclass
class ClockMap:
    """The offsets of one session. Begins with one reading; ``look`` takes later ones."""

    first: Reading
    late_only: bool = False
    """Readings come by message: a later one says nothing unless it is earlier."""
    _since_ns: list[int] = field(init=False)
    _offset_s: list[float] = field(init=False)
    _agreed_ns: int = field(init=False)

    def __post_init__(self) -> None:
        self._since_ns, self._offset_s = [self.first.engine_ns], [self.first.offset_s]
        self._agreed_ns = self.first.engine_ns

    @property
    def offset_s(self) -> float:
        """Return the offset that holds now, s."""
        return self._offset_s[-1]

    def look(self, reading: Reading) -> bool:
        """Compare with what holds; tell whether another offset holds from the last agreement on."""
        moved_s = reading.offset_s - self.offset_s
        if abs(moved_s) <= MOVED_S or (self.late_only and moved_s > 0):
            self._agreed_ns = max(self._agreed_ns, reading.engine_ns)
            return False
        self._since_ns.append(self._agreed_ns)
        self._offset_s.append(reading.offset_s)
        self._agreed_ns = max(self._agreed_ns, reading.engine_ns)
        return True

    def lsl_s(self, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return engine times, shape (n,), as liblsl's seconds. What is older than the first offset takes that one."""
        which = np.maximum(np.searchsorted(np.array(self._since_ns), t_ns, side="right") - 1, 0)
        mapped: NDArray[np.float64] = t_ns / NS_PER_S + np.array(self._offset_s)[which]
        return mapped

    def one_lsl_s(self, t_ns: int) -> float:
        """Return one engine time as liblsl's seconds."""
        return t_ns / NS_PER_S + self._offset_s[max(0, bisect_right(self._since_ns, t_ns) - 1)]
