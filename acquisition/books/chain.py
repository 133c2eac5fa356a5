"""A book: a text file of entries that are only ever added, each holding the hash of the one before.

Knows how an entry reaches the disk whole, and how a changed, missing, moved or cut-off entry shows. Does not know what
entries mean. ``h_n = SHA-256(h_{n-1} + canonical JSON of entry n)`` (safety.md 3.2). The chain alone does not show that
entries are missing at its end, so number and hash of the last one are also kept in an anchor, a second file elsewhere.
Tamper-evident, not tamper-proof: who rewrites both files is not found out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from acquisition.events import Scalar
from acquisition.recording.filesystem import FileSystem, OsFileSystem, make_folders

MAX_BYTES = 200_000_000
MAX_LINE = 20_000
_GENESIS = "0" * 64
_NEW_ANCHOR = b"amperfuse anchor: number and hash of the last entry of a book\n"


class BookBroken(Exception):
    """A book is not as it was written. Says where, and what to do."""


class BookUnwritable(Exception):
    """An entry could not be written; the book is as it was before."""


@dataclass(frozen=True)
class Entry:
    """One entry. ``number`` counts from 1."""

    number: int
    wall_ns: int
    data: Mapping[str, Scalar]
    sha256: str


@dataclass
class Book:
    """An open book; nobody else adds to it meanwhile. Raises BookBroken, BookUnwritable."""

    path: Path
    anchor: Path
    fs: FileSystem = field(default_factory=OsFileSystem)
    entries: list[Entry] = field(default_factory=list, init=False)
    torn: bytes = field(default=b"", init=False)
    """What a crash left of an entry that was never acknowledged; cut off, and told in the next entry."""
    _size: int = field(default=0, init=False)
    _lock: FileLock = field(init=False, repr=False)

    def open(self) -> Book:
        """Take the book, verify all of it and its anchor, mend what a crash tore."""
        self._lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        try:
            make_folders(self.fs, self.path.parent)
            make_folders(self.fs, self.anchor.parent)
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise BookUnwritable(f"another session holds {self.path.name}; end it first") from error
        except OSError as error:
            raise BookUnwritable(f"{self.path} cannot be opened: {error.strerror or error}") from error
        try:
            self.entries, self.torn, self._size = _read(self.path)
            check_anchor(self.path, self.anchor, self.entries)
            if not self.entries:  # before the first entry, so that a book never stands without its anchor
                self._append(self.anchor, _NEW_ANCHOR + f"0 {_GENESIS}\n".encode(), 0)
        except OSError as error:
            self.close()
            raise BookUnwritable(f"{self.anchor} cannot be written: {error.strerror or error}") from error
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Give the book back."""
        self._lock.release()

    def add(self, data: Mapping[str, Scalar], wall_ns: int) -> Entry:
        """Write one entry to the disk and return it. Raises BookUnwritable; then nothing was added."""
        if self.torn:
            data = {**data, "cut_off_before": self.torn[:200].decode("utf-8", "replace")}
        entry = _chained(self.entries[-1] if self.entries else None, data, wall_ns)
        line = _line(entry)
        try:
            self._append(self.path, line, self._size)
        except OSError as error:
            raise BookUnwritable(f"{self.path} cannot be written: {error.strerror or error}") from error
        self.torn = b""
        self._size += len(line)
        self.entries.append(entry)
        self._anchor(entry)
        return entry

    def _anchor(self, entry: Entry) -> None:
        """Note the new head. An anchor that lags behind by a failed write is still a true one."""
        with suppress(OSError):
            whole = self.anchor.read_bytes().rfind(b"\n") + 1
            self._append(self.anchor, f"{entry.number} {entry.sha256}\n".encode(), whole)

    def _append(self, path: Path, data: bytes, size: int) -> None:
        """Write after the first ``size`` bytes, sync; cut back whatever stands there of a write that failed."""
        fresh = not path.exists()
        descriptor = self.fs.create(path) if fresh else self.fs.append(path)
        try:
            try:
                self.fs.truncate(descriptor, size)
                rest = data
                while rest:
                    rest = rest[self.fs.write(descriptor, rest) :]
                self.fs.sync(descriptor)
                if fresh:
                    self.fs.sync_folder(path.parent)
            except OSError:
                with suppress(OSError):
                    self.fs.truncate(descriptor, size)
                raise
        finally:
            self.fs.close(descriptor)


def read_entries(path: Path, anchor: Path) -> list[Entry]:
    """Return the entries of a book that nobody needs to hold for it; verified. An absent book has none.

    Raises BookBroken.
    """
    entries, _torn, _size = _read(path)
    check_anchor(path, anchor, entries)
    return entries


def check_anchor(path: Path, anchor: Path, entries: list[Entry]) -> None:
    """Raise BookBroken when the anchor knows of entries that are not there, or of others."""
    lines = anchor.read_bytes().split(b"\n")[1:-1] if anchor.exists() else []  # the first one says what it is
    if not lines:
        if entries:
            raise BookBroken(
                f"{path} has {len(entries)} entries, but its anchor {anchor} is missing: nobody can tell whether some "
                "are gone from its end. Restore both from your backup."
            )
        return
    number, _, sha256 = lines[-1].decode("ascii", "replace").partition(" ")
    if not number.isdigit() or len(entries) < int(number):
        missing = int(number) - len(entries) if number.isdigit() else 0
        raise BookBroken(
            f"{path} is cut off: its anchor {anchor} knows of {missing} entries more. Restore it from your backup."
        )
    if int(number) and entries[int(number) - 1].sha256 != sha256:
        raise BookBroken(f"{path} was changed: entry {number} is not the one that its anchor {anchor} knows.")


def _read(path: Path) -> tuple[list[Entry], bytes, int]:
    try:
        if not path.exists():
            return [], b"", 0
        if path.stat().st_size > MAX_BYTES:
            raise BookBroken(f"{path} is larger than {MAX_BYTES} bytes; this is no book of this program.")
        content = path.read_bytes()
    except OSError as error:
        raise BookBroken(f"{path} cannot be read: {error.strerror or error}") from error
    size = content.rfind(b"\n") + 1
    begin = content.rfind(b"\n", 0, max(0, size - 1)) + 1
    if b"\0" in content[begin:size]:  # a power cut took a block out of the last write; the anchor knows if it counted
        size = begin
    entries: list[Entry] = []
    for line_number, line in enumerate(content[:size].split(b"\n")[:-1], start=1):
        entries.append(_parsed(line, entries[-1] if entries else None, f"{path}, line {line_number}"))
    return entries, content[size:], size


def _parsed(line: bytes, before: Entry | None, where: str) -> Entry:
    try:
        if len(line) > MAX_LINE:
            raise ValueError("too long")  # noqa: TRY301 - one message for everything that is wrong with a line
        found = json.loads(line)
        data, wall_ns = found["data"], found["wall_ns"]
        if not isinstance(wall_ns, int) or not isinstance(data, dict):
            raise TypeError("kinds")  # noqa: TRY301 - as above
        entry = _chained(before, data, wall_ns)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BookBroken(f"{where}: this is no entry. Restore the book from your backup.") from error
    if _line(entry) != line + b"\n":
        raise BookBroken(f"{where}: this entry was changed, or one before it is gone. Restore it from your backup.")
    return entry


def _chained(before: Entry | None, data: Mapping[str, Scalar], wall_ns: int) -> Entry:
    number = before.number + 1 if before else 1
    text = json.dumps([number, wall_ns, data], sort_keys=True, separators=(",", ":"), allow_nan=False)
    digest = hashlib.sha256(((before.sha256 if before else _GENESIS) + text).encode()).hexdigest()
    return Entry(number, wall_ns, data, digest)


def _line(entry: Entry) -> bytes:
    found = {"number": entry.number, "wall_ns": entry.wall_ns, "data": entry.data, "sha256": entry.sha256}
    return json.dumps(found, sort_keys=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"
