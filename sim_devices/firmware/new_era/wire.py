"""Framing on a New Era pump's line: Basic text lines and Safe packets in, framed replies out.

Knows bytes, lengths, the checksum and the inter-byte time-out; does not know what a command means. Framing rules [M];
that a Basic-mode pump understands Safe packets and a Safe-mode pump ignores bare text [D:nesp-lib, D:NE1000.m].
"""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

STX, ETX, CR = 0x02, 0x03, 0x0D
INTER_BYTE_TIMEOUT_NS = 500_000_000
_SAFE_OVERHEAD = 4  # the length counts itself, two checksum bytes and ETX
_LINE_LIMIT = 255


class Packet(NamedTuple):
    """One command as it arrived. ``intact`` is False for a bad length, checksum or end."""

    text: str
    safe: bool
    intact: bool


def clean(raw: bytes) -> str:
    """Return command text as the pump reads it: no spaces, no control characters, upper case [M]."""
    text = raw.decode("latin-1")
    if text.isascii() and text.isalnum():
        return text.upper()
    return "".join(char for char in text if char.isprintable() and not char.isspace()).upper()


def frame_reply(text: str, *, safe: bool) -> bytes:
    """Return a reply as it goes on the wire."""
    data = text.encode("ascii")
    if not safe:
        return bytes([STX]) + data + bytes([ETX])
    return bytes([STX, len(data) + _SAFE_OVERHEAD]) + data + crc_hqx(data, 0).to_bytes(2, "big") + bytes([ETX])


@dataclass
class Receiver:
    """Cuts what the host sends into packets."""

    _line: bytearray = field(default_factory=bytearray)
    _packet: bytearray | None = None
    _last_byte_ns: int = 0

    def reset(self) -> None:
        """Forget what has been received, as after power-on."""
        self._line.clear()
        self._packet = None

    def feed(self, data: bytes, now_ns: int, safe_mode: Callable[[], bool]) -> Iterator[Packet]:
        """Take bytes that arrived together; yield each packet they complete, so that it is obeyed before the next.

        ``safe_mode`` is asked for every byte: a packet may change the mode in which the rest is heard.
        """
        if self._packet is not None and now_ns - self._last_byte_ns > INTER_BYTE_TIMEOUT_NS:
            self._packet = None
        self._last_byte_ns = now_ns
        if data.find(CR) == len(data) - 1 and not self._line and self._packet is None and STX not in data:
            if not safe_mode():  # one command in Basic mode and nothing else, as nearly always
                yield Packet(clean(data[:-1][:_LINE_LIMIT]), safe=False, intact=True)
            return
        if self._packet is None and data[:1] == bytes((STX,)) and len(data) > 1 and len(data) == data[1] + 1:
            self._line.clear()  # one Safe packet and nothing else, as nearly always
            yield _check(data[1:])
            return
        for byte in data:
            packet = self._feed_byte(byte, safe_mode=safe_mode())
            if packet is not None:
                yield packet

    def _feed_byte(self, byte: int, *, safe_mode: bool) -> Packet | None:
        if self._packet is not None:
            self._packet.append(byte)
            # The first byte after STX counts itself and all that follow it: no other byte may end a packet.
            if len(self._packet) >= max(self._packet[0], 1):
                body, self._packet = bytes(self._packet), None
                return _check(body)
            return None
        if byte == STX:
            self._line.clear()
            self._packet = bytearray()
            return None
        if safe_mode:
            return None
        if byte == CR:
            line, self._line = bytes(self._line), bytearray()
            return Packet(clean(line), safe=False, intact=True)
        if len(self._line) < _LINE_LIMIT:
            self._line.append(byte)
        return None


def _check(body: bytes) -> Packet:
    if body[0] < _SAFE_OVERHEAD or body[-1] != ETX:
        return Packet("", safe=True, intact=False)
    data, checksum = body[1:-3], body[-3:-1]
    return Packet(clean(data), safe=True, intact=crc_hqx(data, 0).to_bytes(2, "big") == checksum)
