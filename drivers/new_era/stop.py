"""Stops a New Era pump and finds out whether it did: in any state, either framing, with alarms and losses in the way.

Knows that STP may always be repeated, that an alarm swallows it, and that only questions asked afterwards count (R34).
Does not know why somebody wants to stop.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from drivers.capabilities import PumpAlarm, PumpStatus
from drivers.clock import NS_PER_S
from drivers.errors import (
    DeviceAlarm,
    DeviceRefused,
    DeviceReset,
    DriverError,
    ExchangeError,
    LineTaken,
    PortError,
    ReplyTimeout,
)
from drivers.new_era.counters import ask_counters
from drivers.new_era.link import PumpLink, pump_status, says_nothing

STOP_WITHIN_S: Final = 3.0
"""R33: after this a stop counts as not confirmed."""
_REPLY_S = 0.25
_UNKNOWN_FRAMING_REPLY_S = 0.11  # the stop in the other framing must follow quickly
_STOP_BYTES = 16  # STP and its answer, in Safe framing


@dataclass
class Stopping:
    """One attempt to bring a pump to a stop."""

    link: PumpLink
    _alarm: PumpAlarm | None = field(default=None, init=False)
    _failure: DriverError | None = field(default=None, init=False)
    _silences: int = field(default=0, init=False)

    def run(self) -> PumpStatus:
        """Repeat until confirmed. Raises ReplyTimeout after 3 s."""
        deadline_ns = self.link.clock.now_ns() + round(STOP_WITHIN_S * NS_PER_S)
        self.link.until_ns = deadline_ns
        try:
            return self._run(deadline_ns)
        finally:
            self.link.until_ns = None

    def _run(self, deadline_ns: int) -> PumpStatus:
        clock = self.link.clock
        began_ns = clock.now_ns()
        safe = bool(self.link.safe)
        while clock.now_ns() < deadline_ns and not (self._failure and self.link.stop_waits()):
            answered = False
            try:
                self.link.open()
                self._send(safe=safe)
                answered = True
                status = self._confirmed_still()
                if status is not None:
                    return replace(status, alarm=status.alarm or self._alarm)
            except DeviceReset:
                self._alarm = PumpAlarm.RESET
            except (ExchangeError, DeviceRefused, DeviceAlarm) as error:
                self._failure = error
                if not answered and not isinstance(error, LineTaken):
                    safe = self._other_way(safe=safe)
            except PortError as error:
                self._failure = error
                self.link.close()
                clock.sleep_until_ns(min(deadline_ns, clock.now_ns() + NS_PER_S // 5))
        self.link.alarm = self._alarm or self.link.alarm  # acknowledged by us: nobody would hear of it again
        took_s = (clock.now_ns() - began_ns) / NS_PER_S
        raise ReplyTimeout(
            f"NOT CONFIRMED STOPPED within {took_s:.2g} s ({self._failure or 'it keeps moving'}); "
            "stop the pump with its own key",
            port=self.link.url,
            command="STP",
        ) from self._failure

    def _other_way(self, *, safe: bool) -> bool:
        """It may listen in the other framing only, and after both, at another baud rate."""
        self._silences += 1
        if self.link.safe is None and self._silences % 2 == 0:
            try:
                self.link.next_baud()
            except LineTaken as error:  # another pump is being asked: the next silence tries again
                self._failure = error
            except PortError as error:
                self._failure = error
                self.link.close()
        return not safe

    def _send(self, *, safe: bool) -> None:
        least_s = _REPLY_S if self.link.safe is not None else _UNKNOWN_FRAMING_REPLY_S
        timeout_s = self.link.reply_s(least_s, _STOP_BYTES)
        reply = self.link.once("STP", lambda data: not data, timeout_s=timeout_s, urgent=True, safe=safe)
        self._alarm = reply.alarm or self._alarm
        if reply.alarm is not None or reply.error in ("", "COM", "IGN"):  # not executed: at once again
            self.link.once("STP", lambda data: not data, timeout_s=timeout_s, urgent=True)

    def _confirmed_still(self) -> PumpStatus | None:
        """Ask twice, in two ways, after the stop was sent. None if it still moves."""
        try:
            self.link.get_in_step(urgent=True)
        except ExchangeError:  # once more: without it the two questions below prove nothing
            self.link.get_in_step(urgent=True)
        if not self.link.ask("", says_nothing, urgent=True).reply.motion.is_still:
            return None
        answer = ask_counters(self.link, urgent=True)
        return pump_status(self.link, answer) if answer.reply.motion.is_still else None
