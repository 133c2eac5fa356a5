"""Gives every data packet its place on the grid of samples, from an 8-bit counter and the host's clock. Pure.

Knows that the counter tells up to 255 missing packets, and that beyond that the host's time must say how many times
it went round (128 ms each at 2 kHz). Host time is believed only from a reading that cannot have followed an overflow of
the operating system's buffer. What cannot be placed for certain is left out: missing, never at a wrong time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drivers.clock import NS_PER_S

TURN: Final = 256
FRESH_NS: Final = NS_PER_S // 2
"""64 kB of buffer hold one second of packets: after a pause up to this, nothing can have been lost in it."""
APART_NS: Final = NS_PER_S // 10
"""So far may the instrument's time lie beside the host's before it is fitted anew; less than a turn of the counter."""
SILENCE_NS: Final = 60 * NS_PER_S // 1000
"""Who looks and finds nothing for so long has missed packets, even if the counter fits: bursts come every 16 ms."""
EARLY: Final = 32
"""So many packets, a burst, may come sooner after they were sampled than the promptest until now."""
LATE: Final = 1000
"""Half a second: so late may come what follows without a gap in the counter, before a loss is likelier."""
PATIENCE_NS: Final = 3 * NS_PER_S
"""Whoever never reads in time to believe the clock begins anew after so long."""
WINDOW_NS: Final = 5 * NS_PER_S
"""Over so long the smallest distance counts: a reading that came late says nothing."""

Index = NDArray[np.int64]


@dataclass
class Placer:
    """The places of one epoch; its first packet is number 0."""

    period_ns: int
    out_of_time: bool = field(default=False, init=False)
    """The clocks have drifted apart, or a whole turn was lost unnoticed: fit the time anew."""
    _next: int = field(default=0, init=False)
    _counter: int = field(default=-1, init=False)
    """Of the last packet placed."""
    _read_ns: int | None = field(default=None, init=False)
    _data_ns: int = field(default=0, init=False)
    """When packets last came."""
    _placed_ns: int = field(default=0, init=False)
    """When packets were last placed."""
    _torn: bool = field(default=False, init=False)
    """Packets behind the last one placed were left out."""
    _base_ns: int | None = field(default=None, init=False)
    _window_ns: int = field(default=0, init=False)
    """When the present window began."""
    _least_ns: int = field(default=0, init=False)
    """The smallest distance from the base in it, and in the one before."""
    _least_before_ns: int = field(default=0, init=False)

    def begun_ns(self) -> int | None:
        """Return when packet 0 was sampled, as far as the readings until now tell."""
        return self._base_ns

    def place(self, counter: Index, received_ns: int) -> tuple[Index, Index]:
        """Return (places, which packets of ``counter`` they are of), both rising.

        ``received_ns``: when the last of them was read, with nothing left to read.
        """
        fresh = self._read_ns is None or received_ns - self._read_ns <= FRESH_NS
        self._read_ns = received_ns
        if not counter.size:
            self._torn = self._torn or (self._base_ns is not None and received_ns - self._data_ns > SILENCE_NS)
            return counter, counter
        self._data_ns = received_ns
        before = self._counter if self._counter >= 0 else (int(counter[0]) - 1) % TURN
        steps = np.diff(counter, prepend=before) % TURN
        breaks = np.flatnonzero(steps != 1)
        skipped = int(breaks[-1]) if self._counter < 0 and breaks.size else 0
        if self._torn and (not breaks.size or breaks[0] != 0):
            breaks = np.concatenate(([0], breaks))
        if skipped:  # nothing is numbered yet: number 0 is the first that is followed without a hole
            places, which = np.arange(counter.size - skipped), np.arange(skipped, counter.size)
        elif not breaks.size:
            places, which = self._next + np.arange(counter.size), np.arange(counter.size)
        else:
            places, which = self._over_holes(counter, steps, breaks, received_ns if fresh else None)
        if places.size:
            self._placed_ns = received_ns
            self._next, self._counter = int(places[-1]) + 1, int(counter[which[-1]])
        sure = fresh or self._base_ns is None  # at first there is no other to be confused with
        if sure and places.size and which[-1] == counter.size - 1:
            self._watch(received_ns - int(places[-1]) * self.period_ns, received_ns)
        return places, which

    def _over_holes(self, counter: Index, steps: Index, breaks: Index, now_ns: int | None) -> tuple[Index, Index]:
        """Place what comes before the first hole by counting, and what comes behind the last by the time.

        What lies between two holes is placed only if both ways agree; else it is left out.
        """
        first, last = int(breaks[0]), int(breaks[-1])
        head = np.arange(first)
        if now_ns is None or self._base_ns is None:
            self._torn = True
            self.out_of_time = self._data_ns - self._placed_ns > PATIENCE_NS
            return self._next + head, head
        self._torn = False
        final = self._by_time(int(counter[-1]), now_ns)
        counted = self._next - 1 + np.cumsum(steps)
        unbroken = bool(np.all(steps == 1)) and 0 <= final - int(counted[-1]) <= LATE
        if unbroken or (int(counted[-1]) == final and not np.any(steps == 0)):
            which = np.arange(counter.size)
            return counted, which
        tail = np.arange(last, counter.size)
        tail_places = final - (counter.size - 1 - tail)
        new = tail_places >= self._next + first  # what came twice has its place already
        return np.concatenate((self._next + head, tail_places[new])), np.concatenate((head, tail[new]))

    def _by_time(self, counter: int, now_ns: int) -> int:
        """Return the latest place that this counter can have: what is delivered may be late, but never early."""
        newest = (now_ns - self._origin_ns()) // self.period_ns + EARLY
        return newest - (newest - (self._next - 1) - (counter - self._counter)) % TURN

    def _origin_ns(self) -> int:
        """Return when packet 0 was sampled by the promptest readings of the last seconds: a drift has no effect."""
        if self._base_ns is None:
            raise AssertionError("asked only after a first reading")
        return self._base_ns + min(self._least_ns, self._least_before_ns)

    def _watch(self, origin_ns: int, now_ns: int) -> None:
        """Compare the instrument's time with the host's, by the promptest reading of some seconds."""
        if self._base_ns is None:
            self._base_ns, self._window_ns = origin_ns, now_ns
            self._least_ns = self._least_before_ns = 0
        apart_ns = origin_ns - self._base_ns
        if now_ns - self._window_ns > WINDOW_NS:
            self.out_of_time = self.out_of_time or abs(self._least_ns) > APART_NS
            self._window_ns, self._least_before_ns, self._least_ns = now_ns, self._least_ns, apart_ns
        else:
            self._least_ns = min(self._least_ns, apart_ns)

    def settle(self) -> None:
        """Take the promptest reading so far for the time of packet 0: before any sample was handed out."""
        if self._base_ns is not None:
            self._base_ns += self._least_ns
            self._least_ns = self._least_before_ns = 0
