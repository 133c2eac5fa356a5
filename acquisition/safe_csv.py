"""Rows as CSV (RFC 4180) in which no cell of text is a formula for the spreadsheet that opens it (X9).

Knows cells. Does not know what a table means.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
"""A text that begins with one of these gets an apostrophe in front (ASVS 1.2.10); the last four are full-width forms,
which some spreadsheets read alike. Numbers are numbers: -3.2 stays as it is."""

Cell = str | int | float | None


def safe_cell(value: Cell) -> str:
    """Return a cell's text. Line ends inside a text become blanks, so that one row stays one line."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value) if isinstance(value, float) else str(value)
    flat = " ".join(value.replace("\0", " ").splitlines()) if value else ""
    return f"'{flat}" if value.lstrip(" ").startswith(FORMULA_STARTS) else flat


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """Return rows as CSV with CR LF line ends."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_MINIMAL)
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return out.getvalue()
