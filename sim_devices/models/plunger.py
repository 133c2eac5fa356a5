"""The mechanics of a syringe: how far its plunger has really gone, and how much that pushed out.

Knows true diameter, stroke, end of travel and a scripted blockage. Does not know what the firmware believes,
any bytes, what is in the syringe, or where it goes. Keeps its whole history, so that the world may ask about
an earlier moment than the pump's latest command, and a firmware that lives its past late (a target reached between
two polls) still moves what it should have moved.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

NS_PER_MIN = 60_000_000_000
NE_1000_TOP_SPEED_MM_PER_MIN = 51.005
"""5.1005 cm/min, pumps.md 0.2 [D:labmcp from manual 12.5]. A motor told to go faster goes this fast."""


@dataclass(frozen=True)
class SyringeParameters:
    """A real syringe in a real drive; what the firmware was told about it may differ."""

    true_diameter_mm: float = 4.699
    volume_ul: float = 1000.0
    loaded_ul: float = 1000.0
    top_speed_mm_per_min: float = NE_1000_TOP_SPEED_MM_PER_MIN

    def __post_init__(self) -> None:
        if not (self.true_diameter_mm > 0 and self.volume_ul > 0 and self.top_speed_mm_per_min > 0):
            raise ValueError(f"a syringe needs a diameter, a volume and a top speed above zero, not {self}")
        if not 0 <= self.loaded_ul <= self.volume_ul:
            raise ValueError(f"a syringe of {self.volume_ul} uL cannot hold {self.loaded_ul} uL")

    @property
    def area_mm2(self) -> float:
        """Return the cross section; 1 mm of travel is this many microlitres."""
        return math.pi * (self.true_diameter_mm / 2) ** 2


@dataclass(frozen=True)
class _Segment:
    """Uniform motion from ``start_ns`` on: a piece of the history."""

    start_ns: int
    start_mm: float
    peak_mm: float
    """Furthest the plunger had been when this piece began."""
    driven_mm_per_min: float
    blocked: bool
    begun_by: Literal["drive", "blockage"]

    @property
    def moving_mm_per_min(self) -> float:
        """Return the speed that the drive would give and the line allows."""
        return 0.0 if self.blocked else self.driven_mm_per_min


def _start_ns(segment: _Segment) -> int:
    return segment.start_ns


@dataclass
class SyringePlunger:
    """A ``Plunger`` that can be blocked and that stops at both ends of its travel.

    Travel starts at 0 with ``loaded_ul`` in front of it. Commands come in time order, and so do blockages, but either
    may be told after the other's later ones: the history is then put right. A blocked line takes no volume and gives
    none back when it opens: the spring of a real syringe and line is not modelled [A].
    """

    parameters: SyringeParameters = field(default_factory=SyringeParameters)
    start_ns: int = 0
    _segments: list[_Segment] = field(init=False, repr=False)
    _driven_ns: int = field(init=False, repr=False)
    _blockage_ns: int = field(init=False, repr=False)
    _ends_mm: tuple[float, float] = field(init=False, repr=False)
    """How far it can go back and forward."""

    def __post_init__(self) -> None:
        p = self.parameters
        self._ends_mm = -(p.volume_ul - p.loaded_ul) / p.area_mm2, p.loaded_ul / p.area_mm2
        self._segments = [_Segment(self.start_ns, 0.0, 0.0, 0.0, blocked=False, begun_by="drive")]
        self._driven_ns = self._blockage_ns = self.start_ns

    def drive(self, speed_mm_per_min: float, now_ns: int) -> None:
        """Move with this speed from now on; raises ValueError when time runs backwards or the speed is not a number."""
        if not math.isfinite(speed_mm_per_min):
            raise ValueError(f"a plunger cannot move at {speed_mm_per_min} mm/min")
        if now_ns < self._driven_ns:
            raise ValueError(f"plunger commanded at {now_ns} ns, after {self._driven_ns} ns: time runs forward")
        self._driven_ns = now_ns
        top = self.parameters.top_speed_mm_per_min
        speed_mm_per_min = max(-top, min(top, speed_mm_per_min))
        self._insert(now_ns, lambda last: replace(last, driven_mm_per_min=speed_mm_per_min, begun_by="drive"))

    def block(self, now_ns: int) -> None:
        """Occlude the line: the drive turns, nothing moves. Raises ValueError when time runs backwards."""
        self._set_blockage(now_ns, blocked=True)

    def unblock(self, now_ns: int) -> None:
        """Clear the occlusion; motion goes on as last commanded. Raises ValueError when time runs backwards."""
        self._set_blockage(now_ns, blocked=False)

    def limit(self, now_ns: int) -> None:
        """End the travel here: less was in the syringe than was said, or a switch is hit."""
        self._ends_mm = self._ends_mm[0], min(self._ends_mm[1], self.travelled_mm(now_ns))

    def travelled_mm(self, now_ns: int) -> float:
        """Return net travel at ``now_ns``, which may lie before the latest command, mm."""
        return self._position_mm(self._segment(now_ns), now_ns)

    def furthest_mm(self, now_ns: int) -> float:
        """Return the largest travel reached until ``now_ns``, mm: what is withdrawn does not come out of an animal."""
        segment = self._segment(now_ns)
        return max(segment.peak_mm, self._position_mm(segment, now_ns))

    def stalled(self, now_ns: int) -> bool:
        """Tell whether the drive turns without moving."""
        segment = self._segment(now_ns)
        if segment.driven_mm_per_min == 0:
            return False
        if segment.blocked:
            return True
        low_mm, high_mm = self._ends_mm
        position_mm = self._position_mm(segment, now_ns)
        return position_mm >= high_mm if segment.driven_mm_per_min > 0 else position_mm <= low_mm

    def delivered_ul(self, now_ns: int) -> float:
        """Return the true net volume out of the syringe, the exact integral of its speed, uL."""
        return self.travelled_mm(now_ns) * self.parameters.area_mm2

    def furthest_ul(self, now_ns: int) -> float:
        """Return the largest net volume out of the syringe until ``now_ns``, uL."""
        return self.furthest_mm(now_ns) * self.parameters.area_mm2

    def _set_blockage(self, now_ns: int, *, blocked: bool) -> None:
        if now_ns < self._blockage_ns:
            raise ValueError(f"line changed at {now_ns} ns, after {self._blockage_ns} ns: time runs forward")
        self._blockage_ns = now_ns
        self._insert(now_ns, lambda last: replace(last, blocked=blocked, begun_by="blockage"))

    def _insert(self, now_ns: int, change: Callable[[_Segment], _Segment]) -> None:
        """Begin a piece of history; what was told of later times is told again after it.

        The list is extended or replaced in one step: another thread may be reading.
        """
        kept = bisect_right(self._segments, now_ns, key=_start_ns)
        later = self._segments[kept:]
        history = self._segments[:kept] if later else self._segments
        self._extend(history, now_ns, change(history[-1]))
        for told in later:
            last = history[-1]
            if told.begun_by == "drive":
                again = replace(last, driven_mm_per_min=told.driven_mm_per_min, begun_by="drive")
            else:
                again = replace(last, blocked=told.blocked, begun_by="blockage")
            self._extend(history, told.start_ns, again)
        self._segments = history

    def _extend(self, history: list[_Segment], now_ns: int, changed: _Segment) -> None:
        last = history[-1]
        if (changed.driven_mm_per_min, changed.blocked) == (last.driven_mm_per_min, last.blocked):
            return
        now_ns = max(now_ns, last.start_ns)
        position_mm = self._position_mm(last, now_ns)
        peak_mm = max(last.peak_mm, position_mm)
        history.append(replace(changed, start_ns=now_ns, start_mm=position_mm, peak_mm=peak_mm))

    def _segment(self, now_ns: int) -> _Segment:
        segments = self._segments
        if now_ns >= segments[-1].start_ns:  # nearly always
            return segments[-1]
        return segments[max(0, bisect_right(segments, now_ns, key=_start_ns) - 1)]

    def _position_mm(self, segment: _Segment, now_ns: int) -> float:
        low_mm, high_mm = self._ends_mm
        elapsed_min = max(0, now_ns - segment.start_ns) / NS_PER_MIN
        return min(high_mm, max(low_mm, segment.start_mm + segment.moving_mm_per_min * elapsed_min))
