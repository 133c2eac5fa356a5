"""Foreign text made harmless for paper and pages: control, invisible and direction characters spelled out.

Knows characters, no markup: who writes Markdown or HTML escapes that on top.
"""

from __future__ import annotations


def spelled(text: str) -> str:
    r"""Return text in which every character that does not print, a line break too, stands as \n, \x1b, \u202e."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
