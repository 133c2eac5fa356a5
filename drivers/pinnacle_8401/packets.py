"""Cuts a stream of bytes into data packets, thousands at once, and decodes them (potentiostats.md 1.6).

Knows the 31 bytes of a data packet. One counts only if head, end and checksum are right; 0x02 and 0x03 may stand
inside. What is between packets is handed back: it may be a control packet, or garbage. Never looks at one byte at a
time: twelve hours are 86 million packets. Pure; knows no channel's meaning and no time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drivers.pinnacle_8401.codec import CONTROL, Packet
from drivers.pinnacle_8401.codec import decode as decode_control

SIZE: Final = 31
CHANNELS: Final = 4
HEAD: Final = b"\x0200B5"
_HEX: Final = np.array([list(b"%02X" % value) for value in range(256)], dtype=np.uint8)
_END: Final = 0x03

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Packets:
    """Whole packets in the order of arrival; ``n`` may be 0."""

    counter: NDArray[np.int64]
    """Shape (n,), 0 to 255."""
    digital: Bytes
    """Shape (n,), state of the inputs: bit 7 EXT0, bit 6 EXT1, bits 0 to 3 TTL1 to TTL4."""
    codes: NDArray[np.int64]
    """Shape (n, 4), 0 to 262143, channels A to D."""


def decode(rows: Bytes) -> Packets:
    """Return what packets of shape (n, 31) say; each is known to be whole."""
    raw = rows[:, 7:16].astype(np.int64)
    codes = np.empty((len(rows), CHANNELS), dtype=np.int64)
    codes[:, 0] = (raw[:, 6] & 0x03) << 16 | raw[:, 7] << 8 | raw[:, 8]
    codes[:, 1] = (raw[:, 4] & 0x0F) << 14 | raw[:, 5] << 6 | raw[:, 6] >> 2
    codes[:, 2] = (raw[:, 2] & 0x3F) << 12 | raw[:, 3] << 4 | raw[:, 4] >> 4
    codes[:, 3] = raw[:, 0] << 10 | raw[:, 1] << 2 | raw[:, 2] >> 6
    return Packets(rows[:, 5].astype(np.int64), rows[:, 6].copy(), codes)


@dataclass
class PacketCutter:
    """Keeps the unfinished end between two feeds, at most 30 bytes."""

    _rest: bytes = field(default=b"", init=False)

    def feed(self, data: bytes) -> tuple[Packets, list[bytes]]:
        """Return the packets that are whole now, and the stretches of bytes beside them, in order."""
        buffer = self._rest + data
        raw = np.frombuffer(buffer, dtype=np.uint8)
        starts = _starts(raw)
        end = _end_of_controls(buffer, int(starts[-1]) + SIZE if starts.size else 0)
        keep = buffer.find(b"\x02", max(end, len(buffer) - SIZE + 1))
        keep = len(buffer) if keep < 0 else keep
        self._rest = buffer[keep:]
        rows = raw[starts[:, None] + np.arange(SIZE)] if starts.size else np.empty((0, SIZE), dtype=np.uint8)
        return decode(rows), _between(buffer, starts, keep)

    def reset(self) -> None:
        """Forget the unfinished end."""
        self._rest = b""


def _starts(raw: Bytes) -> NDArray[np.int64]:
    """Return where whole packets begin; none overlap."""
    places = raw.size - SIZE + 1
    if places <= 0:
        return np.empty(0, dtype=np.int64)
    found = np.flatnonzero((raw[:places] == HEAD[0]) & (raw[SIZE - 1 :] == _END))
    for offset, byte in enumerate(HEAD[1:], start=1):
        found = found[raw[found + offset] == byte]
    if not found.size:
        return found
    sums = np.concatenate(([0], np.cumsum(raw, dtype=np.int64)))
    expected = _HEX[~(sums[found + 28] - sums[found + 1]) & 0xFF]
    found = found[(raw[found + 28] == expected[:, 0]) & (raw[found + 29] == expected[:, 1])]
    return found if bool(np.all(np.diff(found) >= SIZE)) else _apart(found)


def _apart(found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Drop what begins inside a packet: data that looks like one."""
    kept: list[int] = []
    for place in found.tolist():
        if not kept or place - kept[-1] >= SIZE:
            kept.append(place)
    return np.array(kept, dtype=np.int64)


def _between(buffer: bytes, starts: NDArray[np.int64], end: int) -> list[bytes]:
    """Return the bytes up to ``end`` that are in no packet."""
    begins = np.concatenate(([0], starts + SIZE))
    ends = np.concatenate((starts, [max(end, int(begins[-1]))]))
    return [buffer[int(begins[at]) : int(ends[at])] for at in np.flatnonzero(ends > begins)]


def _end_of_controls(buffer: bytes, begin: int) -> int:
    """Return where the last whole control packet behind ``begin`` ends: a notice must not wait for what comes next."""
    ends = [found.end() for found in CONTROL.finditer(buffer, begin) if decode_control(found[0]) is not None]
    return ends[-1] if ends else begin


def controls(stretch: bytes) -> tuple[list[Packet], int]:
    """Return the control packets in a stretch between data packets, and how many bytes are nothing known."""
    packets, known = [], 0
    for found in CONTROL.finditer(stretch):
        packet = decode_control(found[0])
        if packet is not None:
            packets.append(packet)
            known += len(found[0])
    return packets, len(stretch) - known
