"""A New Era NE-1000 or WPI Aladdin as a SyringePump (pumps.md a.9): what to say in which order, and what to believe.

Knows what makes up one infusion with a target in the pump, what must be read back, and what a confirmed stop is. Bytes,
alarms and repetitions are the link's business; doses and animals are nobody's here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from drivers.capabilities import Identity, Motion, PumpAlarm, PumpProgram, PumpStatus
from drivers.errors import (
    DeviceAlarm,
    DeviceRefused,
    DriverError,
    GarbledReply,
    LineTaken,
    NotEncodable,
    PortLost,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.new_era import codec, infusion
from drivers.new_era.counters import ask_counters
from drivers.new_era.link import PumpLink, PumpRefused, pump_status, says_nothing
from drivers.new_era.stop import Stopping
from drivers.text import printable

_PERISTALTIC: Final = "NE-9000"


@dataclass
class NewEraPump:
    """Implements ``SyringePump``. One thread at a time, except that ``stop`` may overtake by the abort check."""

    link: PumpLink
    _limits: codec.SpeedLimits = field(default=codec.NE_1000, init=False)
    _was_connected: bool = field(default=False, init=False)
    _reset_to_report: bool = field(default=False, init=False)

    @property
    def foreign_count(self) -> int:
        """Return how often something came on this line that answered nothing (R39)."""
        return self.link.foreign_count

    def line_is_taken(self) -> bool:
        return self.link.line_is_taken()

    # --- Identified ---

    def connect(self) -> Identity:
        self.link.identified = False
        self.link.open()
        version = self._find()
        parsed = codec.parse_version(version)
        if parsed is None:
            raise WrongInstrument(f"answers like a New Era pump, but as {printable(version)!r}", port=self.link.url)
        model, firmware = parsed
        if model.startswith(_PERISTALTIC):
            raise WrongInstrument(
                f"a {model} is a peristaltic pump: it has no syringe and counts in units of its own; not supported",
                port=self.link.url,
            )
        self._limits = codec.speed_limits(model)
        self._was_connected = self.link.identified = True
        return Identity("new-era", model, firmware)

    def _find(self, *, search: bool = True) -> str:
        """Return the version text, in whichever framing the pump listens (it may have been left in either).

        ``search``: also at the other usual baud rates.
        """
        failure: DriverError | None = None
        tried = [self.link.baud]
        first = bool(self.link.safe)
        framings: tuple[bool, ...] = (first, not first, first)
        while True:
            for safe in framings:
                version, error = self._ask_version(safe=safe)
                if version is not None:
                    return version
                failure = error if failure is None or (error is not None and error.partial) else failure
            if not search or not self.link.next_baud() or self.link.baud in tried:
                break
            tried.append(self.link.baud)
            framings = (False, True)
        self.link.safe = None
        raise self._nobody(failure, tried)

    def _ask_version(self, *, safe: bool) -> tuple[str | None, DriverError | None]:
        exchange = self.link.open()
        self.link.safe = safe
        for last in (False, False, True):
            try:
                reply = self.link.once("VER", bool)
            except (ReplyTimeout, GarbledReply, LineTaken) as error:
                return None, error
            if reply.alarm is not None or reply.error is not None:
                self._note_while_connecting(reply.alarm)
            elif last or codec.parse_version(reply.data) is not None:
                exchange.out_of_step = False
                return reply.data, None
            else:  # it may answer what a program asked that died on this line a moment ago
                exchange.mark_out_of_step(exchange.asked_ns)
        return None, None

    def _nobody(self, failure: DriverError | None, tried: list[int]) -> DriverError:
        bauds = " or ".join(map(str, tried))
        if isinstance(failure, LineTaken):
            return failure
        if failure is None or failure.partial:
            return WrongInstrument(
                f"something answers on this port, but not a New Era pump at {bauds} baud",
                port=self.link.url,
                command="VER",
                partial=failure.partial if failure is not None else b"",
            )
        return ReplyTimeout(
            f"no pump with address {self.link.options.address} answers; is it switched on, on the right cable "
            f"(TO COMPUTER socket), set to {bauds} baud and this address?",
            port=self.link.url,
            command="VER",
        )

    def _note_while_connecting(self, alarm: PumpAlarm | None) -> None:
        """R38: a reset is the normal greeting of a pump just switched on, and a loss of its run at any later time."""
        if alarm is PumpAlarm.RESET:
            self._reset_to_report = self._was_connected
        elif alarm is not None:
            self.link.alarm = alarm

    def close(self) -> None:
        self.link.close()

    # --- limits, without a word to the pump ---

    def rate_limits_ul_per_min(self, diameter_mm: float) -> tuple[float, float]:
        return self._limits.rates_ul_per_min(float(codec.diameter_text(diameter_mm)))

    def quantised(self, program: PumpProgram) -> PumpProgram:
        held = codec.as_held(program)
        lowest, highest = self.rate_limits_ul_per_min(program.diameter_mm)
        if not lowest <= held.rate_ul_per_min <= highest:
            raise NotEncodable(
                f"rate {held.rate_ul_per_min:g} uL/min is outside the {lowest:.4g} to {highest:.4g} uL/min "
                f"that this pump can do with a syringe of {held.diameter_mm:g} mm"
            )
        return held

    # --- one infusion ---

    def program(self, program: PumpProgram) -> PumpProgram:
        self.quantised(program)
        self._check_ready()
        infusion.bring_to_start(self.link)
        self._report_alarm()
        return infusion.write(self.link, program)

    def read_back(self) -> PumpProgram:
        self._check_ready()
        return infusion.read_back(self.link)

    def start(self) -> PumpStatus:
        self._check_ready()
        self._report_alarm()
        motion = self.link.command("RUN").motion  # once; a lost answer is for the caller to find out about (R36)
        if motion is not Motion.INFUSING:
            if not motion.is_still:
                self.stop()
            raise DeviceRefused(
                f"after RUN the pump was {motion.value}, not infusing", port=self.link.url, command="RUN"
            )
        return self.status()

    def status(self) -> PumpStatus:
        self._check_ready()
        return pump_status(self.link, ask_counters(self.link))

    def stop(self) -> PumpStatus:
        return Stopping(self.link).run()

    def _check_ready(self) -> None:
        """R19, R37, R38: nothing is asked or set before the pump was identified and its reset reported."""
        if not self.link.identified:
            raise PortLost("connect first: this line was not opened, or was lost since", port=self.link.url)
        if self._reset_to_report:
            self._reset_to_report = False
            raise self.link.reset_error("VER")

    def _report_alarm(self) -> None:
        """Refuse until the next status or stop has told of the alarm: an exception does not say which it was."""
        alarm = self.link.alarm
        if alarm is not None:
            raise DeviceAlarm(f"alarm of the pump: {alarm.value}; look at it before starting again", port=self.link.url)

    # --- the pump's own watchdog (a.6) ---

    def arm_watchdog(self, timeout_s: int) -> bool:
        if not 1 <= timeout_s <= 255:
            raise NotEncodable(f"the pump's watchdog takes 1 to 255 s, not {timeout_s}")
        self._check_ready()
        return self._set_watchdog(timeout_s)

    def disarm_watchdog(self) -> None:
        self._check_ready()
        if not self.link.ask("", says_nothing).reply.motion.is_still:
            raise DeviceRefused(
                "the watchdog is not switched off while the pump moves", port=self.link.url, command="SAF0"
            )
        self._set_watchdog(0)

    def _set_watchdog(self, timeout_s: int) -> bool:
        try:
            self.link.command(f"SAF{timeout_s}")  # the answer comes in the framing of the new mode
        except PumpRefused as error:
            if error.code == "":
                return False
            raise
        except (ReplyTimeout, GarbledReply, LineTaken):  # it may listen in either framing; only a question is repeated
            self._find(search=False)
        held = self.link.ask("SAF", codec.parse_watchdog).value
        if held != timeout_s:
            raise ReadbackMismatch(
                f"the watchdog was set to {timeout_s} s and reads back as {held} s", port=self.link.url
            )
        return True
