"""Stops a Chemyx pump and finds out whether it did, in any state and at any baud rate it may be set to.

Knows that ``stop`` may always be repeated and that only questions asked afterwards count (R34). Does not know why
somebody wants to stop, nor what a status means: that is asked from the driver.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from drivers.capabilities import PumpStatus
from drivers.chemyx import codec
from drivers.chemyx.link import ChemyxLink
from drivers.clock import NS_PER_S
from drivers.errors import DeviceRefused, DriverError, ExchangeError, PortError, ReplyTimeout

STOP_WITHIN_S: Final = 3.0
"""R33: after this a stop counts as not confirmed."""
_REPLY_S = 0.25
_PAUSE_NS = NS_PER_S // 50  # a pump that answers and does not stop is not flooded
_TRIES_PER_LINE = 2  # what came at a wrong baud rate may still stand before the first command


@dataclass
class Stopping:
    """One attempt to bring a pump to a stop."""

    link: ChemyxLink
    _failure: DriverError | None = field(default=None, init=False)
    _silent: int = field(default=0, init=False)

    def run(self, confirmed: Callable[[], PumpStatus | None]) -> PumpStatus:
        """Repeat until ``confirmed`` returns a status of a pump that stands still. Raises ReplyTimeout after 3 s."""
        deadline_ns = self.link.clock.now_ns() + round(STOP_WITHIN_S * NS_PER_S)
        self.link.until_ns = deadline_ns
        try:
            return self._run(confirmed, deadline_ns)
        finally:
            self.link.until_ns = None

    def _run(self, confirmed: Callable[[], PumpStatus | None], deadline_ns: int) -> PumpStatus:
        clock = self.link.clock
        while clock.now_ns() < deadline_ns:
            answered = False
            try:
                self.link.open()
                self.link.once("stop", codec.parse_stopped, timeout_s=_REPLY_S, urgent=True)
                answered = True
                self._in_step()
                status = confirmed()
                if status is not None:
                    return status
            except (ExchangeError, DeviceRefused) as error:
                self._failure = error
                if not answered:
                    self._try_otherwise()
            except PortError as error:
                self._failure = error
                self.link.close()
                clock.sleep_until_ns(min(deadline_ns, clock.now_ns() + NS_PER_S // 5))
            clock.sleep_until_ns(min(deadline_ns, clock.now_ns() + _PAUSE_NS))
        raise ReplyTimeout(
            f"NOT CONFIRMED STOPPED within {STOP_WITHIN_S:g} s ({self._failure or 'it keeps moving'}); "
            "stop the pump on its own screen",
            port=self.link.url,
            command="stop",
        )

    def _in_step(self) -> None:
        try:
            self.link.get_in_step(urgent=True)
        except ExchangeError:  # once more: without it the questions that follow prove nothing
            self.link.get_in_step(urgent=True)

    def _try_otherwise(self) -> None:
        """Nothing known answered: it may echo or not, and listen at another baud rate than the one tried."""
        self.link.echo = None
        self._silent += 1
        if not self.link.identified and self._silent % _TRIES_PER_LINE == 0:
            self.link.next_line()
