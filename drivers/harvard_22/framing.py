"""Cuts the bytes of an older Harvard pump into answers (pumps.md b2): lines, then a prompt with the pump's address.

Pure. Line ends may be any mix of CR and LF, the address may have a leading zero, one digit or none, and a CR more may
come [D]. A prompt stands alone on its line. Does not know what a line says, nor what a prompt means to which model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_PROMPT: Final = re.compile(rb"[\r\n] *([0-9]{0,2})(\*[IWDT]|[:><*/^])(?=[\r\n]|$)")
_LINE_ENDS: Final = re.compile(rb"[\r\n]+")
_ANSWER_MAX: Final = 512  # the longest known answer has some 60 bytes; a lost prompt must not swallow what follows


class Frame(NamedTuple):
    """One answer: its lines without spaces around them, the address if there is one, and the prompt."""

    lines: tuple[str, ...]
    address: int | None
    prompt: str


def command_bytes(text: str, address: int) -> bytes:
    """Pack a command with its address, always two digits: leading zeros are optional to the pump [M]."""
    return f"{address:02d}{text}\r".encode("ascii")


@dataclass
class AnswerFramer:
    """Incremental: give it bytes as they come."""

    _rest: bytes = field(default=b"", init=False)

    def feed(self, data: bytes, now_ns: int) -> list[Frame]:  # noqa: ARG002 - answers have no inter-byte rule
        """Return the answers that ``data`` completes; what has no prompt within 512 bytes is dropped."""
        self._rest += data
        frames: list[Frame] = []
        while (found := _PROMPT.search(self._rest)) is not None:
            text, self._rest = self._rest[: found.start()], self._rest[found.end() :]
            if len(text) <= _ANSWER_MAX:
                lines = tuple(line.decode("latin-1").strip() for line in _LINE_ENDS.split(text) if line.strip())
                frames.append(Frame(lines, int(found[1]) if found[1] else None, found[2].decode("ascii")))
        if len(self._rest) > _ANSWER_MAX:
            self._rest = b""
        return frames

    def reset(self) -> None:
        """Forget an incomplete answer."""
        self._rest = b""
