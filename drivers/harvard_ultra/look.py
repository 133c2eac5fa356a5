"""One look at an Ultra pump: what it does, and counters that can be believed although the line has no checksum.

Knows that a wrong digit looks like a right one, so that a counter that changed is read until two readings agree with
the fastest the plunger can go. Does not know what was ordered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.capabilities import Motion, PumpAlarm, PumpStatus
from drivers.clock import NS_PER_S
from drivers.errors import GarbledReply
from drivers.harvard_ultra import codec
from drivers.harvard_ultra.link import PumpLink, PumpRefused

_READINGS: Final = 5


@dataclass(frozen=True)
class Look:
    """What one look showed."""

    status: PumpStatus
    time_ms: int
    """Time for which it has run, by its own count."""
    target_reached: bool


@dataclass
class Looking:
    """Looks at one pump; remembers the last counters."""

    link: PumpLink
    highest_ul_per_min: float
    """No counter can change faster."""
    microstep_ul: float
    infused_ul: float = 0.0
    withdrawn_ul: float = 0.0

    def look(self, *, urgent: bool = False) -> Look:
        """Ask for motion and both counters. Raises ExchangeError, DeviceRefused, DeviceReset, PortError."""
        first = self.link.ask("status", codec.parse_status, urgent=urgent)
        self.infused_ul = self._settled("ivolume", self.infused_ul, urgent=urgent)
        self.withdrawn_ul = self._withdrawn(urgent=urgent)
        line = first.value
        step_ul = max(codec.volume_step_ul(self.infused_ul), self.microstep_ul)
        status = PumpStatus(
            first.asked_ns,
            self.link.clock.now_ns(),
            line.motion,
            self.infused_ul,
            self.withdrawn_ul,
            step_ul,
            PumpAlarm.STALL if line.stalled else None,
        )
        return Look(status, line.time_ms, line.target_reached)

    def motion(self, *, urgent: bool = False) -> Motion:
        """Ask for motion only."""
        return self.link.ask("status", codec.parse_status, urgent=urgent).value.motion

    def _withdrawn(self, *, urgent: bool) -> float:
        try:
            return self._settled("wvolume", self.withdrawn_ul, urgent=urgent)
        except PumpRefused:  # a model that only infuses
            return 0.0

    def _settled(self, query: str, known_ul: float, *, urgent: bool) -> float:
        """Return a counter that is as it was, or that two readings in a row agree on."""
        last = self.link.ask(query, codec.parse_volume, urgent=urgent)
        if last.value == known_ul:
            return last.value
        for _reading in range(_READINGS - 1):
            now = self.link.ask(query, codec.parse_volume, urgent=urgent)
            seconds = (now.received_ns - last.asked_ns) / NS_PER_S
            fastest_ul = self.highest_ul_per_min / 60.0 * seconds if seconds > 0 else 0.0  # it may be infinite
            most_ul = fastest_ul + codec.volume_step_ul(now.value)
            if 0.0 <= now.value - last.value <= most_ul:
                return now.value
            last = now
        raise GarbledReply("the readings of this counter do not agree", port=self.link.url, command=query)
