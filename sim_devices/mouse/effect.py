"""From drug at the effect site to release: AMPA drive, adenosine, A1 receptors, M (science.md 4.5).

Knows the feedback and what antagonists do to it. Does not know doses, time of day, or glutamate levels. Every size in
here is an assumption; only the direction of the effect, and that it shows within half an hour, come from a source
(science.md 1.1, 1.2). The competing finding, a rise by disinhibition, is the same table with other numbers: nothing
that analyses a recording can know which animal it was.
"""

from __future__ import annotations

import math

from sim_devices.presets.parameter import Table, number


class Effect(Table):
    """Ketamine -> AMPA drive -> adenosine -> A1 receptors -> less release; and the competing rise."""

    fold_max: float = number(5.0, 1.0, 20.0, "1", "A", "adenosine at full drive, as a multiple of basal; 1: no effect")
    ec50_mg_per_kg: float = number(0.6, 0.05, 10.0, "mg/kg", "A", "ketamine at the effect site for half the drive")
    hnk_ec50_mg_per_kg: float = number(1.2, 0.05, 20.0, "mg/kg", "A", "the same of (2R,6R)-hydroxynorketamine")
    hill: float = number(2.0, 0.5, 4.0, "1", "A", "steepness of the drive")
    hnk_hill: float = number(3.0, 0.5, 4.0, "1", "A", "the same of (2R,6R)-hydroxynorketamine")
    adenosine_min: float = number(8.0, 0.5, 60.0, "min", "A", "time constant of adenosine")
    inhibition_max: float = number(0.9, 0.0, 1.0, "1", "A", "release that A1 receptors can take away; Hargus 2009")
    tonic_x0: float = number(0.385, 0.0, 2.0, "1", "D", "A1 tone; from +33 % release under full A1 block [S]")
    nmda_dependence: float = number(1.0, 0.0, 1.0, "1", "A", "how much of ketamine's drive NMDA-receptor block takes")
    rise_max: float = number(0.0, 0.0, 3.0, "1", "A", "competing finding: added release at best; 0: none")
    rise_ec50_mg_per_kg: float = number(0.6, 0.05, 10.0, "mg/kg", "A", "ketamine for half that rise")
    rise_end_mg_per_kg: float = number(12.0, 1.0, 100.0, "mg/kg", "A", "ketamine that takes half the rise away again")


class Release:
    """Release in one animal as a fraction of release before any drug; moved in fixed steps."""

    def __init__(self, effect: Effect, step_s: float = 1.0) -> None:
        self._e = effect
        self._share = -math.expm1(-step_s / 60.0 / effect.adenosine_min)
        self._tonic = 1.0 - self._inhibition(1.0)
        self._target = 1.0
        self.fold = 1.0
        """Adenosine as a multiple of its basal level."""
        self.multiplier = 1.0

    def step(self, ketamine: float, hnk: float, ampa: float, a1: float, nmda: float) -> float:
        """Return M after a step that ends with these levels (mg/kg at the effect site) and occupancies (0 to 1).

        Adenosine follows the mean of its targets at both ends of the step: 8 min against 1 s.
        """
        e = self._e
        target = 1.0 + (e.fold_max - 1.0) * self._drive(ketamine, hnk, nmda) * (1.0 - ampa)
        self.fold += (0.5 * (self._target + target) - self.fold) * self._share
        self._target = target
        inhibited = self._inhibition(self.fold) * (1.0 - a1)
        self.multiplier = (1.0 - inhibited) / self._tonic * (1.0 + self._rise(ketamine))
        return self.multiplier

    def _drive(self, ketamine: float, hnk: float, nmda: float) -> float:
        e = self._e
        x = (max(0.0, ketamine) / e.ec50_mg_per_kg) ** e.hill * (1.0 - e.nmda_dependence * nmda)
        x += (max(0.0, hnk) / e.hnk_ec50_mg_per_kg) ** e.hnk_hill
        return float(x / (1.0 + x))

    def _rise(self, ketamine: float) -> float:
        e = self._e
        if not e.rise_max or ketamine <= 0:
            return 0.0
        x, y = (ketamine / e.rise_ec50_mg_per_kg) ** e.hill, (ketamine / e.rise_end_mg_per_kg) ** e.hill
        return float(e.rise_max * x / (1.0 + x) / (1.0 + y))

    def _inhibition(self, fold: float) -> float:
        return self._e.inhibition_max * self._e.tonic_x0 * fold / (1.0 + self._e.tonic_x0 * fold)
