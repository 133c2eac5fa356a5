"""The local connection between engine and clients: bytes of JSON over a Unix socket or a named pipe.

Knows the handshake, the size limit and how to end a connection another thread is blocked in. Knows no message.
Only ``recv_bytes`` with a limit and ``send_bytes`` are used: nothing that came over a wire is ever unpickled.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from multiprocessing.connection import Client, Connection, answer_challenge, deliver_challenge

from acquisition.wire_facts import MAX_MESSAGE_BYTES
from drivers import os_support

HANDSHAKE_S = 3.0
FULL_AGAIN_S = 0.01
"""A door with too many in front of it is tried again after this."""


class DoorClosed(Exception):
    """The other side is gone, refused the key, or did not answer in time."""


def hang_up(connection: Connection) -> None:
    """End a connection from any thread; whoever is blocked in it gets an error instead of waiting for ever."""
    os_support.hang_up(connection)


def _bounded(connection: Connection, talk: Callable[[], None], timeout_s: float) -> None:
    timer = threading.Timer(timeout_s, hang_up, (connection,))
    timer.daemon = True
    timer.start()
    try:
        talk()
    except Exception as error:
        connection.close()
        raise DoorClosed(f"the handshake failed: {error or type(error).__name__}") from error
    finally:
        timer.cancel()


def let_in(connection: Connection, key: bytes, timeout_s: float = HANDSHAKE_S) -> None:
    """Do the engine's half of the handshake: both sides prove they know the key. Raises DoorClosed."""

    def talk() -> None:
        deliver_challenge(connection, key)
        answer_challenge(connection, key)

    _bounded(connection, talk, timeout_s)


def knock(address: str, family: str, key: bytes, timeout_s: float = HANDSHAKE_S) -> Connection:
    """Connect and do the client's half of the handshake. Raises DoorClosed."""
    try:
        connection = _connect(address, family, timeout_s)
    except OSError as error:
        raise DoorClosed(f"nobody listens there ({error.strerror or error})") from error

    def talk() -> None:
        answer_challenge(connection, key)
        deliver_challenge(connection, key)

    _bounded(connection, talk, timeout_s)
    return connection


def _connect(address: str, family: str, timeout_s: float) -> Connection:
    """Connect within ``timeout_s``. Raises OSError.

    On a Unix socket whose queue is full, as a frozen engine leaves it, ``Client`` would wait for ever. A named pipe's
    gives up by itself.
    """
    if family != "AF_UNIX":
        pipe: Connection = Client(address, family=family)
        return pipe
    pause = threading.Event()
    for _attempt in range(max(1, round(timeout_s / FULL_AGAIN_S))):
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(timeout_s)
            try:
                line.connect(address)
            except BlockingIOError:  # Linux: the queue is full
                pause.wait(FULL_AGAIN_S)
                continue
            line.settimeout(None)
            return Connection(line.detach())
    raise TimeoutError(f"it let nobody in for {timeout_s:g} s")


def receive(connection: Connection) -> bytes:
    """Wait for one message. Raises DoorClosed when the connection ends or the message is too large."""
    try:
        return connection.recv_bytes(MAX_MESSAGE_BYTES)
    except EOFError as error:
        raise DoorClosed("the other side hung up") from error
    except OSError as error:
        raise DoorClosed(str(error) or "the connection broke") from error


def send(connection: Connection, data: bytes) -> None:
    """Send one message; blocks while the other side does not read. Raises DoorClosed."""
    try:
        connection.send_bytes(data)
    except (OSError, ValueError) as error:
        raise DoorClosed(str(error) or "the connection broke") from error
