"""What Micro4 answers say and how numbers are written (pumps.md d.1). Pure.

Volumes are nanolitres; rates are nanolitres per minute or per second. A number that does not fit the controller's
field, would become zero, or would be more than 0.5 % off, is refused (R09, R10). The controller knows syringe types,
not diameters: the diameter follows from volume and length of the type that it tells. Knows no ports and no time.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from drivers.capabilities import PumpProgram
from drivers.errors import NotEncodable
from drivers.printed import TOLERANCE, Printed, parse_printed

TARGET_WIDTH: Final = 6
RATE_WIDTH: Final = 4
"""Characters of ``V######;`` and ``R####;`` [M]; that the point counts among them is inferred [I]."""
DECIMALS: Final = 1
"""What units are seen to print [D]: more could not be read back."""
NL_PER_UL: Final = 1000.0
LINES: Final = (1, 2, 3, 4)
LETTERED_TYPES: Final = {"A": "11", "B": "12", "C": "13"}
"""Numbers that the one public driver sends for lettered types [D]."""
TYPES: Final = (*LETTERED_TYPES, *"123456789")
STOPPED: Final = "Stopped"
"""The only motor state that was seen on a unit [D]."""
NOT_GROUPED: Final = "Non-Grouped"
DELIVERED: Final = "Delivered Volume"

_NUMBER = r"[0-9]{1,7}(?:\.[0-9]{0,4})?"
_VALUES = {
    "V": re.compile(rf"Target Volume = ({_NUMBER})nL"),
    "C": re.compile(rf"Volume Counter = ({_NUMBER})nL"),
    "R": re.compile(rf"Rate = ({_NUMBER})"),
}
_TEXTS = {
    "D": re.compile(r"Direction: (Infuse|Withdraw)"),
    "G": re.compile(r"Motor State: ([A-Za-z][A-Za-z ./-]{0,30})"),
    "U": re.compile(r"Rate Units: (nL/Min|nL/Sec)"),
    "M": re.compile(r"Mode: ([A-Za-z-]{1,20})"),
    "B": re.compile(r"([A-Za-z ]{1,20} Drive)"),
    "E": re.compile(r"(Delivered Volume|Remaining Volume)"),
}
_TYPE = re.compile(rf"Type ([A-Z]|[0-9]{{1,2}}), ({_NUMBER})uL, ({_NUMBER})")
_REFUSED = re.compile(r"(error|invalid|unknown)\b.*", re.IGNORECASE)


@dataclass(frozen=True)
class SyringeType:
    """A syringe type as the controller tells it."""

    name: str
    volume_ul: float
    length_mm: float

    @property
    def diameter_mm(self) -> float:
        """Return the inside diameter that volume and length of the scale mean."""
        return math.sqrt(4.0 * self.volume_ul / (math.pi * self.length_mm))

    def fits(self, diameter_mm: float) -> bool:
        """Tell whether a syringe of this diameter delivers what the controller counts, within 0.5 %."""
        return abs((diameter_mm / self.diameter_mm) ** 2 - 1.0) <= TOLERANCE


KNOWN_TYPES: Final = {"A": SyringeType("A", 10.0, 60.0)}
"""What was seen on a unit [D]; what other types mean is asked from the controller."""


def parse_number(letter: str, body: str) -> Printed | None:
    """Return the number of the answer to ``?V``, ``?C`` or ``?R``."""
    found = _VALUES[letter].fullmatch(body)
    return parse_printed(found[1]) if found else None


def parse_text(letter: str, body: str) -> str | None:
    """Return what the answer to ``?D``, ``?G``, ``?U``, ``?M``, ``?B`` or ``?E`` names."""
    found = _TEXTS[letter].fullmatch(body)
    return found[1].strip() if found else None


def parse_type(body: str) -> SyringeType | None:
    """Return the syringe type of the answer to ``?S``."""
    found = _TYPE.fullmatch(body)
    if found is None or float(found[2]) <= 0 or float(found[3]) <= 0:
        return None
    return SyringeType(found[1], float(found[2]), float(found[3]))


def is_refusal(body: str) -> bool:
    """Tell whether the controller did not understand. Its wording is not known [?]."""
    return _REFUSED.fullmatch(body) is not None


def number_text(value: float, width: int, what: str, unit: str) -> str:
    """Write a number with a point [M], one decimal where it fits the field. Raises NotEncodable."""
    largest = 10.0 ** (width - 1) - 1.0
    if not math.isfinite(value) or not 0.0 < value <= largest:
        raise NotEncodable(f"{what} {value:g} {unit} is not a number above zero and up to {largest:g}")
    text = f"{value:.{DECIMALS}f}"
    if len(text) > width:
        text = f"{value:.0f}."
    if len(text) > width or abs(float(text) - value) > TOLERANCE * value:
        raise NotEncodable(
            f"{what} {value:g} {unit} would be more than 0.5 % off in the controller: it would be {text}"
        )
    return text


@dataclass(frozen=True)
class Written:
    """One infusion as it is sent."""

    per_second: bool
    rate: str
    target: str
    diameter_mm: float

    @property
    def units(self) -> str:
        """Return the rate units as the controller names them."""
        return "nL/Sec" if self.per_second else "nL/Min"

    def held(self) -> PumpProgram:
        """Return what the pump holds when it has taken all of it; of the diameter it knows the syringe type only."""
        return PumpProgram(
            diameter_mm=self.diameter_mm,
            rate_ul_per_min=rate_ul_per_min(float(self.rate), per_second=self.per_second),
            target_ul=float(self.target) / NL_PER_UL,
        )


def rate_ul_per_min(value: float, *, per_second: bool) -> float:
    """Return a rate in the controller's units as microlitres per minute."""
    return value * (60.0 if per_second else 1.0) / NL_PER_UL


def write(program: PumpProgram) -> Written:
    """Write an infusion in the units that hold its rate best. Raises NotEncodable."""
    if not math.isfinite(program.diameter_mm) or not 0.05 <= program.diameter_mm <= 5.0:
        raise NotEncodable(f"diameter {program.diameter_mm:g} mm is none of a syringe for this injector")
    best: tuple[float, bool, str] | None = None
    for per_second in (False, True):
        value = program.rate_ul_per_min * NL_PER_UL / (60.0 if per_second else 1.0)
        try:
            text = number_text(value, RATE_WIDTH, "rate", "nL/s" if per_second else "nL/min")
        except NotEncodable:
            continue
        off = round(abs(float(text) / value - 1.0), 5)
        if best is None or off < best[0]:
            best = (off, per_second, text)
    if best is None:
        raise NotEncodable(f"neither nL/min nor nL/s holds a rate of {program.rate_ul_per_min:g} uL/min within 0.5 %")
    target = number_text(program.target_ul * NL_PER_UL, TARGET_WIDTH, "target volume", "nL")
    return Written(best[1], best[2], target, program.diameter_mm)


LOWEST_UL_PER_MIN: Final = 10.0**-DECIMALS / NL_PER_UL
HIGHEST_UL_PER_MIN: Final = rate_ul_per_min(999.0, per_second=True)
"""[I] what can be written. Speed limits of the pumps are not in the references [?]: the read-back tells."""
