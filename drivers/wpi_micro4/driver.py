"""One syringe line of a WPI Micro4 as a SyringePump (pumps.md d.1): what to say in which order, and what to believe.

Knows what makes up one infusion with a target in the controller, what must be compared, and that a start may have
gone to another line. Bytes and repetitions are the link's business; doses and animals are nobody's here.
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
from drivers.run_account import RunAccount
from drivers.stopping import REPLY_S, Stopping
from drivers.talk import Answer
from drivers.watch import Counter, Seen, Watch
from drivers.wpi_micro4 import codec, settings
from drivers.wpi_micro4.link import FORMS, TRIES_PER_FORM, Micro4Link
from drivers.wpi_micro4.strays import Strays


@dataclass(frozen=True)
class Micro4Choices:
    """The rig's options of this pump."""

    line: int = 1
    syringe_type: str = ""
    running_text: str = "Running"
    paused_text: str = "Paused"


@dataclass
class Micro4Pump:
    """Implements ``SyringePump``. One thread at a time, except that ``stop`` may overtake by the abort check."""

    link: Micro4Link
    choices: Micro4Choices
    _watch: Watch[str] = field(init=False)
    _strays: Strays = field(init=False)
    _written: codec.Written | None = field(default=None, init=False)
    _syringe: codec.SyringeType | None = field(default=None, init=False)
    """As the controller told last."""
    _diameter_mm: float | None = field(default=None, init=False)
    """Of the syringe that was programmed last; the controller knows its type only."""
    _withdraws: bool = field(default=False, init=False)
    _stops: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        still = (codec.STOPPED, self.choices.paused_text)
        self._watch = Watch(
            self.link,
            codec.STOPPED,
            lambda state: state not in still,
            self._ask_state,
            self._ask_counter,
        )
        self._strays = Strays(self.link)

    @property
    def foreign_count(self) -> int:
        """Return how often something came on this line that answered nothing (R39)."""
        return self.link.foreign_count

    def line_is_taken(self) -> bool:
        return self.link.line_is_taken()

    # --- Identified ---

    def connect(self) -> Identity:
        self.link.identified, self.link.echo = False, None
        self._syringe = self._find()
        self.link.identified = True
        self._withdraws = self.link.text("D").value == "Withdraw"
        return Identity("wpi-micro4", "", "")  # it has no question for model, firmware or serial number

    def _find(self) -> codec.SyringeType:
        """Return the syringe type of our line, asked in whichever form this unit wants its commands."""
        failure: DriverError | None = None
        self.link.open()
        for form in (self.link.form, *(form for form in FORMS if form != self.link.form)):
            self.link.form = form
            for _try in range(TRIES_PER_FORM):
                try:
                    with self.link.turn("?S", in_step=False):
                        syringe = self.link.once("?S", codec.parse_type)
                except (ReplyTimeout, GarbledReply, DeviceRefused) as error:
                    failure = error if failure is None or error.partial else failure
                    continue
                self.link.get_in_step()
                return syringe
        self.link.form = FORMS[0]
        if failure is not None and failure.partial:
            raise WrongInstrument(
                "something answers on this port, but not a Micro4", port=self.link.url, command="?S",
                partial=failure.partial,
            )  # fmt: skip
        raise ReplyTimeout(
            "no Micro4 answers at 9600 baud, neither to CR nor to ';'; is it switched on and on the right cable?",
            port=self.link.url,
            command="?S",
        )

    def close(self) -> None:
        self.link.close()

    # --- limits, without a word to the pump ---

    def rate_limits_ul_per_min(self, diameter_mm: float) -> tuple[float, float]:
        """Return what can be written: speed limits of the pumps are not known [?], the read-back tells."""
        self._check_syringe_pure(diameter_mm)
        return codec.LOWEST_UL_PER_MIN, codec.HIGHEST_UL_PER_MIN

    def quantised(self, program: PumpProgram) -> PumpProgram:
        held = codec.write(program).held()
        self._check_syringe_pure(program.diameter_mm)
        return held

    def _check_syringe_pure(self, diameter_mm: float) -> None:
        """Refuse a diameter that the syringe type cannot hold, as far as it is known before asking."""
        codec.write(PumpProgram(diameter_mm, 0.1, 0.1))
        syringe = codec.KNOWN_TYPES.get(self.choices.syringe_type)
        if self._syringe is not None and self.choices.syringe_type in ("", self._syringe.name):
            syringe = self._syringe
        if syringe is not None and not syringe.fits(diameter_mm):
            raise NotEncodable(settings.unfit(syringe, diameter_mm), port=self.link.url)

    # --- one infusion ---

    def program(self, program: PumpProgram) -> PumpProgram:
        held = self.quantised(program)
        self.link.check_identified()
        self._written = None
        self._bring_to_start()
        written = codec.write(program)
        self._syringe = settings.select_type(self.link, self.choices.syringe_type)
        settings.check_syringe(self.link, self._syringe, written.diameter_mm)
        settings.write(self.link, written)
        self._check(written)
        counter_ul = self._watch.resting_counter()
        if counter_ul != 0.0:
            self.link.set(settings.CLEAR)  # a digit that the line turned, left there, would be taken for liquid
            raise self.link.error(ReadbackMismatch, "the volume counter was not set to zero", settings.CLEAR)
        self._watch.account = RunAccount.written(held.rate_ul_per_min, held.target_ul, counter_ul)
        self._written, self._diameter_mm = written, written.diameter_mm
        return held

    def _bring_to_start(self) -> None:
        """Leave a pause, out of which a start would go on with the old run. Raises DeviceRefused, DeviceReset."""
        motion = self._look().motion
        if motion is Motion.PAUSED:
            self._watch.account.open = False  # ended by us
            self.link.act("H")
            motion = self._look().motion
        if motion is not Motion.STOPPED:
            raise DeviceRefused(f"the pump is not stopped but {motion.value}; stop it first", port=self.link.url)

    def _check(self, written: codec.Written) -> None:
        self._syringe = settings.check(self.link, written)
        self._withdraws = False

    def read_back(self) -> PumpProgram:
        self.link.check_identified()
        if self._written is not None:
            self._check(self._written)
            return self._written.held()
        held = settings.read(self.link)
        fits = self._diameter_mm is not None and held.syringe.fits(self._diameter_mm)
        return PumpProgram(
            diameter_mm=self._diameter_mm if fits and self._diameter_mm is not None else held.syringe.diameter_mm,
            rate_ul_per_min=codec.rate_ul_per_min(held.rate.value, per_second=held.units == "nL/Sec"),
            target_ul=held.target.value / codec.NL_PER_UL,
        )

    def start(self) -> PumpStatus:
        self.link.check_identified()
        if self._written is None:
            raise DeviceRefused("nothing was programmed since the last start or stop", port=self.link.url)
        self._strays.note_before_start()
        if self._look().motion is not Motion.STOPPED:
            raise DeviceRefused("the pump is not stopped; stop it first", port=self.link.url)
        written = self._written
        self.link.in_one_go(lambda: self._prove(written), "G")
        self._written = None  # whatever happens: no second start of the same writing (R36)
        self.link.get_in_step()
        with self.link.turn("G"):
            self._watch.account.start(self.link.clock.now_ns())
            self._strays.may_run = True
            try:
                self.link.once("G", lambda body: body)  # once; a lost answer is for the caller to find out
            except DeviceRefused:
                self._watch.account.open = False
                raise
        status = self._look()
        if self._stands_at_once(status, float(written.target) / codec.NL_PER_UL):
            self.stop()
            raise DeviceRefused("after G the pump stood still", port=self.link.url, command="G")
        return status

    def _prove(self, written: codec.Written) -> None:
        """See that it holds what was written: somebody may have used the front panel, or its power may have failed."""
        self._check(written)
        if self._watch.counter().value[0] != 0.0:
            raise self.link.error(ReadbackMismatch, "the volume counter is no longer at zero", "?C")

    @staticmethod
    def _stands_at_once(status: PumpStatus, target_ul: float) -> bool:
        return status.motion.is_still and status.infused_ul < target_ul - status.counter_step_ul

    def status(self) -> PumpStatus:
        self.link.check_identified()
        return self._look()

    def stop(self) -> PumpStatus:
        self._written = None
        return Stopping(self.link, self._send_stop, self._stopped_look, self.link.try_otherwise).run()

    def _send_stop(self) -> None:
        """Halt the line: in turns with and without waiting for its selection, in case nothing can be heard."""
        self._stops += 1
        self.link.send_stop(blind=self._stops % 2 == 0, timeout_s=REPLY_S)

    def _stopped_look(self) -> PumpStatus | None:
        seen = self._watch.stopped_look()
        return None if seen is None else self._status(seen)

    # --- looking ---

    def _look(self) -> PumpStatus:
        seen = self._watch.look()
        if self._strays.may_run:
            self._strays.halt_if_any(ours_stands=seen.state == codec.STOPPED)
        return self._status(seen)

    def _ask_state(self, *, urgent: bool) -> Answer[str]:
        return self.link.text("G", urgent=urgent)

    def _ask_counter(self, urgent: bool) -> Counter:
        answer = self.link.number("C", urgent=urgent)
        scaled = (answer.value.value / codec.NL_PER_UL, answer.value.step / codec.NL_PER_UL)
        return Answer(scaled, answer.asked_ns, answer.received_ns)

    def _status(self, seen: Seen[str]) -> PumpStatus:
        running = Motion.WITHDRAWING if self._withdraws else Motion.INFUSING
        motions = {
            self.choices.running_text: running,
            self.choices.paused_text: Motion.PAUSED,
            codec.STOPPED: Motion.STOPPED,
        }
        return PumpStatus(
            asked_ns=seen.asked_ns,
            received_ns=seen.received_ns,
            motion=motions.get(seen.state, Motion.UNKNOWN),  # a text that nobody has seen yet proves nothing
            infused_ul=0.0 if self._withdraws else seen.infused_ul,
            withdrawn_ul=seen.infused_ul if self._withdraws else 0.0,
            counter_step_ul=seen.step_ul,
            alarm=PumpAlarm.RESET if seen.lost else None,
        )

    # --- no watchdog: the pump runs to its target after the host has died ---

    def arm_watchdog(self, timeout_s: int) -> bool:
        del timeout_s
        self.link.check_identified()
        return False

    def disarm_watchdog(self) -> None:
        """Nothing to do: it has none."""
