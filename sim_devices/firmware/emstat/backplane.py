"""What joins the channels of one simulated MultiEmStat4: the line on which channel 1 starts the others.

Knows who has started. Knows no bytes; each channel has a port, a script and a clock of its own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Backplane:
    """The common line. Synchronised channels run on channel 1's clock from its start on [1S, INF]."""

    crystal_ppm: float = 0.0
    """Of channel 1."""
    _started_ns: int | None = None

    def start(self, now_ns: int, crystal_ppm: float) -> None:
        """Channel 1 begins to measure: all that wait do."""
        self._started_ns, self.crystal_ppm = now_ns, crystal_ppm

    def started_since(self, waiting_since_ns: int) -> int | None:
        """Return when channel 1 has begun, if it has since then."""
        if self._started_ns is None or self._started_ns < waiting_since_ns:
            return None
        return self._started_ns
