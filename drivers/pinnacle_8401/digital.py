"""Finds the changes of the digital inputs at the raw rate, 0.5 ms apart at best. Pure.

Knows which bit is which input, and reports only inputs that the rig gives a name: one that hangs in the air would fill
the recording. Nothing is debounced. A change that happened while packets were missing has the time of the first packet
behind them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drivers.capabilities import DigitalEdge

BITS: Final = {"ext0": 7, "ext1": 6, "ttl1": 0, "ttl2": 1, "ttl3": 2, "ttl4": 3}


def mask(inputs: Mapping[str, str]) -> int:
    """Return the bits of these inputs."""
    return sum(1 << BITS[name] for name in inputs)


@dataclass
class EdgeFinder:
    """Remembers the last state. ``names`` maps inputs to what the rig calls them."""

    names: Mapping[str, str]
    _state: int | None = field(default=None, init=False)

    def feed(self, t_ns: NDArray[np.int64], digital: NDArray[np.uint8]) -> list[DigitalEdge]:
        """Return the changes among packets sampled at these times; the first state ever seen is none."""
        if not digital.size or not self.names:
            return []
        states = digital & np.uint8(mask(self.names))
        before = states[0] if self._state is None else np.uint8(self._state)
        self._state = int(states[-1])
        changed = np.concatenate(([before], states[:-1])) ^ states
        edges = []
        for at in np.flatnonzero(changed):
            for name, label in self.names.items():
                if int(changed[at]) >> BITS[name] & 1:
                    edges.append(DigitalEdge(int(t_ns[at]), label, is_high=bool(int(states[at]) >> BITS[name] & 1)))
        return edges
