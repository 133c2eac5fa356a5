"""One port, several instruments: pumps of one family in a daisy chain, each with an address of its own.

Knows who is on which line, and that one exchange at a time has the physical line: the others wait their turn, and a
STOP goes before everything that is not one. Knows neither bytes nor addresses' meaning; whose answer a frame is, the
family's link says. A port that nobody shares is opened exclusively, as ever.

Waiting for a turn works in threads. On virtual time there is one thread: whoever holds the line then stands further
up the same stack and cannot go on before we return. A STOP takes the line over from it; everything else is not to be
tried (``LineMember.is_held_here``), and a STOP that gets no answer returns soon (``stop_waits_here``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import Final

from drivers.clock import NS_PER_S, Clock
from drivers.errors import Interrupted, LineTaken, PortBusy, PortLost
from drivers.transport import LineSettings, Transport, TransportOpener

GRACE_S: Final = 0.025
"""What a STOP leaves an exchange of another pump to come to its end by itself: most do, and then nothing is lost."""
_SLICE_S: Final = 0.02


@dataclass(eq=False)
class LineTurn:
    """One exchange's turn on a line. ``taken`` tells it to let go: a STOP of another pump needs the line."""

    urgent: bool
    thread: int = field(default_factory=threading.get_ident)
    taken: bool = False


@dataclass
class Turns:
    """Whose turn it is: STOPs first, then in the order of asking."""

    clock: Clock
    lost: str = ""
    """Why the line is gone; who waits is told."""
    _lock: RLock = field(default_factory=RLock, init=False, repr=False)
    """That of ``_changed``: to take it by itself is quicker."""
    _changed: threading.Condition = field(init=False, repr=False)
    _holding: list[LineTurn] = field(default_factory=list, init=False)
    """The last one has the line; those before it stand further up the stack of the same thread."""
    _waiting: list[LineTurn] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._changed = threading.Condition(self._lock)

    @contextmanager
    def take(
        self, port: str, command: str, timeout_s: float, abort: Callable[[], bool], *, urgent: bool
    ) -> Iterator[LineTurn]:
        """Wait for the line and hold it. Raises PortLost, LineTaken (not in time), Interrupted (``abort`` says so)."""
        turn = self.enter(port, command, timeout_s, abort, urgent=urgent)
        try:
            yield turn
        finally:
            self.leave(turn)

    def leave(self, turn: LineTurn) -> None:
        """Let go of the line."""
        with self._lock:
            self._holding.remove(turn)
            if self._waiting:
                self._changed.notify_all()

    def held_here(self) -> bool:
        """Tell whether an exchange of this very thread holds the line."""
        if not self._holding:  # nobody does, so this thread does not: no need to wait for others
            return False
        with self._lock:
            return bool(self._holding) and self._holding[-1].thread == threading.get_ident()

    def stop_held_here(self) -> bool:
        """Tell whether a STOP of this very thread holds the line, or had to let go of it."""
        with self._lock:
            return any(turn.urgent and turn.thread == threading.get_ident() for turn in self._holding)

    def end(self, why: str) -> None:
        """Send everybody away who waits: the line is gone."""
        with self._lock:
            self.lost = why
            self._changed.notify_all()

    def enter(self, port: str, command: str, timeout_s: float, abort: Callable[[], bool], *, urgent: bool) -> LineTurn:
        """As ``take``; who enters must leave."""
        turn = LineTurn(urgent)
        with self._lock:
            if not (self._holding or self._waiting or self.lost):
                self._holding.append(turn)
                return turn
            if self._holding and self._holding[-1].thread == turn.thread:
                if not turn.urgent:
                    raise LineTaken("another pump's exchange holds this line", port=port, command=command)
                self._holding[-1].taken = True
                self._holding.append(turn)
                return turn
            self._waiting.append(turn)
        try:
            self._wait(turn, port, command, timeout_s, abort)
        finally:
            with self._lock:
                self._waiting.remove(turn)
                self._changed.notify_all()
        return turn

    def _wait(self, turn: LineTurn, port: str, command: str, timeout_s: float, abort: Callable[[], bool]) -> None:
        began_ns = self.clock.now_ns()
        while True:
            waited_s = (self.clock.now_ns() - began_ns) / NS_PER_S
            with self._lock:
                if self.lost:
                    raise PortLost(self.lost, port=port, command=command)
                if not self._holding and self._first() is turn:
                    self._holding.append(turn)
                    return
                if turn.urgent and waited_s >= GRACE_S and self._holding and not self._holding[-1].urgent:
                    self._holding[-1].taken = True
                if waited_s < timeout_s:
                    grace_left_s = GRACE_S - waited_s
                    self._changed.wait(min(_SLICE_S, grace_left_s) if grace_left_s > 0 else _SLICE_S)
            if not turn.urgent and abort():
                raise Interrupted("given up because a stop overtakes it", port=port, command=command)
            if waited_s >= timeout_s:
                raise LineTaken(f"other pumps held this line for {timeout_s:.1f} s", port=port, command=command)

    def _first(self) -> LineTurn:
        return next((turn for turn in self._waiting if turn.urgent), self._waiting[0])


@dataclass
class _Place:
    """A port by its URL: who belongs to it, and the line while it is open."""

    url: str
    family: str
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    addresses: set[int] = field(default_factory=set)
    settings: LineSettings | None = None
    """With which somebody was answered last; the next opening begins with these."""
    line: _Line | None = None
    out_of_step: bool = False


@dataclass(eq=False)
class _Line:
    """An open port and the handles on it."""

    place: _Place
    inner: TransportOpener
    port: Transport
    settings: LineSettings
    turns: Turns
    was_answered: bool = False
    """Its settings are right: the pumps of a chain have one baud rate."""
    handles: dict[int, _Handle] = field(default_factory=dict)

    def give_up(self, why: str) -> None:
        """Close the port for everybody; the next to open it gets a new line."""
        with self.place.lock:
            if self.place.line is self:
                self.place.line = None
            self.turns.end(why)
            self.port.close()


@dataclass(eq=False)
class _Handle:
    """One instrument's end of a shared line. Implements ``Transport`` and ``TakesTurns``; useful only in a turn."""

    line: _Line
    address: int
    _open: bool = True
    _turn: LineTurn | None = None

    @property
    def port(self) -> str:
        return self.line.place.url

    def turn(self, command: str, timeout_s: float, abort: Callable[[], bool], *, urgent: bool) -> _Held:
        return _Held(self, command, timeout_s, abort, urgent)

    @property
    def settings(self) -> LineSettings:
        return self.line.settings

    def answered(self) -> None:
        """Note that somebody answered on this line: its baud rate is right, nobody changes it any more."""
        self.line.was_answered = True
        self.line.place.settings = self.line.settings

    def retune(self, settings: LineSettings) -> bool:
        """Open the port anew with other settings, for everybody; False where somebody was answered with these."""
        self._check_open()
        with self.line.turns.take(self.port, "", 1.0, lambda: False, urgent=False):
            if self.line.was_answered:
                return False
            self.line.port.close()
            try:
                self.line.port = self.line.inner.open(self.port, settings)
            except BaseException:
                self.line.give_up("the line could not be opened again with another baud rate")
                raise
            self.line.settings = settings
        return True

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        port = self._in_turn()
        try:
            return port.read(max_bytes, timeout_s)
        except PortLost as error:
            self.line.give_up(error.message)
            raise

    def write(self, data: bytes, timeout_s: float) -> None:
        port = self._in_turn()
        try:
            port.write(data, timeout_s)
        except PortLost as error:
            self.line.give_up(error.message)
            raise

    def discard_input(self) -> bytes:
        port = self._in_turn()
        try:
            return port.discard_input()
        except PortLost as error:
            self.line.give_up(error.message)
            raise

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        place = self.line.place
        with place.lock:
            self.line.handles.pop(self.address, None)
            if self.line.handles:
                return
            if place.line is self.line:
                place.line = None
            self.line.turns.end("the line is closed")
            self.line.port.close()

    def _in_turn(self) -> Transport:
        """Return the port; what loses it for one then loses it for all."""
        line = self.line
        if self._turn is None or not self._open:
            self._check_open()
            raise RuntimeError("a shared line is used outside a turn: this would eat another pump's answer")
        if line.turns.lost:
            raise PortLost(line.turns.lost, port=self.port)
        return line.port

    def _check_open(self) -> None:
        if not self._open:
            raise PortLost("the line is closed", port=self.port)


class _Held:
    """A handle in its turn. Every exchange of every pump takes one: a class of its own costs half of a generator."""

    __slots__ = ("_abort", "_command", "_handle", "_timeout_s", "_turn", "_turns", "_urgent")

    def __init__(
        self, handle: _Handle, command: str, timeout_s: float, abort: Callable[[], bool], urgent: bool
    ) -> None:
        self._handle, self._command, self._timeout_s, self._abort = handle, command, timeout_s, abort
        self._urgent = urgent

    def __enter__(self) -> LineTurn:
        handle = self._handle
        handle._check_open()
        self._turns = turns = handle.line.turns
        turn = turns.enter(handle.port, self._command, self._timeout_s, self._abort, urgent=self._urgent)
        self._turn = handle._turn = turn
        return turn

    def __exit__(self, *_error: object) -> None:
        self._handle._turn = None
        self._turns.leave(self._turn)


@dataclass
class LineMember:
    """What a driver of a chained instrument is handed as its opener: the line it shares."""

    lines: SharedLines
    place: _Place
    address: int

    @property
    def simulated(self) -> bool:
        return self.lines.simulated

    @property
    def out_of_step(self) -> bool:
        """Tell whether an answer to anybody on this line may still come; for answers that do not say whose they are."""
        return self.place.out_of_step

    @out_of_step.setter
    def out_of_step(self, value: bool) -> None:
        self.place.out_of_step = value

    def siblings(self) -> frozenset[int]:
        """Return the addresses of the others that belong to this line, open or not: their frames are not foreign."""
        return frozenset(self.place.addresses - {self.address})

    def is_held_here(self) -> bool:
        """Tell whether an exchange of this very thread holds the line: on virtual time only a STOP may go on then."""
        line = self.place.line
        return line is not None and line.turns.held_here()

    def stop_waits_here(self) -> bool:
        """Tell whether the STOP of another one can go on only after we return (virtual time)."""
        line = self.place.line
        return line is not None and line.turns.stop_held_here()

    def open(self, url: str, settings: LineSettings) -> Transport:
        """Return a handle to the line; the first one opens the port. Raises PortMissing, PortBusy, PortError."""
        with self.place.lock:
            line = self.place.line
            if line is None:
                settings = self.place.settings or settings
                port = self.lines.inner.open(url, settings)
                line = _Line(self.place, self.lines.inner, port, settings, Turns(self.lines.clock))
                self.place.line = line
            elif self.address in line.handles:
                raise PortBusy(f"another instrument of this rig has address {self.address} on this port", port=url)
            handle = _Handle(line, self.address)
            line.handles[self.address] = handle
            return handle


@dataclass
class SharedLines:
    """An opener that lets instruments of one family share a port, and passes everything else through. Thread-safe."""

    inner: TransportOpener
    clock: Clock
    _places: dict[str, _Place] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def simulated(self) -> bool:
        return self.inner.simulated

    def open(self, url: str, settings: LineSettings) -> Transport:
        """Open a port for one instrument alone; PortBusy where a shared line is open."""
        return self.inner.open(url, settings)

    def member(self, url: str, family: str, address: int) -> LineMember:
        """Return the line as one instrument's opener; opens nothing. Raises PortBusy: another family is there."""
        with self._lock:
            place = self._places.setdefault(url, _Place(url, family))
            if place.family != family:
                raise PortBusy(f"this port is shared by {place.family} instruments", port=url)
            place.addresses.add(address)
            return LineMember(self, place, address)


def join(opener: TransportOpener, url: str, family: str, address: int) -> TransportOpener:
    """Return the opener for an instrument that may share its line; the given one where lines are not shared."""
    return opener.member(url, family, address) if isinstance(opener, SharedLines) else opener
