"""The Drip 1 as a SyringePump: what to say in which order, what is repeated, and what never is.

Bytes are the codec's business. The four rules that any pump driver must keep are marked below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from amperfuse_drip import codec
from amperfuse_drip.probes import probes
from drivers.capabilities import DriverOptions, Identity, Motion, PumpAlarm, PumpProgram, PumpStatus
from drivers.clock import NS_PER_S, Clock
from drivers.errors import (
    DeviceRefused,
    DeviceReset,
    ExchangeError,
    GarbledReply,
    PortError,
    PortLost,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.exchange import Exchange
from drivers.text import printable
from drivers.transport import LineSettings, TransportOpener

LINE: Final = LineSettings(baud=9600)
REPLY_S: Final = 0.5
STOP_WITHIN_S: Final = 3.0
QUESTIONS_MAX: Final = 3
_BOOT_TOLERANCE_NS: Final = NS_PER_S
T = TypeVar("T")


@dataclass
class DripPump:
    """Implements ``SyringePump``. One thread at a time."""

    opener: TransportOpener
    url: str
    clock: Clock
    options: DriverOptions
    _exchange: Exchange[str] | None = field(default=None, init=False)
    _booted_ns: int | None = field(default=None, init=False)
    """Host time at which the pump's power came on, as its own count of seconds told last."""
    _identified: bool = field(default=False, init=False)
    """Since the line was opened somebody has said who he is. Until then nothing is set and nothing started (R19)."""

    # --- Identified ---

    def connect(self) -> Identity:
        self._open()
        try:
            answer = self._ask("ID?", lambda line: line[3:] if line.startswith("ID=") else None)
        except GarbledReply as error:
            raise WrongInstrument("something answers, but no Drip", port=self.url, partial=error.partial) from error
        model, firmware, serial_number, *rest = [*answer.split(","), "", "", ""]
        if model != "DRIP-1" or any(rest[:-2]):
            raise WrongInstrument(f"answers as {printable(answer)!r}, which is no Drip 1", port=self.url)
        self._identified = True
        return Identity("drip", printable(model), printable(firmware), printable(serial_number))

    def close(self) -> None:
        self._identified = False
        if self._exchange is not None:
            self._exchange.transport.close()
            self._exchange = None

    # --- pure ---

    def rate_limits_ul_per_min(self, diameter_mm: float) -> tuple[float, float]:
        return codec.rate_limits_ul_per_min(diameter_mm)

    def quantised(self, program: PumpProgram) -> PumpProgram:
        return codec.held(program)

    # --- one infusion ---

    def program(self, program: PumpProgram) -> PumpProgram:
        wanted = codec.held(program)
        self._check_identified()
        if not self.status().motion.is_still:
            raise DeviceRefused("the pump runs; stop it first", port=self.url)
        for letter, value in (("D", wanted.diameter_mm), ("R", wanted.rate_ul_per_min), ("T", wanted.target_ul)):
            self._act(f"{letter} {value:.{codec.DECIMALS}f}", f"{letter}=")
        self._act("Z", "Z=")
        found = self.read_back()  # rule 1: every setting is asked for and compared before anything may start
        if found != wanted:
            raise ReadbackMismatch(f"the pump holds {found}, wanted {wanted}", port=self.url)
        return found

    def read_back(self) -> PumpProgram:
        return PumpProgram(*(self._ask(f"{letter}?", _value_of(letter)) for letter in "DRT"))

    def start(self) -> PumpStatus:
        self._check_identified()
        self._act("GO", "GO=")  # rule 2: an action is sent once; after a lost answer the caller asks for the status
        return self.status()

    def status(self) -> PumpStatus:
        asked_ns = self.clock.now_ns()
        found = self._ask("S?", codec.status)
        received_ns = self.clock.now_ns()
        booted_ns = received_ns - round(found.uptime_s * NS_PER_S)
        known_ns, self._booted_ns = self._booted_ns, booted_ns
        if known_ns is not None and booted_ns - known_ns > _BOOT_TOLERANCE_NS:
            # rule 3: a pump that lost power has lost its run; that is said, never passed over
            raise DeviceReset("the pump lost power; its run is gone", port=self.url)
        step_ul = 10.0**-codec.DECIMALS
        return PumpStatus(asked_ns, received_ns, found.motion, found.infused_ul, 0.0, step_ul)

    def arm_watchdog(self, timeout_s: int) -> bool:  # noqa: ARG002 - it has none
        return False

    def disarm_watchdog(self) -> None:
        pass

    def stop(self) -> PumpStatus:
        """See ``Stoppable``."""
        # rule 4: a stop counts when a question asked after it says so; it is repeated until then, 3 s at most
        deadline_ns = self.clock.now_ns() + round(STOP_WITHIN_S * NS_PER_S)
        failure: Exception | None = None
        was_reset = False
        while self.clock.now_ns() < deadline_ns:
            try:
                if self._exchange is None:
                    self._open()
                self._act("HALT", "HALT=", urgent=True)
                status = self.status()
            except DeviceReset:
                was_reset = True
            except ExchangeError as error:
                failure = error
            except PortError as error:
                failure = error
                self.close()
                self.clock.sleep_until_ns(min(deadline_ns, self.clock.now_ns() + NS_PER_S // 5))
            else:
                if status.motion is Motion.STOPPED:
                    alarm = PumpAlarm.RESET if was_reset else None
                    return PumpStatus(
                        status.asked_ns,
                        status.received_ns,
                        status.motion,
                        status.infused_ul,
                        0.0,
                        status.counter_step_ul,
                        alarm,
                    )
        raise ReplyTimeout(
            f"NOT CONFIRMED STOPPED within 3 s ({failure or 'it keeps moving'})", port=self.url
        ) from failure

    # --- the line ---

    def _open(self) -> None:
        self.close()
        self._exchange = Exchange(self.opener.open(self.url, LINE), self.clock, self.options, codec.LineFramer())

    def _line(self) -> Exchange[str]:
        if self._exchange is None:
            raise PortLost("this line is not open: connect first", port=self.url)
        return self._exchange

    def _check_identified(self) -> None:
        if not self._identified:
            raise PortLost("nobody has said who is at this line: connect first", port=self.url)

    def _ask(self, question: str, parse: Callable[[str], T | None]) -> T:
        """Ask up to three times; an answer that does not parse counts as none."""
        line = self._line()
        for attempt in range(QUESTIONS_MAX):
            try:
                reply = self._transact(line, question, lambda text: parse(text) is not None, again=attempt > 0)
            except ExchangeError:
                if attempt == QUESTIONS_MAX - 1 or self.options.abort():
                    raise
                continue
            line.out_of_step = False  # answers name what they answer: this one cannot be that of another question
            found = parse(reply)
            if found is not None:
                return found
        raise GarbledReply("no answer that makes sense", port=self.url, command=question)

    def _act(self, command: str, answer: str, *, urgent: bool = False) -> None:
        """Send a command once. Raises DeviceRefused for ``X!reason``."""
        refusal = answer[:-1] + "!"
        reply = self._transact(
            self._line(), command, lambda text: text.startswith((answer, refusal)), urgent=urgent, again=False
        )
        if reply.startswith(refusal):
            raise DeviceRefused(f"refused: {printable(reply)}", port=self.url, command=command)

    def _transact(
        self, line: Exchange[str], text: str, is_reply: Callable[[str], bool], *, urgent: bool = False, again: bool
    ) -> str:
        try:
            return line.transact(
                f"{text}\n".encode(), is_reply, command=text, timeout_s=REPLY_S, urgent=urgent, asked_before=again
            )
        except PortLost:
            self.close()
            raise


def _value_of(letter: str) -> Callable[[str], float | None]:
    return lambda line: codec.number(line[2:]) if line.startswith(f"{letter}=") else None


class _Factory:
    kind: Final[Literal["pump", "potentiostat"]] = "pump"
    probes = staticmethod(probes)

    def __call__(self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions) -> DripPump:
        """Build the driver; opens nothing until ``connect`` or ``stop``."""
        return DripPump(opener, url, clock, options)


build: Final = _Factory()
