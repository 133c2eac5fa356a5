"""A client's end of the engine's connection: the latest state, a stream of reports, requests and their answers.

Used alike by window, command line and scripts. Knows messages; decides nothing about the experiment, and being
killed at any moment changes nothing in the engine.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from acquisition.messages import (
    COMMAND,
    REPORT,
    Answer,
    Attend,
    Command,
    Credit,
    EngineState,
    Hello,
    Report,
)
from acquisition.service import door
from acquisition.service.discovery import EngineRecord, NoEngine, find_engine
from acquisition.wire_facts import PROTOCOL_VERSION


class EngineLost(Exception):
    """The engine hung up, died, or does not answer."""


class OtherVersion(Exception):
    """The running engine speaks another version of the messages."""


class EngineClient:
    """One connection to the running engine. Thread-safe; callbacks come from its reader thread."""

    def __init__(
        self,
        connection: Connection,
        record: EngineRecord,
        on_report: Callable[[Report], None] | None = None,
        on_lost: Callable[[str], None] | None = None,
        operator: str = "",
    ) -> None:
        self.record = record
        self.operator = operator
        self._connection = connection
        self._on_report = on_report or (lambda _report: None)
        self._on_lost = on_lost or (lambda _why: None)
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._next_request = 1
        self._answers: dict[int, Answer | None] = {}
        self._state: EngineState | None = None
        self._lost = ""
        self._reader = threading.Thread(target=self._read, name="amperfuse-client", daemon=True)
        self._reader.start()

    @classmethod
    def connect(
        cls,
        record: EngineRecord | None = None,
        *,
        operator: str = "",
        samples: bool = False,
        on_report: Callable[[Report], None] | None = None,
        on_lost: Callable[[str], None] | None = None,
        timeout_s: float = 5.0,
    ) -> Self:
        """Connect to ``record``, by default to this user's running engine, and introduce the operator.

        ``samples`` asks for the live feed (call ``credit`` after drawing each samples message). ``on_report`` gets
        every state, event and samples message, ``on_lost`` the reason once the connection ends by itself.
        Raises NoEngine, OtherVersion, EngineLost.
        """
        record = record or find_engine()
        if record.protocol_version != PROTOCOL_VERSION:
            raise OtherVersion(
                f"the running engine speaks version {record.protocol_version} of the messages, this program "
                f"{PROTOCOL_VERSION}. Use the installation it was started from; stop a pump with its own STOP key."
            )
        try:
            connection = door.knock(record.address, record.family, record.read_key(), timeout_s)
        except door.DoorClosed as error:
            raise EngineLost(f"engine process {record.pid} is there but does not answer: {error}") from error
        client = cls(connection, record, on_report, on_lost, operator)
        try:
            client.request(Hello(request=0, operator=operator, samples=samples), timeout_s)
        except EngineLost:
            client.close()
            raise
        return client

    @property
    def state(self) -> EngineState | None:
        """Return the newest state, None before the first one came."""
        with self._changed:
            return self._state

    @property
    def lost(self) -> str:
        """Return why the connection ended; empty while it stands."""
        with self._changed:
            return self._lost

    def request(self, command: Command, timeout_s: float = 5.0) -> Answer:
        """Send a command (its ``request`` number is replaced) and return the answer to it.

        Raises EngineLost when the connection ends or no answer comes within ``timeout_s``: the command may or may
        not have been carried out; look at ``state``.
        """
        with self._changed:
            number = self._next_request
            self._next_request += 1
            self._answers[number] = None
        try:
            self._send(command.model_copy(update={"request": number}))
            with self._changed:
                self._changed.wait_for(lambda: self._answers[number] is not None or self._lost, timeout_s)
                answer = self._answers[number]
                if answer is None:
                    raise EngineLost(self._lost or f"no answer to {command.type} within {timeout_s:g} s")
                return answer
        finally:
            with self._changed:
                self._answers.pop(number, None)

    def credit(self) -> None:
        """Allow the engine to send one more samples message. Quietly nothing once the connection is lost."""
        try:
            self._send(Credit())
        except EngineLost:
            return

    def attend(self) -> None:
        """Say that a person is at this client; say it every ATTEND_S. Quietly nothing once the connection is lost."""
        try:
            self._send(Attend(operator=self.operator))
        except EngineLost:
            return

    def wait_for(self, condition: Callable[[EngineState], bool], timeout_s: float) -> EngineState | None:
        """Wait until a state fulfils ``condition``; None when time is up. Raises EngineLost."""
        with self._changed:
            self._changed.wait_for(lambda: self._lost or (self._state and condition(self._state)), timeout_s)
            if self._state is not None and condition(self._state):
                return self._state
            if self._lost:
                raise EngineLost(self._lost)
            return None

    def close(self) -> None:
        """Hang up. Changes nothing in the engine. May be called twice, from any thread."""
        with self._changed:
            if not self._lost:
                self._lost = "closed by this client"
                self._on_lost = lambda _why: None
            self._changed.notify_all()
        door.hang_up(self._connection)
        if threading.current_thread() is not self._reader:
            self._reader.join(timeout=2.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, command: Command) -> None:
        try:
            with self._sending:
                door.send(self._connection, COMMAND.dump_json(command))
        except door.DoorClosed as error:
            raise EngineLost(f"the engine hung up: {error}") from error

    def _read(self) -> None:
        why = ""
        while not why:
            try:
                why = self._take(door.receive(self._connection))
            except door.DoorClosed as error:
                why = f"the engine hung up: {error}"
        with self._changed:
            first = not self._lost
            self._lost = self._lost or why
            self._changed.notify_all()
        self._connection.close()
        if first:
            self._on_lost(why)

    def _take(self, data: bytes) -> str:
        """Handle one message; return why the connection must end, or nothing."""
        try:
            report = REPORT.validate_json(data)
        except ValidationError as error:
            return _why_unreadable(data, error)
        with self._changed:
            if isinstance(report, Answer):
                if report.request in self._answers:
                    self._answers[report.request] = report
            elif isinstance(report, EngineState):
                self._state = report
            self._changed.notify_all()
        if not isinstance(report, Answer):
            self._on_report(report)
        return ""


def _why_unreadable(data: bytes, error: ValidationError) -> str:
    try:
        version = json.loads(data).get("version", PROTOCOL_VERSION)
    except (ValueError, AttributeError):
        version = PROTOCOL_VERSION
    if version != PROTOCOL_VERSION:
        return f"the engine speaks version {version} of the messages, this program {PROTOCOL_VERSION}"
    return f"the engine sent a message this program cannot read ({error.error_count()} faults)"


def keep_connecting(
    give_up: threading.Event,
    *,
    operator: str = "",
    samples: bool = False,
    on_report: Callable[[Report], None] | None = None,
    on_lost: Callable[[str], None] | None = None,
    interval_s: float = 0.5,
) -> EngineClient | None:
    """Try again and again until an engine answers; None once ``give_up`` is set. For a window that outlives engines."""
    while not give_up.is_set():
        try:
            return EngineClient.connect(operator=operator, samples=samples, on_report=on_report, on_lost=on_lost)
        except (NoEngine, EngineLost):
            give_up.wait(interval_s)
    return None
