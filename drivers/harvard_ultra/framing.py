"""Cuts the bytes of an Ultra pump into replies, and packs commands (pumps.md b1.2, b1.3).

Pure: bytes in, frames out. With ``poll on`` every reply ends with XON, so a reply is complete when XON is there and not
when something looks like a prompt: ``LF 00:`` may be a prompt or the beginning of a line. Does not know what it says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

XON: Final = b"\x11"
_REPLY_MAX = 2048  # the longest known reply, ``metrics``, has some 800 bytes; a lost XON must not collect for ever


def command_bytes(text: str, address: int) -> bytes:
    """Pack a command: address only where it is not 0, ``@`` so that the pump's screen is not redrawn [M], CR LF [R]."""
    return f"{address or ''}@{text}\r\n".encode("ascii")


@dataclass
class ReplyFramer:
    """Incremental: give it bytes as they come; it returns whole replies, without their XON."""

    prompt_first: bool = False
    """This firmware sends the prompt before the status line [D:chembot]."""
    wants_status: bool = False
    """The reply that is awaited is one to ``status``."""
    _buffer: bytearray = field(default_factory=bytearray, init=False)

    def feed(self, data: bytes, now_ns: int) -> list[bytes]:
        """Return the replies that ``data`` completes."""
        del now_ns  # silence ends nothing here: a reply without XON is for the link to recognise
        self._buffer += data
        frames: list[bytes] = []
        while (end := self._end()) > 0:
            frames.append(bytes(self._buffer[:end]).replace(XON, b""))
            del self._buffer[:end]
        del self._buffer[: max(len(self._buffer) - _REPLY_MAX, 0)]
        return frames

    def reset(self) -> None:
        """Forget an incomplete reply."""
        self._buffer.clear()

    def _end(self) -> int:
        """Return how many bytes the first reply has; 0 if it is incomplete."""
        xon = self._buffer.find(XON)
        if xon < 0 or not (self.wants_status and self.prompt_first) or b"\r" in self._buffer[:xon]:
            return xon + 1
        return self._buffer.find(b"\r", xon) + 1
