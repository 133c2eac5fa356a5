"""How a line of the engine's log is written: what an instrument or a file said cannot forge another line (X8).

Knows logging and which characters may not stand in a log. Does not know what is logged.
"""

from __future__ import annotations

import logging
import unicodedata

_UNSAFE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
MAX_LINES = 200
MAX_LINE = 2000


class SafeFormatter(logging.Formatter):
    r"""Writes control, format and direction characters as \\uXXXX; lines after the first begin with a bar."""

    def format(self, record: logging.LogRecord) -> str:
        message, _end, rest = super().format(record).partition("\n")
        further = rest.split("\n")[:MAX_LINES] if rest else []
        return "\n".join([_safe(message), *(f"    | {_safe(line)}" for line in further)])


def _safe(line: str) -> str:
    shown = "".join(f"\\u{ord(c):04x}" if unicodedata.category(c) in _UNSAFE else c for c in line[:MAX_LINE])
    return shown + ("..." if len(line) > MAX_LINE else "")
