"""Looks at a Chemyx pump: what its status digits say, in which unit its counter is, and which way a run goes.

Which answers are asked for twice, and when a run is lost, is known by ``drivers.watch``. Writes, starts and stops
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.capabilities import Motion, PumpAlarm, PumpStatus
from drivers.chemyx import codec
from drivers.chemyx.link import ChemyxLink
from drivers.errors import GarbledReply
from drivers.run_account import RunAccount
from drivers.talk import Answer
from drivers.watch import Counter, Seen, Watch

_STOPPED, _RUNNING, _PAUSED, _DELAYED, _STALLED, _ERROR = range(6)
_MOTIONS = {_STOPPED: Motion.STOPPED, _PAUSED: Motion.PAUSED, _DELAYED: Motion.WAITING}
_ALARMS = {_STALLED: PumpAlarm.STALL, _ERROR: PumpAlarm.PROGRAM}
"""5 is in the vendor's MATLAB code only [D]. Nothing says that the motor is off then: motion is unknown."""


@dataclass
class Lookout:
    """What is known of one pump from its last answers."""

    link: ChemyxLink
    view: codec.View | None = field(default=None, init=False)
    """The newest answer to ``view parameter``: unit of the counter, direction of a run."""
    watch: Watch[int] = field(init=False)

    def __post_init__(self) -> None:
        self.watch = Watch(
            self.link,
            _STOPPED,
            lambda digit: digit == _RUNNING,
            self.link.digit,
            self._ask,
        )

    @property
    def account(self) -> RunAccount:
        """Return the account of the infusion that was written last."""
        return self.watch.account

    def look(self) -> PumpStatus:
        """Ask for motion, then for the counter. Raises DeviceReset once when a run was lost."""
        seen = self.watch.look()
        return self._status(seen, _ALARMS.get(seen.state) if seen.is_new else None)  # told once

    def stopped_look(self) -> PumpStatus | None:
        """Ask everything anew after a stop; None unless two answers say stopped. A lost run is told as an alarm."""
        seen = self.watch.stopped_look(between=self._ask_view)
        return None if seen is None else self._status(seen, PumpAlarm.RESET if seen.lost else None)

    def _ask_view(self) -> None:
        self.view = self.link.ask("view parameter", codec.parse_view, urgent=True).value

    def _ask(self, urgent: bool) -> Counter:
        if self.view is None:
            raise GarbledReply("the unit of the counter is not known", port=self.link.url)
        scale = codec.UL_PER_VOLUME[self.view.units]
        parse: Callable[[codec.Lines], codec.Number | None] = lambda lines: codec.parse_named("dispensed volume", lines)  # noqa: E731 - typed
        answer = self.link.ask("dispensed volume", parse, urgent=urgent)
        value = abs(answer.value.value) * scale  # its sign while withdrawing is not known [?]
        return Answer((value, answer.value.step * scale), answer.asked_ns, answer.received_ns)

    def _status(self, seen: Seen[int], alarm: PumpAlarm | None) -> PumpStatus:
        volume = self.view.volume if self.view is not None else None
        withdraws = volume is not None and volume.value < 0
        motion = _MOTIONS.get(seen.state, Motion.UNKNOWN)
        if seen.state == _RUNNING and volume is not None:
            motion = Motion.WITHDRAWING if withdraws else Motion.INFUSING
        return PumpStatus(
            asked_ns=seen.asked_ns,
            received_ns=seen.received_ns,
            motion=motion,
            infused_ul=0.0 if withdraws else seen.infused_ul,
            withdrawn_ul=seen.infused_ul if withdraws else 0.0,
            counter_step_ul=seen.step_ul,
            alarm=alarm,
        )
