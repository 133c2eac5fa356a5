"""One syringe line of a Micro4: settings, a motor, and what each letter changes in it.

Knows nanolitres, syringe types and the counter. Does not know bytes, echo, or which line is selected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sim_devices.firmware.motor import PAUSED, RUNNING, Motor
from sim_devices.firmware.wpi_micro4.options import Micro4Options

TYPES = {"A": (10.0, 60.0), "B": (25.0, 60.0), "C": (50.0, 60.0), "1": (0.5, 60.0), "2": (1.0, 60.0),
         "3": (2.0, 60.0), "4": (5.0, 60.0), "5": (100.0, 60.0), "6": (250.0, 60.0), "7": (10.0, 54.1),
         "8": (25.0, 54.1), "9": (100.0, 54.1)}  # fmt: skip
"""Syringe types: volume in uL and length of the scale in mm. Only A was seen on a unit [D], the rest is guessed [?]."""
NUMBERED = {"11": "A", "12": "B", "13": "C"}
"""Numbers of the lettered types [D]."""
MAX_SPEED_MM_PER_MIN = 60.0
MIN_SPEED_MM_PER_MIN = 1e-4
"""[?] speed limits of the pump are not in the references."""
MAX_TARGET_NL = 999_999.0
_NL_PER_UL = 1000.0


@dataclass
class Channel:
    """Settings in the controller's own units, as they were sent."""

    motor: Motor
    options: Micro4Options
    syringe: str = "A"
    target_nl: float = 1000.0
    rate: float = 100.0
    per_second: bool = False
    infuses: bool = True
    mode: str = "Non-Grouped"
    smooth: bool = True
    shows_delivered: bool = True
    _counted_from_mm: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Take the settings from the shelf."""
        self.syringe, self.target_nl, self.rate = self.options.syringe_type, 1000.0, 100.0
        self.per_second, self.infuses, self.smooth = False, True, True
        self.mode = "Grouped" if self.options.grouped else "Non-Grouped"
        self.shows_delivered = not self.options.remaining

    @property
    def nl_per_mm(self) -> float:
        """Return the volume of one millimetre of travel, by the syringe type."""
        volume_ul, length_mm = TYPES[self.syringe]
        return volume_ul * _NL_PER_UL / length_mm

    @property
    def delivered_nl(self) -> float:
        """Return what was delivered since the counter was set to zero."""
        return (self.motor.dispensed_mm - self._counted_from_mm) * self.nl_per_mm

    @property
    def counter_nl(self) -> float:
        """Return what ``?C`` shows."""
        return self.delivered_nl if self.shows_delivered else max(self.target_nl - self.delivered_nl, 0.0)

    @property
    def state(self) -> str:
        """Return what ``?G`` shows."""
        texts = {RUNNING: self.options.running_text, PAUSED: self.options.paused_text}
        return texts.get(self.motor.state, self.options.stopped_text)

    def set_counter(self, value_nl: float) -> None:
        """Set the counter, as ``C`` does."""
        self._counted_from_mm = self.motor.dispensed_mm - value_nl / self.nl_per_mm

    def set_target(self, value_nl: float) -> None:
        """Set the target volume, as ``V`` does."""
        self.target_nl = self._kept(value_nl, self.target_nl, 0.0, MAX_TARGET_NL)

    def set_rate(self, value: float) -> None:
        """Set the rate in the set units, as ``R`` does."""
        self.rate = self._kept(value, self.rate, self._in_units(MIN_SPEED_MM_PER_MIN), self._most())

    def set_units(self, *, per_second: bool) -> None:
        """Change the units; the number of the rate stays what it is [?], within what the pump can do."""
        self.per_second = per_second
        self.rate = min(self.rate, self._most())

    def set_type(self, name: str) -> bool:
        """Select a syringe type by letter or number; False if there is none."""
        name = NUMBERED.get(name, name)
        if name in TYPES:
            self.syringe = name
        return name in TYPES

    def go(self, now_ns: int) -> None:
        """Run to the target; nothing if it runs already or nothing is left."""
        if self.motor.state == RUNNING or self.mode == "Disabled":
            return
        if self.motor.state == PAUSED:
            self.motor.resume(now_ns)
            return
        if self.options.counter_clears:
            self.set_counter(0.0)
        done_nl = self.delivered_nl if self.options.resumes else 0.0
        left_mm = (self.target_nl - done_nl) / self.nl_per_mm
        if left_mm > 0:
            speed = self.rate / self._in_units(1.0)
            self.motor.start(math.copysign(speed, 1.0 if self.infuses else -1.0), left_mm, 0, now_ns)

    def _most(self) -> float:
        return self._in_units(MAX_SPEED_MM_PER_MIN)

    def _in_units(self, speed_mm_per_min: float) -> float:
        per_min = speed_mm_per_min * self.nl_per_mm
        return per_min / 60.0 if self.per_second else per_min

    def _kept(self, wanted: float, before: float, low: float, high: float) -> float:
        if low <= wanted <= high:
            return wanted
        return before if self.options.out_of_range == "keep" else min(max(wanted, low), high)
