"""A recorded session opened for the window: read once, its annotations read again whenever somebody added one.

Knows files and what becomes of them on the screen. Runs in the worker's thread; no Qt.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acquisition.books import annotations as book
from acquisition.books.annotations import Annotation
from analysis.review import Recording, open_recording
from gui.presenters.review.annotations import Draft
from gui.presenters.review.lines import Lines, lines
from gui.presenters.review.tracks import Tracks, tracks

Stamp = tuple[int, int]
NO_BOOK: Stamp = (0, 0)


@dataclass(frozen=True)
class Opened:
    """A recording, ready to be shown."""

    recording: Recording
    lines: Lines
    tracks: Tracks


@dataclass(frozen=True)
class Added:
    """The annotations as they stand in the book, and the state of its file."""

    annotations: tuple[Annotation, ...]
    stamp: Stamp


def open_session(folder: Path) -> Opened:
    """Read a recording. Raises OSError, ValueError."""
    recording = open_recording(folder)
    found = lines(recording)
    return Opened(recording, found, tracks(recording, found.end_s))


def read_added(folder: Path, known: Stamp | None) -> Added | None:
    """Return the annotations, or None while the book's file is as it was. Raises BookBroken."""
    stamp = _stamp(folder / book.NAME)
    return None if stamp == known else Added(book.read_annotations(folder), stamp)


def add(folder: Path, draft: Draft, wall_ns: int) -> Annotation:
    """Write an annotation to the book. Raises ValueError, BookBroken, BookUnwritable; then nothing was added."""
    return book.annotate(
        folder, draft.text, draft.by, wall_ns, start_s=draft.start_s, end_s=draft.end_s, channel=draft.channel,
        blank=draft.blank, withdraws=draft.withdraws,
    )  # fmt: skip


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except FileNotFoundError:
        return NO_BOOK
    return found.st_mtime_ns, found.st_size
