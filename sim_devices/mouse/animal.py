"""One animal: what is given to it, second by second, and what surrounds the sensors in it because of that.

Joins kinetics, antagonists, effect, glutamate and behaviour. Does not know pumps, lines or sensors. Doses are told
with the second they arrived in; all of it acts from the next second on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from sim_devices.models.tissue import TissueSecond
from sim_devices.mouse.antagonists import Blockade
from sim_devices.mouse.behaviour import Condition
from sim_devices.mouse.effect import Release
from sim_devices.mouse.glutamate import ExtracellularGlutamate
from sim_devices.mouse.kinetics import ENTRY_OF_ROUTE, Body, Compound, Entry
from sim_devices.presets.animal import AnimalPreset

Receptor = Literal["ampa", "a1", "nmda"]
RECEPTORS: tuple[Receptor, ...] = ("ampa", "a1", "nmda")
Substance = Literal["ketamine", "hnk", "ampa", "a1", "nmda", "potassium", ""]
MG_PER_MMOL_KCL = 74.55
"""Molar mass of potassium chloride, g/mol."""


@dataclass
class Arrivals:
    """What reached the animal within one second."""

    doses_mg_per_kg: dict[tuple[Substance, Entry], float] = field(default_factory=dict)
    potassium_nmol: float = 0.0
    disturbance: float = 0.0

    def add(self, substance: Substance, entry: Entry, dose_mg_per_kg: float) -> None:
        """Add a dose; below zero where an earlier one is put right."""
        key = (substance, entry)
        self.doses_mg_per_kg[key] = self.doses_mg_per_kg.get(key, 0.0) + dose_mg_per_kg


class Animal:
    """An animal of a preset, with its own numbers drawn from the seed. ``rng_of`` gives each part its generator."""

    def __init__(self, preset: AnimalPreset, weight_g: float, rng_of: Callable[[str], np.random.Generator]) -> None:
        self.preset = p = preset.individual(rng_of("mouse/individual"))
        self._names: dict[str, Substance] = {"ketamine": "ketamine", "esketamine": "ketamine", "arketamine": "ketamine"}
        self._names |= {"hnk": "hnk", "hydroxynorketamine": "hnk", "(2r,6r)-hnk": "hnk", "2r6r-hnk": "hnk"}
        self._names |= {"kcl": "potassium", "potassium": "potassium"}
        for receptor in RECEPTORS:
            self._names |= {name.casefold(): receptor for name in getattr(p.antagonists, receptor).names}
        self._body = Body(p.kinetics, weight_g)
        per_mg = weight_g * 1e-3 / (p.kinetics.cortex_volume_ul * 1e-6)
        self._blockades = {r: Blockade(getattr(p.antagonists, r), per_mg) for r in RECEPTORS}
        self._release = Release(p.effect)
        self.glutamate = ExtracellularGlutamate(p.glutamate, rng_of("mouse/glutamate"), rng_of("mouse/evoked"))
        self._condition = Condition(p.behaviour, rng_of("mouse/behaviour"), rng_of("mouse/motion"))
        self._moved = self._ejecting = False
        self._spikes: dict[int, float] = {}
        self._latest: tuple[int, TissueSecond] | None = None

    @property
    def seconds(self) -> int:
        """Return how many seconds it has lived."""
        return self.glutamate.seconds

    def substance(self, drug: str) -> Substance:
        """Return what a protocol's drug is to this animal, "" for what it does not know (vehicle, for one)."""
        spelled = drug.strip().casefold()
        return next((what for name, what in self._names.items() if spelled.startswith(name)), "")

    def knows(self, drug: str, route: str) -> bool:
        """Tell whether a drug has an effect by this route."""
        substance = self.substance(drug)
        entry = ENTRY_OF_ROUTE.get(route)
        return bool(substance) and (entry == "cortex" if substance == "potassium" else entry is not None)

    def advance(self, arrived: Arrivals) -> None:
        """Live through one more second in which this arrived."""
        p = self.preset
        doses = arrived.doses_mg_per_kg
        drug: dict[tuple[Compound, Entry], float] = {
            (substance, entry): dose for (substance, entry), dose in doses.items() if substance in ("ketamine", "hnk")
        }
        moved = self._body.step(drug)
        for receptor, blockade in self._blockades.items():
            own = {entry: dose for (substance, entry), dose in doses.items() if substance == receptor}
            moved = blockade.step(own) or moved
        if moved or self._moved:
            self._moved = True
            ampa, a1, nmda = (self._blockades[receptor].occupancy for receptor in RECEPTORS)
            body = self._body
            self._release.step(body.effect_mg_per_kg, body.hnk_effect_mg_per_kg, ampa, a1, nmda)
        self._condition.advance(arrived.disturbance)
        second = self.seconds + 1
        self.glutamate.extend(self._release.multiplier, self._condition.at("swing_um", second))
        ejecting = arrived.potassium_nmol > 0
        if ejecting != self._ejecting:
            self._spikes[second] = 1.0 if ejecting else -1.0
            self._ejecting = ejecting
        if ejecting:
            self.glutamate.evoke(float(second), arrived.potassium_nmol / p.glutamate.ejected_nmol, 1.0)

    def stimulate(self, t_s: float, size: float) -> None:
        """Depolarise at ``t_s``, which must not lie before the second that it lives in; felt one second later."""
        self.glutamate.evoke(t_s + 1.0, size)

    def during(self, second: int) -> TissueSecond:
        """Return what surrounds the sensors during a second that it has reached."""
        if self._latest is None or self._latest[0] != second:
            at, earlier = self._condition.at, max(0, second - 1)
            self._latest = (
                second,
                TissueSecond(
                    glutamate_um=self.glutamate.during(second),
                    ascorbate_um=(at("ascorbate_um", earlier), at("ascorbate_um", second)),
                    dopamine_um=(at("dopamine_um", earlier), at("dopamine_um", second)),
                    temperature_c=at("temperature_c", second),
                    bursts=tuple(self._condition.bursts(second - 1)) if second else (),
                    spike=self._spikes.get(second, 0.0),
                ),
            )
        return self._latest[1]

    def levels(self) -> dict[str, float]:
        """Return what a course keeps, at the latest second: plasma, brain, release and tonic glutamate."""
        tonic_um = max(0.0, self.glutamate.tonic_um(self.seconds))
        return {**self._body.levels(), "release": self._release.multiplier, "tonic_glutamate_um": tonic_um}

    def truth(self, t_s: float) -> Mapping[str, Any]:
        """Return drug levels, occupancies, adenosine and M at the latest second reached, glutamate at ``t_s``."""
        second = int(t_s)
        return {
            "multiplier": self.glutamate.multiplier_at(t_s),
            "adenosine_fold": self._release.fold,
            "occupancy": {receptor: blockade.occupancy for receptor, blockade in self._blockades.items()},
            "temperature_c": self._condition.at("temperature_c", second),
            "ascorbate_um": self._condition.at("ascorbate_um", second),
            **self._body.levels(),
        }
