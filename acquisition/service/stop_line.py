"""STOP from a process that has only just begun: the client's half of the door with nothing but the standard library.

Knows how a greeting and a STOP are spelled, and reads of the engine's messages only what says whether it was obeyed.
Everything else of a client is in ``acquisition.client``, whose libraries take many times as long to load as a pump
takes to stop. That both spell them alike is what ``test_stop_line`` holds.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from acquisition.service import door
from acquisition.service.discovery import EngineRecord
from acquisition.wire_facts import PROTOCOL_VERSION, STOP_TIMEOUT_S

STOP_REQUEST = 1
STOP = b'{"type":"stop","request":1,"reason":"amperfuse stop"}'
HELLO = b'{"type":"hello","request":2,"operator":"stop","samples":false}'
"""After the STOP, which needs no greeting: it asks for the states that name the pumps."""
STATE_S = 1.0
"""So long after the answer a state is waited for that names the pumps."""
MOST_PUMPS = 100


@dataclass(frozen=True)
class Stopped:
    """What the engine said. ``pumps``: name, and whether it confirmed this STOP; empty when no state came."""

    text: str
    confirmed: bool
    pumps: tuple[tuple[str, bool], ...]


class StopNotHeard(Exception):
    """The engine did not take the STOP, or did not answer."""


def stop(record: EngineRecord, timeout_s: float = STOP_TIMEOUT_S) -> Stopped:
    """Send STOP to a running engine and return what it answers. Raises StopNotHeard."""
    if record.protocol_version != PROTOCOL_VERSION:
        raise StopNotHeard(
            f"the running engine speaks version {record.protocol_version} of the messages, this program "
            f"{PROTOCOL_VERSION}. Use the installation it was started from; stop a pump with its own STOP key."
        )
    try:
        connection = door.knock(record.address, record.family, record.read_key())
    except door.DoorClosed as error:
        raise StopNotHeard(f"engine process {record.pid} is there but does not answer: {error}") from error
    try:
        return _talk(connection, timeout_s)
    finally:
        door.hang_up(connection)
        connection.close()


def _talk(connection: Connection, timeout_s: float) -> Stopped:
    listening = _Listener(connection)
    try:
        door.send(connection, STOP)
        with suppress(door.DoorClosed):  # an answer that is on its way can still be read
            door.send(connection, HELLO)
        with listening.until(timeout_s):
            answer = listening.answer()
    except door.DoorClosed as error:
        raise StopNotHeard(f"no answer to stop within {timeout_s:g} s, or the engine hung up: {error}") from error
    confirmed = answer.get("confirmed") is True
    with suppress(door.DoorClosed), listening.until(STATE_S):  # the answer is what counts; this only names the pumps
        while listening.pumps is None or (confirmed and not all(known for _name, known in listening.pumps)):
            listening.hear()
    pumps = tuple((name, confirmed or (known and listening.is_after_stop)) for name, known in listening.pumps or ())
    return Stopped(str(answer.get("text", "")), confirmed, pumps)


class _Listener:
    """Reads messages and keeps what matters: the answer to STOP, and the pumps of the newest state."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.pumps: tuple[tuple[str, bool], ...] | None = None
        self._first_ns: object = None
        self._newest_ns: object = None

    @property
    def is_after_stop(self) -> bool:
        """Tell whether the newest state knows of this STOP, where the answer says that not every pump confirmed.

        The first state that is sent may have been made before it, and tell of the confirmation of an earlier STOP; so
        does one that contradicts the answer.
        """
        return self._newest_ns != self._first_ns and not all(known for _name, known in self.pumps or ())

    def until(self, seconds: float) -> _Bell:
        """Hang up after so long: a blocked read ends with DoorClosed."""
        return _Bell(self._connection, seconds)

    def answer(self) -> dict[str, Any]:
        """Return the answer to STOP. Raises DoorClosed."""
        while True:
            message = self.hear()
            if message.get("type") == "answer" and message.get("request") == STOP_REQUEST:
                return message

    def hear(self) -> dict[str, Any]:
        """Return the next message; a state is noted. What cannot be read is passed over. Raises DoorClosed."""
        try:
            message = json.loads(door.receive(self._connection))
        except (ValueError, RecursionError):
            return {}
        if not isinstance(message, dict):
            return {}
        if message.get("type") == "state" and isinstance(message.get("pumps"), list):
            self._newest_ns = message.get("now_ns")
            if self.pumps is None:
                self._first_ns = self._newest_ns
            pumps = [pump for pump in message["pumps"][:MOST_PUMPS] if isinstance(pump, dict)]
            self.pumps = tuple((str(pump.get("name", "?")), pump.get("stop_confirmed") is True) for pump in pumps)
        return message


class _Bell:
    """Hangs up when its time is over, unless what it was set for came before."""

    def __init__(self, connection: Connection, seconds: float) -> None:
        self._timer = threading.Timer(seconds, door.hang_up, (connection,))
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
