"""A MethodSCRIPT potentiostat as a Potentiostat: who is there, start, read for hours, stop with the cell off.

Knows the order of things and what must be confirmed. Lines are the link's business, packages the stream's, questions
about identity a module of their own. An instrument with several ports has one of these per port.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from drivers.capabilities import AmperometrySettings, Identity, SampleBlock
from drivers.clock import NS_PER_S
from drivers.errors import (
    DeviceRefused,
    DeviceReset,
    DriverError,
    GarbledReply,
    NotEncodable,
    PortError,
    PortLost,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.methodscript import script
from drivers.methodscript.family import ES4_LR, PICO, Family, family_called
from drivers.methodscript.features import Features
from drivers.methodscript.link import ScriptLink
from drivers.methodscript.stream import SampleStream
from drivers.methodscript.who import Who, find
from drivers.text import printable

INTERVAL_S = (0.01, 60.0)
"""Practical sampling intervals (2.9: 1 to 100 Hz; faster, the instrument's time could not show a lost package)."""
_GARBLED_MAX = 50  # lines in a row that are nothing known: the line is out of step for good
_STARTED_S = 2.0
_SILENT_S = 1.0  # beside three intervals: then it is asked whether it still measures
_ASK_AGAIN_S = 2.0
_RESUME_S = 0.6
_LOOKS_MAX = 1000  # at one read: 4 MB, hours of samples
_UNKNOWN_COMMAND = re.compile(r"error 4001.*Line (\d+)")


@dataclass
class MethodScriptPotentiostat:
    """Implements ``Potentiostat``. One thread at a time."""

    link: ScriptLink
    who: Who | None = field(default=None, init=False)
    """Who answered ``connect``."""
    _stream: SampleStream | None = field(default=None, init=False)
    _epochs: int = field(default=0, init=False)
    _failure: DriverError | None = field(default=None, init=False)
    _waiting: list[SampleBlock] = field(default_factory=list, init=False)
    _held: list[SampleBlock] = field(default_factory=list, init=False)
    """Samples of a turn that has not yet proven to measure what was asked."""
    _asked_ns: int = field(default=0, init=False)

    # --- Identified ---

    def connect(self) -> Identity:
        """See ``Identified``. A measurement that still runs, from an engine that died, is aborted: nobody could say
        who is there while it runs.
        """
        self._stream = None
        self.who = None
        self.who = find(self.link)
        return Identity("methodscript", self.who.family.name, self.who.firmware, self.who.serial_number)

    def close(self) -> None:
        self._stream = None
        self.link.close()

    # --- measuring ---

    def checked(self, settings: AmperometrySettings) -> AmperometrySettings:
        """See ``Potentiostat``. Before ``connect`` the model of the rig is assumed, without one the usual one [A]:
        EmStat4 LR, or EmStat Pico when a second electrode is asked for; afterwards it is the one that answered.
        """
        wanted = {electrode.electrode for electrode in settings.electrodes}
        if wanted - {"we1", "we2"}:
            raise NotEncodable(
                "an instrument with one port has the electrodes we1 and we2; ch1, ch2, ... are of one with more"
            )
        kind = self._kind(second="we2" in wanted)
        has = self.who.features if self.who else Features("bipot" if kind.has_second_electrode else "none")
        if has.missing:
            raise NotEncodable(f"this {kind.name} says that it lacks {', '.join(has.missing)}")
        if "we2" in wanted and has.second == "none":
            raise NotEncodable(f"this {kind.name} cannot run a second working electrode")
        kind.check_potential(settings.potential_v)
        if not INTERVAL_S[0] <= settings.interval_s <= INTERVAL_S[1]:
            raise NotEncodable(
                f"interval {settings.interval_s:g} s is outside {INTERVAL_S[0]:g} to {INTERVAL_S[1]:g} s"
            )
        electrodes = tuple(
            replace(electrode, range_a=kind.range_for(electrode.range_a).usable_a) for electrode in settings.electrodes
        )
        used = replace(settings, electrodes=electrodes)
        script.amperometry(used, kind, has)
        return used

    def _kind(self, *, second: bool) -> Family:
        if self.who is not None:
            return self.who.family
        return family_called(self.link.options.model) or (PICO if second else ES4_LR)

    def start(self, settings: AmperometrySettings, *, synchronised: bool = False) -> AmperometrySettings:
        """See ``Potentiostat``. ``synchronised``: of several channels of one instrument; begins when channel 1 does,
        so all but that one return before it is known whether they measure.
        """
        who = self.who
        if who is None or not self.link.is_open:
            raise PortLost("connect first: this line was not opened, or was lost since", port=self.link.url)
        used = self.checked(settings)
        if self._stream is not None:
            self.stop()
        self._epochs += 1
        self._waiting, self._held, self._failure = [], [], None
        lines = self._loaded(used, who, synchronised=synchronised)
        ranges = (None, None, *(who.family.range_for(electrode.range_a) for electrode in used.electrodes))
        name, kinds = self.link.options.instrument, script.kinds(used, who.features)
        self._stream = SampleStream(name, used, self._epochs, kinds, ranges, waits=synchronised)
        self._stream.heard_ns = self._asked_ns = self.link.clock.now_ns()
        if synchronised and who.channel != 1:
            self._take(lines)
        else:
            self.await_begin(lines)
        return used

    def resume(self, settings: AmperometrySettings) -> None:
        """Start again what failed, as a part of an instrument whose other channels measure: in bounded time, on the
        line opened anew if it was lost, and only on the same channel as before. Raises DriverError.
        """
        who, line = self.who, self.link.last_settings
        if who is None or line is None:
            raise PortLost("connect first", port=self.link.url)
        self._stream = None
        if not self.link.is_open:
            self.link.open(line)
        self.link.synchronise(tries=1, within_s=_RESUME_S)
        serial_number = printable(self.link.ask("i")[1:])
        if serial_number != who.serial_number:
            self.link.close()
            raise WrongInstrument(f"{serial_number} answers in place of {who.serial_number}", port=self.link.url)
        self.start(settings)

    def _loaded(self, used: AmperometrySettings, who: Who, *, synchronised: bool) -> list[bytes]:
        """Load and run the script; where it is not known whether it runs, switch the cell off: it might be under
        potential and not recorded.
        """
        try:
            return self._load(used, who, synchronised=synchronised)
        except PortError:
            raise
        except DriverError as error:
            try:
                self.stop()
            except DriverError as unsafe:
                error.message += f"; THE CELL MAY STILL BE ON ({unsafe})"
                raise error from unsafe
            raise

    def _load(self, used: AmperometrySettings, who: Who, *, synchronised: bool) -> list[bytes]:
        """Load and run the script. An instrument that does not know the outer loop is given the form without: a script
        that is refused was not begun (2.5).
        """
        text = script.amperometry(used, who.family, who.features, synchronised=synchronised)
        try:
            return self.link.begin(text)
        except DeviceRefused as error:
            place = _UNKNOWN_COMMAND.search(str(error))
            if place is None or not text.split("\n")[int(place[1])].startswith(script.LOOP_COMMANDS):
                raise
        self.who = who = replace(who, features=replace(who.features, looped=False))
        return self.link.begin(script.amperometry(used, who.family, who.features, synchronised=synchronised))

    def await_begin(self, lines: list[bytes]) -> None:
        """Wait until the measuring loop has begun. Raises ReplyTimeout, or what went wrong, with the cell off."""
        deadline_ns = self.link.clock.now_ns() + round(_STARTED_S * NS_PER_S)
        while True:
            started = any(line[:1] == b"M" for line in lines)
            self._take(lines)
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            if started or self._running().in_loop:
                return
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
            self._take_the_rest()
            if left_s <= 0.0:
                break
        blocks, self._waiting = self._waiting, []
        return blocks

    def _take_the_rest(self) -> None:
        """Take what has arrived beyond one look at the line: a backlog that stayed would make samples look late."""
        for _look in range(_LOOKS_MAX):
            if self._stream is None or self._failure is not None or not (self._waiting or self._held):
                return
            lines = self.link.lines(0.0)
            if not lines:
                return
            self._take(lines)

    def _take(self, lines: list[bytes]) -> None:
        stream = self._running()
        blocks = self._held + stream.feed(lines, self.link.clock.now_ns())
        self._waiting += [block for block in blocks if stream.is_sure(block)]
        self._held = [block for block in blocks if not stream.is_sure(block)]
        self._epochs = stream.epoch
        for line in stream.others:
            self.link.options.on_foreign(line)
        stream.others = []
        wrong = stream.proof.mismatch
        if not lines and stream.is_overdue(self.link.clock.now_ns()):
            wrong = f"no sample has come yet, asked for was one every {stream.settings.interval_s:.6g} s"
        if wrong:
            self._failure = self._after_mismatch(wrong)
        elif stream.error is not None or stream.ended or stream.odd_ends > 1:
            self._stream = None
            self._failure = self._after_end(stream)
        elif stream.garbled_in_a_row > _GARBLED_MAX:
            self._failure = GarbledReply(
                "what comes is not data any more", port=self.link.url, partial=lines[-1] if lines else b""
            )
        else:
            self._ask_whether_it_runs(stream, lines)

    def _ask_whether_it_runs(self, stream: SampleStream, lines: list[bytes]) -> None:
        """Ask a silent instrument with an empty line, which a running one ignores: one that was reset answers.

        An empty line that came unasked may be what noise left of a package; only the second one is believed.
        """
        now_ns = self.link.clock.now_ns()
        silent_ns = now_ns - max(stream.heard_ns, self._asked_ns)
        patience_s = _SILENT_S + 3 * stream.settings.interval_s if self._asked_ns < stream.heard_ns else _ASK_AGAIN_S
        if silent_ns > patience_s * NS_PER_S or (stream.odd_ends and b"" in lines):
            self._asked_ns = now_ns
            self.link.poke()

    def _after_end(self, stream: SampleStream) -> DriverError:
        """Switch the cell off: after a run-time error the instrument does not execute on_finished (2.5)."""
        kind: type[DriverError] = DeviceRefused
        why = "the instrument ended the measurement by itself"
        if stream.error is not None:
            why = str(stream.error)
        elif stream.aborted:
            why = "somebody else on this line aborted the measurement"
        elif stream.in_loop:
            kind, why = DeviceReset, "the instrument was reset or lost its power: nothing runs in it any more"
        try:
            self.link.cell_off()
        except DriverError as error:
            return kind(f"{why}; THE CELL MAY STILL BE ON ({error})", port=self.link.url)
        return kind(f"{why}; the cell is off", port=self.link.url)

    def _after_mismatch(self, why: str) -> DriverError:
        """Stop what was not asked for, and switch the cell off."""
        try:
            self.stop()
        except DriverError as error:
            return ReadbackMismatch(f"{why}; THE CELL MAY STILL BE ON ({error})", port=self.link.url)
        return ReadbackMismatch(f"{why}; the cell is off", port=self.link.url)

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
        *others, last = self.link.candidates()
        for settings in others:
            self.link.open(settings)
            try:
                self.link.synchronise()
            except ReplyTimeout:
                continue
            else:
                return
        self.link.open(last)
        self.link.synchronise()
