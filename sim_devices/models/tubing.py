"""The line from syringe to animal: what has arrived at its end, as a function of what was pushed in at its start.

Knows dead volume and plug flow. Does not know time, pumps or drugs. Mixing at the front of the plug and the line's
elasticity are left out [A].
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tubing:
    """A line with plug flow. ``primed``: it is full of drug solution; else it is full of vehicle, and drug comes after.

    science.md 3.3 [D]: 37 uL of line delay the drug by 3.7 min at 10 uL/min and by 6 h at 0.1 uL/min.
    """

    dead_volume_ul: float = 37.0
    primed: bool = True

    def __post_init__(self) -> None:
        if not self.dead_volume_ul >= 0:
            raise ValueError(f"a line cannot hold {self.dead_volume_ul} uL")

    def drug_arrived_ul(self, furthest_pumped_ul: float) -> float:
        """Return the drug solution that has left the line's end, uL.

        ``furthest_pumped_ul`` is the largest net volume ever pushed in: fluid drawn back and pushed again brings
        back what it took from the animal, not more drug.
        """
        vehicle_ahead_ul = 0.0 if self.primed else self.dead_volume_ul
        return max(0.0, furthest_pumped_ul - vehicle_ahead_ul)
