"""Whether the computer's wall clock can be true: asked before a session, as every label comes from it.

Knows two dates that cannot lie in the future: the one of this program, and the newest entry of any book. Nothing that
runs depends on the wall clock (T1, T2); but a session of 1970 sorts before all others, and a limit that counts the last
24 hours in the dose book is blind to entries that seem to come later (T3).
"""

from __future__ import annotations

from datetime import UTC, datetime

from drivers.clock import NS_PER_S, REHEARSAL_WALL_START_NS

PROGRAM_WALL_NS = REHEARSAL_WALL_START_NS
"""No true clock shows an earlier time: this program was not written then."""
LATER_ALLOWED_NS = 60 * NS_PER_S
"""A clock that is set right by a minute after an entry is no wrong clock [P]."""


def clock_doubt(wall_ns: int, newest_entry_ns: int | None = None) -> str:
    """Say why the wall clock cannot be right; empty if nothing speaks against it.

    ``wall_ns``: UTC now, ns since 1970. ``newest_entry_ns``: UTC of the newest entry in the dose book, None without.
    """
    if wall_ns < PROGRAM_WALL_NS:
        return f"The computer's clock says {_when(wall_ns)}, before this program was written."
    if newest_entry_ns is not None and wall_ns < newest_entry_ns - LATER_ALLOWED_NS:
        return (
            f"The computer's clock says {_when(wall_ns)}, and the dose book has an entry of {_when(newest_entry_ns)}."
            f" What was given then would not count in the limits of the next hours."
        )
    return ""


def _when(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M UTC")
