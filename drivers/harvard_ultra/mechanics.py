"""How slow and how fast the drives of the Ultra family can push (pumps.md 0.2), and how a pump's own answer is used.

Pure arithmetic on plunger speeds. Knows no text and no line.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

_SLOWEST_S: Final = 27.0
"""Time per microstep at the low-speed limit [R metrics]."""
_FASTEST_S: Final = 26e-6
"""Time per microstep at the high-speed limit [R metrics]."""


def area_mm2(diameter_mm: float) -> float:
    """Return the cross-section of a syringe; 1 mm of travel is this many microlitres."""
    return math.pi * diameter_mm**2 / 4.0


@dataclass(frozen=True)
class Mechanics:
    """One drive: ``Q = v * pi * d^2 / 4``."""

    microstep_mm: float
    lowest_mm_per_min: float
    highest_mm_per_min: float

    def rates_ul_per_min(self, diameter_mm: float) -> tuple[float, float]:
        """Return (lowest, highest) rate with a syringe of this diameter."""
        area = area_mm2(diameter_mm)
        return area * self.lowest_mm_per_min, area * self.highest_mm_per_min

    def microstep_ul(self, diameter_mm: float) -> float:
        """Return what one microstep displaces: motion is stepwise at low rates."""
        return area_mm2(diameter_mm) * self.microstep_mm

    def narrowed(self, asked_ul_per_min: tuple[float, float], diameter_mm: float) -> Mechanics:
        """Return the speeds that hold by this knowledge *and* by the answer to ``irate lim`` at this diameter."""
        area = area_mm2(diameter_mm)
        low, high = asked_ul_per_min
        return Mechanics(
            self.microstep_mm, max(self.lowest_mm_per_min, low / area), min(self.highest_mm_per_min, high / area)
        )


def _drive(microstep_mm: float) -> Mechanics:
    return Mechanics(microstep_mm, microstep_mm / _SLOWEST_S * 60.0, microstep_mm / _FASTEST_S * 60.0)


ELITE_11: Final = _drive(25.4 / 24.0 / (400.0 * 2.4 * 16.0))
"""11 Elite, Legato 100 and 110: 24 threads/inch, 400 steps, pulley 2.4:1, 16 microsteps [R, V to the character]."""
PHD_ULTRA: Final = _drive(9.3335e-5)
"""From one recorded reply at 9.525 mm [V]: 14.7792 nl/min to 15.3477 ml/min."""
UNKNOWN: Final = Mechanics(PHD_ULTRA.microstep_mm, PHD_ULTRA.lowest_mm_per_min, ELITE_11.highest_mm_per_min)
"""What all known drives can do: used before ``connect`` and for models not listed."""
_ANY: Final = Mechanics(PHD_ULTRA.microstep_mm, 0.0, math.inf)


_SAME: Final = 1e-3
"""Five digits are known of the PHD Ultra's step; the pump prints six."""
_ELITE_11 = re.compile(r"11 ELITE\b(?!.*PICO)|LEGATO 1[01]0\b")
_PHD_ULTRA = re.compile(r"PHD ULTRA\b")


def known_mechanics(model: str) -> Mechanics | None:
    """Return the drive of a pump that calls itself so; None for those whose mechanics no source gives.

    A Pico Plus, a Nanomite, a Legato 130 or 200 has a drive of its own [?]: its own answer is all there is.
    """
    name = model.upper()
    return ELITE_11 if _ELITE_11.search(name) else PHD_ULTRA if _PHD_ULTRA.search(name) else None


def agree(known: Mechanics, asked_ul_per_min: tuple[float, float], diameter_mm: float) -> bool:
    """Tell whether a pump's answer to ``irate lim`` is what this drive does with this syringe."""
    pairs = zip(known.rates_ul_per_min(diameter_mm), asked_ul_per_min, strict=True)
    return all(math.isclose(computed, asked, rel_tol=_SAME) for computed, asked in pairs)


def mechanics_of(
    known: Mechanics | None, asked_ul_per_min: tuple[float, float] | None, diameter_mm: float
) -> Mechanics:
    """Return the speeds to go by: those of the known drive and of the pump's answer (None: it gave none) together.

    The microstep of an unlisted model is the largest known [A].
    """
    if asked_ul_per_min is None:
        return known or UNKNOWN
    return (known or _ANY).narrowed(asked_ul_per_min, diameter_mm)
