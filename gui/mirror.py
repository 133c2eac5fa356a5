"""The engine as this window last heard it. No Qt, no decisions, nothing invented.

Keeps the last whole state, the events, the answers still wanted, and when the engine was heard. Between two states
engine time is carried on by the window's own clock; when the engine is gone it stands still.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from acquisition.messages import Answer, EngineState, EventNotice
from gui.presenters.text import NS_PER_S

EVENTS_KEPT = 5000
EventKey = tuple[str, int, str, str]


@dataclass
class EngineMirror:
    """What the window knows. ``ticks_ns`` is the window's own monotonic clock."""

    ticks_ns: Callable[[], int]
    state: EngineState | None = None
    connected: bool = False
    heard_ns: int | None = None
    """On the window's own clock."""
    events: deque[EventNotice] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    _known: set[EventKey] = field(default_factory=set)
    new_events: list[EventNotice] = field(default_factory=list)
    """Not yet shown; whoever shows them clears the list."""

    def take_state(self, state: EngineState) -> None:
        """Replace the state."""
        self.state = state
        self.heard_ns = self.ticks_ns()

    def take_event(self, event: EventNotice) -> bool:
        """Keep an event once, whether it came live or from the journal; tell whether it was new."""
        key = (event.kind, event.t_ns, event.source, event.text)
        if key in self._known:
            return False
        if len(self.events) == self.events.maxlen:
            oldest = self.events[0]
            self._known.discard((oldest.kind, oldest.t_ns, oldest.source, oldest.text))
        self._known.add(key)
        self.events.append(event)
        self.new_events.append(event)
        return True

    def forget_events(self, before_ns: int) -> None:
        """Another session begins: drop the events of the one before."""
        kept = [event for event in self.events if event.t_ns >= before_ns]
        self.events.clear()
        self.new_events.clear()
        self._known.clear()
        for event in kept:
            self.take_event(event)

    def silent_s(self) -> float:
        """Return how long, in real seconds, the engine has not been heard; 0 before the first state."""
        return 0.0 if self.heard_ns is None else (self.ticks_ns() - self.heard_ns) / NS_PER_S

    def engine_now_ns(self) -> int:
        """Return engine time now; frozen while the engine is gone, 0 before the first state."""
        if self.state is None:
            return 0
        if not self.connected:
            return self.state.now_ns
        return self.state.now_ns + round(self.silent_s() * NS_PER_S * self.state.rate)

    def session_s(self) -> float:
        """Return session time now, in seconds."""
        return 0.0 if self.state is None else (self.engine_now_ns() - self.state.session_started_ns) / NS_PER_S


@dataclass
class Questions:
    """Numbers for commands, and who waits for which answer."""

    _next: int = 1
    _waiting: dict[int, Callable[[Answer], None]] = field(default_factory=dict)

    def number(self, when_answered: Callable[[Answer], None]) -> int:
        """Return a fresh request number."""
        request = self._next
        self._next += 1
        self._waiting[request] = when_answered
        return request

    def take(self, answer: Answer) -> None:
        """Hand an answer to who asked; one that nobody asked for is dropped."""
        when_answered = self._waiting.pop(answer.request, None)
        if when_answered is not None:
            when_answered(answer)
