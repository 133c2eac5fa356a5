"""A Pinnacle 8401-HR as a Potentiostat: who is there, start, read for days, stop with the bias off.

Knows the order of things and what must be confirmed. Bytes are the link's business, samples the stream's, what is set
has a module of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from drivers.capabilities import AmperometrySettings, DigitalEdge, Identity, OptionValue, OutputUse, SampleBlock
from drivers.clock import NS_PER_S
from drivers.errors import (
    DeviceRefused,
    DeviceReset,
    DriverError,
    GarbledReply,
    PortError,
    PortLost,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.pinnacle_8401.codec import U8, Command, version
from drivers.pinnacle_8401.facts import facts_of
from drivers.pinnacle_8401.link import PodLink
from drivers.pinnacle_8401.outputs import Outputs, payload
from drivers.pinnacle_8401.packets import PacketCutter
from drivers.pinnacle_8401.settings import Options, Programme, programme
from drivers.pinnacle_8401.setup import make_safe, program
from drivers.pinnacle_8401.stream import SampleStream
from drivers.text import printable

TYPE_8401HR = 0x31
READ_WITHIN_NS = NS_PER_S // 4
"""A second of packets fills the operating system's buffer; so often it is emptied at least."""
_LISTEN_S = 0.2  # bursts come every 16 ms
_BEGIN_S = 2.0
_SILENT_S = 3.0
"""Shorter silences are holes that the host's clock bridges."""
CAUTION = (
    "its outputs {pins} are driven while it measures. The vendor's client sends nothing into a running stream, and "
    "whether the firmware takes it there is not documented [?]: it is tried at the start without changing a level, and "
    "left alone if no answer comes. Try it on the bench before an animal depends on the samples"
)
_GARBAGE_MAX = 100_000
"""Bytes without a single packet among them, 1.6 s of the stream: nothing can be made of it."""


@dataclass
class PinnaclePotentiostat:
    """Implements ``Potentiostat``, ``Polled``, ``Described``, ``DigitalInputs``, ``DigitalOutputs``. One thread at a
    time.
    """

    link: PodLink
    options: Options
    _known: bool = field(default=False, init=False)
    _stream: SampleStream | None = field(default=None, init=False)
    _epochs: int = field(default=0, init=False)
    _failure: DriverError | None = field(default=None, init=False)
    _waiting: list[SampleBlock] = field(default_factory=list, init=False)
    _edges: list[DigitalEdge] = field(default_factory=list, init=False)
    _facts: dict[str, OptionValue] = field(default_factory=dict, init=False)
    _outputs: Outputs = field(init=False)

    def __post_init__(self) -> None:
        self._outputs = Outputs(self.options.outputs)

    # --- Identified ---

    def connect(self) -> Identity:
        """See ``Identified``. Where data packets come, from an engine that died, the stream is ended: nothing can be
        asked in it. The bias stays as it is. Any other port hears one question, three times.
        """
        self._end_stream()
        self._known = False
        self.link.open()
        try:
            if self._streams_already():
                self.link.quiet()
            try:
                kind = self._ask_who()
            except DeviceReset:  # it was just switched on, and is only asked who it is
                kind = self._ask_who()
            if kind != TYPE_8401HR:
                raise WrongInstrument(
                    f"a POD of type {kind:#04x} answers, no 8401-HR (0x31)", port=self.link.url, command="TYPE"
                )
            told = self.link.ask(Command.FIRMWARE).payload
        except PortError:
            raise
        except DriverError:
            self.link.close()
            raise
        self._known = True
        return Identity("pinnacle-8401", "8401-HR", version(told) or printable(told))

    def _streams_already(self) -> bool:
        cutter = PacketCutter()
        end_ns = self.link.clock.now_ns() + round(_LISTEN_S * NS_PER_S)
        while (left_ns := end_ns - self.link.clock.now_ns()) > 0:
            if cutter.feed(self.link.receive(left_ns / NS_PER_S))[0].counter.size:
                return True
        return False

    def _ask_who(self) -> int:
        try:
            return self.link.value(Command.TYPE, U8)
        except ReplyTimeout as error:
            raise ReplyTimeout(
                "no 8401-HR answers; is it connected and switched on?", port=self.link.url, command="TYPE"
            ) from error
        except (GarbledReply, DeviceRefused) as error:
            raise WrongInstrument(
                "something answers on this port, but no 8401-HR", port=self.link.url, partial=error.partial
            ) from error

    def close(self) -> None:
        self._end_stream()
        self.link.close()

    # --- measuring ---

    def checked(self, settings: AmperometrySettings) -> AmperometrySettings:
        return programme(settings, self.options).settings

    def start(self, settings: AmperometrySettings) -> AmperometrySettings:
        wanted = programme(settings, self.options)
        if not self._known or not self.link.is_open:
            raise PortLost("connect first: this line was not opened, or was lost since", port=self.link.url)
        self._end_stream()
        self._waiting, self._failure = [], None
        try:
            self.link.quiet()
            self._lower_outputs()
            ext0 = program(self.link, wanted, self._outputs.bits)
            self._begin(wanted)
        except PortError:
            raise
        except DriverError:
            self._end_stream()
            make_safe(self.link)  # under potential and not recorded: neither measured nor off
            raise
        self._facts = facts_of(wanted, self.options, ext0, self.link.without_echo)
        return wanted.settings

    def _lower_outputs(self) -> None:
        """Set the TTL outputs low before they drive a line; a refusal keeps no sample back."""
        self._outputs.begin()
        if not self._outputs.bits:
            return
        try:
            self.link.tell(Command.SET_OUTS, payload(self._outputs.bits, is_high=False))
        except DeviceRefused:
            self._outputs.refused()

    def _begin(self, wanted: Programme) -> None:
        """Start the stream and see that it comes; what has come by then is kept."""
        self.link.begin()
        now_ns = self.link.clock.now_ns()
        stream = SampleStream(self.link.options.instrument, wanted, self._epochs + 1, now_ns)
        deadline_ns = now_ns + round(_BEGIN_S * NS_PER_S)
        while not stream.began:
            left_s = (deadline_ns - self.link.clock.now_ns()) / NS_PER_S
            if left_s <= 0.0:
                raise ReplyTimeout("told to stream, it sends nothing", port=self.link.url, command="STREAM 1")
            data = self.link.receive(left_s)
            self._waiting += stream.feed(data, self.link.clock.now_ns())
            if stream.was_reset:
                raise DeviceReset("it restarted while it was started: its bias is gone", port=self.link.url)
        self._stream, self._epochs = stream, stream.epoch

    def read(self, timeout_s: float) -> list[SampleBlock]:
        deadline_ns = self.link.clock.now_ns() + round(timeout_s * NS_PER_S)
        while not self._waiting:
            if self._failure is not None:  # told only after the last samples before it were handed out
                failure, self._failure = self._failure, None
                self._end_stream()
                raise failure
            left_s = (deadline_ns - self.link.clock.now_ns()) / NS_PER_S
            self._take(self._running(), self._receive(max(left_s, 0.0)))
            self._tend_outputs(self._running())
            if left_s <= 0.0 and self._failure is None:
                break
        blocks, self._waiting = self._waiting, []
        return blocks

    def _receive(self, timeout_s: float) -> bytes:
        try:
            return self.link.receive(timeout_s)
        except PortLost:
            self._outputs.broke_off(self.link.clock.now_ns())
            raise

    def _take(self, stream: SampleStream, data: bytes) -> None:
        now_ns = self.link.clock.now_ns()
        self._waiting += stream.feed(data, now_ns)
        self._epochs = stream.epoch
        if stream.was_reset:
            self._failure = DeviceReset(
                "it restarted: THE BIAS IS GONE and nothing is measured until it is programmed again",
                port=self.link.url,
            )
        elif now_ns - stream.heard_ns > round(_SILENT_S * NS_PER_S):
            self._failure = ReplyTimeout(
                "it fell silent: it may have lost its power; THE BIAS MAY BE OFF, OR STILL ON", port=self.link.url
            )
        elif stream.garbage > _GARBAGE_MAX:
            self._failure = GarbledReply("what comes are no data packets any more", port=self.link.url)

    def _tend_outputs(self, stream: SampleStream) -> None:
        """Hear what answers came, and try the outputs once data come (see ``drivers.pinnacle_8401.outputs``)."""
        now_ns = self.link.clock.now_ns()
        answers, stream.answers = stream.answers, []
        for number in answers:
            self._outputs.answered(number)
        self._outputs.look(now_ns)
        if self._failure is not None:
            self._outputs.broke_off(now_ns)
        elif self._waiting and self._outputs.is_to_be_tried:
            try:
                self._throw_in(self._outputs.bits, is_high=False)
            except PortLost as error:
                self._failure = error  # what had come by then is handed out first

    def _throw_in(self, bits: int, *, is_high: bool) -> None:
        """Send it into the stream. A line that takes no bytes still brings samples: no reason to start anew."""
        try:
            self.link.throw_in(Command.SET_OUTS, payload(bits, is_high=is_high))
        except ReplyTimeout:
            self._outputs.not_taken()
        else:
            self._outputs.sent(self.link.clock.now_ns())

    def next_read_ns(self) -> int:
        """See ``Polled``: this instrument measures by itself, but what it sends must be fetched in time."""
        return self.link.clock.now_ns() + READ_WITHIN_NS

    def facts(self) -> Mapping[str, OptionValue]:
        return dict(self._facts)

    def edges(self) -> list[DigitalEdge]:
        found, self._edges = self._edges, []
        if self._stream is not None:
            found, self._stream.edges = found + self._stream.edges, []
        return found

    def output_uses(self) -> frozenset[OutputUse]:
        return frozenset(self.options.outputs.values())

    def outputs_problem(self) -> str | None:
        return self._outputs.problem

    def drive(self, use: OutputUse, *, is_high: bool) -> None:
        self._running()
        if self._outputs.problem != "":
            raise DeviceRefused(self._outputs.problem or "its TTL outputs were not tried yet", port=self.link.url)
        if bits := self._outputs.bits_of(use):
            self._throw_in(bits, is_high=is_high)

    def cautions(self) -> tuple[str, ...]:
        return (CAUTION.format(pins=", ".join(self.options.outputs)),) if self.options.outputs else ()

    def _running(self) -> SampleStream:
        if self._stream is None:
            raise DeviceRefused("no measurement runs; start one", port=self.link.url)
        return self._stream

    def _end_stream(self) -> None:
        """Forget the stream, but not the edges found in it."""
        if self._stream is not None:
            self._edges += self._stream.edges
            self._stream = None

    def stop(self) -> None:
        self._end_stream()
        self._failure = None
        if not self.link.is_open:
            self._known = False
            self.link.open()
        make_safe(self.link)
        if self._outputs.bits:  # after the bias, which matters more
            with suppress(DriverError):
                self.link.tell(Command.SET_OUTS, payload(self._outputs.bits, is_high=False))
