"""A MethodSCRIPT potentiostat as a Potentiostat: who is there, start, read for hours, stop with the cell off.

Knows the order of things and what must be confirmed. Lines are the link's business, packages the stream's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from drivers.capabilities import AmperometrySettings, Identity, SampleBlock
from drivers.clock import NS_PER_S
from drivers.errors import (
    DeviceRefused,
    DriverError,
    GarbledReply,
    NotEncodable,
    PortLost,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.methodscript import script
from drivers.methodscript.family import ES4_LR, PICO, Family, family
from drivers.methodscript.link import LINES, ScriptLink
from drivers.methodscript.package import capability_bits
from drivers.methodscript.stream import SampleStream
from drivers.text import printable

INTERVAL_S = (0.01, 60.0)
"""Practical sampling intervals (2.9: 1 to 100 Hz; faster, the instrument's time could not show a lost package)."""
_BIPOT_BITS = (104, 105)
_GARBLED_MAX = 50  # lines in a row that are nothing known: the line is out of step for good
_STARTED_S = 2.0
_NAME = re.compile(rb"t([A-Za-z0-9_]{6})(\d*)#")


@dataclass
class MethodScriptPotentiostat:
    """Implements ``Potentiostat``. One thread at a time."""

    link: ScriptLink
    _family: Family | None = field(default=None, init=False)
    _has_bipot: bool = field(default=False, init=False)
    _stream: SampleStream | None = field(default=None, init=False)
    _epochs: int = field(default=0, init=False)
    _failure: DriverError | None = field(default=None, init=False)
    _waiting: list[SampleBlock] = field(default_factory=list, init=False)

    # --- Identified ---

    def connect(self) -> Identity:
        """See ``Identified``. A measurement that still runs, from an engine that died, is aborted: nobody could say
        who is there while it runs.
        """
        self._stream = None
        name = self._find()
        found = _NAME.match(name)
        self._family = family(found[1].decode()) if found else None
        if found is None or self._family is None:
            raise WrongInstrument(
                f"answers, but as {printable(name)!r}: no MethodSCRIPT potentiostat this program knows",
                port=self.link.url,
            )
        serial_number = self._ask_optional("i")[1:]
        capabilities = capability_bits(self._ask_optional("CM")) or 0
        self._has_bipot = all(capabilities >> bit & 1 for bit in _BIPOT_BITS)
        version = self._ask_optional("v")[1:]
        firmware = found[2].decode() + (f" (MethodSCRIPT {printable(version)})" if version else "")
        return Identity("methodscript", self._family.name, firmware, printable(serial_number))

    def _find(self) -> bytes:
        failure: DriverError | None = None
        for settings in LINES:
            self.link.open(settings)
            for synchronise_first in (False, True):
                try:
                    if synchronise_first:
                        self.link.synchronise()
                    name = self.link.ask("t")
                    self.link.lines(0.1)  # the second line of the answer
                except (ReplyTimeout, GarbledReply, DeviceRefused) as error:
                    failure = error if failure is None or error.partial else failure
                else:
                    return name
        self.link.close()
        if failure is not None and failure.partial:
            raise WrongInstrument(
                "something answers on this port, but no MethodSCRIPT potentiostat",
                port=self.link.url,
                partial=failure.partial,
            )
        raise ReplyTimeout("no potentiostat answers; is it connected and on?", port=self.link.url, command="t")

    def _ask_optional(self, command: str) -> bytes:
        try:
            return self.link.ask(command)
        except DeviceRefused:  # older firmware does not know every question
            return b""

    def close(self) -> None:
        self._stream = None
        self.link.close()

    # --- measuring ---

    def checked(self, settings: AmperometrySettings) -> AmperometrySettings:
        """See ``Potentiostat``. Before ``connect`` the usual instrument is assumed [A]: EmStat4 LR, or EmStat Pico when
        a second electrode is asked for; afterwards it is the one that answered.
        """
        second = any(electrode.electrode == "we2" for electrode in settings.electrodes)
        kind = self._family or (PICO if second else ES4_LR)
        if self._family is not None and second and not self._has_bipot:
            raise NotEncodable(f"this {kind.name} cannot run a second working electrode")
        kind.check_potential(settings.potential_v)
        if not INTERVAL_S[0] <= settings.interval_s <= INTERVAL_S[1]:
            raise NotEncodable(
                f"interval {settings.interval_s:g} s is outside {INTERVAL_S[0]:g} to {INTERVAL_S[1]:g} s"
            )
        electrodes = tuple(
            replace(electrode, range_a=kind.range_for(electrode.range_a)) for electrode in settings.electrodes
        )
        used = replace(settings, electrodes=electrodes)
        script.amperometry(used)
        return used

    def start(self, settings: AmperometrySettings) -> AmperometrySettings:
        if self._family is None or not self.link.is_open:
            raise PortLost("connect first: this line was not opened, or was lost since", port=self.link.url)
        used = self.checked(settings)
        if self._stream is not None:
            self.stop()
        self._epochs += 1
        stream = SampleStream(self.link.options.instrument, used, self._epochs)
        self._waiting, self._failure = [], None
        lines = self.link.begin(script.amperometry(used))
        self._stream = stream
        deadline_ns = self.link.clock.now_ns() + round(_STARTED_S * NS_PER_S)
        while True:
            started = any(line[:1] == b"M" for line in lines)
            self._take(lines)
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            if started:
                return used
            if self.link.clock.now_ns() >= deadline_ns:
                self.stop()
                raise ReplyTimeout(
                    "the measurement did not begin; the cell is off again", port=self.link.url, command="e"
                )
            lines = self.link.lines(0.1)

    def read(self, timeout_s: float) -> list[SampleBlock]:
        deadline_ns = self.link.clock.now_ns() + round(timeout_s * NS_PER_S)
        while not self._waiting:
            if self._failure is not None:  # told only after the last samples before it were handed out
                failure, self._failure = self._failure, None
                raise failure
            left_s = (deadline_ns - self.link.clock.now_ns()) / NS_PER_S
            self._take(self.link.lines(max(left_s, 0.0)))
            if left_s <= 0.0:
                break
        blocks, self._waiting = self._waiting, []
        return blocks

    def _take(self, lines: list[bytes]) -> None:
        stream = self._running()
        self._waiting += stream.feed(lines, self.link.clock.now_ns())
        self._epochs = stream.epoch
        if stream.error is not None or stream.ended:
            self._stream = None
            self._failure = self._after_end(stream)
        elif stream.garbled_in_a_row > _GARBLED_MAX:
            self._failure = GarbledReply(
                "what comes is not data any more", port=self.link.url, partial=lines[-1] if lines else b""
            )

    def _after_end(self, stream: SampleStream) -> DriverError:
        """Switch the cell off: after a run-time error the instrument does not execute on_finished (2.5)."""
        why = str(stream.error) if stream.error is not None else "the instrument ended the measurement by itself"
        try:
            self.link.cell_off()
        except DriverError as error:
            return DeviceRefused(f"{why}; THE CELL MAY STILL BE ON ({error})", port=self.link.url)
        return DeviceRefused(f"{why}; the cell is off", port=self.link.url)

    def _running(self) -> SampleStream:
        if self._stream is None:
            raise DeviceRefused("no measurement runs; start one", port=self.link.url)
        return self._stream

    def stop(self) -> None:
        self._stream = None
        if self.link.is_open:
            self.link.synchronise()
        else:
            self._synchronise_unknown()
        self.link.cell_off()

    def _synchronise_unknown(self) -> None:
        """Open the line and abort what runs, at whichever baud rate the instrument hears."""
        for last, settings in zip((False, True), LINES, strict=True):
            self.link.open(settings)
            try:
                self.link.synchronise()
            except ReplyTimeout:
                if last:
                    raise
            else:
                return
