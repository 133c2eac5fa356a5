"""Turns the lines of a running test into sample blocks. Pure: lines and a time in, blocks out.

Knows how the instrument's own time shows a lost line, and what a line must be like to be believed: the lines have no
checksum. Knows no port.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from drivers.capabilities import AmperometrySettings, SampleBlock, SampleFlag
from drivers.clock import NS_PER_S
from drivers.rodeostat.codec import END, Sample, decode_reply, decode_sample
from drivers.rodeostat.family import FULL_SCALE_MARGIN

UA: Final = 1e-6


@dataclass
class SampleStream:
    """One running test."""

    instrument: str
    settings: AmperometrySettings
    epoch: int
    sign: int
    volt_within_v: float
    """How far the printed potential may lie beside the wanted one."""
    begun_ns: int
    """When the instrument said that it has begun: its own time counts from there."""
    duration_ms: int
    ended: bool = field(default=False, init=False)
    """It said that it is over."""
    garbled: int = field(default=0, init=False)
    """Lines that were no sample and nothing else known."""
    garbled_in_a_row: int = field(default=0, init=False)
    heard_ns: int = field(init=False)
    """When something of it last came."""
    _last_index: int = field(default=-1, init=False)
    _held: tuple[int, Sample] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.heard_ns = self.begun_ns
        self._period_ms = round(self.settings.interval_s * 1000)
        self._interval_ns = round(self.settings.interval_s * NS_PER_S)
        self._channels = tuple(electrode.channel for electrode in self.settings.electrodes)
        self._limit_ua = self.settings.electrodes[0].range_a / UA * FULL_SCALE_MARGIN

    @property
    def is_complete(self) -> bool:
        """Tell whether the test ended by its own length; one that ended before was ended by something else."""
        last = self._held[0] if self._held is not None else self._last_index
        return self.ended and (last + 3) * self._period_ms > self.duration_ms  # the very last lines may be lost

    def feed(self, lines: list[bytes], received_ns: int) -> list[SampleBlock]:
        """Return the samples in ``lines`` as one block, or none."""
        taken: list[tuple[int, Sample]] = []
        for line in lines:
            sample = decode_sample(line)
            if sample is not None and self._is_possible(sample):
                self.ended = False  # what looked like the end was none
                self._place(sample.t_ms // self._period_ms - 1, sample, taken, received_ns)
            elif line == END:
                self.ended = True
            elif decode_reply(line) is None:  # a reply among samples belongs to a question given up before
                self._count_garbled()
        if taken:
            self.garbled_in_a_row = 0
        return [self._block(taken, received_ns)] if taken else []

    def _is_possible(self, sample: Sample) -> bool:
        """Tell whether a line can be true: on the grid of the period, at the potential applied, within the range."""
        return (
            sample.t_ms % self._period_ms == 0
            and abs(sample.volt_v - self.settings.potential_v) <= self.volt_within_v
            and abs(sample.current_ua) <= self._limit_ua
        )

    def _place(self, index: int, sample: Sample, taken: list[tuple[int, Sample]], received_ns: int) -> None:
        """Take the sample that follows; hold one that skips some until the very next agrees with its time.

        A broken digit of the time would put a value at a wrong place, and hide all true ones before it.
        """
        if index <= self._last_index or self._held == (index, sample):
            return  # a doubled line, or a broken time: the true one is missed as a gap
        self.heard_ns = received_ns  # one that began its time anew says nothing of this run
        held, self._held = self._held, None
        if held is not None and index == held[0] + 1:
            self._accept(held, taken)
        elif held is not None:
            self._count_garbled()
            if index == held[0]:
                return  # two that claim the same time: one of them is wrong
        if index == self._last_index + 1:
            self._accept((index, sample), taken)
        else:
            self._held = (index, sample)

    def _accept(self, placed: tuple[int, Sample], taken: list[tuple[int, Sample]]) -> None:
        taken.append(placed)
        self._last_index = placed[0]

    def _count_garbled(self) -> None:
        self.garbled += 1
        self.garbled_in_a_row += 1

    def _block(self, taken: list[tuple[int, Sample]], received_ns: int) -> SampleBlock:
        limited = int(SampleFlag.OVERLOAD)
        return SampleBlock(
            instrument=self.instrument,
            epoch=self.epoch,
            t0_ns=self.begun_ns + self._interval_ns,
            interval_ns=self._interval_ns,
            channels=self._channels,
            index=np.array([index for index, _ in taken], dtype=np.int64),
            current_a=np.array([[self.sign * sample.current_ua * UA] for _, sample in taken], dtype=np.float64),
            flags=np.array([[limited if sample.limited else 0] for _, sample in taken], dtype=np.uint8),
            received_ns=received_ns,
        )
