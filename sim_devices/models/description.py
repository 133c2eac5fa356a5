"""From the description of a bench to its physical parts, with the defaults for everything left out.

Knows the keys of the description and which preset fits which numbers. Does not know time or how the parts act.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim_devices.models.electrode import ARRAY_SITE, WIRE, WIRE_FROM_A_PER_UM, Electrode, ElectrodeParameters
from sim_devices.models.plunger import SyringeParameters, SyringePlunger
from sim_devices.models.tubing import Tubing
from sim_devices.mouse.pharmacology import ENTRY_OF_ROUTE

DEFAULT_WEIGHT_G = 25.0
ELECTRODES = ("we1", "we2")
"""What the working electrodes of a potentiostat are called, in the order of its front end, unless it says otherwise."""
SENTINEL_GAIN_SD = 0.08
"""Spread of a sentinel's gain around 1; science.md 4.2 [A]. Kept within its range of 0.8 to 1.2."""


@dataclass
class Infusion:
    """One syringe with its line and what is in it."""

    plunger: SyringePlunger
    tubing: Tubing
    drug: str
    concentration_mg_per_ml: float
    route: str
    booked_ul: float = 0.0
    """Drug solution the mouse has been given so far."""

    @property
    def has_effect(self) -> bool:
        """Tell whether this mouse knows the drug and the route: ketamine, by a systemic route."""
        return self.drug.casefold().startswith("ketamine") and self.route in ENTRY_OF_ROUTE

    def arrived_ul(self, t_ns: int) -> float:
        """Return the drug solution at the animal by ``t_ns``, uL."""
        return self.tubing.drug_arrived_ul(self.plunger.furthest_ul(t_ns))

    def dose_mg_per_kg(self, volume_ul: float, weight_g: float) -> float:
        """Return a volume as a dose: uL * mg/mL = ug, and ug/g = mg/kg. Salt counts as if it were base [A]."""
        return volume_ul * self.concentration_mg_per_ml / weight_g


FASTEST_DRIVE_MM_PER_MIN = 215.389
"""A PHD Ultra's, pumps.md 0.2 [V]: each simulated pump keeps its own limit, so the syringe need not cut in earlier."""


def weight_g(world: Mapping[str, Any]) -> float:
    """Return the subject's weight, 25 g unless given; raises ValueError unless it is above zero."""
    weight = float(world.get("subject", {}).get("weight_g", DEFAULT_WEIGHT_G))
    if not weight > 0:
        raise ValueError(f"a mouse cannot weigh {weight} g")
    return weight


def infusion(description: Mapping[str, Any], start_ns: int) -> Infusion:
    """Return a pump's syringe, line and contents: unless given, a full 1 mL of vehicle on a primed line of 37 uL."""
    volume_ul = float(description.get("syringe_volume_ul", 1000.0))
    syringe = SyringeParameters(
        true_diameter_mm=float(description.get("true_diameter_mm", 4.699)),
        volume_ul=volume_ul,
        loaded_ul=float(description.get("loaded_ul", volume_ul)),
        top_speed_mm_per_min=FASTEST_DRIVE_MM_PER_MIN,
    )
    return Infusion(
        plunger=SyringePlunger(syringe, start_ns),
        tubing=Tubing(float(description.get("dead_volume_ul", 37.0)), bool(description.get("primed", True))),
        drug=str(description.get("drug") or ""),
        concentration_mg_per_ml=float(description.get("concentration_mg_per_ml") or 0.0),
        route=str(description.get("route", "iv_infusion")),
    )


def channels(description: Mapping[str, Any], electrodes: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """Return a potentiostat's channels: unless given, glutamate sites and sentinels by turns on all its electrodes."""
    found: Sequence[Mapping[str, Any]] = description.get("channels") or [
        {"electrode": electrode, "role": ("glutamate", "sentinel")[at % 2]} for at, electrode in enumerate(electrodes)
    ]
    if "part_of" in description:  # one port of several: it has what stands there, perhaps nothing
        found = description["channels"]
    for channel in found:
        if channel.get("electrode", electrodes[0]) not in electrodes:
            raise ValueError(f"there is no electrode {channel['electrode']!r}; this has {', '.join(electrodes)}")
    return found


def shared_parameters(found: Sequence[Mapping[str, Any]]) -> ElectrodeParameters:
    """Return the kind of electrode: that of the first glutamate site with a sensitivity, else an array site."""
    for channel in found:
        if channel.get("role") == "glutamate" and channel.get("sensitivity_a_per_um"):
            return _parameters(float(channel["sensitivity_a_per_um"]))
    return ARRAY_SITE


def sites(
    found: Sequence[Mapping[str, Any]],
    electrodes: Sequence[str],
    shared: ElectrodeParameters,
    rng_of: Callable[[str], np.random.Generator],
) -> dict[int, Electrode]:
    """Return the sites by index of their electrode; ``rng_of`` gives each its own generator by its electrode's name."""
    built = {}
    for channel in found:
        electrode = channel.get("electrode", electrodes[0])
        rng = rng_of(electrode)
        gain = min(1.2, max(0.8, 1.0 + SENTINEL_GAIN_SD * float(rng.standard_normal())))
        if channel.get("role") == "glutamate":
            given = channel.get("sensitivity_a_per_um")
            site = Electrode(_parameters(float(given)) if given else shared, rng, sees_glutamate=True)
        else:
            site = Electrode(shared, rng, sees_glutamate=False, gain=gain)
        built[electrodes.index(electrode)] = site
    return built


def _parameters(sensitivity_a_per_um: float) -> ElectrodeParameters:
    preset = WIRE if sensitivity_a_per_um >= WIRE_FROM_A_PER_UM else ARRAY_SITE
    return replace(preset, sensitivity_a_per_um=sensitivity_a_per_um)
