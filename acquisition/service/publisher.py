"""What the engine tells its clients, without ever waiting for one of them.

Knows, per client, the newest state (older ones are dropped), a bounded queue of events, and samples that are sent
only on credit and thinned to minimum and maximum while a client lags. Does not know connections; the server takes
messages out with ``Subscription.take``. Every call of the engine's side returns at once.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from acquisition.messages import Answer, ChannelSamples, EngineState, EventNotice, Report
from acquisition.service.live_trace import Trace, joined, reduced

MAX_EVENTS = 1000
MAX_ANSWERS = 100
MAX_POINTS = 3000
"""Points kept per instrument for a client that has not given credit: more than a screen has columns."""
MAX_CREDIT = 8


@dataclass
class _Pending:
    channels: tuple[str, ...]
    sequence: int = 0
    traces: list[Trace] = field(default_factory=list)
    points: int = 0

    def add(self, samples: ChannelSamples) -> None:
        trace = Trace(np.array(samples.t_ns, dtype=np.int64), np.array(samples.current_a, dtype=np.float64).T)
        self.sequence = samples.journal_sequence
        self.traces.append(trace)
        self.points += len(trace)
        if self.points > MAX_POINTS:
            thinned = reduced(joined(self.traces), MAX_POINTS // 2)
            self.traces, self.points = [thinned], len(thinned)

    def take(self, instrument: str) -> ChannelSamples:
        trace = joined(self.traces)
        self.traces, self.points = [], 0
        return ChannelSamples(
            instrument=instrument,
            channels=self.channels,
            journal_sequence=self.sequence,
            t_ns=tuple(trace.t_ns.tolist()),
            current_a=tuple(tuple(column) for column in trace.current_a.T.tolist()),
        )


class Subscription:
    """What one client has still to be told. Thread-safe; memory bounded whatever the client does."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._state: EngineState | None = None
        self._events: deque[EventNotice] = deque()
        self._skipped = 0
        self._answers: deque[Answer] = deque(maxlen=MAX_ANSWERS)
        self._pending: dict[str, _Pending] = {}
        self._credit = 0
        self._wants_samples = False
        self._closed = False

    def ask_for_samples(self) -> None:
        """Begin the live feed with one credit."""
        with self._ready:
            self._wants_samples, self._credit = True, 1

    def add_credit(self) -> None:
        """Allow one more samples message."""
        with self._ready:
            self._credit = min(self._credit + 1, MAX_CREDIT)
            self._ready.notify_all()

    def put_answer(self, answer: Answer) -> None:
        """Queue the answer to a command; answers overtake everything else."""
        with self._ready:
            self._answers.append(answer)
            self._ready.notify_all()

    def put_state(self, state: EngineState) -> None:
        """Replace whatever state was waiting."""
        with self._ready:
            self._state = state
            self._ready.notify_all()

    def put_event(self, notice: EventNotice) -> None:
        """Queue an event; when the queue is full the oldest is skipped and counted."""
        with self._ready:
            if len(self._events) >= MAX_EVENTS:
                self._events.popleft()
                self._skipped += 1
            self._events.append(notice)
            self._ready.notify_all()

    def put_samples(self, samples: ChannelSamples) -> None:
        """Keep samples for when the client gives credit."""
        with self._ready:
            if not self._wants_samples or not samples.t_ns:
                return
            pending = self._pending.get(samples.instrument)
            if pending is None:
                pending = self._pending[samples.instrument] = _Pending(samples.channels)
            pending.add(samples)
            self._ready.notify_all()

    def close(self) -> None:
        """Wake whoever waits in ``take``; nothing more comes."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def take(self, timeout_s: float) -> Report | None:
        """Return the next message, waiting at most ``timeout_s``; None when there is none.

        Answers first, then the state, events in order, samples on credit.
        """
        with self._ready:
            self._ready.wait_for(lambda: self._closed or self._has_something(), timeout_s)
            if self._answers:
                return self._answers.popleft()
            if self._state is not None:
                state, self._state = self._state, None
                return state
            return self._take_event() or self._take_samples()

    def _has_something(self) -> bool:
        samples = self._credit > 0 and any(pending.points for pending in self._pending.values())
        return bool(self._answers or self._state is not None or self._events or samples)

    def _take_event(self) -> EventNotice | None:
        if not self._events:
            return None
        if self._skipped:
            first, count = self._events[0], self._skipped
            self._skipped = 0
            return EventNotice(
                kind="system",
                t_ns=first.t_ns,
                wall_ns=first.wall_ns,
                source="publisher",
                text=f"{count} events are not shown here because this client was too slow; the recording has them.",
                data={"skipped": count},
            )
        return self._events.popleft()

    def _take_samples(self) -> ChannelSamples | None:
        if self._credit == 0:
            return None
        for instrument, pending in self._pending.items():
            if pending.points:
                self._credit -= 1
                self._pending[instrument] = self._pending.pop(instrument)  # to the end: instruments take turns
                return pending.take(instrument)
        return None


class ClientPublisher:
    """The engine's mouth, ``publisher_port.Publisher``: hands every state, event and block to every subscription."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: tuple[Subscription, ...] = ()
        self._latest: EngineState | None = None

    def subscribe(self, subscription: Subscription) -> None:
        """Tell this client too from now on; it begins with the newest state there is. Again changes nothing."""
        with self._lock:
            if subscription in self._subscriptions:
                return
            self._subscriptions = (*self._subscriptions, subscription)
            if self._latest is not None:
                subscription.put_state(self._latest)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a client."""
        with self._lock:
            self._subscriptions = tuple(one for one in self._subscriptions if one is not subscription)
        subscription.close()

    def state(self, state: EngineState) -> None:
        """Tell everybody the newest state."""
        with self._lock:
            self._latest = state
            subscriptions = self._subscriptions
        for subscription in subscriptions:
            subscription.put_state(state)

    def event(self, notice: EventNotice) -> None:
        """Tell everybody that something happened."""
        for subscription in self._subscriptions:
            subscription.put_event(notice)

    def samples(self, samples: ChannelSamples) -> None:
        """Offer samples that the recorder has taken to everybody who draws."""
        for subscription in self._subscriptions:
            subscription.put_samples(samples)
