"""The register of real sessions of this computer: which were opened, closed, or answered for by a person.

Knows that a session which was opened and neither closed nor answered for is unfinished, and what is needed to find its
pumps again although its folder may be gone. Lies beside the dose books, so that it survives a restart and a full or
missing disk of recordings. Does not ask pumps, nor read recordings.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from acquisition.books.chain import Book, BookBroken, Entry, read_entries
from acquisition.books.places import book_place
from acquisition.events import Scalar
from acquisition.plan import PumpSetup

_PLACE = ("register", "sessions")
_PUMPS = TypeAdapter(tuple[PumpSetup, ...])
_FOUND_MAX = 4000
"""Characters of a finding that are kept here; the whole of it is told and, in numbers, in the dose book."""


@dataclass(frozen=True)
class OpenSession:
    """A session that was opened and not closed."""

    session: str
    session_dir: Path
    animal: str
    wall_ns: int
    """When it was opened."""
    pumps: tuple[PumpSetup, ...]
    found: str = ""
    """What was found when its pumps were asked last; empty when they never were."""


def unfinished() -> tuple[OpenSession, ...]:
    """Return the sessions that nobody closed or answered for, the oldest first. Raises BookBroken."""
    sessions: dict[str, OpenSession] = {}
    for entry in read_entries(*book_place(*_PLACE)):
        kind, name = entry.data.get("kind"), str(entry.data.get("session"))
        if kind == "opened":
            sessions[name] = _opened(entry)
        elif kind in ("closed", "answered"):
            sessions.pop(name, None)
        elif kind == "found":
            if name in sessions:
                sessions[name] = OpenSession(**{**vars(sessions[name]), "found": str(entry.data.get("text"))})
        else:
            raise BookBroken(f"entry {entry.number} of the register of sessions is of no known kind; a newer version?")
    return tuple(sessions.values())


def last_written_ns() -> int | None:
    """Return the wall clock's time of the last entry, UTC in ns; None of an empty register. Raises BookBroken."""
    entries = read_entries(*book_place(*_PLACE))
    return entries[-1].wall_ns if entries else None


def _opened(entry: Entry) -> OpenSession:
    data = entry.data
    try:
        pumps = _PUMPS.validate_json(str(data.get("pumps")))
    except ValidationError as error:
        raise BookBroken(f"entry {entry.number} of the register of sessions does not say which pumps it had") from error
    name, animal = str(data.get("session")), str(data.get("animal"))
    return OpenSession(name, Path(str(data.get("dir"))), animal, entry.wall_ns, pumps)


def opened(session: str, session_dir: Path, animal: str, pumps: tuple[PumpSetup, ...], wall_ns: int) -> None:
    """Write, to the disk, that a session is about to have these pumps. Raises BookUnwritable, BookBroken."""
    listed = json.dumps([asdict(pump) for pump in pumps], allow_nan=False)
    _add({"kind": "opened", "session": session, "dir": str(session_dir), "animal": animal, "pumps": listed}, wall_ns)


def closed(session: str, wall_ns: int) -> None:
    """Write that a session ended with its pumps confirmed still and its recording closed."""
    _add({"kind": "closed", "session": session}, wall_ns)


def found(session: str, text: str, wall_ns: int) -> None:
    """Write what was found when the pumps of an unfinished session were asked."""
    _add({"kind": "found", "session": session, "text": text[:_FOUND_MAX]}, wall_ns)


def answered(session: str, *, by: str, decision: str, wall_ns: int) -> None:
    """Write what a named person decided about an unfinished session; from here it is none any more."""
    _add({"kind": "answered", "session": session, "by": by, "decision": decision}, wall_ns)


def _add(data: dict[str, Scalar], wall_ns: int) -> None:
    book = Book(*book_place(*_PLACE)).open()
    try:
        book.add(data, wall_ns)
    finally:
        book.close()
