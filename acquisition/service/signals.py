"""Signals that end the engine: a STOP goes out the instant one arrives, whatever the main thread is doing.

Knows how a signal reaches a thread of its own. Python runs handlers in the main thread, between two of its
instructions: one that takes a lock there waits for ever if the interrupted code holds it (a second signal during the
first is enough), and none runs while that thread waits for a sick disk. So the handlers do nothing; the interpreter
writes each signal's number into a socket, and a thread reads it. Decides nothing.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

NAMES = ("SIGTERM", "SIGINT", "SIGBREAK")
"""The last one is Windows' Ctrl-Break."""


class SignalWatch:
    """Calls ``obey`` with a signal's name, from a thread of its own, for each that arrives. Main thread only."""

    def __init__(self, obey: Callable[[str], None]) -> None:
        self._obey = obey
        self._names = {int(getattr(signal, name)): name for name in NAMES if hasattr(signal, name)}
        self._heard, self._wake = socket.socketpair()  # not a pipe: Windows takes sockets only
        self._wake.settimeout(0.0)
        self._thread = threading.Thread(target=self._listen, name="signals", daemon=True)
        self._thread.start()
        self._wakeup_before = signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        self._handlers_before = {number: signal.signal(number, _nothing) for number in self._names}

    def close(self) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self._handlers_before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        with suppress(OSError):
            self._wake.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=2.0)
        self._wake.close()
        self._heard.close()

    def _listen(self) -> None:
        while numbers := self._heard.recv(64):
            for number in numbers:
                if number in self._names:
                    self._obey(self._names[number])


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Take a signal, so that the interpreter reports it instead of ending the process."""
