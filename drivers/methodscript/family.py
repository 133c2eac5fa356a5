"""Which MethodSCRIPT instruments there are: current ranges and potential limits (potentiostats.md 2.2, 2.8).

Pure tables. Knows no bytes beyond the name that an instrument gives itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.errors import NotEncodable


@dataclass(frozen=True)
class Family:
    """What one kind of instrument can do."""

    name: str
    ranges_a: tuple[float, ...]
    """Full scales, ascending, amperes."""
    potential_v: tuple[float, float]
    """Lowest and highest potential versus reference."""
    xon_xoff: bool
    baud: int

    def range_for(self, full_scale_a: float) -> float:
        """Return the smallest range that holds ``full_scale_a``. Raises NotEncodable."""
        for range_a in self.ranges_a:
            if full_scale_a <= range_a * (1 + 1e-9) and full_scale_a > 0:
                return range_a
        raise NotEncodable(
            f"{self.name} has no current range that holds {full_scale_a:g} A (highest {self.ranges_a[-1]:g} A)"
        )

    def check_potential(self, potential_v: float) -> None:
        """Raise NotEncodable when the instrument cannot apply this potential."""
        lowest, highest = self.potential_v
        if not lowest <= potential_v <= highest:
            raise NotEncodable(f"{potential_v:g} V is outside the {lowest:g} to {highest:g} V of {self.name}")


_PICO_RANGES = (100e-9, 2e-6, 4e-6, 8e-6, 16e-6, 32e-6, 63e-6, 125e-6, 250e-6, 500e-6, 1e-3, 5e-3)
_ES4_LR_RANGES = (1e-9, 10e-9, 100e-9, 1e-6, 10e-6, 100e-6, 1e-3, 10e-3)
PICO: Final = Family("EmStat Pico", _PICO_RANGES, (-1.25, 2.0), xon_xoff=True, baud=230400)
SENSIT: Final = Family("Sensit", _PICO_RANGES, (-1.25, 2.0), xon_xoff=True, baud=230400)
ES4_LR: Final = Family("EmStat4 LR", _ES4_LR_RANGES, (-3.0, 3.0), xon_xoff=False, baud=921600)
ES4_HR: Final = Family("EmStat4 HR", (*_ES4_LR_RANGES[2:], 100e-3), (-6.0, 6.0), xon_xoff=False, baud=921600)
_BY_PREFIX: Final = {
    "espico": PICO,
    "senswb": SENSIT,
    "es4_lr": ES4_LR,
    "es4_hr": ES4_HR,
    "mes4lr": ES4_LR,
    "mes4hr": ES4_HR,
}


def family(name: str) -> Family | None:
    """Return the family of an instrument that calls itself ``name`` (the first six letters after ``t``)."""
    return _BY_PREFIX.get(name)
