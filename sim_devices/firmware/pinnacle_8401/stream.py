"""Data packets of a running 8401-HR, thousands at once ("Binary5", potentiostats.md 1.6).

Knows when packets are due, how 31 bytes are laid out, and which of them get lost or broken on purpose. Pure but for the
converter it asks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim_devices.firmware.pinnacle_8401.analog import Analog
from sim_devices.firmware.pinnacle_8401.options import PinnacleOptions

SIZE = 31
_HEAD = np.frombuffer(b"\x0200B5", dtype=np.uint8)
_HEX = np.array([list(f"{value:02X}".encode("ascii")) for value in range(256)], dtype=np.uint8)
_NS = 1_000_000_000
_MOST = 20_000
"""Packets made at once: bounds memory when nobody has asked for a long time."""


@dataclass
class PacketStream:
    """One run from STREAM 1 to STREAM 0. ``counter`` of the next packet goes on from run to run."""

    options: PinnacleOptions
    analog: Analog
    chance: np.random.Generator
    begun_ns: int
    counter: int
    made: int = 0

    def __post_init__(self) -> None:
        rate = self.analog.registers.rate * (1.0 + self.options.clock_ppm * 1e-6)
        self._period_ns = _NS / rate
        self._burst_ns = self.options.burst_ms * 1_000_000

    def next_ns(self, now_ns: int) -> int:
        """Return when the next burst leaves."""
        return self.begun_ns + ((now_ns - self.begun_ns) // self._burst_ns + 1) * self._burst_ns

    def until(self, now_ns: int, *, at_once: bool = False) -> list[tuple[int, bytes]]:
        """Return the bursts that have left by ``now_ns``; with ``at_once`` also what has only been measured by then."""
        end_ns = now_ns if at_once else self.next_ns(now_ns) - self._burst_ns
        due = int((end_ns - self.begun_ns) / self._period_ns)
        out: list[tuple[int, bytes]] = []
        while self.made < due:
            count = min(due - self.made, _MOST)
            out += self._packets(count, end_ns)
            self.made += count
        return out

    def _packets(self, count: int, end_ns: int) -> list[tuple[int, bytes]]:
        number = np.arange(self.made, self.made + count, dtype=np.int64)
        t_ns = self.begun_ns + np.rint((number + 1) * self._period_ns).astype(np.int64)
        rows = np.zeros((count, SIZE), dtype=np.uint8)
        rows[:, :5] = _HEAD
        rows[:, 5] = (self.counter + np.arange(count)) & 0xFF
        rows[:, 6] = self._digital(t_ns)
        _put_codes(rows, self.analog.codes(t_ns))
        rows[:, 16:18] = self.options.ext0 >> 8 & 0xFF, self.options.ext0 & 0xFF
        rows[:, 28:30] = _HEX[~rows[:, 1:28].sum(axis=1, dtype=np.int64) & 0xFF]
        rows[:, 30] = 0x03
        self.counter = (self.counter + count) & 0xFF
        left_ns = self.begun_ns + -(-(t_ns - self.begun_ns) // self._burst_ns) * self._burst_ns
        begins = np.concatenate(([0], np.flatnonzero(np.diff(left_ns)) + 1)).tolist()
        ends = [*begins[1:], count]
        kept = self._harm(rows)
        return [
            (min(int(left_ns[begin]), end_ns), rows[begin:end][kept[begin:end]].tobytes())
            for begin, end in zip(begins, ends, strict=True)
        ]

    def _digital(self, t_ns: NDArray[np.int64]) -> NDArray[np.uint8]:
        levels = np.full(t_ns.size, 0xFF, dtype=np.uint8)
        if self.options.ttl1_every_s:
            phase_ns = (t_ns - self.begun_ns) % round(self.options.ttl1_every_s * _NS)
            levels[phase_ns >= round(self.options.ttl1_high_ms * 1_000_000)] &= 0xFE
        driven = self.analog.registers.ttl_out & 0x0F
        levels &= np.uint8(self.analog.registers.outs | ~driven & 0xFF)
        if self.options.ttl3_to_ttl1 and driven & 4 and not self.analog.registers.outs & 4:
            levels &= 0xFE
        return levels

    def _harm(self, rows: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Break some packets; return which are not lost."""
        count = len(rows)
        if self.options.broken_packets:
            hit = np.flatnonzero(self.chance.random(count) < self.options.broken_packets)
            where = self.chance.integers(0, SIZE, hit.size)
            rows[hit, where] ^= self.chance.integers(1, 256, hit.size).astype(np.uint8)
        if self.options.lost_packets:
            return np.asarray(self.chance.random(count) >= self.options.lost_packets)
        return np.ones(count, dtype=np.bool_)


def _put_codes(rows: NDArray[np.uint8], codes: NDArray[np.int64]) -> None:
    """Lay four 18-bit codes out as one 72-bit word, channel D first."""
    a, b, c, d = codes.T
    parts = (
        d >> 10, d >> 2, (d & 3) << 6 | c >> 12,
        c >> 4, (c & 15) << 4 | b >> 14, b >> 6,
        (b & 63) << 2 | a >> 16, a >> 8, a,
    )  # fmt: skip
    for place, part in enumerate(parts, start=7):
        rows[:, place] = part & 0xFF
