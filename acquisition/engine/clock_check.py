"""Whether the computer's wall clock can be true: asked before a session, as every label comes from it.

Knows the date of this program, before which no true clock is. A clock that is behind the books is a doubt that a person
judges (``experiment.doubts``). Nothing that runs depends on the wall clock (T1, T2); but a session of 1970 sorts before
all others (T3).
"""

from __future__ import annotations

from datetime import UTC, datetime

from acquisition.engine.parts import Desk
from acquisition.events import EventKind
from drivers.clock import NS_PER_S, REHEARSAL_WALL_START_NS

PROGRAM_WALL_NS = REHEARSAL_WALL_START_NS
"""No true clock shows an earlier time: this program was not written then."""


def clock_doubt(wall_ns: int) -> str:
    """Say why the wall clock, UTC in ns since 1970, cannot be right; empty if nothing speaks against it."""
    if wall_ns >= PROGRAM_WALL_NS:
        return ""
    when = datetime.fromtimestamp(wall_ns / NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"The computer's clock says {when}, before this program was written."


STEP_NS = 2 * NS_PER_S
"""What the wall clock gains or loses between two looks beyond this was set, not slewed [P]."""


class WallWatch:
    """Writes down when somebody, or a time server, sets the wall clock while a session runs; changes nothing (T1)."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._offset_ns: int | None = None

    def look(self, now_ns: int) -> None:
        """Compare both clocks; once per step of the conductor."""
        clock = self._desk.clock
        offset_ns = clock.wall_ns() - clock.now_ns()
        if self._offset_ns is not None and abs(offset_ns - self._offset_ns) > STEP_NS:
            step_s = (offset_ns - self._offset_ns) / NS_PER_S
            text = f"The computer's clock was set {'forward' if step_s > 0 else 'back'} by {abs(step_s):.1f} s"
            self._desk.say(EventKind.SYSTEM, now_ns, "clock", text, {"what": "clock step", "step_s": step_s})
        self._offset_ns = offset_ns
