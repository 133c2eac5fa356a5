"""The line of one plain-text pump: opened by the first use, one exchange at a time, questions asked up to three times.

Shared by families that have no address check, no checksum and no alarm of their own. Knows ports, deadlines and what
may be repeated; the family says how its answers are cut, what they mean, and how to find back into step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

from drivers.capabilities import DriverOptions
from drivers.clock import NS_PER_S, Clock
from drivers.errors import (
    DeviceRefused,
    DriverError,
    ExchangeError,
    ForeignTraffic,
    GarbledReply,
    Interrupted,
    LineTaken,
    PortLost,
)
from drivers.exchange import Exchange, Framer
from drivers.shared_line import LineMember
from drivers.transport import LineSettings, TransportOpener

_TRIES: Final = 3

F = TypeVar("F")
T = TypeVar("T")
E = TypeVar("E", bound=DriverError)


class Answer(NamedTuple, Generic[T]):
    """A parsed answer and when it was asked for and had."""

    value: T
    asked_ns: int
    received_ns: int


@dataclass
class Talk(ABC, Generic[F]):
    """A line with one pump on it."""

    opener: TransportOpener
    url: str
    clock: Clock
    options: DriverOptions
    line: int = field(default=0, init=False)
    """Index of the line settings in ``lines``."""
    until_ns: int | None = field(default=None, init=False)
    """While a stop is on: when it must be over, whatever its single exchanges would take."""
    identified: bool = field(default=False, init=False)
    """The driver knows who answers on the line as it is open now (R19)."""
    lost_answers: int = field(default=0, init=False)
    """How many questions had no answer of use and were asked again."""
    _exchange: Exchange[F] | None = field(default=None, init=False)

    @property
    @abstractmethod
    def lines(self) -> tuple[LineSettings, ...]:
        """Return the line settings that such a pump may have, in the order in which they are tried."""

    @abstractmethod
    def framer(self) -> Framer[F]:
        """Return what cuts the bytes of a newly opened line into answers."""

    @abstractmethod
    def get_in_step(self, *, urgent: bool = False) -> None:
        """After a lost answer, ask something whose answer cannot be mistaken (L7). Nothing if none was lost."""

    def is_known_unasked(self, frame: F) -> bool:
        """Tell which frames may come by themselves and are no foreign traffic."""
        del frame
        return False

    def open(self) -> Exchange[F]:
        """Open the line if it is not. Raises PortError."""
        if self._exchange is None:
            transport = self.opener.open(self.url, self.lines[self.line])
            self._exchange = Exchange(
                transport, self.clock, self.options, self.framer(), is_known_unasked=self.is_known_unasked
            )
        return self._exchange

    def next_line(self) -> None:
        """Close the line; the next opening is with the next line settings."""
        self.close()
        self.line = (self.line + 1) % len(self.lines)

    def close(self) -> None:
        """Release the line; sends nothing. May be called twice."""
        if self._exchange is not None:
            self._exchange.transport.close()
            self._exchange = None
        self.identified = False

    @property
    def foreign_count(self) -> int:
        """Return how often something came that answered nothing, since the line was opened."""
        return self._exchange.foreign_count if self._exchange is not None else 0

    def live(self) -> Exchange[F]:
        """Return the talk with the open line; never opens it: who comes back must be identified first (R37)."""
        if self._exchange is None:
            raise PortLost("the line is not open", port=self.url)
        return self._exchange

    def check_identified(self) -> None:
        """R19, R37: nothing is asked or set before the pump was identified. Raises PortLost."""
        if not self.identified:
            raise PortLost("connect first: this line was not opened, or was lost since", port=self.url)

    def line_is_taken(self) -> bool:
        """Tell whether another pump's exchange holds the line and can go on only after us (virtual time)."""
        return isinstance(self.opener, LineMember) and self.opener.is_held_here()

    def stop_waits(self) -> bool:
        """Tell whether another pump's STOP can go on only after we return (virtual time)."""
        return isinstance(self.opener, LineMember) and self.opener.stop_waits_here()

    @property
    def siblings(self) -> frozenset[int]:
        """Return the addresses of the other pumps of the rig on this line."""
        return self.opener.siblings() if isinstance(self.opener, LineMember) else frozenset()

    @property
    def has_siblings(self) -> bool:
        """Tell whether other pumps of the rig are on this line."""
        return bool(self.siblings)

    def transact(
        self, data: bytes, is_reply: Callable[[F], bool], *, command: str, timeout_s: float, urgent: bool = False
    ) -> F:
        """Send bytes once and return the frame that answers them. Raises PortError, ExchangeError."""
        exchange = self.live()
        if self.until_ns is not None:
            timeout_s = max(min(timeout_s, (self.until_ns - self.clock.now_ns()) / NS_PER_S), 0.0)
        try:
            return exchange.transact(data, is_reply, command=command, timeout_s=timeout_s, urgent=urgent)
        except PortLost:
            self.close()
            raise

    def repeated(self, once: Callable[[], T], command: str, *, urgent: bool = False) -> Answer[T]:
        """Ask a question, up to three times. Raises PortError, ExchangeError, DeviceRefused."""
        failure: DriverError | None = None
        for _try in range(_TRIES):
            try:
                self.get_in_step(urgent=urgent)
                asked_ns = self.clock.now_ns()
                value = once()
            except (ExchangeError, DeviceRefused) as error:  # a refusal may mean that a byte of the question was lost
                if is_final(error):
                    raise
                failure = error
                self.lost_answers += 1
                continue
            return Answer(value, asked_ns, self.clock.now_ns())
        raise failure if failure is not None else self.error(GarbledReply, "no answer", command)

    def in_one_go(self, prove: Callable[[], None], command: str) -> None:
        """Ask what must hold at one time: again from the beginning where an answer was lost in between.

        Who lost an answer may have lost its power, and with it what it told before. Raises GarbledReply after three
        times, and what ``prove`` raises.
        """
        for _try in range(_TRIES):
            before = self.lost_answers
            prove()
            if self.lost_answers == before:
                return
        raise self.error(GarbledReply, "answers keep getting lost: it is not sure what the pump holds", command)

    def error(self, kind: type[E], message: str, command: str) -> E:
        """Return an error with port and command."""
        return kind(message, port=self.url, command=command)


def is_final(error: DriverError) -> bool:
    """Tell whether asking again is pointless, or not wanted: our own STOP waits, or a stranger answers."""
    return isinstance(error, ForeignTraffic | Interrupted) and not isinstance(error, LineTaken)
