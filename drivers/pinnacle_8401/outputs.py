"""The TTL outputs of an 8401-HR: what is sent, and whether it may be sent while data come. Pure; knows no line.

The vendor's client sends nothing into a running stream but its end, and whether the firmware takes SET TTL OUTS there
is not documented [?]. So it is tried once per measurement, with the level that the outputs have already: if the answer
comes among the data they are driven, if not they stay as they are. Later on single answers may get lost on the line. A
measurement that breaks off right after something was sent ends the use of outputs for good: samples come first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from drivers.capabilities import OutputUse
from drivers.clock import NS_PER_S
from drivers.pinnacle_8401.codec import Command, hexadecimal
from drivers.pinnacle_8401.digital import mask

ANSWER_NS: Final = NS_PER_S
MISSES_MAX: Final = 3
"""So many answers in a row may be missing once some have come [A]."""
SUSPECT_NS: Final = 2 * NS_PER_S
"""A measurement that breaks off so soon after a command broke off because of it, as far as anybody can tell [A]."""


def payload(bits: int, *, is_high: bool) -> str:
    """Return the arguments of SET TTL OUTS: which outputs, and their levels."""
    return hexadecimal(bits, 2) + hexadecimal(bits if is_high else 0, 2)


@dataclass
class Outputs:
    """The outputs of one instrument, by pin."""

    uses: Mapping[str, OutputUse]
    problem: str | None = field(default=None, init=False)
    """Why they are not driven; "" when they are; None while nobody knows."""
    _tried: bool = field(default=False, init=False)
    _sent_ns: int | None = field(default=None, init=False)
    _waits: bool = field(default=False, init=False)
    _misses: int = field(default=0, init=False)
    _given_up: bool = field(default=False, init=False)

    @property
    def bits(self) -> int:
        """Return the bits of the outputs that may be driven."""
        return 0 if self._given_up else mask(self.uses)

    def bits_of(self, use: OutputUse) -> int:
        """Return the bits of the outputs of one use."""
        return mask({pin: use for pin, wanted in self.uses.items() if wanted == use})

    def begin(self) -> None:
        """A measurement begins; all outputs are low."""
        self._tried, self._sent_ns, self._waits, self._misses = False, None, False, 0
        if not self._given_up:
            self.problem = None

    @property
    def is_to_be_tried(self) -> bool:
        """Tell whether data come and it was not tried among them."""
        return bool(self.bits) and not self._tried

    def sent(self, now_ns: int) -> None:
        """SET TTL OUTS was sent into the stream."""
        self._tried, self._sent_ns, self._waits = True, now_ns, True

    def answered(self, number: int) -> None:
        """A control packet came among the data."""
        if not self._waits:
            return
        if number == Command.SET_OUTS:
            self._waits, self._misses, self.problem = False, 0, ""
        elif number == Command.NACK:
            self._give_up("it refuses SET TTL OUTS while it streams")

    def look(self, now_ns: int) -> None:
        """See whether an answer is overdue."""
        if not self._waits or self._sent_ns is None or now_ns - self._sent_ns <= ANSWER_NS:
            return
        self._waits, self._misses = False, self._misses + 1
        if self.problem is None or self._misses >= MISSES_MAX:
            self._give_up("it does not answer SET TTL OUTS while it streams")

    def broke_off(self, now_ns: int) -> None:
        """The measurement failed."""
        if self._sent_ns is not None and now_ns - self._sent_ns <= SUSPECT_NS:
            self._give_up("the measurement broke off right after SET TTL OUTS was sent into it")

    def not_taken(self) -> None:
        """The line took no SET TTL OUTS."""
        self._give_up("the line took no SET TTL OUTS while it streams")

    def refused(self) -> None:
        """SET TTL OUTS was refused before the stream began."""
        self._give_up("it refuses SET TTL OUTS")

    def _give_up(self, why: str) -> None:
        self._given_up, self._waits = True, False
        self.problem = f"{why}; its TTL outputs are left alone in this session, at the level they have"
