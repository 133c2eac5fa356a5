"""The animal preset: every number of one kind of animal, and how much individuals differ.

Knows the tables. What the numbers do stands in ``sim_devices.mouse``.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import Field

from sim_devices.mouse.antagonists import Antagonist
from sim_devices.mouse.behaviour import Behaviour
from sim_devices.mouse.effect import Effect
from sim_devices.mouse.glutamate import Glutamate
from sim_devices.mouse.kinetics import Kinetics
from sim_devices.presets.parameter import Table, number


class Antagonists(Table):
    """The three classes of receptor blockers."""

    ampa: Antagonist = Field(
        default=Antagonist(names=("NBQX", "CNQX", "perampanel", "AMPA antagonist"), half_block_mg_per_kg=0.1)
    )
    a1: Antagonist = Field(default=Antagonist(names=("DPCPX", "A1 antagonist"), half_block_mg_per_kg=0.02))
    nmda: Antagonist = Field(
        default=Antagonist(names=("MK-801", "memantine", "NMDA antagonist"), half_block_mg_per_kg=0.01)
    )


class Individuals(Table):
    """How much animals of one kind differ: each number is drawn once per animal, from the seed of the run."""

    basal_cv: float = number(0.25, 0.0, 1.0, "1", "A", "tonic glutamate")
    evoked_cv: float = number(0.35, 0.0, 1.0, "1", "A", "evoked release")
    clearance_cv: float = number(0.20, 0.0, 1.0, "1", "A", "ketamine clearance")
    effect_cv: float = number(0.15, 0.0, 1.0, "1", "A", "size of the drug's effect (adenosine, or the competing rise)")


class AnimalPreset(Table):
    """One kind of animal."""

    kind: Literal["animal"]
    title: str
    based_on: str = ""
    species: Literal["mouse", "rat"] = "mouse"
    kinetics: Kinetics = Field(default_factory=Kinetics)
    antagonists: Antagonists = Field(default_factory=Antagonists)
    effect: Effect = Field(default_factory=Effect)
    glutamate: Glutamate = Field(default_factory=Glutamate)
    behaviour: Behaviour = Field(default_factory=Behaviour)
    individuals: Individuals = Field(default_factory=Individuals)

    def individual(self, rng: np.random.Generator) -> AnimalPreset:
        """Return one animal of this kind. Always draws as often, so that switching one spread off moves no other."""
        d = self.individuals
        basal, evoked, clearance, effect = (
            math.exp(_sigma(cv) * float(rng.standard_normal()) - 0.5 * _sigma(cv) ** 2)
            for cv in (d.basal_cv, d.evoked_cv, d.clearance_cv, d.effect_cv)
        )
        g, k, e = self.glutamate, self.kinetics, self.effect
        glutamate = {"basal_um": g.basal_um * basal, "evoked_um": g.evoked_um * evoked}
        drug = {"fold_max": 1.0 + (e.fold_max - 1.0) * effect, "rise_max": e.rise_max * effect}
        return self.model_copy(
            update={
                "glutamate": g.model_copy(update=glutamate),
                "kinetics": k.model_copy(update={"clearance_l_per_min_kg": k.clearance_l_per_min_kg * clearance}),
                "effect": e.model_copy(update=drug),
            }
        )


def _sigma(cv: float) -> float:
    return math.sqrt(math.log1p(cv * cv))
