"""Text of others made harmless for a terminal. Imports nothing that takes time: STOP uses it too."""

from __future__ import annotations

import unicodedata

_UNSAFE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def safe(text: str, *, lines: bool = False) -> str:
    r"""Return text with control, format and direction characters as \uXXXX (X8); ``lines`` keeps line ends."""
    return "".join(
        f"\\u{ord(c):04x}" if unicodedata.category(c) in _UNSAFE and not (lines and c == "\n") else c for c in text
    )
