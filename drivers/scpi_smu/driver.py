"""A source-measure unit as a Potentiostat: who is there, start, ask for one reading per interval, stop with it off.

Knows the order of things, what must be confirmed, and what to do when an answer does not come. Bytes are the link's
business, the grid of samples the poller's, single settings the recipe's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from drivers.capabilities import AmperometrySettings, Identity, OptionValue, SampleBlock
from drivers.clock import NS_PER_S
from drivers.errors import (
    DeviceRefused,
    DeviceReset,
    DriverError,
    ExchangeError,
    GarbledReply,
    NotEncodable,
    PortError,
    PortLost,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.scpi_smu.codec import decode_identity, decode_number, number
from drivers.scpi_smu.family import MODELS, POTENTIAL_MAX_V, UNKNOWN, Model
from drivers.scpi_smu.link import SmuLink
from drivers.scpi_smu.output import is_on, make_safe, switch_on
from drivers.scpi_smu.poll import Poller, Verdict
from drivers.scpi_smu.recipe import RESET, recipe
from drivers.scpi_smu.timing import ASK, timing
from drivers.text import printable

_PATIENCE_S: Final = 0.5
"""How much longer than it should take an answer is waited for."""
_LOST_MAX: Final = 5
"""Questions in a row without an answer of use: the instrument does not measure any more."""


@dataclass
class SmuPotentiostat:
    """Implements ``Potentiostat``, ``Polled`` and ``Described``. One thread at a time."""

    link: SmuLink
    _model: Model | None = field(default=None, init=False)
    _poller: Poller | None = field(default=None, init=False)
    _epochs: int = field(default=0, init=False)
    _lost_in_a_row: int = field(default=0, init=False)
    _failure: DriverError | None = field(default=None, init=False)
    _facts: dict[str, OptionValue] = field(default_factory=dict, init=False)

    # --- Identified ---

    def connect(self) -> Identity:
        """See ``Identified``. The output stays as it is; a reading that is under way is waited for."""
        self._poller, self._model = None, None
        self.link.open()
        try:
            model, serial_number, firmware = self._ask_who()
        except PortError:
            raise
        except DriverError as error:
            self.link.close()
            if error.partial or not isinstance(error, ReplyTimeout):
                raise WrongInstrument(
                    "something answers on this port, but no Keithley source-measure unit; do baud rate, parity and "
                    "terminator agree with the instrument's?",
                    port=self.link.url,
                    partial=error.partial,
                ) from error
            raise ReplyTimeout(
                "no source-measure unit answers; is it on, set to RS-232, and at this baud rate?",
                port=self.link.url,
                command="*IDN?",
            ) from error
        if model not in MODELS:
            self.link.close()
            raise WrongInstrument(
                f"a Keithley {printable(model)!r}: no model that this program knows", port=self.link.url
            )
        self._model = MODELS[model]
        return Identity("scpi-smu", self._model.name, printable(firmware), printable(serial_number))

    def _ask_who(self) -> tuple[str, str, str]:
        """Ask up to three times, without a device clear in between: it is not known who is there."""
        for last in (False, False, True):
            try:
                return self.link.ask("*IDN?", decode_identity, tries=1)
            except ExchangeError:
                if last:
                    raise
                self.link.forget()
        raise AssertionError("each try returns or fails")

    def close(self) -> None:
        self._poller = None
        self.link.close()

    # --- measuring ---

    def checked(self, settings: AmperometrySettings) -> AmperometrySettings:
        """See ``Potentiostat``. Before ``connect`` any range of any model passes; afterwards those of this one."""
        if len(settings.electrodes) != 1 or settings.electrodes[0].electrode != "we1":
            raise NotEncodable("a source-measure unit has one working electrode, we1")
        if not abs(settings.potential_v) <= POTENTIAL_MAX_V:
            raise NotEncodable(f"{settings.potential_v!r} V is beyond the {POTENTIAL_MAX_V:g} V that are safe to touch")
        model = self._model or UNKNOWN
        number(settings.potential_v)
        model.volt_range_for(settings.potential_v)
        if not math.isfinite(settings.interval_s):
            raise NotEncodable(f"{settings.interval_s!r} s is no interval")
        timing(settings.interval_s, self.link.smu, model)
        electrode = settings.electrodes[0]
        return replace(settings, electrodes=(replace(electrode, range_a=model.range_for(electrode.range_a)),))

    def start(self, settings: AmperometrySettings) -> AmperometrySettings:
        model = self._model
        if model is None or not self.link.is_open:
            raise PortLost("connect first: this line was not opened, or was lost since", port=self.link.url)
        used = self.checked(settings)
        self._poller, self._failure, self._lost_in_a_row = None, None, 0
        pace = timing(used.interval_s, self.link.smu, model)
        try:
            make_safe(self.link)
            self._prepare(model, used)
            switch_on(self.link)
            self._refuse_errors(":OUTP ON")
        except PortError:
            raise
        except DriverError:
            make_safe(self.link)  # under potential and not recorded: neither measured nor off
            raise
        self._epochs += 1
        self._poller = Poller(self.link.options.instrument, used, self._epochs, model, pace)
        self._facts = self._described(model, used)
        return used

    def _prepare(self, model: Model, used: AmperometrySettings) -> None:
        self.link.say(RESET)
        self.link.errors()  # old ones are none of ours
        pace = timing(used.interval_s, self.link.smu, model)
        for setting in recipe(model, used, pace, autozero=self.link.smu.autozero):
            self.link.say(setting.command)
            told = self.link.text(setting.query)
            if not setting.is_right(told):
                errors = "; ".join(self.link.errors()) or "it reports no error"
                raise ReadbackMismatch(
                    f"after {setting.command!r} it tells {printable(told)!r} ({errors})",
                    port=self.link.url,
                    command=setting.query,
                )
        self._refuse_errors("settings")

    def _refuse_errors(self, what: str) -> None:
        errors = self.link.errors()
        if errors:
            raise DeviceRefused(f"the instrument reports {'; '.join(errors)}", port=self.link.url, command=what)

    def next_read_ns(self) -> int:
        now_ns = self.link.clock.now_ns()
        return now_ns + NS_PER_S // 10 if self._poller is None else self._poller.next_ns(now_ns)

    def read(self, timeout_s: float) -> list[SampleBlock]:
        clock = self.link.clock
        deadline_ns = clock.now_ns() + round(timeout_s * NS_PER_S)
        blocks: list[SampleBlock] = []
        wait_s = 0.0
        while True:
            if self._failure is not None:
                failure, self._failure, self._poller = self._failure, None, None
                raise failure
            poller = self._running()
            blocks += self._collect(poller, wait_s)
            now_ns = clock.now_ns()
            if self._failure is None and poller.ask_now(now_ns):
                self.link.post(ASK)
            left_ns = deadline_ns - now_ns
            if blocks or (left_ns <= 0 and self._failure is None):
                return blocks
            wait_s = max(min(left_ns, poller.next_ns(now_ns) - now_ns), 0) / NS_PER_S

    def _collect(self, poller: Poller, wait_s: float) -> list[SampleBlock]:
        """Take what has come. A question that stays without an answer of use leaves a gap; get into step again then."""
        lines = self.link.lines(wait_s)
        asked = poller.asked
        if asked is None:
            return []  # nothing was asked: whatever came is no answer
        now_ns = self.link.clock.now_ns()
        verdicts = [poller.take(line, now_ns) for line in lines]
        blocks = [block for _verdict, block in verdicts if block is not None]
        if blocks and all(verdict is not Verdict.BROKEN for verdict, _block in verdicts):
            self._lost_in_a_row = 0
            return blocks
        overdue_ns = asked.asked_ns + round((2 * poller.timing.cycle_s + _PATIENCE_S) * NS_PER_S)
        if any(verdict is Verdict.BROKEN for verdict, _block in verdicts) or now_ns > overdue_ns:
            poller.asked = None
            self._recover(poller)
        return []

    def _recover(self, poller: Poller) -> None:
        """After a lost answer: device clear, and see that the potential is still applied."""
        self._lost_in_a_row += 1
        try:
            self.link.clear()
            if not is_on(self.link):
                self._failure = DeviceReset(
                    "its output is off: it lost its power, or somebody switched it off", port=self.link.url
                )
                return
            held_v = self.link.ask_twice(":SOUR:VOLT?", decode_number)
        except PortError:
            raise
        except DriverError as error:
            self._failure = ReplyTimeout(
                f"it does not answer any more ({error}); THE ELECTRODES MAY BE OFF, OR STILL UNDER POTENTIAL",
                port=self.link.url,
                command=ASK,
            )
            return
        if not abs(held_v - poller.settings.potential_v) <= poller.model.volt_within_v(poller.settings.potential_v):
            self._failure = ReadbackMismatch(f"somebody has set the potential to {held_v:g} V", port=self.link.url)
        elif self._lost_in_a_row >= _LOST_MAX:
            self._failure = GarbledReply(
                f"{_LOST_MAX} readings in a row did not arrive whole", port=self.link.url, command=ASK
            )

    def _running(self) -> Poller:
        if self._poller is None:
            raise DeviceRefused("no measurement runs; start one", port=self.link.url)
        return self._poller

    def facts(self) -> Mapping[str, OptionValue]:
        return dict(self._facts)

    def _described(self, model: Model, used: AmperometrySettings) -> dict[str, OptionValue]:
        smu = self.link.smu
        pace = timing(used.interval_s, smu, model)
        facts: dict[str, OptionValue] = {
            "current_sign": 1,
            "integration_s": pace.integration_s,
            "integration_mains_periods": pace.nplc,
            "mains_hz": smu.mains_hz,
            "autozero": smu.autozero if model.is_source_meter else "as after *RST",
            "sample_time": "when asked, plus filter_delay_s",
            "filter_delay_s": pace.delay_s,
            "filter_delay_uncertainty_s": pace.conversion_s / 2,
        }
        if model.is_source_meter:
            facts["current_limit_a"] = used.electrodes[0].range_a
        return facts

    def stop(self) -> None:
        self._poller = None
        self._failure = None
        if not self.link.is_open:
            self.link.open()
        make_safe(self.link)
