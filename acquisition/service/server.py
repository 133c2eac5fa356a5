"""The engine's door: accepts clients, watches over them, and closes.

Knows who is connected, how many at most, and that a client which stops reading is disconnected. What is said is the
business of ``served_client``. No client, however slow, silent or hostile, can keep another one waiting.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from multiprocessing.connection import Client, Listener

from acquisition.service.publisher import ClientPublisher
from acquisition.service.served_client import Engine, House, ServedClient
from drivers.clock import Clock, SystemClock

log = logging.getLogger(__name__)

STUCK_S = 10.0
"""A client that has not read for so long is disconnected; it can come back."""
MAX_CLIENTS = 32


class EngineServer:
    """Accepts clients until closed. Who does not prove to know ``key`` within seconds is sent away."""

    def __init__(
        self, listener: Listener, key: bytes, engine: Engine, publisher: ClientPublisher, clock: Clock | None = None
    ) -> None:
        self._listener = listener
        self._house = House(key, engine, publisher, clock or SystemClock())
        self._lock = threading.Lock()
        self._clients: list[ServedClient] = []
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._accept, name="amperfuse-door", daemon=True),
            threading.Thread(target=self._watch, name="amperfuse-door-watch", daemon=True),
        ]

    def start(self) -> None:
        """Begin to accept clients."""
        for thread in self._threads:
            thread.start()

    def close(self, drain_s: float = 1.0) -> None:
        """Send what is queued (for at most ``drain_s``), hang up on every client and stop listening."""
        self._closing.set()
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            client.drain(drain_s)
        for client in clients:
            client.hang_up()
        for client in clients:
            client.join(timeout_s=2.0)
        with suppress(OSError):  # a blocked accept wakes on a knock, and finds the door closing
            Client(self._listener.address).close()
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=2.0)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection = self._listener.accept()
                if self._closing.is_set():
                    connection.close()
                    return
            except OSError as error:
                if self._closing.is_set():
                    return
                log.warning("a client could not be accepted: %s", error)
                self._closing.wait(0.1)  # out of file handles, for example: do not spin
                continue
            self._let_in(ServedClient(connection, self._house, self._forget))

    def _let_in(self, client: ServedClient) -> None:
        """Begin with a new client; when there are too many the oldest one goes: a STOP must always find a way in."""
        with self._lock:
            oldest = self._clients[0] if len(self._clients) >= MAX_CLIENTS else None
            self._clients.append(client)
        client.start()
        if oldest is not None:
            log.warning("more than %d clients: the oldest one was disconnected", MAX_CLIENTS)
            oldest.hang_up()
            self._forget(oldest)

    def _watch(self) -> None:
        while not self._closing.wait(1.0):
            with self._lock:
                clients = list(self._clients)
            for client in clients:
                if client.stuck_s() > STUCK_S:
                    log.warning("a client stopped reading and was disconnected; the experiment goes on")
                    client.hang_up()

    def _forget(self, client: ServedClient) -> None:
        with self._lock, suppress(ValueError):
            self._clients.remove(client)
