"""Cuts the bytes of a New Era pump into replies, and packs commands: Basic and Safe framing (pumps.md a.2, a.6).

Pure: bytes in, frames out. Knows lengths, checksums and the inter-byte rule. Does not know what a reply says.
Framing is detected per reply, because a pump left in Safe mode by somebody else must still be understood.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from drivers.clock import NS_PER_S

STX: Final = 0x02
ETX: Final = 0x03
CR: Final = b"\r"
INTER_BYTE_NS: Final = NS_PER_S // 2
"""A packet that stalls for longer is dropped [M]."""
_SAFE_LENGTH_MIN = 4  # the length byte itself, two of CRC, ETX
_BASIC_MAX = 64  # the longest known reply has 23 bytes; without a limit a lost ETX would swallow what follows


class Frame(NamedTuple):
    """One packet from the pump, without its envelope."""

    text: bytes
    safe: bool
    """Came in Safe framing: its length and checksum were right."""


def basic_command(text: str) -> bytes:
    """Pack a command for Basic mode."""
    return text.encode("ascii") + CR


def safe_command(text: str) -> bytes:
    """Pack a command for Safe mode: STX, length, text, CRC-16/XMODEM over the text [V], ETX."""
    data = text.encode("ascii")
    return bytes((STX, len(data) + 4)) + data + binascii.crc_hqx(data, 0).to_bytes(2, "big") + bytes((ETX,))


def _is_digit(byte: int) -> bool:
    return 0x30 <= byte <= 0x39


@dataclass
class PumpFramer:
    """Incremental: give it bytes as they come. Never scans a Safe packet for its end, only counts [M]."""

    _buffer: bytearray = field(default_factory=bytearray, init=False)
    _last_ns: int = field(default=0, init=False)
    dropped: int = field(default=0, init=False)
    """Bytes that belonged to no packet, since the start."""

    def feed(self, data: bytes, now_ns: int) -> list[Frame]:
        """Return the packets that ``data`` completes. Broken ones are dropped and their bytes searched again."""
        if self._buffer and now_ns - self._last_ns > INTER_BYTE_NS:
            self._drop(len(self._buffer))
        self._last_ns = now_ns
        self._buffer += data
        frames: list[Frame] = []
        while self._buffer:
            start = self._buffer.find(STX)
            self._drop(len(self._buffer) if start < 0 else start)
            taken = self._take()
            if taken is None:
                break
            if taken is not _BROKEN:
                frames.append(taken)
        return frames

    def reset(self) -> None:
        """Forget an incomplete packet."""
        self._buffer.clear()

    def _drop(self, count: int) -> None:
        self.dropped += count
        del self._buffer[:count]

    def _take(self) -> Frame | None:
        """Take the packet at the start of the buffer; None if it is incomplete, ``_BROKEN`` if it was none."""
        if len(self._buffer) < 2:
            return None
        kind = self._buffer[1]
        if _is_digit(kind):  # a Safe packet of 0x30 bytes and more does not occur
            return self._take_basic()
        if kind < _SAFE_LENGTH_MIN or kind > 0x2F:
            self._drop(1)
            return _BROKEN
        return self._take_safe(kind + 1)

    def _take_basic(self) -> Frame | None:
        end = self._buffer.find(ETX)
        restart = self._buffer.find(STX, 1)
        if restart > 0 and (end < 0 or restart < end):  # the end of this one was lost, another has begun
            self._drop(restart)
            return _BROKEN
        if end < 0:
            if len(self._buffer) <= _BASIC_MAX:
                return None
            self._drop(1)
            return _BROKEN
        text = bytes(self._buffer[1:end])
        del self._buffer[: end + 1]
        return Frame(text, safe=False)

    def _take_safe(self, size: int) -> Frame | None:
        if len(self._buffer) < size:
            return None
        text = bytes(self._buffer[2 : size - 3])
        crc = int.from_bytes(self._buffer[size - 3 : size - 1], "big")
        if self._buffer[size - 1] != ETX or crc != binascii.crc_hqx(text, 0):
            self._drop(1)
            return _BROKEN
        del self._buffer[:size]
        return Frame(text, safe=True)


_BROKEN: Final = Frame(b"", safe=False)
