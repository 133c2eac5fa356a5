"""Sections of a report: a title, a table, notes. Worded once, told on a terminal and on a page.

Knows the shape of a section and how it becomes lines of text. Does not know what it is about. Text of files and
devices stays as it is in here: who shows it escapes it (``amperfuse.console``, ``analysis.page``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """The head of a column; numbers stand right."""

    name: str
    number: bool = False


@dataclass(frozen=True)
class Section:
    """One section. Rows have as many cells as there are columns; ``notes`` follow the table."""

    title: str
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    most_lines: int = 24
    """Rows that a terminal shows; a page shows all."""
    sentences: int = 0
    """So many of the last columns hold sentences: a terminal shows them below their row."""

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to be said."""
        return not self.rows and not self.notes


def columns(text: str) -> tuple[Column, ...]:
    """Return columns from their names, separated by ``|``; one that begins with ``#`` holds numbers."""
    return tuple(Column(name.strip().lstrip("#"), name.strip().startswith("#")) for name in text.split("|"))


def text_lines(section: Section) -> Iterator[str]:
    """Yield a section as lines: the title, aligned columns, notes."""
    if section.is_empty:
        return
    yield section.title
    if section.rows:
        yield from _table_lines(section)
    for note in section.notes:
        yield f"  {note}"


def _table_lines(section: Section) -> Iterator[str]:
    kept, left = section.rows[: section.most_lines], len(section.rows) - section.most_lines
    short = len(section.columns) - section.sentences
    heads = tuple(column.name for column in section.columns)
    widths = [max(len(row[place]) for row in (heads, *kept)) for place in range(short)]
    yield "  " + _aligned(heads[:short], section.columns[:short], widths)
    for row in kept:
        yield "  " + _aligned(row[:short], section.columns[:short], widths)
        sentences = " ".join(sentence for sentence in row[short:] if sentence)
        if sentences:
            yield f"      {sentences}"
    if left > 0:
        yield f"  ... and {left} more on the page"


def _aligned(row: Sequence[str], heads: Sequence[Column], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if head.number else cell.ljust(width)
        for cell, head, width in zip(row, heads, widths, strict=True)
    ]
    return "  ".join(cells).rstrip()
