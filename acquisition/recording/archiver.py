"""The archiver: follows a journal and keeps ``session.nwb`` up with it, in a process of its own.

``python -m acquisition.recording.archiver SESSION_DIR [--rebuild]``. Knows how to begin, resume, end and rebuild the
file. It may be killed, hang or be taken down by the HDF5 library at any instant: the journal is the truth and nothing
here touches it. Says on standard output, at least once a second while it gets on, how many records it has taken, and
``closing`` before the long silence in which the file gets its closed form. Ends when the journal has its closing
record, or when standard input is closed because the engine is gone.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from filelock import FileLock, Timeout

from acquisition.events import Event
from acquisition.recording.finish import finish_file
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.live_file import Batch, Key, LiveFile
from acquisition.recording.manifest import ARCHIVER_LOCK_NAME, FINISHING_NAME, NWB_NAME, is_done, write_manifest
from acquisition.recording.reader import JournalReader, Record
from acquisition.recording.records import InfusionRow, SessionHeader
from acquisition.recording.row_check import first_difference
from drivers.capabilities import SampleBlock

FLUSH_INTERVAL_S = 1.0
BATCH_BYTES = 8 * 1024 * 1024
_STANDARD_INPUT = 0
CLOSING = "closing"
EXIT_DONE, EXIT_FAILED, EXIT_BUSY, EXIT_NOT_CLOSED = 0, 1, 3, 4


@dataclass
class Archive:
    """One journal and one file that follows it."""

    reader: JournalReader
    live: LiveFile
    _skip: dict[Key, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._skip = dict(self.live.rows)  # rows that are in the file already: each row is written exactly once

    def catch_up(self, say: Callable[[int], None] = lambda _records: None) -> int:
        """Append what the journal has more; return how many records were taken. ``say`` hears of progress."""
        header = self.live.header
        taken = 0
        said_at = self.reader.valid_end
        batch = Batch(header)
        for record in self.reader.tail():
            taken += 1
            if record.end - said_at >= BATCH_BYTES:  # a long journal must not look like a process that hangs
                said_at = record.end
                say(self.reader.next_sequence)
            if (fresh := self._not_yet_written(record)) is not None:
                batch.add(fresh)
            if batch.bytes >= BATCH_BYTES:
                self.live.append(batch.columns(self.live.rows))
                batch = Batch(header)
        if batch.bytes:
            self.live.append(batch.columns(self.live.rows))
        return taken

    def _not_yet_written(self, record: Record) -> Record | None:
        key = key_of(record)
        if key is None:
            return None
        skip = self._skip[key]
        if not skip:
            return record
        if isinstance(record.body, SampleBlock):
            block = record.body
            count = min(skip, len(block.index))
            self._skip[key] -= count
            if count == len(block.index):
                return None
            rest = replace(
                block, index=block.index[count:], current_a=block.current_a[count:], flags=block.flags[count:]
            )
            return replace(record, body=rest)
        self._skip[key] -= 1
        return None


def key_of(record: Record) -> Key | None:
    """Return the table a record belongs to; None if it has no rows."""
    body = record.body
    if isinstance(body, SampleBlock):
        return ("samples", body.instrument)
    if isinstance(body, InfusionRow):
        return ("infusion", body.pump)
    if isinstance(body, Event):
        return ("event", body.kind.value)
    return None


def open_archive(session_dir: Path) -> Archive:
    """Open the live file of a session where it was left, or make it anew."""
    journal = session_dir / JOURNAL_NAME
    header = read_header(journal)
    path = session_dir / NWB_NAME
    usable = path.is_file() and not path.is_symlink()  # never changes another session's file, never reads a pipe
    if usable and not (session_dir / FINISHING_NAME).exists():
        try:
            return Archive(JournalReader(journal), LiveFile.resume(path, header))
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            _report(f"{NWB_NAME} cannot be continued ({error}); it is made anew from the journal")
    (session_dir / FINISHING_NAME).unlink(missing_ok=True)
    return Archive(JournalReader(journal), LiveFile.create(path, header))


def read_header(journal: Path) -> SessionHeader:
    """Return the header of a journal. Raises ValueError when it has none."""
    reader = JournalReader(journal)
    next(reader.tail(), None)
    if reader.header is None:
        raise ValueError(f"{journal} has no session header: {reader.problem or 'it is empty'}")
    return reader.header


def rebuild(session_dir: Path) -> None:
    """Make the closed file anew from a closed journal and put it in place of what is there."""
    journal = session_dir / JOURNAL_NAME
    building = session_dir / "session.rebuild.nwb"
    building.unlink(missing_ok=True)
    live = LiveFile.create(building, read_header(journal))
    try:
        Archive(JournalReader(journal), live).catch_up()
    finally:
        live.close()
    closed = finish_file(building, journal)
    if difference := first_difference(building, journal):
        raise ValueError(f"the rebuilt file differs from the journal: {difference}")
    building.replace(session_dir / NWB_NAME)
    write_manifest(session_dir, closed)
    (session_dir / FINISHING_NAME).unlink(missing_ok=True)


def close_archive(session_dir: Path, archive: Archive) -> None:
    """Bring the file of a closed journal into its closed form; rebuild it when it is not what the journal says."""
    archive.live.close()
    marker = session_dir / FINISHING_NAME
    marker.touch()
    path, journal = session_dir / NWB_NAME, session_dir / JOURNAL_NAME
    try:
        closed = finish_file(path, journal)
        difference = first_difference(path, journal)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        difference = f"{type(error).__name__}: {error}"
    if difference:
        _report(f"{NWB_NAME} differs from the journal ({difference}); it is made anew")
        rebuild(session_dir)
        return
    write_manifest(session_dir, closed)
    marker.unlink()


def follow(session_dir: Path, engine_gone: threading.Event) -> int:
    """Follow the journal to its end; return the exit code."""
    if is_done(session_dir):
        return EXIT_DONE
    archive = open_archive(session_dir)
    while True:
        last_round = engine_gone.is_set()
        archive.catch_up(_tell)
        _tell(archive.reader.next_sequence)
        if archive.reader.closed is not None:
            _tell(CLOSING)
            close_archive(session_dir, archive)
            return EXIT_DONE
        if last_round:
            archive.live.close()
            return EXIT_NOT_CLOSED
        engine_gone.wait(FLUSH_INTERVAL_S)


def main(arguments: list[str]) -> int:
    """Run the archiver; return its exit code."""
    session_dir = Path(arguments[0])
    try:
        with FileLock(session_dir / ARCHIVER_LOCK_NAME, timeout=0):
            if "--rebuild" in arguments[1:]:
                rebuild(session_dir)
                return EXIT_DONE
            engine_gone = threading.Event()
            threading.Thread(target=_watch_input, args=(engine_gone,), name="engine-watch", daemon=True).start()
            return follow(session_dir, engine_gone)
    except Timeout:
        _report("another archiver works on this session")
        return EXIT_BUSY
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        _report(f"{type(error).__name__}: {error}")
        return EXIT_FAILED


def _watch_input(engine_gone: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(_STANDARD_INPUT, 4096):  # not sys.stdin: its lock cannot be released when this process ends
            pass
    engine_gone.set()


def _tell(progress: int | str) -> None:
    print(progress, flush=True)  # noqa: T201 - the supervisor reads this


def _report(text: str) -> None:
    print(f"archiver: {text}", file=sys.stderr, flush=True)  # noqa: T201 - goes to the session's archiver log


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
