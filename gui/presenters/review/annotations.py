"""What people add to a recording: the list as it is told, and what was typed for a new entry, checked.

Knows drafts and sentences. Does not write: ``acquisition.books.annotations`` does, and it has the last word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from acquisition.books.annotations import Annotation
from gui.presenters.review.view import clock, read_clock
from gui.presenters.text import NS_PER_S, plain

ALL_CHANNELS = "all channels"


@dataclass(frozen=True)
class AnnotationLine:
    """One entry of the list."""

    number: int
    start_s: float
    end_s: float
    text: str
    """Lines of it, parted by line ends."""
    stands: bool
    """Neither withdrawn, nor a withdrawal."""


@dataclass(frozen=True)
class Draft:
    """An annotation that is to be added."""

    start_s: float
    end_s: float
    text: str
    by: str
    channel: str = ""
    blank: bool = False
    withdraws: int | None = None


def annotation_lines(annotations: Sequence[Annotation]) -> tuple[AnnotationLine, ...]:
    """Return the list, newest first; nothing is left out, not even what no longer holds."""
    gone = {one.withdraws: one.number for one in annotations if one.withdraws is not None}
    return tuple(_line(one, gone.get(one.number)) for one in reversed(annotations))


def _line(one: Annotation, withdrawn_by: int | None) -> AnnotationLine:
    when = clock(one.start_s) if one.end_s == one.start_s else f"{clock(one.start_s)} to {clock(one.end_s)}"
    facts = [when, plain(one.channel) or ALL_CHANNELS]
    if one.withdraws is not None:
        facts = [f"withdraws {one.withdraws}"]
    elif one.blank:
        facts.append("not measured")
    if withdrawn_by is not None:
        facts.append(f"WITHDRAWN by {withdrawn_by}")
    written = datetime.fromtimestamp(one.wall_ns / NS_PER_S, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
    told = f"{one.number}  {' · '.join(facts)}\n{plain(one.text)}\n{plain(one.by)}, {written}"
    return AnnotationLine(one.number, one.start_s, one.end_s, told, one.withdraws is None and withdrawn_by is None)


def read_draft(start: str, end: str, text: str, by: str, channel: str, *, blank: bool) -> Draft:
    """Return what was typed; an empty end is an instant. Raises ValueError with a sentence on what is missing."""
    start_s = read_clock(start)
    end_s = read_clock(end) if end.strip() else start_s
    if end_s < start_s:
        raise ValueError("the end lies before the beginning")
    if blank and end_s == start_s:
        raise ValueError("an artefact is a stretch: drag over it, or write its end")
    said, name = _said(text, by, "what there is to say")
    return Draft(start_s, end_s, said, name, "" if channel == ALL_CHANNELS else channel, blank)


def read_withdrawal(one: AnnotationLine | None, text: str, by: str) -> Draft:
    """Return the entry that withdraws another. Raises ValueError with a sentence on what is missing."""
    if one is None:
        raise ValueError("choose in the list what is to be withdrawn")
    if not one.stands:
        raise ValueError(f"number {one.number} is withdrawn, or withdraws another")
    reason, name = _said(text, by, "why it does not hold")
    return Draft(one.start_s, one.end_s, reason, name, withdraws=one.number)


def _said(text: str, by: str, what: str) -> tuple[str, str]:
    if not text.strip():
        raise ValueError(f"write {what}")
    if not by.strip():
        raise ValueError("write your name: an annotation is somebody's")
    return text.strip(), by.strip()
