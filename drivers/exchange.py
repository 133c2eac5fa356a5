"""One question and its answer at a time, within a deadline, on a line that may lie.

Knows deadlines, stale input, late answers, bounded buffers and the abort check. Does not know what a frame looks like
(a Framer is injected) nor what a command means. Never sends anything twice: repeating is the driver's decision.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from drivers.capabilities import DriverOptions, WireRecord
from drivers.clock import NS_PER_S, Clock, VirtualClock
from drivers.errors import ForeignTraffic, GarbledReply, Interrupted, LineTaken, ReplyTimeout
from drivers.transport import TakesTurns, Transport, Turn

SLICE_S: Final = 0.02
"""Longest wait between two looks at the abort check."""
BUFFER_MAX: Final = 4096
"""Bytes that one exchange may receive (L9: a babbling line)."""
LATE_REPLY_S: Final = 3.0
"""How long after its question an answer may still turn up (L7)."""
_SLICE_NS = round(SLICE_S * NS_PER_S)
_SLICES_MAX = 1000
_QUIET_S = 0.05  # silence that ends a resynchronisation
_DRAIN_MAX_S = 0.3  # a line that is never silent must not hold up a STOP
_DOUBLE_CHECK_S = 0.1  # how long a second answer is waited for while late ones may be on their way
_WRITE_TIMEOUT_S = 0.5
_TURN_S = 0.5  # an exchange that is called off lets go within one slice

F = TypeVar("F")


def _slices_s(clock: VirtualClock) -> float:
    """Return how long to wait for: as many slices as it takes until somebody else can have called us off.

    Virtual time has one thread: up to there every look at the abort check would find what the last one found.
    """
    slices = -((clock.now_ns() - clock.undisturbed_until_ns()) // _SLICE_NS)
    if slices <= 1:
        return SLICE_S
    return SLICE_S * (slices if slices < _SLICES_MAX else _SLICES_MAX)


class Framer(Protocol[F]):
    """Cuts bytes into frames; keeps what is incomplete."""

    def feed(self, data: bytes, now_ns: int) -> list[F]:
        """Take bytes received at ``now_ns`` and return the frames that are now complete."""
        ...

    def reset(self) -> None:
        """Forget what is incomplete."""
        ...


@dataclass
class Exchange(Generic[F]):
    """The talk with one line. One transaction at a time; a second thread waits for the first, within its deadline."""

    transport: Transport
    clock: Clock
    options: DriverOptions
    framer: Framer[F]
    is_known_unasked: Callable[[F], bool] = lambda _frame: False
    """Tells which frames the device may send by itself (alarms): they are not foreign traffic."""
    out_of_step: bool = field(default=False, init=False)
    """An answer is outstanding. The driver asks something whose answer cannot be mistaken, then sets this to False."""
    foreign_count: int = field(default=0, init=False)
    """Frames and stray bytes that answered nothing, since opening."""
    asked_ns: int = field(default=0, init=False)
    """When the newest question went out."""
    _late_until_ns: int = field(default=-1, init=False)
    _turn_of: int | None = field(default=None, init=False, repr=False)
    """Thread whose turn it is."""
    _shared_turn: Turn | None = field(default=None, init=False, repr=False)
    _shared: TakesTurns | None = field(init=False, repr=False)
    _virtual: VirtualClock | None = field(init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        self._shared = self.transport if isinstance(self.transport, TakesTurns) else None  # asked once: it is slow
        self._virtual = self.clock if isinstance(self.clock, VirtualClock) else None

    def transact(
        self,
        request: bytes,
        is_reply: Callable[[F], bool],
        *,
        command: str,
        timeout_s: float,
        urgent: bool = False,
        asked_before: bool = False,
    ) -> F:
        """Send ``request`` once and return the frame that answers it.

        ``timeout_s`` bounds the whole exchange, not each byte. ``urgent`` is for STOP: the abort check is not asked.
        ``asked_before``: the same question may be outstanding; its answer and this one count as one if they are equal.
        Raises PortLost, ReplyTimeout, GarbledReply (bytes came, no answer among them, or too many), ForeignTraffic
        (two answers to one question), Interrupted.
        """
        if self._turn_of == threading.get_ident():
            return self._ask(request, is_reply, command, timeout_s, urgent=urgent, asked_before=asked_before)
        with self.turn(command, max(timeout_s, _TURN_S), urgent=urgent):
            return self._ask(request, is_reply, command, timeout_s, urgent=urgent, asked_before=asked_before)

    def _ask(
        self,
        request: bytes,
        is_reply: Callable[[F], bool],
        command: str,
        timeout_s: float,
        *,
        urgent: bool,
        asked_before: bool,
    ) -> F:
        self._clear_line(urgent=urgent)
        self.asked_ns = asked_ns = self.clock.now_ns()
        try:
            self.send(request)
            deadline_ns = asked_ns + round(timeout_s * NS_PER_S)
            return self._await(is_reply, command, deadline_ns, urgent=urgent, asked_before=asked_before)
        except (ReplyTimeout, GarbledReply, ForeignTraffic, Interrupted):
            self.mark_out_of_step(asked_ns)
            raise

    def more(self, timeout_s: float, *, urgent: bool = False) -> list[F]:
        """Return further frames that arrive within ``timeout_s``, without asking anything."""
        data = self.receive(timeout_s, urgent=urgent)
        return self.framer.feed(data, self.clock.now_ns()) if data else []

    def mark_out_of_step(self, asked_ns: int) -> None:
        """Note that an answer to something asked at ``asked_ns`` may still come."""
        self.out_of_step = True
        self._late_until_ns = asked_ns + round(LATE_REPLY_S * NS_PER_S)

    def send(self, data: bytes) -> None:
        """Hand bytes to the line and log them. Raises PortLost, ReplyTimeout."""
        self.options.on_wire(WireRecord(self.clock.now_ns(), "out", data))
        self.transport.write(data, _WRITE_TIMEOUT_S)

    def receive(self, timeout_s: float, *, urgent: bool = False) -> bytes:
        """Return what arrives within ``timeout_s``, as soon as something does; log it. Raises PortLost, Interrupted."""
        clock, virtual = self.clock, self._virtual
        deadline_ns = clock.now_ns() + round(timeout_s * NS_PER_S)
        wait_s = SLICE_S
        while True:
            self._check_abort(urgent=urgent)
            left_s = (deadline_ns - clock.now_ns()) / NS_PER_S
            if left_s <= wait_s:
                data = self.transport.read(BUFFER_MAX, left_s if left_s > 0.0 else 0.0)
            else:
                data = self.transport.read(BUFFER_MAX, wait_s)
            if data:
                self.options.on_wire(WireRecord(clock.now_ns(), "in", data))
                return data
            if left_s <= wait_s:
                return b""
            if virtual is not None:
                wait_s = _slices_s(virtual)

    def drain(self, *, urgent: bool = False) -> bytes:
        """Read and drop until the line is silent for 50 ms, at most 0.3 s; return the first 4096 bytes."""
        give_up_ns = self.clock.now_ns() + round(_DRAIN_MAX_S * NS_PER_S)
        dropped = bytearray()
        while self.clock.now_ns() < give_up_ns:
            data = self.receive(_QUIET_S, urgent=urgent)
            if not data:
                break
            dropped += data[: BUFFER_MAX - len(dropped)]
        self.framer.reset()
        return bytes(dropped)

    def turn(self, command: str, timeout_s: float, *, urgent: bool = False) -> AbstractContextManager[None]:
        """Hold the line for what belongs together; inside it, transactions need no further turn.

        Entering it raises Interrupted when it is not free within ``timeout_s``, and what ``TakesTurns.turn`` raises.
        """
        if self._turn_of == threading.get_ident():
            return _HELD_ALREADY
        return _Held(self, command, timeout_s, urgent=urgent)

    def _check_abort(self, *, urgent: bool) -> None:
        if not urgent and self.options.abort():
            raise Interrupted("given up because a stop overtakes it", port=self.transport.port)
        if self._shared_turn is not None and self._shared_turn.taken:
            raise LineTaken("given up because a stop of another pump overtakes it", port=self.transport.port)

    def _clear_line(self, *, urgent: bool) -> None:
        """Drop what lies in the input: it cannot be the answer to a question not yet asked."""
        self._check_abort(urgent=urgent)
        stale = self.transport.discard_input()
        self.framer.reset()
        if stale:
            self.options.on_wire(WireRecord(self.clock.now_ns(), "in", stale))
            self._account(stale)
        if self.out_of_step and not urgent:
            self.drain()

    def _account(self, stale: bytes) -> None:
        frames = self.framer.feed(stale, self.clock.now_ns())
        self.framer.reset()
        if frames and all(self.is_known_unasked(frame) for frame in frames):
            return
        if self.clock.now_ns() <= self._late_until_ns:
            return  # an answer that came too late is explained
        self._foreign(stale)

    def _foreign(self, data: bytes) -> None:
        self.foreign_count += 1
        self.options.on_foreign(data)

    def _await(
        self, is_reply: Callable[[F], bool], command: str, deadline_ns: int, *, urgent: bool, asked_before: bool
    ) -> F:
        received = bytearray()
        replies: list[F] = []
        strays = 0
        suspicious = self.clock.now_ns() <= self._late_until_ns
        while True:
            left_s = (deadline_ns - self.clock.now_ns()) / NS_PER_S
            data = self.receive(max(left_s, 0.0), urgent=urgent)
            if not data:
                break
            received += data[: BUFFER_MAX + 1 - len(received)]
            if len(received) > BUFFER_MAX:
                raise self._error(
                    GarbledReply, "the line babbles: more than 4096 bytes came for one question", command, received
                )
            for frame in self.framer.feed(data, self.clock.now_ns()):
                if is_reply(frame):
                    replies.append(frame)
                elif not self.is_known_unasked(frame):
                    strays += 1
            if replies and not suspicious:
                break
            if replies:
                deadline_ns = min(deadline_ns, self.clock.now_ns() + round(_DOUBLE_CHECK_S * NS_PER_S))
        if asked_before and replies and all(reply == replies[0] for reply in replies):
            replies = replies[:1]
        return self._judge(replies, strays, received, command, suspicious=suspicious)

    def _judge(self, replies: list[F], strays: int, received: bytearray, command: str, *, suspicious: bool) -> F:
        """Choose the answer. What the device pushed by itself stands before it and does not count beside it."""
        if len(replies) == 1 and not strays:  # as nearly always
            return replies[0]
        answers = [reply for reply in replies if not self.is_known_unasked(reply)] or replies[-1:]
        if (strays and not suspicious) or len(answers) > 1:  # a stray that may be a late answer is explained
            self._foreign(bytes(received))
        if len(answers) == 1 or (answers and not suspicious and all(reply == answers[0] for reply in answers)):
            return answers[0]
        if answers:
            raise self._error(ForeignTraffic, "more than one answer came to one question", command, received)
        if received:
            raise self._error(GarbledReply, "what came is no answer to this", command, received)
        raise self._error(ReplyTimeout, "no answer in time; is it switched on and connected?", command, received)

    def _error(
        self, kind: type[GarbledReply | ReplyTimeout | ForeignTraffic], message: str, command: str, received: bytearray
    ) -> GarbledReply | ReplyTimeout | ForeignTraffic:
        return kind(message, port=self.transport.port, command=command, partial=bytes(received[:256]))


_HELD_ALREADY: Final = nullcontext()


class _Held:
    """An exchange in its turn. Every question to every pump takes one: this costs half of what a generator does."""

    __slots__ = ("_command", "_shared", "_talk", "_timeout_s", "_urgent")

    def __init__(self, talk: Exchange[Any], command: str, timeout_s: float, *, urgent: bool) -> None:
        self._talk, self._command, self._timeout_s, self._urgent = talk, command, timeout_s, urgent
        self._shared: AbstractContextManager[Turn] | None = None

    def __enter__(self) -> None:
        talk = self._talk
        if not talk._lock.acquire(timeout=self._timeout_s):
            raise Interrupted("another exchange holds this line", port=talk.transport.port, command=self._command)
        try:
            if talk._shared is not None:
                shared = talk._shared.turn(self._command, self._timeout_s, talk.options.abort, urgent=self._urgent)
                talk._shared_turn = shared.__enter__()
                self._shared = shared
        except BaseException:
            talk._lock.release()
            raise
        talk._turn_of = threading.get_ident()

    def __exit__(self, *error: Any) -> None:
        talk = self._talk
        try:
            if self._shared is not None:
                self._shared.__exit__(*error)
        finally:
            talk._turn_of = talk._shared_turn = None
            talk._lock.release()
