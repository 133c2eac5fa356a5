"""What Chemyx answers say and how numbers are written (pumps.md c). Pure.

Only microlitre units are ever set, so that no volume can be off by 1000; all four are understood when read. A number
that the pump would hold as zero, or more than 0.5 % off, is refused (R09, R10). Knows no ports and no time.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from drivers.capabilities import PumpProgram
from drivers.errors import NotEncodable

TOLERANCE: Final = 0.005
"""R09: largest relative difference between what is asked and what the pump would hold."""
UNITS: Final = ("mL/min", "mL/hr", "uL/min", "uL/hr")
"""Meaning of the digits of ``set units`` [M]."""
UL_PER_VOLUME: Final = (1000.0, 1000.0, 1.0, 1.0)
UL_PER_MIN_PER_RATE: Final = (1000.0, 1000.0 / 60.0, 1.0, 1.0 / 60.0)
UL_PER_MIN_UNIT: Final = 2
UL_PER_HOUR_UNIT: Final = 3
DIAMETER_MM: Final = (0.103, 40.0)
"""Inside diameters that the vendor's page gives [M]; a third-party driver allows 60."""
DIAMETER_DECIMALS: Final = 3  # [M]
VOLUME_DECIMALS: Final = 5  # [M]
RATE_DECIMALS: Final = 4
"""[I] from the limits that pumps print; the vendor's page gives 5 for volumes and says nothing better for rates."""
LARGEST_NUMBER: Final = 99_999.0
"""[I] what is written has five digits before the point at most; the pump's own limits are narrower."""
_FEWEST_STEPS = 0.1  # uL/min; below, uL/hr has more digits before those that a pump may not print

_NUMBER = r"-?[0-9]{1,9}(?:\.[0-9]{0,9})?"
_NAMED = re.compile(rf"([a-z ]{{1,20}}?)\s*=\s*({_NUMBER})")
_KEYED = re.compile(r"([a-z ]{1,20}?)\s*=\s*(\S.{0,60})?")
_FOUR = re.compile(rf"({_NUMBER})\s+({_NUMBER})\s+({_NUMBER})\s+({_NUMBER})")
_STATUS = re.compile(r"[0-5]")
_STARTED = re.compile(r"Pump start(ed!| running.{0,6})", re.IGNORECASE)
_DELAYED = re.compile(r"Pump delay.{0,6}", re.IGNORECASE)
_STOPPED = re.compile(r"Pump stop.{0,6}", re.IGNORECASE)
_REFUSED = re.compile(r"invalid\b.*|unknown\b.*|error\b.*", re.IGNORECASE)
_MICRO = str.maketrans({"\u00b5": "u", "\u03bc": "u"})

Lines = tuple[str, ...]
"""One answer without its echo."""


@dataclass(frozen=True)
class Number:
    """A number as the pump prints it, and what one count of its last digit is worth."""

    value: float
    step: float

    def shows(self, sent: float) -> bool:
        """Tell whether the pump holds ``sent``: equal in every digit it prints, and these tell 0.5 % [M: compare].

        One count is allowed, because it is not known whether the pump rounds or cuts off [?]; a number without a point
        must be equal.
        """
        count = self.step if self.step < 1.0 else 0.0
        off = abs(self.value - sent)
        return count <= TOLERANCE * abs(sent) and off <= max(count, 1e-6 * abs(sent)) * (1 + 1e-9) if sent else off == 0


@dataclass(frozen=True)
class Limits:
    """What the pump can do with the set syringe, in the set units."""

    max_rate: float
    min_rate: float
    max_volume: float
    min_volume: float


@dataclass(frozen=True)
class View:
    """The answer to ``view parameter``. Volume and rate are None where they are lists of several steps."""

    units: int
    diameter: Number | None
    rate: Number | None
    volume: Number | None
    delay: Number | None


def parse_number(text: str) -> Number | None:
    """Return a printed number."""
    if not re.fullmatch(_NUMBER, text):
        return None
    return Number(float(text), 10.0 ** -len(text.partition(".")[2]))


def parse_named(name: str, lines: Lines) -> Number | None:
    """Return the number of an answer ``name = number``; further named lines may follow."""
    if not lines or not all(_KEYED.fullmatch(line) for line in lines):
        return None
    found = _NAMED.fullmatch(lines[0])
    return parse_number(found[2]) if found and found[1] == name else None


def parse_status(lines: Lines) -> int | None:
    """Return the digit of ``pump status``: 0 stopped, 1 running, 2 paused, 3 delayed, 4 stalled, 5 error [D]."""
    return int(lines[0]) if len(lines) == 1 and _STATUS.fullmatch(lines[0]) else None


def parse_limits(lines: Lines) -> Limits | None:
    """Return max rate, min rate, max volume, min volume (two sources agree on the order)."""
    found = _FOUR.fullmatch(lines[0]) if len(lines) == 1 else None
    if found is None:
        return None
    limits = Limits(*(float(text) for text in found.groups()))
    return limits if limits.max_rate > limits.min_rate >= 0 and limits.max_volume > limits.min_volume >= 0 else None


def parse_view(lines: Lines) -> View | None:
    """Return the settings. The unit may be printed as its digit or as text [?]."""
    found: dict[str, str] = {}
    for line in lines:
        pair = _KEYED.fullmatch(line)
        if pair is None or pair[1] in found:
            return None
        found[pair[1]] = (pair[2] or "").strip()
    unit = parse_unit(found.get("unit", found.get("units", "")))
    if unit is None or not {"rate", "volume"} <= found.keys():
        return None
    return View(
        units=unit,
        diameter=parse_number(found.get("dia", found.get("diameter", ""))),
        rate=parse_number(found["rate"]),
        volume=parse_number(found["volume"]),
        delay=parse_number(found.get("delay", "")),
    )


def parse_unit(text: str) -> int | None:
    """Return the digit of a unit that is printed as digit or text."""
    plain = text.translate(_MICRO).replace("Î¼", "u").replace("Âµ", "u")  # UTF-8 signs read as Latin-1
    if plain in UNITS:
        return UNITS.index(plain)
    number = parse_number(plain)
    return int(number.value) if number is not None and number.value in (0, 1, 2, 3) else None


def parse_started(lines: Lines) -> bool | None:
    """Return True if the run has begun, False if it is delayed. Texts differ between sources."""
    if len(lines) != 1:
        return None
    if _STARTED.fullmatch(lines[0]):
        return True
    return False if _DELAYED.fullmatch(lines[0]) else None


def parse_stopped(lines: Lines) -> bool | None:
    """Return True for the answer to ``stop``."""
    return True if len(lines) == 1 and _STOPPED.fullmatch(lines[0]) else None


def is_refusal(lines: Lines) -> bool:
    """Tell whether the pump did not understand (the wording comes from a simulator only [S])."""
    return len(lines) >= 1 and _REFUSED.fullmatch(lines[0]) is not None


def number_text(value: float, decimals: int, what: str, unit: str) -> str:
    """Write a number without needless zeros. Raises NotEncodable."""
    if not math.isfinite(value) or not 0.0 < value <= LARGEST_NUMBER:
        raise NotEncodable(f"{what} {value:g} {unit} is not a number above zero and up to {LARGEST_NUMBER:g}")
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    if abs(float(text) - value) > TOLERANCE * value:
        raise NotEncodable(
            f"{what} {value:g} {unit} would become {float(text):g} {unit} in the pump, more than 0.5 % off"
        )
    return text


@dataclass(frozen=True)
class Written:
    """One infusion as it is sent: texts in the set units."""

    units: int
    diameter: str
    volume: str
    rate: str

    def held(self) -> PumpProgram:
        """Return what the pump holds when it has taken all of it."""
        return PumpProgram(
            diameter_mm=float(self.diameter),
            rate_ul_per_min=float(self.rate) * UL_PER_MIN_PER_RATE[self.units],
            target_ul=float(self.volume) * UL_PER_VOLUME[self.units],
        )


def write(program: PumpProgram) -> Written:
    """Write an infusion in the unit that holds its rate best. Raises NotEncodable."""
    low, high = DIAMETER_MM
    if not low <= program.diameter_mm <= high:
        raise NotEncodable(f"diameter {program.diameter_mm:g} mm is outside the pump's {low:g} to {high:g} mm")
    units, rate = _rate(program.rate_ul_per_min)
    return Written(
        units=units,
        diameter=number_text(program.diameter_mm, DIAMETER_DECIMALS, "diameter", "mm"),
        volume=number_text(program.target_ul, VOLUME_DECIMALS, "target volume", "uL"),
        rate=rate,
    )


def _rate(ul_per_min: float) -> tuple[int, str]:
    order = (UL_PER_MIN_UNIT, UL_PER_HOUR_UNIT)
    if ul_per_min < _FEWEST_STEPS:
        order = (UL_PER_HOUR_UNIT, UL_PER_MIN_UNIT)
    best: tuple[float, int, str] | None = None
    for unit in order:
        value = ul_per_min / UL_PER_MIN_PER_RATE[unit]
        try:
            text = number_text(value, RATE_DECIMALS, "rate", UNITS[unit])
        except NotEncodable:
            continue
        off = round(abs(float(text) / value - 1.0), 5)
        if best is None or off < best[0]:
            best = (off, unit, text)
    if best is None:
        raise NotEncodable(f"no unit of the pump holds a rate of {ul_per_min:g} uL/min within 0.5 %")
    return best[1], best[2]


LOWEST_UL_PER_MIN: Final = 10.0**-RATE_DECIMALS * UL_PER_MIN_PER_RATE[UL_PER_HOUR_UNIT]
HIGHEST_UL_PER_MIN: Final = LARGEST_NUMBER
"""[I] what can be written; what a pump can do with a syringe is asked from the pump."""
