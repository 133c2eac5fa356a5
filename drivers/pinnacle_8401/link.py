"""The talk with one 8401-HR: questions, settings with or without their echo, and the stream (potentiostats.md 1.3).

Knows which packet answers which, that questions and settings may be repeated, and that nothing but STREAM 0 is said
while data come. Does not know what is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from drivers.capabilities import DriverOptions, WireRecord
from drivers.clock import NS_PER_S, Clock
from drivers.errors import (
    DeviceRefused,
    DeviceReset,
    ForeignTraffic,
    GarbledReply,
    PortLost,
    ReadbackMismatch,
    ReplyTimeout,
)
from drivers.exchange import SLICE_S, Exchange
from drivers.pinnacle_8401.codec import Command, Packet, encode, hexadecimal
from drivers.pinnacle_8401.packets import PacketCutter, controls
from drivers.transport import LineSettings, TransportOpener

BAUD: Final = 115_200
"""The chip ignores it [INF]."""
REPLY_S: Final = 0.5
SILENT_ECHO_S: Final = 0.1
"""How long an echo is waited for once the instrument was found to send none."""
QUIET_S: Final = 0.3
"""Silence by which a stream has ended; its bursts come every 16 ms."""
_QUIET_WITHIN_S = 2.0
_TRIES = 3
_READ_MAX = 65_536
_READS_MAX = 64
R = TypeVar("R")


@dataclass(frozen=True)
class Setting:
    """One value the instrument is to hold."""

    name: str
    write: Command
    read: Command
    value: int
    digits: int
    channel: int | None = None

    @property
    def question(self) -> str:
        """Return the arguments of its GET."""
        return "" if self.channel is None else hexadecimal(self.channel, 2)

    @property
    def text(self) -> str:
        """Return the value as the instrument holds it."""
        return hexadecimal(self.value, self.digits)


class PodFramer:
    """Control packets, and one packet without payload for every piece of data that came."""

    def __init__(self) -> None:
        self._cutter = PacketCutter()

    def feed(self, data: bytes, now_ns: int) -> list[Packet]:  # noqa: ARG002 - no inter-byte rule
        """Return the packets that are whole."""
        packets, stretches = self._cutter.feed(data)
        found = [packet for stretch in stretches for packet in controls(stretch)[0]]
        return [Packet(Command.DATA)] * bool(packets.counter.size) + found

    def reset(self) -> None:
        """Forget what is incomplete."""
        self._cutter.reset()


def _comes_unasked(packet: Packet) -> bool:
    return packet.number in (Command.DATA, Command.RESET)


@dataclass
class PodLink:
    """A line with one instrument on it."""

    opener: TransportOpener
    url: str
    clock: Clock
    options: DriverOptions
    without_echo: int = field(default=0, init=False)
    """Settings that were taken without a word, since opening."""
    _exchange: Exchange[Packet] | None = field(default=None, init=False)

    def open(self) -> None:
        """Open the line anew. Raises PortError."""
        self.close()
        transport = self.opener.open(self.url, LineSettings(baud=self.options.baud or BAUD))
        self._exchange = Exchange(transport, self.clock, self.options, PodFramer(), is_known_unasked=_comes_unasked)
        self.without_echo = 0

    @property
    def is_open(self) -> bool:
        """Tell whether the line is open and, as far as known, there."""
        return self._exchange is not None

    def close(self) -> None:
        """Release the line; sends nothing. May be called twice."""
        if self._exchange is not None:
            self._exchange.transport.close()
            self._exchange = None

    # --- questions and settings ---

    def ask(self, command: Command, payload: str = "") -> Packet:
        """Send a question and return its answer; three times at most. Raises DeviceRefused, DeviceReset, ..."""
        failure: ReplyTimeout | GarbledReply | ForeignTraffic | None = None
        for _try in range(_TRIES):
            try:
                return self._transact(command, payload, REPLY_S)
            except (ReplyTimeout, GarbledReply, ForeignTraffic) as error:
                failure = error if failure is None or error.partial else failure
        if failure is None:
            raise AssertionError("each try returns or fails")
        raise failure

    def value(self, command: Command, digits: int, payload: str = "") -> int:
        """Ask and return one value. Raises GarbledReply if the answer holds anything else."""
        packet = self.ask(command, payload)
        value = packet.value(digits)
        if value is None:
            raise GarbledReply(
                "the answer is not of the right length",
                port=self.url,
                command=command.name,
                partial=packet.payload.encode("ascii"),
            )
        return value

    def apply(self, setting: Setting) -> None:
        """Write a setting. Without its echo it is asked for, and written again if it is not held.

        Raises DeviceRefused, DeviceReset, ReadbackMismatch, ExchangeError.
        """
        wait_s = SILENT_ECHO_S if self.without_echo else REPLY_S
        for _try in range(_TRIES):
            try:
                self._transact(setting.write, setting.question + setting.text, wait_s)
            except (ReplyTimeout, GarbledReply, ForeignTraffic):
                if self.ask(setting.read, setting.question).payload == setting.text:
                    self.without_echo += 1
                    return
            else:
                return
        self.verify(setting)

    def tell(self, command: Command, payload: str) -> None:
        """Send a command whose value cannot be asked for; its echo may not come. Raises DeviceRefused, DeviceReset."""
        try:
            self._transact(command, payload, SILENT_ECHO_S if self.without_echo else REPLY_S)
        except (ReplyTimeout, GarbledReply, ForeignTraffic):
            self.without_echo += 1

    def verify(self, setting: Setting) -> None:
        """Ask for a setting. Raises ReadbackMismatch."""
        held = self.ask(setting.read, setting.question).payload
        if held != setting.text:
            raise ReadbackMismatch(
                f"{setting.name} reads back as {held or 'nothing'} instead of {setting.text}", port=self.url
            )

    def _transact(self, command: Command, payload: str, timeout_s: float) -> Packet:
        expected = (command, Command.NACK, Command.RESET)

        def act(exchange: Exchange[Packet]) -> Packet:
            packet = exchange.transact(
                encode(command, payload),
                lambda packet: packet.number in expected,
                command=command.name,
                timeout_s=timeout_s,
                urgent=True,
            )
            exchange.out_of_step = False
            return packet

        packet = self._guarded(act)
        if packet.number == Command.NACK:
            raise DeviceRefused("the instrument does not know this", port=self.url, command=command.name)
        if packet.number == Command.RESET:
            raise DeviceReset("the instrument has just restarted: nothing is set", port=self.url, command=command.name)
        return packet

    # --- the stream ---

    def quiet(self) -> None:
        """End a stream and see that it ends. Raises GarbledReply if data still come, PortLost."""
        for _try in range(_TRIES):
            self._guarded(lambda exchange: exchange.send(encode(Command.STREAM, "00")))
            if self.is_silent():
                self._guarded(_begin_anew)
                return
        raise GarbledReply("data still come after it was told to stop", port=self.url, command="STREAM 0")

    def is_silent(self) -> bool:
        """Wait for a silence, 2 s at most; tell whether it came."""
        give_up_ns = self.clock.now_ns() + round(_QUIET_WITHIN_S * NS_PER_S)
        while self.clock.now_ns() < give_up_ns:
            if not self.receive(QUIET_S):
                return True
        return False

    def begin(self) -> None:
        """Start the stream, once. Its echo may come behind the first data, so it is not waited for here."""
        self._guarded(lambda exchange: exchange.send(encode(Command.STREAM, "01")))

    def throw_in(self, command: Command, payload: str) -> None:
        """Send a command while data come. Its echo, if any, comes among them. Raises PortLost."""
        self._guarded(lambda exchange: exchange.send(encode(command, payload)))

    def receive(self, timeout_s: float) -> bytes:
        """Return all that has arrived, waiting at most ``timeout_s`` for the first byte. Raises PortLost."""
        return self._guarded(lambda exchange: self._receive(exchange, timeout_s))

    def _receive(self, exchange: Exchange[Packet], timeout_s: float) -> bytes:
        deadline_ns = self.clock.now_ns() + round(timeout_s * NS_PER_S)
        while True:
            left_s = (deadline_ns - self.clock.now_ns()) / NS_PER_S
            data = exchange.transport.read(_READ_MAX, min(SLICE_S, max(left_s, 0.0)))
            if data or left_s <= SLICE_S:
                break
        pieces = [data]
        while pieces[-1] and len(pieces) < _READS_MAX:
            pieces.append(exchange.transport.read(_READ_MAX, 0.0))
        data = b"".join(pieces)
        if data:
            self.options.on_wire(WireRecord(self.clock.now_ns(), "in", data))
        return data

    def _guarded(self, act: Callable[[Exchange[Packet]], R]) -> R:
        if self._exchange is None:
            raise PortLost("connect first: this line was not opened, or was lost since", port=self.url)
        try:
            return act(self._exchange)
        except PortLost:
            self.close()
            raise


def _begin_anew(exchange: Exchange[Packet]) -> None:
    exchange.framer.reset()
    exchange.out_of_step = False
