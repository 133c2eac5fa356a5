"""The command sets of older Harvard pumps: what each command changes and which line it answers.

Knows names, arguments and answers of each model; addresses, prompts and line ends are the firmware's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from sim_devices.firmware.harvard_22.options import Harvard22Options
from sim_devices.firmware.motor import STALLED, Motor

UNKNOWN, NOT_NOW, OUT_OF_RANGE = "?", "NA", "OOR"
"""The line before the prompt [M]."""
VERSIONS = {"phd-2000": "PHD1.2", "22": "22V1.0", "11": "11V1.4", "33": "33V2.0", "oem": "MLP1.0"}
"""Stand-ins but for 33 [M] and the beginning PHD [D]."""
MAX_SPEED_MM_PER_MIN = 190.0
MIN_SPEED_MM_PER_MIN = 1e-4
"""[?] speed limits are not in the references."""
_UL_PER_MIN = {"UM": 1.0, "UH": 1 / 60, "MM": 1000.0, "MH": 1000.0 / 60}
_UNIT_NAMES = {"UM": "ul/m", "UH": "ul/hr", "MM": "ml/m", "MH": "ml/hr"}
_NUMBER = re.compile(r"[0-9]{0,7}\.?[0-9]{0,7}")
_UL = {"ml": 1000.0, "ul": 1.0}

Answer = str | None
"""The line of an answer; None where the prompt says it all."""


@dataclass
class Commands:
    """Executes commands on a motor. One channel; programs, ramps and digital outputs are not simulated."""

    motor: Motor
    options: Harvard22Options
    diameter_mm: float = 4.61
    rate: float = 1.0
    unit: str = "MM"
    target_ul: float = 0.0
    mode: str = "PUMP"
    refills: bool = False
    auto_fill: bool = True
    interrupted: bool = False
    """STP has ended the last run."""
    reached: bool = False
    _run_from_mm: float = field(default=0.0, init=False)

    @property
    def area_mm2(self) -> float:
        """Return the cross-section; 1 mm of travel is this many microlitres."""
        return math.pi * self.diameter_mm**2 / 4

    @property
    def delivered_ul(self) -> float:
        """Return what the counter shows."""
        return (self.motor.dispensed_mm - self._run_from_mm) * self.area_mm2

    def clear(self) -> None:
        """Begin the counter at zero."""
        self._run_from_mm = self.motor.dispensed_mm

    def execute(self, text: str, now_ns: int) -> Answer:
        """Obey one command. Spaces between name and argument are optional [M]."""
        found = re.fullmatch(r"([A-Z]{2,4}?)(?: +([A-Z]{2,4})| *([0-9.]+) *([A-Z]{2})?|)", text)
        if found is None:
            return UNKNOWN
        name, word, number, unit = found.groups()
        table = self._tables()[self.options.model]
        if word is None and number is None and name not in table:
            return UNKNOWN
        return table[name](word or unit, number, now_ns) if name in table else UNKNOWN

    def _tables(self) -> dict[str, dict[str, Callable[[str | None, str | None, int], Answer]]]:
        always = {"RUN": self._run, "STP": self._stop, "VER": self._version, "DIA": self._dia, "RAT": self._rat}
        style_22 = {
            "MMD": self._mmd, "ULM": self._rate_in("UM"), "ULH": self._rate_in("UH"), "MLM": self._rate_in("MM"),
            "MLH": self._rate_in("MH"), "MLT": self._mlt, "CLT": self._clt, "CLV": self._cld, "VOL": self._del,
            "REV": self._rev,
        }  # fmt: skip
        withdrawing = {name + "W": style_22[name] for name in ("ULM", "CLT", "CLV")} | {
            "ULT": self._ult, "ULTW": self._ult, "RATW": self._rat, "RUNW": self._run_withdrawing,
        }  # fmt: skip
        phd = {
            "RFR": self._rat, "TGT": self._tgt, "DEL": self._del, "CLD": self._cld, "MOD": self._mod, "DIR": self._dir,
        }  # fmt: skip
        if self.options.auto_fill:
            phd["AF"] = self._af
        return {
            "phd-2000": always | style_22 | phd,
            "22": always | style_22,
            "11": always | style_22,
            "oem": always | style_22 | withdrawing,
            "33": always | {"DIR": self._dir, "MOD": self._mod_33},
        }

    # --- questions and settings: a question has no argument ---

    def _version(self, _word: str | None, _number: str | None, _now_ns: int) -> Answer:
        return VERSIONS[self.options.model]

    def _dia(self, word: str | None, number: str | None, _now_ns: int) -> Answer:
        if number is None:
            return self._number(self.diameter_mm, self.options.decimals)
        if self.options.model not in ("phd-2000", "33"):
            return UNKNOWN
        return self._mmd(word, number, _now_ns)

    def _mmd(self, _word: str | None, number: str | None, _now_ns: int) -> Answer:
        value = _value(number)
        if value is None:
            return UNKNOWN
        if self.motor.busy:
            return NOT_NOW
        if not 0.1 <= value <= 50.0:
            return OUT_OF_RANGE
        self.diameter_mm = value
        return None

    def _rat(self, unit: str | None, number: str | None, _now_ns: int) -> Answer:
        if number is None:
            name = _UNIT_NAMES[self.unit]
            ending = {"mn": "n", "min": "in"}[self.options.unit_text] if name.endswith("/m") else ""
            return f"{self._number(self.rate, self.options.rate_decimals)} {name}{ending}"
        if self.options.model not in ("phd-2000", "33") or unit not in _UL_PER_MIN:
            return UNKNOWN
        return self._set_rate(number, unit)

    def _rate_in(self, unit: str) -> Callable[[str | None, str | None, int], Answer]:
        return lambda _word, number, _now_ns: self._set_rate(number, unit)

    def _set_rate(self, number: str | None, unit: str) -> Answer:
        value = _value(number)
        if value is None:
            return UNKNOWN
        speed = value * _UL_PER_MIN[unit] / self.area_mm2
        if not MIN_SPEED_MM_PER_MIN <= speed <= MAX_SPEED_MM_PER_MIN:
            return OUT_OF_RANGE
        self.rate, self.unit = value, unit
        return None

    def _mlt(self, _word: str | None, number: str | None, _now_ns: int) -> Answer:
        meant = {"model": "ml" if self.options.model == "phd-2000" else "ul"}.get(self.options.mlt_unit)
        return self._set_target(number, _UL[meant or self.options.mlt_unit])

    def _ult(self, _word: str | None, number: str | None, _now_ns: int) -> Answer:
        return self._set_target(number, 1.0)

    def _tgt(self, _word: str | None, number: str | None, _now_ns: int) -> Answer:
        unit = self.options.tgt_unit
        if number is None:
            return self._volume(self.target_ul, unit)
        return self._set_target(number, _UL[unit])

    def _set_target(self, number: str | None, ul: float) -> Answer:
        value = _value(number)
        if value is None:
            return UNKNOWN
        if self.motor.busy:
            return NOT_NOW
        self.target_ul = value * ul
        return None

    def _del(self, _word: str | None, number: str | None, _now_ns: int) -> Answer:
        return UNKNOWN if number else self._volume(self.delivered_ul, self.options.tgt_unit)

    def _cld(self, _word: str | None, _number: str | None, _now_ns: int) -> Answer:
        if self.motor.busy:
            return NOT_NOW
        self.clear()
        return None

    def _clt(self, _word: str | None, _number: str | None, _now_ns: int) -> Answer:
        self.target_ul = 0.0
        return None

    def _mod(self, word: str | None, _number: str | None, _now_ns: int) -> Answer:
        names = {"PMP": "PUMP", "VLM": "VOLUME", "VOL": "VOLUME", "PGM": "PROGRAM"}
        if word is None:
            short = {"PUMP": "PMP", "VOLUME": "VLM", "PROGRAM": "PGM"}
            return self.mode if self.options.mode_text == "long" else short[self.mode]
        if word not in names:
            return UNKNOWN
        self.mode = names[word]
        return None

    def _mod_33(self, word: str | None, _number: str | None, _now_ns: int) -> Answer:
        return "PRO" if word is None else None if word in ("AUT", "PRO", "CON") else UNKNOWN

    def _dir(self, word: str | None, _number: str | None, _now_ns: int) -> Answer:
        if word is None:
            name = "REFILL" if self.refills else "INFUSE"
            return name if self.options.mode_text == "long" else name[:3]
        if word not in ("INF", "REF", "REV"):
            return UNKNOWN
        self.refills = {"INF": False, "REF": True, "REV": not self.refills}[word]
        return None

    def _af(self, word: str | None, _number: str | None, _now_ns: int) -> Answer:
        if word is None:
            return "ON" if self.auto_fill else "OFF"
        if word not in ("ON", "OFF"):
            return UNKNOWN
        self.auto_fill = word == "ON"
        return None

    # --- actions ---

    def _run(self, _word: str | None, _number: str | None, now_ns: int) -> Answer:
        if self.motor.busy:
            return NOT_NOW
        self.interrupted = self.reached = False
        if self.options.counter_clears:
            self.clear()
        stops = self.mode == "VOLUME" or self.options.model != "phd-2000"  # else the target is not looked at [D]
        done_ul = self.delivered_ul if self.options.resumes else 0.0
        left_ul = self.target_ul - done_ul if stops and self.target_ul > 0 else 0.0
        if left_ul < 0 or (stops and self.target_ul > 0 and left_ul == 0):
            return None
        speed = math.copysign(self.rate * _UL_PER_MIN[self.unit] / self.area_mm2, -1.0 if self.refills else 1.0)
        self.motor.start(speed, left_ul / self.area_mm2, 0, now_ns)
        return None

    def _run_withdrawing(self, word: str | None, number: str | None, now_ns: int) -> Answer:
        self.refills = True
        return self._run(word, number, now_ns)

    def _rev(self, _word: str | None, _number: str | None, now_ns: int) -> Answer:
        self.refills = not self.refills
        if self.motor.busy:
            self.motor.stop(now_ns)
            return self._run(None, None, now_ns)
        return None

    def _stop(self, _word: str | None, _number: str | None, now_ns: int) -> Answer:
        if not self.motor.busy and self.motor.state != STALLED:
            return NOT_NOW  # [M]
        self.motor.stop(now_ns)
        self.interrupted = True
        return None

    # --- text ---

    def _volume(self, value_ul: float, unit: str) -> str:
        text = self._number(value_ul / _UL[unit], self.options.decimals)
        return f"{text} {unit}" if self.options.prints_unit else text

    def _number(self, value: float, decimals: int) -> str:
        """Cut off, not rounded: a counter shows what is complete; the addend only undoes binary fractions."""
        scale = 10.0**decimals
        text = f"{math.floor(value * scale + 1e-4) / scale:.{decimals}f}"
        return f"{text:>8}" if self.options.padded else text


def _value(number: str | None) -> float | None:
    if number is None or not _NUMBER.fullmatch(number) or not any(c.isdigit() for c in number):
        return None
    return float(number)
