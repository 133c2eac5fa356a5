"""The world that joins pumps, lines, one animal (or a beaker) and electrodes: drug that did not arrive has no effect.

Knows which syringe feeds the animal through which line, what people do by the scenario, and moves everything on one
grid of seconds, in order. Does not know bytes, firmware or faults. The truth it keeps is for tests and the rehearsal's
report.

A plunger is read at grid times, in order, when a current or the truth is asked for. If a pump's firmware tells only
afterwards that it started or stopped before that (it was not polled meanwhile), the next second makes up for it, so
the animal's dose is always the true one in the end. Randomness has one stream per named part, so another instrument
changes no one's noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import numpy as np

from sim_devices.models import description
from sim_devices.models.beaker import Beaker
from sim_devices.models.description import Infusion
from sim_devices.models.front_end import FrontEnd
from sim_devices.models.grid import SAMPLES_PER_SECOND, SECOND_NS
from sim_devices.models.people import People
from sim_devices.models.plunger import SyringePlunger
from sim_devices.models.tissue import TissueSecond
from sim_devices.mouse.animal import MG_PER_MMOL_KCL, Animal, Arrivals
from sim_devices.mouse.course import Course
from sim_devices.mouse.kinetics import ENTRY_OF_ROUTE
from sim_devices.presets import shelf
from sim_devices.presets.text import as_toml

QUIET_S = 60
"""An infusion that begins after so long a pause is felt by the animal, vehicle too."""


@dataclass
class World:
    """One bench: ``plunger(name)`` for a pump's firmware, ``front_end(name)`` for a potentiostat's, ``truth(now_ns)``.

    ``world`` describes subject, pumps, potentiostats, and by name or by values ``scenario``, ``animal`` and ``sensor``;
    every key is optional, and a pump or potentiostat it does not name has the defaults of
    ``sim_devices.models.description``. ``start_ns`` is the clock's reading when the world begins. Raises ValueError for
    impossible values, of electrodes when they are asked for.
    """

    world: Mapping[str, Any]
    seed: int
    start_ns: int = 0
    _infusions: dict[str, Infusion] = field(default_factory=dict, init=False, repr=False)
    _front_ends: dict[str, FrontEnd] = field(default_factory=dict, init=False, repr=False)
    _lock: RLock = field(default_factory=RLock, init=False, repr=False)
    _living: Animal | None = field(default=None, init=False, repr=False)
    """The animal, from when it is first asked for: a bench on which nobody looks at one needs none."""

    def __post_init__(self) -> None:
        self._weight_g = description.weight_g(self.world)
        given = self.world.get("scenario")
        self.scenario = shelf.scenario(given) if given else None
        animal = self.world.get("animal") or (self.scenario.animal if self.scenario else shelf.DEFAULT_ANIMAL)
        self._preset, self._living = shelf.animal(animal), None
        self._course = Course()
        self._people = People(self.scenario)
        cup = self.scenario.beaker if self.scenario else None
        self._beaker = Beaker(cup) if cup else None
        for name in self.world.get("pumps", {}):
            self.plunger(name)

    @property
    def _animal(self) -> Animal:
        if self._living is None:
            self._living = Animal(self._preset, self._weight_g, self._rng)
        return self._living

    def plunger(self, name: str) -> SyringePlunger:
        """Return the syringe that this pump moves."""
        with self._lock:
            if name not in self._infusions:
                given = self.world.get("pumps", {}).get(name, {})
                if self.scenario is not None and name in self.scenario.not_primed:
                    given = {**given, "primed": False}
                self._infusions[name] = description.infusion(given, self.start_ns)
            return self._infusions[name].plunger

    def given_ul(self, now_ns: int) -> dict[str, float]:
        """Return what has left the syringe of every pump by now, uL."""
        with self._lock:
            return {name: infusion.plunger.delivered_ul(now_ns) for name, infusion in self._infusions.items()}

    def choose(self, asked: Mapping[str, str]) -> None:
        """Take animal and scenario of an instrument that joins later. Raises ValueError once another one lives."""
        with self._lock:
            if all(self.world.get(key) == value for key, value in asked.items()):
                return
            if self._infusions or self._front_ends or (self._living and self._living.seconds):
                wanted = " and ".join(f"{key}={value}" for key, value in asked.items())
                raise ValueError(f"{wanted}: this bench has its animal already; name it with the first instrument")
            self.world = {**self.world, **asked}
            self.__post_init__()

    def front_end(self, name: str, electrodes: Sequence[str] = description.ELECTRODES, sensor: str = "") -> FrontEnd:
        """Return what this potentiostat holds; its working electrodes have these names, in the order of its inputs.

        ``sensor``: the preset that its URL asks for; that of the whole world goes before it.
        """
        with self._lock:
            if name not in self._front_ends:
                given = self.world.get("potentiostats", {}).get(name, {})
                channels = description.channels(given, electrodes)
                wanted = self.world.get("sensor") or sensor or (self.scenario and self.scenario.sensor)
                preset = description.sensor(wanted, given.get("array") or channels)
                self._front_ends[name] = FrontEnd(
                    tissue=self,
                    sensor=preset,
                    sites=description.sites(
                        channels, electrodes, preset, lambda electrode: self._rng(f"{name}/{electrode}")
                    ),
                    rng=self._rng(f"{given.get('part_of') or name}/shared"),
                    start_ns=self.start_ns,
                    ages=self._beaker is None,
                )
            return self._front_ends[name]

    def mark(self, text: str, now_ns: int) -> None:
        """Hear that the session came to a mark: the scenario may say that somebody does something then."""
        with self._lock:
            self._people.hear(text, max(0, now_ns - self.start_ns) / SECOND_NS)

    def during(self, second: int) -> TissueSecond:
        """Return what surrounds the electrodes during this second, moving the animal on as far as needed."""
        with self._lock:
            self._advance(second)
            return self._animal.during(second) if self._beaker is None else self._beaker.during(second)

    def truth(self, now_ns: int) -> dict[str, Any]:
        """Return what is really so at ``now_ns``; for tests and the rehearsal's report, never for the engine.

        Keys: ``t_s``, ``seed``, ``glutamate_um``, those of ``Animal.truth`` (drug levels at the latest second reached),
        ``course`` (columns of ``Animal.levels`` over ``t_s``, every 10 s or less often), ``sensors`` (by instrument and
        electrode: ``gain``, ``sensitivity_a_per_um``), ``beaker`` (concentrations once mixed, only with a beaker) and
        ``pumps``, by name: ``drug``, ``route``, ``effect_modelled``, ``true_delivered_ul`` (net, out of the syringe),
        ``true_at_animal_ul`` (drug solution, not the vehicle of an
        unprimed line) and ``mg_per_kg`` at the animal. Volumes are exact at ``now_ns``.
        """
        with self._lock:
            since_ns = max(0, now_ns - self.start_ns)
            second = since_ns // SECOND_NS
            around = self.during(second)
            sample = since_ns % SECOND_NS * SAMPLES_PER_SECOND // SECOND_NS
            return {
                "t_s": since_ns / SECOND_NS,
                "seed": self.seed,
                "pumps": {name: self._pump_truth(infusion, now_ns) for name, infusion in self._infusions.items()},
                "glutamate_um": float(around.glutamate_um[sample]),
                **self._animal.truth(since_ns / SECOND_NS),
                "course": self._course.columns(),
                "sensors": {name: _sensor_truth(front_end) for name, front_end in self._front_ends.items()},
                **({"beaker": self._beaker.concentrations_um()} if self._beaker else {}),
            }

    def described(self) -> str:
        """Return all that was chosen and drawn, as TOML: seed, scenario, this very animal and every sensor."""
        with self._lock:
            parts = [f'simulated = "SIMULATED"\nseed = {self.seed}\n']
            parts += [_under("scenario", as_toml(self.scenario, beside=False))] if self.scenario else []
            parts.append(_under("animal", as_toml(self._animal.preset, beside=False)))
            for name, front_end in sorted(self._front_ends.items()):
                parts.append(_under(f'sensors."{name}"', as_toml(front_end.sensor, beside=False)))
                for electrode, drawn in _sensor_truth(front_end).items():
                    numbers = "\n".join(f"{key} = {value!r}" for key, value in drawn.items())
                    parts.append(f'[sensors."{name}".sites.{electrode}]\n{numbers}\n')
            return "\n".join(parts)

    def _pump_truth(self, infusion: Infusion, now_ns: int) -> dict[str, Any]:
        arrived_ul = infusion.arrived_ul(now_ns)
        return {
            "drug": infusion.drug,
            "route": infusion.route,
            "effect_modelled": self._beaker is None and self._animal.knows(infusion.drug, infusion.route),
            "true_delivered_ul": infusion.plunger.delivered_ul(now_ns),
            "true_at_animal_ul": arrived_ul,
            "mg_per_kg": infusion.dose_mg_per_kg(arrived_ul, self._weight_g),
        }

    def _advance(self, second: int) -> None:
        """Bring the animal to the start of ``second``: every pump is read at every grid time on the way, in order."""
        for reached in range(self._animal.seconds + 1, second + 1):
            arrived = Arrivals()
            for infusion in self._infusions.values():
                self._arrive(infusion, reached, arrived)
            self._people.act(reached, self._animal, arrived, self._beaker)
            self._animal.advance(arrived)
            if self._course.wants(reached):
                self._course.note(reached, self._animal.levels())

    def _arrive(self, infusion: Infusion, reached: int, arrived: Arrivals) -> None:
        """Add what came out of one line in the second that ends at ``reached``."""
        arrived_ul = infusion.arrived_ul(self.start_ns + reached * SECOND_NS)
        fresh_ul = arrived_ul - infusion.booked_ul  # below zero: a stop was heard of late, and is put right
        if fresh_ul == 0:
            return
        infusion.booked_ul = arrived_ul
        if infusion.route == "bench":
            return
        entry = ENTRY_OF_ROUTE.get(infusion.route)
        if entry != "cortex" and reached - infusion.given_s > QUIET_S:
            arrived.disturbance += self._animal.preset.behaviour.infusion_arousal
        infusion.given_s = reached
        substance = self._animal.substance(infusion.drug)
        if substance == "potassium" and entry == "cortex":
            ug = max(0.0, fresh_ul) * infusion.concentration_mg_per_ml
            arrived.potassium_nmol += ug / MG_PER_MMOL_KCL * 1000.0
        elif substance and entry is not None:
            arrived.add(substance, entry, infusion.dose_mg_per_kg(fresh_ul, self._weight_g))

    def _rng(self, part: str) -> np.random.Generator:
        """Return the generator of one named part, independent of which other parts exist."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=tuple(part.encode())))


def _sensor_truth(front_end: FrontEnd) -> dict[str, dict[str, float]]:
    return {
        str(electrode): {"gain": site.gain, "sensitivity_a_per_um": site.sensitivity_a_per_um}
        for electrode, site in front_end.sites.items()
    }


def _under(table: str, toml: str) -> str:
    """Return a TOML text with all its tables put under another one."""
    lines = [
        line.replace("[[", f"[[{table}.", 1)
        if line.startswith("[[")
        else line.replace("[", f"[{table}.", 1)
        if line.startswith("[")
        else line
        for line in toml.splitlines()
    ]
    return f"[{table}]\n" + "\n".join(lines) + "\n"
