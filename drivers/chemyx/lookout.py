"""Looks at a Chemyx pump: what its status digits and its counter say, and which answers are asked for twice.

There is no checksum: a change of the digit must be said twice, and a counter that is hard to believe must be confirmed.
Knows motion, volumes and lost runs. Writes, starts and stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.capabilities import Motion, PumpAlarm, PumpStatus
from drivers.chemyx import codec
from drivers.chemyx.link import ChemyxLink
from drivers.errors import DeviceReset, GarbledReply
from drivers.run_account import RunAccount
from drivers.talk import Answer

_STOPPED, _RUNNING, _PAUSED, _DELAYED, _STALLED, _ERROR = range(6)
_MOTIONS = {_STOPPED: Motion.STOPPED, _PAUSED: Motion.PAUSED, _DELAYED: Motion.WAITING}
_ALARMS = {_STALLED: PumpAlarm.STALL, _ERROR: PumpAlarm.PROGRAM}
"""5 is in the vendor's MATLAB code only [D]. Nothing says that the motor is off then: motion is unknown."""
_CONFLICTS = 4  # questions until two answers in a row agree


@dataclass
class Lookout:
    """What is known of one pump from its last answers."""

    link: ChemyxLink
    account: RunAccount = field(default_factory=RunAccount, init=False)
    """Of the infusion that was written last."""
    view: codec.View | None = field(default=None, init=False)
    """The newest answer to ``view parameter``: unit of the counter, direction of a run."""
    _digit: int = field(default=_STOPPED, init=False)

    def look(self) -> PumpStatus:
        """Ask for motion, then for the counter. Raises DeviceReset once when a run was lost."""
        first = self._agreed_digit()
        counter = self.counter()
        infused_ul, step_ul = self.account.read(*counter.value, counter.received_ns)
        digit = first.value
        if digit == _STOPPED and self.account.is_lost(infused_ul, step_ul, counter.received_ns):
            self.forget_run()
            raise DeviceReset(
                "the pump stands still and its counter went back: it was reset or lost power, its run is gone",
                port=self.link.url,
                command=self.link.status_name,
            )
        alarm = _ALARMS.get(digit) if digit != self._digit else None  # told once
        self._digit = digit
        self.account.moved |= self.account.open and digit == _RUNNING
        self.account.seen_ul = max(self.account.seen_ul, infused_ul)
        if digit == _STOPPED and self.account.moved:
            self.account.open = False
        return self._status(
            digit,
            (infused_ul, step_ul),
            asked_ns=first.asked_ns,
            received_ns=counter.received_ns,
            alarm=alarm,
        )

    def stopped_look(self) -> PumpStatus | None:
        """Ask everything anew after a stop; None unless two answers say stopped. A lost run is told as an alarm."""
        first = self.link.digit(urgent=True)
        if first.value != _STOPPED:
            return None
        self.view = self.link.ask("view parameter", codec.parse_view, urgent=True).value
        counter = self.counter(urgent=True)
        last = self.link.digit(urgent=True)
        if last.value != _STOPPED:
            return None
        infused_ul, step_ul = self.account.read(*counter.value, counter.received_ns)
        alarm = PumpAlarm.RESET if self.account.is_lost(infused_ul, step_ul, counter.received_ns) else None
        if alarm is not None:
            self.forget_run()
        self.account.open, self._digit = False, _STOPPED
        return self._status(
            _STOPPED,
            (infused_ul, step_ul),
            asked_ns=first.asked_ns,
            received_ns=last.received_ns,
            alarm=alarm,
        )

    def forget_run(self) -> None:
        """Forget a run that the pump has lost: told once."""
        self.account, self._digit = RunAccount(), _STOPPED

    def _agreed_digit(self) -> Answer[int]:
        """Ask for the status digit; a change must be said twice: without checksum one flipped bit makes 0 of 1."""
        before, answer = self._digit, self.link.digit()
        for _try in range(_CONFLICTS):
            if answer.value == before:
                return answer
            before, answer = answer.value, self.link.digit()
        raise GarbledReply("the status changes with every answer", port=self.link.url, command=self.link.status_name)

    def counter(self, *, urgent: bool = False) -> Answer[tuple[float, float]]:
        """Ask for the counter, (uL, uL per count); what is hard to believe is asked for again and must agree."""
        answer = self._counter_once(urgent=urgent)
        for _try in range(_CONFLICTS):
            value, step = answer.value
            if self.account.believable(max(value - self.account.zero_ul, 0.0), step, answer.received_ns):
                return answer
            again = self._counter_once(urgent=urgent)
            flown_ul = self.account.most_ul(again.received_ns) - self.account.most_ul(answer.asked_ns)
            if -step <= again.value[0] - value <= max(2 * flown_ul, value / 4) + step:  # also a pump that runs too fast
                return again
            answer = again
        raise GarbledReply("the counter jumps with every answer", port=self.link.url, command="dispensed volume")

    def resting_counter(self) -> float:
        """Return the counter of a pump at rest, uL: said twice, since all that follows is measured from it."""
        before = self._counter_once(urgent=False).value[0]
        for _try in range(_CONFLICTS):
            value = self._counter_once(urgent=False).value[0]
            if value == before:
                return value
            before = value
        raise GarbledReply("the counter of a pump at rest changes", port=self.link.url, command="dispensed volume")

    def _counter_once(self, *, urgent: bool) -> Answer[tuple[float, float]]:
        if self.view is None:
            raise GarbledReply("the unit of the counter is not known", port=self.link.url)
        scale = codec.UL_PER_VOLUME[self.view.units]
        parse: Callable[[codec.Lines], codec.Number | None] = lambda lines: codec.parse_named("dispensed volume", lines)  # noqa: E731 - typed
        answer = self.link.ask("dispensed volume", parse, urgent=urgent)
        value = abs(answer.value.value) * scale  # its sign while withdrawing is not known [?]
        return Answer((value, answer.value.step * scale), answer.asked_ns, answer.received_ns)

    def _status(
        self, digit: int, read: tuple[float, float], *, asked_ns: int, received_ns: int, alarm: PumpAlarm | None
    ) -> PumpStatus:
        volume_ul, step_ul = read
        volume = self.view.volume if self.view is not None else None
        withdraws = volume is not None and volume.value < 0
        motion = _MOTIONS.get(digit, Motion.UNKNOWN)
        if digit == _RUNNING and volume is not None:
            motion = Motion.WITHDRAWING if withdraws else Motion.INFUSING
        return PumpStatus(
            asked_ns=asked_ns,
            received_ns=received_ns,
            motion=motion,
            infused_ul=0.0 if withdraws else volume_ul,
            withdrawn_ul=volume_ul if withdraws else 0.0,
            counter_step_ul=step_ul,
            alarm=alarm,
        )
