"""Control packets of the 8401-HR as bytes and back (potentiostats.md 1.3 to 1.5). Pure; what comes in is untrusted.

Knows framing, checksum, the numbers of the commands and the width of their values. A packet counts only if it is whole
and its checksum is right. Knows neither data packets nor what a setting is good for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from drivers.errors import NotEncodable

PAYLOAD_MAX: Final = 32
CONTROL: Final = re.compile(rb"\x02([0-9A-F]{4})([0-9A-F]{0,%d})([0-9A-F]{2})\x03" % PAYLOAD_MAX)
"""A control packet holds no 0x02 and 0x03 but at its ends."""
U8: Final = 2
U16: Final = 4


class Command(IntEnum):
    """Numbers of those used. BOOT (7) is not among them: it would leave the instrument without its firmware."""

    NACK = 1
    PING = 2
    RESET = 3
    STREAM = 6
    TYPE = 8
    FIRMWARE = 12
    GET_RATE = 100
    SET_RATE = 101
    GET_HIGHPASS = 102
    SET_HIGHPASS = 103
    GET_LOWPASS = 104
    SET_LOWPASS = 105
    GET_DC_MODE = 106
    SET_DC_MODE = 107
    GET_BIAS = 112
    SET_BIAS = 113
    GET_EXT0 = 114
    SET_GROUND = 121
    GET_GROUND = 122
    SET_TTL = 127
    GET_TTL = 128
    SET_OUTS = 129
    GET_SECOND_STAGE = 130
    SET_SECOND_STAGE = 131
    SET_MUX = 132
    GET_MUX = 133
    DATA = 181


@dataclass(frozen=True)
class Packet:
    """A control packet: its number and its values as text."""

    number: int
    payload: str = ""

    def value(self, digits: int) -> int | None:
        """Return the only value, of this width; None if it holds anything else."""
        return int(self.payload, 16) if len(self.payload) == digits else None


def checksum(covered: bytes) -> bytes:
    """Return the two characters that close a packet over these bytes."""
    return b"%02X" % (~sum(covered) & 0xFF)


def hexadecimal(value: int, digits: int) -> str:
    """Return a value as ``digits`` hex digits, negative ones as two's complement. Raises NotEncodable."""
    if not -(16**digits) // 2 <= value < 16**digits:
        raise NotEncodable(f"{value} does not fit into {digits} hexadecimal digits")
    return f"{value % 16**digits:0{digits}X}"


def encode(number: int, payload: str = "") -> bytes:
    """Return the bytes of a control packet."""
    body = f"{number:04X}{payload}".encode("ascii")
    return b"\x02" + body + checksum(body) + b"\x03"


def decode(raw: bytes) -> Packet | None:
    """Return the control packet that ``raw`` is, from STX to ETX; None if it is none."""
    found = CONTROL.fullmatch(raw)
    if found is None or checksum(found[1] + found[2]) != found[3]:
        return None
    return Packet(int(found[1], 16), found[2].decode("ascii"))


def version(payload: str) -> str | None:
    """Return the firmware's version, "1.0.10": each byte is the character of a hex digit; None if it is not one."""
    if len(payload) != 8:
        return None
    text = bytes.fromhex(payload).decode("latin-1")
    parts = [text[0], text[1], text[2:].lstrip("\0")]
    if not all(re.fullmatch("[0-9A-F]{1,2}", part) for part in parts):
        return None
    return ".".join(str(int(part, 16)) for part in parts)
