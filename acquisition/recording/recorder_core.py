"""What a recorder does, without threads: numbers records, holds them until the disk takes them, says how it goes.

Alone knows the policies: bounded memory, newest sample blocks give way and leave a GAP event, events and infusion rows
never do; after a failed write everything waits and is tried again. ``put_*`` may be called from any thread, ``write``
and ``finish`` from one, ``sync`` from another: it holds no lock, so that a slow disk delays no record.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from filelock import BaseFileLock

from acquisition.events import Event, EventKind, Scalar
from acquisition.recording.filesystem import FileSystem, OsFileSystem
from acquisition.recording.journal import JOURNAL_NAME, JournalEncoder, JournalWriter, lock_session
from acquisition.recording.records import InfusionRow, RecordingFailed, SessionHeader
from drivers.capabilities import SampleBlock
from drivers.clock import NS_PER_S, Clock

CAPACITY_BYTES = 64 * 1024 * 1024
"""Samples that may wait in memory: ten minutes of 12 channels at 1 kHz, days at the usual rates."""
RETRY_NS = NS_PER_S
_WAITS = "New records wait in memory; recording continues by itself as soon as the disk takes them."


@dataclass
class _Dropped:
    epoch: int
    first_index: int
    last_index: int
    samples: int = 0
    blocks: int = 0


@dataclass
class RecorderCore:
    """The queue between the engine and one journal."""

    clock: Clock
    encoder: JournalEncoder
    writer: JournalWriter
    lock: BaseFileLock
    """Held while the journal may grow: nobody recovers a session that is being recorded."""
    capacity_bytes: int = CAPACITY_BYTES
    written: int = field(default=1, init=False)
    """Records acknowledged by the disk, the header included."""
    synced: int = field(default=1, init=False)
    """Records that survive a power cut."""
    synced_ns: int | None = field(default=None, init=False)
    failures: int = field(default=0, init=False)
    """How often a write or sync has failed."""
    disk_free_bytes: int | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _queue: deque[bytes] = field(default_factory=deque, init=False, repr=False)
    _queued_bytes: int = field(default=0, init=False)
    _dropped: dict[str, _Dropped] = field(default_factory=dict, init=False)
    _half_full_said: bool = field(default=False, init=False)
    _write_problem: str = field(default="", init=False)
    _sync_problem: str = field(default="", init=False)
    _failing_since_ns: int = field(default=0, init=False)
    _retry_ns: int = field(default=0, init=False)
    _closed: bool = field(default=False, init=False)

    @classmethod
    def create(
        cls,
        session_dir: Path,
        header: SessionHeader,
        clock: Clock,
        fs: FileSystem | None = None,
        capacity_bytes: int = CAPACITY_BYTES,
    ) -> RecorderCore:
        """Create the journal in an existing folder, its header on the disk. Raises RecordingFailed."""
        encoder = JournalEncoder(header)
        lock = lock_session(session_dir)
        try:
            writer = JournalWriter.create(session_dir / JOURNAL_NAME, encoder.first(), fs or OsFileSystem())
        except RecordingFailed:
            lock.release()
            raise
        core = cls(clock, encoder, writer, lock, capacity_bytes)
        core.synced_ns = clock.now_ns()
        core.look_at_disk()
        return core

    def put_samples(self, block: SampleBlock) -> int:
        """Queue a block; return its record's number, or the last one given out when the block had to be dropped.

        Raises ValueError for an instrument the header does not announce, RecordingFailed after ``finish``.
        """
        size = block.index.nbytes + block.current_a.nbytes + block.flags.nbytes
        with self._lock:
            if self._queued_bytes + size > self.capacity_bytes and self._queue:
                self._drop(block)
                return self.encoder.sequence - 1
            self._say_dropped(block.instrument)
            self._append(lambda: self.encoder.samples(block))
            number = self.encoder.sequence - 1
            self._say_half_full()
            return number

    def put_event(self, event: Event) -> int:
        """Queue an event, however full the queue is; return its record's number."""
        with self._lock:
            self._append(lambda: self.encoder.event(event))
            return self.encoder.sequence - 1

    def put_infusion(self, row: InfusionRow) -> None:
        """Queue an infusion row, however full the queue is."""
        with self._lock:
            self._append(lambda: self.encoder.infusion(row))

    def step(self, now_ns: int) -> None:
        """Write what waits; after a failure only once a second."""
        if not self._write_problem or now_ns >= self._retry_ns:
            self.write()

    def write(self) -> bool:
        """Write everything that waits; tell whether all of it is stored."""
        while True:
            with self._lock:
                if not self._queue:
                    break
                frame = self._queue[0]
            try:
                self.writer.append(frame)
            except RecordingFailed as failure:
                self._write_failed(str(failure))
                return False
            with self._lock:
                self._queue.popleft()
                self._queued_bytes -= len(frame)
            self.written += 1
            if self._write_problem:
                self._write_works_again()
        return True

    def sync(self) -> bool:
        """Bring what is written onto the disk; tell whether it is there."""
        written = self.written
        if written == self.synced and not self._sync_problem:
            return True
        try:
            self.writer.sync()
        except RecordingFailed as failure:
            self.failures += 1
            if not self._sync_problem:
                self._say(
                    "The disk did not confirm what was written: the last records may not survive a power cut.",
                    {"first_unconfirmed": self.synced, "reason": str(failure)},
                )
            self._sync_problem = str(failure)
            return False
        self._sync_problem = ""
        self.synced = written
        self.synced_ns = self.clock.now_ns()
        return True

    def finish(self, outcome: str = "closed") -> None:
        """Write everything that waits and the closing record, sync, close the file.

        Raises RecordingFailed when the disk does not take it; the journal is then whole up to the last stored
        record, and ``recover`` closes it.
        """
        if self._closed:
            return
        with self._lock:
            for instrument in list(self._dropped):
                self._say_dropped(instrument)
            self._closed = True
            frame = self.encoder.last(self.clock.now_ns(), self.clock.wall_ns(), outcome)
            self._queue.append(frame)
            self._queued_bytes += len(frame)
        try:
            if not (self.write() and self.sync()):
                raise RecordingFailed(self._lost_at_the_end())
        finally:
            self.writer.close()
            self.lock.release()

    def look_at_disk(self) -> None:
        """Ask how much room is left; may be slow on a sick disk."""
        try:
            self.disk_free_bytes = self.writer.fs.free_bytes(self.writer.path.parent)
        except OSError:
            self.disk_free_bytes = None

    @property
    def pending(self) -> int:
        """Return how many records wait in memory."""
        return len(self._queue)

    @property
    def fill(self) -> float:
        """Return how full the queue is, 0..1."""
        return min(1.0, self._queued_bytes / self.capacity_bytes)

    @property
    def failing(self) -> str:
        """Say why recording fails now and what to do; empty when it does not."""
        if not (self._write_problem or self._sync_problem or self._dropped):
            return ""
        with self._lock:
            lost = ", ".join(f"{drop.samples} samples of {name}" for name, drop in self._dropped.items())
        full = f"The memory for waiting records is full; not recorded so far: {lost}." if lost else ""
        waits = _WAITS if self._write_problem else ""
        return " ".join(text for text in (self._write_problem, waits, self._sync_problem, full) if text)

    def _lost_at_the_end(self) -> str:
        waiting = len(self._queue) - 1  # the closing record is nobody's data
        lost = f"{waiting} records that waited in memory when the session ended are not stored. " if waiting > 0 else ""
        return (
            f"{self._write_problem or self._sync_problem} {lost}Then close the recording: amperfuse recover "
            f"{self.writer.path.parent}"
        )

    def _append(self, make: Callable[[], bytes]) -> None:
        """Queue a record, or give its number back: behind a number that is missing nobody reads on."""
        if self._closed:
            raise RecordingFailed("The recording is closed; nothing more can be recorded in this session.")
        encoder = self.encoder
        before = encoder.sequence, encoder.events, encoder.chain
        try:
            frame = make()
            self._queue.append(frame)
        except BaseException:  # no memory, for example
            encoder.sequence, encoder.events, encoder.chain = before
            raise
        self._queued_bytes += len(frame)

    def _event(self, kind: EventKind, text: str, data: dict[str, Scalar]) -> None:
        event = Event(kind, self.clock.now_ns(), self.clock.wall_ns(), "recorder", text, data)
        self._append(lambda: self.encoder.event(event))

    def _say(self, text: str, data: dict[str, Scalar]) -> None:
        with self._lock:
            if not self._closed:
                self._event(EventKind.SYSTEM, text, data)

    def _say_half_full(self) -> None:
        if self.fill >= 0.5 and not self._half_full_said:
            self._half_full_said = True
            self._event(
                EventKind.SYSTEM,
                "The memory for records that wait for the disk is half full. When it is full, the newest samples are "
                "not recorded; events always are.",
                {"waiting": len(self._queue), "capacity_bytes": self.capacity_bytes},
            )
        elif self.fill < 0.25:
            self._half_full_said = False

    def _drop(self, block: SampleBlock) -> None:
        if not len(block.index):
            return
        first, last = int(block.index[0]), int(block.index[-1])
        drop = self._dropped.get(block.instrument)
        if drop is not None and drop.epoch != block.epoch:
            self._say_dropped(block.instrument)
            drop = None
        if drop is None:
            drop = self._dropped[block.instrument] = _Dropped(block.epoch, first, last)
        drop.last_index = last
        drop.samples += len(block.index)
        drop.blocks += 1

    def _say_dropped(self, instrument: str) -> None:
        drop = self._dropped.get(instrument)
        if drop is None:
            return
        self._event(
            EventKind.GAP,
            f"{drop.samples} samples of {instrument} were not recorded: the disk did not take them and the memory "
            "for waiting records was full.",
            {
                "instrument": instrument,
                "epoch": drop.epoch,
                "first_index": drop.first_index,
                "last_index": drop.last_index,
                "samples": drop.samples,
                "blocks": drop.blocks,
                "reason": "queue full",
            },
        )
        del self._dropped[instrument]

    def _write_failed(self, problem: str) -> None:
        now_ns = self.clock.now_ns()
        self.failures += 1
        self._retry_ns = now_ns + RETRY_NS
        first = not self._write_problem
        self._write_problem = problem
        if first:
            self._failing_since_ns = now_ns
            self._say("Records wait in memory because the disk does not take them.", {"reason": problem})

    def _write_works_again(self) -> None:
        self._write_problem = ""
        waited_s = (self.clock.now_ns() - self._failing_since_ns) / NS_PER_S
        self._say("The disk takes records again.", {"waited_s": waited_s, "waiting": len(self._queue)})
