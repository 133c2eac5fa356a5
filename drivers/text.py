"""Makes text from a device safe to show and to store. Knows nothing else.

What an instrument (or whatever sits on its port) sends is untrusted: a control character could move a cursor, end a
line of a log or ring a bell.
"""

from __future__ import annotations


def printable(raw: bytes | str, limit: int = 80) -> str:
    """Return ``raw`` with everything but printable ASCII escaped, cut to ``limit`` characters."""
    text = raw.decode("latin-1") if isinstance(raw, bytes) else raw
    shown = "".join(c if " " <= c <= "~" and c != "\\" else c.encode("unicode_escape").decode("ascii") for c in text)
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."
