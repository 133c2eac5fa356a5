"""What Ultra replies say and how numbers are written (pumps.md b1.3 to b1.8). Pure.

Six significant digits, units beside every number. Numbers are converted as decimals, so that ``0.05 ml/min`` and
``50 ul/min`` are the same value whatever unit the pump chooses to print. What would come out more than 0.5 % off, or as
zero, is refused (R09, R10). Knows no ports and no time.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from drivers.capabilities import Motion, PumpProgram
from drivers.errors import NotEncodable

TOLERANCE: Final = 0.005
"""R09: largest relative difference between what is asked and what the pump would hold."""
DIGITS: Final = 6
"""Significant digits of rates and volumes [R]."""
DIAMETER_MM: Final = (0.1, 33.0)
"""Syringes that fit: metrics of an 11 Elite [R]. Larger models take more [?]; they are not offered more."""
LONGEST_S: Final = 99 * 3600 + 59 * 60 + 59
"""What ``ttime`` can hold [D]."""

_UL: Final = {"ml": Decimal(1000), "ul": Decimal(1), "nl": Decimal("1e-3"), "pl": Decimal("1e-6")}
_PER_MIN: Final = {"sec": Decimal(60), "min": Decimal(1), "hr": Decimal(1) / Decimal(60)}

_NUMBER = r"([0-9]{1,12}(?:\.[0-9]{1,12})?)"
_PROMPT = re.compile(r"([0-9]{2})? *(T\*|T:|>\*|<\*|[:><*])")
_LINE = re.compile(r"[ -~]*\r")
_RATE = re.compile(_NUMBER + r" (ml|ul|nl|pl)/(sec|min|hr)")
_VOLUME = re.compile(_NUMBER + r" (ml|ul|nl|pl)")
_LIMITS = re.compile(_RATE.pattern + " to " + _RATE.pattern)
_DIAMETER = re.compile(_NUMBER + " mm")
_SECONDS = re.compile(_NUMBER + " seconds?")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-5][0-9]):([0-5][0-9])")
_STATUS = re.compile(r"([0-9]+) +([0-9]+) +([0-9]+) +([iIwW][iIwW.][S.][T.][iIwW.][T.])")
_GANG = re.compile(r"([0-9]{1,2}) syringes?\.?", re.IGNORECASE)
_PERCENT = re.compile(r"([0-9]{1,3}) ?%")
_FIRMWARE = re.compile(r"Firmware: *v?([0-9][0-9A-Za-z.]*)")
_SERIAL = re.compile(r"Serial number: *(\S+)")
_MODEL = re.compile(r"(.*[A-Za-z].*?) +v?([0-9]+\.[0-9][0-9.]*)")

_PROMPT_MOTION: Final = {":": Motion.STOPPED, "T*": Motion.STOPPED, "T:": Motion.STOPPED, "*": Motion.STOPPED,
                         ">": Motion.INFUSING, "<": Motion.WITHDRAWING,
                         ">*": Motion.STOPPED, "<*": Motion.STOPPED}  # fmt: skip
_FLAG_MOTION: Final = {"i": Motion.STOPPED, "w": Motion.STOPPED, "I": Motion.INFUSING, "W": Motion.WITHDRAWING}
STALLED: Final = ("*", ">*", "<*")
"""Prompts of a drive that was held up: a stall, or a limit switch [D]."""


@dataclass(frozen=True)
class Reply:
    """One parsed reply. ``address`` is None where the pump told none."""

    address: int | None
    prompt: str
    lines: tuple[str, ...]

    @property
    def motion(self) -> Motion:
        """Return what the prompt says."""
        return _PROMPT_MOTION[self.prompt]

    @property
    def error(self) -> str | None:
        """Return the pump's refusal, None if it did not refuse (rule of b1.8)."""
        told = any("error" in line.lower() or "out of range" in line.lower() for line in self.lines)
        return " ".join(line.strip() for line in self.lines) if told else None

    @property
    def text(self) -> str:
        """Return the one line of an answer; empty if there is none or more than one."""
        return self.lines[0] if len(self.lines) == 1 else ""


@dataclass(frozen=True)
class StatusLine:
    """The answer to ``status``. Its rate and volume are not used: whether they count fL or aL is doubtful."""

    motion: Motion
    time_ms: int
    """Time for which it has run in the present direction."""
    stalled: bool
    """Held up: a stall, or the limit switch at the end of the way forward."""
    target_reached: bool


@functools.lru_cache(maxsize=256)  # one answer is looked at by several rules, and many answers are the same
def parse_reply(frame: bytes) -> Reply | None:
    """Return what a frame says; None if it is no reply of an Ultra pump.

    What stands before the first LF is an echo. Prompts before the last one were sent unasked (poll was off). The prompt
    may stand before the text [D:chembot].
    """
    text = frame.decode("latin-1")
    lines: list[str] = []
    found: re.Match[str] | None = None
    for segment in text.split("\n")[1:]:
        if _LINE.fullmatch(segment):
            lines.append(segment[:-1])
            continue
        found = _PROMPT.fullmatch(segment)
        if found is None:
            return None
    if found is None:
        return None
    address = None if found[1] is None else int(found[1])
    prefix = f"{found[1]}:"
    told = tuple((line.removeprefix(prefix) if found[1] else line).rstrip() for line in lines)
    return Reply(address, found[2], told if _is_error(told) else tuple(line.strip() for line in told))


def _is_error(lines: tuple[str, ...]) -> bool:
    return any("error" in line.lower() for line in lines)


def parse_status(reply: Reply) -> StatusLine | None:
    """Return the status; None if flags and prompt, which say the same in two ways, differ."""
    found = _STATUS.fullmatch(reply.text)
    if found is None:
        return None
    flags = found[4]
    motion = _FLAG_MOTION[flags[0]]
    stalled = flags[2] == "S" or flags[1] in "iI" or reply.prompt in STALLED  # or at its infuse limit switch
    if motion is not reply.motion and reply.prompt not in STALLED:  # what the flags say in a stall is [?]
        return None
    return StatusLine(motion, int(found[2]), stalled, flags[5] == "T")


def parse_rate(reply: Reply) -> float | None:
    """Return microlitres per minute."""
    found = _RATE.fullmatch(reply.text)
    return None if found is None else _rate(found[1], found[2], found[3])


def parse_volume(reply: Reply) -> float | None:
    """Return microlitres."""
    found = _VOLUME.fullmatch(reply.text)
    return None if found is None else float(Decimal(found[1]) * _UL[found[2]])


def parse_limits(reply: Reply) -> tuple[float, float] | None:
    """Return (lowest, highest) in microlitres per minute; None unless they are in this order and above zero."""
    found = _LIMITS.fullmatch(reply.text)
    if found is None:
        return None
    low, high = _rate(found[1], found[2], found[3]), _rate(found[4], found[5], found[6])
    return (low, high) if 0.0 < low < high else None


def parse_diameter(reply: Reply) -> float | None:
    """Return millimetres."""
    found = _DIAMETER.fullmatch(reply.text)
    return float(found[1]) if found and float(found[1]) > 0.0 else None


def parse_target(reply: Reply) -> float | None:
    """Return the target volume in microlitres, 0 where none is set: that is a run without end."""
    return 0.0 if reply.text.startswith("Target volume not set") else parse_volume(reply)


def parse_time_target(reply: Reply) -> float | None:
    """Return the target time in seconds, 0 where none is set."""
    if reply.text.startswith("Target time not set"):
        return 0.0
    if (found := _SECONDS.fullmatch(reply.text)) is not None:
        return float(found[1])
    if (found := _CLOCK.fullmatch(reply.text)) is not None:
        return float(int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3]))
    return None


def parse_gang(reply: Reply) -> int | None:
    """Return how many syringes the pump is set to."""
    found = _GANG.fullmatch(reply.text)
    return None if found is None else int(found[1])


def parse_percent(reply: Reply) -> int | None:
    """Return the clamping force in percent."""
    found = _PERCENT.fullmatch(reply.text)
    return None if found is None else int(found[1])


def parse_version(reply: Reply) -> tuple[str, str] | None:
    """Return (firmware, serial number) from the answer to ``version``."""
    firmware = next((m[1] for line in reply.lines if (m := _FIRMWARE.fullmatch(line))), None)
    serial = next((m[1] for line in reply.lines if (m := _SERIAL.fullmatch(line))), "")
    return None if firmware is None else (firmware, serial)


def parse_model(reply: Reply) -> str | None:
    """Return the model from the answer to ``ver``: ``11 ELITE I/W Single 3.0.4`` without its last word."""
    found = _MODEL.fullmatch(reply.text)
    return None if found is None else found[1]


def _rate(number: str, volume: str, time: str) -> float:
    return float(Decimal(number) * _UL[volume] * _PER_MIN[time])


def _six_digits(value: float, what: str) -> str:
    """Write a number with six significant digits, without exponent and trailing zeros. Raises NotEncodable."""
    text = format(Decimal(f"{value:.{DIGITS - 1}e}").normalize(), "f")
    if len(text) > 12 or float(text) == 0.0:
        raise NotEncodable(f"{what}: {value:g} cannot be written in this pump's numbers")
    return text


def _in_best_unit(value_ul: float, what: str) -> str:
    """Write microlitres in the unit that needs no leading zeros. Raises NotEncodable for what a pump cannot hold."""
    if not math.isfinite(value_ul) or value_ul <= 0.0:
        raise NotEncodable(f"{what}: {value_ul} is not a number above zero")
    unit = next((u for u in _UL if Decimal(value_ul) >= _UL[u]), "pl")
    text = _six_digits(float(Decimal(value_ul) / _UL[unit]), what)
    held = float(Decimal(text) * _UL[unit])
    if held < 1e-6 or held > 1e6:
        raise NotEncodable(f"{what}: {value_ul:g} uL is outside 1 pl to 1000 ml, which is what is written to this pump")
    if abs(held - value_ul) > TOLERANCE * value_ul:
        raise NotEncodable(f"{what}: {value_ul:g} uL would become {held:g} uL in the pump, more than 0.5 % off")
    return f"{text} {unit}"


def diameter_text(diameter_mm: float) -> str:
    """Write an inside diameter with four decimals at most. Raises NotEncodable."""
    low, high = DIAMETER_MM
    if not low <= diameter_mm <= high:
        raise NotEncodable(f"diameter {diameter_mm:g} mm is outside the pump's {low:g} to {high:g} mm")
    return f"{diameter_mm:.4f}".rstrip("0").rstrip(".")


def rate_text(rate_ul_per_min: float) -> str:
    """Write a rate, always per minute. Raises NotEncodable."""
    return f"{_in_best_unit(rate_ul_per_min, 'rate per minute')}/min"


def volume_text(target_ul: float) -> str:
    """Write a target volume. Raises NotEncodable."""
    return _in_best_unit(target_ul, "target volume")


def volume_step_ul(volume_ul: float) -> float:
    """Return one count of the sixth digit of a volume; of zero, the smallest the pump can print."""
    return 1e-6 if volume_ul <= 0.0 else float(10.0 ** (math.floor(math.log10(volume_ul)) - DIGITS + 1))


def as_held(program: PumpProgram) -> PumpProgram:
    """Return the program as the pump would hold it. Raises NotEncodable."""

    def held(text: str) -> Reply:
        return Reply(None, ":", (text,))

    return PumpProgram(
        diameter_mm=float(diameter_text(program.diameter_mm)),
        rate_ul_per_min=parse_rate(held(rate_text(program.rate_ul_per_min))) or 0.0,
        target_ul=parse_volume(held(volume_text(program.target_ul))) or 0.0,
    )
