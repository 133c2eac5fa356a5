"""SCPI text of a source-measure unit as bytes and back (potentiostats.md 5). Pure; what comes in is untrusted.

Knows how numbers, readings, identities and errors are written, and that two numbers are no values. A line that is not
exactly of the shape asked for is None. Knows no commands, no port.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from drivers.errors import NotEncodable

OVERFLOW: Final = 9.9e37
"""Instead of a value: beyond the range (5)."""
NOT_AVAILABLE: Final = 9.91e37
"""Instead of a value: not measured (5); on a 6517B also: zero check is on (its manual)."""
_BETWEEN = 9.905e37
_NUMBER = re.compile(rb"[+-]?\d{1,9}(?:\.\d{1,9}(?:E[+-]\d\d)?)?")
"""An exponent only behind a decimal point, with two digits: what is left of 6.000000E-01 without its head is none."""
_PRINTED = re.compile(rb"[+-]\d\.\d{6}E[+-]\d\d")
"""A number of a reading of a 2400 or 6430: always as many characters, so that a lost one shows."""
_IDENTITY = re.compile(
    rb"KEITHLEY INSTRUMENTS INC\.?, ?MODEL ([\x20-\x2b\x2d-\x7e]+),([\x20-\x2b\x2d-\x7e]*),([\x20-\x7e]*)"
)
_ERROR = re.compile(rb'([+-]?\d{1,5}), ?"([\x20-\x21\x23-\x7e]*)"')


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer to ``:READ?``, as printed. None: the instrument was not asked for it."""

    current_a: float
    volt_v: float | None = None
    time_s: float | None = None
    status: int = 0


def decode_reading(line: bytes, elements: tuple[str, ...], *, fixed_width: bool) -> Reading | None:
    """Return the reading in a line without its end; ``elements`` are CURR or READ, VOLT, TIME, STAT in their order."""
    fields = line.split(b",")
    shape = _PRINTED if fixed_width else _NUMBER
    if len(fields) != len(elements) or not all(map(shape.fullmatch, fields)):
        return None
    values = dict(zip(elements, map(float, fields), strict=True))
    status = values.get("STAT", 0.0)
    if not 0 <= status < 2**24 or status != int(status):
        return None
    current_a = values["CURR"] if "CURR" in values else values["READ"]
    return Reading(current_a, values.get("VOLT"), values.get("TIME"), int(status))


def is_overflow(value: float) -> bool:
    """Tell whether a number says that the true one is beyond the range."""
    return OVERFLOW * 0.999 <= abs(value) < _BETWEEN


def is_not_available(value: float) -> bool:
    """Tell whether a number says that there is no value."""
    return abs(value) >= _BETWEEN


def decode_number(line: bytes) -> float | None:
    """Return the number that is all of a line."""
    return float(line) if _NUMBER.fullmatch(line) and math.isfinite(float(line)) else None


def decode_identity(line: bytes) -> tuple[str, str, str] | None:
    """Return (model, serial number, firmware) of an answer to ``*IDN?``."""
    found = _IDENTITY.fullmatch(line)
    return None if found is None else (found[1].decode().strip(), found[2].decode().strip(), found[3].decode().strip())


def decode_error(line: bytes) -> tuple[int, str] | None:
    """Return (number, message) of an answer to ``:SYST:ERR?``; number 0: none is left."""
    found = _ERROR.fullmatch(line)
    return None if found is None else (int(found[1]), found[2].decode())


def number(value: float) -> str:
    """Return a number as text that reads back as it. Raises NotEncodable for one of more than six digits."""
    text = f"{value:.6G}"
    if not math.isfinite(value) or abs(float(text) - value) > 1e-9 * abs(value):
        raise NotEncodable(f"{value!r} cannot be written in six digits")
    return text
