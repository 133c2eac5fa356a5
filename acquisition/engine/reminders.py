"""Reminds people that the experiment waits for them (R50).

Knows how long it waits and when to say so again. Does not know what it waits for, nor how a reminder is shown.
"""

from __future__ import annotations

from acquisition.engine.parts import Desk
from drivers.clock import NS_PER_S

REMIND_NS = 120 * NS_PER_S
"""R50 [P]: every two minutes."""


class Reminders:
    """Looks once per step of the conductor."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._since_ns: int | None = None
        self._next_ns = 0

    def look(self, waits_for: str, now_ns: int) -> None:
        """Say again what is waited for; an empty text means that nothing is, and ends it."""
        every_ns = round(REMIND_NS * self._desk.slack)
        if not waits_for:
            if self._since_ns is not None:
                self._since_ns = None
                self._desk.alarms.off("waiting")
            return
        if self._since_ns is None:
            self._since_ns, self._next_ns = now_ns, now_ns + every_ns
        if now_ns >= self._next_ns:
            self._next_ns = now_ns + every_ns
            waited_min = (now_ns - self._since_ns) / NS_PER_S / self._desk.slack / 60
            self._desk.alarms.repeat("waiting", now_ns, detail=f"{waits_for} (for {waited_min:.0f} min)")
