"""Where another program connects: a pseudo-terminal with a link to it, or a TCP port. For a simulated line, or a tap.

Knows how bytes get to a client and back, and that clients come and go. Does not know what is at the other end; what
differs between platforms is in ``drivers.os_support``.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from drivers.os_support import Pty, open_pty

_CHUNK = 4096
_BUFFER_BYTES = 65_536
"""Kept for a client that does not read; then the newest bytes are lost, as in an operating system's buffer."""


class Endpoint(Protocol):
    """Where a client connects. ``pump`` moves bytes; it never blocks longer than it is told."""

    def appear(self) -> str:
        """Be there for clients; return the name they connect to. Raises OSError."""
        ...

    def vanish(self) -> None:
        """Be gone, as if the cable were pulled. May be called twice."""
        ...

    def pump(self, outgoing: bytes, wait_s: float) -> bytes:
        """Send bytes to the client, wait for some from it, return them."""
        ...


@dataclass
class PtyEndpoint:
    """A pseudo-terminal with a link to it."""

    link: Path
    _pty: Pty | None = None
    _pending: bytearray = field(default_factory=bytearray)

    def appear(self) -> str:
        self._pty = open_pty(self.link)
        os.set_blocking(self._pty.master_fd, False)
        return str(self.link)

    def vanish(self) -> None:
        if self._pty is not None:
            self._pty.close()
        self._pty = None
        self._pending.clear()

    def pump(self, outgoing: bytes, wait_s: float) -> bytes:
        assert self._pty is not None, "pump is called between appear and vanish"  # noqa: S101 - narrows a type
        fd = self._pty.master_fd
        _queue(self._pending, outgoing)
        readable, writable, _ = select.select([fd], [fd] if self._pending else [], [], wait_s)
        if writable:
            with suppress(BlockingIOError):
                del self._pending[: os.write(fd, self._pending[:_CHUNK])]
        if not readable:
            return b""
        with suppress(BlockingIOError):
            return os.read(fd, _CHUNK)
        return b""


@dataclass
class TcpEndpoint:
    """A TCP port for one client at a time; further ones are turned away."""

    host: str
    tcp_port: int
    _listener: socket.socket | None = None
    _client: socket.socket | None = None
    _pending: bytearray = field(default_factory=bytearray)

    def appear(self) -> str:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, self.tcp_port), family=family, backlog=1)
        self._listener.settimeout(0.0)
        self.tcp_port = int(self._listener.getsockname()[1])  # port 0 was a request for any free one
        return f"[{self.host}]:{self.tcp_port}" if ":" in self.host else f"{self.host}:{self.tcp_port}"

    def vanish(self) -> None:
        self._drop_client()
        if self._listener is not None:
            self._listener.close()
        self._listener = None

    def _drop_client(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None
        self._pending.clear()

    def pump(self, outgoing: bytes, wait_s: float) -> bytes:
        assert self._listener is not None, "pump is called between appear and vanish"  # noqa: S101 - narrows a type
        if self._client is None:  # nobody listens: what the instrument says is gone
            if select.select([self._listener], [], [], wait_s)[0]:
                self._accept()
            return b""
        _queue(self._pending, outgoing)
        writers = [self._client] if self._pending else []
        readable, writable, _ = select.select([self._client, self._listener], writers, [], wait_s)
        if self._listener in readable and self._client not in readable:
            self._accept()  # not while the client has something to say: it may be its farewell, and this its successor
        try:
            if writable:
                with suppress(BlockingIOError):
                    del self._pending[: self._client.send(self._pending[:_CHUNK])]
            if self._client not in readable:
                return b""
            data = self._client.recv(_CHUNK)
        except OSError:  # the client was killed
            data = b""
        if not data:
            self._drop_client()
        return data

    def _accept(self) -> None:
        if self._listener is None:
            return
        with suppress(BlockingIOError):
            client, _address = self._listener.accept()
            if self._client is not None:
                client.close()
                return
            client.settimeout(0.0)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._client = client


def _queue(pending: bytearray, outgoing: bytes) -> None:
    """Keep bytes for a slow client; what exceeds the buffer is lost, as on a real line."""
    pending += outgoing[: max(_BUFFER_BYTES - len(pending), 0)]


def parse_tcp(text: str) -> TcpEndpoint:
    """Read HOST:PORT, :PORT or PORT; without a host this machine only. Raises ValueError."""
    host, _, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ValueError(f"{text!r} is no TCP address; write HOST:PORT, e.g. 127.0.0.1:4000, with 0 for any free port")
    return TcpEndpoint(host, int(port))


def endpoint(pty: Path | None, tcp: str | None) -> Endpoint:
    """Return the one endpoint that was asked for: a pseudo-terminal or a TCP port. Raises ValueError."""
    if (pty is None) == (tcp is None):
        raise ValueError(
            "say where to serve: either on a pseudo-terminal (--pty LINK) or on a TCP port (--tcp HOST:PORT)"
        )
    if pty is not None:
        return PtyEndpoint(pty)
    return parse_tcp(str(tcp))


@contextmanager
def signals_set(stop: threading.Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT end the serving in good order; only the main thread may ask for that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
