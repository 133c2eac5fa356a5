"""Who stands for which limits: a real run is held only against limits that a named person has approved (R21, X13).

Knows that an approval is of the exact bytes of a file, by their hash: one changed byte needs a new one. Does not know
what limits mean.
"""

from __future__ import annotations

from acquisition.books.chain import Book, Entry, read_entries
from acquisition.books.places import book_place

_PLACE = ("approvals", "limits")


def approval(sha256: str) -> Entry | None:
    """Return the newest approval of limits with this hash. Raises BookBroken."""
    entries = read_entries(*book_place(*_PLACE))
    return next((entry for entry in reversed(entries) if entry.data.get("sha256") == sha256), None)


def approve(name: str, sha256: str, by: str, wall_ns: int) -> Entry:
    """Write that ``by`` stands for these limits. Raises BookBroken, BookUnwritable."""
    book = Book(*book_place(*_PLACE)).open()
    try:
        return book.add({"kind": "approval", "name": name, "sha256": sha256, "by": by}, wall_ns)
    finally:
        book.close()
