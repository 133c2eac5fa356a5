"""A MultiEmStat4, one port per channel, as one Potentiostat: channels ``ch1``, ``ch2``, ... of one stream of rows.

Knows that the ports belong to one instrument, which channel is behind which, and that one that fails must not stop the
others. Scripts and lines are each port's own business, rows the merger's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from drivers.capabilities import (
    AmperometrySettings,
    DriverOptions,
    ElectrodeSettings,
    Identity,
    OptionValue,
    SampleBlock,
)
from drivers.clock import NS_PER_S, Clock
from drivers.errors import (
    DeviceRefused,
    DriverError,
    Interrupted,
    NotEncodable,
    PortError,
    PortLost,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.methodscript.driver import MethodScriptPotentiostat
from drivers.methodscript.merge import Merger
from drivers.methodscript.who import Who

PORTS_MAX = 16
_SILENT_S = 2.0  # or five intervals: a channel that gives nothing for so long is told, and rows do not wait for it
_RESTART_S = 10.0  # after so long without a sample it is started again
_RETRY_S = (2.0, 30.0)  # first pause before a failed channel is tried again, and the longest
_SLICE_S = 0.02
_TOLD_NS = 10 * NS_PER_S  # so long a loss stays told


@dataclass
class _Channel:
    """One channel of a running measurement."""

    port: MethodScriptPotentiostat
    name: str
    settings: AmperometrySettings
    why: str = ""
    """Why it gives nothing; empty while it does."""
    failed: bool = False
    heard_ns: int = 0
    retry_ns: int = 0
    pause_s: float = _RETRY_S[0]
    lost: int = 0
    lost_until_ns: int = 0


@dataclass
class MultiScriptPotentiostat:
    """Implements ``Potentiostat``, ``Described`` and ``InParts``. One thread at a time."""

    ports: tuple[MethodScriptPotentiostat, ...]
    """As the rig lists them."""
    clock: Clock
    options: DriverOptions
    synchronise: bool = False
    _order: tuple[MethodScriptPotentiostat, ...] = field(default=(), init=False)
    """The ports of ch1, ch2, ..., once it is known."""
    _running: list[_Channel] = field(default_factory=list, init=False)
    _merger: Merger | None = field(default=None, init=False)
    _epochs: int = field(default=0, init=False)

    # --- Identified ---

    def connect(self) -> Identity:
        """See ``Identified``. ``ch1`` is the lowest channel number among the ports, by the serial numbers that they
        tell, whatever the order of the cables; where none is told, the order of the rig.
        """
        self._running, self._order = [], ()
        try:
            for port in self.ports:
                port.connect()
            found = [(port, port.who) for port in self.ports if port.who is not None]
            self._order = self._ordered(found)
        except DriverError:
            self.close()
            raise
        first = found[0][1]
        firmware = " / ".join(sorted({who.firmware for _port, who in found}))
        model = f"{first.family.name}, {len(found)} channels"
        return Identity("methodscript", model, firmware, self._serial_number(first))

    def _ordered(self, found: list[tuple[MethodScriptPotentiostat, Who]]) -> tuple[MethodScriptPotentiostat, ...]:
        first_port, first = found[0]
        for port, who in found:
            if not who.family.is_multi:
                text = f"a {who.family.name} is no channel of a MultiEmStat4; make it a potentiostat of its own"
                raise WrongInstrument(text, port=port.link.url)
            if (who.family, who.instrument) != (first.family, first.instrument) and who.channel is not None:
                text = f"the ports belong to different instruments: {first.serial_number} on {first_port.link.url}"
                raise WrongInstrument(f"{text}, {who.serial_number} here", port=port.link.url)
        numbers = [who.channel for _port, who in found]
        if all(number is None for number in numbers):
            return self.ports
        if None in numbers or len(set(numbers)) != len(numbers):
            told = ", ".join(who.serial_number or "none" for _port, who in found)
            raise WrongInstrument(f"the channel numbers in the serial numbers do not fit together: {told}")
        return tuple(port for port, _who in sorted(found, key=lambda pair: pair[1].channel or 0))

    def _serial_number(self, first: Who) -> str:
        channels = [port.who.channel for port in self._order if port.who is not None]
        if None in channels:
            return "+".join(port.who.serial_number for port in self._order if port.who is not None)
        return f"{first.instrument} " + "+".join(f"CH{number:03d}" for number in channels)

    def close(self) -> None:
        self._running = []
        for port in self.ports:
            port.close()

    # --- measuring ---

    def checked(self, settings: AmperometrySettings) -> AmperometrySettings:
        """See ``Potentiostat``. Each port's channel is used once: a port without one is left out of the rig."""
        names = [electrode.electrode for electrode in settings.electrodes]
        wanted = [f"ch{number}" for number in range(1, len(self.ports) + 1)]
        if sorted(names) != sorted(wanted):
            raise NotEncodable(
                f"{len(self.ports)} ports have the electrodes {', '.join(wanted)}, each used once; "
                f"asked for: {', '.join(names) or 'none'}"
            )
        electrodes = []
        for electrode in settings.electrodes:
            alone = self._port_of(electrode).checked(_alone(settings, electrode))
            electrodes.append(replace(electrode, range_a=alone.electrodes[0].range_a))
        return replace(settings, electrodes=tuple(electrodes))

    def _port_of(self, electrode: ElectrodeSettings) -> MethodScriptPotentiostat:
        return (self._order or self.ports)[int(electrode.electrode[2:]) - 1]

    def start(self, settings: AmperometrySettings) -> AmperometrySettings:
        """See ``Potentiostat``. All channels, or none: where one does not start, all are switched off again."""
        if not self._order or not all(port.link.is_open for port in self._order):
            raise PortLost("connect first: a line was not opened, or was lost since", port=self.options.instrument)
        used = self.checked(settings)
        if self.synchronise:
            self._check_synchronisation()
        if self._running:
            self.stop()
        channels = [_Channel(self._port_of(e), e.channel, _alone(used, e)) for e in used.electrodes]
        try:
            self._start_all(channels)
        except DriverError as error:
            try:
                self.stop()
            except DriverError as unsafe:
                raise DeviceRefused(f"{error}; and {unsafe}") from error
            raise
        self._epochs += 1
        now_ns = self.clock.now_ns()
        for channel in channels:
            channel.heard_ns = now_ns
        interval_ns = round(used.interval_s * NS_PER_S)
        names = tuple(channel.name for channel in channels)
        self._merger = Merger(self.options.instrument, names, interval_ns, self._epochs)
        self._running = channels
        return used

    def _check_synchronisation(self) -> None:
        found = [port.who for port in self._order if port.who is not None]
        if not all(who.features.synchronises for who in found) or 1 not in [who.channel for who in found]:
            raise NotEncodable("channel_sync needs an instrument that has it, and its channel 1 among the ports")

    def _start_all(self, channels: list[_Channel]) -> None:
        """Start one after the other; synchronised, channel 1 comes last and makes the others begin [1S]."""
        leads = [c for c in channels if c.port.who is not None and c.port.who.channel == 1]
        followers = [c for c in channels if c not in leads]
        for channel in (*followers, *leads):
            channel.port.start(channel.settings, synchronised=self.synchronise)
        for channel in followers if self.synchronise else ():
            channel.port.await_begin([])

    def read(self, timeout_s: float) -> list[SampleBlock]:
        """See ``Potentiostat``. A channel that fails is told in ``troubles`` and started again; only when all have
        failed is it raised.
        """
        if not self._running or self._merger is None:
            raise DeviceRefused("no measurement runs; start one", port=self.options.instrument)
        deadline_ns = self.clock.now_ns() + round(timeout_s * NS_PER_S)
        wait_s = 0.0
        while True:
            for number in range(len(self._running)):
                self._read_channel(number, wait_s)
            self._check_all()
            blocks = self._merger.rows(self.clock.now_ns())
            left_s = (deadline_ns - self.clock.now_ns()) / NS_PER_S
            if blocks or left_s <= 0.0:
                return blocks
            wait_s = min(_SLICE_S / len(self._running), left_s)

    def _read_channel(self, number: int, wait_s: float) -> None:
        channel = self._running[number]
        if channel.failed:
            if self.clock.now_ns() >= channel.retry_ns:
                self._start_again(channel)
            return
        try:
            blocks = channel.port.read(wait_s)
        except Interrupted:
            raise
        except DriverError as error:
            self._fail(channel, str(error))
            blocks = []
        self._take(number, channel, blocks)

    def _take(self, number: int, channel: _Channel, blocks: list[SampleBlock]) -> None:
        """Hand a channel's samples to the rows, which wait for it unless it has failed or is silent."""
        merger = self._merger
        if merger is None:
            return
        now_ns = self.clock.now_ns()
        for block in blocks:
            merger.feed(number, block)
        if merger.lost(number) > channel.lost:
            channel.lost = merger.lost(number)
            channel.lost_until_ns = now_ns + _TOLD_NS
        if blocks:
            channel.heard_ns, channel.why, channel.pause_s = now_ns, "", _RETRY_S[0]
            merger.set_up(number, is_up=True)
            return
        if channel.failed:
            merger.set_up(number, is_up=False)
            return
        silent_s = (now_ns - channel.heard_ns) / NS_PER_S
        interval_s = channel.settings.interval_s
        if silent_s > max(_RESTART_S, 10 * interval_s):
            self._fail(channel, "it sends nothing; its measurement is started anew")
        elif silent_s > max(_SILENT_S, 5 * interval_s):
            channel.why = channel.why or "it sends nothing"
            merger.set_up(number, is_up=False)

    def _fail(self, channel: _Channel, why: str) -> None:
        channel.failed, channel.why = True, why
        channel.retry_ns = self.clock.now_ns() + round(channel.pause_s * NS_PER_S)
        channel.pause_s = min(2 * channel.pause_s, _RETRY_S[1])

    def _start_again(self, channel: _Channel) -> None:
        """Try once, in bounded time, to have a failed channel back, on its line opened anew if it was lost.

        Unlike the whole instrument a part of it comes back by itself: nobody else would open its line while the other
        channels measure.
        """
        try:
            channel.port.resume(channel.settings)
        except Interrupted:
            raise
        except DriverError as error:
            self._fail(channel, str(error))
        else:
            channel.failed, channel.heard_ns = False, self.clock.now_ns()

    def _check_all(self) -> None:
        """Raise when no channel is left."""
        if not all(channel.failed for channel in self._running):
            return
        why = "; ".join(f"{channel.name}: {channel.why}" for channel in self._running)
        lost = [channel for channel in self._running if not channel.port.link.is_open]
        self._running = []
        if lost:
            self.close()
            raise PortLost(f"no channel is left ({why})", port=self.options.instrument)
        raise ReplyTimeout(f"no channel is left ({why})", port=self.options.instrument)

    def stop(self) -> None:
        """See ``Potentiostat``. Every cell is switched off and each must confirm, lines that are there first; one that
        does not is named in the error, after all others are off.
        """
        self._running = []
        failures: list[tuple[str, DriverError]] = []
        for port in sorted(self.ports, key=lambda port: not port.link.is_open):
            try:
                port.stop()
            except DriverError as error:
                failures.append((self._name_of(port), error))
        if failures:
            names = "; ".join(f"{name}: {error}" for name, error in failures)
            kind = PortLost if all(isinstance(error, PortError) for _name, error in failures) else ReplyTimeout
            others = len(self.ports) - len(failures)
            raise kind(f"NOT CONFIRMED OFF: {names}. The other {others} cells are off", port=self.options.instrument)

    def _name_of(self, port: MethodScriptPotentiostat) -> str:
        return f"ch{self._order.index(port) + 1}" if port in self._order else port.link.url

    # --- what a reader of the recording must know, and what is wrong with a part ---

    def facts(self) -> Mapping[str, OptionValue]:
        """See ``Described``."""
        told: dict[str, OptionValue] = {"channel_sync": self.synchronise}
        for channel in self._running:
            told[f"{channel.name}.port"] = channel.port.link.url
            if channel.port.who is not None and channel.port.who.channel is not None:
                told[f"{channel.name}.instrument_channel"] = channel.port.who.channel
        return told

    def troubles(self) -> Mapping[str, str]:
        """See ``InParts``."""
        told = {channel.name: channel.why for channel in self._running if channel.why}
        now_ns = self.clock.now_ns()
        for channel in self._running:
            if now_ns < channel.lost_until_ns:
                text = f"{channel.lost} samples came too late for their rows and are lost"
                told[channel.name] = f"{told[channel.name]}; {text}" if channel.name in told else text
        return told


def _alone(settings: AmperometrySettings, electrode: ElectrodeSettings) -> AmperometrySettings:
    return replace(settings, electrodes=(replace(electrode, electrode="we1"),))
