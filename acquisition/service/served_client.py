"""One connected client: its commands in, its reports out.

Knows the rules of talking: strict messages, an answer to everything (a bad message too), and that a STOP goes into the
pumps' own stop slots from this very thread before anything else happens to it. One reader thread and one writer
thread; decides nothing about the experiment.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Protocol

from pydantic import ValidationError

from acquisition.messages import COMMAND, REPORT, Answer, Attend, Command, Credit, Hello, Stop
from acquisition.service import door
from acquisition.service.publisher import ClientPublisher, Subscription
from drivers.clock import NS_PER_S, Clock

log = logging.getLogger(__name__)

STOP_ANSWER_S = 3.3
"""A pump confirms within 3 s or not at all (drivers.capabilities.Stoppable); then the person is told so."""
MAX_UNANSWERED = 64
"""More commands than any person or screen has waiting; keeps a runaway script from filling the engine's memory."""
LOOK_S = 1.0


class Engine(Protocol):
    """What the server needs of the conductor. Callable from any thread; nothing in it waits."""

    def submit(self, command: Command, reply: Callable[[Answer], None]) -> None:
        """Take a command; ``reply`` is called once, from any thread, at once or later.

        A Stop is in every pump's own slot when this returns, whatever the conductor itself is doing.
        """
        ...

    def stop_confirmed(self) -> bool:
        """Tell whether every pump has confirmed the last STOP, without the conductor's help."""
        ...


@dataclass(frozen=True)
class House:
    """What every client of one engine shares."""

    key: bytes
    engine: Engine
    publisher: ClientPublisher
    clock: Clock


class ServedClient:
    """Talks with one client until either side hangs up; then calls ``gone``."""

    def __init__(self, connection: Connection, house: House, gone: Callable[[ServedClient], None]) -> None:
        self._connection = connection
        self._house = house
        self._gone = gone
        self._out = Subscription()
        self._sending_since_ns: int | None = None
        self._over = threading.Event()
        self._unanswered = threading.Semaphore(MAX_UNANSWERED)
        self._writer = threading.Thread(target=self._write, name="amperfuse-client-writer", daemon=True)
        self._reader = threading.Thread(target=self._read, name="amperfuse-client-reader", daemon=True)

    def start(self) -> None:
        """Begin with the handshake, in a thread of its own: a silent stranger keeps nobody waiting."""
        self._reader.start()

    def stuck_s(self) -> float:
        """Return for how long the client has not taken what is being sent to it."""
        since_ns = self._sending_since_ns
        return 0.0 if since_ns is None else (self._house.clock.now_ns() - since_ns) / NS_PER_S

    def drain(self, timeout_s: float) -> None:
        """Let the writer send what is queued, then end."""
        self._over.set()
        self._out.close()
        if self._writer.is_alive():
            self._writer.join(timeout_s)

    def hang_up(self) -> None:
        """End the connection now, from any thread."""
        self._over.set()
        self._out.close()
        door.hang_up(self._connection)

    def join(self, timeout_s: float) -> None:
        """Wait until the threads of this client are gone."""
        self._reader.join(timeout_s)

    # ---- reader thread -----------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            door.let_in(self._connection, self._house.key)
            self._writer.start()
            while not self._over.is_set():
                self._handle(door.receive(self._connection))
        except door.DoorClosed as end:
            log.debug("a client is gone: %s", end)
        finally:
            self._house.publisher.unsubscribe(self._out)
            self.hang_up()
            if self._writer.is_alive():
                self._writer.join(timeout=5.0)
            self._connection.close()
            self._gone(self)

    def _handle(self, data: bytes) -> None:
        try:
            command = COMMAND.validate_json(data)
        except ValidationError as error:
            self._out.put_answer(Answer(request=_request_number(data), ok=False, text=_what_is_wrong(error)))
            return
        if isinstance(command, Credit):
            self._out.add_credit()
        elif isinstance(command, Attend):
            self._house.engine.submit(command, lambda _answer: None)
        elif isinstance(command, Stop):
            self._stop(command)
        elif isinstance(command, Hello):
            self._greet(command)
        elif self._unanswered.acquire(blocking=False):
            self._house.engine.submit(command, self._answer)
        else:
            text = f"{MAX_UNANSWERED} commands of this client wait for an answer already; wait for one of them"
            self._out.put_answer(Answer(request=command.request, ok=False, text=text))

    def _answer(self, answer: Answer) -> None:
        self._unanswered.release()
        self._out.put_answer(answer)

    def _greet(self, hello: Hello) -> None:
        if hello.samples:
            self._out.ask_for_samples()
        self._out.put_answer(Answer(request=hello.request, ok=True, text="welcome"))
        self._house.publisher.subscribe(self._out)

    def _stop(self, stop: Stop) -> None:
        once = _OnlyOnce(self._out.put_answer)
        timer = threading.Timer(STOP_ANSWER_S, lambda: once(self._answer_without_conductor(stop)))
        timer.daemon = True
        timer.start()

        def reply(answer: Answer) -> None:
            timer.cancel()
            once(answer)

        self._house.engine.submit(stop, reply)

    def _answer_without_conductor(self, stop: Stop) -> Answer:
        confirmed = self._house.engine.stop_confirmed()
        pumps = "every pump confirmed that it stands" if confirmed else "NOT CONFIRMED STOPPED: look at the pump now"
        text = f"{pumps}; the engine's conductor does not answer, so start nothing before the engine is restarted"
        return Answer(request=stop.request, ok=confirmed, confirmed=confirmed, text=text)

    # ---- writer thread -----------------------------------------------------------------------------------------

    def _write(self) -> None:
        while True:
            message = self._out.take(LOOK_S)
            if message is None:
                if self._over.is_set():
                    return
                continue
            self._sending_since_ns = self._house.clock.now_ns()
            try:
                door.send(self._connection, REPORT.dump_json(message))
            except door.DoorClosed:
                self.hang_up()
                return
            finally:
                self._sending_since_ns = None


class _OnlyOnce:
    """Passes the first answer on and drops later ones."""

    def __init__(self, put: Callable[[Answer], None]) -> None:
        self._put = put
        self._lock = threading.Lock()
        self._done = False

    def __call__(self, answer: Answer) -> None:
        with self._lock:
            if self._done:
                return
            self._done = True
        self._put(answer)


def _request_number(data: bytes) -> int:
    """Return the request number of a message that is otherwise not understood; 0 if it has none."""
    try:
        number = json.loads(data)["request"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def _what_is_wrong(error: ValidationError) -> str:
    faults = [
        f"{'.'.join(str(part) for part in fault['loc']) or 'message'}: {fault['msg']}" for fault in error.errors()
    ]
    return "this message was not understood and nothing was done: " + "; ".join(faults[:3])
