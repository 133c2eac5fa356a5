"""The world that joins pumps, lines, one mouse and electrodes: drug that a pump did not deliver has no effect.

Knows which syringe feeds the mouse through which line, and moves everything on one grid of seconds, in order.
Does not know bytes, firmware or faults. The truth it keeps is for tests and the rehearsal's report only.

A plunger is read at grid times, in order, when a current or the truth is asked for. A pump commanded later than that
for an earlier moment (threads of a paced run) changes the next second instead: the effect comes up to a second
late, no drug is lost. Randomness has one stream per named part, so another instrument changes no one's noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Any

import numpy as np

from sim_devices.models.electrode import ARRAY_SITE, WIRE, WIRE_FROM_A_PER_UM, Electrode, ElectrodeParameters
from sim_devices.models.front_end import FrontEnd, TissueSecond
from sim_devices.models.grid import SECOND_NS
from sim_devices.models.plunger import SyringeParameters, SyringePlunger
from sim_devices.models.tubing import Tubing
from sim_devices.mouse.glutamate import Ascorbate, AscorbateParameters, ExtracellularGlutamate, GlutamateParameters
from sim_devices.mouse.pharmacology import ENTRY_OF_ROUTE, Pharmacology

DEFAULT_WEIGHT_G = 25.0
DEFAULT_CHANNELS = (
    {"electrode": "we1", "role": "glutamate"},
    {"electrode": "we2", "role": "sentinel"},
)
SENTINEL_GAIN_SD = 0.08
"""Spread of a sentinel's gain around 1; science.md 4.2 [A]. Kept within 0.8 to 1.2."""


@dataclass
class _Infusion:
    """One syringe with its line and what is in it."""

    plunger: SyringePlunger
    tubing: Tubing
    drug: str
    concentration_mg_per_ml: float
    route: str
    arrived_ul: float = 0.0
    """Booked in the mouse so far."""

    @property
    def has_effect(self) -> bool:
        """Tell whether this mouse knows the drug and the route: ketamine, by a systemic route."""
        return self.drug.casefold().startswith("ketamine") and self.route in ENTRY_OF_ROUTE

    def dose_mg_per_kg(self, volume_ul: float, weight_g: float) -> float:
        """Return a volume as a dose: uL * mg/mL = ug, and ug/g = mg/kg."""
        return volume_ul * self.concentration_mg_per_ml / weight_g

    def arrived_by(self, t_ns: int) -> float:
        """Return the drug solution at the animal by ``t_ns``, uL."""
        return self.tubing.drug_arrived_ul(self.plunger.furthest_ul(t_ns))


@dataclass
class World:
    """One bench: ``plunger(name)`` for a pump's firmware, ``front_end(name)`` for a potentiostat's, ``truth(now_ns)``.

    ``world`` is the description of subject, pumps and potentiostats; every key is optional, and a pump or potentiostat
    it does not name has the defaults: a full 1 mL syringe of vehicle on a primed line of 37 uL; a glutamate site on
    we1 and a sentinel on we2. ``start_ns`` is the clock's reading when the world begins. Raises ValueError for
    impossible values.
    """

    world: Mapping[str, Any]
    seed: int
    start_ns: int = 0
    _infusions: dict[str, _Infusion] = field(default_factory=dict, init=False, repr=False)
    _front_ends: dict[str, FrontEnd] = field(default_factory=dict, init=False, repr=False)
    _lock: RLock = field(default_factory=RLock, init=False, repr=False)

    def __post_init__(self) -> None:
        self._weight_g = float(self.world.get("subject", {}).get("weight_g", DEFAULT_WEIGHT_G))
        if not self._weight_g > 0:
            raise ValueError(f"a mouse cannot weigh {self._weight_g} g")
        self._pharmacology = Pharmacology()
        self._glutamate = ExtracellularGlutamate(GlutamateParameters(), self._rng("mouse/glutamate"))
        self._ascorbate = Ascorbate(AscorbateParameters(), self._rng("mouse/ascorbate"))
        for name, description in self.world.get("pumps", {}).items():
            self._infusions[name] = self._build_infusion(description)
        for name, description in self.world.get("potentiostats", {}).items():
            self._front_ends[name] = self._build_front_end(name, description)

    def plunger(self, name: str) -> SyringePlunger:
        """Return the syringe that this pump moves."""
        with self._lock:
            if name not in self._infusions:
                self._infusions[name] = self._build_infusion({})
            return self._infusions[name].plunger

    def front_end(self, name: str) -> FrontEnd:
        """Return the electrodes that this potentiostat holds."""
        with self._lock:
            if name not in self._front_ends:
                self._front_ends[name] = self._build_front_end(name, {})
            return self._front_ends[name]

    def tissue(self, second: int) -> TissueSecond:
        """Return what surrounds the electrodes during this second, moving the mouse on as far as needed."""
        with self._lock:
            self._advance(second)
            return TissueSecond(
                self._glutamate.during(second), self._ascorbate.at(second), self._ascorbate.at(second + 1)
            )

    def truth(self, now_ns: int) -> dict[str, Any]:
        """Return what is really so at ``now_ns``; for tests and the rehearsal's report, never for the engine.

        Volumes are exact at ``now_ns``; drug levels and M are those at the last full second before it.
        ``true_at_animal_ul`` counts drug solution, not the vehicle of an unprimed line.
        """
        with self._lock:
            since_s = max(0, now_ns - self.start_ns) / SECOND_NS
            self._advance(int(since_s))
            second = int(since_s)
            sample = int((since_s - second) * len(self._glutamate.during(second)))
            return {
                "t_s": since_s,
                "seed": self.seed,
                "pumps": {name: self._pump_truth(infusion, now_ns) for name, infusion in self._infusions.items()},
                "glutamate_um": float(self._glutamate.during(second)[sample]),
                "multiplier": self._pharmacology.multiplier,
                "plasma_mg_per_l": self._pharmacology.plasma_mg_per_l,
                "brain_mg_per_kg": self._pharmacology.brain_mg_per_kg,
            }

    def _pump_truth(self, infusion: _Infusion, now_ns: int) -> dict[str, Any]:
        arrived_ul = infusion.arrived_by(now_ns)
        return {
            "drug": infusion.drug,
            "route": infusion.route,
            "effect_modelled": infusion.has_effect,
            "true_delivered_ul": infusion.plunger.delivered_ul(now_ns),
            "true_at_animal_ul": arrived_ul,
            "mg_per_kg": infusion.dose_mg_per_kg(arrived_ul, self._weight_g),
        }

    def _advance(self, second: int) -> None:
        """Bring the mouse to the start of ``second``: every pump is read at every grid time on the way, in order."""
        for reached in range(self._glutamate.seconds + 1, second + 1):
            doses = {"blood": 0.0, "depot": 0.0}
            for infusion in self._infusions.values():
                arrived_ul = infusion.arrived_by(self.start_ns + reached * SECOND_NS)
                if infusion.has_effect and arrived_ul > infusion.arrived_ul:
                    fresh_ul = arrived_ul - infusion.arrived_ul
                    doses[ENTRY_OF_ROUTE[infusion.route]] += infusion.dose_mg_per_kg(fresh_ul, self._weight_g)
                infusion.arrived_ul = max(infusion.arrived_ul, arrived_ul)
            self._glutamate.extend(self._pharmacology.step(doses["depot"], doses["blood"]))

    def _rng(self, part: str) -> np.random.Generator:
        """Return the generator of one named part, independent of which other parts exist."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=tuple(part.encode())))

    def _build_infusion(self, description: Mapping[str, Any]) -> _Infusion:
        volume_ul = float(description.get("syringe_volume_ul", 1000.0))
        syringe = SyringeParameters(
            true_diameter_mm=float(description.get("true_diameter_mm", 4.699)),
            volume_ul=volume_ul,
            loaded_ul=float(description.get("loaded_ul", volume_ul)),
        )
        tubing = Tubing(float(description.get("dead_volume_ul", 37.0)), bool(description.get("primed", True)))
        return _Infusion(
            SyringePlunger(syringe, self.start_ns),
            tubing,
            str(description.get("drug") or ""),
            float(description.get("concentration_mg_per_ml") or 0.0),
            str(description.get("route", "iv_infusion")),
        )

    def _build_front_end(self, name: str, description: Mapping[str, Any]) -> FrontEnd:
        channels = description.get("channels") or DEFAULT_CHANNELS
        given = [float(c["sensitivity_a_per_um"]) for c in channels if c.get("sensitivity_a_per_um")]
        parameters = _electrode_parameters(given[0] if given else ARRAY_SITE.sensitivity_a_per_um)
        sites = {}
        for channel in channels:
            role, electrode = channel.get("role", "glutamate"), channel.get("electrode", "we1")
            if electrode not in ("we1", "we2"):
                raise ValueError(f"{name} has no electrode {electrode!r}; it has we1 and we2")
            sees_glutamate = role == "glutamate"
            rng = self._rng(f"{name}/{electrode}")
            spread = SENTINEL_GAIN_SD * float(rng.standard_normal())
            sites[("we1", "we2").index(electrode)] = Electrode(
                replace(parameters, sensitivity_a_per_um=float(channel.get("sensitivity_a_per_um") or 0.0))
                if sees_glutamate and channel.get("sensitivity_a_per_um")
                else parameters,
                rng,
                sees_glutamate,
                gain=1.0 if sees_glutamate else min(1.2, max(0.8, 1.0 + spread)),
            )
        return FrontEnd(self, parameters, sites, self._rng(f"{name}/shared"), self.start_ns)


def _electrode_parameters(sensitivity_a_per_um: float) -> ElectrodeParameters:
    preset = WIRE if abs(sensitivity_a_per_um) >= WIRE_FROM_A_PER_UM else ARRAY_SITE
    return replace(preset, sensitivity_a_per_um=sensitivity_a_per_um)
