"""Numbers and foreign text as a person reads them.

Knows digits, units and which characters may not reach a screen. Does not know what is being shown.
"""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime
from typing import Literal

Tone = Literal["normal", "dim", "good", "busy", "warn", "alarm"]
"""What a colour means; never the only code (R49), words and shapes say the same."""
NOTHING = "–"
NS_PER_S = 1_000_000_000


_UNSAFE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
MAX_SHOWN = 2000
"""Characters of one text on the screen: enough for every reason of a refusal. A megabyte would hold the window up."""


def plain(text: str) -> str:
    """Return foreign text with control, bidirectional and invisible characters spelled out, and cut (X7, X16)."""
    shown = "".join(_spelled(char) if unicodedata.category(char) in _UNSAFE else char for char in text[:MAX_SHOWN])
    return shown if len(text) <= MAX_SHOWN else f"{shown}… ({len(text) - MAX_SHOWN} more characters)"


def _spelled(char: str) -> str:
    return f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}"


def digits(value: float) -> str:
    """Return four figures below 1000, whole numbers above: 0.200, 12.35, 123.4, 1234."""
    if not math.isfinite(value):
        return NOTHING
    size = abs(value)
    places = 3 if size < 9.9995 else 2 if size < 99.995 else 1 if size < 999.95 else 0
    return f"{value:.{places}f}"


def volume(volume_ul: float | None) -> str:
    """Return a volume in µL with its unit."""
    return NOTHING if volume_ul is None else f"{digits(volume_ul)} µL"


def rate(rate_ul_per_min: float) -> str:
    """Return a rate in µL/min with its unit."""
    return f"{digits(rate_ul_per_min)} µL/min"


def duration(seconds: float) -> str:
    """Return h:mm:ss, or m:ss below an hour; a minus sign where it is negative."""
    sign = "−" if seconds <= -0.5 else ""
    whole = round(abs(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02d}:{rest:02d}" if hours else f"{sign}{minutes}:{rest:02d}"


def stamp(seconds: float) -> str:
    """Return session time as hh:mm:ss, cut, not rounded: the way a clock shows it."""
    whole = int(max(seconds, 0.0))
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def time_of_day(wall_ns: int) -> str:
    """Return local time of day as hh:mm:ss."""
    return datetime.fromtimestamp(wall_ns / NS_PER_S, tz=UTC).astimezone().strftime("%H:%M:%S")


def age(seconds: float) -> str:
    """Return how old something is: 0.4 s, 12 s, 3 min, 2 h."""
    if seconds < 0.05:
        return "now"
    if seconds < 10:
        return f"{seconds:.1f} s ago"
    if seconds < 120:
        return f"{seconds:.0f} s ago"
    return f"{seconds / 60:.0f} min ago" if seconds < 7200 else f"{seconds / 3600:.1f} h ago"


def size(count: int) -> str:
    """Return a number of bytes: 812 kB, 45.1 MB, 1.2 GB."""
    for limit, divisor, unit in ((1e6, 1e3, "kB"), (1e9, 1e6, "MB"), (1e12, 1e9, "GB")):
        if count < limit:
            return f"{count / divisor:.0f} kB" if unit == "kB" else f"{count / divisor:.1f} {unit}"
    return f"{count / 1e12:.1f} TB"
