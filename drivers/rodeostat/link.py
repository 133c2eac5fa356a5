"""The talk with one Rodeostat: lines, questions among running samples, settings that read back (3.2, 3.3).

Knows which line answers which command, and that questions and settings may be repeated while a start may not. Does
not know what is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from drivers.capabilities import DriverOptions
from drivers.clock import NS_PER_S, Clock
from drivers.errors import (
    DeviceRefused,
    ForeignTraffic,
    GarbledReply,
    PortLost,
    ReadbackMismatch,
    ReplyTimeout,
)
from drivers.exchange import Exchange
from drivers.rodeostat.codec import END, LINE_MAX, Reply, decode_reply, decode_sample, encode
from drivers.text import printable
from drivers.transport import LineSettings, TransportOpener

LINE: Final = LineSettings(baud=115_200)
"""USB: the baud rate is nominal (3.2)."""
REPLY_S: Final = 0.5
BEGIN_S: Final = 2.0
_TRIES = 3
_MORE_MAX = 16
R = TypeVar("R")
T = TypeVar("T")


@dataclass
class JsonLineFramer:
    """Cuts at newlines, drops the carriage return, and drops a line that never ends."""

    _rest: bytes = field(default=b"", init=False)
    _overlong: bool = field(default=False, init=False)

    def feed(self, data: bytes, now_ns: int) -> list[bytes]:  # noqa: ARG002 - lines have no inter-byte rule
        """Return whole lines without their end; what is left of an overlong one is an empty line: nothing known."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if self._overlong and lines:
            lines[0], self._overlong = b"", False
        if len(self._rest) > LINE_MAX:
            self._rest, self._overlong = b"", True
        return [line[:-1] if line[-1:] == b"\r" else line for line in lines]

    def reset(self) -> None:
        """Forget an incomplete line."""
        self._rest, self._overlong = b"", False


def is_of_a_test(line: bytes) -> bool:
    """Tell whether a line is one that a running test sends by itself."""
    return line == END or decode_sample(line) is not None


def _send_fresh(exchange: Exchange[bytes], data: bytes) -> None:
    """Send, dropping what lies in the input: it belongs to what was before. Without a pause: potential may be off."""
    exchange.transport.discard_input()
    exchange.framer.reset()
    exchange.send(data)


@dataclass
class RodeostatLink:
    """A line with one instrument on it."""

    opener: TransportOpener
    url: str
    clock: Clock
    options: DriverOptions
    _exchange: Exchange[bytes] | None = field(default=None, init=False)

    def open(self) -> None:
        """Open the line anew. Raises PortError."""
        self.close()
        transport = self.opener.open(self.url, LINE)
        self._exchange = Exchange(transport, self.clock, self.options, JsonLineFramer(), is_known_unasked=is_of_a_test)

    @property
    def is_open(self) -> bool:
        """Tell whether the line is open and, as far as known, there."""
        return self._exchange is not None

    def close(self) -> None:
        """Release the line; sends nothing. May be called twice."""
        if self._exchange is not None:
            self._exchange.transport.close()
            self._exchange = None

    def ask(self, command: str, **arguments: object) -> Reply:
        """Send a command that may be repeated and return its reply. Raises DeviceRefused, ExchangeError, PortLost.

        Stopping and settings are as harmless to repeat as questions. Samples that come in between are dropped: while
        samples count, nothing is asked.
        """
        failure: ReplyTimeout | GarbledReply | ForeignTraffic | None = None
        for _try in range(_TRIES):
            try:
                return self._ask_once(command, arguments)
            except (ReplyTimeout, GarbledReply, ForeignTraffic) as error:
                failure = error if failure is None or error.partial else failure
        if failure is None:
            raise AssertionError("each try returns or fails")
        raise failure

    def _ask_once(self, command: str, arguments: dict[str, object]) -> Reply:
        def answers(line: bytes) -> bool:
            reply = decode_reply(line)
            return reply is not None and reply.command in (("", command) if not reply.success else (command,))

        def act(exchange: Exchange[bytes]) -> bytes:
            line = exchange.transact(
                encode(command, **arguments), answers, command=command, timeout_s=REPLY_S, urgent=True
            )
            exchange.out_of_step = False
            return line

        reply = decode_reply(self._guarded(act))
        if reply is None:
            raise AssertionError("only a line that decodes was taken for the answer")
        if not reply.success:
            raise DeviceRefused(f"the instrument refuses: {printable(reply.message)}", port=self.url, command=command)
        return reply

    def ask_optional(self, command: str, **arguments: object) -> Reply | None:
        """Like ``ask``; None where this build does not have the command."""
        try:
            return self.ask(command, **arguments)
        except DeviceRefused as error:
            if "not found" in error.message or "not supported" in error.message:
                return None
            raise

    def get(self, command: str, key: str, kind: type[T]) -> T:
        """Ask and return one value of the reply. Raises GarbledReply if it is missing or of another kind."""
        return self.value_of(self.ask(command), key, kind)

    def value_of(self, reply: Reply, key: str, kind: type[T]) -> T:
        """Return one value of a reply; a whole number passes for a decimal one. Raises GarbledReply."""
        value: object = reply.values.get(key)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise GarbledReply(f"the reply has no {key} of the right kind", port=self.url, command=reply.command)
        return value

    def set(self, name: str, key: str, value: bool | int | str) -> None:
        """Write a setting and ask for it again. Raises ReadbackMismatch."""
        self.ask(f"set{name}", **{key: value})
        held = self.get(f"get{name}", key, type(value))
        if held != value:
            raise ReadbackMismatch(f"{key} reads back as {held!r} instead of {value!r}", port=self.url)

    def set_near(self, name: str, key: str, value: float, within: float) -> None:
        """Write a setting that the instrument rounds, and ask for it again. Raises ReadbackMismatch."""
        self.ask(f"set{name}", **{key: value})
        held = self.get(f"get{name}", key, float)
        if not abs(held - value) <= within:
            raise ReadbackMismatch(f"{key} reads back as {held:g} instead of {value:g}", port=self.url)

    def begin(self, command: str, **arguments: object) -> list[bytes]:
        """Send a command once and return the lines behind its reply. Raises DeviceRefused, ReplyTimeout, PortLost.

        For what begins or ends a stream: samples may come in one piece with the reply, or thousands before it.
        """
        self._guarded(lambda exchange: _send_fresh(exchange, encode(command, **arguments)))
        deadline_ns = self.clock.now_ns() + round(BEGIN_S * NS_PER_S)
        other = b""
        while self.clock.now_ns() < deadline_ns:
            lines = self.lines(0.1)
            other = lines[-1][:LINE_MAX] if lines else other
            for at, line in enumerate(lines):
                reply = decode_reply(line)
                if reply is None or reply.command not in ("", command):
                    continue
                if not reply.success:
                    raise DeviceRefused(
                        f"the instrument refuses: {printable(reply.message)}", port=self.url, command=command
                    )
                return lines[at + 1 :]
        raise ReplyTimeout("no reply in time", port=self.url, command=command, partial=other)

    def lines(self, timeout_s: float) -> list[bytes]:
        """Return all whole lines that have arrived, waiting at most ``timeout_s`` for the first. Raises PortLost."""
        lines = self._guarded(lambda exchange: exchange.more(timeout_s, urgent=True))
        for _turn in range(_MORE_MAX):  # one turn takes 4096 bytes, 0.1 s of the fastest stream
            more = self._guarded(lambda exchange: exchange.more(0.0, urgent=True)) if lines else []
            if not more:
                break
            lines = lines + more
        return lines

    def _guarded(self, act: Callable[[Exchange[bytes]], R]) -> R:
        if self._exchange is None:
            raise PortLost("connect first: this line was not opened, or was lost since", port=self.url)
        try:
            return act(self._exchange)
        except PortLost:
            self.close()
            raise
