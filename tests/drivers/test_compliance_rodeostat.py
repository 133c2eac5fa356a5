"""The Rodeostat driver against the simulated instruments: every rule that holds for any potentiostat."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from drivers.capabilities import AmperometrySettings, ElectrodeSettings
from drivers.compliance import PotentiostatCompliance
from drivers.rodeostat import RodeostatPotentiostat, build
from sim_devices.firmware import rodeostat as simulated
from tests.drivers.kit import URL, ConstantCell, FirmwareLine

ONE = (ElectrodeSettings("glutamate", "we1", 50e-9),)


@dataclass
class RodeostatSetUp:
    options: dict[str, str] = field(default_factory=dict)
    electrodes: tuple[ElectrodeSettings, ...] = ONE
    cell: ConstantCell = field(default_factory=ConstantCell)

    def __post_init__(self) -> None:
        self.line = FirmwareLine(simulated.build("stat", self.cell, self.options, np.random.default_rng(1)))
        self.clock = self.line.clock

    def driver(self, url: str = URL) -> RodeostatPotentiostat:
        return build(self.line, url, self.clock, self.line.options())

    def settings(self) -> AmperometrySettings:
        return AmperometrySettings(potential_v=0.6, interval_s=0.1, electrodes=self.electrodes)

    def current_a(self, channel: int) -> float:
        return self.cell.currents_a[channel]

    def cell_on(self) -> bool:
        """Hardware 0.1 cannot disconnect its electrodes: there, off is 0 V."""
        self.line.firmware.transmit(self.clock.now_ns())
        return self.cell.on and self.cell.potential_v != 0.0

    def sent(self) -> int:
        return sum(map(len, self.line.sent))

    def unplug(self) -> None:
        self.line.plugged = False

    def plug(self) -> None:
        self.line.plugged = True


class TestNanoAmpHardware02(PotentiostatCompliance):
    def set_up(self) -> RodeostatSetUp:
        return RodeostatSetUp()


class TestMicroAmpHardware01(PotentiostatCompliance):
    def set_up(self) -> RodeostatSetUp:
        return RodeostatSetUp({"variant": "microAmp", "hardware": "0.1", "amplifier": "AD8251"})


class TestItsyBitsy(PotentiostatCompliance):
    def set_up(self) -> RodeostatSetUp:
        return RodeostatSetUp({"board": "itsybitsy", "version_prefix": "HW"})


class TestDeafWhileATestRuns(PotentiostatCompliance):
    def set_up(self) -> RodeostatSetUp:
        return RodeostatSetUp({"deaf_while_running": "1"})
