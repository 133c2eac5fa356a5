"""The two recorders an engine can be given: with threads for a real run, without for lockstep.

Know when writing and syncing happen. All policy is in ``recorder_core``; the engine sees ``records.RecordSink``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from acquisition.events import Event
from acquisition.messages import RecorderView
from acquisition.recording.filesystem import FileSystem
from acquisition.recording.recorder_core import CAPACITY_BYTES, RecorderCore
from acquisition.recording.records import InfusionRow, RecordingFailed, SessionHeader
from drivers.capabilities import SampleBlock
from drivers.clock import Clock

ArchiverState = Literal["off", "running", "behind", "dead", "done"]
SYNC_INTERVAL_S = 0.5
"""[M] twice a second: a power cut then costs 0.1 s (median) to 0.6 s; reference "recording", 1d."""
RETRY_S = 1.0
CLOSE_TIMEOUT_S = 10.0


def _no_archiver() -> ArchiverState:
    return "off"


def _view(core: RecorderCore, archiver: ArchiverState) -> RecorderView:
    return RecorderView.model_construct(  # asked several times a second, of values that are what they should be
        journal_bytes=core.writer.size,
        records=core.written,
        synced_ns=core.synced_ns,
        queue_fill=core.fill,
        disk_free_bytes=core.disk_free_bytes,
        archiver=archiver,
        failing=core.failing,
    )


@dataclass
class InlineRecorder:
    """Records in the caller's thread: for lockstep hosts. Syncs at ``commit`` and at the end.

    Virtual time passes too fast for two syncs a second, and what was written survives a kill without them.
    """

    core: RecorderCore
    archiver_state: Callable[[], ArchiverState] = _no_archiver

    @classmethod
    def create(
        cls,
        session_dir: Path,
        header: SessionHeader,
        clock: Clock,
        fs: FileSystem | None = None,
        capacity_bytes: int = CAPACITY_BYTES,
    ) -> InlineRecorder:
        """Create the journal in an existing folder. Raises RecordingFailed."""
        return cls(RecorderCore.create(session_dir, header, clock, fs, capacity_bytes))

    def samples(self, block: SampleBlock) -> int:
        number = self.core.put_samples(block)
        self.core.step(self.core.clock.now_ns())
        return number

    def event(self, event: Event) -> int:
        number = self.core.put_event(event)
        self.core.step(self.core.clock.now_ns())
        return number

    def infusion(self, row: InfusionRow) -> None:
        self.core.put_infusion(row)
        self.core.step(self.core.clock.now_ns())

    def commit(self, event: Event, timeout_s: float) -> None:  # noqa: ARG002 - nothing here can be waited for
        self.core.put_event(event)
        if not (self.core.write() and self.core.sync()):
            raise RecordingFailed(self.core.failing)

    def progress(self) -> int:
        return self.core.written

    def strain(self) -> tuple[str, float]:
        return self.core.failing, self.core.fill

    def view(self) -> RecorderView:
        return _view(self.core, self.archiver_state())

    def close(self, outcome: str = "closed") -> None:
        """Write the closing record and close the file. Raises RecordingFailed; may be called twice."""
        self.core.finish(outcome)


@dataclass
class Recorder:
    """Records in two threads, one that writes and one that syncs, so that no call but ``commit`` waits for a disk."""

    core: RecorderCore
    archiver_state: Callable[[], ArchiverState] = _no_archiver
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False, repr=False)
    _stopping: bool = field(default=False, init=False)
    _retry_now: bool = field(default=False, init=False)
    _sync_wanted: int = field(default=0, init=False)
    _threads: tuple[threading.Thread, ...] = field(default=(), init=False, repr=False)

    @classmethod
    def create(
        cls,
        session_dir: Path,
        header: SessionHeader,
        clock: Clock,
        fs: FileSystem | None = None,
        capacity_bytes: int = CAPACITY_BYTES,
    ) -> Recorder:
        """Create the journal in an existing folder and start the threads. Raises RecordingFailed."""
        recorder = cls(RecorderCore.create(session_dir, header, clock, fs, capacity_bytes))
        recorder.start()
        return recorder

    def start(self) -> None:
        """Start the threads; they are daemons: a hung disk must not keep the engine from ending."""
        self._threads = (
            threading.Thread(target=self._write_loop, name="recorder-write", daemon=True),
            threading.Thread(target=self._sync_loop, name="recorder-sync", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    def samples(self, block: SampleBlock) -> int:
        number = self.core.put_samples(block)
        self._wake()
        return number

    def event(self, event: Event) -> int:
        number = self.core.put_event(event)
        self._wake()
        return number

    def infusion(self, row: InfusionRow) -> None:
        self.core.put_infusion(row)
        self._wake()

    def commit(self, event: Event, timeout_s: float) -> None:
        """Return when the event is on the disk; ``timeout_s`` is real seconds.

        Raises RecordingFailed otherwise. The event then still waits in memory and is stored when the disk takes it.
        """
        failures = self.core.failures
        wanted = self.core.put_event(event) + 1
        with self._changed:
            self._sync_wanted = max(self._sync_wanted, wanted)
            self._retry_now = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.core.synced >= wanted or self.core.failures > failures, timeout_s)
        if self.core.synced >= wanted:
            return
        raise RecordingFailed(
            self.core.failing
            or f"The disk has not confirmed an event within {timeout_s:g} s: {event.text}. What waited for it must not "
            "happen. What to do: check whether another program keeps the disk busy, then try again."
        )

    def progress(self) -> int:
        return self.core.written

    def strain(self) -> tuple[str, float]:
        return self.core.failing, self.core.fill

    def view(self) -> RecorderView:
        return _view(self.core, self.archiver_state())

    def close(self, outcome: str = "closed") -> None:
        """Write all that waits and the closing record, end the threads. Raises RecordingFailed; may be called twice."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(CLOSE_TIMEOUT_S)
        if any(thread.is_alive() for thread in self._threads):
            raise RecordingFailed(
                f"The disk has not answered for {CLOSE_TIMEOUT_S:g} s while the recording was being closed. What is "
                "stored stays stored. What to do: check the disk, then run: amperfuse recover "
                f"{self.core.writer.path.parent}"
            )
        self.core.finish(outcome)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _write_loop(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self.core.pending > 0)
                if self._stopping:
                    return
                self._retry_now = False
            stored = self.core.write()
            with self._changed:
                self._changed.notify_all()
                if not stored:
                    self._changed.wait_for(lambda: self._stopping or self._retry_now, RETRY_S)

    def _sync_loop(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._commit_can_sync(), SYNC_INTERVAL_S)
                if self._stopping:
                    return
            synced = self.core.sync()
            self.core.look_at_disk()
            with self._changed:
                if not synced:
                    self._sync_wanted = 0  # whoever waits has been told; do not try again at once for ever
                self._changed.notify_all()

    def _commit_can_sync(self) -> bool:
        return self.core.synced < self._sync_wanted <= self.core.written
