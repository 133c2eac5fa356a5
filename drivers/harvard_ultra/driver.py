"""A Harvard or KD Scientific pump of the Ultra family as a SyringePump (pumps.md b1): what to say, and what to believe.

Knows what makes up one infusion, what must be read back before it may start, what a confirmed stop is and how a loss of
power shows on a pump that does not report it. Bytes and repetitions are the link's business; doses are nobody's here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from drivers.capabilities import Identity, Motion, PumpAlarm, PumpProgram, PumpStatus
from drivers.errors import (
    DeviceAlarm,
    DeviceRefused,
    DeviceReset,
    GarbledReply,
    NotEncodable,
    PortLost,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.harvard_ultra import codec, infusion
from drivers.harvard_ultra.link import BAUD, PumpLink, PumpRefused
from drivers.harvard_ultra.look import Look, Looking
from drivers.harvard_ultra.mechanics import UNKNOWN, Mechanics, known_mechanics, mechanics_of
from drivers.harvard_ultra.settings import UltraSettings
from drivers.harvard_ultra.stop import Stopping
from drivers.text import printable

_CONNECT_TRIES = 3
_STEPS_STORED = 10
"""[P] Microsteps of the stored target: 12 nL with a syringe of 4.7 mm, 23 s to several minutes at the slowest rate."""


@dataclass
class HarvardUltraPump:
    """Implements ``SyringePump``. One thread at a time, except that ``stop`` may overtake by the abort check."""

    link: PumpLink
    settings: UltraSettings = field(default_factory=UltraSettings)
    _mechanics: Mechanics = field(default=UNKNOWN, init=False)
    _known: Mechanics | None = field(default=None, init=False)
    """What is known of this model, apart from what this pump says."""
    _looking: Looking = field(init=False)
    _programmed: PumpProgram | None = field(default=None, init=False)
    """What was read back last and has not been started yet: only this may start."""
    _running: bool = field(default=False, init=False)
    """A start was sent, and no stop or end was seen since."""
    _last: Look | None = field(default=None, init=False)
    """The last look since the counters were cleared or the run began."""
    _harmless: bool = field(default=False, init=False)
    """What the pump stores for its next power-up was written since the last connect: once, it wears the flash."""
    _reset: DeviceReset | None = field(default=None, init=False)
    """A loss of power that nobody was told of yet."""

    def __post_init__(self) -> None:
        self._looking = Looking(self.link, math.inf, 0.0)

    @property
    def foreign_count(self) -> int:
        """Return how often something came on this line that answered nothing (R39)."""
        return self.link.foreign_count

    def cautions(self) -> tuple[str, ...]:
        return self.settings.cautions()

    # --- Identified ---

    def connect(self) -> Identity:
        self.link.identified, self._harmless = False, False
        self.link.open()
        firmware, serial_number = self._find()
        try:
            model = self.link.ask("ver", codec.parse_model).value
        except PumpRefused:
            model = "Ultra command set"
        diameter_mm = self._diameter_mm()
        try:
            asked = self.link.ask("irate lim", codec.parse_limits).value
        except PumpRefused:  # not on this screen, or while running: what is known of the model must do
            asked = None
        self._known = known_mechanics(model)
        self._mechanics = mechanics_of(self._known, asked, diameter_mm)
        self._believe_syringe(diameter_mm)
        self.link.identified = True
        return Identity("harvard-ultra", printable(model), firmware, printable(serial_number))

    def _find(self) -> tuple[str, str]:
        """Switch poll on and return firmware and serial number. A first command may only wake the line up (b1.2)."""
        failure: ReplyTimeout | GarbledReply | None = None
        for _try in range(_CONNECT_TRIES):
            try:
                if self.link.polled:
                    self._notice_lapse()
                self.link.poll_on()
                return self.link.ask("version", codec.parse_version).value
            except (ReplyTimeout, GarbledReply) as error:
                failure = error if failure is None or error.partial else failure
            except DeviceReset as error:
                self._reset = error
            except PumpRefused as error:
                raise WrongInstrument(
                    "answers like a pump of the Ultra family, but knows no poll or version; is its command set "
                    "(cmd) set to ultra?",
                    port=self.link.url,
                    command=error.command,
                ) from error
        if failure is None or failure.partial:
            raise WrongInstrument(
                "something answers on this port, but not a Harvard or KDS pump with the Ultra command set",
                port=self.link.url,
                command="poll on",
                partial=failure.partial if failure is not None else b"",
            )
        raise ReplyTimeout(
            f"no pump with address {self.link.options.address} answers; is it switched on, its cable in the socket for "
            f"the computer, and (on RS-232) its baud rate set to {self.link.options.baud or BAUD}?",
            port=self.link.url,
            command="poll on",
        )

    def _diameter_mm(self) -> float:
        try:
            return self.link.ask("diameter", codec.parse_diameter).value
        except PumpRefused:  # it shows another screen, on which it tells no parameters [M]
            if not self._looking.motion().is_still:
                raise
            infusion.show_quick_start(self.link)
            return self.link.ask("diameter", codec.parse_diameter).value

    def _notice_lapse(self) -> None:
        """Ask on a line found again whether poll is still on: where it is not, the pump was without power."""
        self.link.open().mark_out_of_step(self.link.clock.now_ns())
        self.link.get_in_step()

    def close(self) -> None:
        self.link.close()

    # --- limits, without a word to the pump ---

    def rate_limits_ul_per_min(self, diameter_mm: float) -> tuple[float, float]:
        return self._mechanics.rates_ul_per_min(float(codec.diameter_text(diameter_mm)))

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
        self._programmed = None
        status = self.status()
        if not status.motion.is_still:
            raise DeviceRefused(
                f"the pump is not stopped but {status.motion.value}; stop it first", port=self.link.url, command="stp"
            )
        if status.alarm is not None:
            self.stop()  # or its prompt would say so for ever
            raise DeviceAlarm(
                f"alarm of the pump: {status.alarm.value}; look at it before starting again", port=self.link.url
            )
        self._running, self._last = False, None
        with self._forgetting_when_reset():
            infusion.prepare(self.link)
            if not self._harmless:
                nothing_ul = _STEPS_STORED * self._mechanics.microstep_ul(program.diameter_mm)
                infusion.make_power_up_harmless(self.link, program.diameter_mm, nothing_ul)
                self._harmless = True
            else:
                infusion.spare_the_flash(self.link)  # a pump that was without power stores again
            infusion.check_one_syringe(self.link)
            if self.settings.force_percent is not None:
                infusion.write_force(self.link, self.settings.force_percent)
            held = infusion.write(self.link, program, None if self.settings.trusts_pump else self._known)
        self._believe_syringe(held.diameter_mm)
        self._programmed = held
        return held

    def read_back(self) -> PumpProgram:
        self._check_ready()
        with self._forgetting_when_reset():
            return infusion.read_back(self.link)

    def start(self) -> PumpStatus:
        self._check_ready()
        wanted, self._programmed = self._programmed, None
        if wanted is None:
            raise DeviceRefused("not started: program the pump first", port=self.link.url, command="irun")
        self._check_still_programmed(wanted)
        self._running, self._last = True, None  # from here on it may run, whatever the answer
        with self._forgetting_when_reset():
            reply = self._run()
        if reply.prompt != ">":
            self.stop()
            raise DeviceRefused(
                f"after irun the pump's prompt was {reply.prompt!r}, not '>'", port=self.link.url, command="irun"
            )
        return self.status()

    def _run(self) -> codec.Reply:
        """Send the start once; a lost answer is for the caller to find out about (R36).

        Unless it came, whole but without XON: then the pump lost its power, and its settings, after the last look.
        """
        try:
            return self.link.command("irun")
        except (ReplyTimeout, GarbledReply) as error:
            if not self.link.lacks_xon(error):
                raise
        self.link.polled = False  # so that the stop sets it first
        self.stop()
        raise self.link.reset_error("irun")

    def _check_still_programmed(self, wanted: PumpProgram) -> None:
        """Look once more before the start: the pump may have lost power, or somebody may have used its screen."""
        status = self.status()
        held = self.read_back()
        infusion.check_no_ramp(self.link)
        infusion.check_one_syringe(self.link)
        if not infusion.same(wanted, held) or status.infused_ul or not status.motion.is_still:
            raise DeviceReset(
                f"not started: the pump no longer holds what was programmed but {held.target_ul:g} uL at "
                f"{held.rate_ul_per_min:g} uL/min, counter {status.infused_ul:g} uL; it was reset, or used by hand",
                port=self.link.url,
                command="irun",
            )

    def status(self) -> PumpStatus:
        self._check_ready()
        with self._forgetting_when_reset():
            look = self._looking.look()
            if self._lost_its_run(look):
                look = self._looking.look()  # one broken digit must not pass for it
                if self._lost_its_run(look):
                    raise self.link.reset_error("status")
        self._remember(look)
        return look.status

    def stop(self) -> PumpStatus:
        look = Stopping(self.link, self._looking).run()
        went_back = self._went_back(look)
        self._forget_run()
        return replace(look.status, alarm=PumpAlarm.RESET) if went_back else look.status

    def _lost_its_run(self, look: Look) -> bool:
        """R38: the pump does not report a loss of power; counters that began anew do."""
        if self._went_back(look):
            return True
        began = self._last is not None and self._last.status.motion is Motion.INFUSING
        stands = look.status.motion.is_still and not look.target_reached and look.status.alarm is None
        return self._running and began and stands and look.status.infused_ul == 0.0

    def _went_back(self, look: Look) -> bool:
        last = self._last
        return last is not None and (look.time_ms < last.time_ms or look.status.infused_ul < last.status.infused_ul)

    def _remember(self, look: Look) -> None:
        self._last = look
        if self._running and look.status.motion.is_still and look.status.infused_ul > 0.0:
            self._running = False

    @contextmanager
    def _forgetting_when_reset(self) -> Iterator[None]:
        """One loss of power is reported once: what was true before it is no measure for what comes after."""
        try:
            yield
        except DeviceReset:
            self._forget_run()
            raise

    def _forget_run(self) -> None:
        self._running, self._last, self._programmed = False, None, None

    def _believe_syringe(self, diameter_mm: float) -> None:
        self._looking = Looking(
            self.link, self._mechanics.rates_ul_per_min(diameter_mm)[1], self._mechanics.microstep_ul(diameter_mm)
        )

    def _check_ready(self) -> None:
        """R19, R37, R38: nothing is asked or set before the pump was identified and its reset reported."""
        if not self.link.identified:
            raise PortLost("connect first: this line was not opened, or was lost since", port=self.link.url)
        reset, self._reset = self._reset, None
        if reset is not None:
            self._forget_run()
            raise reset

    # --- the family has no watchdog (pumps.md 0) ---

    def arm_watchdog(self, timeout_s: int) -> bool:
        del timeout_s
        self._check_ready()
        return False

    def disarm_watchdog(self) -> None:
        """Do nothing: there is none."""
