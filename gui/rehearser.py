"""Runs rehearsals in a process of their own: the window never waits, and an engine that records is not disturbed.

Knows the command line and how its lines become a ``RehearsalRun``. Shows nothing; the engine is told nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from PyQt6.QtCore import QObject, QProcess, QTimer

from acquisition.rehearsal_messages import MAX_LINE_BYTES, RehearsalProgress, from_line
from gui.presenters.rehearsal import RehearsalRun

END_MS = 3000
"""A process that was asked to end and has not by then is ended."""
COMMAND = (sys.executable, "-m", "amperfuse", "rehearse")
MAX_SAID_BYTES = 20_000


class Rehearser(Protocol):
    """What the window needs of it."""

    @property
    def run(self) -> RehearsalRun:
        """Return how the last rehearsal stands."""
        ...

    def start(self, session_dir: str) -> None:
        """Rehearse what this session was loaded with; nothing while one runs."""
        ...

    def cancel(self) -> None:
        """End the one that runs, if any."""
        ...

    def close(self) -> None:
        """End the one that runs at once; the window closes."""
        ...


class ProcessRehearser(QObject):
    """One rehearsal at a time."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        super().__init__()
        self._command = tuple(command)
        self._process: QProcess | None = None
        self._said = b""
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._kill)
        self.run = RehearsalRun()

    def start(self, session_dir: str) -> None:
        if self._process is not None:
            return
        self.run, self._said = RehearsalRun("running", session_dir, text="starting"), b""
        process = self._process = QProcess(self)
        process.setProgram(self._command[0])
        process.setArguments([*self._command[1:], session_dir, "--json", "--out", str(Path(session_dir).parent)])
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._read_errors)
        process.finished.connect(self._ended)
        process.errorOccurred.connect(self._failed)
        process.start()

    def cancel(self) -> None:
        if self._process is None or self.run.stage != "running":
            return
        self.run = replace(self.run, stage="cancelling")
        self._process.terminate()
        self._patience.start(END_MS)

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.blockSignals(True)  # noqa: FBT003 - Qt's own
            process.terminate()
            if not process.waitForFinished(END_MS // 3):
                process.kill()
                process.waitForFinished(END_MS)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _read(self) -> None:
        process = self._process
        while process is not None and process.canReadLine():
            line = process.readLine(MAX_LINE_BYTES + 2)
            try:
                self._take(line)
            except ValueError as error:
                self.run = replace(self.run, stage="failed", text=f"it said something that cannot be read: {error}")
                process.kill()
                return

    def _take(self, line: bytes) -> None:
        message = from_line(line)
        if self.run.stage != "running":
            return
        if isinstance(message, RehearsalProgress):
            self.run = replace(self.run, progress=message.progress, text=message.text)
        else:
            self.run = replace(
                self.run, stage="done", progress=1.0, go=message.go, reasons=message.reasons, page=message.page
            )

    def _read_errors(self) -> None:
        if self._process is not None:
            self._said = (self._said + bytes(self._process.readAllStandardError().data()))[-MAX_SAID_BYTES:]

    def _ended(self) -> None:
        self._read()
        self._read_errors()
        self._patience.stop()
        if self.run.stage == "cancelling":
            self.run = replace(self.run, stage="cancelled")
        if self.run.stage == "running":
            said = self._said.decode("utf-8", "replace").strip()
            self.run = replace(self.run, stage="failed", text=said or "it ended without a word")
        if self._process is not None:
            self._process.deleteLater()
            self._process = None

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart and self._process is not None:
            self.run = replace(self.run, stage="failed", text=f"it could not be started: {self._process.errorString()}")
            self._process.deleteLater()
            self._process = None
