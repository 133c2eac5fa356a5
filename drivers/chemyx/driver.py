"""A Chemyx Fusion as a SyringePump (pumps.md c): what to say in which order, and what to believe.

Knows what makes up one infusion with a target in the pump, what must be compared, and what the status digits mean.
Bytes and repetitions are the link's business; doses and animals are nobody's here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.capabilities import Identity, Motion, PumpProgram, PumpStatus
from drivers.chemyx import codec
from drivers.chemyx.infusion import check_view, write
from drivers.chemyx.link import ChemyxLink
from drivers.chemyx.lookout import Lookout
from drivers.chemyx.settings import CAUTION
from drivers.errors import (
    DeviceRefused,
    DriverError,
    GarbledReply,
    NotEncodable,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.run_account import RunAccount
from drivers.stopping import REPLY_S, Stopping


@dataclass
class ChemyxPump:
    """Implements ``SyringePump``. One thread at a time, except that ``stop`` may overtake by the abort check."""

    link: ChemyxLink
    _out: Lookout = field(init=False)
    _written: codec.Written | None = field(default=None, init=False)
    _told: dict[str, tuple[float, float]] = field(default_factory=dict, init=False)
    """Per diameter text: lowest and highest rate as the pump told, uL/min."""

    def __post_init__(self) -> None:
        self._out = Lookout(self.link)

    @property
    def foreign_count(self) -> int:
        """Return how often something came on this line that answered nothing (R39)."""
        return self.link.foreign_count

    def cautions(self) -> tuple[str, ...]:
        return (CAUTION,)

    # --- Identified ---

    def connect(self) -> Identity:
        self._check_address()
        self.link.identified, self.link.echo = False, None
        self._out.view = self._find()
        self.link.digit()  # which of its two names the pump knows
        self.link.identified = True
        return Identity("chemyx", "", "")  # it has no question for model, firmware or serial number

    def _find(self) -> codec.View:
        """Return the settings of the pump, at whichever baud rate its menu was set to."""
        failure: DriverError | None = None
        for _line in self.link.lines:
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
        rates = ", ".join(str(line.baud) for line in self.link.lines)
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
        self._check_address()
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

    def _check_address(self) -> None:
        if self.link.options.address != 0:
            raise NotEncodable(
                "this pump has no address, leave it out; of a pump with two channels name the channel",
                port=self.link.url,
            )

    # --- one infusion ---

    def program(self, program: PumpProgram) -> PumpProgram:
        held = self.quantised(program)
        self.link.check_identified()
        self._bring_to_start()
        self._written = None
        written = codec.write(program)
        write(self.link, written, lambda limits: self._note_limits(written, limits))
        self._out.view = check_view(self.link, written)
        self._out.watch.account = RunAccount.written(
            held.rate_ul_per_min, held.target_ul, self._out.watch.resting_counter()
        )
        self._written = written
        return held

    def _bring_to_start(self) -> None:
        """Leave a pause, out of which start would resume the old run [M]. Raises DeviceRefused, DeviceReset."""
        motion = self._out.look().motion
        if motion is Motion.PAUSED:
            self._out.account.open = False  # ended by us
            self.link.action("stop", codec.parse_stopped)
            motion = self._out.look().motion
        if motion is not Motion.STOPPED:
            raise DeviceRefused(f"the pump is not stopped but {motion.value}; stop it first", port=self.link.url)

    def _note_limits(self, written: codec.Written, limits: codec.Limits) -> None:
        scale = codec.UL_PER_MIN_PER_RATE[written.units]
        lowest = max(limits.min_rate * scale, codec.LOWEST_UL_PER_MIN)
        self._told[written.diameter] = (lowest, min(limits.max_rate * scale, codec.HIGHEST_UL_PER_MIN))

    def read_back(self) -> PumpProgram:
        self.link.check_identified()
        if self._written is not None:
            self._out.view = check_view(self.link, self._written)
            return self._written.held()
        self._out.view = view = self.link.ask("view parameter", codec.parse_view).value
        if view.diameter is None or view.rate is None or view.volume is None:
            raise GarbledReply("the pump holds no single infusion", port=self.link.url, command="view parameter")
        return PumpProgram(
            diameter_mm=view.diameter.value,
            rate_ul_per_min=view.rate.value * codec.UL_PER_MIN_PER_RATE[view.units],
            target_ul=view.volume.value * codec.UL_PER_VOLUME[view.units],
        )

    def start(self) -> PumpStatus:
        self.link.check_identified()
        if self._written is None:
            raise DeviceRefused("nothing was programmed since the last start or stop", port=self.link.url)
        if self._out.look().motion is not Motion.STOPPED:  # out of a pause, start would resume something else
            raise DeviceRefused("the pump is not stopped; stop it first", port=self.link.url)
        self._out.view = check_view(self.link, self._written)  # independent of the echoes: what does it really hold?
        self.link.get_in_step()
        self._written = None  # whatever happens: no second start of the same writing (R36)
        self._out.account.start(self.link.clock.now_ns())
        try:
            runs = self.link.once("start", codec.parse_started)  # once; a lost answer is for the caller to find out
        except DeviceRefused:
            self._out.account.open = False
            raise
        status = self._out.look()
        if not runs or status.motion is Motion.WAITING or self._stands_at_once(status):
            self.stop()
            raise DeviceRefused(
                f"after start the pump was {status.motion.value}, not infusing", port=self.link.url, command="start"
            )
        return status

    def _stands_at_once(self, status: PumpStatus) -> bool:
        if status.alarm is not None or status.motion is Motion.INFUSING:
            return False
        return status.infused_ul < self._out.account.target_ul - status.counter_step_ul

    def status(self) -> PumpStatus:
        self.link.check_identified()
        return self._out.look()

    def stop(self) -> PumpStatus:
        self._written = None
        return Stopping(self.link, self._send_stop, self._out.stopped_look, self.link.try_otherwise).run()

    def _send_stop(self) -> None:
        self.link.once("stop", codec.parse_stopped, timeout_s=REPLY_S, urgent=True)

    # --- no watchdog: the pump runs to its volume after the host has died ---

    def arm_watchdog(self, timeout_s: int) -> bool:
        del timeout_s
        self.link.check_identified()
        return False

    def disarm_watchdog(self) -> None:
        """Nothing to do: it has none."""
