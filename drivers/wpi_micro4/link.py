"""The talk with one line of a Micro4: which terminator it wants, echo, and selecting the line before everything.

All settings, questions and actions apply to the line that is selected on the controller, by ``L#`` or by somebody at
its front panel: every turn selects the line first, and goes on only when that was acknowledged. Does not know what
makes up an infusion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from drivers.errors import DeviceRefused, ExchangeError, GarbledReply
from drivers.printed import Printed
from drivers.shared_line import LineMember
from drivers.talk import Answer, Talk, is_final
from drivers.text import printable
from drivers.transport import LineSettings
from drivers.wpi_micro4 import codec
from drivers.wpi_micro4.framing import AnswerFramer

LINE: Final = LineSettings(baud=9600)
"""9600 8N1, no flow control [M]."""
REPLY_S: Final = 0.4
"""Deadline of one exchange: the longest answer takes 50 ms at 9600 baud; how long a unit thinks is not known [?]."""
CR: Final = "\r"
SEMICOLON: Final = ";"
FORMS: Final = (CR, SEMICOLON)
"""Every command ends with CR [D, a real unit], or numbers end with ``;`` and letters with nothing [M]."""
_TURN_S: Final = 1.0  # waiting for the turns of the other three lines
TRIES_PER_FORM: Final = 2  # what was sent in a wrong form may still stand before the first command
_NUMBERED = "VCRL"
_ANSWER = re.compile(r"[?>A-Z]")
_SYNC = "B"  # asked for nothing else: its answer cannot be mistaken for another one

T = TypeVar("T")


@dataclass
class Micro4Link(Talk[str]):
    """A port with one Micro4 on it, of which one line is ours. Opened by the first use."""

    syringe_line: int = 1
    form: str = field(default=CR, init=False)
    echo: bool | None = field(default=None, init=False)
    """Whether answers begin with the command; None until one has come. While known, others are not believed."""
    _unanswered: int = field(default=0, init=False)

    @property
    def lines(self) -> tuple[LineSettings, ...]:
        return (LINE,)

    def framer(self) -> AnswerFramer:
        return AnswerFramer()

    def is_known_unasked(self, frame: str) -> bool:
        """Take acknowledgements for no foreign traffic: two commands of a blind stop are answered by two of them.

        Nor what was said to other lines of the same controller, and came too late for them.
        """
        return frame == "" or frame.startswith("L") or (self.has_siblings and _ANSWER.match(frame) is not None)

    def try_otherwise(self) -> None:
        """Nothing answered: where it is not known yet how this unit is spoken to, try the other form next."""
        self._unanswered += 1
        if not self.identified:
            self.echo = None
            if self._unanswered % TRIES_PER_FORM == 0:
                self.form = FORMS[1 - FORMS.index(self.form)]

    def encode(self, command: str) -> bytes:
        """Return a command in the form that this unit wants."""
        if self.form == CR:
            return (command + CR).encode("ascii")
        ends = command[0] in _NUMBERED or (command[0] == "T" and command[1:].isdigit())
        return (command + (SEMICOLON if ends else "")).encode("ascii")

    @property
    def line_out_of_step(self) -> bool:
        """Tell whether an answer to any pump on this port may still come."""
        return isinstance(self.opener, LineMember) and self.opener.out_of_step

    @line_out_of_step.setter
    def line_out_of_step(self, value: bool) -> None:
        if isinstance(self.opener, LineMember):
            self.opener.out_of_step = value

    # --- one exchange ---

    def once(
        self,
        command: str,
        parse: Callable[[str], T | None],
        *,
        timeout_s: float = REPLY_S,
        urgent: bool = False,
        ahead: bytes = b"",
    ) -> T:
        """Send one command once, to whatever line is selected, and return its parsed answer.

        ``ahead`` goes out before it in the same breath. Raises PortError, ExchangeError, DeviceRefused.
        """

        def is_reply(frame: str) -> bool:
            body = self._body(frame, command)
            return body is not None and (parse(body) is not None or codec.is_refusal(body))

        data = ahead + self.encode(command)
        try:
            frame = self.transact(data, is_reply, command=command, timeout_s=timeout_s, urgent=urgent)
        except ExchangeError:
            self.line_out_of_step = True  # what comes late does not say for which line it is
            raise
        body = self._body(frame, command) or ""
        if self.echo is None and command.startswith("?"):
            self.echo = frame.startswith(command)
        if codec.is_refusal(body) or (value := parse(body)) is None:
            raise self.error(DeviceRefused, f"the controller refuses: {printable(body)}", command)
        return value

    def _body(self, frame: str, command: str) -> str | None:
        """Return the answer after the echo; None if the echo is missing or is that of another command."""
        if self.echo is not False and frame.startswith(command):
            rest = frame[len(command) :]
            if rest[:1] in ("", ">", ";", "\r", "\n", " "):
                return rest.lstrip("; \r\n").removeprefix(">").strip()
        return None if self.echo else frame.removeprefix(">").strip()

    def select(self, line: int, *, timeout_s: float = REPLY_S, urgent: bool = False) -> None:
        """Select a line; every command after it is for this one until somebody selects another."""
        self.once(f"L{line}", _any, timeout_s=timeout_s, urgent=urgent)

    def get_in_step(self, *, urgent: bool = False) -> None:
        """After a lost answer, ask for the motor drive: once it has come, every older answer has come too (L7)."""
        exchange = self.live()
        if exchange.out_of_step or self.line_out_of_step:
            self.once(f"?{_SYNC}", lambda body: codec.parse_text(_SYNC, body), urgent=urgent)
            exchange.out_of_step = self.line_out_of_step = False

    # --- turns: the line, then what is for it ---

    @contextmanager
    def turn(
        self,
        command: str,
        *,
        line: int | None = None,
        timeout_s: float = REPLY_S,
        urgent: bool = False,
        in_step: bool = True,
    ) -> Iterator[None]:
        """Select our line (or another) and hold the port: no other pump of the rig selects one in between.

        ``in_step``: make sure first that no older answer, to any pump on this port, is still to come.
        Raises LineTaken where the STOP of another pump needs the port: what was to follow is not sent.
        """
        with self.live().turn(command, _TURN_S, urgent=urgent):
            if in_step:
                self.get_in_step(urgent=urgent)
            self.select(line or self.syringe_line, timeout_s=timeout_s, urgent=urgent)
            yield

    def ask(
        self, letter: str, parse: Callable[[str], T | None], *, line: int | None = None, urgent: bool = False
    ) -> Answer[T]:
        """Ask our line (or another) a question, up to three times, selecting it anew each time."""
        command = f"?{letter}"

        def ask_once() -> T:
            with self.turn(command, line=line, urgent=urgent):
                return self.once(command, parse, urgent=urgent)

        return self.repeated(ask_once, command, urgent=urgent)

    def number(self, letter: str, *, urgent: bool = False) -> Answer[Printed]:
        """Ask our line for one of its numbers."""
        return self.ask(letter, lambda body: codec.parse_number(letter, body), urgent=urgent)

    def text(self, letter: str, *, line: int | None = None, urgent: bool = False) -> Answer[str]:
        """Ask our line (or another) for one of its texts."""
        return self.ask(letter, lambda body: codec.parse_text(letter, body), line=line, urgent=urgent)

    def act(self, command: str, *, line: int | None = None) -> None:
        """Send one action once, to our line (or another). Raises DeviceRefused, ExchangeError (unknown whether done).

        A selection that was not acknowledged is an error too, and then the action was not sent.
        """
        self.get_in_step()
        with self.turn(command, line=line):
            self.once(command, _any)

    def set(self, command: str) -> None:
        """Write a setting into the stopped line. What it became is read back later: not all answers are true [D].

        A lost answer is followed by a question for the motor state, and by the same setting once more only while it
        is stopped: writing the same value twice into a stopped pump changes nothing. Raises as ``act``.
        """
        for last in (False, False, True):
            try:
                self.act(command)
            except (ExchangeError, DeviceRefused) as error:
                if last or is_final(error) or self.text("G").value != codec.STOPPED:
                    raise
            else:
                return

    def send_stop(self, *, blind: bool, timeout_s: float) -> None:
        """Halt our line. ``blind``: both commands in one breath, also where no answer can be heard."""
        if blind:
            ahead = self.encode(f"L{self.syringe_line}")
            self.once("H", _any, timeout_s=timeout_s, urgent=True, ahead=ahead)
        else:
            with self.turn("H", timeout_s=timeout_s, urgent=True, in_step=False):
                self.once("H", _any, timeout_s=timeout_s, urgent=True)

    def garbled(self, message: str, command: str) -> GarbledReply:
        """Return the error for an answer that makes no sense."""
        return self.error(GarbledReply, message, command)


def _any(body: str) -> str:
    return body
