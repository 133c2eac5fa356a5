"""The MethodSCRIPT driver against the simulated instruments: every rule that holds for any potentiostat."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from drivers.capabilities import AmperometrySettings, ElectrodeSettings
from drivers.compliance import PotentiostatCompliance
from drivers.methodscript import MethodScriptPotentiostat, build
from sim_devices.firmware import emstat as simulated
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

    def driver(self) -> MethodScriptPotentiostat:
        return build(self.line, URL, self.clock, self.line.options())

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
