"""The command set of a New Era pump: what each command changes and what data it answers.

Knows names, arguments and refusals; framing, alarms, addresses and the watchdog are the firmware's. A handler returns
the data part of the reply: empty for "done", text for a query, ``?...`` for a refusal that changed nothing [M].
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sim_devices.firmware.new_era.memory import Memory, Phase
from sim_devices.firmware.new_era.motor import PAUSED, STOPPED, Motor, ProgramError
from sim_devices.firmware.new_era.numbers import (
    RATE_UNITS_UL_PER_MIN,
    VOLUME_UNITS_UL,
    Malformed,
    format_number,
    parse_number,
)
from sim_devices.firmware.new_era.options import NewEraOptions

UNKNOWN, NOT_NOW, OUT_OF_RANGE = "?", "?NA", "?OOR"

_ROLLOVER = 10_000.0  # dispensed counters start again after 9999 [?]
_RATE = re.compile(r"C?([\d.]+)(UM|MM|UH|MH)?")
_FUNCTION = re.compile(r"RAT|STP|CLD|BEP|LPS|JMP\d{1,2}|LOP\d{1,2}|PAS\d{1,2}|PAS\d\.\d")
_TRIGGERS = ("FT", "FH", "F2", "LE", "ST", "T2", "SP", "P2", "RL", "RH", "SL", "SH", "OF")
_OLD_TRIGGERS = ("FT", "LE", "ST")
_SWITCHES = ("LN", "AL", "PF", "LOC", "BP", "DIN", "ROM")


@dataclass
class Commands:
    """Executes commands on memory and motor. FIL, INC, DEC, IF, EVN, PRI, TRG and OUT phases are not simulated: "?"."""

    memory: Memory
    motor: Motor
    options: NewEraOptions
    selected: int = 0
    """Phase that PHN has selected, counted from 0."""
    refuses: bool = False
    """Something is wrong with it: it takes no setting and no RUN."""
    runs_away: bool = False
    """Something is wrong with it: STP does nothing."""

    def press(self, key: str, now_ns: int) -> None:
        """Do what the Start/Stop key at the front does."""
        if key == "stop" and self.motor.operating:
            self.motor.pause(now_ns)
        elif key == "start" and not self.motor.operating:
            self._run("", now_ns)

    def execute(self, text: str, now_ns: int) -> str:
        """Obey one command (address removed, capitals); return the data of its reply."""
        if not text:
            return ""
        if self.refuses and (text[:3] == "RUN" or (text[:3] in ("DIA", "RAT", "VOL", "DIR") and len(text) > 3)):
            return NOT_NOW
        for length in (3, 2):
            handler = _HANDLERS.get(text[:length])
            if handler is not None and (self.options.knows_programs or handler not in _OF_PROGRAMS):
                try:
                    return handler(self, text[length:], now_ns)
                except Malformed:
                    return self.options.overlong
        return self._switch(text)

    @property
    def _phase(self) -> Phase:
        """Return the phase that settings mean: the running one while running [I], else the selected one."""
        return self.motor.phase if self.motor.moving else self.memory.phases[self.selected]

    def _dia(self, argument: str, _now_ns: int) -> str:
        if not argument:
            return format_number(self.memory.diameter_mm)
        if self.motor.operating:
            return NOT_NOW
        diameter = parse_number(argument)
        if not 0.1 <= diameter <= 50.0:
            return OUT_OF_RANGE
        self.memory.set_diameter(diameter)
        self.motor.clear_counters()
        return ""

    def _rat(self, argument: str, now_ns: int) -> str:
        phase = self._phase
        if phase.function != "RAT":
            return NOT_NOW
        if not argument:
            number = phase.rate if phase.running_rate is None else phase.running_rate
            return format_number(number) + phase.rate_unit
        found = _RATE.fullmatch(argument)
        if not found:
            return UNKNOWN
        number, unit = parse_number(found[1]), found[2]
        if unit and self.motor.operating:
            return NOT_NOW
        unit = unit or phase.rate_unit
        if not self.memory.rate_possible(number * RATE_UNITS_UL_PER_MIN[unit]):
            return OUT_OF_RANGE
        if self.motor.moving:
            phase.running_rate = number
            self.motor.retune(now_ns)
        else:
            phase.rate, phase.rate_unit, phase.running_rate = number, unit, None
        return ""

    def _vol(self, argument: str, _now_ns: int) -> str:
        phase = self._phase
        if phase.function != "RAT":
            return NOT_NOW
        if not argument:
            return format_number(phase.volume) + self.memory.volume_unit
        if self.motor.operating:
            return NOT_NOW
        if argument in VOLUME_UNITS_UL and self.options.volume_unit_command:
            if self.options.volume_unit_outlives_diameter:
                self.memory.unit_override = argument
            self.memory.volume_unit = argument
            return ""
        phase.volume = parse_number(argument)
        return ""

    def _dir(self, argument: str, now_ns: int) -> str:
        phase = self._phase
        if not argument:
            return phase.direction
        if argument not in ("INF", "WDR", "REV", "STK"):
            return UNKNOWN
        if self.motor.operating and (phase.volume > 0 or not self.motor.moving):
            return NOT_NOW
        if argument == "REV":
            argument = "INF" if phase.direction == "WDR" else "WDR"
        phase.direction = argument
        if self.motor.moving:
            self.motor.retune(now_ns)
        return ""

    def _run(self, argument: str, now_ns: int) -> str:
        if argument and not argument.isdecimal():
            return UNKNOWN
        if self.motor.operating:
            return NOT_NOW
        if self.motor.state == PAUSED and not argument:
            self.motor.resume(now_ns)
            return ""
        return self._start(int(argument or "1") - 1, now_ns)

    def _start(self, first: int, now_ns: int) -> str:
        if not 0 <= first < len(self.memory.phases):
            return OUT_OF_RANGE
        phase = self.memory.phases[first]
        if phase.function == "RAT" and not self.memory.rate_possible(phase.rate_ul_per_min):
            return OUT_OF_RANGE  # the syringe was changed after the rate was set [I]
        try:
            self.motor.run(first, now_ns)
        except ProgramError as error:
            self.motor.halt(now_ns)
            return "A?" + error.alarm
        return ""

    def _stp(self, argument: str, now_ns: int) -> str:
        if argument:
            return UNKNOWN
        if self.runs_away:
            return ""
        if self.motor.operating:
            self.motor.pause(now_ns)
        elif self.motor.state == PAUSED:
            self.motor.state = STOPPED
        elif self.options.stop_when_stopped == "?NA":
            return NOT_NOW
        return ""

    def _pur(self, argument: str, now_ns: int) -> str:
        if argument:
            return UNKNOWN
        if self.motor.operating:
            return NOT_NOW
        self.motor.purge(self._phase.direction, now_ns)
        return ""

    def _dis(self, argument: str, _now_ns: int) -> str:
        if argument:
            return UNKNOWN
        infused, withdrawn = (
            format_number(self.memory.to_unit(mm) % _ROLLOVER)
            for mm in (self.motor.infused_mm, self.motor.withdrawn_mm)
        )
        return f"I{infused}W{withdrawn}{self.memory.volume_unit}"

    def _cld(self, argument: str, _now_ns: int) -> str:
        if argument not in ("INF", "WDR"):
            return UNKNOWN
        if self.motor.operating:
            return NOT_NOW
        if argument == "INF":
            self.motor.infused_mm = 0.0
        else:
            self.motor.withdrawn_mm = 0.0
        return ""

    def _saf(self, argument: str, _now_ns: int) -> str:
        if not argument:
            return str(self.memory.safe_timeout_s)
        if not argument.isdecimal() or len(argument) > 4:
            return self.options.overlong
        if int(argument) > 255:
            return OUT_OF_RANGE
        self.memory.safe_timeout_s = int(argument)
        return ""

    def _phn(self, argument: str, _now_ns: int) -> str:
        if not argument:
            return f"{self.selected + 1:0{self.options.phn_digits}d}"
        if not argument.isdecimal():
            return UNKNOWN
        if self.motor.operating:
            return NOT_NOW
        if not 1 <= int(argument) <= len(self.memory.phases):
            return OUT_OF_RANGE
        self.selected = int(argument) - 1
        return ""

    def _fun(self, argument: str, _now_ns: int) -> str:
        phase = self.memory.phases[self.selected]
        if not argument:
            return phase.function
        if not _FUNCTION.fullmatch(argument):
            return UNKNOWN
        if self.motor.operating:
            return NOT_NOW
        if argument.startswith("JMP") and not 1 <= int(argument[3:]) <= len(self.memory.phases):
            return OUT_OF_RANGE
        phase.function = argument if "." in argument or len(argument) == 3 else f"{argument[:3]}{int(argument[3:]):02d}"
        return ""

    def _trg(self, argument: str, _now_ns: int) -> str:
        if not argument:
            return self.memory.flags["TRG"]
        if argument not in (_OLD_TRIGGERS if self.options.old_firmware else _TRIGGERS):
            return UNKNOWN
        self.memory.flags["TRG"] = argument
        return ""

    def _buz(self, argument: str, _now_ns: int) -> str:
        if not argument:
            return self.memory.flags["BUZ"]
        if not argument.isdecimal() or argument[0] not in "01" or (argument[0] == "0" and len(argument) > 1):
            return UNKNOWN
        self.memory.flags["BUZ"] = argument[0]
        return ""

    def _ver(self, argument: str, _now_ns: int) -> str:
        return UNKNOWN if argument else self.options.version_text

    def _out(self, argument: str, _now_ns: int) -> str:
        return "" if argument in ("50", "51") else UNKNOWN

    def _in(self, argument: str, _now_ns: int) -> str:
        return "1" if argument in ("2", "3", "4", "6") else UNKNOWN  # inputs are pulled up, nothing is connected

    def _switch(self, text: str) -> str:
        """Store or tell one of the 0/1 settings."""
        unknown = self.options.unknown_switches
        for name in _SWITCHES:
            if text.startswith(name) and name not in unknown:
                value = text[len(name) :]
                if not value:
                    return self.memory.flags[name]
                if value not in ("0", "1"):
                    return UNKNOWN
                self.memory.flags[name] = value
                return ""
        return UNKNOWN


_Handler = Callable[[Commands, str, int], str]
_HANDLERS: dict[str, _Handler] = {
    "DIA": Commands._dia, "RAT": Commands._rat, "VOL": Commands._vol, "DIR": Commands._dir, "RUN": Commands._run,
    "STP": Commands._stp, "PUR": Commands._pur, "DIS": Commands._dis, "CLD": Commands._cld, "SAF": Commands._saf,
    "TRG": Commands._trg, "BUZ": Commands._buz, "VER": Commands._ver, "OUT": Commands._out, "IN": Commands._in,
    "PHN": Commands._phn, "FUN": Commands._fun,
}  # fmt: skip
_OF_PROGRAMS = (Commands._phn, Commands._fun)
