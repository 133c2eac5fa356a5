"""A Rodeostat as a Potentiostat: who is there, start, read for weeks, stop with the electrodes off.

Knows the order of things and what must be confirmed. Lines are the link's business, samples the stream's, the
electrodes' switches have a module of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from drivers.capabilities import AmperometrySettings, Identity, OptionValue, SampleBlock
from drivers.clock import NS_PER_S
from drivers.errors import (
    DeviceRefused,
    DriverError,
    GarbledReply,
    NotEncodable,
    PortError,
    PortLost,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.rodeostat import family
from drivers.rodeostat.electrodes import make_safe, polarise, stop_test
from drivers.rodeostat.family import UNKNOWN, Variant, parse_variant
from drivers.rodeostat.link import RodeostatLink
from drivers.rodeostat.stream import SampleStream
from drivers.text import printable

TEST = "constant"
_OF_A_SAMPLE = b'"t":'
_GARBLED_MAX = 50  # lines in a row that are nothing known: the line is out of step for good
_SILENT_S = 1.0  # beside three intervals: by then a running test would have said something
_ENDED_S = 0.2  # the same, after something that looked like the end of a test


@dataclass
class RodeostatPotentiostat:
    """Implements ``Potentiostat`` and ``Described``. One thread at a time."""

    link: RodeostatLink
    sign: int = 1
    """What the printed current is multiplied by: see ``family.SIGNS``."""
    _variant: Variant | None = field(default=None, init=False)
    _stream: SampleStream | None = field(default=None, init=False)
    _epochs: int = field(default=0, init=False)
    _failure: DriverError | None = field(default=None, init=False)
    _waiting: list[SampleBlock] = field(default_factory=list, init=False)

    # --- Identified ---

    def connect(self) -> Identity:
        """See ``Identified``. A test that still runs, from an engine that died, runs on unless it makes the instrument
        deaf: nobody could say who is there then.
        """
        self._stream = None
        self._variant = None
        self.link.open()
        text = self._ask_who()
        found = parse_variant(text)
        if found is None:
            raise WrongInstrument(
                f"answers as {printable(text)!r}: no Rodeostat this program knows", port=self.link.url
            )
        version = printable(self.link.get("getVersion", "version", str))
        hardware = self._hardware(found[1])
        self._variant = found[0]
        printed = "as printed" if self.sign > 0 else "negated"
        notes = f"for hardware {hardware}; current {printed}"
        return Identity("rodeostat", self._variant.name, f"{version} ({notes})", self._device_id())

    def _ask_who(self) -> str:
        """Ask for the variant; where samples come and no answer, stop the test and ask again. No other port hears that
        stop: what is on it may be anything.
        """
        try:
            try:
                return self.link.get("getVariant", "variant", str)
            except (ReplyTimeout, GarbledReply) as error:
                if _OF_A_SAMPLE not in error.partial:
                    raise
            stop_test(self.link)
            return self.link.get("getVariant", "variant", str)
        except PortError:
            raise
        except DriverError as error:
            self.link.close()
            if error.partial or not isinstance(error, ReplyTimeout):
                raise WrongInstrument(
                    "something answers on this port, but no Rodeostat", port=self.link.url, partial=error.partial
                ) from error
            raise ReplyTimeout(
                "no Rodeostat answers; is it connected?", port=self.link.url, command="getVariant"
            ) from error

    def _hardware(self, by_variant: str) -> str:
        """Return "0.1" or "0.2": only 0.2 has the question. Raises WrongInstrument for another."""
        reply = self.link.ask_optional("getHardwareVersion")
        told = self.link.value_of(reply, "version", str).lstrip("HVW") if reply is not None else "0.1"
        if told not in family.HARDWARE or by_variant not in ("", told):
            raise WrongInstrument(
                f"hardware {printable(told)!r}, variant of hardware {printable(by_variant)!r}: none this program knows",
                port=self.link.url,
            )
        return told

    def _device_id(self) -> str:
        reply = self.link.ask_optional("getDeviceId")
        return "" if reply is None else printable(str(reply.values.get("deviceId", "")))

    def close(self) -> None:
        self._stream = None
        self.link.close()

    # --- measuring ---

    def checked(self, settings: AmperometrySettings) -> AmperometrySettings:
        """See ``Potentiostat``. Before ``connect`` any range of any variant passes; afterwards those of this one."""
        if len(settings.electrodes) != 1 or settings.electrodes[0].electrode != "we1":
            raise NotEncodable("a Rodeostat has one working electrode, we1")
        potential_v = round(settings.potential_v, 6)
        if not math.isfinite(potential_v) or abs(settings.potential_v - potential_v) > 1e-9:
            raise NotEncodable(f"{settings.potential_v!r} V is not a whole number of microvolts")
        variant = self._variant or UNKNOWN
        variant.volt_range(potential_v)
        period_ms = settings.interval_s * 1000
        lowest, highest = family.PERIOD_MS
        if not lowest <= period_ms <= highest or abs(period_ms - round(period_ms)) > 1e-6:
            raise NotEncodable(
                f"interval {settings.interval_s:g} s: a Rodeostat samples every {lowest} to {highest} whole ms"
            )
        electrode = settings.electrodes[0]
        _name, range_a = variant.range_for(electrode.range_a)
        return replace(
            settings,
            potential_v=potential_v,
            interval_s=round(period_ms) / 1000,
            electrodes=(replace(electrode, range_a=range_a),),
        )

    def start(self, settings: AmperometrySettings) -> AmperometrySettings:
        if self._variant is None or not self.link.is_open:
            raise PortLost("connect first: this line was not opened, or was lost since", port=self.link.url)
        used = self.checked(settings)
        self._stream, self._waiting, self._failure = None, [], None
        try:
            self._prepare(used, self._variant)
            self._run(used, self._variant.volt_step(used.potential_v))
        except PortError:
            raise
        except DriverError:
            make_safe(self.link)  # under potential and not recorded: neither measured nor off
            raise
        return used

    def _prepare(self, used: AmperometrySettings, variant: Variant) -> None:
        stop_test(self.link)
        mux = self.link.ask_optional("getMuxEnabled")
        if mux is not None and self.link.value_of(mux, "muxEnabled", bool):
            raise DeviceRefused("its multiplexer is on: switch it off, it would mix electrodes", port=self.link.url)
        self.link.set("CurrRange", "currRange", variant.range_for(used.electrodes[0].range_a)[0])
        self.link.set("SamplePeriod", "samplePeriod", round(used.interval_s * 1000))
        self._write_test(used.potential_v)
        polarise(self.link, variant, used.potential_v)

    def _write_test(self, potential_v: float) -> None:
        """Write the test: one potential from its first moment to its last, the longest there is. Read it back."""
        wanted = {"quietValue": potential_v, "quietTime": 0, "value": potential_v, "duration": family.DURATION_MS}
        self.link.ask("setParam", test=TEST, param=wanted)
        held = self.link.value_of(self.link.ask("getParam", test=TEST), "param", dict)
        for key, value in wanted.items():
            told = held.get(key)
            if not isinstance(told, int | float) or not abs(told - value) <= 1e-6:
                raise ReadbackMismatch(f"{key} reads back as {told!r} instead of {value!r}", port=self.link.url)

    def _run(self, used: AmperometrySettings, volt_within_v: float) -> None:
        lines = self.link.begin("runTest", test=TEST)
        self._epochs += 1
        now_ns = self.link.clock.now_ns()
        name = self.link.options.instrument
        self._stream = SampleStream(name, used, self._epochs, self.sign, volt_within_v, now_ns, family.DURATION_MS)
        self._take(lines)

    def read(self, timeout_s: float) -> list[SampleBlock]:
        deadline_ns = self.link.clock.now_ns() + round(timeout_s * NS_PER_S)
        while not self._waiting:
            if self._failure is not None:  # told only after the last samples before it were handed out
                failure, self._failure = self._failure, None
                raise failure
            left_s = (deadline_ns - self.link.clock.now_ns()) / NS_PER_S
            self._running()
            self._take(self.link.lines(max(left_s, 0.0)))
            if left_s <= 0.0:
                break
        blocks, self._waiting = self._waiting, []
        return blocks

    def _take(self, lines: list[bytes]) -> None:
        stream = self._running()
        now_ns = self.link.clock.now_ns()
        self._waiting += stream.feed(lines, now_ns)
        if stream.is_complete:
            self._run_again(stream)
        elif stream.garbled_in_a_row > _GARBLED_MAX:
            self._failure = GarbledReply(
                "what comes is not data of this measurement any more", port=self.link.url, partial=lines[-1]
            )
        elif now_ns - stream.heard_ns > self._patience_ns(stream):
            self._stream = None
            why = "it ended its test before time" if stream.ended else "it fell silent"
            self._failure = ReplyTimeout(
                f"{why}: it may have lost its power; THE ELECTRODES MAY BE OFF, OR STILL UNDER POTENTIAL",
                port=self.link.url,
            )

    def _patience_ns(self, stream: SampleStream) -> int:
        pause_s = _ENDED_S if stream.ended else _SILENT_S
        return round((pause_s + 3 * stream.settings.interval_s) * NS_PER_S)

    def _run_again(self, ended: SampleStream) -> None:
        """Run the same test again as a new epoch. Hardware 0.2 keeps its electrodes connected meanwhile."""
        try:
            self._run(ended.settings, ended.volt_within_v)
        except DriverError as error:
            self._stream = None
            self._failure = error

    def _running(self) -> SampleStream:
        if self._stream is None:
            raise DeviceRefused("no measurement runs; start one", port=self.link.url)
        return self._stream

    def facts(self) -> Mapping[str, OptionValue]:
        """See ``Described``. Mains hum is not removed: it is beyond the reach of a low-pass of 200 Hz."""
        return {
            "current_sign": self.sign,
            "low_pass_hz": family.LOW_PASS_HZ,
            "low_pass_order": family.LOW_PASS_ORDER,
            "filter_delay_s": family.LOW_PASS_ORDER / (2 * math.pi * family.LOW_PASS_HZ),
        }

    def stop(self) -> None:
        self._stream = None
        self._failure = None
        if not self.link.is_open:
            self.link.open()
        make_safe(self.link)
