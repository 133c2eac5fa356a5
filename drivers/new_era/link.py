"""The talk with one New Era pump: framing, address, alarms in the way of answers, and which commands may be repeated.

Knows that an alarm swallows the command it answers (a.3), that queries may be repeated and actions never (R36), and how
to find back into step after a lost answer. Does not know what makes up an infusion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

from drivers.capabilities import DriverOptions, PumpAlarm, PumpStatus
from drivers.clock import NS_PER_S, Clock
from drivers.errors import (
    DeviceAlarm,
    DeviceRefused,
    DeviceReset,
    DriverError,
    ExchangeError,
    ForeignTraffic,
    GarbledReply,
    Interrupted,
    LineTaken,
    PortLost,
)
from drivers.exchange import Exchange
from drivers.new_era import codec
from drivers.new_era.framing import Frame, PumpFramer, basic_command, safe_command
from drivers.shared_line import LineMember
from drivers.text import printable
from drivers.transport import LineSettings, TakesTurns, TransportOpener

BAUDS: Final = (19200, 9600, 2400, 1200)
"""In the order of trying: 19200 is the factory setting [M]. 300 only where the rig says so: it is too slow to feed a
watchdog of 5 s beside other pumps. 8N1, no flow control."""
REPLY_S: Final = 0.4
"""Deadline of one exchange: the longest answer takes 13 ms at 19200 baud, adapters add some 20 ms."""
_LONGEST_BYTES = 40  # question and answer of DIS in Safe framing, and some
_PATIENCE_S = 3.0  # for the exchanges of other pumps on the same line
_STOP_PATIENCE_S = 1.5
_TRIES = 3
_ALARM_ECHO_S = 0.1  # an alarm pushed by itself may stand before the answer that repeats it

_NOT_TAKEN: Final = ("COM", "IGN")
_REFUSALS: Final = {
    "": "the pump does not know this command (?)",
    "NA": "the pump says this is not possible now (?NA)",
    "OOR": "the pump says this value is out of its range (?OOR)",
    "COM": "the pump received a broken packet and did nothing (?COM)",
    "IGN": "the pump was starting a new phase and ignored this (?IGN)",
}

T = TypeVar("T")
E = TypeVar("E", bound=DriverError)


class PumpRefused(DeviceRefused):
    """The pump said no; ``code`` is what followed the question mark."""

    code: str = ""


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
    safe: bool | None = field(default=None, init=False)
    """Framing in which the pump listens; None until it has answered."""
    rate_ul_per_min: float | None = field(default=None, init=False)
    """At which the pump was last seen to be set; None: not known, or somebody may have changed it."""
    alarm: PumpAlarm | None = field(default=None, init=False)
    """The newest alarm that nobody was told of yet; a reset only after a stop that was not confirmed."""
    until_ns: int | None = field(default=None, init=False)
    """While a stop is on: when it must be over, whatever its single exchanges would take."""
    identified: bool = field(default=False, init=False)
    """The driver knows who answers on the line as it is open now (R19)."""
    bauds: tuple[int, ...] = field(init=False)
    """Baud rates to try; the first is the one that answered last."""
    _answered: bool = field(default=False, init=False)
    """The pump has answered on the line as it is open now."""
    _exchange: Exchange[Frame] | None = field(default=None, init=False)
    _shared: TakesTurns | None = field(default=None, init=False)
    """The line as it is open now, where others are on it too."""

    def __post_init__(self) -> None:
        self.bauds = BAUDS if self.options.baud is None else (self.options.baud,)

    def open(self) -> Exchange[Frame]:
        """Open the line if it is not. Raises PortError."""
        if self._exchange is None:
            transport = self.opener.open(self.url, LineSettings(baud=self.bauds[0]))
            self._shared = transport if isinstance(transport, TakesTurns) else None  # asked once: it is slow
            self._exchange = Exchange(
                transport, self.clock, self.options, PumpFramer(), is_known_unasked=self._is_known_unasked
            )
        return self._exchange

    @property
    def baud(self) -> int:
        """Return the baud rate of the line as it is, or would be, open."""
        return self.bauds[0] if self._shared is None else self._shared.settings.baud

    def next_baud(self) -> bool:
        """Go on to the next baud rate; False where there is none, or somebody was answered at this one.

        Raises PortError.
        """
        if self._answered or len(self.bauds) == 1:
            return False
        self.open()
        here = self.bauds.index(self.baud) if self.baud in self.bauds else -1
        following = (*self.bauds[here + 1 :], *self.bauds[: here + 1])
        if self._shared is not None:
            if not self._shared.retune(LineSettings(baud=following[0])):
                return False
            self.bauds = following
        else:
            self.close()
            self.bauds = following
            self.open()
        return True

    def reply_s(self, least_s: float = REPLY_S, byte_count: int = _LONGEST_BYTES) -> float:
        """Return how long an exchange of so many bytes may take at this baud rate."""
        return max(least_s, 0.1 + 10.0 * byte_count / self.baud)

    def line_is_taken(self) -> bool:
        """Tell whether another pump's exchange holds the line and can go on only after us (virtual time)."""
        return isinstance(self.opener, LineMember) and self.opener.is_held_here()

    def stop_waits(self) -> bool:
        """Tell whether another pump's STOP can go on only after we return (virtual time)."""
        return isinstance(self.opener, LineMember) and self.opener.stop_waits_here()

    @property
    def siblings(self) -> frozenset[int]:
        """Return the addresses of the other pumps on this line."""
        return self.opener.siblings() if isinstance(self.opener, LineMember) else frozenset()

    def _live(self) -> Exchange[Frame]:
        if self._exchange is None:  # never opened again by itself: who comes back must be identified first (R37)
            raise PortLost("the line is not open", port=self.url)
        return self._exchange

    def close(self) -> None:
        """Release the line; sends nothing. May be called twice."""
        if self._exchange is not None:
            self._exchange.transport.close()
            self._exchange = self._shared = None
        self.identified = self._answered = False
        self.rate_ul_per_min = None

    @property
    def foreign_count(self) -> int:
        """Return how often something came that answered nothing, since the line was opened."""
        return self._exchange.foreign_count if self._exchange is not None else 0

    def once(
        self,
        text: str,
        is_data: Callable[[str], bool],
        *,
        timeout_s: float | None = None,
        urgent: bool = False,
        safe: bool | None = None,
        asked_before: bool = False,
    ) -> codec.Reply:
        """Send one command once and return its reply, which may be an alarm or a refusal.

        Raises PortError, ExchangeError (ForeignTraffic when an address answers that is nobody's on this line).
        """
        exchange = self._live()
        safe = self.safe if safe is None else safe
        command = f"{self.options.address}{text}"
        packet = safe_command(command) if safe else basic_command(command)
        siblings = self.siblings

        def is_reply(frame: Frame) -> bool:
            reply = codec.parse_reply(frame.text)
            if reply is None or reply.address in siblings:
                return False
            return reply.alarm is not None or reply.error is not None or is_data(reply.data)

        try:
            patience_s = self._bounded(_STOP_PATIENCE_S if urgent else _PATIENCE_S)
            with exchange.turn(command, patience_s, urgent=urgent):
                frame = exchange.transact(
                    packet,
                    is_reply,
                    command=command,
                    timeout_s=self._bounded(self.reply_s() if timeout_s is None else timeout_s),
                    urgent=urgent,
                    asked_before=asked_before,
                )
                reply = codec.parse_reply(frame.text)
                if reply is not None and reply.alarm is not None and frame.safe:
                    for further in exchange.more(_ALARM_ECHO_S, urgent=urgent):
                        if is_reply(further):
                            frame, reply = further, codec.parse_reply(further.text)
        except PortLost:
            self.close()
            raise
        if reply is None:
            raise GarbledReply("what came is no answer to this", port=self.url, command=command, partial=frame.text)
        if reply.address != self.options.address:
            exchange.mark_out_of_step(self.clock.now_ns())
            raise ForeignTraffic(
                f"pump {reply.address} answered instead of pump {self.options.address}; "
                "does another program, or another address, use this line?",
                port=self.url,
                command=command,
                partial=frame.text,
            )
        self.safe = frame.safe
        self._note_answer()
        return reply

    def _bounded(self, seconds: float) -> float:
        if self.until_ns is None:
            return seconds
        return max(min(seconds, (self.until_ns - self.clock.now_ns()) / NS_PER_S), 0.0)

    def _note_answer(self) -> None:
        if not self._answered:
            self._answered = True
            if self._shared is not None:
                self._shared.answered()

    def ask(self, text: str, parse: Callable[[str], T | None], *, urgent: bool = False) -> Answer[T]:
        """Ask a question, up to three times, and return the parsed answer.

        Raises PortError, ExchangeError, DeviceRefused, DeviceReset. Other alarms are acknowledged, kept in ``alarm``
        and the question asked again.
        """
        failure: DriverError | None = None
        for _try in range(_TRIES):
            try:
                self.get_in_step(urgent=urgent)
                reply = self.once(text, lambda data: parse(data) is not None, urgent=urgent)
            except ExchangeError as error:
                if _is_final(error):
                    raise
                failure = error
                continue
            if reply.alarm is not None:
                self.note_alarm(reply.alarm, text)
                failure = self._error(DeviceAlarm, f"the pump answers with its alarm only ({reply.alarm.value})", text)
            elif reply.error in _NOT_TAKEN:
                failure = self._error(GarbledReply, _REFUSALS[reply.error], text)
            elif reply.error is not None:
                raise self._refusal(reply.error, text)
            elif (value := parse(reply.data)) is not None:
                return Answer(reply, value, self._live().asked_ns, self.clock.now_ns())
        raise failure if failure is not None else self._error(GarbledReply, "no answer", text)

    def command(self, text: str) -> codec.Reply:
        """Send one action once. Raises DeviceRefused, DeviceAlarm (not executed), ExchangeError (unknown whether)."""
        self.get_in_step()
        reply = self.once(text, _is_empty)
        if reply.alarm is not None:
            self.note_alarm(reply.alarm, text)
            raise self._error(DeviceAlarm, f"alarm of the pump: {reply.alarm.value}; nothing was done", text)
        if reply.error is not None:
            raise self._refusal(reply.error, text)
        return reply

    def set(self, text: str, *, optional: bool = False) -> bool:
        """Write a setting into the stopped pump; False if ``optional`` and the pump does not know it (``?``).

        A lost answer is followed by a question for the state, and the same setting again only while the pump stands
        still: writing the same value twice into a stopped pump changes nothing. Raises as ``command``.
        """
        for last in (False, False, True):
            try:
                self.command(text)
            except PumpRefused as error:
                if optional and error.code == "":
                    return False
                if last or error.code not in _NOT_TAKEN:
                    raise
            except ExchangeError as error:
                if last or _is_final(error) or not self.ask("", says_nothing).reply.motion.is_still:
                    raise
            else:
                break
        return True

    def get_in_step(self, *, urgent: bool = False) -> None:
        """After a lost answer, ask for the version: once it has come, every older answer has come too (L7)."""
        exchange = self._live()
        if not exchange.out_of_step:
            return
        for last in (False, True):
            reply = self.once("VER", _is_version, urgent=urgent, asked_before=True)
            if reply.alarm is None or last:
                break
            self.note_alarm(reply.alarm, "VER")
        exchange.out_of_step = False

    def note_alarm(self, alarm: PumpAlarm, command: str) -> None:
        """Keep an alarm for the next status. Raises DeviceReset."""
        if alarm is PumpAlarm.RESET:
            raise self.reset_error(command)
        self.alarm = alarm

    def reset_error(self, command: str) -> DeviceReset:
        """Return the error that says the pump has lost its run state."""
        return self._error(DeviceReset, "the pump was reset or lost power: it stands still, its run is gone", command)

    def _refusal(self, code: str, command: str) -> PumpRefused:
        error = self._error(PumpRefused, _REFUSALS[code], command)
        error.code = code
        return error

    def _error(self, kind: type[E], message: str, command: str) -> E:
        return kind(message, port=self.url, command=printable(command))

    def _is_known_unasked(self, frame: Frame) -> bool:
        """What this pump pushes, and all that its siblings on the line say: theirs is a late answer, or pushed too."""
        reply = codec.parse_reply(frame.text)
        return reply is not None and ((frame.safe and reply.alarm is not None) or reply.address in self.siblings)


def _is_final(error: ExchangeError) -> bool:
    """Tell whether asking again is pointless, or not wanted: our own STOP waits, or a stranger answers."""
    return isinstance(error, ForeignTraffic | Interrupted) and not isinstance(error, LineTaken)


def _is_version(data: str) -> bool:
    return codec.parse_version(data) is not None


def _is_empty(data: str) -> bool:
    return not data


def says_nothing(data: str) -> bool | None:
    """Parse the answer to an empty command: its status character is all."""
    return True if not data else None


def pump_status(link: PumpLink, answer: Answer[codec.Dispensed]) -> PumpStatus:
    """Return the answer to ``DIS`` as a status, with the alarm that nobody was told of yet."""
    alarm, link.alarm = link.alarm, None
    return PumpStatus(
        asked_ns=answer.asked_ns,
        received_ns=answer.received_ns,
        motion=answer.reply.motion,
        infused_ul=answer.value.infused_ul,
        withdrawn_ul=answer.value.withdrawn_ul,
        counter_step_ul=answer.value.step_ul,
        alarm=alarm,
    )
