"""Joins the samples of channels with a port and a crystal each into rows on one grid of time. Pure.

Knows rows, lateness and crystals that drift apart. Knows no lines and no scripts. The rules (decision 0013):

- Rows begin when the last channel has begun. A sample stays as it was measured and is given out once; nothing is
  interpolated.
- A row waits for all channels that are up. What a channel did not give is NaN, flagged NOT_A_NUMBER; a row that no
  channel has is left out, which is a gap.
- The grid goes with the fastest crystal. A slower channel has one sample fewer now and then: when its samples come
  later than the fastest one's by more than an interval and what hearing of them costs, it passes over one row.
- A sample that comes when its row has been given out is counted as lost and told.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from drivers.capabilities import SampleBlock, SampleFlag
from drivers.clock import NS_PER_S

HEARING_NS = 150_000_000
"""How much later than another's a sample may be heard of although it is as old: ports are read one after the other."""
WINDOW_NS = 30 * NS_PER_S
_WINDOW_SAMPLES = 20
_PATIENCE_NS = NS_PER_S  # beside three intervals: so long a row waits for a channel that is up


@dataclass
class _Channel:
    """Where one channel's samples go."""

    is_up: bool = True
    epoch: int | None = None
    t0_ns: int = 0
    shift: int = 0
    """Row of a sample minus its index."""
    last_row: int = -1
    late_ns: float | None = None
    """How late after its row a sample comes, on average lately."""
    newest_ns: int | None = None
    """How late after its row the newest sample comes at best, in this window and the one before."""
    newest_now_ns: int | None = None
    sum_ns: int = 0
    count: int = 0
    passed_over: int = 0
    lost: int = 0
    waiting: deque[tuple[int, float, int]] = field(default_factory=deque)
    """(row, amperes, flags) not yet given out."""


class Merger:
    """One measurement of several channels."""

    def __init__(self, instrument: str, channels: tuple[str, ...], interval_ns: int, epoch: int) -> None:
        self._instrument, self._names, self._interval_ns, self._epoch = instrument, channels, interval_ns, epoch
        self._channels = [_Channel() for _name in channels]
        self._t0_ns: int | None = None
        self._next_row = 0
        self._origin: int | None = None
        self._received_ns = 0
        self._window_ns: int | None = None

    def set_up(self, channel: int, *, is_up: bool) -> None:
        """Say whether rows are to wait for this channel."""
        self._channels[channel].is_up = is_up

    def passed_over(self, channel: int) -> int:
        """Return how many rows this channel has passed over because its crystal is the slower one."""
        return self._channels[channel].passed_over

    def lost(self, channel: int) -> int:
        """Return how many samples of this channel came too late for their rows."""
        return self._channels[channel].lost

    def feed(self, channel: int, block: SampleBlock) -> None:
        """Take a block of one channel, in order."""
        own = self._channels[channel]
        if self._t0_ns is None:
            self._t0_ns, self._window_ns = block.t0_ns, block.received_ns
        self._received_ns = max(self._received_ns, block.received_ns)
        if own.epoch != block.epoch:
            self._place(own, block)
        rows = (block.index + own.shift).tolist()
        values, flags = block.current_a[:, 0].tolist(), block.flags[:, 0].tolist()
        for row, value, flag in zip(rows, values, flags, strict=True):
            own.sum_ns += block.received_ns - (self._t0_ns + row * self._interval_ns)
            if row < self._next_row:
                own.lost += 1
            else:
                own.waiting.append((row, value, flag))
        own.count += len(rows)
        own.last_row = rows[-1]
        newest_ns = block.received_ns - (self._t0_ns + rows[-1] * self._interval_ns)
        own.newest_now_ns = newest_ns if own.newest_now_ns is None else min(newest_ns, own.newest_now_ns)
        own.newest_ns = newest_ns if own.newest_ns is None else min(newest_ns, own.newest_ns)
        if own.late_ns is None:
            own.late_ns = own.sum_ns / own.count

    def _place(self, own: _Channel, block: SampleBlock) -> None:
        """Find the rows of a new count of a channel: behind the one before, or where it is as late as the others.

        A next turn of the same script goes on by whole intervals, and so do its rows.
        """
        moved_ns = block.t0_ns - own.t0_ns
        if own.epoch is not None and moved_ns % self._interval_ns == 0:
            own.shift += moved_ns // self._interval_ns
        else:
            t0_ns = self._t0_ns if self._t0_ns is not None else block.t0_ns
            usual = [c.newest_ns for c in self._channels if c is not own and c.is_up and c.newest_ns is not None]
            late_ns = min(usual, default=block.received_ns - int(block.t_ns()[-1]))
            row = round((block.received_ns - t0_ns - late_ns) / self._interval_ns)
            own.shift = max(row - int(block.index[-1]), own.last_row + 1 - int(block.index[0]), 0)
            own.sum_ns, own.count, own.late_ns, own.newest_ns, own.newest_now_ns = 0, 0, None, None, None
        own.epoch, own.t0_ns = block.epoch, block.t0_ns

    def rows(self, now_ns: int) -> list[SampleBlock]:
        """Return the rows that are whole, or have waited long enough, as at most one block."""
        patience_ns = _PATIENCE_NS + 3 * self._interval_ns
        if self._t0_ns is None or not self._has_begun(now_ns - patience_ns):
            return []
        self._compare_crystals()
        newest = max(channel.last_row for channel in self._channels)
        overdue = (now_ns - patience_ns - self._t0_ns) // self._interval_ns - self._grid_late()
        whole = min((channel.last_row for channel in self._channels if channel.is_up), default=newest)
        return self._give_out(min(max(whole, overdue), newest))

    def _has_begun(self, begun_before_ns: int) -> bool:
        """Tell whether there are rows yet: from the first sample of the channel that began last."""
        if self._origin is None:
            all_begun = all(channel.waiting for channel in self._channels)
            if not all_begun and (self._t0_ns or 0) > begun_before_ns:
                return False
            self._origin = self._next_row = max(c.waiting[0][0] for c in self._channels if c.waiting)
            for channel in self._channels:
                while channel.waiting and channel.waiting[0][0] < self._origin:
                    channel.waiting.popleft()
        return True

    def _grid_late(self) -> int:
        """Return by how many rows the grid is behind the host's clock: its crystal may be slow."""
        late = [channel.late_ns for channel in self._channels if channel.late_ns is not None]
        return max(0, int(min(late, default=0.0) // self._interval_ns))

    def _give_out(self, end: int) -> list[SampleBlock]:
        table: dict[int, list[tuple[int, float, int]]] = {}
        for number, channel in enumerate(self._channels):
            waiting = channel.waiting
            while waiting and waiting[0][0] <= end:
                row, value, flag = waiting.popleft()
                table.setdefault(row, []).append((number, value, flag))
        self._next_row = max(self._next_row, end + 1)
        if not table:
            return []
        index = sorted(table)
        origin = self._origin or 0
        current_a = np.full((len(index), len(self._channels)), np.nan)
        flags = np.full((len(index), len(self._channels)), int(SampleFlag.NOT_A_NUMBER), dtype=np.uint8)
        for at, row in enumerate(index):
            for number, value, flag in table[row]:
                current_a[at, number] = value
                flags[at, number] = flag
        return [
            SampleBlock(
                instrument=self._instrument,
                epoch=self._epoch,
                t0_ns=(self._t0_ns or 0) + origin * self._interval_ns,
                interval_ns=self._interval_ns,
                channels=self._names,
                index=np.array(index, dtype=np.int64) - origin,
                current_a=current_a,
                flags=flags,
                received_ns=self._received_ns,
            )
        ]

    def _compare_crystals(self) -> None:
        """Every now and then let a channel that has fallen behind the fastest one pass over a row."""
        up = [channel for channel in self._channels if channel.is_up]
        if self._window_ns is None or self._received_ns - self._window_ns < WINDOW_NS:
            return
        if any(channel.count < _WINDOW_SAMPLES for channel in up):
            return
        self._window_ns = self._received_ns
        for channel in self._channels:
            if channel.count:
                channel.late_ns = channel.sum_ns / channel.count
            channel.sum_ns = channel.count = 0
            channel.newest_ns, channel.newest_now_ns = channel.newest_now_ns, None
        fastest_ns = min((channel.late_ns for channel in up if channel.late_ns is not None), default=0.0)
        for channel in up:
            if channel.late_ns is not None and channel.late_ns - fastest_ns > self._interval_ns + HEARING_NS:
                channel.shift += 1
                channel.late_ns -= self._interval_ns
                channel.passed_over += 1
