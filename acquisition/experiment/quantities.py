"""Quantities as people write them: exactly one number and its unit, or a refusal that says how to write it.

Knows units, dimensions and the one accepted grammar (R01, R02). Does not know what a quantity is for, nor any limit.
Grammar: ASCII digits without leading zeros, at most one decimal point with digits on both sides, one unit in its
exact spelling (``u``, U+00B5 and U+03BC all mean micro), at most one space between. No comma, no thousands separator,
no exponent, no sign (potentials may have a minus), no nan, no inf, no second number: "1 h 30 min" is refused, "90 min"
is how to write it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction

_QUANTITY = re.compile(r"(-?)((?:0|[1-9][0-9]*)(?:\.[0-9]+)?) ?([A-Za-z][A-Za-z/]*)", re.ASCII)
_MAX_CHARACTERS = 40
_MICRO = str.maketrans({"\u00b5": "u", "\u03bc": "u"})
"""Micro sign and Greek mu look alike and are different characters; both are accepted as u."""


class QuantityError(ValueError):
    """A text that is not a quantity of the expected kind: what was read, what is expected, an example."""


@dataclass(frozen=True)
class Dimension:
    """A kind of quantity: its units with their exact factors to the canonical one, and an example to show."""

    name: str
    canonical: str
    units: dict[str, Fraction]
    example: str
    signed: bool = False


_N, _U, _M = Fraction(1, 10**9), Fraction(1, 10**6), Fraction(1, 1000)
_ONE, _SIXTY = Fraction(1), Fraction(60)

VOLUME = Dimension("a volume", "uL", {"nL": _M, "uL": _ONE, "mL": _ONE / _M}, "50 uL")
RATE = Dimension(
    "a flow rate",
    "uL/min",
    {
        "nL/min": _M,
        "uL/min": _ONE,
        "mL/min": _ONE / _M,
        "nL/s": _M * 60,
        "uL/s": _SIXTY,
        "uL/h": _ONE / 60,
        "mL/h": _ONE / _M / 60,
    },
    "0.5 uL/min",
)
DURATION = Dimension("a duration", "s", {"ms": _M, "s": _ONE, "min": _SIXTY, "h": _SIXTY * 60}, "10 min")
DOSE = Dimension("a dose", "mg/kg", {"ng/kg": _U, "ug/kg": _M, "mg/kg": _ONE}, "10 mg/kg")
DOSE_RATE = Dimension(
    "a dose rate",
    "mg/kg/min",
    {"ug/kg/min": _M, "mg/kg/min": _ONE, "ug/kg/h": _M / 60, "mg/kg/h": _ONE / 60},
    "0.5 mg/kg/min",
)
CONCENTRATION = Dimension(
    "a concentration",
    "mg/mL",
    {"ng/uL": _M, "ng/mL": _U, "ug/mL": _M, "ug/uL": _ONE, "mg/mL": _ONE},
    "2 mg/mL",
)
MOLARITY = Dimension("a molar concentration", "uM", {"nM": _M, "uM": _ONE, "mM": _ONE / _M}, "20 mM")
WEIGHT = Dimension("a weight", "g", {"g": _ONE, "kg": _ONE / _M}, "25 g")
MASS = Dimension("a mass", "mg", {"ug": _M, "mg": _ONE, "g": _ONE / _M}, "99.7 mg")
TEMPERATURE = Dimension("a temperature", "C", {"C": _ONE}, "22.5 C")
LENGTH = Dimension("a length", "mm", {"um": _M, "mm": _ONE, "cm": Fraction(10)}, "4.699 mm")
POTENTIAL = Dimension("a potential", "V", {"mV": _M, "V": _ONE}, "600 mV", signed=True)
CURRENT = Dimension("a current", "A", {"pA": _N * _M, "nA": _N, "uA": _U, "mA": _M, "A": _ONE}, "100 nA")
DRIFT = Dimension("a drift", "A/min", {"pA/min": _N * _M, "nA/min": _N, "A/min": _ONE}, "2 pA/min")
SENSITIVITY = Dimension("a sensitivity", "A/uM", {"pA/uM": _N * _M, "nA/uM": _N, "A/uM": _ONE}, "7 pA/uM")
VOLUME_PER_WEIGHT = Dimension(
    "a volume per body weight", "mL/kg", {"uL/kg": _M, "uL/g": _ONE, "mL/kg": _ONE}, "5 mL/kg"
)
RATE_PER_WEIGHT = Dimension(
    "a flow rate per body weight", "mL/kg/h", {"uL/kg/min": _M * 60, "mL/kg/min": _SIXTY, "mL/kg/h": _ONE}, "4 mL/kg/h"
)

DIMENSIONS = (
    VOLUME,
    RATE,
    DURATION,
    DOSE,
    DOSE_RATE,
    CONCENTRATION,
    WEIGHT,
    LENGTH,
    POTENTIAL,
    CURRENT,
    DRIFT,
    SENSITIVITY,
    VOLUME_PER_WEIGHT,
    RATE_PER_WEIGHT,
)
"""Those of rig, protocol and limits files. ``MASS`` and ``TEMPERATURE`` stand in weighings only: a dose given in mg is
a dose that lacks its kg, not a mass in the wrong place. ``MOLARITY`` stands in calibrations only; elsewhere
uM is a slip for uL."""


def parse(text: object, dimension: Dimension) -> float:
    """Return the quantity in the dimension's canonical unit.

    The conversion is exact up to one rounding to a double. Zero is a number like any other here. Raises QuantityError.
    """
    if not isinstance(text, str):
        shown = str(text)[:_MAX_CHARACTERS]
        raise QuantityError(f"{shown} has no unit: write {dimension.name} as text with its unit, {_like(dimension)}")
    if len(text) > _MAX_CHARACTERS:
        raise QuantityError(
            f"a quantity of {len(text)} characters was read; expected {dimension.name}, {_like(dimension)}"
        )
    match = _QUANTITY.fullmatch(text.translate(_MICRO))
    if match is None:
        raise QuantityError(
            f"read {_shown(text)}: {_grammar_fault(text)}; expected {dimension.name}, {_like(dimension)}"
        )
    sign, number, unit = match.groups()
    if unit not in dimension.units:
        raise QuantityError(f"read {_shown(text)}: {_unit_fault(unit, dimension)}")
    if sign and not dimension.signed:
        raise QuantityError(f"read {_shown(text)}: {dimension.name} cannot be negative; write it {_like(dimension)}")
    value = float(Fraction(Decimal(number)) * dimension.units[unit])
    return -value if sign else value


def format_quantity(value: float, dimension: Dimension, unit: str = "") -> str:
    """Return the shortest text in ``unit`` (default: canonical) that says this value, without an exponent.

    ``parse(format_quantity(x, d), d) == x`` in the canonical unit for every double of at most 40 characters;
    in another unit it may differ in the last bit. Raises QuantityError on nan, inf and foreign units.
    """
    unit = unit or dimension.canonical
    if not math.isfinite(value) or unit not in dimension.units:
        raise QuantityError(f"{value!r} cannot be written as {dimension.name} in {unit!r}")
    scaled = float(Fraction(value) / dimension.units[unit])
    number = format(Decimal(repr(scaled)), "f").removesuffix(".0")
    return f"{'0' if number == '-0' else number} {unit}"


def _like(dimension: Dimension) -> str:
    return f'for example "{dimension.example}"'


def _shown(text: str) -> str:
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text) + '"'


def _unit_fault(unit: str, dimension: Dimension) -> str:
    others = [other.name for other in DIMENSIONS if unit in other.units]
    same_letters = {known.lower(): known for known in dimension.units}
    close = same_letters.get(unit.lower()) or next(
        iter(get_close_matches(unit, dimension.units, n=1, cutoff=0.5)), None
    )
    if others:
        fault = f'"{unit}" is the unit of {others[0]}, expected {dimension.name}'
    else:
        fault = f'"{unit}" is no unit of {dimension.name}' + (f', did you mean "{close}"?' if close else "")
    return f"{fault} (units: {', '.join(dimension.units)}), {_like(dimension)}"


_FAULTS: tuple[tuple[str, str], ...] = (
    (r"\s*", "it is empty"),
    (r".*,.*", "a comma is neither a decimal point nor a separator here, write a point"),
    (r"[+-]?(nan|inf|infinity)\b.*", "it is not a finite number"),
    (r"-?[0-9.]+[eE][+-]?[0-9]+.*", "exponents are not accepted, write the number out"),
    (r"\s.*|.*\s", "there is white space around it"),
    (r"-?[0-9]+(\.[0-9]+)?", "the unit is missing"),
    (r"-?\.[0-9].*", "a digit is missing before the decimal point"),
    (r"-?[0-9]+\.(?![0-9]).*", "a digit is missing after the decimal point"),
    (r"-?0[0-9].*", "leading zeros are not accepted"),
    (r"-?[0-9]*\.[0-9]*\..*", "there are two decimal points"),
    (r".*[0-9].*[^0-9.].*[0-9].*", "exactly one number is expected"),
    (r"\+.*", "a plus sign is not accepted"),
)


def _grammar_fault(text: str) -> str:
    for pattern, fault in _FAULTS:
        if re.fullmatch(pattern, text, re.ASCII | re.DOTALL | re.IGNORECASE):
            return fault
    return "it is not a number followed by a unit"
