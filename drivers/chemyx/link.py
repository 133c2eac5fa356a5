"""The talk with one Chemyx pump: echo, prompt, baud rate, and which commands may be repeated.

Knows that answers have no address and no checksum, that the echo (if it is on) names the command, and how to find
back into step after a lost answer. Does not know what makes up an infusion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from drivers.chemyx import codec
from drivers.chemyx.framing import AnswerFramer, Frame, command_bytes
from drivers.errors import (
    DeviceRefused,
    ExchangeError,
    ForeignTraffic,
    Interrupted,
    ReadbackMismatch,
)
from drivers.talk import Answer, Talk
from drivers.transport import LineSettings

BAUDS: Final = (9600, 38_400, 115_200)
"""8N1, no flow control; the rate is set in the pump's menu [M], 115200 seen on newer ones. Tried in this order."""
REPLY_S: Final = 0.6
"""Deadline of one exchange: the longest answer takes 0.14 s at 9600 baud; vendor code waits 0.4 s per command [D]."""
_SYNC = "elapsed time"
_TRIES_PER_LINE = 2  # what came at a wrong baud rate may still stand before the first command
LIMITS_QUESTION: Final = "read limit parameter"
_STATUS_NAMES = ("pump status", "status")  # [M]; [D:vendor MATLAB]

T = TypeVar("T")


@dataclass
class ChemyxLink(Talk[Frame]):
    """A line with one pump on it. Opened by the first use."""

    channel: int = 0
    """Of a pump with two; 0: it has one only, and commands carry no prefix."""
    echo: bool | None = field(default=None, init=False)
    """Whether the pump echoes commands; None until it has answered. While known, other answers are not believed."""
    status_names: tuple[str, ...] = field(default=_STATUS_NAMES, init=False)
    """What the pump may call its status question; one name once it has answered."""
    _silent: int = field(default=0, init=False)

    @property
    def lines(self) -> tuple[LineSettings, ...]:
        bauds = BAUDS if self.options.baud is None else (self.options.baud,)
        return tuple(LineSettings(baud=baud) for baud in bauds)

    def framer(self) -> AnswerFramer:
        return AnswerFramer()

    def is_known_unasked(self, frame: Frame) -> bool:
        return not frame.lines

    def try_otherwise(self) -> None:
        """Nothing known answered: it may echo or not, and listen at another baud rate than the one tried."""
        self.echo = None
        self._silent += 1
        if not self.identified and self._silent % _TRIES_PER_LINE == 0:
            self.next_line()

    def once(
        self,
        command: str,
        parse: Callable[[codec.Lines], T | None],
        *,
        timeout_s: float = REPLY_S,
        urgent: bool = False,
    ) -> T:
        """Send one command once and return its parsed answer.

        Raises PortError, ExchangeError, DeviceRefused (the pump does not know the command as it arrived).
        """
        command = self._to_channel(command)

        def is_reply(frame: Frame) -> bool:
            body = self._body(frame, command)
            return body is not None and (parse(body) is not None or codec.is_refusal(body))

        frame = self.transact(command_bytes(command), is_reply, command=command, timeout_s=timeout_s, urgent=urgent)
        body = self._body(frame, command) or ()
        if self.echo is None:
            self.echo = frame.lines[:1] == (command.encode("ascii"),)
        value = parse(body)
        if value is None:
            raise self.error(DeviceRefused, f"the pump does not know this command ({body[0]!r})", command)
        return value

    def _to_channel(self, command: str) -> str:
        """Return the command as a pump with two channels wants it [D vendor]."""
        if not self.channel:
            return command
        return f"{self.channel} {command}{' 0' if command == LIMITS_QUESTION else ''}"

    def _body(self, frame: Frame, command: str) -> codec.Lines | None:
        """Return the lines after the echo; None if the echo is missing or is that of another command."""
        lines = tuple(line.decode("latin-1") for line in frame.lines)
        if self.echo is not False and lines[:1] == (command,):
            return lines[1:]
        return None if self.echo is True else lines

    def ask(self, command: str, parse: Callable[[codec.Lines], T | None], *, urgent: bool = False) -> Answer[T]:
        """Ask a question, up to three times. Raises PortError, ExchangeError, DeviceRefused."""
        return self.repeated(lambda: self.once(command, parse, urgent=urgent), command, urgent=urgent)

    def digit(self, *, urgent: bool = False) -> Answer[int]:
        """Ask for the digit of the pump's status, under the name that it knows. Raises as ``ask``."""
        for name in self.status_names:
            try:
                answer = self.ask(name, codec.parse_status, urgent=urgent)
            except DeviceRefused:
                if name == self.status_names[-1]:
                    raise
            else:
                self.status_names = (name,)
                return answer
        raise AssertionError("there is always a name")

    @property
    def status_name(self) -> str:
        """Return the name of the status question, for messages."""
        return self.status_names[0]

    def action(self, command: str, parse: Callable[[codec.Lines], T | None]) -> T:
        """Send one action once. Raises DeviceRefused (not done), ExchangeError (unknown whether)."""
        self.get_in_step()
        return self.once(command, parse)

    def set(self, name: str, text: str) -> None:
        """Write a setting into the stopped pump and compare what it says it holds (it keeps another one silently [M]).

        A lost or different answer is followed by a question for the state, and by the same setting once more only
        while the pump stands still: writing the same value twice into a stopped pump changes nothing. Raises
        ReadbackMismatch, DeviceRefused, ExchangeError.
        """
        command = f"set {name} {text}"
        for last in (False, False, True):
            try:
                held = self.action(command, lambda lines: codec.parse_named(name, lines))
            except (ForeignTraffic, Interrupted):
                raise
            except (ExchangeError, DeviceRefused):
                if last or self.digit().value != 0:
                    raise
                continue
            if held.shows(float(text)):
                return
            if last or self.digit().value != 0:
                raise self.error(
                    ReadbackMismatch,
                    f"{name} was set to {text} and the pump keeps {held.value:g}: out of its range, or it prints "
                    "too few digits to tell",
                    command,
                )

    def get_in_step(self, *, urgent: bool = False) -> None:
        """After a lost answer, ask for the elapsed time: once it has come, every older answer has come too (L7)."""
        exchange = self.live()
        if not exchange.out_of_step:
            return
        self.once(_SYNC, lambda lines: codec.parse_named(_SYNC, lines), urgent=urgent)
        exchange.out_of_step = False
