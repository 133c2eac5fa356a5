"""A stirred beaker for calibration: what is added, how it is diluted, and how long until it is mixed.

Knows volumes and concentrations (science.md 2.4). Does not know sensors. Every addition makes the beaker fuller and
everything in it thinner; both take the stirrer's time. An addition that is told now is there with the next second.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from sim_devices.models.grid import OFFSETS_S
from sim_devices.models.tissue import Ramp, TissueSecond
from sim_devices.presets.parameter import Table, choice, number

Analyte = Literal["glutamate", "ascorbate", "dopamine", "peroxide", "buffer"]
ANALYTES = ("glutamate", "ascorbate", "dopamine", "peroxide")


class BeakerParameters(Table):
    """What stands on the stirrer."""

    volume_ml: float = number(40.0, 1.0, 1000.0, "mL", "D", "buffer; from 500 uL of 20 mM making 250 uM")
    stirring_s: float = number(1.5, 0.05, 30.0, "s", "A", "time constant of mixing; 0.5 to 4")
    temperature_c: float = number(37.0, 15.0, 42.0, "degC", "S", "NBK2567")


class Addition(Table):
    """One addition, at a time or at a mark of the protocol."""

    analyte: Analyte = choice("glutamate", "S", "what is added")
    volume_ul: float = number(40.0, 0.1, 1e5, "uL", "S", "how much; PMC5803791")
    stock_mm: float = number(20.0, 0.0, 1e4, "mM", "S", "of which strength; text mirror of Hascup 2010")


class Beaker:
    """A ``Tissue``: concentrations in a beaker, second by second. Times are seconds since the world's start."""

    def __init__(self, parameters: BeakerParameters) -> None:
        self.parameters = parameters
        self.volume_ul = parameters.volume_ml * 1000.0
        self._amounts_nmol = dict.fromkeys(ANALYTES, 0.0)
        self._starts: list[tuple[float, dict[str, float], dict[str, float]]] = []
        """When each well-mixed aim began, from where, and the aim; the last one holds on."""
        self._aim_from(0.0)

    def add(self, addition: Addition, second: int) -> None:
        """Pipette something in; it begins to spread at the start of ``second``, which nobody has looked at yet."""
        if addition.analyte != "buffer":
            self._amounts_nmol[addition.analyte] += addition.volume_ul * addition.stock_mm
        self.volume_ul += addition.volume_ul
        self._aim_from(float(second))

    def concentrations_um(self) -> dict[str, float]:
        """Return what is in the beaker once it is mixed."""
        return {name: nmol / self.volume_ul * 1000.0 for name, nmol in self._amounts_nmol.items()}

    def during(self, second: int) -> TissueSecond:
        """Return the surroundings during a second."""
        return TissueSecond(
            glutamate_um=np.array([self._at("glutamate", second + offset) for offset in OFFSETS_S]),
            ascorbate_um=self._ramp("ascorbate", second),
            dopamine_um=self._ramp("dopamine", second),
            peroxide_um=self._ramp("peroxide", second),
            temperature_c=self.parameters.temperature_c,
        )

    def _aim_from(self, t_s: float) -> None:
        now = {name: self._at(name, t_s) for name in ANALYTES} if self._starts else dict.fromkeys(ANALYTES, 0.0)
        self._starts.append((t_s, now, self.concentrations_um()))

    def _at(self, analyte: str, t_s: float) -> float:
        began_s, start, aim = next(step for step in reversed(self._starts) if step[0] <= t_s)
        left = float(np.exp(-(t_s - began_s) / self.parameters.stirring_s))
        return aim[analyte] + (start[analyte] - aim[analyte]) * left

    def _ramp(self, analyte: str, second: int) -> Ramp:
        return self._at(analyte, float(second)), self._at(analyte, np.nextafter(second + 1.0, 0.0))
