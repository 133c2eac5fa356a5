"""The talk with one Ultra pump: framing, address, refusals, and which commands may be repeated.

Knows that queries may be repeated and actions never (R36), how to find back into step after a lost answer, and that
replies without XON mean that ``poll`` fell back to off: the pump lost power. Does not know what makes up an infusion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

from drivers.capabilities import DriverOptions
from drivers.clock import NS_PER_S, Clock
from drivers.errors import (
    DeviceRefused,
    DeviceReset,
    ExchangeError,
    ForeignTraffic,
    GarbledReply,
    Interrupted,
    PortLost,
    ReplyTimeout,
)
from drivers.exchange import Exchange
from drivers.harvard_ultra import codec
from drivers.harvard_ultra.framing import XON, ReplyFramer, command_bytes
from drivers.text import printable
from drivers.transport import LineSettings, TransportOpener

BAUD: Final = 115_200
"""USB ignores it. On RS-232 the fastest rate that all models have [M]; the rig may name another one."""
REPLY_S: Final = 0.4
"""Deadline of one exchange: the longest answer takes 9 ms at 115200 baud, adapters add some 20 ms."""
_LAGGING_S = 0.1  # how much later than its prompt a status line may come
_TRIES = 3
_TELLS = 2  # replies in a row without XON: one might be a lost byte

T = TypeVar("T")


class PumpRefused(DeviceRefused):
    """The pump said no, in its own words."""


class Answer(NamedTuple, Generic[T]):
    """A parsed answer and when it was asked for and had."""

    reply: codec.Reply
    value: T
    asked_ns: int
    received_ns: int


@dataclass
class PumpLink:
    """A line with one pump on it. Opened by the first use."""

    opener: TransportOpener
    url: str
    clock: Clock
    options: DriverOptions
    until_ns: int | None = field(default=None, init=False)
    """While a stop is on: when it must be over, whatever its single exchanges would take."""
    identified: bool = field(default=False, init=False)
    """The driver knows who answers on the line as it is open now (R19)."""
    polled: bool = field(default=False, init=False)
    """This driver has set ``poll on``, ever: if the pump's poll is off again, it was reset."""
    _framer: ReplyFramer = field(default_factory=ReplyFramer, init=False)
    _order_known: bool = field(default=False, init=False)
    _without_xon: int = field(default=0, init=False)
    _exchange: Exchange[bytes] | None = field(default=None, init=False)

    def open(self) -> Exchange[bytes]:
        """Open the line if it is not. Raises PortError."""
        if self._exchange is None:
            self._framer = ReplyFramer()
            self._order_known = False
            line = self.opener.open(self.url, LineSettings(baud=self.options.baud or BAUD))
            self._exchange = Exchange(line, self.clock, self.options, self._framer)
        return self._exchange

    def _live(self) -> Exchange[bytes]:
        if self._exchange is None:  # never opened again by itself: who comes back must be identified first (R37)
            raise PortLost("the line is not open", port=self.url)
        return self._exchange

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

    # --- one exchange ---

    def once(
        self, text: str, is_answer: Callable[[codec.Reply], bool], *, timeout_s: float = REPLY_S, urgent: bool = False
    ) -> codec.Reply:
        """Send one command once and return its reply, which may be a refusal.

        Raises PortError, ExchangeError (ForeignTraffic when another address answers).
        """
        exchange = self._live()
        if self.until_ns is not None:
            timeout_s = max(min(timeout_s, (self.until_ns - self.clock.now_ns()) / NS_PER_S), 0.0)
        self._framer.wants_status = text == "status"

        def is_reply(frame: bytes) -> bool:
            reply = codec.parse_reply(frame)
            return reply is not None and (reply.error is not None or is_answer(reply))

        packet = command_bytes(text, self.options.address)
        try:
            frame = exchange.transact(packet, is_reply, command=text, timeout_s=timeout_s, urgent=urgent)
        except PortLost:
            self.close()
            raise
        reply = codec.parse_reply(frame)
        if reply is None:
            raise GarbledReply("what came is no answer to this", port=self.url, command=text, partial=frame)
        if (reply.address or 0) != self.options.address:
            exchange.mark_out_of_step(self.clock.now_ns())
            raise ForeignTraffic(
                f"pump {reply.address or 0} answered instead of pump {self.options.address}; is this the address set "
                "on the pump, and does no other program use this line?",
                port=self.url,
                command=text,
                partial=frame,
            )
        return reply

    def poll_on(self, *, urgent: bool = False) -> None:
        """Make the pump end every reply with XON and say nothing unasked. Raises DeviceRefused, ExchangeError."""
        self._check_refusal(self.once("poll on", _is_bare, urgent=urgent), "poll on")
        self.polled = True

    def get_in_step(self, *, urgent: bool = False) -> None:
        """After a lost answer, ask for the version: once it has come, every older answer has come too (L7).

        Raises DeviceReset when the pump's poll, which was on, is off.
        """
        if not self._live().out_of_step:
            return
        while self._without_xon < _TELLS:
            try:
                self.once("version", _is_version, urgent=urgent)
            except (ReplyTimeout, GarbledReply) as error:
                self._note_xon(error)
                if not self._without_xon:
                    raise
            else:
                self._without_xon = 0
                self._live().out_of_step = False
                return
        self._without_xon = 0
        was_on, self.polled = self.polled, False
        self.poll_on(urgent=urgent)
        if was_on:
            raise self.reset_error("version")
        self.once("version", _is_version, urgent=urgent)
        self._live().out_of_step = False

    def _note_xon(self, error: ExchangeError) -> None:
        self._without_xon = self._without_xon + 1 if self.lacks_xon(error) else 0

    def lacks_xon(self, error: ExchangeError) -> bool:
        """Tell whether a reply was whole but for XON (poll is off), or for prompt and XON (poll is remote)."""
        if not error.partial or XON in error.partial:
            return False
        return (codec.parse_reply(error.partial) or codec.parse_reply(error.partial + b"\n:")) is not None

    def learn_order(self, *, urgent: bool = False) -> None:
        """Find out once per line whether this firmware sends its prompt before or after the status line [D:chembot]."""
        if self._order_known:
            return
        reply = self.once("status", lambda _reply: True, urgent=urgent)
        if not reply.lines:
            self._framer.prompt_first = True
            self._live().more(_LAGGING_S, urgent=urgent)
        self._order_known = True

    # --- questions, settings, actions ---

    def ask(self, text: str, parse: Callable[[codec.Reply], T | None], *, urgent: bool = False) -> Answer[T]:
        """Ask a question, up to three times, and return the parsed answer.

        Raises PortError, ExchangeError, DeviceRefused, DeviceReset.
        """
        failure: ExchangeError | None = None
        for _try in range(_TRIES):
            try:
                self.get_in_step(urgent=urgent)
                if text == "status":
                    self.learn_order(urgent=urgent)
                asked_ns = self.clock.now_ns()
                reply = self.once(text, lambda reply: parse(reply) is not None, urgent=urgent)
            except (ForeignTraffic, Interrupted):
                raise
            except ExchangeError as error:
                failure = error
                self._note_xon(error)
                continue
            self._check_refusal(reply, text)
            if (value := parse(reply)) is not None:
                return Answer(reply, value, asked_ns, self.clock.now_ns())
        raise failure if failure is not None else GarbledReply("no answer", port=self.url, command=text)

    def command(self, text: str) -> codec.Reply:
        """Send one action once. Raises DeviceRefused, ExchangeError (unknown whether it was carried out)."""
        self.get_in_step()
        reply = self.once(text, _is_bare)
        self._check_refusal(reply, text)
        return reply

    def set(self, text: str, *, optional: bool = False) -> bool:
        """Write a setting into the stopped pump; False if ``optional`` and the pump refuses it.

        A lost answer is followed by a question for the state, and the same setting again only while the pump stands
        still: writing the same value twice into a stopped pump changes nothing. Raises as ``command``.
        """
        for last in (False, False, True):
            try:
                self.command(text)
            except PumpRefused:
                if optional:
                    return False
                raise
            except (ForeignTraffic, Interrupted):
                raise
            except ExchangeError:
                if last or not self.ask("status", codec.parse_status).value.motion.is_still:
                    raise
            else:
                break
        return True

    def reset_error(self, command: str) -> DeviceReset:
        """Return the error that says the pump has lost its run state."""
        return DeviceReset(
            "the pump was reset or lost power: its run is gone (unless its screen says to resume after power loss)",
            port=self.url,
            command=command,
        )

    def _check_refusal(self, reply: codec.Reply, text: str) -> None:
        if reply.error is not None:
            raise PumpRefused(f"the pump refuses: {printable(reply.error)}", port=self.url, command=text)


def _is_bare(reply: codec.Reply) -> bool:
    return not reply.lines


def _is_version(reply: codec.Reply) -> bool:
    return codec.parse_version(reply) is not None
