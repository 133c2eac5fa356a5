"""What New Era replies say and how numbers are written (pumps.md a.2 to a.5). Pure.

Every number is decoded again after encoding, as the pump would read it; what comes out more than 0.5 % off, as zero
(which the pump takes for "without end") or in another unit is refused (R09, R10). Knows no ports and no time.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from typing import Final, Literal

from drivers.capabilities import Motion, PumpAlarm, PumpProgram
from drivers.errors import NotEncodable

RateUnit = Literal["UM", "MM", "UH", "MH"]
VolumeUnit = Literal["UL", "ML"]

TOLERANCE: Final = 0.005
"""R09: largest relative difference between what is asked and what the pump would hold."""
UL_PER_MIN: Final[dict[RateUnit, float]] = {"UM": 1.0, "UH": 1.0 / 60.0, "MM": 1000.0, "MH": 1000.0 / 60.0}
"""In order of preference when two units are equally exact."""
UL_PER_UNIT: Final[dict[VolumeUnit, float]] = {"UL": 1.0, "ML": 1000.0}
DIAMETER_MM: Final = (0.1, 50.0)
"""Inside diameters that ``DIA`` takes [M]; a third-party driver allows 80."""
MICROLITRE_UP_TO_MM: Final = 14.0
"""Up to here volumes are in uL, from 14.01 mm in mL [M]."""

_MOTIONS: Final = {
    "I": Motion.INFUSING,
    "W": Motion.WITHDRAWING,
    "S": Motion.STOPPED,
    "P": Motion.PAUSED,
    "T": Motion.WAITING,
    "U": Motion.WAITING,
    "X": Motion.PURGING,
}
_ALARMS: Final = {
    "R": PumpAlarm.RESET,
    "S": PumpAlarm.STALL,
    "T": PumpAlarm.WATCHDOG,
    "E": PumpAlarm.PROGRAM,
    "O": PumpAlarm.PHASE,
}
_REPLY = re.compile(rb"([0-9]{1,2})(?:A\?([RSTEO])|([IWSPTUX])([ -~]*))")
_ERROR = re.compile(r"\?(NA|OOR|COM|IGN|)")
_NUMBER = r"([0-9]{1,4}\.?[0-9]{0,3})"
_MODEL = re.compile(r"NE([0-9]+)(X[0-9]*)?V([0-9]+\.[0-9]+)")
_DIAMETER = re.compile(_NUMBER)
_RATE = re.compile(_NUMBER + r"(UM|MM|UH|MH)")
_VOLUME = re.compile(_NUMBER + r"(UL|ML)")
_DISPENSED = re.compile(r"I" + _NUMBER + r"W" + _NUMBER + r"(UL|ML)")
_WATCHDOG = re.compile(r"[0-9]{1,3}")


@dataclass(frozen=True)
class Reply:
    """One parsed reply."""

    address: int
    motion: Motion
    """UNKNOWN in an alarm reply: it does not say."""
    alarm: PumpAlarm | None
    data: str

    @functools.cached_property
    def error(self) -> str | None:
        """Return "", "NA", "OOR", "COM" or "IGN" if the pump refused the command, else None."""
        found = _ERROR.fullmatch(self.data)
        return found[1] if found else None


@dataclass(frozen=True)
class Dispensed:
    """The answer to ``DIS``."""

    infused_ul: float
    withdrawn_ul: float
    step_ul: float
    """One count of the last digit of the infused counter."""


@functools.lru_cache(maxsize=256)  # one answer is looked at by several rules, and many answers are the same
def parse_reply(text: bytes) -> Reply | None:
    """Return what a frame says; None if it is no reply of a New Era pump."""
    found = _REPLY.fullmatch(text)
    if found is None:
        return None
    address = int(found[1])
    if found[2] is not None:
        return Reply(address, Motion.UNKNOWN, _ALARMS[found[2].decode()], "")
    return Reply(address, _MOTIONS[found[3].decode()], None, found[4].decode("ascii"))


def parse_version(data: str) -> tuple[str, str] | None:
    """Return (model, firmware) such as ("NE-1000", "3.928"); None if it is no New Era version text."""
    found = _MODEL.fullmatch(data)
    return (f"NE-{found[1]}{found[2] or ''}", found[3]) if found else None


def parse_diameter(data: str) -> float | None:
    """Return millimetres."""
    found = _DIAMETER.fullmatch(data)
    return float(found[1]) if found else None


def parse_rate(data: str) -> float | None:
    """Return microlitres per minute."""
    found = _RATE.fullmatch(data)
    if found is None:
        return None
    unit: RateUnit = found[2]  # type: ignore[assignment]  # the pattern admits only these
    return float(found[1]) * UL_PER_MIN[unit]


def parse_volume(data: str) -> tuple[float, VolumeUnit] | None:
    """Return (microlitres, unit in which the pump counts)."""
    found = _VOLUME.fullmatch(data)
    if found is None:
        return None
    unit: VolumeUnit = found[2]  # type: ignore[assignment]  # the pattern admits only these
    return float(found[1]) * UL_PER_UNIT[unit], unit


@functools.lru_cache(maxsize=256)  # asked of every answer twice: is it one, and what does it say
def parse_dispensed(data: str) -> Dispensed | None:
    """Return both counters in microlitres and the resolution of the infused one."""
    found = _DISPENSED.fullmatch(data)
    if found is None:
        return None
    unit: VolumeUnit = found[3]  # type: ignore[assignment]  # the pattern admits only these
    scale = UL_PER_UNIT[unit]
    decimals = len(found[1].partition(".")[2])
    return Dispensed(float(found[1]) * scale, float(found[2]) * scale, scale * 10.0**-decimals)


def parse_watchdog(data: str) -> int | None:
    """Return seconds, 0 for Basic mode."""
    return int(data) if _WATCHDOG.fullmatch(data) and int(data) <= 255 else None


def number_text(value: float) -> str:
    """Write a number as the pump takes it: at most 4 digits, at most 3 after the point [M].

    Raises NotEncodable for what is not finite, above 9999, or would become zero.
    """
    if not math.isfinite(value) or value <= 0.0:
        raise NotEncodable(f"{value} is not a number above zero")
    for decimals, below in ((3, 10.0), (2, 100.0), (1, 1000.0), (0, 10000.0)):
        text = f"{value:.{decimals}f}"
        if float(text) < below:  # looked at after rounding: 999.96 becomes 1000, not 1000.0
            break
    else:
        raise NotEncodable(f"{value:g} has more than the 4 digits that the pump can hold (9999)")
    if float(text) == 0.0:
        raise NotEncodable(f"{value:g} would become zero, which the pump takes for no limit at all")
    return text


def _checked_text(value: float, what: str, unit: str) -> str:
    text = number_text(value)
    held = float(text)
    if abs(held - value) > TOLERANCE * value:
        raise NotEncodable(f"{what} {value:g} {unit} would become {held:g} {unit} in the pump, more than 0.5 % off")
    return text


def diameter_text(diameter_mm: float) -> str:
    """Write an inside diameter. Raises NotEncodable."""
    if not DIAMETER_MM[0] <= diameter_mm <= DIAMETER_MM[1]:
        raise NotEncodable(
            f"diameter {diameter_mm:g} mm is outside the pump's {DIAMETER_MM[0]:g} to {DIAMETER_MM[1]:g} mm"
        )
    return _checked_text(diameter_mm, "diameter", "mm")


def rate_text(rate_ul_per_min: float) -> tuple[str, RateUnit]:
    """Write a rate in the unit that holds it best. Raises NotEncodable."""
    best: tuple[float, str, RateUnit] | None = None
    for unit, scale in UL_PER_MIN.items():
        try:
            text = number_text(rate_ul_per_min / scale)
        except NotEncodable:
            continue
        off = round(abs(float(text) * scale / rate_ul_per_min - 1.0), 9)
        if best is None or off < best[0]:
            best = (off, text, unit)
    if best is None or best[0] > TOLERANCE:
        raise NotEncodable(f"no unit of the pump holds a rate of {rate_ul_per_min:g} uL/min within 0.5 %")
    return best[1], best[2]


def volume_unit(diameter_mm: float) -> VolumeUnit:
    """Return the unit in which a pump holding this diameter counts volumes [M]."""
    return "UL" if float(diameter_text(diameter_mm)) <= MICROLITRE_UP_TO_MM else "ML"


def volume_text(target_ul: float, diameter_mm: float) -> tuple[str, VolumeUnit]:
    """Write a target volume in the unit that follows from the diameter. Raises NotEncodable."""
    unit = volume_unit(diameter_mm)
    return _checked_text(target_ul / UL_PER_UNIT[unit], "target volume", "uL" if unit == "UL" else "mL"), unit


def as_held(program: PumpProgram) -> PumpProgram:
    """Return the program as the pump would hold it. Raises NotEncodable."""
    rate, rate_unit = rate_text(program.rate_ul_per_min)
    volume, unit = volume_text(program.target_ul, program.diameter_mm)
    return PumpProgram(
        diameter_mm=float(diameter_text(program.diameter_mm)),
        rate_ul_per_min=float(rate) * UL_PER_MIN[rate_unit],
        target_ul=float(volume) * UL_PER_UNIT[unit],
    )


@dataclass(frozen=True)
class SpeedLimits:
    """Slowest and fastest plunger of a model, mm/min. None: not known; the pump itself answers ``?OOR``."""

    lowest_mm_per_min: float | None
    highest_mm_per_min: float | None

    def rates_ul_per_min(self, diameter_mm: float) -> tuple[float, float]:
        """Return (lowest, highest) rate; where the model's limit is not known, what the number format can hold."""
        area_mm2 = math.pi * diameter_mm**2 / 4.0
        lowest = 0.001 * min(UL_PER_MIN.values())
        highest = 9999.0 * max(UL_PER_MIN.values())
        if self.lowest_mm_per_min is not None:
            lowest = max(lowest, area_mm2 * self.lowest_mm_per_min)
        if self.highest_mm_per_min is not None:
            highest = min(highest, area_mm2 * self.highest_mm_per_min)
        return lowest, highest


NE_1000: Final = SpeedLimits(lowest_mm_per_min=0.004205 * 10.0 / 60.0, highest_mm_per_min=51.005)
"""0.004205 cm/h to 5.1005 cm/min [D], checked against the manual's table [V] (pumps.md 0.2)."""
NE_4000: Final = SpeedLimits(lowest_mm_per_min=None, highest_mm_per_min=180.7)
"""Highest from the manual's table rows [V]; lowest not known [?]."""
UNKNOWN_MODEL: Final = SpeedLimits(None, None)
_LIMITS: Final = {"NE-1000": NE_1000, "NE-4000": NE_4000}


def speed_limits(model: str) -> SpeedLimits:
    """Return the limits of a model as ``parse_version`` names it. X firmware has the same mechanics [I]."""
    return _LIMITS.get(model.partition("X")[0], UNKNOWN_MODEL)
