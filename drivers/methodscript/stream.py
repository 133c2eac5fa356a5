"""Turns the lines of a running amperometry script into sample blocks. Pure: lines and a time in, blocks out.

Knows turns of the loop (epochs), how the instrument's own time shows a lost package, and doubled lines. Knows no port.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

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
    _first_s: float = field(default=0.0, init=False)
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
        self._last_index = -1

    def _block(self, lines: list[bytes], received_ns: int) -> list[SampleBlock]:
        values, flags, others = self._decoder.decode(lines)
        for line in others:
            self._other(line)
        if not values:
            return []
        self.garbled_in_a_row = 0
        table = np.array(values, dtype=np.float64)
        index = self._indices(table[:, 0])
        fresh = np.diff(index, prepend=self._last_index) > 0  # a doubled line has the index of the one before
        if not fresh.any():
            return []
        index = index[fresh]
        self._last_index = int(index[-1])
        if self._t0_ns is None:
            self._t0_ns = received_ns - int(index[-1]) * self._interval_ns
        return [
            SampleBlock(
                instrument=self.instrument,
                epoch=self.epoch,
                t0_ns=self._t0_ns,
                interval_ns=self._interval_ns,
                channels=self._channels,
                index=index,
                current_a=np.ascontiguousarray(table[fresh, 1:]),
                flags=np.array(flags, dtype=np.uint8)[fresh, 1:],
                received_ns=received_ns,
            )
        ]

    def _indices(self, time_s: NDArray[np.float64]) -> NDArray[np.int64]:
        """Number the samples by the instrument's own time; where it gives none, by counting.

        The first point comes one interval after the start and has index 0. Steps are taken relative to the first
        sample of the turn, so that a constant delay of the instrument's timer does not matter.
        """
        interval_s = self.settings.interval_s
        if self._last_index < 0:
            known = time_s[np.isfinite(time_s)]
            self._first_s = float(known[0]) if known.size else interval_s
            self._first_index = max(round(self._first_s / interval_s) - 1, 0)
        steps = np.rint((time_s - self._first_s) / interval_s)
        index = self._first_index + np.where(np.isfinite(steps), steps, -1.0).astype(np.int64)
        last = self._last_index if self._last_index >= 0 else self._first_index - 1
        for at in np.flatnonzero(~np.isfinite(time_s)):
            index[at] = (index[at - 1] if at else last) + 1
        return np.maximum.accumulate(index)

    def _other(self, line: bytes) -> None:
        if line == b"":
            self.ended = True
        elif (error := decode_error(line)) is not None:
            self.error = error
        elif line not in _KNOWN:
            self.garbled += 1
            self.garbled_in_a_row += 1
