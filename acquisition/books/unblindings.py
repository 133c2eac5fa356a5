"""The book of unblindings of a study: who opened which syringe, when and why. What was in it stands nowhere in it.

Knows one book per study, beside the dose books, so that it needs neither network nor the study's folder, and so that a
session which holds an animal's own book keeps nobody from writing. Opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from acquisition.books.chain import Book, BookBroken, read_entries
from acquisition.books.places import book_place

KIND = "unblindings"


@dataclass(frozen=True)
class Unblinding:
    """One syringe that somebody opened."""

    code: str
    by: str
    reason: str
    wall_ns: int
    """UTC, ns since 1970."""


def note_unblinding(study_id: str, one: Unblinding) -> None:
    """Write it down. Raises BookBroken, BookUnwritable."""
    book = Book(*book_place(KIND, study_id)).open()
    try:
        book.add({"kind": "unblinded", "code": one.code, "by": one.by, "reason": one.reason}, one.wall_ns)
    finally:
        book.close()


def unblindings(study_id: str) -> tuple[Unblinding, ...]:
    """Return every unblinding of a study on this computer, in order. Raises BookBroken."""
    found = []
    for entry in read_entries(*book_place(KIND, study_id)):
        if entry.data.get("kind") != "unblinded":
            raise BookBroken(f"entry {entry.number} of a book of unblindings is of no known kind; a newer version?")
        found.append(
            Unblinding(
                str(entry.data.get("code")), str(entry.data.get("by")), str(entry.data.get("reason")), entry.wall_ns
            )
        )
    return tuple(found)
