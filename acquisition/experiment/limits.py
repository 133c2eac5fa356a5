"""The limits file: what may be given to an animal at most, per route and per drug, each row with its source.

Knows rows, bounds and the file that holds them. Soft bounds need a named override with a reason; hard bounds cannot
be overridden by anything. Does not know protocols, pumps or sums over time (``acquisition.experiment.exposure``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from acquisition.experiment.problems import Source
from acquisition.plan import Route

SEALED_CONTENT = "sealed-content"
"""The one name of every limit on what a blinded syringe truly holds: the name of a row would tell."""
Quantity = Literal["rate", "infusion_volume", "total_volume", "dose_rate", "total_dose"]


@dataclass(frozen=True)
class Bound:
    """One number of a row: uL or mL/kg, uL/min or mL/kg/h, mg/kg, mg/kg/min; ``text`` as it stands in the file."""

    value: float
    per_kg: bool
    text: str


@dataclass(frozen=True)
class LimitRow:
    """One limit. ``drug`` empty concerns every solution."""

    limit_id: str
    quantity: Quantity
    routes: tuple[Route, ...]
    drug: str
    window_s: float | None
    """None sums over this session; infinite over all that is known of the animal."""
    soft: Bound
    hard: Bound
    source: str
    mark: str

    def concerns(self, route: Route, drug: str) -> bool:
        """Tell whether an infusion of ``drug`` by ``route`` is held against this row."""
        return route in self.routes and self.drug in ("", drug)

    @property
    def is_dose(self) -> bool:
        """Tell whether it limits mg/kg (already per weight) and not fluid."""
        return self.quantity in ("dose_rate", "total_dose")

    @property
    def tells_content(self) -> bool:
        """Tell whether what it finds depends on what is in a syringe: so does a dose of whatever drug."""
        return bool(self.drug) or self.is_dose

    @property
    def unit(self) -> str:
        """Return the unit that amounts of this row are computed in."""
        return {"rate": "uL/min", "dose_rate": "mg/kg/min", "total_dose": "mg/kg"}.get(self.quantity, "uL")

    @property
    def unit_per_kg(self) -> str:
        """Return the unit of a fluid bound that goes by weight."""
        return "mL/kg/h" if self.quantity == "rate" else "mL/kg"

    @property
    def per_g_divisor(self) -> float:
        """Return what turns mL/kg times g into uL (1), or mL/kg/h times g into uL/min (60)."""
        return 60.0 if self.quantity == "rate" else 1.0


@dataclass(frozen=True)
class WeightLimits:
    """Plausible weights of the species, g (R02)."""

    soft_min_g: float
    soft_max_g: float
    hard_min_g: float
    hard_max_g: float
    max_age_s: float
    """How old a weighing may be without an override (R06)."""
    source: str


@dataclass(frozen=True)
class Limits:
    """A whole limits file."""

    name: str
    species: str
    weight: WeightLimits
    rows: tuple[LimitRow, ...]
    forms: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Per drug: form -> factor that turns mg of this form into mg of the form its limits are written in."""
    sha256: str = ""
    shipped: bool = False
    """True: the program's own proposals, not a file that a laboratory wrote."""
    source: Source | None = field(default=None, compare=False)

    def form_factor(self, drug: str, form: str) -> float:
        """Return the factor to the form the limits of ``drug`` are written in; 1 where forms make no difference.

        A form that these limits do not know, from an earlier session with others, counts with the largest factor.
        """
        factors = self.forms.get(drug, {})
        return factors.get(form, max(1.0, *factors.values()) if factors else 1.0)
