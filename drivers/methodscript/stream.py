"""Turns the lines of a running amperometry script into sample blocks. Pure: lines and a time in, blocks out.

Knows turns of the loop (epochs), how the instrument's own time shows a lost package, doubled lines, and what it means
when somebody else halts or aborts. Whether what is measured is what was asked is the proof's business. Knows no port.

Time of a sample is its index times the interval. A turn of the loop goes on where the one before has ended: the
instrument loads and switches nothing between two turns, so the next epoch's zero is computed from the last one's and
not measured anew, unless the host's clock says that something came between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drivers.capabilities import AmperometrySettings, SampleBlock
from drivers.clock import NS_PER_S
from drivers.methodscript.family import Range
from drivers.methodscript.package import InstrumentError, PackageDecoder, decode_error
from drivers.methodscript.proof import Proof
from drivers.methodscript.script import kinds as plain_kinds
from drivers.methodscript.script import turn_samples

_EARLY_NS = NS_PER_S // 4  # by so much the first sample of a turn may have been late, and others look early
_DRIFT = 1e-4  # the instrument's crystal against the host's: tens of parts per million
_LATE_NS = NS_PER_S  # later than this, for so long, and the instrument's time has stood still
_LATE_FOR_NS = 5 * NS_PER_S
_OVERDUE_NS = 5 * NS_PER_S  # beside so many intervals
_OVERDUE_INTERVALS = 3
_KNOWN = (b"*", b"+", b"L")
_OF_OTHERS = (b"h", b"H", b"Y", b"Z")
"""Answers to commands that this program does not send while it measures."""


@dataclass
class SampleStream:
    """One running script. After a run-time error ``error`` is set; after the last line ``ended``."""

    instrument: str
    settings: AmperometrySettings
    epoch: int
    """Of the first turn."""
    kinds: tuple[str, ...] = ()
    ranges: tuple[Range | None, ...] = ()
    """Per variable of a package; empty: not checked."""
    waits: bool = False
    """The script's timer may have run before its first loop began: it waits for another channel."""
    error: InstrumentError | None = field(default=None, init=False)
    ended: bool = field(default=False, init=False)
    in_loop: bool = field(default=False, init=False)
    """A measuring loop has begun and its end was not told."""
    odd_ends: int = field(default=0, init=False)
    """Lines since the last package that would be the script's end, had its loop ended before."""
    others: list[bytes] = field(default_factory=list, init=False)
    """Answers to commands that were not ours, in order; whoever reads them empties it."""
    aborted: bool = field(default=False, init=False)
    """Somebody else has aborted the script."""
    heard_ns: int = field(default=0, init=False)
    """When anything came last."""
    garbled: int = field(default=0, init=False)
    """Lines that were no package and nothing else known."""
    garbled_in_a_row: int = field(default=0, init=False)
    _turns: int = field(default=0, init=False)
    _t0_ns: int | None = field(default=None, init=False)
    _predicted_ns: int | None = field(default=None, init=False)
    _since_ns: int | None = field(default=None, init=False)
    _late_since_ns: int | None = field(default=None, init=False)
    _doubt: bool = field(default=False, init=False)
    _base: int = field(default=0, init=False)
    _sure_epoch: int = field(default=-1, init=False)
    _first_s: float = field(default=0.0, init=False)
    _begun_ns: int | None = field(default=None, init=False)
    _suspect: int | None = field(default=None, init=False)
    _first_index: int = field(default=0, init=False)
    _last_index: int = field(default=-1, init=False)

    def __post_init__(self) -> None:
        self._decoder = PackageDecoder(self.kinds or plain_kinds(self.settings), self.ranges)
        self._interval_ns = round(self.settings.interval_s * NS_PER_S)
        self._turn = turn_samples(self.settings.interval_s)
        self._channels = tuple(electrode.channel for electrode in self.settings.electrodes)
        self.proof = Proof(self.settings.potential_v, self.settings.interval_s)

    def feed(self, lines: list[bytes], received_ns: int) -> list[SampleBlock]:
        """Return the samples in ``lines``, one block per turn of the loop."""
        if lines:
            self.heard_ns = received_ns
        blocks: list[SampleBlock] = []
        start = 0
        for at, line in enumerate(lines):
            if line[:1] == b"M" and len(line) == 5:  # a turn of the loop begins: index and time start again
                blocks += self._blocks(lines[start:at], received_ns)
                if self._turns == 0 or self._doubt or self._is_turn_over(received_ns):
                    self._begin_turn(received_ns)
                start = at + 1
        return blocks + self._blocks(lines[start:], received_ns)

    def is_sure(self, block: SampleBlock) -> bool:
        """Tell whether a block may be handed out: its turn has proven to measure what was asked."""
        return block.epoch <= self._sure_epoch or (self.proof.is_proven and not self.proof.mismatch)

    def is_overdue(self, now_ns: int) -> bool:
        """Tell whether the first sample should have come long ago: the interval in force is a far longer one."""
        if self.waits or self._turns != 1 or self._begun_ns is None or self._last_index >= 0:
            return False
        return now_ns - self._begun_ns > _OVERDUE_NS + _OVERDUE_INTERVALS * self._interval_ns

    def _begin_turn(self, received_ns: int) -> None:
        self._turns += 1
        if self.proof.is_proven:
            self._sure_epoch = self.epoch
        self.proof.begin_turn()
        if self._turns > 1:
            self.epoch += 1
        over = self._t0_ns is not None and not self._doubt
        self._predicted_ns = self._end_ns() if over else None
        self._t0_ns = None
        self._begun_ns = received_ns
        self._restart_index(0)
        self._last_index = -1
        self._doubt = False
        self.in_loop = True

    def _restart_index(self, base: int) -> None:
        self._base = base
        self._suspect = None
        self._late_since_ns = None

    def _end_ns(self) -> int:
        """Return when the turn in hand is over, which is when sample 0 of the next one would be, less its interval."""
        return (self._t0_ns or 0) + (self._turn - self._base) * self._interval_ns

    def _is_turn_over(self, received_ns: int) -> bool:
        """Tell whether the next turn can have begun by now; if not, its first line is a doubled one."""
        if self._t0_ns is None:
            zero_ns = self._begun_ns if self._begun_ns is not None else received_ns
            return received_ns - zero_ns >= self._turn * self._interval_ns - self._slack_ns(received_ns)
        return received_ns >= self._end_ns() - self._slack_ns(received_ns)

    def _slack_ns(self, received_ns: int) -> int:
        since_ns = self._since_ns if self._since_ns is not None else received_ns
        return _EARLY_NS + 2 * self._interval_ns + int((received_ns - since_ns) * _DRIFT)

    def _blocks(self, lines: list[bytes], received_ns: int) -> list[SampleBlock]:
        if not lines:
            return []
        if len(lines) > 1 and (plain := self._plain_block(lines, received_ns)) is not None:
            return [plain]
        return self._line_by_line(lines, received_ns)

    def _line_by_line(self, lines: list[bytes], received_ns: int) -> list[SampleBlock]:
        values, flags, others = self._decoder.decode(lines)
        if values:
            self.odd_ends = 0
        for line in others:
            self._other(line)
        blocks: list[SampleBlock] = []
        index: list[int] = []
        fresh: list[int] = []
        proof = self.proof
        for at, row in enumerate(values):
            if not proof.lowest_v <= row[1] <= proof.highest_v:
                proof.see_wrong_potential(row[1], row[0])
                self._count_garbled()
                continue
            proof.see_right_potential()
            if proof.is_watching:
                proof.see_time(row[0])
            number = self._number(row[0], received_ns)
            if number == self._last_index:
                continue  # a doubled line
            if number < self._last_index and self._is_next_turn(number, received_ns):
                blocks += self._block(index, [values[n] for n in fresh], [flags[n] for n in fresh], received_ns)
                index, fresh = [], []
                self._begin_turn(received_ns)
                number = self._number(row[0], received_ns)
            elif number < self._last_index or self._is_from_the_future(number, received_ns):
                self._count_garbled()  # a digit of its time broke on the way: the line has no checksum
                continue
            self._last_index = number
            index.append(number)
            fresh.append(at)
        return blocks + self._block(index, [values[n] for n in fresh], [flags[n] for n in fresh], received_ns)

    def _plain_block(self, lines: list[bytes], received_ns: int) -> SampleBlock | None:
        """Return the block of lines of which each is the sample after the one before it, which nearly all are; else
        None, and nothing is changed. Says what the way line by line says of them.
        """
        if self.proof.is_watching or self._last_index < 0 or self._t0_ns is None:
            return None
        columns = self._decoder.columns(lines)
        if columns is None:
            return None
        (times_s, potentials_v, *currents_a), (_, _, *flags) = columns
        proof = self.proof
        if min(potentials_v) < proof.lowest_v or max(potentials_v) > proof.highest_v:
            return None
        first, zero_s, interval_s = self._first_index, self._first_s, self.settings.interval_s
        index = [first + round((time_s - zero_s) / interval_s) for time_s in times_s]
        following = self._last_index + 1
        if index != list(range(following, following + len(index))):
            return None
        if self._t0_ns != received_ns:
            apart_ns = (index[-1] - self._base) * self._interval_ns
            if apart_ns > received_ns - self._t0_ns + self._slack_ns(received_ns):
                return None  # from the future
            self._suspect = None
        self.odd_ends = 0
        proof.see_right_potential()
        self._last_index = index[-1]
        return self._made(index, np.array(currents_a).T, np.array(flags, dtype=np.uint8).T, received_ns)

    def _is_next_turn(self, number: int, received_ns: int) -> bool:
        """Tell whether time went back because the line that says "next turn" was lost."""
        if self._t0_ns is None or not self._is_turn_over(received_ns):
            return False
        return number * self._interval_ns <= received_ns - self._end_ns() + 2 * self._slack_ns(received_ns)

    def _block(
        self, index: list[int], values: list[list[float]], flags: list[list[int]], received_ns: int
    ) -> list[SampleBlock]:
        if not index:
            return []
        current_a = np.array([row[2:] for row in values], dtype=np.float64)
        return [self._made(index, current_a, np.array([row[2:] for row in flags], dtype=np.uint8), received_ns)]

    def _made(
        self, index: list[int], current_a: NDArray[np.float64], flags: NDArray[np.uint8], received_ns: int
    ) -> SampleBlock:
        self.garbled_in_a_row = 0
        self._fit(index[0], index[-1], received_ns)
        t0_ns = self._t0_ns if self._t0_ns is not None else received_ns
        return SampleBlock(
            instrument=self.instrument,
            epoch=self.epoch,
            t0_ns=t0_ns,
            interval_ns=self._interval_ns,
            channels=self._channels,
            index=np.array(index, dtype=np.int64) - self._base,
            current_a=np.ascontiguousarray(current_a),
            flags=np.ascontiguousarray(flags),
            received_ns=received_ns,
        )

    def _fit(self, first: int, last: int, received_ns: int) -> None:
        """Find the host time of sample 0, once; again where the instrument's time has stood still meanwhile."""
        fitted_ns = received_ns - (last - self._base) * self._interval_ns
        if self._t0_ns is None:
            self._t0_ns = fitted_ns
            if self._turns == 1 and self._begun_ns is not None and not self.waits:
                self._t0_ns = min(fitted_ns, self._begun_ns + self._interval_ns)  # however late one looked
            predicted_ns, self._predicted_ns = self._predicted_ns, None
            if predicted_ns is not None and abs(fitted_ns - predicted_ns) <= self._slack_ns(received_ns):
                self._t0_ns = predicted_ns
            if self._since_ns is None:
                self._since_ns = received_ns
        elif self._has_stood_still(fitted_ns - self._t0_ns, received_ns):
            self.epoch += 1
            self._restart_index(first)
            self._t0_ns = received_ns - (last - first) * self._interval_ns
            self._since_ns = received_ns

    def _has_stood_still(self, late_ns: int, received_ns: int) -> bool:
        """Tell whether samples have been later than their index for a while: somebody halted the script, and its timer
        with it. Samples that only waited on the way catch up.
        """
        doubt, self._doubt = self._doubt, False
        if doubt and late_ns > self._slack_ns(received_ns):
            return True
        if late_ns <= _LATE_NS + self._slack_ns(received_ns):
            self._late_since_ns = None
            return False
        if self._late_since_ns is None:
            self._late_since_ns = received_ns
        return received_ns - self._late_since_ns >= _LATE_FOR_NS

    def _number(self, time_s: float, received_ns: int) -> int:
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
            if self.waits and self._turns == 1 and self._begun_ns is not None:
                possible = (received_ns - self._begun_ns + _EARLY_NS) // self._interval_ns
                self._first_index = min(self._first_index, possible)
        return self._first_index + round((time_s - self._first_s) / interval_s)

    def _is_from_the_future(self, number: int, received_ns: int) -> bool:
        """Tell whether a sample claims a time that has not come yet; one believed would hide all true ones before it.

        Two such samples in a row that fit each other are believed: then it is the host whose time stood still.
        """
        zero_ns = self._t0_ns if self._t0_ns is not None else self._begun_ns
        if zero_ns is None or zero_ns == received_ns:  # came in one piece with the start: no telling how old that is
            return False
        if (number - self._base) * self._interval_ns <= received_ns - zero_ns + self._slack_ns(received_ns):
            self._suspect = None
            return False
        believed = self._suspect is not None and 0 < number - self._suspect <= 2
        self._suspect = number
        return not believed

    def _count_garbled(self) -> None:
        self.garbled += 1
        self.garbled_in_a_row += 1

    def _other(self, line: bytes) -> None:
        if line in _KNOWN:
            self.in_loop = self.in_loop and line != b"*"
        elif line in _OF_OTHERS:
            self.others.append(line)
            self._doubt = self._doubt or line in (b"H", b"Y")
            self.aborted = self.aborted or line == b"Z"
        elif line == b"":
            self.odd_ends += 1
            self.ended = not self.in_loop
        elif (error := decode_error(line)) is None:
            self._count_garbled()
        elif error.before:
            self.others.append(line)  # an answer to a question of somebody else
        else:
            self.error = error
