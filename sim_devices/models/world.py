"""The world that joins pumps, lines, one mouse and electrodes: drug that a pump did not deliver has no effect.

Knows which syringe feeds the mouse through which line, and moves everything on one grid of seconds, in order.
Does not know bytes, firmware or faults. The truth it keeps is for tests and the rehearsal's report only.

A plunger is read at grid times, in order, when a current or the truth is asked for. If a pump's firmware tells only
afterwards that it started or stopped before that (it was not polled meanwhile), the next second makes up for it, so
the mouse's dose is always the true one in the end. Randomness has one stream per named part, so another instrument
changes no one's noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import numpy as np

from sim_devices.models import description
from sim_devices.models.description import Infusion
from sim_devices.models.front_end import FrontEnd, TissueSecond
from sim_devices.models.grid import SAMPLES_PER_SECOND, SECOND_NS
from sim_devices.models.plunger import SyringePlunger
from sim_devices.mouse.glutamate import Ascorbate, AscorbateParameters, ExtracellularGlutamate, GlutamateParameters
from sim_devices.mouse.pharmacology import ENTRY_OF_ROUTE, Pharmacology


@dataclass
class World:
    """One bench: ``plunger(name)`` for a pump's firmware, ``front_end(name)`` for a potentiostat's, ``truth(now_ns)``.

    ``world`` describes subject, pumps and potentiostats; every key is optional, and a pump or potentiostat it does
    not name has the defaults of ``sim_devices.models.description``. ``start_ns`` is the clock's reading when the
    world begins. Raises ValueError for impossible values, of electrodes when they are asked for.
    """

    world: Mapping[str, Any]
    seed: int
    start_ns: int = 0
    _infusions: dict[str, Infusion] = field(default_factory=dict, init=False, repr=False)
    _front_ends: dict[str, FrontEnd] = field(default_factory=dict, init=False, repr=False)
    _lock: RLock = field(default_factory=RLock, init=False, repr=False)

    def __post_init__(self) -> None:
        self._weight_g = description.weight_g(self.world)
        self._pharmacology = Pharmacology()
        self._glutamate = ExtracellularGlutamate(GlutamateParameters(), self._rng("mouse/glutamate"))
        self._ascorbate = Ascorbate(AscorbateParameters(), self._rng("mouse/ascorbate"))
        for name in self.world.get("pumps", {}):
            self.plunger(name)

    def plunger(self, name: str) -> SyringePlunger:
        """Return the syringe that this pump moves."""
        with self._lock:
            if name not in self._infusions:
                given = self.world.get("pumps", {}).get(name, {})
                self._infusions[name] = description.infusion(given, self.start_ns)
            return self._infusions[name].plunger

    def front_end(self, name: str, electrodes: Sequence[str] = description.ELECTRODES) -> FrontEnd:
        """Return what this potentiostat holds; its working electrodes have these names, in the order of its inputs."""
        with self._lock:
            if name not in self._front_ends:
                given = self.world.get("potentiostats", {}).get(name, {})
                channels = description.channels(given, electrodes)
                shared = description.shared_parameters(given.get("array") or channels)
                self._front_ends[name] = FrontEnd(
                    tissue=self,
                    parameters=shared,
                    sites=description.sites(
                        channels, electrodes, shared, lambda electrode: self._rng(f"{name}/{electrode}")
                    ),
                    rng=self._rng(f"{given.get('part_of') or name}/shared"),
                    start_ns=self.start_ns,
                )
            return self._front_ends[name]

    def during(self, second: int) -> TissueSecond:
        """Return what surrounds the electrodes during this second, moving the mouse on as far as needed."""
        with self._lock:
            self._advance(second)
            ascorbate = self._ascorbate
            return TissueSecond(self._glutamate.during(second), ascorbate.at(second), ascorbate.at(second + 1))

    def truth(self, now_ns: int) -> dict[str, Any]:
        """Return what is really so at ``now_ns``; for tests and the rehearsal's report, never for the engine.

        Keys: ``t_s``, ``seed``, ``glutamate_um``, ``multiplier``, ``plasma_mg_per_l``, ``brain_mg_per_kg`` (drug
        levels at the latest second reached) and ``pumps``, by name: ``drug``, ``route``, ``effect_modelled``,
        ``true_delivered_ul`` (net, out of the syringe), ``true_at_animal_ul`` (drug solution, not the vehicle of an
        unprimed line) and ``mg_per_kg`` at the animal. Volumes are exact at ``now_ns``.
        """
        with self._lock:
            since_ns = max(0, now_ns - self.start_ns)
            second = since_ns // SECOND_NS
            self._advance(second)
            sample = since_ns % SECOND_NS * SAMPLES_PER_SECOND // SECOND_NS
            return {
                "t_s": since_ns / SECOND_NS,
                "seed": self.seed,
                "pumps": {name: self._pump_truth(infusion, now_ns) for name, infusion in self._infusions.items()},
                "glutamate_um": float(self._glutamate.during(second)[sample]),
                "multiplier": self._glutamate.multiplier_at(since_ns / SECOND_NS),
                "plasma_mg_per_l": self._pharmacology.plasma_mg_per_l,
                "brain_mg_per_kg": self._pharmacology.brain_mg_per_kg,
            }

    def _pump_truth(self, infusion: Infusion, now_ns: int) -> dict[str, Any]:
        arrived_ul = infusion.arrived_ul(now_ns)
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
            dose = {"blood": 0.0, "depot": 0.0}
            for infusion in self._infusions.values():
                if not infusion.has_effect:
                    continue
                arrived_ul = infusion.arrived_ul(self.start_ns + reached * SECOND_NS)
                fresh_ul = arrived_ul - infusion.booked_ul  # below zero: a stop was heard of late, and is put right
                dose[ENTRY_OF_ROUTE[infusion.route]] += infusion.dose_mg_per_kg(fresh_ul, self._weight_g)
                infusion.booked_ul = arrived_ul
            self._glutamate.extend(self._pharmacology.step(dose["depot"], dose["blood"]))

    def _rng(self, part: str) -> np.random.Generator:
        """Return the generator of one named part, independent of which other parts exist."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=tuple(part.encode())))
