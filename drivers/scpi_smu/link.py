"""The talk with one source-measure unit: lines, questions and their answers, and back into step by a device clear.

Knows what may be repeated and that an answer does not tell its question. Does not know what is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from drivers.capabilities import DriverOptions
from drivers.clock import Clock
from drivers.errors import DeviceRefused, ForeignTraffic, GarbledReply, PortLost, ReplyTimeout
from drivers.exchange import Exchange
from drivers.scpi_smu.codec import decode_error
from drivers.scpi_smu.family import SmuOptions
from drivers.text import printable
from drivers.transport import TransportOpener

DEVICE_CLEAR: Final = b"\x03"
"""^C: drops what the instrument is at, and what it was about to say (5; manuals of all three)."""
CLEARED: Final = b"DCL"
"""What a 6517B says to that."""
LINE_MAX: Final = 512
REPLY_S: Final = 0.7
_REPLY_BYTES = 100  # longest question and answer together
_TRIES = 3
_ERRORS_MAX = 20
_MARKS = range(100, 256)  # what the register holds, without what other answers look like
R = TypeVar("R")
T = TypeVar("T")


@dataclass
class LineFramer:
    """Cuts at carriage returns and newlines, in any order; drops flow control, empty lines and lines without end."""

    _rest: bytes = field(default=b"", init=False)
    _overlong: bool = field(default=False, init=False)

    def feed(self, data: bytes, now_ns: int) -> list[bytes]:  # noqa: ARG002 - lines have no inter-byte rule
        """Return whole lines without their end; of an overlong one nothing."""
        lines = (self._rest + data.translate(None, b"\x11\x13")).replace(b"\r", b"\n").split(b"\n")
        self._rest = lines.pop()
        if self._overlong and lines:
            self._overlong = False
            del lines[0]
        if len(self._rest) > LINE_MAX:
            self._rest, self._overlong = b"", True
        return [line for line in lines if line]

    def reset(self) -> None:
        """Forget an incomplete line."""
        self._rest, self._overlong = b"", False


def _drop_all(exchange: Exchange[bytes]) -> None:
    exchange.send(DEVICE_CLEAR)
    exchange.drain(urgent=True)


@dataclass
class SmuLink:
    """A line with one instrument on it."""

    opener: TransportOpener
    url: str
    clock: Clock
    options: DriverOptions
    smu: SmuOptions
    _exchange: Exchange[bytes] | None = field(default=None, init=False)
    _clears: int = field(default=0, init=False)

    def open(self) -> None:
        """Open the line anew. Raises PortError."""
        self.close()
        transport = self.opener.open(self.url, self.smu.line)
        self._exchange = Exchange(transport, self.clock, self.options, LineFramer(), lambda line: line == CLEARED)

    @property
    def is_open(self) -> bool:
        """Tell whether the line is open and, as far as known, there."""
        return self._exchange is not None

    def close(self) -> None:
        """Release the line; sends nothing. May be called twice."""
        if self._exchange is not None:
            self._exchange.transport.close()
            self._exchange = None

    def say(self, command: str) -> None:
        """Send what has no answer. Raises PortLost, ReplyTimeout (the line takes nothing)."""
        self._guarded(lambda exchange: exchange.send(command.encode("ascii") + self.smu.terminator))

    def ask(self, query: str, decode: Callable[[bytes], T | None], *, tries: int = _TRIES) -> T:
        """Send a question, again after a device clear if need be, return its answer. Raises ExchangeError, PortLost."""
        if self._exchange is not None and self._exchange.out_of_step:
            self.clear()
        for last in (False,) * (tries - 1) + (True,):
            try:
                return self._ask_once(query, decode)
            except (ReplyTimeout, GarbledReply, ForeignTraffic):
                if last:
                    raise
                self.clear()
        raise AssertionError("each try returns or fails")

    def _ask_once(self, query: str, decode: Callable[[bytes], T | None]) -> T:
        def act(exchange: Exchange[bytes]) -> bytes:
            request = query.encode("ascii") + self.smu.terminator
            timeout_s = REPLY_S + _REPLY_BYTES * self.smu.byte_s
            return exchange.transact(
                request, lambda line: decode(line) is not None, command=query, timeout_s=timeout_s, urgent=True
            )

        value = decode(self._guarded(act))
        if value is None:
            raise AssertionError("only a line that decodes was taken for the answer")
        return value

    def forget(self) -> None:
        """Do without getting back into step: the next question is one whose answer cannot be mistaken."""
        if self._exchange is not None:
            self._exchange.out_of_step = False

    def ask_twice(self, query: str, decode: Callable[[bytes], T | None], *, tries: int = _TRIES) -> T:
        """Ask until two answers in a row agree: for what must not hang on one broken digit. Raises GarbledReply."""
        before = self.ask(query, decode, tries=tries)
        for _turn in range(_TRIES):
            answer = self.ask(query, decode, tries=tries)
            if answer == before:
                return answer
            before = answer
        raise GarbledReply("its answers contradict each other", port=self.url, command=query)

    def text(self, query: str) -> str:
        """Ask for a text; anything printable passes."""
        return self.ask(query, lambda line: line.decode() if line.isascii() and line != CLEARED else None)

    def clear(self, *, tries: int = _TRIES) -> None:
        """Get back into step: device clear, then a question whose answer cannot be mistaken for a late one.

        The mark is written into the mask of the standard event register, which changes nothing else. Raises
        ExchangeError, PortLost.
        """
        for last in (False,) * (tries - 1) + (True,):
            self._guarded(_drop_all)
            mark = _MARKS[self._clears % len(_MARKS)]
            self._clears += 1
            try:
                self._ask_once(f"*ESE {mark};*ESE?", lambda line, mark=mark: line == b"%d" % mark or None)  # type: ignore[misc]
            except (ReplyTimeout, GarbledReply, ForeignTraffic):
                if last:
                    raise
            else:
                self.forget()
                return

    def errors(self) -> list[str]:
        """Return the instrument's own errors and empty its queue."""
        found: list[str] = []
        for _turn in range(_ERRORS_MAX):
            code, message = self.ask(":SYST:ERR?", decode_error)
            if code == 0:
                return found
            found.append(f"{code} {printable(message)}")
        raise DeviceRefused("its errors come without end", port=self.url, command=":SYST:ERR?")

    def post(self, query: str) -> None:
        """Send a question without waiting for its answer; what lies in the input before belongs to none."""

        def act(exchange: Exchange[bytes]) -> None:
            exchange.transport.discard_input()
            exchange.framer.reset()
            exchange.send(query.encode("ascii") + self.smu.terminator)

        self._guarded(act)

    def lines(self, timeout_s: float) -> list[bytes]:
        """Return whole lines that have arrived, waiting at most ``timeout_s`` for the first bytes. Raises PortLost."""
        return self._guarded(lambda exchange: exchange.more(timeout_s, urgent=True))

    def _guarded(self, act: Callable[[Exchange[bytes]], R]) -> R:
        if self._exchange is None:
            raise PortLost("connect first: this line was not opened, or was lost since", port=self.url)
        try:
            return act(self._exchange)
        except PortLost:
            self.close()
            raise
