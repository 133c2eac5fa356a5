"""What a protocol said when it was started last: a slip of ten is seen by what it said before (R03).

Knows one book per name of a protocol, with an entry for every real start. An opened session that was never started is
not in it: a slip that was noticed must not become the custom. Judges nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from acquisition.books.chain import Book, BookBroken, read_entries
from acquisition.books.places import book_place
from acquisition.plan import Known, Plan

KIND = "protocols"
MOST = 100
"""Different infusions that are remembered of one protocol: more would not fit into an entry."""


def last_started(name: str) -> tuple[Known, ...]:
    """Return the infusions of this protocol when it was started last; none if it never was. Raises BookBroken."""
    entries = [e for e in read_entries(*book_place(KIND, name)) if e.data.get("kind") == "start"]
    if not entries:
        return ()
    try:
        return tuple(Known(**known) for known in json.loads(str(entries[-1].data["infusions"])))
    except (KeyError, TypeError, ValueError) as error:
        raise BookBroken(f"the book of the protocol {name!r} makes no sense; a newer version wrote it?") from error


def note_start(plan: Plan, wall_ns: int) -> None:
    """Write what a plan that has just been started says. Raises BookBroken, BookUnwritable."""
    book = Book(*book_place(KIND, plan.name)).open()
    try:
        said = json.dumps([asdict(known) for known in plan.known_infusions()[:MOST]])
        book.add({"kind": "start", "protocol_sha256": plan.protocol_sha256, "infusions": said}, wall_ns)
    finally:
        book.close()
