"""The command set of a Chemyx pump: what each command changes and which lines it answers.

Knows names, arguments and answers; echo, prompt and line ends are the firmware's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sim_devices.firmware.chemyx.options import ChemyxOptions
from sim_devices.firmware.chemyx.settings import UNITS, Settings
from sim_devices.firmware.motor import DELAYED, PAUSED, Motor

INVALID = ("Invalid Command!",)
"""Answer to what it does not know [S]; also to comma lists in Basic Mode [I]."""
_NUMBER = re.compile(r"-?\d*\.?\d+|-?\d+\.")
_NS_PER_MIN = 60_000_000_000
_START_TEXTS = {"running": "Pump start running...", "started": "Pump started!", "ellipsis": "Pump start running\u2026"}
_HELP = ("start", "stop", "pause", "set ...", "read limit parameter", "dispensed volume", "elapsed time")

Lines = tuple[str, ...]


@dataclass
class Commands:
    """Executes commands on settings and motor. Ramps, time, hexw2 and the second channel are not simulated."""

    settings: Settings
    motor: Motor
    options: ChemyxOptions
    echo: bool = True
    _asked: dict[str, Callable[[int], Lines]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._asked = {
            "start": self._start, "stop": self._stop, "pause": self._pause, "restart": self._restart,
            "dispensed volume": self._dispensed, "elapsed time": self._elapsed,
            "view parameter": self._view,
            "echo on": self._echo_on, "echo off": self._echo_off, "help": lambda _now_ns: _HELP,
        }  # fmt: skip
        if self.options.limits:
            self._asked["read limit parameter"] = self._limits
        for name in ("pump status", "status"):
            if self.options.status_command in (name, "both"):
                self._asked[name] = self._status

    def execute(self, text: str, now_ns: int) -> Lines:
        """Obey one line and return the lines of its answer. Case matters [I]: commands are lower-case."""
        if text in self._asked:
            return self._asked[text](now_ns)
        words = text.split(" ")
        if len(words) == 3 and words[0] == "set":
            return self._set(words[1], words[2])
        return INVALID if text else ()

    def _set(self, name: str, argument: str) -> Lines:
        setters = {
            "units": self.settings.set_units,
            "diameter": self.settings.set_diameter,
            "volume": self._set_volume,
            "rate": self.settings.set_rate,
            "delay": self.settings.set_delay,
        }
        if name not in setters or not _NUMBER.fullmatch(argument):
            return INVALID
        if not self.motor.busy:  # what a running pump does with a setting is not known [?]: it keeps the old one
            setters[name](float(argument))
        return (f"{name} = {self._shown(name)}",)

    def _set_volume(self, value: float) -> None:
        self.settings.set_volume(value)
        if self.options.counter_clears == "set":
            self.motor.dispensed_mm = 0.0

    def _shown(self, name: str) -> str:
        digits = self.options.decimals
        if name == "units":
            return str(self.settings.units)
        if name == "diameter":
            return f"{self.settings.diameter_mm:.3f}"
        values = {"volume": self.settings.volume, "rate": self.settings.rate, "delay": self.settings.delay_min}
        return f"{values[name]:.{digits}f}"

    def _start(self, now_ns: int) -> Lines:
        if self.motor.state == PAUSED:
            self.motor.resume(now_ns)
        elif not self.motor.busy:
            self._begin(now_ns)
        if self.motor.state == DELAYED:
            return ("Pump delay...",)
        return (_START_TEXTS[self.options.start_text],)

    def _begin(self, now_ns: int) -> None:
        if self.options.counter_clears == "start":
            self.motor.dispensed_mm = 0.0
        if self.options.multi_step_ul_per_min > 0:  # what the screen shows is what runs [M]
            self.motor.start(self.options.multi_step_ul_per_min / self.settings.area_mm2, 0.0, 0, now_ns)
            return
        speed = math.copysign(self.settings.speed_mm_per_min, self.settings.volume)
        delay_ns = round(self.settings.delay_min * _NS_PER_MIN)
        self.motor.start(speed, self.settings.travel_mm, delay_ns, now_ns)

    def _stop(self, now_ns: int) -> Lines:
        self.motor.stop(now_ns)
        return ("Pump stop!",)

    def _pause(self, now_ns: int) -> Lines:
        if self.motor.busy:
            self.motor.pause(now_ns)
        return ("Pump pause!",)

    def _restart(self, now_ns: int) -> Lines:
        self.motor.stop(now_ns)
        self._begin(now_ns)
        return ("Pump restart!",)

    def _status(self, _now_ns: int) -> Lines:
        return (str(self.motor.state),)

    def _dispensed(self, _now_ns: int) -> Lines:
        return (f"dispensed volume = {_cut(self.settings.in_units(self.motor.dispensed_mm), 4)}",)

    def _elapsed(self, now_ns: int) -> Lines:
        return (f"elapsed time = {self.motor.elapsed_min(now_ns):.5f}",)

    def _limits(self, _now_ns: int) -> Lines:
        return (" ".join(f"{value:.4f}" for value in self.settings.limits()),)

    def _view(self, _now_ns: int) -> Lines:
        s, digits = self.settings, self.options.decimals
        unit = str(s.units) if self.options.view_unit == "digit" else UNITS[s.units]
        return (
            f"unit = {unit}",
            f"dia = {s.diameter_mm:.3f}",
            f"rate = {s.rate:.{digits}f}",
            f"time = {s.run_min():.{digits}f}",
            f"volume = {s.volume:.{digits}f}",
            f"delay = {s.delay_min:.{digits}f}",
        )

    def _echo_on(self, _now_ns: int) -> Lines:
        self.echo = True
        return ()

    def _echo_off(self, _now_ns: int) -> Lines:
        self.echo = False
        return ()

    def forget(self, fresh: Settings) -> None:
        """Lose the settings, as a pump may that does not remember them [?]."""
        for name, value in vars(replace(fresh)).items():
            setattr(self.settings, name, value)


def _cut(value: float, decimals: int) -> str:
    """Cut off, not rounded: a counter shows what is complete; the addend only undoes binary fractions."""
    scale = 10.0**decimals
    return f"{math.floor(value * scale + 1e-5) / scale:.{decimals}f}"
