"""Numbers, units, times and drive mechanics of an Ultra pump. Knows text and arithmetic only, no state."""

from __future__ import annotations

import math
import re

UL_PER = {"ml": 1000.0, "ul": 1.0, "nl": 1e-3, "pl": 1e-6}
PER_MIN = {"sec": 60.0, "min": 1.0, "hr": 1.0 / 60.0}
_VOLUME_WORDS = {"ml": "ml", "m": "ml", "ul": "ul", "u": "ul", "nl": "nl", "n": "nl", "pl": "pl", "p": "pl"}
_TIME_WORDS = {"s": "sec", "sec": "sec", "m": "min", "min": "min", "h": "hr", "hr": "hr"}
_NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+")
_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d):([0-5]\d)")
LONGEST_S = 359_999
"""99:59:59 [D:python-syringe-pump]."""


class Malformed(ValueError):
    """The text is not what this argument can be; it says which part."""


def area_mm2(diameter_mm: float) -> float:
    """Return the cross-section of a syringe; 1 mm of travel is this many microlitres."""
    return math.pi * diameter_mm * diameter_mm / 4.0


def number(text: str) -> float:
    """Read a number. Raises Malformed."""
    if not (text.isascii() and _NUMBER.fullmatch(text)) or len(text) > 16:
        raise Malformed(text)
    return float(text)


def rate(value: str, unit: str) -> tuple[float, str]:
    """Read ``199.49``, ``ul/min`` (or ``u/m``) as (microlitres per minute, time unit) [M]. Raises Malformed."""
    volume, slash, time = unit.partition("/")
    if not slash or volume not in _VOLUME_WORDS or time not in _TIME_WORDS:
        raise Malformed(unit)
    return number(value) * UL_PER[_VOLUME_WORDS[volume]] * PER_MIN[_TIME_WORDS[time]], _TIME_WORDS[time]


def volume(value: str, unit: str) -> float:
    """Read ``199.49``, ``ul`` as microlitres. Raises Malformed."""
    if unit not in _VOLUME_WORDS:
        raise Malformed(value)  # recorded: ``tvolume 2 l`` complains of the 2 [R]
    return number(value) * UL_PER[_VOLUME_WORDS[unit]]


def seconds(text: str) -> float:
    """Read seconds or hh:mm:ss. Raises Malformed."""
    found = _CLOCK.fullmatch(text)
    return float(int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])) if found else number(text)


def six(value: float) -> str:
    """Write six significant digits without trailing zeros [R]."""
    text = f"{value:.6g}"
    return f"{value:.12f}".rstrip("0").rstrip(".") if "e" in text else text


def volume_text(value_ul: float) -> str:
    """Write a volume in the unit that keeps it at 1 or above: ``1.69023 ul``, ``0 ul``, ``1 ml`` [R]."""
    if value_ul <= 0:
        return "0 ul"
    for unit, scale in UL_PER.items():
        if float(six(value_ul / scale)) >= 1:
            return f"{six(value_ul / scale)} {unit}"
    return f"{six(value_ul / UL_PER['pl'])} pl"


def rate_text(ul_per_min: float, time: str = "min") -> str:
    """Write a rate in the time unit it was given in [I]; the volume unit is chosen by size [D:flowchem]."""
    return f"{volume_text(ul_per_min / PER_MIN[time])}/{time}"


def time_text(time_s: float) -> str:
    """Write ``30 seconds`` below a minute, else ``00:03:00``."""
    if time_s < 60:
        return f"{six(time_s)} seconds"
    whole = int(time_s)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
