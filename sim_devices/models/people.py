"""What people do to the animal or the beaker by a scenario: injections by hand, stimuli, additions.

Knows when, by the clock or by a mark of the protocol. Does not know what it does to the animal. What is told within a
second is done with the next one.
"""

from __future__ import annotations

import heapq

from sim_devices.models.beaker import Beaker
from sim_devices.mouse.animal import Animal, Arrivals
from sim_devices.mouse.kinetics import ENTRY_OF_ROUTE
from sim_devices.presets.scenario import Injection, ScenarioPreset, Stimulus, TimedAddition

_Act = Injection | Stimulus | TimedAddition


def same_mark(one: str, other: str) -> bool:
    """Tell whether two marks are the same; how they are spelled does not matter."""
    return one.strip().casefold() == other.strip().casefold()


class People:
    """Those who stand around the bench; ``hear`` tells them a mark, ``act`` lets them do what is due."""

    def __init__(self, scenario: ScenarioPreset | None) -> None:
        acts: tuple[_Act, ...] = ()
        if scenario is not None:
            acts = (*scenario.injections, *scenario.stimuli, *(scenario.beaker.additions if scenario.beaker else ()))
        self._on_mark = [act for act in acts if act.mark]
        self._due: list[tuple[float, int, _Act]] = []
        self._told = 0
        for act in acts:
            for t_s in act.times_s():
                self._plan(t_s, act)

    def hear(self, text: str, t_s: float) -> None:
        """Do everything that waits for this mark."""
        for act in self._on_mark:
            if same_mark(act.mark, text):
                for n in range(act.times):
                    self._plan(t_s + 60.0 * n * (act.every_min or 0.0), act)

    def act(self, reached: int, animal: Animal, arrived: Arrivals, beaker: Beaker | None) -> None:
        """Do what is due before the second ``reached``, as part of the second that ends there."""
        while self._due and self._due[0][0] < reached:
            t_s, _, act = heapq.heappop(self._due)
            if isinstance(act, TimedAddition):
                if beaker is not None:
                    beaker.add(act, reached)
            elif isinstance(act, Stimulus):
                animal.stimulate(max(t_s, reached - 1.0), act.size)
            else:
                _inject(act, animal, arrived)

    def _plan(self, t_s: float, act: _Act) -> None:
        self._told += 1
        heapq.heappush(self._due, (t_s, self._told, act))


def _inject(injection: Injection, animal: Animal, arrived: Arrivals) -> None:
    arrived.disturbance += animal.preset.behaviour.handling_arousal
    substance = animal.substance(injection.drug)
    if substance and substance != "potassium":
        arrived.add(substance, ENTRY_OF_ROUTE[injection.route], injection.dose_mg_per_kg)
