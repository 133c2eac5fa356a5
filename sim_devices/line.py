"""A simulated line: latency, baud pacing, finite buffers, and a port that is read and written like a real one.

Knows bytes in flight and how to wait for them on the clock it is given. Does not know which instrument is behind it
(it asks its ``Hub``), what bytes mean, or which faults exist.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from drivers.clock import Clock, VirtualClock, nap_until_ns
from drivers.errors import PortLost, ReplyTimeout

NEVER_NS = 1 << 62
HOST_BUFFER_BYTES = 65_536
"""What an operating system holds for a program that does not read: Linux drops serial input beyond some 64 kB of flip
buffers (4 kB in the terminal layer, the rest below it) [I]. Then the newest bytes are lost."""
LATENCY_NS = 1_000_000
"""One way through a USB serial adapter [I]."""
_SLICE_S = 0.02
"""Longest real wait before looking again: another thread may have written to, closed or unplugged the line."""
_DISCARD_LIMIT = 4096
_BITS_PER_BYTE = 10  # start, eight data, stop
_NS = 1_000_000_000


@dataclass
class _Lane:
    """One direction of a wire."""

    latency_ns: int = LATENCY_NS
    busy_until_ns: int = 0
    flying: deque[tuple[int, bytes]] = field(default_factory=deque)

    def send(self, data: bytes, first_ns: int, now_ns: int, byte_ns: int, extra_ns: int = 0) -> None:
        """Put bytes on the wire that began to leave at ``first_ns`` and had all been produced by ``now_ns``."""
        done_ns = max(max(self.busy_until_ns, first_ns) + len(data) * byte_ns, now_ns)
        self.busy_until_ns = done_ns
        # First in, first out: what follows a delayed piece waits behind it, a wire does not overtake itself.
        self.flying.append((done_ns + self.latency_ns + extra_ns, data))

    def send_all(self, bursts: Iterable[tuple[int, bytes]], byte_ns: int) -> None:
        """Put many pieces on the wire, each with the time at which it began to leave: ``send`` of each, in order."""
        busy_until_ns, latency_ns, append = self.busy_until_ns, self.latency_ns, self.flying.append
        for left_ns, data in bursts:
            busy_until_ns = (left_ns if left_ns > busy_until_ns else busy_until_ns) + len(data) * byte_ns
            append((busy_until_ns + latency_ns, data))
        self.busy_until_ns = busy_until_ns

    def next_ns(self) -> int:
        return self.flying[0][0] if self.flying else NEVER_NS

    def bytes_flying(self) -> int:
        return sum(len(data) for _t, data in self.flying)

    def clear(self) -> None:
        self.flying.clear()
        self.busy_until_ns = 0


@dataclass
class Wire:
    """Both directions of one line, and the host's input buffer."""

    host_buffer_bytes: int = HOST_BUFFER_BYTES
    baud: int = 9600
    own_baud: int | None = None
    """The true speed of a line that does not care which baud rate the host sets (a FIFO behind USB)."""
    to_device: _Lane = field(default_factory=_Lane)
    to_host: _Lane = field(default_factory=_Lane)
    overflow_bytes: int = 0
    """Lost because the host did not read."""
    _arrived: bytearray = field(default_factory=bytearray)

    @property
    def byte_ns(self) -> int:
        """Return how long one byte takes."""
        return _BITS_PER_BYTE * _NS // (self.own_baud or self.baud)

    def settle(self, now_ns: int) -> None:
        """Move what has arrived into the host's buffer; what does not fit is lost."""
        flying = self.to_host.flying
        if not flying or flying[0][0] > now_ns:
            return
        pieces = []
        while flying and flying[0][0] <= now_ns:
            pieces.append(flying.popleft()[1])
        data = b"".join(pieces)
        room = self.host_buffer_bytes - len(self._arrived)
        self._arrived += data[:room]
        self.overflow_bytes += max(len(data) - room, 0)

    def take(self, max_bytes: int) -> bytes:
        """Remove up to ``max_bytes`` from the host's buffer."""
        if not self._arrived:
            return b""
        data = bytes(self._arrived[:max_bytes])
        del self._arrived[:max_bytes]
        return data

    @property
    def waiting(self) -> int:
        """Return how many bytes the host could read."""
        return len(self._arrived)

    def flush_input(self) -> None:
        """Forget what came before the host opened its port."""
        self.to_host.clear()
        self._arrived.clear()

    def branch(self) -> Wire:
        """Return the wire of a further instrument in the chain: it hears for itself, all speak on the same lane."""
        return replace(self, to_device=_Lane())

    def clear(self) -> None:
        """Lose everything in flight and in the buffer."""
        self.to_device.clear()
        self.flush_input()


class Hub(Protocol):
    """Who lets the instruments live; guards them all with one lock."""

    @property
    def clock(self) -> Clock:
        """Return the clock all of them live on."""
        ...

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Return the lock to hold while asking or telling anything below."""
        ...

    def advance(self, now_ns: int, wire: Wire) -> None:
        """Let everything happen that can be noticed at this wire and is due, in order."""
        ...

    def due_ns(self, wire: Wire) -> int:
        """Return when the instrument at this wire next does something."""
        ...

    def sent(self, wire: Wire, data: bytes, now_ns: int) -> None:
        """Take bytes that the host put on this wire."""
        ...

    def closed(self, wire: Wire) -> None:
        """Take note that the host has closed its port."""
        ...


@dataclass
class SimulatedPort:
    """The host's end of a wire. Implements ``drivers.transport.Transport``."""

    url: str
    wire: Wire
    hub: Hub
    lost: str = ""
    """Why the line is gone; empty while it is there."""
    _open: bool = True

    @property
    def port(self) -> str:
        return self.url

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        hub, wire, clock = self.hub, self.wire, self.hub.clock
        virtual = clock if isinstance(clock, VirtualClock) else None
        flying = wire.to_host.flying
        deadline_ns = -1
        quiet_ns = -1
        """Until when nobody else has a turn: nothing of what is asked in here makes one."""
        while True:
            with hub.lock:
                now_ns = clock.now_ns()
                if deadline_ns < 0:
                    deadline_ns = now_ns + (round(timeout_s * _NS) if timeout_s > 0 else 0)
                hub.advance(now_ns, wire)
                if flying:
                    wire.settle(now_ns)
                if self.lost or not self._open:
                    self._check("reading")
                if wire._arrived or now_ns >= deadline_ns:
                    return wire.take(max_bytes)
                wake_ns = min(deadline_ns, hub.due_ns(wire), flying[0][0] if flying else deadline_ns)
            if virtual is None:
                nap_until_ns(clock, now_ns, wake_ns, _SLICE_S)
                continue
            if quiet_ns < now_ns:
                quiet_ns = virtual.undisturbed_until_ns()
            if wake_ns <= quiet_ns:
                virtual.pass_until_ns(wake_ns)
            else:
                virtual.sleep_until_ns(wake_ns)
                quiet_ns = -1

    def write(self, data: bytes, timeout_s: float) -> None:
        del timeout_s  # the simulated system takes everything at once, or says so below
        with self.hub.lock:
            now_ns = self.hub.clock.now_ns()
            self.hub.advance(now_ns, self.wire)
            self._check("writing")
            if self.wire.to_device.bytes_flying() + len(data) > self.wire.host_buffer_bytes:
                raise ReplyTimeout("the line does not take bytes as fast as they are written", port=self.url)
            if data:
                self.hub.sent(self.wire, bytes(data), now_ns)

    def discard_input(self) -> bytes:
        with self.hub.lock:
            now_ns = self.hub.clock.now_ns()
            self.hub.advance(now_ns, self.wire)
            self.wire.settle(now_ns)
            self._check("discarding input")
            return self.wire.take(self.wire.waiting)[:_DISCARD_LIMIT]

    def waiting(self) -> int:
        """Return how many bytes could be read at once. Raises PortLost."""
        with self.hub.lock:
            now_ns = self.hub.clock.now_ns()
            self.hub.advance(now_ns, self.wire)
            self.wire.settle(now_ns)
            self._check("counting input")
            return self.wire.waiting

    def next_ns(self) -> int:
        """Return when a byte may arrive next, as far as is known now."""
        with self.hub.lock:
            self.hub.advance(self.hub.clock.now_ns(), self.wire)
            return min(self.wire.to_host.next_ns(), self.hub.due_ns(self.wire))

    def unsent(self) -> int:
        """Return how many written bytes have not reached the device. Raises PortLost."""
        with self.hub.lock:
            self.hub.advance(self.hub.clock.now_ns(), self.wire)
            self._check("counting output")
            return self.wire.to_device.bytes_flying()

    def discard_output(self) -> None:
        """Throw away what was written and has not reached the device. Raises PortLost."""
        with self.hub.lock:
            self.hub.advance(self.hub.clock.now_ns(), self.wire)
            self._check("discarding output")
            self.wire.to_device.clear()

    def close(self) -> None:
        with self.hub.lock:
            if self._open:
                self._open = False
                if not self.lost:
                    self.hub.advance(self.hub.clock.now_ns(), self.wire)
                    self.hub.closed(self.wire)

    def _check(self, doing: str) -> None:
        if self.lost:
            raise PortLost(f"{self.lost} (noticed while {doing})", port=self.url)
        if not self._open:
            raise PortLost(f"the port was closed (noticed while {doing})", port=self.url)
