"""The arithmetic of weighing what a syringe delivers: masses of water, volumes, the real diameter of the barrel.

Pure: numbers in, numbers out. Knows water, air and the geometry of a barrel; knows no file, no pump and no library.

A pump that is told a diameter d moves its plunger by V / (pi d^2 / 4) for a volume V. What comes out of a barrel that
really has the diameter D is that travel times pi D^2 / 4, so D = d sqrt(V_delivered / V). The delivered volume is the
mean mass times Z(T) [uL/mg], the factor of ISO 8655-6 for water weighed in air::

    Z = (1 / rho_water) (1 - rho_air / rho_weights) / (1 - rho_air / rho_water)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

MAX_CORRECTION = 0.06
"""[P] A barrel that delivers so much more or less than its row says is no barrel of that row: plastic varies by 5 %
(ISO 7886-2). Beyond it the cause is another: wrong syringe, leak, air, drops left behind, balance."""
MIN_WEIGHINGS = 5
"""[P] Fewer say nothing about their spread."""
MAX_SPREAD = 0.02
"""[P] Standard deviation over mean; more means that something else than the barrel varies."""
TEMPERATURE_RANGE_C = (10.0, 40.0)
_AIR_G_PER_ML, _WEIGHTS_G_PER_ML = 0.0012, 8.0
"""Air at 20 C and 101.3 kPa; the conventional density of the weights a balance is adjusted with. A low or damp
air pressure changes Z by less than 0.02 %."""


@dataclass(frozen=True)
class Weighed:
    """What a row of weighings comes to."""

    count: int
    delivered_ul: float
    """Mean of the weighings."""
    spread: float
    """Sample standard deviation over mean."""
    error: float
    """Delivered over commanded, minus one."""
    uncertainty: float
    """Standard error of the mean, relative: what the spread leaves open of ``error``."""
    effective_diameter_mm: float
    """The diameter that makes this syringe deliver what is ordered, to four digits."""


def water_density_g_per_ml(temperature_c: float) -> float:
    """Return the density of pure, air-free water at 101.3 kPa (Tanaka et al., Metrologia 38, 301, 2001).

    Raises ValueError outside 10 to 40 degrees Celsius.
    """
    low, high = TEMPERATURE_RANGE_C
    if not low <= temperature_c <= high:
        raise ValueError(f"water of {temperature_c:g} C; {low:g} to {high:g} C is possible here")
    t = temperature_c
    return 0.99997495 * (1.0 - (t - 3.983035) ** 2 * (t + 301.797) / (522_528.9 * (t + 69.34881)))


def z_factor_ul_per_mg(temperature_c: float) -> float:
    """Return the volume of water that a balance reading of 1 mg stands for. Raises ValueError."""
    water = water_density_g_per_ml(temperature_c)
    return (1.0 - _AIR_G_PER_ML / _WEIGHTS_G_PER_ML) / (1.0 - _AIR_G_PER_ML / water) / water


def weighed(
    pump_diameter_mm: float,
    commanded_ul: float,
    masses_mg: Sequence[float],
    temperature_c: float,
    evaporated_mg: float = 0.0,
) -> Weighed:
    """Return what a syringe delivered and the diameter that follows. Each mass is one delivery of ``commanded_ul``.

    ``evaporated_mg`` is what a delivery lost until it was read; it is added to each. Raises ValueError when there are
    fewer than five weighings, or they spread by more than 2 %, or the temperature is impossible.
    """
    if len(masses_mg) < MIN_WEIGHINGS:
        raise ValueError(f"{len(masses_mg)} weighings; at least {MIN_WEIGHINGS} are needed to see how they spread")
    z = z_factor_ul_per_mg(temperature_c)
    volumes_ul = [(mass_mg + evaporated_mg) * z for mass_mg in masses_mg]
    delivered_ul = fmean(volumes_ul)
    spread = stdev(volumes_ul) / delivered_ul
    if spread > MAX_SPREAD:
        raise ValueError(
            f"the weighings spread by {spread:.1%} (standard deviation over mean), at most {MAX_SPREAD:.0%} is "
            "accepted: look for air, drops left at the needle, a creeping balance; weigh larger deliveries"
        )
    ratio = delivered_ul / commanded_ul
    return Weighed(
        count=len(masses_mg),
        delivered_ul=delivered_ul,
        spread=spread,
        error=ratio - 1.0,
        uncertainty=spread / math.sqrt(len(masses_mg)),
        effective_diameter_mm=float(f"{pump_diameter_mm * math.sqrt(ratio):.4g}"),
    )


def beyond_bound(effective_mm: float, nominal_mm: float) -> str:
    """Say why a weighed diameter cannot belong to a barrel of this nominal diameter; empty if it can."""
    change = (effective_mm / nominal_mm) ** 2 - 1.0
    if abs(change) <= MAX_CORRECTION:
        return ""
    return (
        f"it delivers {change:+.1%} against {nominal_mm:g} mm; more than {MAX_CORRECTION:.0%} is no variation of a "
        "barrel: is it this syringe, is there a leak or air, was the pump set to pump_diameter?"
    )
