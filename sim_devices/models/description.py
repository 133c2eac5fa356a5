"""From the description of a bench to its physical parts, with the defaults for everything left out.

Knows the keys of the description and which sensor fits which slopes. Does not know time or how the parts act.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim_devices.models.front_end import Site
from sim_devices.models.noise import SiteNoise
from sim_devices.models.plunger import SyringeParameters, SyringePlunger
from sim_devices.models.tubing import Tubing
from sim_devices.presets import shelf
from sim_devices.presets.sensor import SensorPreset

DEFAULT_WEIGHT_G = 25.0
ELECTRODES = ("we1", "we2")
"""What the working electrodes of a potentiostat are called, in the order of its front end, unless it says otherwise."""
WIRE_FROM_A_PER_UM = 0.1e-9
"""Sensitivities from here on mean a wire (0.3 to 1.5 nA/uM), below it an array site (2 to 15 pA/uM) [D]."""


@dataclass
class Infusion:
    """One syringe with its line and what is in it."""

    plunger: SyringePlunger
    tubing: Tubing
    drug: str
    concentration_mg_per_ml: float
    route: str
    booked_ul: float = 0.0
    """Drug solution the animal has been given so far."""
    given_s: int = -10_000
    """The last second in which something arrived."""

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


def sensor(given: Any, found: Sequence[Mapping[str, Any]]) -> SensorPreset:
    """Return the sensor that is asked for, or the one that the channels' sensitivities suggest. Raises ValueError."""
    slopes = [float(c["sensitivity_a_per_um"]) for c in found if _is_calibrated(c)]
    wires = bool(slopes) and slopes[0] >= WIRE_FROM_A_PER_UM
    preset = shelf.sensor(given or (shelf.WIRE_SENSOR if wires else shelf.DEFAULT_SENSOR))
    if not slopes:
        return preset
    chemistry = preset.chemistry.model_copy(update={"sensitivity_a_per_um": slopes[0]})
    return preset.model_copy(update={"chemistry": chemistry})


def _is_calibrated(channel: Mapping[str, Any]) -> bool:
    return channel.get("role") == "glutamate" and bool(channel.get("sensitivity_a_per_um"))


def sites(
    found: Sequence[Mapping[str, Any]],
    electrodes: Sequence[str],
    preset: SensorPreset,
    rng_of: Callable[[str], np.random.Generator],
) -> dict[int, Site]:
    """Return the sites by index of their electrode; ``rng_of`` gives each its own generator by its electrode's name.

    A glutamate site whose slope the rig gives has that slope; other sites spread around the preset's. A sentinel of a
    calibrated probe has the ``gain`` of its calibration.
    """
    built = {}
    for channel in found:
        electrode = channel.get("electrode", electrodes[0])
        rng = rng_of(electrode)
        drawn = preset.sentinel.drawn_gain(rng)  # drawn in any case: what is drawn next stays the same
        gain = float(channel.get("gain", drawn))
        spread = max(0.1, 1.0 + preset.chemistry.sensitivity_cv * float(rng.standard_normal()))
        slope = preset.chemistry.sensitivity_a_per_um * spread
        if _is_calibrated(channel):
            slope = float(channel["sensitivity_a_per_um"])
        sees = channel.get("role") == "glutamate"
        built[electrodes.index(electrode)] = Site(
            sensitivity_a_per_um=slope if sees else slope * preset.sentinel.crosstalk,
            gain=1.0 if sees else gain,
            key=int(rng.integers(2**32)),
            noise=SiteNoise(preset.noise, rng),
        )
    return built
