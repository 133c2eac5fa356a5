r"""Cuts the bytes of a Micro4 into answers (pumps.md d.1): text up to ``OK\n\r``, in either of its two shapes.

Pure. ``\n\rOK\n\r`` and ``\n\r>OK\n\r`` both come from one and the same unit [D]. Does not know what an answer says,
nor which part of it is the echo.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_OK: Final = re.compile(rb"[\r\n]+>?OK(?:\n\r|\r\n)|^>?OK(?:\n\r|\r\n)")
_ANSWER_MAX: Final = 512  # the longest known answer has some 40 bytes; a lost end must not swallow what follows


@dataclass
class AnswerFramer:
    """Incremental: give it bytes as they come. A frame is the text before ``OK``, without line ends around it."""

    _rest: bytes = field(default=b"", init=False)

    def feed(self, data: bytes, now_ns: int) -> list[str]:  # noqa: ARG002 - answers have no inter-byte rule
        """Return the answers that ``data`` completes; what has no end within 512 bytes is dropped."""
        answers: list[str] = []
        self._rest += data
        while (end := _OK.search(self._rest)) is not None:
            text, self._rest = self._rest[: end.start()], self._rest[end.end() :]
            if len(text) <= _ANSWER_MAX:
                answers.append(text.decode("latin-1").strip(" \r\n"))
        if len(self._rest) > _ANSWER_MAX:
            self._rest = b""
        return answers

    def reset(self) -> None:
        """Forget an incomplete answer."""
        self._rest = b""
