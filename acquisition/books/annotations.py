"""What people add to a recording afterwards. Added, never overwritten: a book of its own beside the session.

Knows an annotation: a stretch of the session, a text, who and when; a later one may withdraw an earlier one, and both
stay. Does not touch the recording. A stretch with ``blank`` is not looked at by whoever measures (an artefact); the
samples stay (science.md 2.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from acquisition.books.chain import Book, BookBroken, Entry, read_entries
from acquisition.events import Scalar

NAME = "annotations.jsonl"
ANCHOR = "annotations.anchor"
MAX_TEXT = 2000
MAX_NAME = 200


@dataclass(frozen=True)
class Annotation:
    """One annotation. Times are s since the session began; ``number`` counts from 1."""

    number: int
    start_s: float
    end_s: float
    text: str
    by: str
    wall_ns: int
    channel: str = ""
    """INSTRUMENT.CHANNEL; empty for all."""
    blank: bool = False
    withdraws: int | None = None
    """Number of the annotation that is no longer held to be true."""


def annotate(
    session_dir: Path,
    text: str,
    by: str,
    wall_ns: int,
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    channel: str = "",
    blank: bool = False,
    withdraws: int | None = None,
) -> Annotation:
    """Add one annotation to the disk and return it. Without ``end_s`` it is about an instant.

    Raises ValueError for one that makes no sense, BookBroken, BookUnwritable.
    """
    last_s = start_s if end_s is None else end_s
    if not (math.isfinite(start_s) and math.isfinite(last_s) and start_s <= last_s):
        raise ValueError("an annotation ends at or after its beginning, at finite times")
    _checked("the text", text, MAX_TEXT)
    _checked("the name of who annotates", by, MAX_NAME)
    book = Book(session_dir / NAME, session_dir / ANCHOR).open()
    try:
        if withdraws is not None and not 1 <= withdraws <= len(book.entries):
            raise ValueError(f"there is no annotation {withdraws} to withdraw; there are {len(book.entries)}")
        data: dict[str, Scalar] = {
            "start_s": start_s, "end_s": last_s, "text": text, "by": by,
            "channel": channel, "blank": blank, "withdraws": withdraws,
        }  # fmt: skip
        return _annotation(book.add(data, wall_ns))
    finally:
        book.close()


def read_annotations(session_dir: Path) -> tuple[Annotation, ...]:
    """Return all annotations of a session, oldest first; none where nobody added any. Raises BookBroken."""
    return tuple(_annotation(entry) for entry in read_entries(session_dir / NAME, session_dir / ANCHOR))


def blanks(annotations: tuple[Annotation, ...], channel: str) -> list[tuple[float, float]]:
    """Return the stretches (first, last), s, that are blanked on a channel and were not withdrawn."""
    gone = {one.withdraws for one in annotations}
    standing = (one for one in annotations if one.blank and one.number not in gone)
    return [(one.start_s, one.end_s) for one in standing if one.channel in ("", channel)]


def _checked(what: str, said: str, longest: int) -> None:
    if not said.strip() or len(said) > longest or not said.isprintable():
        raise ValueError(f"{what} must say something, in at most {longest} printable characters")


def _annotation(entry: Entry) -> Annotation:
    data = entry.data
    try:
        withdraws = data["withdraws"]
        return Annotation(
            number=entry.number,
            start_s=float(data["start_s"] or 0.0),
            end_s=float(data["end_s"] or 0.0),
            text=str(data["text"]),
            by=str(data["by"]),
            wall_ns=entry.wall_ns,
            channel=str(data["channel"]),
            blank=data["blank"] is True,
            withdraws=int(withdraws) if isinstance(withdraws, int) else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BookBroken(f"entry {entry.number} of {NAME} is no annotation. Restore it from your backup.") from error
