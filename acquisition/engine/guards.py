"""Watches each stream of samples: silence, holes, saturation, flat lines. The first to see every block.

Knows what a stream should look like. Changes no sample and fills in nothing; says what is wrong as findings, which
the conductor turns into alarms and events.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from acquisition.plan import PotentiostatSetup
from drivers.capabilities import SampleBlock, SampleFlag
from drivers.clock import NS_PER_S

SILENCE_S = 2.0
SILENCE_INTERVALS = 5.0
"""Silent: no sample for longer than the larger of the two [P]."""
EPOCH_JITTER_NS = NS_PER_S // 4
"""The time of an epoch is fitted to its first block; what lies between two epochs is known no better than this [A]."""
_NOT_A_NUMBER, _OVERLOAD, _OTHER_RANGE = (
    int(flag) for flag in (SampleFlag.NOT_A_NUMBER, SampleFlag.OVERLOAD, SampleFlag.OTHER_RANGE)
)
FLAT_FOR_S = 30.0
FLAT_SAMPLES = 50
FLAT_BELOW = 1e-3
"""Flat: so many equal samples in a row over at least this time, and no current to speak of (as a part of the range)
[A]. Equal samples alone say nothing: a quiet sentinel with its background current stays within one step of a coarse
converter (5.5 pA in the lowest range of an EmStat Pico) for minutes; an unplugged electrode has no background."""


@dataclass(frozen=True)
class Gap:
    """Samples that never came: ``count`` of them, the first with ``first_index`` of ``epoch``."""

    epoch: int
    first_index: int
    count: int
    t_ns: int
    channel: str = ""
    """Of one channel only; empty: no channel has them."""


@dataclass(frozen=True)
class BlockFinding:
    """What one block showed. Empty tuples when all is well."""

    gaps: tuple[Gap, ...]
    saturated: tuple[str, ...]
    flat: tuple[str, ...]
    other_range: tuple[str, ...]
    new_epoch: bool


@dataclass
class StreamGuard:
    """The guard of one potentiostat's stream."""

    setup: PotentiostatSetup
    slack: float = 1.0
    """Engine seconds per real second, at least 1: scheduling noise of a sped-up simulation is not silence."""
    last_seen_ns: int | None = None
    samples: int = 0
    missing: int = 0
    last_current_a: dict[str, float] = field(default_factory=dict)
    last_flags: dict[str, int] = field(default_factory=dict)
    last_t_ns: int | None = None
    _epoch: int | None = None
    _next_index: int = 0
    _equal: dict[str, int] = field(default_factory=dict)
    _nothing: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Per channel: first index and number of the samples in a row that were no number."""
    _range_a: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self._range_a = {channel.name: channel.range_a for channel in self.setup.channels}

    def look(self, block: SampleBlock) -> BlockFinding:
        """Take one block of the stream, in order."""
        self.last_seen_ns = block.received_ns
        new_epoch = block.epoch != self._epoch
        first_ever = self._epoch is None
        between = self._between_epochs(block) if new_epoch else ()
        if new_epoch:
            self._epoch, self._next_index = block.epoch, 0
        gaps = (*between, *self._gaps(block))
        self.missing += sum(gap.count for gap in gaps)
        all_flags = np.bitwise_or.reduce(block.flags, axis=0).tolist()
        gaps = (*gaps, *self._channel_gaps(block, all_flags, new_epoch=new_epoch))
        self.samples += len(block.index)
        self._next_index = int(block.index[-1]) + 1
        self.last_t_ns = int(block.t0_ns + int(block.index[-1]) * block.interval_ns)
        saturated, flat, other_range = [], [], []
        for channel, current, flags in zip(block.channels, block.current_a.T.tolist(), all_flags, strict=True):
            if flags & _OVERLOAD:
                saturated.append(channel)
            if flags & _OTHER_RANGE:
                other_range.append(channel)
            if self._is_flat(channel, current, block.interval_ns):
                flat.append(channel)
            self.last_current_a[channel] = current[-1]
            self.last_flags[channel] = flags
        return BlockFinding(gaps, tuple(saturated), tuple(flat), tuple(other_range), new_epoch and not first_ever)

    def silent_s(self, now_ns: int) -> float | None:
        """Return for how long nothing has come, if that is too long; None while all is well or before the first."""
        if self.last_seen_ns is None:
            return None
        age_s = (now_ns - self.last_seen_ns) / NS_PER_S
        allowed_s = max(SILENCE_S * self.slack, SILENCE_INTERVALS * self.setup.interval_s)
        return age_s if age_s > allowed_s else None

    def _between_epochs(self, block: SampleBlock) -> tuple[Gap, ...]:
        """Return what is missing behind the last sample of the epoch before: a line was lost, or its last packages."""
        if self._epoch is None or self.last_t_ns is None:
            return ()
        apart_ns = block.t0_ns - self.last_t_ns
        if apart_ns <= 2 * block.interval_ns + EPOCH_JITTER_NS:
            return ()
        count = round(apart_ns / block.interval_ns) - 1
        return (Gap(self._epoch, self._next_index, count, self.last_t_ns + block.interval_ns),)

    def _gaps(self, block: SampleBlock) -> tuple[Gap, ...]:
        index = block.index
        if index[0] == self._next_index and index[-1] - index[0] == len(index) - 1:
            return ()
        expected = np.concatenate(([self._next_index], index[:-1] + 1))
        return tuple(
            Gap(block.epoch, int(expected[i]), int(index[i] - expected[i]), _time_of(block, int(expected[i])))
            for i in np.flatnonzero(index > expected)
        )

    def _channel_gaps(self, block: SampleBlock, all_flags: list[int], *, new_epoch: bool) -> tuple[Gap, ...]:
        """Return what single channels lacked while others went on, when it is over. One sample alone is no gap: a slow
        crystal passes over a row now and then, and an instrument may say "not a number".
        """
        if new_epoch:
            self._nothing.clear()
        if not self._nothing and not any(flags & _NOT_A_NUMBER for flags in all_flags):
            return ()
        bad = block.flags & np.uint8(SampleFlag.NOT_A_NUMBER)
        gaps = []
        for column, channel in enumerate(block.channels):
            for index, is_bad in zip(block.index.tolist(), bad[:, column].tolist(), strict=True):
                first, count = self._nothing.pop(channel, (index, 0))
                if is_bad:
                    self._nothing[channel] = (first, count + 1)
                elif count > 1:
                    gaps.append(Gap(block.epoch, first, count, _time_of(block, first), channel))
        return tuple(gaps)

    def _is_flat(self, channel: str, current: list[float], interval_ns: int) -> bool:
        newest, run = current[-1], 0
        for value in reversed(current):  # nearly always the second one is another already
            if value != newest:
                break
            run += 1
        else:
            if newest == self.last_current_a.get(channel):
                run += self._equal.get(channel, 0)
        self._equal[channel] = max(run, 1)
        nothing = abs(newest) <= FLAT_BELOW * self._range_a.get(channel, 0.0)
        return nothing and run >= FLAT_SAMPLES and run * interval_ns >= FLAT_FOR_S * NS_PER_S


def _time_of(block: SampleBlock, index: int) -> int:
    return block.t0_ns + index * block.interval_ns
