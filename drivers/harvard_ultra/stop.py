"""Stops an Ultra pump and finds out whether it did: in any state, with poll on or off, with losses in the way.

Knows that ``stp`` may always be repeated and that only questions asked afterwards count (R34). Does not know why
somebody wants to stop.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from drivers.capabilities import PumpAlarm
from drivers.clock import NS_PER_S
from drivers.errors import DeviceRefused, DeviceReset, DriverError, ExchangeError, PortError, ReplyTimeout
from drivers.harvard_ultra.link import PumpLink, PumpRefused
from drivers.harvard_ultra.look import Look, Looking

STOP_WITHIN_S: Final = 3.0
"""R33: after this a stop counts as not confirmed."""
_REPLY_S: Final = 0.25
_UNPOLLED_REPLY_S: Final = 0.05  # with poll off no reply will be recognised: the next command follows quickly


@dataclass
class Stopping:
    """One attempt to bring a pump to a stop."""

    link: PumpLink
    looking: Looking
    _was_reset: bool = field(default=False, init=False)
    _failure: DriverError | None = field(default=None, init=False)

    def run(self) -> Look:
        """Repeat until confirmed. Raises ReplyTimeout after 3 s."""
        deadline_ns = self.link.clock.now_ns() + round(STOP_WITHIN_S * NS_PER_S)
        self.link.until_ns = deadline_ns
        try:
            return self._run(deadline_ns)
        finally:
            self.link.until_ns = None

    def _run(self, deadline_ns: int) -> Look:
        clock = self.link.clock
        while clock.now_ns() < deadline_ns:
            try:
                self.link.open()
                self._send()
                look = self._confirmed_still()
                if look is not None:
                    alarm = PumpAlarm.RESET if self._was_reset else look.status.alarm
                    return replace(look, status=replace(look.status, alarm=alarm))
            except DeviceReset:
                self._was_reset = True
            except (ExchangeError, DeviceRefused) as error:
                self._failure = error
            except PortError as error:
                self._failure = error
                self.link.close()
                clock.sleep_until_ns(min(deadline_ns, clock.now_ns() + NS_PER_S // 5))
        raise ReplyTimeout(
            f"NOT CONFIRMED STOPPED within {STOP_WITHIN_S:g} s ({self._failure or 'it keeps moving'}); "
            "stop the pump with its own key",
            port=self.link.url,
            command="stp",
        ) from self._failure

    def _send(self) -> None:
        polled = self.link.polled
        try:
            self.link.once(
                "stp", lambda reply: not reply.lines, timeout_s=_REPLY_S if polled else _UNPOLLED_REPLY_S, urgent=True
            )
        except ExchangeError as error:  # it may have been heard: what counts is what the questions below say
            self._failure = error
        if not polled:
            self.link.poll_on(urgent=True)
            self.link.once("stp", lambda reply: not reply.lines, timeout_s=_REPLY_S, urgent=True)

    def _confirmed_still(self) -> Look | None:
        """Look twice after the stop was sent: one broken letter must not pass for a stop. None if it still moves."""
        try:
            self.link.get_in_step(urgent=True)
        except ExchangeError:  # once more: without it the questions below prove nothing
            self.link.get_in_step(urgent=True)
        if not self.looking.motion(urgent=True).is_still:
            return None
        try:
            look = self.looking.look(urgent=True)
        except PumpRefused:  # it ran from another screen, on which it does not tell its counters [M]
            self.link.get_in_step(urgent=True)
            for load in ("load qs iw", "load qs i"):
                if self.link.once(load, lambda reply: not reply.lines, urgent=True).error is None:
                    break
            look = self.looking.look(urgent=True)
        return look if look.status.motion.is_still else None
