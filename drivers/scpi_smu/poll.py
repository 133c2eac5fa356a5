"""When a reading is due, and what an answer is worth: samples on a grid of host time. Pure: times and lines in.

The grid begins with the first question. A sample's index is the place of its question on the grid, and its time that of
its question plus a constant delay. A question that cannot be asked in time is not asked: its place stays a gap. The
instrument's own time is not used for placing samples (it is approximate, has seven digits, and begins anew), but it
must go with the grid from one reading to the next: so a late or doubled answer cannot pass for another one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

import numpy as np

from drivers.capabilities import AmperometrySettings, SampleBlock, SampleFlag
from drivers.clock import NS_PER_S
from drivers.scpi_smu.codec import Reading, decode_reading, is_not_available, is_overflow
from drivers.scpi_smu.family import Model
from drivers.scpi_smu.timing import Timing

PUNCTUAL_NS: Final = NS_PER_S // 50
"""How late a question may be and still count as on time; later ones give samples flagged TIMING."""
TOO_LATE: Final = 0.5
"""Share of the interval from which a question is not asked any more."""
CLOCK_WRAPS_S: Final = 100_000.0
"""The instrument's time begins anew after 99,999.999 s (manual of the 2400)."""
CLOCK_WITHIN_S: Final = 0.05
"""What the instrument's time may be off from one reading to the next, beside half an interval: its text has steps of
10 ms from 10,000 s up."""
OLD_S: Final = 5.0
"""A reading that is older than the last sample by less than this is an answer that came late."""
CLOCK_RATE: Final = 1e-3
"""And as a share of the time between two readings: the two crystals [A]."""
OVERDRIVE: Final = 1.1
"""A value this many times beyond the range cannot be one: ranges end at 1.05 of their full scale."""
STATUS_OVERFLOW: Final = 1 << 0
STATUS_COMPLIANCE: Final = 1 << 3
STATUS_RANGE_COMPLIANCE: Final = 1 << 16
"""Bits of the status word that concern a value [MEM, the first from the manual of the 2400]."""


class Verdict(Enum):
    """What became of a line."""

    SAMPLE = "a sample"
    OLD = "an answer to an earlier question, late or once more"
    BROKEN = "nothing that could be the answer"


@dataclass(frozen=True)
class Asked:
    """A question that is out."""

    index: int
    asked_ns: int
    is_late: bool


@dataclass
class Poller:
    """One measurement."""

    instrument: str
    settings: AmperometrySettings
    epoch: int
    model: Model
    timing: Timing
    asked: Asked | None = field(default=None, init=False)
    _grid_ns: int | None = field(default=None, init=False)
    _last_index: int = field(default=-1, init=False)
    _last_time: tuple[int, float] | None = field(default=None, init=False)
    """Index of the last sample, and the instrument's time in it."""
    _doubtful: tuple[int, float] | None = field(default=None, init=False)
    """The same of the last one whose time did not fit: if the next agrees with it, the clock was set."""

    def __post_init__(self) -> None:
        self._interval_ns = round(self.settings.interval_s * NS_PER_S)
        self._range_a = self.settings.electrodes[0].range_a
        self._channels = (self.settings.electrodes[0].channel,)
        self._volt_within_v = self.model.volt_within_v(self.settings.potential_v)

    def next_ns(self, now_ns: int) -> int:
        """Return when the next question is due, after ``now_ns``."""
        if self._grid_ns is None:
            return now_ns + 1
        following = max((now_ns - self._grid_ns) // self._interval_ns, self._last_index) + 1
        return self._grid_ns + following * self._interval_ns

    def ask_now(self, now_ns: int) -> bool:
        """Tell whether a question is due, and if so count it as asked."""
        if self._grid_ns is None:
            self._grid_ns = now_ns
        index = (now_ns - self._grid_ns) // self._interval_ns
        late_ns = now_ns - self._grid_ns - index * self._interval_ns
        if self.asked is not None or index <= self._last_index or late_ns > TOO_LATE * self._interval_ns:
            return False
        self._last_index = index
        self.asked = Asked(index, now_ns, late_ns > PUNCTUAL_NS)
        return True

    def take(self, line: bytes, received_ns: int) -> tuple[Verdict, SampleBlock | None]:
        """Judge a line that came while a question is out. A sample ends the waiting for it; so does a broken line."""
        asked = self.asked
        if asked is None or self._grid_ns is None:
            return Verdict.OLD, None
        reading = decode_reading(line, self.model.elements, fixed_width=self.model.is_source_meter)
        if reading is not None and self._is_old(reading, asked):
            return Verdict.OLD, None
        self.asked = None
        flags = None if reading is None else self._flags(reading)
        if reading is None or flags is None or not self._agrees(reading, asked):
            return Verdict.BROKEN, None
        if asked.is_late:
            flags |= SampleFlag.TIMING
        current_a = np.nan if flags & SampleFlag.NOT_A_NUMBER else reading.current_a
        return Verdict.SAMPLE, SampleBlock(
            instrument=self.instrument,
            epoch=self.epoch,
            t0_ns=self._grid_ns + round(self.timing.delay_s * NS_PER_S),
            interval_ns=self._interval_ns,
            channels=self._channels,
            index=np.array([asked.index], dtype=np.int64),
            current_a=np.array([[current_a]]),
            flags=np.array([[flags]], dtype=np.uint8),
            received_ns=received_ns,
        )

    def _is_old(self, reading: Reading, asked: Asked) -> bool:
        if self._last_time is None or reading.time_s is None:
            return False
        return asked.index > self._last_time[0] and (self._last_time[1] - reading.time_s) % CLOCK_WRAPS_S < OLD_S

    def _agrees(self, reading: Reading, asked: Asked) -> bool:
        """Tell whether the instrument's time moved on as the grid did, and its potential is the one applied."""
        if reading.volt_v is not None and not abs(reading.volt_v - self.settings.potential_v) <= self._volt_within_v:
            return False
        if reading.time_s is None:
            return True
        now = (asked.index, reading.time_s)
        if self._last_time is None or self._fits(self._last_time, now) or self._fits(self._doubtful, now):
            self._last_time, self._doubtful = now, None
            return True
        self._doubtful = now
        return False

    def _fits(self, before: tuple[int, float] | None, now: tuple[int, float]) -> bool:
        if before is None:
            return False
        between_s = (now[0] - before[0]) * self.settings.interval_s
        off_s = (now[1] - before[1] - between_s + CLOCK_WRAPS_S / 2) % CLOCK_WRAPS_S - CLOCK_WRAPS_S / 2
        return abs(off_s) <= 0.5 * self.settings.interval_s + CLOCK_WITHIN_S + CLOCK_RATE * between_s

    def _flags(self, reading: Reading) -> SampleFlag | None:
        """Return what is to be said of the value; None if there cannot be such a value."""
        overload = STATUS_OVERFLOW | STATUS_COMPLIANCE | STATUS_RANGE_COMPLIANCE
        flags = SampleFlag.OVERLOAD if reading.status & overload else SampleFlag.OK
        if is_overflow(reading.current_a):
            return flags | SampleFlag.OVERLOAD | SampleFlag.NOT_A_NUMBER
        if is_not_available(reading.current_a):
            return flags | SampleFlag.NOT_A_NUMBER
        return flags if abs(reading.current_a) <= OVERDRIVE * self._range_a else None
