"""What a Chemyx pump holds: units, syringe, volume, rate, delay, and the limits that follow from them.

Knows that a value out of range is not refused but silently replaced [M]. Does not know motion or text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

UNITS = ("mL/min", "mL/hr", "uL/min", "uL/hr")
UL_PER_VOLUME_UNIT = (1000.0, 1000.0, 1.0, 1.0)
MIN_PER_TIME_UNIT = (1.0, 60.0, 1.0, 60.0)
DIAMETERS_MM = (0.103, 40.0)
"""Vendor's page [M]; one driver allows 60."""
MAX_SPEED_MM_PER_MIN = 196.0732
"""[I] from the printed limits 125.9622 0.0002 106.0288 0.0141, read as mL with a 28.6 mm syringe."""
MIN_SPEED_MM_PER_MIN = 3.1e-4
"""[I] as above; the printed 0.0002 has one digit only."""
STROKE_MM = 165.0448
"""[I] as above: largest volume."""
SMALLEST_MOVE_MM = 0.0219
"""[I] as above: smallest volume."""


@dataclass
class Settings:
    """In the pump's own units, as they were sent."""

    units: int = 0
    diameter_mm: float = 28.6
    volume: float = 1.0
    rate: float = 1.0
    delay_min: float = 0.0
    keeps_old: bool = False
    """Out of range: keep the value from before rather than the limit."""
    zero_is_endless: bool = True

    @property
    def area_mm2(self) -> float:
        """Return the cross-section; 1 mm of travel is this many microlitres."""
        return math.pi * self.diameter_mm**2 / 4.0

    @property
    def speed_mm_per_min(self) -> float:
        """Return the plunger speed without sign."""
        ul_per_min = self.rate * UL_PER_VOLUME_UNIT[self.units] / MIN_PER_TIME_UNIT[self.units]
        return ul_per_min / self.area_mm2

    @property
    def travel_mm(self) -> float:
        """Return the travel that the volume means; negative withdraws, zero has no end."""
        return self.volume * UL_PER_VOLUME_UNIT[self.units] / self.area_mm2

    def in_units(self, travel_mm: float) -> float:
        """Return travel as a volume in the set units."""
        return travel_mm * self.area_mm2 / UL_PER_VOLUME_UNIT[self.units]

    def limits(self) -> tuple[float, float, float, float]:
        """Return max rate, min rate, max volume, min volume in the set units (two sources agree on the order)."""
        per_speed = self.in_units(1.0) * MIN_PER_TIME_UNIT[self.units]
        return (
            per_speed * MAX_SPEED_MM_PER_MIN,
            per_speed * MIN_SPEED_MM_PER_MIN,
            self.in_units(STROKE_MM),
            self.in_units(SMALLEST_MOVE_MM),
        )

    def set_units(self, value: float) -> None:
        """Change units; the numbers of rate and volume stay what they are [I]."""
        if value in (0, 1, 2, 3):
            self.units = int(value)

    def set_diameter(self, value: float) -> None:
        """Change the syringe: rate and volume are brought into the new limits [I]."""
        self.diameter_mm = self._kept(value, self.diameter_mm, *DIAMETERS_MM)
        self.set_rate(self.rate)
        self.set_volume(self.volume)

    def set_volume(self, value: float) -> None:
        """Change the volume; its sign is the direction [M]."""
        if value == 0 and self.zero_is_endless:
            self.volume = 0.0
            return
        _, _, high, low = self.limits()
        self.volume = math.copysign(self._kept(abs(value), abs(self.volume), low, high), value)

    def set_rate(self, value: float) -> None:
        """Change the rate."""
        high, low, _, _ = self.limits()
        self.rate = self._kept(value, self.rate, low, high)

    def set_delay(self, value: float) -> None:
        """Change the delay before a start, minutes."""
        self.delay_min = max(value, 0.0)

    def run_min(self) -> float:
        """Return how long the run takes."""
        return abs(self.travel_mm) / self.speed_mm_per_min

    def _kept(self, wanted: float, before: float, low: float, high: float) -> float:
        if low <= wanted <= high:
            return wanted
        if self.keeps_old and low <= before <= high:
            return before
        return min(max(wanted, low), high)
