"""The course of one animal's levels: a sample every so often, in bounded memory, for the rehearsal's report.

Knows when to keep a sample and when to keep fewer. Does not know what the levels mean or how they come about.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping

EVERY_S = 10
MOST = 4096
"""Samples at most; with more, every second one is dropped and the next come half as often (72 h: one in 80 s)."""


class Course:
    """Levels over time, one column per name."""

    def __init__(self) -> None:
        self._every_s = EVERY_S
        self._t_s = array("d")
        self._columns: dict[str, array[float]] = {}

    def wants(self, second: int) -> bool:
        """Tell whether a sample of this second is kept; seconds come in order, each once."""
        return second % self._every_s == 0

    def note(self, second: int, levels: Mapping[str, float]) -> None:
        """Keep the levels of a second that is wanted; the names are the same each time."""
        if len(self._t_s) >= MOST:
            self._every_s *= 2
            keep = [at for at, t_s in enumerate(self._t_s) if t_s % self._every_s == 0]
            self._t_s = array("d", [self._t_s[at] for at in keep])
            self._columns = {name: array("d", [column[at] for at in keep]) for name, column in self._columns.items()}
            if not self.wants(second):
                return
        self._t_s.append(second)
        for name, value in levels.items():
            self._columns.setdefault(name, array("d")).append(value)

    def columns(self) -> dict[str, list[float]]:
        """Return ``t_s``, seconds since the world began, and every level at these times."""
        return {"t_s": list(self._t_s), **{name: list(column) for name, column in self._columns.items()}}
