"""The n-th thing of a kind goes wrong: a disk call, a call on a line, an allocation.

Knows how a process dies here: ``Died`` can be caught by nobody as an ordinary error, and after it nothing of this
process reaches disk or line any more. An allocation that fails is no death: it is an ordinary MemoryError, once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from drivers.transport import LineSettings, Transport, TransportOpener

Kind = Literal["disk", "line", "memory", "none"]
_ROOT = Path(__file__).resolve().parents[2]
_OURS = tuple(str(_ROOT / room) for room in ("acquisition", "drivers"))


class Died(BaseException):
    """The process is no more. Not an Exception: no handler of the program may see it."""


@dataclass
class Accident:
    """Counts what may go wrong; at the ``at``-th of ``kind`` it does. ``at`` 0: it never does."""

    kind: Kind = "none"
    at: int = 0
    seen: int = field(default=0, init=False)
    dead: bool = field(default=False, init=False)

    def comes_now(self, kind: Kind) -> bool:
        """Count one, and tell whether this is the one. Raises Died when the process is dead already."""
        if self.dead:
            raise Died
        if kind != self.kind:
            return False
        self.seen += 1
        return self.seen == self.at

    def die(self) -> None:
        """End the process."""
        self.dead = True
        raise Died

    @contextmanager
    def memory(self) -> Iterator[None]:
        """Let the ``at``-th call of a function of the program fail with MemoryError (kind "memory")."""
        if self.kind != "memory":
            yield
            return
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(None)

    def _profile(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(_OURS):
            self.seen += 1
            if self.seen == self.at:
                raise MemoryError("no memory (a test)")


@dataclass
class MortalOpener:
    """Opens the lines of a bench for one process; they end with it, the bench goes on."""

    inner: TransportOpener
    accident: Accident
    open_lines: list[Transport] = field(default_factory=list)

    @property
    def simulated(self) -> bool:
        """Tell what the bench tells."""
        return self.inner.simulated

    def open(self, url: str, settings: LineSettings) -> Transport:
        """Open a line."""
        if self.accident.comes_now("line"):
            self.accident.die()
        line = self.inner.open(url, settings)
        self.open_lines.append(line)
        return _MortalLine(line, self.accident)

    def close_all(self) -> None:
        """Do what the system does when the process has ended."""
        for line in self.open_lines:
            line.close()


@dataclass
class _MortalLine:
    inner: Transport
    accident: Accident

    @property
    def port(self) -> str:
        return self.inner.port

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        if self.accident.comes_now("line"):
            self.accident.die()
        return self.inner.read(max_bytes, timeout_s)

    def write(self, data: bytes, timeout_s: float) -> None:
        now = self.accident.comes_now("line")
        self.inner.write(data, timeout_s)
        if now:  # just behind it: RUN is out, and whoever sent it does not know
            self.accident.die()

    def discard_input(self) -> bytes:
        return self.inner.discard_input()

    def close(self) -> None:
        if not self.accident.dead:
            self.inner.close()
