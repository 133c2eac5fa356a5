"""A Chemyx Fusion as a SyringePump (pumps.md c): what to say in which order, and what to believe.

Knows what makes up one infusion with a target in the pump, what must be compared, and what the status digits mean.
Bytes and repetitions are the link's business; doses and animals are nobody's here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.capabilities import Identity, Motion, PumpAlarm, PumpProgram, PumpStatus
from drivers.chemyx import codec
from drivers.chemyx.account import RunAccount
from drivers.chemyx.infusion import check_view, write
from drivers.chemyx.link import LINES, Answer, ChemyxLink
from drivers.chemyx.stop import Stopping
from drivers.errors import (
    DeviceRefused,
    DeviceReset,
    DriverError,
    GarbledReply,
    NotEncodable,
    PortLost,
    ReplyTimeout,
    WrongInstrument,
)

_STOPPED, _RUNNING, _PAUSED, _DELAYED, _STALLED, _ERROR = range(6)
_MOTIONS = {_STOPPED: Motion.STOPPED, _PAUSED: Motion.PAUSED, _DELAYED: Motion.WAITING}
_ALARMS = {_STALLED: PumpAlarm.STALL, _ERROR: PumpAlarm.PROGRAM}
"""5 is in the vendor's MATLAB code only [D]. Nothing says that the motor is off then: motion is unknown."""
_CONFLICTS = 4  # questions until two answers in a row agree


@dataclass
class ChemyxPump:
    """Implements ``SyringePump``. One thread at a time, except that ``stop`` may overtake by the abort check."""

    link: ChemyxLink
    _account: RunAccount = field(default_factory=RunAccount, init=False)
    _written: codec.Written | None = field(default=None, init=False)
    _view: codec.View | None = field(default=None, init=False)
    """The newest answer to ``view parameter``: unit of the counter, direction of a run."""
    _told: dict[str, tuple[float, float]] = field(default_factory=dict, init=False)
    """Per diameter text: lowest and highest rate as the pump told, uL/min."""
    _digit: int = field(default=_STOPPED, init=False)

    @property
    def foreign_count(self) -> int:
        """Return how often something came on this line that answered nothing (R39)."""
        return self.link.foreign_count

    # --- Identified ---

    def connect(self) -> Identity:
        self._check_channel()
        self.link.identified, self.link.echo = False, None
        self._view = self._find()
        self.link.digit()  # which of its two names the pump knows
        self.link.identified = True
        return Identity("chemyx", "", "")  # it has no question for model, firmware or serial number

    def _find(self) -> codec.View:
        """Return the settings of the pump, at whichever baud rate its menu was set to."""
        failure: DriverError | None = None
        for _line in LINES:
            self.link.open()
            for _try in range(2):  # what came at a wrong baud rate may still stand before the first command
                try:
                    view = self.link.once("view parameter", codec.parse_view)
                except (ReplyTimeout, GarbledReply, DeviceRefused) as error:
                    failure = error if failure is None or error.partial else failure
                    continue
                self.link.open().out_of_step = False
                return view
            self.link.next_line()
        rates = ", ".join(str(line.baud) for line in LINES)
        if failure is not None and failure.partial:
            raise WrongInstrument(
                f"something answers on this port, but not a Chemyx pump at {rates} baud",
                port=self.link.url,
                command="view parameter",
                partial=failure.partial,
            )
        raise ReplyTimeout(
            f"no pump answers at {rates} baud; is it switched on, on the right cable, and is one of these rates set "
            "in its menu?",
            port=self.link.url,
            command="view parameter",
        )

    def close(self) -> None:
        self.link.close()

    # --- limits, without a word to the pump ---

    def rate_limits_ul_per_min(self, diameter_mm: float) -> tuple[float, float]:
        """Return what the pump told for this syringe; before it was asked, only what can be written [I]."""
        self._check_channel()
        low, high = codec.DIAMETER_MM
        if not low <= diameter_mm <= high:
            raise NotEncodable(f"diameter {diameter_mm:g} mm is outside the pump's {low:g} to {high:g} mm")
        text = codec.number_text(diameter_mm, codec.DIAMETER_DECIMALS, "diameter", "mm")
        return self._told.get(text, (codec.LOWEST_UL_PER_MIN, codec.HIGHEST_UL_PER_MIN))

    def quantised(self, program: PumpProgram) -> PumpProgram:
        lowest, highest = self.rate_limits_ul_per_min(program.diameter_mm)
        held = codec.write(program).held()
        if not lowest <= held.rate_ul_per_min <= highest:
            raise NotEncodable(
                f"rate {held.rate_ul_per_min:g} uL/min is outside the {lowest:.4g} to {highest:.4g} uL/min "
                f"that this pump can do with a syringe of {held.diameter_mm:g} mm"
            )
        return held

    def _check_channel(self) -> None:
        if self.link.options.address != 0:
            raise NotEncodable("pumps with two channels are not supported: leave the address at 0", port=self.link.url)

    # --- one infusion ---

    def program(self, program: PumpProgram) -> PumpProgram:
        held = self.quantised(program)
        self._check_ready()
        self._bring_to_start()
        self._written = None
        written = codec.write(program)
        write(self.link, written, lambda limits: self._note_limits(written, limits))
        self._view = check_view(self.link, written)
        counter = self._counter()
        self._account = RunAccount.written(held.rate_ul_per_min, held.target_ul, counter.value[0])
        self._written = written
        return held

    def _bring_to_start(self) -> None:
        """Leave a pause, out of which start would resume the old run [M]. Raises DeviceRefused, DeviceReset."""
        motion = self._look().motion
        if motion is Motion.PAUSED:
            self._account.open = False  # ended by us
            self.link.action("stop", codec.parse_stopped)
            motion = self._look().motion
        if motion is not Motion.STOPPED:
            raise DeviceRefused(f"the pump is not stopped but {motion.value}; stop it first", port=self.link.url)

    def _note_limits(self, written: codec.Written, limits: codec.Limits) -> None:
        scale = codec.UL_PER_MIN_PER_RATE[written.units]
        lowest = max(limits.min_rate * scale, codec.LOWEST_UL_PER_MIN)
        self._told[written.diameter] = (lowest, min(limits.max_rate * scale, codec.HIGHEST_UL_PER_MIN))

    def read_back(self) -> PumpProgram:
        self._check_ready()
        if self._written is not None:
            self._view = check_view(self.link, self._written)
            return self._written.held()
        self._view = view = self.link.ask("view parameter", codec.parse_view).value
        if view.diameter is None or view.rate is None or view.volume is None:
            raise GarbledReply("the pump holds no single infusion", port=self.link.url, command="view parameter")
        return PumpProgram(
            diameter_mm=view.diameter.value,
            rate_ul_per_min=view.rate.value * codec.UL_PER_MIN_PER_RATE[view.units],
            target_ul=view.volume.value * codec.UL_PER_VOLUME[view.units],
        )

    def start(self) -> PumpStatus:
        self._check_ready()
        if self._written is None:
            raise DeviceRefused("nothing was programmed since the last start or stop", port=self.link.url)
        if self._look().motion is not Motion.STOPPED:  # out of a pause, start would resume something else
            raise DeviceRefused("the pump is not stopped; stop it first", port=self.link.url)
        self._view = check_view(self.link, self._written)  # independent of the echoes: what does it really hold?
        self.link.get_in_step()
        self._written = None  # whatever happens: no second start of the same writing (R36)
        self._account.start(self.link.clock.now_ns())
        try:
            runs = self.link.once("start", codec.parse_started)  # once; a lost answer is for the caller to find out
        except DeviceRefused:
            self._account.open = False
            raise
        status = self._look()
        if not runs or status.motion is Motion.WAITING or self._stands_at_once(status):
            self.stop()
            raise DeviceRefused(
                f"after start the pump was {status.motion.value}, not infusing", port=self.link.url, command="start"
            )
        return status

    def _stands_at_once(self, status: PumpStatus) -> bool:
        if status.alarm is not None or status.motion is Motion.INFUSING:
            return False
        return status.infused_ul < self._account.target_ul - status.counter_step_ul

    def status(self) -> PumpStatus:
        self._check_ready()
        return self._look()

    def stop(self) -> PumpStatus:
        self._written = None
        found = Stopping(self.link).run(self._stopped_look)
        self._account.open = False
        self._digit = _STOPPED
        return found

    def _check_ready(self) -> None:
        """R19, R37: nothing is asked or set before the pump was identified."""
        if not self.link.identified:
            raise PortLost("connect first: this line was not opened, or was lost since", port=self.link.url)

    # --- looking ---

    def _look(self) -> PumpStatus:
        """Ask for motion, then for the counter. Raises DeviceReset once when a run was lost."""
        first = self._agreed_digit()
        counter = self._counter()
        infused_ul, step_ul = self._account.read(*counter.value, counter.received_ns)
        digit = first.value
        if digit == _STOPPED and self._account.is_lost(infused_ul, step_ul):
            self._forget_run()
            raise DeviceReset(
                "the pump stands still and its counter went back: it was reset or lost power, its run is gone",
                port=self.link.url,
                command=self.link.status_name,
            )
        alarm = _ALARMS.get(digit) if digit != self._digit else None  # told once
        self._digit = digit
        self._account.moved |= self._account.open and digit == _RUNNING
        self._account.seen_ul = max(self._account.seen_ul, infused_ul)
        if digit == _STOPPED and self._account.moved:
            self._account.open = False
        return self._status(
            digit,
            (infused_ul, step_ul),
            asked_ns=first.asked_ns,
            received_ns=counter.received_ns,
            alarm=alarm,
        )

    def _stopped_look(self) -> PumpStatus | None:
        """Ask everything anew after a stop; None unless two answers say stopped. A lost run is told as an alarm."""
        first = self.link.digit(urgent=True)
        if first.value != _STOPPED:
            return None
        self._view = self.link.ask("view parameter", codec.parse_view, urgent=True).value
        counter = self._counter(urgent=True)
        last = self.link.digit(urgent=True)
        if last.value != _STOPPED:
            return None
        infused_ul, step_ul = self._account.read(*counter.value, counter.received_ns)
        alarm = PumpAlarm.RESET if self._account.is_lost(infused_ul, step_ul) else None
        if alarm is not None:
            self._forget_run()
        return self._status(
            _STOPPED,
            (infused_ul, step_ul),
            asked_ns=first.asked_ns,
            received_ns=last.received_ns,
            alarm=alarm,
        )

    def _forget_run(self) -> None:
        self._account, self._written, self._digit = RunAccount(), None, _STOPPED

    def _agreed_digit(self) -> Answer[int]:
        """Ask for the status digit; a change must be said twice: without checksum one flipped bit makes 0 of 1."""
        before, answer = self._digit, self.link.digit()
        for _try in range(_CONFLICTS):
            if answer.value == before:
                return answer
            before, answer = answer.value, self.link.digit()
        raise GarbledReply("the status changes with every answer", port=self.link.url, command=self.link.status_name)

    def _counter(self, *, urgent: bool = False) -> Answer[tuple[float, float]]:
        """Ask for the counter, (uL, uL per count); what is hard to believe is asked for again and must agree."""
        answer = self._counter_once(urgent=urgent)
        for _try in range(_CONFLICTS):
            value, step = answer.value
            if self._account.believable(max(value - self._account.zero_ul, 0.0), step, answer.received_ns):
                return answer
            again = self._counter_once(urgent=urgent)
            flown_ul = self._account.most_ul(again.received_ns) - self._account.most_ul(answer.asked_ns)
            if -step <= again.value[0] - value <= max(2 * flown_ul, value / 4) + step:  # also a pump that runs too fast
                return again
            answer = again
        raise GarbledReply("the counter jumps with every answer", port=self.link.url, command="dispensed volume")

    def _counter_once(self, *, urgent: bool) -> Answer[tuple[float, float]]:
        if self._view is None:
            raise GarbledReply("the unit of the counter is not known", port=self.link.url)
        scale = codec.UL_PER_VOLUME[self._view.units]
        parse: Callable[[codec.Lines], codec.Number | None] = lambda lines: codec.parse_named("dispensed volume", lines)  # noqa: E731 - typed
        answer = self.link.ask("dispensed volume", parse, urgent=urgent)
        value = abs(answer.value.value) * scale  # its sign while withdrawing is not known [?]
        return Answer((value, answer.value.step * scale), answer.asked_ns, answer.received_ns)

    def _status(
        self, digit: int, read: tuple[float, float], *, asked_ns: int, received_ns: int, alarm: PumpAlarm | None
    ) -> PumpStatus:
        volume_ul, step_ul = read
        volume = self._view.volume if self._view is not None else None
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

    # --- no watchdog: the pump runs to its volume after the host has died ---

    def arm_watchdog(self, timeout_s: int) -> bool:
        del timeout_s
        self._check_ready()
        return False

    def disarm_watchdog(self) -> None:
        """Nothing to do: it has none."""
