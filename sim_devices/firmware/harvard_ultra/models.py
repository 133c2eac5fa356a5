"""The models of the Ultra family: what they call themselves, what their drive can do, which way they go.

Text of ``ver`` is recorded for the 11 Elite and the PHD Ultra [R]; that of all others is a stand-in [?]. Mechanics are
certain for the 11 Elite and the Legato 100 and 110 (reference 0.2) and computed from one reply for the PHD Ultra; the
others have stand-ins [?] that differ on purpose, so that a driver which believes in one drive for all is found out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sim_devices.firmware.harvard_ultra.numbers import area_mm2

_ELITE_STEP_MM = 25.4 / 24 / (400 * 2.4 * 16)
_PHD_ULTRA_STEP_MM = 9.3335e-5
_SCREW: Final = {
    "Steps per rev": "400", "Gear ratio": "1:1", "Pulley ratio": "2.4:1", "Lead screw": "24 threads per inch",
    "Microstepping": "16 microsteps per step",
}  # fmt: skip


@dataclass(frozen=True)
class Model:
    """One model."""

    version: str
    microstep_mm: float
    withdraws: bool = True
    screw_known: bool = False
    """Its screw, pulleys and steps are told by ``metrics``."""
    largest_mm: float = 33.0
    """Largest syringe [R for an 11 Elite]."""

    def lowest_ul_per_min(self, diameter_mm: float) -> float:
        """Return the rate at 27 s per microstep."""
        return self.microstep_mm / 27.0 * 60.0 * area_mm2(diameter_mm)

    def highest_ul_per_min(self, diameter_mm: float) -> float:
        """Return the rate at 26 us per microstep."""
        return self.microstep_mm / 26e-6 * 60.0 * area_mm2(diameter_mm)

    def metrics(self, *, withdraws: bool) -> dict[str, str]:
        """Return the lines of ``metrics``."""
        return {
            "Pump type": "Pump 11" if self.screw_known else "Pump",
            "Pump type string": self.version,
            **(_SCREW if self.screw_known else {}),
            "Low speed limit": "27 seconds",
            "High speed limit": "26 microseconds",
            "Min syringe size": "0.1 mm",
            "Max syringe size": f"{self.largest_mm:g} mm",
            "Min raw force %": "20%",
            "Max raw force %": "80%",
            "Encoder": "100 lines",
            "Direction": "Infuse/withdraw" if withdraws else "Infuse only",
            "Limit switches": "No",
        }


MODELS: Final = {
    "legato-100": Model("LEGATO 100", _ELITE_STEP_MM, screw_known=True),  # a recorded one took ``load qs iw`` [R]
    "legato-110": Model("LEGATO 110", _ELITE_STEP_MM, screw_known=True),
    "legato-130": Model("LEGATO 130", _ELITE_STEP_MM / 4, largest_mm=4.61),
    "legato-180": Model("LEGATO 180", _ELITE_STEP_MM),
    "legato-200": Model("LEGATO 200", _ELITE_STEP_MM * 1.25, withdraws=False, largest_mm=45.0),
    "elite-11": Model("11 ELITE I/W Single", _ELITE_STEP_MM, screw_known=True),  # [R]
    "elite-11-infuse": Model("11 ELITE I Single", _ELITE_STEP_MM, withdraws=False, screw_known=True),
    "pico-plus": Model("11 PICO PLUS ELITE", _ELITE_STEP_MM / 4, largest_mm=10.0),
    "nanomite": Model("NANOMITE", _ELITE_STEP_MM / 8, largest_mm=10.0),
    "phd-ultra": Model("PHD ULTRA", _PHD_ULTRA_STEP_MM),  # [R], step [V]
}
