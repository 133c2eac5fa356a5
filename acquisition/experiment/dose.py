"""From a dose to a volume, computed twice in two independently written ways that must agree (R06).

Knows the arithmetic and nothing else. A mistake in one of the two, in a unit or a factor, becomes a refusal.
"""

from __future__ import annotations

from decimal import Decimal, localcontext

AGREEMENT = 1e-9
"""R06: the two results differ by less than this, relative."""


class DoseDisagreement(ArithmeticError):
    """The two computations of one volume differ: nothing may be infused on their word."""


def volume_ul(dose_mg_per_kg: float, weight_g: float, concentration_mg_per_ml: float) -> float:
    """Return the volume, uL, that holds the dose.

    Formula: mg/kg times kg is mg; mg divided by mg/mL is mL. Raises DoseDisagreement, ValueError for what is not
    above zero.
    """
    if not all(value > 0 for value in (dose_mg_per_kg, weight_g, concentration_mg_per_ml)):
        raise ValueError("dose, weight and concentration must be above zero")
    one = _by_float(dose_mg_per_kg, weight_g, concentration_mg_per_ml)
    other = _by_decimal(repr(dose_mg_per_kg), repr(weight_g), repr(concentration_mg_per_ml))
    if not abs(one - float(other)) <= AGREEMENT * float(other):
        raise DoseDisagreement(f"one computation gives {one} uL, the other {other} uL; report this as a bug")
    return one


def volume_by_weight_ul(volume_ml_per_kg: float, weight_g: float) -> float:
    """Return a volume per body weight as a volume, uL, computed in the same two ways.

    It is the volume that holds as many mg/kg of a solution of 1 mg/mL. Raises as ``volume_ul``.
    """
    return volume_ul(volume_ml_per_kg, weight_g, 1.0)


def _by_float(dose_mg_per_kg: float, weight_g: float, concentration_mg_per_ml: float) -> float:
    mass_mg = dose_mg_per_kg * (weight_g / 1000.0)
    return mass_mg / concentration_mg_per_ml * 1000.0


def _by_decimal(dose: str, weight: str, concentration: str) -> Decimal:
    """Written without a look at the other: micrograms per microlitre, and g of animal (ug/g is mg/kg)."""
    with localcontext() as context:
        context.prec = 40
        micrograms = Decimal(dose) * Decimal(weight)
        return micrograms / Decimal(concentration)
