"""The source-measure unit driver against the simulated instruments: every rule that holds for any potentiostat."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from drivers.capabilities import AmperometrySettings, ElectrodeSettings, OptionValue
from drivers.compliance import PotentiostatCompliance
from drivers.scpi_smu import SmuPotentiostat, build
from sim_devices.firmware import scpi_smu as simulated
from tests.drivers.kit import URL, ConstantCell, FirmwareLine

ONE = (ElectrodeSettings("glutamate", "we1", 8e-9),)


@dataclass
class SmuSetUp:
    options: dict[str, str] = field(default_factory=dict)
    settings_: dict[str, OptionValue] = field(default_factory=dict)
    electrodes: tuple[ElectrodeSettings, ...] = ONE
    cell: ConstantCell = field(default_factory=ConstantCell)
    interval_s: float = 0.25

    def __post_init__(self) -> None:
        self.line = FirmwareLine(simulated.build("smu", self.cell, self.options, np.random.default_rng(1)))
        self.clock = self.line.clock

    def driver(self, url: str = URL) -> SmuPotentiostat:
        return build(self.line, url, self.clock, self.line.options(settings=self.settings_))

    def settings(self) -> AmperometrySettings:
        return AmperometrySettings(potential_v=0.6, interval_s=self.interval_s, electrodes=self.electrodes)

    def current_a(self, channel: int) -> float:
        return self.cell.currents_a[channel]

    def cell_on(self) -> bool:
        """Just switched on, and after a reset, such an instrument holds 0 V."""
        self.line.firmware.transmit(self.clock.now_ns())
        return self.cell.on and self.cell.potential_v != 0.0

    def sent(self) -> int:
        return sum(map(len, self.line.sent))

    def unplug(self) -> None:
        self.line.plugged = False

    def plug(self) -> None:
        self.line.plugged = True


class Test6430(PotentiostatCompliance):
    def set_up(self) -> SmuSetUp:
        return SmuSetUp()


class Test2400ThatEndsLinesOddlyAndTellsNominalRanges(PotentiostatCompliance):
    def set_up(self) -> SmuSetUp:
        electrodes = (ElectrodeSettings("glutamate", "we1", 0.8e-6),)
        cell = ConstantCell(currents_a=(0.345e-6, 0.0))
        options = {
            "model": "2400", "terminator": "lfcr", "executes_on": "terminator", "range_tells": "nominal",
            "clear_echo": "yes",
        }  # fmt: skip
        return SmuSetUp(options, {"terminator": "lfcr", "autozero": False}, electrodes, cell)


class Test6517B(PotentiostatCompliance):
    def set_up(self) -> SmuSetUp:
        return SmuSetUp({"model": "6517B", "terminator": "crlf"})


class TestFlowControlInASmallBuffer(PotentiostatCompliance):
    def set_up(self) -> SmuSetUp:
        return SmuSetUp(
            {"flow": "xon-xoff", "input_bytes": "40", "mains_hz": "60"}, {"flow": "xon-xoff", "mains_hz": 60}
        )
