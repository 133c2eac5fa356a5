"""Numbers, units and speed limits of a New Era pump. Knows text and arithmetic only, no state."""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(r"\d*(?:\.\d{0,3})?")
_MAX_DIGITS = 4

RATE_UNITS_UL_PER_MIN = {"UM": 1.0, "MM": 1000.0, "UH": 1.0 / 60.0, "MH": 1000.0 / 60.0}
VOLUME_UNITS_UL = {"UL": 1.0, "ML": 1000.0}

LARGEST_MICROLITRE_DIAMETER_MM = 14.0
"""Up to here volumes are in microlitres, above in millilitres [M]."""


class Malformed(ValueError):
    """The text is not a number this pump can hold."""


def parse_number(text: str) -> float:
    """Return a number of at most 4 digits with at most 3 after the point [M]. Raises Malformed."""
    digits = sum(char.isdigit() for char in text)
    if not _NUMBER.fullmatch(text) or not text.isascii() or not 1 <= digits <= _MAX_DIGITS:
        raise Malformed(text)
    return float(text)


def format_number(value: float) -> str:
    """Return 4 digits, always with a point: 0.000, 4.699, 50.00, 100.0, 1000. [D:nesp-lib]. Cut off, not rounded.

    A counter shows what is complete; the small addend only undoes binary fractions (12.34 held as 12.339999...).
    """
    for decimals, limit in ((3, 10.0), (2, 100.0), (1, 1000.0)):
        scale = 10.0**decimals
        shown = math.floor(value * scale + 1e-5) / scale
        if shown < limit:
            return f"{shown:.{decimals}f}"
    return f"{math.floor(value + 1e-5):d}."


def area_mm2(diameter_mm: float) -> float:
    """Return the cross-section of a syringe of this inside diameter; 1 mm of travel is this many microlitres."""
    return math.pi * diameter_mm * diameter_mm / 4.0
