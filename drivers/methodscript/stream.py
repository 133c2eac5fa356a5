"""Turns the lines of a running amperometry script into sample blocks. Pure: lines and a time in, blocks out.

Knows turns of the loop (epochs), how the instrument's own time shows a lost package, and doubled lines. Knows no port.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from drivers.capabilities import AmperometrySettings, SampleBlock
from drivers.clock import NS_PER_S
from drivers.methodscript.package import InstrumentError, PackageDecoder, decode_error
from drivers.methodscript.script import kinds

_KNOWN = (b"*", b"+", b"L", b"Z")


@dataclass
class SampleStream:
    """One running script. After a run-time error ``error`` is set; after the last line ``ended``."""

    instrument: str
    settings: AmperometrySettings
    epoch: int
    """Of the first turn."""
    error: InstrumentError | None = field(default=None, init=False)
    ended: bool = field(default=False, init=False)
    garbled: int = field(default=0, init=False)
    """Lines that were no package and nothing else known."""
    garbled_in_a_row: int = field(default=0, init=False)
    _turns: int = field(default=0, init=False)
    _t0_ns: int | None = field(default=None, init=False)
    _first_s: float | None = field(default=None, init=False)
    _first_index: int = field(default=0, init=False)
    _last_index: int = field(default=-1, init=False)

    def __post_init__(self) -> None:
        self._decoder = PackageDecoder(kinds(self.settings))
        self._interval_ns = round(self.settings.interval_s * NS_PER_S)
        self._channels = tuple(electrode.channel for electrode in self.settings.electrodes)

    def feed(self, lines: list[bytes], received_ns: int) -> list[SampleBlock]:
        """Return the samples in ``lines``, one block per turn of the loop."""
        blocks: list[SampleBlock] = []
        start = 0
        for at, line in enumerate(lines):
            if line[:1] == b"M" and len(line) == 5:  # a turn of the loop begins: index and time start again
                blocks += self._block(lines[start:at], received_ns)
                self._begin_turn()
                start = at + 1
        return blocks + self._block(lines[start:], received_ns)

    def _begin_turn(self) -> None:
        self._turns += 1
        if self._turns > 1:
            self.epoch += 1
        self._t0_ns = None
        self._first_s = None
        self._last_index = -1

    def _block(self, lines: list[bytes], received_ns: int) -> list[SampleBlock]:
        values, flags, others = self._decoder.decode(lines)
        for line in others:
            self._other(line)
        if not values:
            return []
        self.garbled_in_a_row = 0
        index: list[int] = []
        fresh: list[int] = []
        for at, row in enumerate(values):
            number = self._number(row[0])
            if number > self._last_index:  # else it is a doubled line
                self._last_index = number
                index.append(number)
                fresh.append(at)
        if not index:
            return []
        if self._t0_ns is None:
            self._t0_ns = received_ns - index[-1] * self._interval_ns
        return [
            SampleBlock(
                instrument=self.instrument,
                epoch=self.epoch,
                t0_ns=self._t0_ns,
                interval_ns=self._interval_ns,
                channels=self._channels,
                index=np.array(index, dtype=np.int64),
                current_a=np.array([values[at][1:] for at in fresh], dtype=np.float64),
                flags=np.array([flags[at][1:] for at in fresh], dtype=np.uint8),
                received_ns=received_ns,
            )
        ]

    def _number(self, time_s: float) -> int:
        """Return the index of a sample by the instrument's own time; where it gives none, by counting.

        The first point comes one interval after the start and has index 0. Steps are taken relative to the first
        sample of the turn, so that a constant delay of the instrument's timer does not matter. In plain Python: blocks
        of a live stream hold a sample or two, for which numpy costs more than it saves.
        """
        if not math.isfinite(time_s):
            return self._last_index + 1
        interval_s = self.settings.interval_s
        if self._first_s is None:
            self._first_s = time_s
            self._first_index = max(round(time_s / interval_s) - 1, self._last_index + 1)
        return self._first_index + round((time_s - self._first_s) / interval_s)

    def _other(self, line: bytes) -> None:
        if line == b"":
            self.ended = True
        elif (error := decode_error(line)) is not None:
            self.error = error
        elif line not in _KNOWN:
            self.garbled += 1
            self.garbled_in_a_row += 1
