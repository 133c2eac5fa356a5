"""The text of the Drip 1: numbers and answers. Pure; knows no line and no time.

The simulator does not import this: what is wrong in one place would then be wrong in both, and every test green.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from drivers.capabilities import Motion, PumpProgram
from drivers.errors import NotEncodable

DECIMALS = 3
DIAMETER_MM = (0.1, 40.0)
PLUNGER_MM_PER_MIN = (0.001, 60.0)
"""Slowest and fastest plunger."""
TARGET_UL = (0.001, 60_000.0)
WORST_ERROR = 0.005
"""A value may change by so much when it is rounded to what the pump can hold (R09)."""
_NUMBER = re.compile(r"\d{1,6}\.\d{3}")
_STATUS = re.compile(r"S=([IS]),(\d{1,6}\.\d{3}),(\d{1,9}\.\d{3})")
_STATES = {"I": Motion.INFUSING, "S": Motion.STOPPED}


@dataclass
class LineFramer:
    """Cuts at line feeds; a line that never ends is cut off at 256 bytes."""

    _rest: bytes = field(default=b"", init=False)

    def feed(self, data: bytes, now_ns: int) -> list[str]:  # noqa: ARG002 - lines have no inter-byte rule
        """Return whole lines. What is no ASCII stays visible as a replacement character and matches no answer."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()[:256]
        return [line.decode("ascii", "replace") for line in lines]

    def reset(self) -> None:
        """Forget an incomplete line."""
        self._rest = b""


def rate_limits_ul_per_min(diameter_mm: float) -> tuple[float, float]:
    """Return lowest and highest rate for a syringe. Raises NotEncodable."""
    _checked("diameter", diameter_mm, DIAMETER_MM, "mm")
    area_mm2 = math.pi * diameter_mm**2 / 4.0
    low, high = (speed * area_mm2 for speed in PLUNGER_MM_PER_MIN)
    return max(low, 10.0**-DECIMALS), high


def held(program: PumpProgram) -> PumpProgram:
    """Return the program as the pump would hold it. Raises NotEncodable."""
    diameter_mm = _rounded("diameter", program.diameter_mm, DIAMETER_MM, "mm")
    rate = _rounded("rate", program.rate_ul_per_min, rate_limits_ul_per_min(diameter_mm), "uL/min")
    return PumpProgram(diameter_mm, rate, _rounded("target", program.target_ul, TARGET_UL, "uL"))


def _checked(name: str, value: float, limits: tuple[float, float], unit: str) -> None:
    if not limits[0] <= value <= limits[1]:  # also true for NaN
        raise NotEncodable(f"{name} {value:g} {unit} is outside {limits[0]:.4g} to {limits[1]:.4g} {unit}")


def _rounded(name: str, value: float, limits: tuple[float, float], unit: str) -> float:
    _checked(name, value, limits, unit)
    rounded = round(value, DECIMALS)
    if rounded <= 0 or abs(rounded - value) > WORST_ERROR * value:
        raise NotEncodable(f"{name} {value:g} {unit} cannot be written with {DECIMALS} decimals closely enough")
    return rounded


def number(text: str) -> float | None:
    """Return a number exactly as this pump prints one, None for anything else."""
    return float(text) if _NUMBER.fullmatch(text) else None


@dataclass(frozen=True)
class Status:
    """The answer to ``S?``."""

    motion: Motion
    infused_ul: float
    uptime_s: float


def status(line: str) -> Status | None:
    """Return the status in a line, None if it is none."""
    found = _STATUS.fullmatch(line)
    return Status(_STATES[found[1]], float(found[2]), float(found[3])) if found else None
