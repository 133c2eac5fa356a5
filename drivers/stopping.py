"""Stops a pump that has no checksum and no alarm, and finds out whether it did, whatever it may be set to.

Knows that a stop may always be repeated and that only questions asked afterwards count (R34). Does not know why
somebody wants to stop, how a family says it, nor what a status means: these are handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.capabilities import PumpStatus
from drivers.clock import NS_PER_S
from drivers.errors import DeviceRefused, DriverError, ExchangeError, LineTaken, PortError, ReplyTimeout
from drivers.talk import Talk

STOP_WITHIN_S: Final = 3.0
"""R33: after this a stop counts as not confirmed."""
REPLY_S: Final = 0.25
"""Deadline of one exchange while stopping: shorter than usual, so that several fit."""
_PAUSE_NS = NS_PER_S // 50  # a pump that answers and does not stop is not flooded


@dataclass
class Stopping:
    """One attempt to bring a pump to a stop."""

    link: Talk[Any]
    send: Callable[[], None]
    """Sends one stop and waits for its answer."""
    confirmed: Callable[[], PumpStatus | None]
    """Asks anew; None unless the answers say that the pump stands still."""
    try_otherwise: Callable[[], None] = lambda: None
    """Called when ``send`` was not answered: the pump may speak in another way, or at another rate."""
    _failure: DriverError | None = field(default=None, init=False)

    def run(self) -> PumpStatus:
        """Repeat until ``confirmed`` returns a status of a pump that stands still. Raises ReplyTimeout after 3 s."""
        deadline_ns = self.link.clock.now_ns() + round(STOP_WITHIN_S * NS_PER_S)
        self.link.until_ns = deadline_ns
        try:
            return self._run(deadline_ns)
        finally:
            self.link.until_ns = None

    def _run(self, deadline_ns: int) -> PumpStatus:
        clock = self.link.clock
        began_ns = clock.now_ns()
        while clock.now_ns() < deadline_ns and not (self._failure and self.link.stop_waits()):
            answered = False
            try:
                self.link.open()
                self.send()
                answered = True
                self._in_step()
                status = self.confirmed()
                if status is not None:
                    return status
            except (ExchangeError, DeviceRefused) as error:
                self._failure = error
                if not answered and not isinstance(error, LineTaken):
                    self.try_otherwise()
            except PortError as error:
                self._failure = error
                self.link.close()
                clock.sleep_until_ns(min(deadline_ns, clock.now_ns() + NS_PER_S // 5))
            clock.sleep_until_ns(min(deadline_ns, clock.now_ns() + _PAUSE_NS))
        took_s = (clock.now_ns() - began_ns) / NS_PER_S
        raise ReplyTimeout(
            f"NOT CONFIRMED STOPPED within {took_s:.2g} s ({self._failure or 'it keeps moving'}); "
            "stop the pump with its own keys",
            port=self.link.url,
            command="stop",
        ) from self._failure

    def _in_step(self) -> None:
        try:
            self.link.get_in_step(urgent=True)
        except ExchangeError:  # once more: without it the questions that follow prove nothing
            self.link.get_in_step(urgent=True)
