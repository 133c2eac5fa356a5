"""The talk with one older Harvard pump: address, refusals, prompts, and which commands may be repeated.

Knows that answers have an address at best and no checksum, that every prompt tells what the plunger does and means
different things on different models, and how to find back into step after a lost answer. Does not know what makes up
an infusion.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from drivers.errors import DeviceRefused, ExchangeError, ForeignTraffic, Interrupted
from drivers.harvard_22 import codec
from drivers.harvard_22.framing import AnswerFramer, Frame, command_bytes
from drivers.talk import Answer, Talk
from drivers.transport import LineSettings

BAUDS: Final = (9600, 19_200)
"""9600 from the factory [M]; a PHD 2000 may be set to 19200 [?]. Slower ones are given in the rig file."""
_SLOWEST: Final = 300
_SYNC = "VER"
STILL: Final = "still"
INFUSING: Final = "infusing"
REFILLING: Final = "refilling"
STALLED: Final = "stalled"
PAUSED: Final = "paused"
WAITING: Final = "waiting"
LIMIT: Final = "at a limit switch"
_STATES = {
    ":": STILL, ">": INFUSING, "<": REFILLING, "/": PAUSED, "^": WAITING,
    "*T": STILL, "*D": STALLED, "*I": LIMIT, "*W": LIMIT,
}  # fmt: skip

T = TypeVar("T")


@functools.cache
def _lines(baud: int | None) -> tuple[LineSettings, ...]:
    return tuple(LineSettings(baud=tried, stop_bits=2) for tried in (BAUDS if baud is None else (baud,)))


class Refused(DeviceRefused):
    """The pump answered with ?, NA or OOR."""


@dataclass
class Harvard22Link(Talk[Frame]):
    """A line with one pump on it. Opened by the first use."""

    star_is_still: bool = field(default=False, init=False)
    """``*`` means interrupted by STP on a PHD 2000 [D], stalled on all others [M]."""
    _unanswered: int = field(default=0, init=False)

    @property
    def lines(self) -> tuple[LineSettings, ...]:
        return _lines(self.options.baud)

    @property
    def reply_s(self) -> float:
        """Return the deadline of one exchange: 0.4 s and the time that 60 bytes take."""
        return 0.4 + 60 * 11 / max(self.lines[self.line].baud, _SLOWEST)

    def framer(self) -> AnswerFramer:
        return AnswerFramer()

    def state_of(self, prompt: str) -> str:
        """Return what a prompt says the plunger does, on the model that was found."""
        if prompt == "*":
            return STILL if self.star_is_still else STALLED
        return _STATES[prompt]

    def try_otherwise(self) -> None:
        """Nothing answered: where it is not known yet how fast this pump is spoken to, try another rate next."""
        self._unanswered += 1
        if not self.identified and self._unanswered % 2 == 0:
            self.next_line()

    # --- one exchange ---

    def once(
        self,
        command: str,
        parse: Callable[[codec.Lines], T | None],
        *,
        timeout_s: float | None = None,
        urgent: bool = False,
    ) -> tuple[T, str]:
        """Send one command once and return its parsed answer and the state that the prompt tells.

        Raises PortError, ExchangeError (ForeignTraffic when another address answers), Refused.
        """
        address = self.options.address

        def is_reply(frame: Frame) -> bool:
            return parse(frame.lines) is not None or codec.refusal(frame.lines) is not None

        frame = self.transact(
            command_bytes(command, address),
            is_reply,
            command=command,
            timeout_s=self.reply_s if timeout_s is None else timeout_s,
            urgent=urgent,
        )
        if (frame.address or 0) != address:
            self.live().mark_out_of_step(self.clock.now_ns())
            raise self.error(
                ForeignTraffic,
                f"pump {frame.address or 0} answered instead of pump {address}; is this the address set on the pump?",
                command,
            )
        value = parse(frame.lines)
        if value is None:
            raise self.error(Refused, f"the pump refuses: {codec.refusal(frame.lines)}", command)
        return value, self.state_of(frame.prompt)

    def get_in_step(self, *, urgent: bool = False) -> None:
        """After a lost answer, ask for the version: once it has come, every older answer has come too (L7)."""
        exchange = self.live()
        if exchange.out_of_step:
            self.once(_SYNC, codec.parse_version, urgent=urgent)
            exchange.out_of_step = False

    def ask(self, command: str, parse: Callable[[codec.Lines], T | None], *, urgent: bool = False) -> Answer[T]:
        """Ask a question, up to three times. Raises PortError, ExchangeError, Refused."""
        return self.repeated(lambda: self.once(command, parse, urgent=urgent)[0], command, urgent=urgent)

    def state(self, *, urgent: bool = False) -> Answer[str]:
        """Ask what the plunger does: the prompt after a harmless question."""
        return self.repeated(lambda: self.once(_SYNC, codec.parse_version, urgent=urgent)[1], _SYNC, urgent=urgent)

    def set(self, command: str, *, optional: bool = False) -> bool:
        """Write a setting into the stopped pump; False if ``optional`` and the pump does not know it.

        A lost answer is followed by a question for the state, and by the same setting once more only while the pump
        stands still: writing the same value twice into a stopped pump changes nothing. Raises Refused, ExchangeError.
        """
        for last in (False, False, True):
            try:
                self.get_in_step()
                self.once(command, bare)
            except (ForeignTraffic, Interrupted):
                raise
            except Refused:
                if optional:
                    return False
                raise
            except ExchangeError:
                if last or self.state().value != STILL:
                    raise
            else:
                break
        return True

    def send_stop(self, *, timeout_s: float) -> None:
        """Send one STP; also "not applicable", from a pump that stands, is an answer."""
        try:
            self.once("STP", bare, timeout_s=timeout_s, urgent=True)
        except Refused:
            return


def bare(lines: codec.Lines) -> bool | None:
    """Take an answer without a line: the prompt alone."""
    return True if not lines else None
