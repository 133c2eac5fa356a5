"""From the times of a file to sample numbers: time = start of the measurement + number * interval.

A recording keeps numbers and one start, so that a gap is a hole in the numbers. A time may lie a quarter of an interval
beside its place; one that lies further off begins a new measurement with a start of its own, as after a pause or once
two crystals have drifted apart. Pure; knows no file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_MEASUREMENTS = 1000
"""A file with more does not follow the interval that its mapping states."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Samples that the file does not have: ``count`` of them, the first with ``first_index`` of ``epoch``."""

    t_ns: int
    epoch: int
    first_index: int
    count: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sample stands, and what is missing before it."""

    epoch: int
    index: int
    missing: Missing | None = None


@dataclass
class Grid:
    """The places of one file's rows, in order."""

    interval_ns: int
    t0_ns: int = 0
    """Start of the present measurement."""
    worst_ns: int = field(default=0, init=False)
    """How far a time lay beside its place, at most."""
    _epoch: int = field(default=-1, init=False)
    _index: int = field(default=-1, init=False)
    _last_ns: int = field(default=0, init=False)

    @property
    def measurements(self) -> int:
        """Return how many measurements there are."""
        return self._epoch + 1

    def place(self, t_ns: int) -> Place:
        """Return the place of the next sample. Raises ValueError for a time that cannot be one."""
        if self._epoch < 0:
            return self._begin(t_ns, None)
        if t_ns <= self._last_ns:
            raise ValueError("is not after the time of the row before")
        index = round((t_ns - self.t0_ns) / self.interval_ns)
        off_ns = abs(t_ns - self.t0_ns - index * self.interval_ns)
        if off_ns * 4 > self.interval_ns or index <= self._index:
            return self._begin(t_ns, self._missing(round((t_ns - self._last_ns) / self.interval_ns) - 1))
        missing = self._missing(index - self._index - 1)
        self._index, self._last_ns = index, t_ns
        self.worst_ns = max(self.worst_ns, off_ns)
        return Place(self._epoch, index, missing)

    def _missing(self, count: int) -> Missing | None:
        """Return what is missing behind the last sample: it belongs to its measurement."""
        if count <= 0:
            return None
        first = self._index + 1
        return Missing(self.t0_ns + first * self.interval_ns, self._epoch, first, count)

    def _begin(self, t_ns: int, missing: Missing | None) -> Place:
        if self.measurements >= MAX_MEASUREMENTS:
            raise ValueError(
                f"is one of more than {MAX_MEASUREMENTS} that do not follow the interval of "
                f"{self.interval_ns / 1e9:g} s; is that the interval of this file"
            )
        self._epoch, self._index, self.t0_ns, self._last_ns = self._epoch + 1, 0, t_ns, t_ns
        return Place(self._epoch, 0, missing)
