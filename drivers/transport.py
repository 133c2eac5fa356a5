"""What a line to an instrument is: bytes in, bytes out, every wait bounded.

Knows the shape of a port and its settings. Does not know pyserial, which simulated or real device is behind it,
nor what the bytes mean. Simulated lines implement the same two protocols.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from drivers.errors import PortBusy, PortError, PortLost, PortMissing

__all__ = [
    "LineSettings",
    "PortBusy",
    "PortError",
    "PortLost",
    "PortMissing",
    "TakesTurns",
    "Transport",
    "TransportOpener",
    "Turn",
]


@dataclass(frozen=True)
class LineSettings:
    """Serial line parameters; ignored by lines that have none (TCP, simulated)."""

    baud: int = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1
    data_bits: Literal[7, 8] = 8
    xon_xoff: bool = False
    rts_cts: bool = False


class Transport(Protocol):
    """An open line. One owner, one thread at a time; raises PortLost once the line is gone."""

    @property
    def port(self) -> str:
        """Return the URL it was opened with; of a ``usb:`` binding, the path at which its adapter was."""
        ...

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """Return what is there (1..max_bytes), waiting at most ``timeout_s`` for the first byte; b"" if none came."""
        ...

    def write(self, data: bytes, timeout_s: float) -> None:
        """Hand all of ``data`` to the line within ``timeout_s`` or raise PortLost / ReplyTimeout."""
        ...

    def discard_input(self) -> bytes:
        """Throw away what has arrived and not been read; return it (bounded to 4096 bytes) for the log."""
        ...

    def close(self) -> None:
        """Release the port. May be called twice."""
        ...


class Turn(Protocol):
    """One exchange's time on a line that several instruments use."""

    @property
    def taken(self) -> bool:
        """Tell whether to let go: a STOP of another instrument needs the line."""
        ...


@runtime_checkable
class TakesTurns(Protocol):
    """A transport whose line several instruments use: read and write only in a turn."""

    def turn(
        self, command: str, timeout_s: float, abort: Callable[[], bool], *, urgent: bool
    ) -> AbstractContextManager[Turn]:
        """Wait for the line and hold it. Raises PortLost, LineTaken (not in time), Interrupted (``abort`` says so)."""
        ...

    @property
    def settings(self) -> LineSettings:
        """Return the settings the line is open with."""
        ...

    def answered(self) -> None:
        """Note that somebody answered with the present settings."""
        ...

    def retune(self, settings: LineSettings) -> bool:
        """Change the settings for everybody; False where somebody was answered with the present ones."""
        ...


class TransportOpener(Protocol):
    """Opens lines by URL. The engine is handed one: real ports, or a simulated bench."""

    @property
    def simulated(self) -> bool:
        """Tell whether what it opens is simulated."""
        ...

    def open(self, url: str, settings: LineSettings) -> Transport:
        """Open ``url`` exclusively; raise PortMissing, PortBusy or PortError."""
        ...
