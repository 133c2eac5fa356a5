"""The set-up of the compliance suite for a simulated pump on a test line: one copy for the plain-text families."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.capabilities import PumpProgram
from sim_devices.interfaces import Firmware
from tests.drivers.kit import FirmwareLine, IdealPlunger


@dataclass
class SimulatedPumpSetUp:
    """Implements ``PumpSetUp`` but for ``driver``; a family says which firmware and which infusion."""

    firmware: Firmware
    plunger: IdealPlunger
    infusion: PumpProgram
    line: FirmwareLine = field(init=False)

    def __post_init__(self) -> None:
        self.line = FirmwareLine(self.firmware)
        self.clock = self.line.clock

    def program(self) -> PumpProgram:
        return self.infusion

    def moved_ul(self) -> float:
        self.line.firmware.transmit(self.clock.now_ns())
        return self.plunger.moved_ul(self.clock.now_ns())

    def sent(self) -> int:
        return sum(map(len, self.line.sent))

    def power_cycle(self) -> None:
        self.line.firmware.power_off(self.clock.now_ns())
        self.line.pass_s(1.0)
        self.line.firmware.power_on(self.clock.now_ns())

    def unplug(self) -> None:
        self.line.plugged = False

    def plug(self) -> None:
        self.line.plugged = True
