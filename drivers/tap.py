"""A man in the middle: passes bytes between a program and a line, and writes every one of them down.

Knows that it may add nothing, hold nothing back and lose nothing: it never writes anything of its own to the
instrument, each piece is in the file before it goes on, and a transcript that can no longer be written (disk full)
does not cut the talk. Knows no instrument and no program.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.clock import NS_PER_S, Clock
from drivers.endpoints import Endpoint
from drivers.errors import DriverError
from drivers.transcripts import CHUNK_BYTES, TranscriptWriter
from drivers.transport import Transport

_WAIT_S: Final = 0.001
"""How long bytes of the instrument may wait while the program is listened to."""
_WRITE_TIMEOUT_S = 1.0
_SYNC_NS = NS_PER_S // 2


@dataclass
class Tap:
    """One line, one program, one transcript (None: pass on only)."""

    line: Transport
    endpoint: Endpoint
    transcript: TranscriptWriter | None
    clock: Clock
    on_trouble: Callable[[str], None]
    """Told once, when the transcript cannot be written any more; the bytes go on."""
    failed: str = field(default="", init=False)
    """Why the transcript is not whole; empty while it is."""
    _next_sync_ns: int = field(default=0, init=False)

    def run(self, stop: threading.Event) -> None:
        """Pass bytes on until ``stop`` is set. Raises DriverError when the line fails; the transcript says so too."""
        try:
            while not stop.is_set():
                self._turn()
        except DriverError as error:
            self._note("lost", error.message.encode("ascii", "backslashreplace"))
            raise
        finally:
            self._close()

    def _turn(self) -> None:
        outgoing = self.line.read(CHUNK_BYTES, 0.0)
        if outgoing:
            self._note("in", outgoing)
        incoming = self.endpoint.pump(outgoing, 0.0 if outgoing else _WAIT_S)
        if incoming:
            self._note("out", incoming)
            self.line.write(incoming, _WRITE_TIMEOUT_S)
        late_ns = self.clock.now_ns() - self._next_sync_ns
        if late_ns >= (_SYNC_NS if outgoing or incoming else 0):  # a disk is slow: preferably while nobody speaks
            self._next_sync_ns = self.clock.now_ns() + _SYNC_NS
            if self.transcript is not None and not self.failed:
                self._guarded(self.transcript.sync)

    def _note(self, way: Literal["out", "in", "lost"], data: bytes) -> None:
        transcript = self.transcript
        if transcript is not None and not self.failed:
            t_ns = self.clock.now_ns()
            self._guarded(lambda: transcript.add(way, data, t_ns))

    def _close(self) -> None:
        transcript = self.transcript
        if transcript is not None:
            end_ns = self.clock.now_ns()
            self._guarded(lambda: transcript.close(end_ns))

    def _guarded(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            if not self.failed:
                self.failed = error.strerror or str(error)
                self.on_trouble(self.failed)
