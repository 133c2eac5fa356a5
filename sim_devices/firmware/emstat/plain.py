"""Recognises the body of a measuring loop that does nothing but print what it measured, so that a point is cheap.

Hours of samples go through such a body. Knows instructions; executes none and knows no values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sim_devices.firmware.emstat.script import Instruction


class Package(NamedTuple):
    """What one point prints."""

    measured: tuple[str, ...]
    """Kinds of current, in the order in which they are measured."""
    timed: bool
    """The body reads the timer."""
    order: tuple[int, ...]
    """Which of ``names`` the package holds."""
    names: tuple[str, ...]
    """Of the variables that hold potential, time ("" where it is not read) and the currents."""


def plain_package(loop: Instruction, measured: Sequence[tuple[str, str]]) -> Package | None:
    """Return the package of a loop whose body is: read the timer (or not), begin a package, add, end it; else None.

    ``measured``: (kind, variable) of each current. None too where a package holds anything else, or where two things
    have one name.
    """
    body = [instruction.name for instruction in loop.body]
    timed = body[:1] == ["timer_get"]
    frame = body[1:] if timed else body
    if len(frame) < 3 or frame != ["pck_start", *["pck_add"] * (len(frame) - 2), "pck_end"]:
        return None
    if any(kind not in ("ba", "bb") for kind, _ in measured):
        return None
    names = (str(loop.args[0]), str(loop.body[0].args[0]) if timed else "", *(name for _, name in measured))
    place_of = {name: place for place, name in enumerate(names)}
    added = [str(instruction.args[0]) for instruction in loop.body if instruction.name == "pck_add"]
    if len(place_of) < len(names) or not place_of.keys() >= set(added):
        return None
    return Package(tuple(kind for kind, _ in measured), timed, tuple(place_of[name] for name in added), names)
