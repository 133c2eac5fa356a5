"""SCPI program messages: taking them apart, and finding which command a header names, in long or short form. Pure.

Knows the grammar (``:SENSe[:CURRent]`` and the like). Does not know what a command does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

_PARTS = re.compile(r";(?=(?:[^\"']|\"[^\"]*\"|'[^']*')*$)")


def units(message: str) -> Iterator[tuple[str, str]]:
    """Yield (header, parameters) of each part of a message; a header behind ``;`` goes on from the path before it."""
    path = ""
    for part in _PARTS.split(message):
        unit = part.strip()
        if not unit:
            continue
        header, _, parameters = unit.partition(" ")
        header = header.upper()
        if not header.startswith("*"):
            header = header[1:] if header.startswith(":") else path + header
            path = header.rpartition(":")[0] + ":" if ":" in header else ""
        yield header, parameters.strip()


class Headers:
    """Finds a header among those known. They are written as in manuals: ``SENSe[1]:CURRent[:DC]:RANGe``."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = [(name, re.compile(_pattern(name))) for name in known]
        self.find = lru_cache(maxsize=1024)(self._find)

    def _find(self, header: str) -> str | None:
        """Return the known header that this one (in capitals, without question mark) names."""
        return next((name for name, pattern in self._known if pattern.fullmatch(header)), None)


def _pattern(name: str) -> str:
    """Return an expression: capitals must be there, the rest of a word all or not at all, brackets may be left out."""
    pattern = ""
    for piece in re.findall(r"\[|\]|[A-Z*]+|[a-z]+|[0-9]+|:", name):
        if piece == "[":
            pattern += "(?:"
        elif piece == "]":
            pattern += ")?"
        elif piece.islower():
            pattern += f"(?:{piece.upper()})?"
        else:
            pattern += re.escape(piece)
    return pattern
