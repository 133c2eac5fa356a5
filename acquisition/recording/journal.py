"""The journal file: appends whole records or none, and says when a record is stored.

Alone knows how records become a file that survives a kill at any instant: created exclusively, appended by one write
per record, a short write cut back. A record is acknowledged when its write has returned whole; it survives a power cut
once ``sync`` has returned. Does not know who calls it, when, or from which thread (one at a time, except ``sync``).
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from acquisition.events import Event
from acquisition.recording import frames
from acquisition.recording.filesystem import FileSystem, OsFileSystem, explain
from acquisition.recording.frames import CloseRecord, Kind
from acquisition.recording.records import InfusionRow, RecordingFailed, SessionHeader
from drivers.capabilities import SampleBlock

JOURNAL_NAME = "session.journal"


def lock_session(session_dir: Path) -> BaseFileLock:
    """Take the lock of whoever may write this session's journal; the system frees it when its holder dies.

    Raises RecordingFailed when another program holds it or the folder cannot be written.
    """
    path = session_dir / ".recording.lock"
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise RecordingFailed(
            f"{session_dir} is being recorded by a program that still runs. What to do: end that session first."
        ) from error
    except OSError as error:
        raise RecordingFailed(explain(error, path)) from error
    return lock


@dataclass
class JournalEncoder:
    """Turns records into numbered, chained frames. Order of calls is order in the file; nothing may be left out."""

    header: SessionHeader
    sequence: int = 0
    """Number of the next record."""
    events: int = 0
    chain: bytes = b""
    """Hash of the last event; the header's before the first."""
    _streams: dict[str, int] = field(init=False, repr=False)
    _pumps: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._streams = {spec.instrument: number for number, spec in enumerate(self.header.streams)}
        self._pumps = {name: number for number, name in enumerate(self.header.pumps)}

    def first(self) -> bytes:
        """Return the frame of the header."""
        payload = frames.encode_header(self.header)
        self.chain = frames.genesis(payload)
        return self._frame(Kind.HEADER, payload)

    def samples(self, block: SampleBlock) -> bytes:
        """Return the frame of a block. Raises ValueError when the header does not announce its instrument."""
        number = self._streams.get(block.instrument)
        if number is None or self.header.streams[number].channels != block.channels:
            raise ValueError(f"the session's header does not announce {block.instrument} with {block.channels}")
        return self._frame(Kind.SAMPLES, frames.encode_samples(block), number)

    def infusion(self, row: InfusionRow) -> bytes:
        """Return the frame of an infusion row. Raises ValueError when the header does not announce its pump."""
        number = self._pumps.get(row.pump)
        if number is None:
            raise ValueError(f"the session's header does not announce the pump {row.pump}")
        return self._frame(Kind.INFUSION, frames.encode_infusion(row), number)

    def event(self, event: Event) -> bytes:
        """Return the frame of an event, tied to the events before it."""
        text = frames.encode_event(event)
        chain = frames.chain_hash(text, self.chain)
        frame = self._frame(Kind.EVENT, chain + text)
        self.chain = chain
        self.events += 1
        return frame

    def last(self, t_ns: int, wall_ns: int, outcome: str) -> bytes:
        """Return the frame of the closing record."""
        record = CloseRecord(t_ns, wall_ns, outcome, self.sequence, self.events, self.chain.hex())
        return self._frame(Kind.CLOSE, frames.encode_close(record))

    def _frame(self, kind: Kind, payload: bytes, stream: int = 0) -> bytes:
        frame = frames.encode_frame(kind, self.sequence, payload, stream)
        self.sequence += 1
        return frame


@dataclass
class JournalWriter:
    """One open journal file, appended to frame by frame."""

    path: Path
    descriptor: int
    size: int
    """Bytes of whole frames; what is beyond is cut off."""
    fs: FileSystem
    _torn: bool = field(default=False, init=False)

    @classmethod
    def create(cls, path: Path, first_frame: bytes, fs: FileSystem | None = None) -> JournalWriter:
        """Create the file with its first frame, on the disk with its folder entry when this returns.

        Never overwrites: raises RecordingFailed when the file exists or the disk refuses.
        """
        fs = fs or OsFileSystem()
        try:
            descriptor = fs.create(path)
        except FileExistsError as error:
            raise RecordingFailed(
                f"{path} exists already and is not overwritten. What to do: choose another session folder."
            ) from error
        except OSError as error:
            raise RecordingFailed(explain(error, path)) from error
        writer = cls(path, descriptor, 0, fs)
        try:
            writer.append(first_frame)
            writer.sync()
            fs.sync_folder(path.parent)
        except OSError as error:
            writer.close()
            raise RecordingFailed(explain(error, path)) from error
        except RecordingFailed:
            writer.close()
            raise
        return writer

    @classmethod
    def reopen(cls, path: Path, size: int, fs: FileSystem | None = None) -> JournalWriter:
        """Open an existing journal to append after its first ``size`` bytes; what is beyond is cut off."""
        fs = fs or OsFileSystem()
        try:
            descriptor = fs.append(path)
            fs.truncate(descriptor, size)
        except OSError as error:
            raise RecordingFailed(explain(error, path)) from error
        return cls(path, descriptor, size, fs)

    def append(self, frame: bytes) -> None:
        """Write one frame; it is stored when this returns. Raises RecordingFailed, and then none of it is kept."""
        try:
            if self._torn:
                self._cut_back()
            self._torn = True  # until it is known to be whole, whatever goes wrong
            taken = self.fs.write(self.descriptor, frame)
            if taken < len(frame):
                # The disk took the first part: it is nearly always full. Ask again for the reason in its own words.
                taken += self.fs.write(self.descriptor, frame[taken:])
                if taken < len(frame):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - same way out as the system's own
        except OSError as error:
            self._recover_tail()
            raise RecordingFailed(explain(error, self.path)) from error
        self.size += len(frame)
        self._torn = False

    def sync(self) -> None:
        """Return when everything appended is on the disk. Raises RecordingFailed. May run beside ``append``."""
        try:
            self.fs.sync(self.descriptor)
        except OSError as error:
            raise RecordingFailed(explain(error, self.path)) from error

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self.descriptor >= 0:
            descriptor, self.descriptor = self.descriptor, -1
            self.fs.close(descriptor)

    def _cut_back(self) -> None:
        self.fs.truncate(self.descriptor, self.size)
        self._torn = False

    def _recover_tail(self) -> None:
        self._torn = True
        try:
            self._cut_back()
        except OSError:
            self._torn = True  # tried again before the next append; a reader stops at the torn frame meanwhile
