"""What a window says of sessions that ended badly: which, whose animal, what that means, what to do now (R53).

Knows the words. Which sessions these are is told from outside: the window reads no register and asks no pump.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gui.presenters.text import plain


@dataclass(frozen=True)
class Unfinished:
    """One session that nobody closed or answered for; or why nobody can tell whether there is one."""

    what: str
    so_what: str
    do_what: str
    command: str
    """What to type in a terminal."""
    short: str
    """Which session and whose animal, in a few words."""


LookForUnfinished = Callable[[], tuple[Unfinished, ...]]
"""Returns what waits for a person now. Reads files: asked at the start, and when a person wants it."""


def more_text(waiting: tuple[Unfinished, ...]) -> str:
    """Return the line for all but the first: one banner leaves room for STOP and the pumps on a small screen."""
    names = "; ".join(plain(one.short) for one in waiting[1:])
    return f"AND {len(waiting) - 1} MORE, type amperfuse unfinished: {names}" if names else ""
