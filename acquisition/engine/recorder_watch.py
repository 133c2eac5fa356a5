"""Watches the recording from the engine's side, and makes the keep-alive of pumps depend on it.

Knows when the recorder last proved progress, when it fails or lags, and until when questions to pumps are earned
(R42). Does not know how anything is written.
"""

from __future__ import annotations

from acquisition.engine.parts import Desk
from drivers.clock import NS_PER_S

CREDIT_NS = NS_PER_S
"""How long after the oldest proof of progress a pump may still be asked: with a watchdog of n seconds a frozen part
stops the pump within n + 1 s (R42)."""
STALE_NS = 3 * NS_PER_S
"""Without progress for so long the recording has failed [P]."""
SLOW_FILL = 0.5


class RecorderWatch:
    """Looks at the sink once per step of the conductor."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._last = -1
        self.progressed_ns: int | None = None
        self.failing = ""

    def look(self, now_ns: int) -> None:
        """Update what is known, raise and clear the alarms."""
        sink = self._desk.sink
        progress = sink.progress()
        if progress != self._last or self.progressed_ns is None:
            self._last, self.progressed_ns = progress, now_ns
        fails, fill = sink.strain()
        stale_ns = now_ns - self.progressed_ns
        if stale_ns == 0 and not fails:
            self._desk.recording_error = ""
        self.failing = fails or self._desk.recording_error
        if not self.failing and stale_ns > STALE_NS * self._desk.slack:
            self.failing = f"nothing was written for {stale_ns / NS_PER_S:.1f} s"
        alarms = self._desk.alarms
        if self.failing:
            alarms.on("recorder-failing", now_ns, detail=self.failing)
        else:
            alarms.off("recorder-failing")
        if fill >= SLOW_FILL:
            alarms.on("recorder-slow", now_ns, detail=f"the buffer is {fill:.0%} full")
        else:
            alarms.off("recorder-slow")

    def earned_until_ns(self, schedule_ns: int, *, recorder_counts: bool) -> int:
        """Return until when questions are earned by the oldest proof of progress."""
        oldest_ns = schedule_ns
        if recorder_counts:
            oldest_ns = min(oldest_ns, self.progressed_ns if self.progressed_ns is not None else 0)
        return oldest_ns + round(CREDIT_NS * self._desk.slack)
