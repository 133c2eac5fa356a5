"""Cuts the bytes of a Chemyx pump into answers (pumps.md c): text up to the prompt ``>``, split into lines.

Pure. Line ends may be any mix of CR and LF: whether LF follows the echo's CR is not known [?], and some models
separate lines by space LF CR [D:qudi]. Does not know what a line says, nor which one is the echo.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

PROMPT: Final = b">"
CR: Final = b"\r"
_LINE_ENDS = re.compile(rb"[\r\n]+")
_ANSWER_MAX = 1024  # the longest known answer has some 130 bytes; a lost prompt must not swallow what follows


@dataclass(frozen=True)
class Frame:
    """One answer: its lines without spaces around them, empty ones left out."""

    lines: tuple[bytes, ...]


def command_bytes(text: str) -> bytes:
    """Pack a command: LF alone ends nothing [M], so exactly one CR."""
    return text.encode("ascii") + CR


@dataclass
class AnswerFramer:
    """Incremental: give it bytes as they come."""

    _rest: bytes = field(default=b"", init=False)

    def feed(self, data: bytes, now_ns: int) -> list[Frame]:  # noqa: ARG002 - answers have no inter-byte rule
        """Return the answers that ``data`` completes; what has no prompt within 1024 bytes is dropped."""
        *whole, rest = (self._rest + data).split(PROMPT)
        self._rest = rest if len(rest) <= _ANSWER_MAX else b""
        return [Frame(_lines(text)) for text in whole if len(text) <= _ANSWER_MAX]

    def reset(self) -> None:
        """Forget an incomplete answer."""
        self._rest = b""


def _lines(text: bytes) -> tuple[bytes, ...]:
    return tuple(stripped for line in _LINE_ENDS.split(text) if (stripped := line.strip()))
