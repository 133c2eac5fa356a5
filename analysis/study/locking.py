"""The lock on an analysis: what every session said is written down and fixed before groups may be named.

Knows where readings lie, what the book keeps of them, and how a change shows: of the file, of a recording that was
read, of remarks beside it. A lock is never taken back; an analysis that is locked again keeps the earlier readings, and
the report tells it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from acquisition.books.annotations import read_annotations
from acquisition.books.chain import BookBroken
from acquisition.recording.filesystem import OsFileSystem, make_folders, write_whole
from analysis.study import study_book
from analysis.study.measure import session_hash
from analysis.study.readings import MAX_BYTES, AnimalRead, Readings, parsed, sha256
from analysis.study.study_book import Noted, StudyLog, told
from analysis.study.study_file import Study

FOLDER = "analysis"


class LockBroken(Exception):
    """What was locked is not as it was. Says what, and what to do."""


def readings_path(study: Study, digest: str) -> Path:
    """Return where the readings with this hash lie."""
    return study.folder / FOLDER / f"readings-{digest[:16]}.json"


def lock(study: Study, readings: Readings, *, by: str, wall_ns: int) -> Noted:
    """Write readings down and lock them: the file first, then the book. Raises BookBroken, BookUnwritable, OSError."""
    content = readings.as_bytes()
    digest = sha256(content)
    path = readings_path(study, digest)
    make_folders(OsFileSystem(), path.parent)
    if not path.exists() or path.read_bytes() != content:  # what a crash left of it
        path.unlink(missing_ok=True)
        write_whole(OsFileSystem(), path, content)
    with study_book.opened(study) as book:
        book.add({"kind": "analysis_locked", "by": by, "text": digest}, wall_ns)
        return told(book.entries).locked[-1]


def locked_readings(study: Study, log: StudyLog) -> Readings:
    """Return the readings that were locked last. Raises LockBroken when they are not what was locked."""
    digest = log.locked[-1].text
    path = readings_path(study, digest)
    restore = "Restore it from your backup. Locking again is possible, and the report will tell it."
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise LockBroken(f"the locked readings {path} cannot be read: {error.strerror or error}. {restore}") from error
    if sha256(content) != digest:
        raise LockBroken(f"{path} was changed after the analysis was locked. {restore}")
    try:
        return parsed(content)
    except ValueError as error:
        raise LockBroken(f"{path}: {error}. Another version of the program wrote it? {restore}") from error


def changes_since(study: Study, readings: Readings) -> Iterator[str]:
    """Yield a sentence for each recording that is not as it was read. The locked readings hold all the same."""
    for read in readings.animals:
        session = study.folder / read.session
        if (now := session_hash(session)) != read.journal_sha256:
            what = "was changed" if now else "is gone"
            yield f"{read.session} {what} since it was read; the result is that of the locked readings."
        elif _annotations(session) != read.annotations:
            yield f"{read.session} got remarks since it was read; the result is that of the locked readings."


def by_code(readings: Readings) -> Mapping[str, AnimalRead]:
    """Return what each animal's session says, by its code."""
    return {one.code: one for one in readings.animals}


def _annotations(session: Path) -> int:
    try:
        return len(read_annotations(session))
    except BookBroken:
        return -1
