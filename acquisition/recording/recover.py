"""After a crash: closes the journal at its last undamaged record and brings ``session.nwb`` to what it says.

Knows what may be cut and what must be kept: nothing is thrown away, bytes after the last whole record are kept in a
file of their own. May be run again at any time. Does not know pumps: it only names what may have been delivered.
"""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from acquisition.events import Event, EventKind
from acquisition.recording.filesystem import FileSystem, OsFileSystem, explain
from acquisition.recording.journal import JOURNAL_NAME, JournalEncoder, JournalWriter, lock_session
from acquisition.recording.manifest import (
    ARCHIVER_LOCK_NAME,
    MANIFEST_NAME,
    NWB_NAME,
    file_hash,
    is_done,
    read_manifest,
)
from acquisition.recording.reader import JournalReader
from acquisition.recording.records import INTENT_OUTCOMES, RecordingFailed
from drivers.capabilities import SampleBlock
from drivers.clock import Clock, SystemClock

KEPT_NWB_NAME = "session.as-closed.nwb"
_ARCHIVER = (sys.executable, "-m", "acquisition.recording.archiver")
_SLOWEST_BYTES_PER_S = 2_000_000
_AT_LEAST_S = 120.0


@dataclass(frozen=True)
class RecoveryReport:
    """What was found and done."""

    session_dir: Path
    was_closed: bool
    """The engine had closed the session itself."""
    records: int
    samples: int
    events: int
    torn_bytes: int
    """Bytes after the last whole record; kept in ``session.journal.torn``."""
    torn_reason: str
    maybe_delivered: tuple[str, ...]
    """Intents to move a pump whose outcome is not in the journal: count them as delivered."""
    file: str
    """What was done to the NWB file: "untouched", "completed" or "rebuilt"."""
    kept_file: str = ""
    """Name under which a NWB file was kept that is whole while its journal is damaged; empty in all other cases."""

    def text(self) -> str:
        """Return the report for people."""
        ended = "had been closed properly" if self.was_closed else "had been interrupted and is closed now"
        lines = [
            f"Session {self.session_dir.name} {ended}.",
            f"{self.records} records are stored: {self.samples} samples, {self.events} events.",
            f"session.nwb: {self.file}.",
        ]
        if self.torn_bytes:
            lines.append(f"{self.torn_bytes} bytes were kept in {JOURNAL_NAME}.torn: {self.torn_reason}.")
        if self.kept_file:
            lines.append(
                f"The journal was damaged after the session had been closed. The NWB file as it was closed is kept as "
                f"{self.kept_file}: it holds the rows that were cut off the journal."
            )
        lines += [f"MAYBE DELIVERED, count it as given: {text}" for text in self.maybe_delivered]
        return "\n".join(lines)


@dataclass
class _Survey:
    reader: JournalReader
    samples: int
    last: Event | None
    last_ns: int
    open_intents: dict[str, list[Event]]

    def unsettled(self) -> list[Event]:
        """Return the intents whose outcome is not in the journal, in their order."""
        return sorted((event for events in self.open_intents.values() for event in events), key=lambda item: item.t_ns)


def recover(session_dir: Path, clock: Clock | None = None, fs: FileSystem | None = None) -> RecoveryReport:
    """Close and repair a session; doing it twice changes nothing more.

    Raises RecordingFailed when the session is still being recorded, has no readable header, or the disk refuses.
    """
    clock, fs = clock or SystemClock(), fs or OsFileSystem()
    if not (session_dir / JOURNAL_NAME).is_file():
        raise RecordingFailed(f"{session_dir} holds no {JOURNAL_NAME}. What to do: name the folder of a session.")
    if (session_dir / JOURNAL_NAME).is_symlink():  # its session may be running, under a lock in another folder
        raise RecordingFailed(
            f"{session_dir / JOURNAL_NAME} is a link to another file. What to do: recover the folder it leads to."
        )
    _refuse_links(session_dir)
    lock = lock_session(session_dir)
    try:
        survey = _survey(session_dir / JOURNAL_NAME)
        was_closed = survey.reader.closed is not None
        kept_file = "" if was_closed else _keep_whole_file(session_dir)
        torn, reason = _keep_torn(survey.reader, fs)
        if not was_closed:
            _close_journal(survey, torn, clock, fs)
        done = _repair_file(session_dir)
        survey = _survey(session_dir / JOURNAL_NAME)
    finally:
        lock.release()
    return RecoveryReport(
        session_dir=session_dir,
        was_closed=was_closed,
        records=survey.reader.next_sequence,
        samples=survey.samples,
        events=survey.reader.events,
        torn_bytes=torn,
        torn_reason=reason,
        maybe_delivered=tuple(f"{event.source}: {event.text}" for event in survey.unsettled()),
        file=done,
        kept_file=kept_file,
    )


def _refuse_links(session_dir: Path) -> None:
    """A folder of somebody else may hold links under the names that are written here, to a file that is not its own."""
    # a link in the place of the NWB file is replaced, and never written through
    links = sorted(path.name for path in session_dir.iterdir() if path.is_symlink() and path.name != NWB_NAME)
    if links:
        raise RecordingFailed(
            f"{session_dir} holds a link to something else, {links[0]!r}, which recover might write to; nothing was "
            "changed. What to do: no session has one, so find out who made it, and remove it."
        )


def _survey(journal: Path) -> _Survey:
    reader = JournalReader(journal)
    survey = _Survey(reader, 0, None, 0, {})
    for record in reader.tail():
        body = record.body
        if isinstance(body, Event):
            survey.last = body
            survey.last_ns = max(survey.last_ns, body.t_ns)
            _follow_intent(survey.open_intents, body)
        elif isinstance(body, SampleBlock):
            survey.samples += len(body.index)
            survey.last_ns = max(survey.last_ns, body.received_ns)
    if reader.header is None:
        what = "nothing was changed; session.nwb, where there is one, holds what was taken from it before"
        if not journal.stat().st_size:
            what = "nothing was recorded in it"
        raise RecordingFailed(f"{journal} has no readable session header ({reader.problem or 'it is empty'}): {what}.")
    return survey


def _follow_intent(open_intents: dict[str, list[Event]], event: Event) -> None:
    if event.kind is EventKind.INTENT:
        open_intents.setdefault(event.source, []).append(event)
    elif event.data.get("what") in INTENT_OUTCOMES and open_intents.get(event.source):
        open_intents[event.source].pop()  # the latest: an earlier one that was never settled stays open


def _keep_whole_file(session_dir: Path) -> str:
    """Keep the file of a closed session whose journal was damaged later: it has rows that a repair could not make."""
    nwb = session_dir / NWB_NAME
    try:
        listed = read_manifest(session_dir)
        if not nwb.is_file() or file_hash(nwb) != listed.get(NWB_NAME):
            return ""
        nwb.rename(session_dir / KEPT_NWB_NAME)
    except (OSError, ValueError):
        return ""
    return KEPT_NWB_NAME


def _keep_torn(reader: JournalReader, fs: FileSystem) -> tuple[int, str]:
    size = reader.path.stat().st_size
    if size == reader.valid_end:
        return 0, ""
    beyond = size - reader.valid_end
    kept = reader.path.with_name(f"{JOURNAL_NAME}.torn")
    kept_before = kept.stat().st_size if kept.exists() else 0
    try:
        if beyond > fs.free_bytes(reader.path.parent):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - the same way out as the system's own
        _append_rest(reader, kept, fs)
        JournalWriter.reopen(reader.path, reader.valid_end, fs).close()
    except OSError as error:
        with contextlib.suppress(OSError):
            os.truncate(kept, kept_before)  # the next attempt keeps them again, from the start
        raise RecordingFailed(
            f"{explain(error, kept)} The {beyond} bytes after the last whole record are kept there before they are "
            "cut off the journal."
        ) from error
    return beyond, reader.problem


def _append_rest(reader: JournalReader, kept: Path, fs: FileSystem) -> None:
    """Append what stands behind the last whole record to ``kept``, on the disk before anything is cut."""
    target = fs.append(kept) if kept.exists() else fs.create(kept)
    try:
        with reader.path.open("rb") as source:
            source.seek(reader.valid_end)
            while piece := source.read(1 << 20):
                while piece:
                    piece = piece[fs.write(target, piece) :]
        fs.sync(target)
    finally:
        fs.close(target)
    fs.sync_folder(kept.parent)


def _close_journal(survey: _Survey, torn: int, clock: Clock, fs: FileSystem) -> None:
    reader = survey.reader
    assert reader.header is not None  # noqa: S101 - the survey refuses a journal without one
    encoder = JournalEncoder(reader.header, reader.next_sequence, reader.events, reader.chain)
    # The machine may have been restarted: its monotonic clock says nothing here. The session ends with its last record.
    t_ns = max(survey.last_ns, reader.header.started_ns)
    said = Event(
        EventKind.SESSION,
        t_ns,
        clock.wall_ns(),
        "recover",
        "INTERRUPTED: the recording ended without being closed. It was closed by recover.",
        {"state": "interrupted", "torn_bytes": torn, "open_intents": len(survey.unsettled())},
    )
    said_before = survey.last is not None and (survey.last.kind, survey.last.source) == (said.kind, said.source)
    writer = JournalWriter.reopen(reader.path, reader.valid_end, fs)
    try:
        if not said_before:  # a recovery that was itself interrupted
            writer.append(encoder.event(said))
        writer.append(encoder.last(t_ns, said.wall_ns, "recovered"))
        writer.sync()
    finally:
        writer.close()


def _repair_file(session_dir: Path) -> str:
    if _manifest_fits(session_dir):
        return "untouched"
    try:
        with FileLock(session_dir / ARCHIVER_LOCK_NAME, timeout=30):
            pass  # an archiver whose engine died ends by itself within a second or two
    except Timeout as error:
        raise RecordingFailed(
            f"An archiver still works in {session_dir}. What to do: wait until it has ended, then recover again."
        ) from error
    (session_dir / MANIFEST_NAME).unlink(missing_ok=True)
    if _run_archiver(session_dir) == 0:
        return "completed"
    if _run_archiver(session_dir, "--rebuild") == 0:
        return "rebuilt"
    raise RecordingFailed(
        f"session.nwb in {session_dir} could not be made from the journal; the journal is whole and safe. What to do: "
        "check that the disk has room for a second copy of the file, look at archiver.log, then recover again."
    )


def _manifest_fits(session_dir: Path) -> bool:
    if not is_done(session_dir):
        return False
    try:
        listed = read_manifest(session_dir)
        paths = {session_dir / name: digest for name, digest in listed.items()}
        return all(path.is_file() and file_hash(path) == digest for path, digest in paths.items())
    except (OSError, ValueError):
        return False


def _run_archiver(session_dir: Path, *options: str) -> int:
    """Run it as a process: what HDF5 does to damaged files must not happen to who recovers."""
    timeout_s = _AT_LEAST_S + (session_dir / JOURNAL_NAME).stat().st_size / _SLOWEST_BYTES_PER_S
    try:
        with (session_dir / "archiver.log").open("ab") as log:
            return subprocess.run(  # noqa: S603 - our own module, no shell
                [*_ARCHIVER, str(session_dir), *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                timeout=timeout_s,
                check=False,
            ).returncode
    except (subprocess.TimeoutExpired, OSError):
        return -1
