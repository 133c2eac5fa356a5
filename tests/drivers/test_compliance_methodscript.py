"""The MethodSCRIPT driver against the simulated instruments: every rule that holds for any potentiostat."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from drivers.capabilities import AmperometrySettings, DriverOptions, ElectrodeSettings
from drivers.clock import VirtualClock
from drivers.compliance import PotentiostatCompliance
from drivers.methodscript import MethodScriptPotentiostat, MultiScriptPotentiostat, build, one_port
from drivers.transport import LineSettings
from sim_devices.firmware import emstat as simulated
from sim_devices.firmware.options import parse_options
from tests.drivers.kit import URL, ConstantCell, FirmwareLine

ONE = (ElectrodeSettings("glutamate", "we1", 8e-9),)
TWO = (ElectrodeSettings("glutamate", "we1", 55e-9), ElectrodeSettings("sentinel", "we2", 50e-9))


@dataclass
class EmStatSetUp:
    options: dict[str, str]
    electrodes: tuple[ElectrodeSettings, ...]
    cell: ConstantCell = field(default_factory=ConstantCell)

    def __post_init__(self) -> None:
        self.line = FirmwareLine(simulated.build("stat", self.cell, self.options, np.random.default_rng(1)))
        self.clock = self.line.clock

    def driver(self, url: str = URL) -> MethodScriptPotentiostat:
        return one_port(self.line, url, self.clock, self.line.options())

    def settings(self) -> AmperometrySettings:
        return AmperometrySettings(potential_v=0.6, interval_s=0.1, electrodes=self.electrodes)

    def current_a(self, channel: int) -> float:
        return self.cell.currents_a[channel]

    def cell_on(self) -> bool:
        self.line.firmware.transmit(self.clock.now_ns())
        return self.cell.on

    def sent(self) -> int:
        return sum(map(len, self.line.sent))

    def unplug(self) -> None:
        self.line.plugged = False

    def plug(self) -> None:
        self.line.plugged = True


class TestEmStat4OneElectrode(PotentiostatCompliance):
    def set_up(self) -> EmStatSetUp:
        return EmStatSetUp({"model": "es4"}, ONE)


class TestPicoBipotentiostat(PotentiostatCompliance):
    def set_up(self) -> EmStatSetUp:
        return EmStatSetUp({"model": "pico", "xon_xoff_every": "7", "noise_metadata": "true"}, TWO)


class TestOldFirmware(PotentiostatCompliance):
    def set_up(self) -> EmStatSetUp:
        return EmStatSetUp({"model": "pico", "version": "", "joined_ack": "true", "capabilities": "0"}, ONE)


class TestSensitWithTheOlderSecondElectrode(PotentiostatCompliance):
    def set_up(self) -> EmStatSetUp:
        return EmStatSetUp({"model": "sensit", "version": "01.06.00", "poly_kind": "ba", "range_by": "usable"}, TWO)


class TestEmStat4HrWithCarriageReturns(PotentiostatCompliance):
    def set_up(self) -> EmStatSetUp:
        return EmStatSetUp({"model": "es4hr", "carriage_returns": "1", "range_metadata": "0"}, ONE)


class TestNexus(PotentiostatCompliance):
    def set_up(self) -> EmStatSetUp:
        return EmStatSetUp({"model": "nexus", "late_every": "5"}, ONE)


class TestOneChannelOfAMultiEmStat4(PotentiostatCompliance):
    def set_up(self) -> EmStatSetUp:
        return EmStatSetUp({"model": "mes4lr", "channel": "3"}, ONE)


@dataclass
class Ports:
    """Opens several simulated lines by their URLs, all on one clock."""

    lines: dict[str, FirmwareLine]
    simulated: bool = True

    def open(self, url: str, settings: LineSettings) -> FirmwareLine:
        return self.lines[url].open(url, settings)


@dataclass
class MultiSetUp:
    """A MultiEmStat4 with a port per channel; ``order``: which channel is behind which port."""

    options: dict[str, str] = field(default_factory=dict)
    order: tuple[int, ...] = (1, 2, 3, 4)
    ppm: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    settings_options: dict[str, bool | str] = field(default_factory=dict)
    cells: list[ConstantCell] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = VirtualClock()
        backplane = simulated.Backplane()
        self.cells = self.cells or [ConstantCell((1.2345e-9 * (n + 1), 0.0)) for n in range(len(self.order))]
        lines = []
        for channel in self.order:
            told = {"model": "mes4lr", "channel": str(channel), "crystal_ppm": str(self.ppm[channel - 1])}
            firmware = simulated.EmStatFirmware(
                self.cells[channel - 1], parse_options(simulated.EmStatOptions, {**told, **self.options}, ""), backplane
            )
            lines.append(FirmwareLine(firmware, self.clock))
        self.urls = [f"test://port{n}" for n in range(len(self.order))]
        self.ports = Ports(dict(zip(self.urls, lines, strict=True)))

    def line(self, channel: int) -> FirmwareLine:
        return self.ports.lines[self.urls[self.order.index(channel)]]

    @property
    def lines(self) -> list[FirmwareLine]:
        return list(self.ports.lines.values())

    def driver(self) -> MultiScriptPotentiostat:
        options = DriverOptions(instrument="it", settings=self.settings_options)
        made = build(self.ports, " ".join(self.urls), self.clock, options)
        assert isinstance(made, MultiScriptPotentiostat)
        return made

    def settings(self) -> AmperometrySettings:
        electrodes = (ElectrodeSettings(f"site-{n}", f"ch{n}", 8e-9) for n in range(1, len(self.order) + 1))
        return AmperometrySettings(potential_v=0.6, interval_s=0.1, electrodes=tuple(electrodes))

    def current_a(self, channel: int) -> float:
        return self.cells[channel].currents_a[0]

    def cell_on(self) -> bool:
        for line in self.lines:
            line.firmware.transmit(self.clock.now_ns())
        return any(cell.on for cell in self.cells)

    def sent(self) -> int:
        return sum(len(data) for line in self.lines for data in line.sent)

    def unplug(self) -> None:
        for line in self.lines:
            line.plugged = False

    def plug(self) -> None:
        for line in self.lines:
            line.plugged = True


class TestMultiEmStat4(PotentiostatCompliance):
    def set_up(self) -> MultiSetUp:
        return MultiSetUp()


class TestMultiEmStat4Synchronised(PotentiostatCompliance):
    def set_up(self) -> MultiSetUp:
        return MultiSetUp(settings_options={"channel_sync": True}, order=(3, 1, 2))
