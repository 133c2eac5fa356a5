"""What older Harvard pumps print and how numbers are written (pumps.md b2). Pure.

Rates are sent in microlitres, targets in millilitres, with a field of few characters. A number that does not fit it,
would become zero, or would be more than 0.5 % off, is refused (R09, R10). Knows no ports and no time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.capabilities import PumpProgram
from drivers.errors import NotEncodable
from drivers.printed import TOLERANCE, Printed, parse_printed

WIDTH: Final = 5
"""Characters of a number, point included: five digits at most [M: 33], fields of five [D:pumpy]."""
TARGET_WIDTH: Final = 6
"""Of ``TGT`` [D:syringe-pumps]."""
DIAMETER_MM: Final = (0.1, 35.0)
"""[D:pumpy] for Pump 11; another driver allows 45 on a PHD 2000. The narrower is used."""
UL_PER_ML: Final = 1000.0
_RATE_UNITS = {"UM": 1.0, "UH": 1.0 / 60.0}
"""Microlitre units only: a rate can then not be off by 1000."""

_QUANTITY = re.compile(r"([0-9.]{1,12})\s*([A-Za-zµ/]{0,8})")
_RATES = {
    "ul/mn": 1.0, "ul/min": 1.0, "ul/hr": 1 / 60, "ul/h": 1 / 60,
    "ml/mn": 1e3, "ml/min": 1e3, "ml/hr": 1e3 / 60, "ml/h": 1e3 / 60,
}  # fmt: skip
_VOLUMES = {"ul": 1.0, "ml": UL_PER_ML}
_VERSION = re.compile(r"[ -~]{2,40}")
REFUSALS: Final = {
    "?": "it does not know the command", "NA": "not applicable now", "OOR": "out of range", "E": "an error",
}  # fmt: skip
"""The line before the prompt [M]; E on other makes of the same protocol."""

MODES: Final = {
    "PUMP": "PUMP",
    "PMP": "PUMP",
    "VOLUME": "VOLUME",
    "VLM": "VOLUME",
    "PROGRAM": "PROGRAM",
    "PGM": "PROGRAM",
}
DIRECTIONS: Final = {"INFUSE": "INFUSE", "INF": "INFUSE", "REFILL": "REFILL", "REF": "REFILL", "REV": "REVERSE"}
SWITCH: Final = {"ON": "ON", "OFF": "OFF"}

Lines = tuple[str, ...]


@dataclass(frozen=True)
class Quantity:
    """A number and the unit that was printed with it: empty if there was none."""

    number: Printed
    unit: str

    def volume_ul_per(self, without: str = "") -> float | None:
        """Return microlitres per printed unit; None where no unit says so. ``without``: unit that is then meant."""
        return _VOLUMES.get(self.unit or without)

    @property
    def rate_ul_per_min_per(self) -> float | None:
        """Return microlitres per minute per printed unit; None where no unit says so."""
        return _RATES.get(self.unit)


def refusal(lines: Lines) -> str | None:
    """Return what a refusing line means; None if the pump did not refuse."""
    return REFUSALS.get(lines[0]) if len(lines) == 1 else None


def parse_quantity(lines: Lines) -> Quantity | None:
    """Return the one number of an answer with its unit in lower case."""
    found = _QUANTITY.fullmatch(lines[0]) if len(lines) == 1 else None
    number = parse_printed(found[1]) if found else None
    if found is None or number is None:
        return None
    unit = found[2].lower().replace("µ", "u")
    return Quantity(number, unit) if unit in ("", "mm", *_RATES, *_VOLUMES) else None


def parse_rate(lines: Lines) -> Quantity | None:
    """Return a rate; None unless its unit is printed."""
    found = parse_quantity(lines)
    return found if found is not None and found.rate_ul_per_min_per is not None else None


def parse_volume(lines: Lines) -> Quantity | None:
    """Return a volume, with or without its unit."""
    found = parse_quantity(lines)
    return found if found is not None and found.unit in ("", *_VOLUMES) else None


def parse_diameter(lines: Lines) -> Printed | None:
    """Return a diameter in millimetres."""
    found = parse_quantity(lines)
    return found.number if found is not None and found.unit in ("", "mm") else None


def parse_word(lines: Lines, words: Mapping[str, str]) -> str | None:
    """Return what the one word of an answer means; a pump may print it long or as it is set [?]."""
    return words.get(lines[0].upper()) if len(lines) == 1 else None


def parse_version(lines: Lines) -> str | None:
    """Return the version text. Anything that is no number and no refusal: texts differ between models [?]."""
    if len(lines) != 1 or refusal(lines) is not None or parse_quantity(lines) is not None:
        return None
    is_word = any(lines[0].upper() in words for words in (MODES, DIRECTIONS, SWITCH))
    return lines[0] if _VERSION.fullmatch(lines[0]) and not is_word else None


def number_text(value: float, width: int, what: str, unit: str) -> str:
    """Write a number with a point and as many decimals as the field holds. Raises NotEncodable."""
    if not math.isfinite(value) or not 0.0 < value < 10.0 ** (width - 1):
        raise NotEncodable(f"{what} {value:g} {unit} is not a number above zero that fits {width} characters")
    for decimals in range(width - 2, -1, -1):
        text = f"{value:.{decimals}f}" + ("" if decimals else ".")
        if len(text) <= width:
            break
    if len(text) > width or abs(float(text) - value) > TOLERANCE * value:
        raise NotEncodable(f"{what} {value:g} {unit} would become {text} {unit} in the pump, more than 0.5 % off")
    return text


@dataclass(frozen=True)
class Written:
    """One infusion as it is sent."""

    diameter: str
    rate: str
    rate_unit: str
    target_ml: str

    def held(self) -> PumpProgram:
        """Return what the pump holds when it has taken all of it."""
        return PumpProgram(
            diameter_mm=float(self.diameter),
            rate_ul_per_min=float(self.rate) * _RATE_UNITS[self.rate_unit],
            target_ul=float(self.target_ml) * UL_PER_ML,
        )


def write(program: PumpProgram) -> Written:
    """Write an infusion in the unit that holds its rate best. Raises NotEncodable."""
    low, high = DIAMETER_MM
    if not low <= program.diameter_mm <= high:
        raise NotEncodable(f"diameter {program.diameter_mm:g} mm is outside the pump's {low:g} to {high:g} mm")
    best: tuple[float, str, str] | None = None
    for unit, scale in _RATE_UNITS.items():
        value = program.rate_ul_per_min / scale
        try:
            text = number_text(value, WIDTH, "rate", unit)
        except NotEncodable:
            continue
        off = round(abs(float(text) / value - 1.0), 5)
        if best is None or off < best[0]:
            best = (off, text, unit)
    if best is None:
        raise NotEncodable(f"no unit of the pump holds a rate of {program.rate_ul_per_min:g} uL/min within 0.5 %")
    return Written(
        diameter=number_text(program.diameter_mm, WIDTH, "diameter", "mm"),
        rate=best[1],
        rate_unit=best[2],
        target_ml=number_text(program.target_ul / UL_PER_ML, TARGET_WIDTH, "target volume", "mL"),
    )


def same_rate(held: Quantity, written: Written) -> bool:
    """Tell whether a rate that was read back is the one that was written, in whichever unit it is printed."""
    per = held.rate_ul_per_min_per
    if per is None:
        return False
    if math.isclose(per, _RATE_UNITS[written.rate_unit]):
        return held.number.shows(written.rate)
    wanted = float(written.rate) * _RATE_UNITS[written.rate_unit] / per
    return held.number.step <= TOLERANCE * wanted and abs(held.number.value - wanted) <= held.number.step / 2


LOWEST_UL_PER_MIN: Final = 0.001 * _RATE_UNITS["UH"]
HIGHEST_UL_PER_MIN: Final = 9999.0
"""[I] what can be written; what a pump can do with a syringe it says itself (``OOR``)."""
