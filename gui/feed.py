"""The stream of reports, sorted: state and events to the mirror, samples to the store, answers to who asked.

Notices a new session and a line that came back, and then has the journal read. Gives credit for what was drawn.
No Qt, no decisions; the window asks ``take`` once a frame and shows what there is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from acquisition.messages import ChannelSamples, Credit, EngineState, EventNotice, Report
from acquisition.signal.blocks import Stretch
from gui.history import HistoryLoader, ReadHistory
from gui.link import EngineLink
from gui.mirror import EngineMirror, Questions
from gui.store import TraceStore

MOST_WAITING = 2000
"""Samples messages that may wait for history; beyond them no credit is given and the engine thins instead."""


@dataclass
class Feed:
    """Everything that comes in. ``rewritten`` tells the window to write its log anew."""

    link: EngineLink
    read_history: ReadHistory
    mirror: EngineMirror
    questions: Questions = field(default_factory=Questions)
    store: TraceStore = field(default_factory=lambda: TraceStore(0))
    rewritten: bool = False
    """Events came out of order: the log has to be written again. Reset by who has done it."""
    problem: str = ""
    """Why history is missing; empty when it is not."""
    _history: HistoryLoader | None = None
    _connections: int = 0
    _owed: int = 0
    """Samples messages taken since the last credit."""

    def take(self) -> None:
        """Take what has come; returns at once."""
        self._watch_line()
        for report in self.link.poll():
            self._take_one(report)
        self._take_history()

    def give_credit(self) -> None:
        """What was taken is on the screen now: as many messages may follow."""
        if self.store.waiting > MOST_WAITING:
            return
        for _message in range(self._owed):
            self.link.send(Credit())
        self._owed = 0

    def close(self) -> None:
        """End the reading of history, if it still goes on."""
        if self._history is not None:
            self._history.cancel()
            self._history = None

    def _watch_line(self) -> None:
        connected = self.link.connected
        if not connected and self.mirror.connected:
            # What comes first over the next line has to wait until the journal has told what was missed.
            self.store.hold()
        if connected and self._connections != self.link.connections:
            self._connections = self.link.connections
            if self.mirror.state is not None:
                self._read_history(self.mirror.state)
        self.mirror.connected = connected

    def _take_one(self, report: Report) -> None:
        if isinstance(report, EngineState):
            before = self.mirror.state
            self.mirror.take_state(report)
            if before is None or before.session_id != report.session_id:
                self._begin_session(report)
        elif isinstance(report, EventNotice):
            self.mirror.take_event(report)
        elif isinstance(report, ChannelSamples):
            self.store.live(report)
            self._owed += 1
        else:
            self.questions.take(report)

    def _begin_session(self, state: EngineState) -> None:
        self.mirror.forget_events(before_ns=state.session_started_ns)
        self.store = TraceStore(state.session_started_ns)
        self.rewritten = True
        self._read_history(state)

    def _read_history(self, state: EngineState) -> None:
        self.close()
        self.store.hold()
        self._history = HistoryLoader(self.read_history, Path(state.session_dir))

    def _take_history(self) -> None:
        if self._history is None:
            return
        for item in self._history.poll():
            if isinstance(item, Stretch):
                self.store.history(item)
            elif isinstance(item, EventNotice):
                self.mirror.take_event(item)
            else:
                self.store.release(item)
        if self._history.done:
            self.problem = self._history.problem
            self.store.release(-1)  # without history, what waited is shown all the same
            self.close()
            self.rewritten = True
