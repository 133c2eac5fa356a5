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

_EARLY_NS = NS_PER_S // 4  # by so much the first sample of a turn may have been late, and others look early
_DRIFT = 1e-4  # the instrument's crystal against the host's: tens of parts per million
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
    _begun_ns: int | None = field(default=None, init=False)
    _suspect: int | None = field(default=None, init=False)
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
                self._begin_turn(received_ns)
                start = at + 1
        return blocks + self._block(lines[start:], received_ns)

    def _begin_turn(self, received_ns: int) -> None:
        self._turns += 1
        if self._turns > 1:
            self.epoch += 1
        self._t0_ns = None
        self._begun_ns = received_ns
        self._suspect = None
        self._last_index = -1

    def _block(self, lines: list[bytes], received_ns: int) -> list[SampleBlock]:
        values, flags, others = self._decoder.decode(lines)
        for line in others:
            self._other(line)
        if not values:
            return []
        index: list[int] = []
        fresh: list[int] = []
        for at, row in enumerate(values):
            number = self._number(row[0])
            if number == self._last_index:
                continue  # a doubled line
            if number < self._last_index or self._is_from_the_future(number, received_ns):
                self._count_garbled()  # a digit of its time broke on the way: the line has no checksum
                continue
            self._last_index = number
            index.append(number)
            fresh.append(at)
        if not index:
            return []
        self.garbled_in_a_row = 0
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
        if self._last_index < 0:  # only an accepted sample is a reference for those after it
            self._first_s = time_s
            self._first_index = max(round(time_s / interval_s) - 1, 0)
        return self._first_index + round((time_s - self._first_s) / interval_s)

    def _is_from_the_future(self, number: int, received_ns: int) -> bool:
        """Tell whether a sample claims a time that has not come yet; one believed would hide all true ones before it.

        Two such samples in a row that fit each other are believed: then it is the host whose time stood still.
        """
        zero_ns = self._t0_ns if self._t0_ns is not None else self._begun_ns
        if zero_ns is None or zero_ns == received_ns:  # came in one piece with the start: no telling how old that is
            return False
        passed_ns = received_ns - zero_ns
        allowed_ns = passed_ns + _EARLY_NS + 2 * self._interval_ns + int(passed_ns * _DRIFT)
        if number * self._interval_ns <= allowed_ns:
            self._suspect = None
            return False
        believed = self._suspect is not None and 0 < number - self._suspect <= 2
        self._suspect = number
        return not believed

    def _count_garbled(self) -> None:
        self.garbled += 1
        self.garbled_in_a_row += 1

    def _other(self, line: bytes) -> None:
        if line == b"":
            self.ended = True
        elif (error := decode_error(line)) is not None:
            self.error = error
        elif line not in _KNOWN:
            self._count_garbled()
