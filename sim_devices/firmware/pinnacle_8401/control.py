"""Control packets of POD instruments as bytes (potentiostats.md 1.3): STX, four hex digits, arguments, checksum, ETX.

Knows framing only. What is not a whole packet is dropped; a packet with a wrong checksum is told apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

STX, ETX = 0x02, 0x03
_LONGEST = 64
_HEX = frozenset(b"0123456789ABCDEF")


def packet(number: int, *values: tuple[int, int]) -> bytes:
    """Return a packet with ``values`` as (value, hex digits); negative ones as two's complement of that width."""
    body = f"{number:04X}" + "".join(f"{value % 16**digits:0{digits}X}" for value, digits in values)
    return b"\x02" + body.encode("ascii") + checksum(body.encode("ascii")) + b"\x03"


def checksum(covered: bytes) -> bytes:
    """Return the inverted low byte of the sum, as two hex digits."""
    return f"{~sum(covered) & 0xFF:02X}".encode("ascii")


@dataclass(frozen=True)
class Received:
    """A packet of the host."""

    number: int
    payload: str
    intact: bool
    """Its checksum is right."""


@dataclass
class ControlParser:
    """Cuts what the host sends."""

    _packet: bytearray | None = field(default=None, init=False)

    def feed(self, data: bytes) -> list[Received]:
        """Return the packets completed by ``data``."""
        found = []
        for byte in data:
            if byte == STX:
                self._packet = bytearray()
            elif self._packet is None:
                continue
            elif byte == ETX:
                body, self._packet = bytes(self._packet), None
                if len(body) >= 6 and _HEX.issuperset(body):
                    text = body.decode("ascii")
                    found.append(Received(int(text[:4], 16), text[4:-2], checksum(body[:-2]) == body[-2:]))
            elif len(self._packet) < _LONGEST:
                self._packet.append(byte)
            else:
                self._packet = None
        return found

    def reset(self) -> None:
        """Forget what is incomplete."""
        self._packet = None
