"""Drugs that block a receptor: AMPA, A1 or NMDA. From their doses to the share of receptors that is taken.

Knows one compartment per drug and a saturating occupancy, all [A]. Does not know what the receptors do.
"""

from __future__ import annotations

import numpy as np

from sim_devices.mouse.kinetics import Entry
from sim_devices.mouse.linear import LinearSystem
from sim_devices.presets.parameter import Table, choice, number


class Antagonist(Table):
    """One class of receptor blockers, by the names that protocols call them."""

    names: tuple[str, ...] = choice((), "A", "what a protocol's drug may be called, or begin with")
    absorption_per_min: float = number(0.2, 0.01, 2.0, "1/min", "A", "from peritoneum, muscle or skin")
    elimination_per_min: float = number(0.01, 0.0005, 1.0, "1/min", "A", "from the body")
    half_block_mg_per_kg: float = number(0.1, 1e-4, 100.0, "mg/kg", "A", "level at which half the receptors are taken")
    hill: float = number(2.0, 0.5, 4.0, "1", "A", "steepness of occupancy")


class Blockade:
    """One antagonist in one animal."""

    def __init__(self, parameters: Antagonist, cortex_mg_per_mg: float, step_s: float = 1.0) -> None:
        """``cortex_mg_per_mg``: level in the cortex per mg/kg body that is put into it (``Kinetics``)."""
        p = parameters
        self._p = p
        a = np.array([[-p.absorption_per_min, 0.0], [p.absorption_per_min, -p.elimination_per_min]])
        feeds = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, cortex_mg_per_mg]])
        self._system = LinearSystem(a, feeds, step_s / 60.0)
        self.occupancy = 0.0

    def step(self, doses_mg_per_kg: dict[Entry, float]) -> bool:
        """Move one step in which these doses arrive; return False where there is none of this drug."""
        given = doses_mg_per_kg.get
        arrived = (given("depot", 0.0) + given("subcutis", 0.0), given("blood", 0.0), given("cortex", 0.0))
        if not self._system.step(arrived):
            return False
        relative = float((max(0.0, float(self._system.state[1])) / self._p.half_block_mg_per_kg) ** self._p.hill)
        self.occupancy = relative / (1.0 + relative)
        return True
