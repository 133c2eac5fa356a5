"""Lines on an Ultra pump's cable: commands in, text lines and prompts out (reference b1.2, b1.3).

Knows bytes only; which prompt and which text is decided elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

XON = b"\x11"
_LINE_LIMIT = 255
_COMMAND = re.compile(r"(\d{0,2}):?(@?)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Command:
    """One command line. ``address`` is None where it carried none; ``words`` are lower case."""

    address: int | None
    words: tuple[str, ...]
    raw: bytes


def parse_command(line: bytes) -> Command:
    """Split a line as the pump reads it: ``[address][:][@]command[ arguments]``."""
    text = line.decode("latin-1").strip(" ")
    found = _COMMAND.fullmatch(text)
    digits, rest = (found[1], found[3]) if found else ("", text)
    return Command(int(digits) if digits else None, tuple(rest.lower().split()), line)


@dataclass
class LineReceiver:
    """Collects bytes up to CR; LF is ignored [R]."""

    _line: bytearray = field(default_factory=bytearray)

    def reset(self) -> None:
        """Forget what has been received, as after power-on."""
        self._line.clear()

    def feed(self, data: bytes) -> list[Command]:
        """Return the commands that ``data`` completes."""
        commands = []
        for byte in data:
            if byte == 0x0D:
                commands.append(parse_command(bytes(self._line)))
                self._line.clear()
            elif byte != 0x0A and len(self._line) < _LINE_LIMIT:
                self._line.append(byte)
        return commands


def text_line(text: str, prefix: str) -> bytes:
    """Return one text line."""
    return b"\n" + (f"{prefix}:" if prefix else "").encode() + text.encode("latin-1", "replace") + b"\r"


def prompt_line(prompt: str, prefix: str, *, xon: bool) -> bytes:
    """Return the prompt that ends a reply."""
    return b"\n" + prefix.encode() + prompt.encode() + (XON if xon else b"")
