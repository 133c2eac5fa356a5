"""What electrodes stand in, whoever makes it: an animal or a beaker. Knows no sensor."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Ramp = tuple[float, float]
"""A value at the start and at the end of a second; straight in between."""


class Movement(Protocol):
    """A tug at the cable."""

    @property
    def onset_s(self) -> float:
        """Seconds since the world began."""
        ...

    @property
    def duration_s(self) -> float:
        """How long it lasts, s."""
        ...

    @property
    def strength(self) -> float:
        """Lognormal around 1."""
        ...

    @property
    def number(self) -> int:
        """Its place among the animal's movements."""
        ...


class TissueSecond(NamedTuple):
    """What surrounds the electrodes during one second."""

    glutamate_um: NDArray[np.float64]
    """At the 50 samples."""
    ascorbate_um: Ramp
    dopamine_um: Ramp = (0.0, 0.0)
    peroxide_um: Ramp = (0.0, 0.0)
    temperature_c: float = 37.0
    bursts: tuple[Movement, ...] = ()
    """Those of the second before: everything the animal does is felt one second late."""
    spike: float = 0.0
    """Artefact of an ejection: +1 where one begins with this second, -1 where one ends, else 0."""


class Tissue(Protocol):
    """Where the electrodes are."""

    def during(self, second: int) -> TissueSecond:
        """Return the surroundings during this second since the world's start; any order."""
        ...
