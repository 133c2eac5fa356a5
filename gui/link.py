"""The window's line to the engine: never waits, finds the engine again by itself, lets STOP overtake everything.

Knows threads and the engine's client. The window sees ``EngineLink`` only: ask what came, hand over what to send.
A command that could not be delivered, or was not answered in time, comes back as an answer that says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Protocol

from acquisition.client import EngineClient, EngineLost, OtherVersion, keep_connecting
from acquisition.messages import Answer, Attend, Command, Credit, Hello, Report, Stop
from acquisition.wire_facts import STOP_TIMEOUT_S

ANSWER_TIMEOUT_S = 5.0
AGAIN_AFTER_S = 0.5


class EngineLink(Protocol):
    """What the window needs of the engine."""

    @property
    def operator(self) -> str:
        """Who sits at the window."""
        ...

    @property
    def connected(self) -> bool:
        """Tell whether the line stands."""
        ...

    @property
    def connections(self) -> int:
        """Return how many times a line was made: a new number means that something may have been missed."""
        ...

    @property
    def trouble(self) -> str:
        """Return why no connection is tried any more; empty otherwise."""
        ...

    def poll(self) -> list[Report]:
        """Return everything that has come since the last call, in order. Returns at once."""
        ...

    def attend(self) -> None:
        """Tell the engine that a person's window lives. Returns at once."""
        ...

    def send(self, command: Command) -> None:
        """Hand over a command; its answer comes through ``poll``, with the same request number. Returns at once."""
        ...


@dataclass
class _Worker:
    """A thread that carries out one job after the other."""

    name: str
    _jobs: SimpleQueue[Callable[[], None] | None] = field(default_factory=SimpleQueue)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def do(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)

    def end(self) -> None:
        self._jobs.put(None)
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class ClientLink:
    """``EngineLink`` over ``acquisition.client``: looks for this user's engine until it answers, again after a loss."""

    def __init__(self, operator: str) -> None:
        self.operator = operator.strip() or "somebody"
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._client: EngineClient | None = None
        self._connections = 0
        self._trouble = ""
        self._lost = threading.Event()
        self._closing = threading.Event()
        # STOP must not queue behind a command that waits for its answer, nor behind the samples' credit.
        self._workers = {name: _Worker(f"amperfuse-{name}") for name in ("stop", "commands", "credit")}
        self._finder = threading.Thread(target=self._keep_connected, name="amperfuse-finder", daemon=True)
        self._finder.start()

    @property
    def connected(self) -> bool:
        client = self._client
        return client is not None and not client.lost

    @property
    def connections(self) -> int:
        return self._connections

    @property
    def trouble(self) -> str:
        return self._trouble

    def poll(self) -> list[Report]:
        reports: list[Report] = []
        while not self._reports.empty():
            reports.append(self._reports.get())
        return reports

    def attend(self) -> None:
        client = self._client
        if client is not None:
            self._workers["credit"].do(client.attend)

    def send(self, command: Command) -> None:
        client = self._client
        if isinstance(command, Credit):
            if client is not None:
                self._workers["credit"].do(client.credit)
            return
        name = "stop" if isinstance(command, Stop) else "commands"
        self._workers[name].do(lambda: self._reports.put(_asked(self._client, command)))

    def close(self) -> None:
        """Hang up and end every thread. The engine does not mind."""
        self._closing.set()
        self._lost.set()
        if self._client is not None:
            self._client.close()
        self._finder.join(timeout=2.0)
        for worker in self._workers.values():
            worker.end()

    def _keep_connected(self) -> None:
        while not self._closing.is_set():
            self._lost.clear()
            try:
                client = keep_connecting(
                    self._closing,
                    operator=self.operator,
                    samples=True,
                    on_report=self._reports.put,
                    on_lost=lambda _why: self._lost.set(),
                )
            except OtherVersion as error:
                self._trouble = str(error)
                return
            if client is None:
                return
            self._connections += 1
            self._client = client
            if not client.lost:
                self._lost.wait()
            if self._closing.wait(AGAIN_AFTER_S):
                client.close()


def _asked(client: EngineClient | None, command: Command) -> Answer:
    """Ask and wait; every way of not getting an answer is an answer with ``ok`` False."""
    if isinstance(command, Attend | Credit | Hello):
        raise TypeError("signs of life, credit and hello are not commands of a person")
    if client is None:
        return Answer(request=command.request, ok=False, text="There is no connection to the engine.", confirmed=None)
    try:
        answer = client.request(command, STOP_TIMEOUT_S if isinstance(command, Stop) else ANSWER_TIMEOUT_S)
    except EngineLost as error:
        return Answer(request=command.request, ok=False, text=f"The engine did not answer: {error}", confirmed=None)
    return answer.model_copy(update={"request": command.request})
