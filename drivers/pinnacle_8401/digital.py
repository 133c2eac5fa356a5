"""Finds the changes of the digital inputs at the raw rate, 0.5 ms apart at best. Pure.

Knows which bit is which input, and reports only inputs that the rig gives a name: one that hangs in the air would fill
the recording. A level counts once it has stood for the time by which the rig debounces the input; the change then has
the time at which it first came. A change that happened while packets were missing has the time of the first packet
behind them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from drivers.capabilities import DigitalEdge

BITS: Final = {"ext0": 7, "ext1": 6, "ttl1": 0, "ttl2": 1, "ttl3": 2, "ttl4": 3}
EdgeKind = Literal["both", "rising", "falling"]


@dataclass(frozen=True)
class InputUse:
    """What the rig says of one input."""

    label: str
    edge: EdgeKind = "both"
    debounce_ns: int = 0


def mask(names: Mapping[str, object]) -> int:
    """Return the bits of these inputs or outputs."""
    return sum(1 << BITS[name] for name in names)


@dataclass
class _Watched:
    """One input: the level that stands, and since when another one does."""

    use: InputUse
    bit: int
    stable: bool | None = None
    _since_ns: int | None = None

    def feed(self, t_ns: NDArray[np.int64], states: NDArray[np.uint8]) -> list[DigitalEdge]:
        levels = (states >> np.uint8(self.bit) & np.uint8(1)).astype(bool)
        if self.stable is None:
            self.stable = bool(levels[0])
        now = self.stable if self._since_ns is None else not self.stable
        edges: list[DigitalEdge] = []
        for at in np.flatnonzero(np.diff(levels, prepend=now)):
            self._settle(int(t_ns[at]), edges)
            self._since_ns = int(t_ns[at]) if bool(levels[at]) is not self.stable else None
        self._settle(int(t_ns[-1]), edges)
        return [edge for edge in edges if self.use.edge == "both" or edge.is_high == (self.use.edge == "rising")]

    def _settle(self, now_ns: int, edges: list[DigitalEdge]) -> None:
        """Take the other level for the standing one, if it has stood long enough."""
        if self._since_ns is not None and now_ns - self._since_ns >= self.use.debounce_ns:
            self.stable = not self.stable
            edges.append(DigitalEdge(self._since_ns, self.use.label, is_high=self.stable))
            self._since_ns = None


@dataclass
class EdgeFinder:
    """Remembers the last state. ``uses`` maps inputs to what the rig says of them."""

    uses: Mapping[str, InputUse]
    _watched: list[_Watched] = field(init=False)

    def __post_init__(self) -> None:
        self._watched = [_Watched(use, BITS[name]) for name, use in self.uses.items()]

    def feed(self, t_ns: NDArray[np.int64], digital: NDArray[np.uint8]) -> list[DigitalEdge]:
        """Return the changes among packets sampled at these times; the first state ever seen is none."""
        if not digital.size:
            return []
        found = [edge for watched in self._watched for edge in watched.feed(t_ns, digital)]
        return sorted(found, key=lambda edge: edge.t_ns)
