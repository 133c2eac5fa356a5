"""EXPERIMENTAL: an older Harvard pump as a SyringePump (pumps.md b2): what to say in which order, what to believe.

No infusion is started without a verified read-back of the target: its unit differs by 1000 between models of this
protocol. Knows what makes up one infusion and what a prompt means. Bytes and repetitions are the link's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.capabilities import Identity, Motion, PumpAlarm, PumpProgram, PumpStatus
from drivers.errors import (
    DeviceRefused,
    DriverError,
    GarbledReply,
    NotEncodable,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.harvard_22 import codec, infusion, models
from drivers.harvard_22 import link as talk
from drivers.harvard_22.link import Harvard22Link, Refused
from drivers.run_account import RunAccount
from drivers.stopping import REPLY_S, Stopping
from drivers.talk import Answer
from drivers.text import printable
from drivers.watch import Counter, Seen, Watch

_MOTIONS = {
    talk.STILL: Motion.STOPPED,
    talk.INFUSING: Motion.INFUSING,
    talk.REFILLING: Motion.WITHDRAWING,
    talk.PAUSED: Motion.PAUSED,
    talk.WAITING: Motion.WAITING,
}
"""Stalled or at a limit switch: nothing says that the motor is off."""
_ALARMS = {talk.STALLED: PumpAlarm.STALL, talk.LIMIT: PumpAlarm.PROGRAM}


@dataclass
class Harvard22Pump:
    """Implements ``SyringePump``. One thread at a time, except that ``stop`` may overtake by the abort check."""

    link: Harvard22Link
    target_unit: str = ""
    """Of a target that is told as a bare number; empty: such a target proves nothing."""
    _model: models.Model | None = field(default=None, init=False)
    _watch: Watch[str] = field(init=False)
    _written: codec.Written | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._watch = Watch(
            self.link,
            talk.STILL,
            lambda state: state in (talk.INFUSING, talk.REFILLING),
            self.link.state,
            self._ask_counter,
        )

    @property
    def foreign_count(self) -> int:
        """Return how often something came on this line that answered nothing (R39)."""
        return self.link.foreign_count

    # --- Identified ---

    def connect(self) -> Identity:
        self._check_address()
        self.link.identified, self._model = False, None
        version = self._find()
        self._model = models.find(self.link, version)
        self.link.identified = True
        return Identity("harvard-22", f"{printable(version)} (experimental)", "")

    def _find(self) -> str:
        """Return the version text of the pump, at whichever baud rate it is set to."""
        failure: DriverError | None = None
        for _line in self.link.lines:
            self.link.open()
            for _try in range(2):  # what came at a wrong baud rate may still stand before the first command
                try:
                    version, _state = self.link.once("VER", codec.parse_version)
                except (ReplyTimeout, GarbledReply, Refused) as error:
                    failure = error if failure is None or error.partial else failure
                    continue
                self.link.open().out_of_step = False
                return version
            self.link.next_line()
        bauds = ", ".join(str(line.baud) for line in self.link.lines)
        if failure is not None and (failure.partial or isinstance(failure, Refused)):
            raise WrongInstrument(
                f"something answers on this port, but not an older Harvard pump at {bauds} baud",
                port=self.link.url,
                command="VER",
                partial=failure.partial,
            )
        raise ReplyTimeout(
            f"no pump with address {self.link.options.address} answers at {bauds} baud; is it switched on, is this its "
            "address, and is its keypad not in set mode? Other baud rates are given in the rig file",
            port=self.link.url,
            command="VER",
        )

    def close(self) -> None:
        self.link.close()

    # --- limits, without a word to the pump ---

    def rate_limits_ul_per_min(self, diameter_mm: float) -> tuple[float, float]:
        """Return what can be written [I]; what a pump can do with a syringe it says itself when it is programmed."""
        self._check_address()
        codec.write(PumpProgram(diameter_mm, 1.0, 100.0))
        return codec.LOWEST_UL_PER_MIN, codec.HIGHEST_UL_PER_MIN

    def quantised(self, program: PumpProgram) -> PumpProgram:
        self._check_address()
        return codec.write(program).held()

    def _check_address(self) -> None:
        if not 0 <= self.link.options.address <= 99:
            raise NotEncodable("the address of a pump is 0 to 99", port=self.link.url)

    # --- one infusion ---

    def program(self, program: PumpProgram) -> PumpProgram:
        held = self.quantised(program)
        model = self._ready()
        self._written = None
        models.check_can_prove(self.link, model)
        self._bring_to_start()
        written = codec.write(program)
        infusion.write(self.link, written, model)
        infusion.check(self.link, written, model, self.target_unit)
        counter_ul = self._watch.resting_counter()
        if counter_ul != 0.0:
            raise self.link.error(ReadbackMismatch, "the delivered volume was not set to zero", "CLD")
        self._watch.account = RunAccount.written(held.rate_ul_per_min, held.target_ul, counter_ul)
        self._written = written
        return held

    def _bring_to_start(self) -> None:
        """Leave a pause, out of which a start might go on with the old run. Raises DeviceRefused, DeviceReset."""
        motion = self._look().motion
        if motion is Motion.PAUSED:
            self._watch.account.open = False  # ended by us
            self.link.set("STP")
            motion = self._look().motion
        if motion is not Motion.STOPPED:
            raise DeviceRefused(f"the pump is not stopped but {motion.value}; stop it first", port=self.link.url)

    def read_back(self) -> PumpProgram:
        model = self._ready()
        models.check_can_prove(self.link, model)
        if self._written is not None:
            infusion.check(self.link, self._written, model, self.target_unit)
            return self._written.held()
        target = self.link.ask("TGT", codec.parse_volume).value
        per_ul = target.volume_ul_per(self.target_unit)
        if per_ul is None:
            raise self.link.error(DeviceRefused, models.NO_TARGET_UNIT, "TGT")
        rate = self.link.ask("RAT", codec.parse_rate).value
        return PumpProgram(
            diameter_mm=self.link.ask("DIA", codec.parse_diameter).value.value,
            rate_ul_per_min=rate.number.value * (rate.rate_ul_per_min_per or 0.0),
            target_ul=target.number.value * per_ul,
        )

    def start(self) -> PumpStatus:
        model = self._ready()
        if self._written is None:
            raise DeviceRefused("nothing was programmed since the last start or stop", port=self.link.url)
        if self._look().motion is not Motion.STOPPED:
            raise DeviceRefused("the pump is not stopped; stop it first", port=self.link.url)
        written = self._written
        self.link.in_one_go(lambda: self._prove(written, model), "RUN")
        self._written = None  # whatever happens: no second start of the same writing (R36)
        self.link.get_in_step()
        self._watch.account.start(self.link.clock.now_ns())
        try:
            self.link.once("RUN", talk.bare)  # once; a lost answer is for the caller to find out
        except Refused:
            self._watch.account.open = False
            raise
        status = self._look()
        if status.motion is not Motion.INFUSING and not self._is_done(status):
            self.stop()
            raise DeviceRefused(
                f"after RUN the pump was {status.motion.value}, not infusing", port=self.link.url, command="RUN"
            )
        return status

    def _prove(self, written: codec.Written, model: models.Model) -> None:
        """See that it holds what was written: somebody may have used the keypad, or its power may have failed."""
        infusion.check(self.link, written, model, self.target_unit)
        if self._watch.counter().value[0] != 0.0:
            raise self.link.error(ReadbackMismatch, "the delivered volume is no longer at zero", "DEL")

    def _is_done(self, status: PumpStatus) -> bool:
        return status.infused_ul >= self._watch.account.target_ul - status.counter_step_ul

    def status(self) -> PumpStatus:
        self._ready()
        return self._look()

    def stop(self) -> PumpStatus:
        self._written = None
        return Stopping(self.link, self._send_stop, self._stopped_look, self.link.try_otherwise).run()

    def _send_stop(self) -> None:
        self.link.send_stop(timeout_s=REPLY_S)

    def _stopped_look(self) -> PumpStatus | None:
        """Look after a stop, also at a pump that was never identified: then the model is found out first."""
        if self._model is None:
            version = self.link.ask("VER", codec.parse_version, urgent=True).value
            self._model = models.find(self.link, version, urgent=True)
        seen = self._watch.stopped_look()
        return None if seen is None else self._status(seen, PumpAlarm.RESET if seen.lost else None)

    def _ready(self) -> models.Model:
        self.link.check_identified()
        if self._model is None:
            raise self.link.error(GarbledReply, "it is not known which model this is", "VER")
        return self._model

    # --- looking ---

    def _look(self) -> PumpStatus:
        seen = self._watch.look()
        return self._status(seen, _ALARMS.get(seen.state) if seen.is_new else None)  # told once

    def _ask_counter(self, *, urgent: bool) -> Counter:
        if self._model is None or not self._model.tells_target:  # no infusion of ours: nothing was delivered of it
            now_ns = self.link.clock.now_ns()
            return Answer((0.0, 0.0), now_ns, now_ns)
        answer = self.link.ask("DEL", codec.parse_volume, urgent=urgent)
        per_ul = answer.value.volume_ul_per(self.target_unit or "ml") or codec.UL_PER_ML
        number = answer.value.number
        return Answer((number.value * per_ul, number.step * per_ul), answer.asked_ns, answer.received_ns)

    def _status(self, seen: Seen[str], alarm: PumpAlarm | None) -> PumpStatus:
        refills = seen.state == talk.REFILLING
        return PumpStatus(
            asked_ns=seen.asked_ns,
            received_ns=seen.received_ns,
            motion=_MOTIONS.get(seen.state, Motion.UNKNOWN),
            infused_ul=0.0 if refills else seen.infused_ul,
            withdrawn_ul=seen.infused_ul if refills else 0.0,
            counter_step_ul=seen.step_ul,
            alarm=alarm,
        )

    # --- no watchdog: the pump runs to its target after the host has died ---

    def arm_watchdog(self, timeout_s: int) -> bool:
        del timeout_s
        self.link.check_identified()
        return False

    def disarm_watchdog(self) -> None:
        """Nothing to do: it has none."""
