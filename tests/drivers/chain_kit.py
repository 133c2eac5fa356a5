"""Two simulated New Era pumps on one chain, at virtual time, with the drivers of both on one shared line."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from drivers.capabilities import DriverOptions, PumpProgram
from drivers.new_era import NewEraPump, build
from drivers.shared_line import SharedLines
from sim_devices.firmware import new_era as simulated
from tests.drivers.kit import URL, ChainFirmware, FirmwareLine, IdealPlunger

LONG = PumpProgram(diameter_mm=4.699, rate_ul_per_min=60.0, target_ul=900.0)
"""What the neighbour does meanwhile: 1 uL/s for a quarter of an hour."""


@dataclass
class Chain:
    """Pumps 0 and 1. Implements ``PumpSetUp`` for pump 1; pump 0 infuses from the beginning."""

    options: dict[str, str] = field(default_factory=dict)
    of_pump_1: dict[str, str] = field(default_factory=dict)
    starts_neighbour: bool = True

    def __post_init__(self) -> None:
        self.plungers = [IdealPlunger(), IdealPlunger()]
        each = ({"address": "0"}, {"address": "1", **self.of_pump_1})
        self.firmwares = [
            simulated.build("pump", plunger, {**self.options, **own}, np.random.default_rng(1))
            for plunger, own in zip(self.plungers, each, strict=True)
        ]
        self.line = FirmwareLine(ChainFirmware(self.firmwares))
        self.clock = self.line.clock
        self.lines = SharedLines(self.line, self.clock)
        self.neighbour = self.pump(0)
        if self.starts_neighbour:
            self.neighbour.connect()
            self.neighbour.program(LONG)
            self.neighbour.start()

    def pump(self, address: int, **options: object) -> NewEraPump:
        return build(self.lines, URL, self.clock, DriverOptions(f"pump{address}", address, **options))  # type: ignore[arg-type]

    def driver(self) -> NewEraPump:
        return self.pump(1)

    def program(self) -> PumpProgram:
        return PumpProgram(diameter_mm=4.699, rate_ul_per_min=50.0, target_ul=20.0)

    def true_ul(self, address: int) -> float:
        self.line.firmware.transmit(self.clock.now_ns())
        return self.plungers[address].moved_ul(self.clock.now_ns())

    def moved_ul(self) -> float:
        return self.true_ul(1)

    def sent(self) -> int:
        return sum(map(len, self.line.sent))

    def power_cycle(self) -> None:
        self.firmwares[1].power_off(self.clock.now_ns())
        self.line.pass_s(1.0)
        self.firmwares[1].power_on(self.clock.now_ns())

    def unplug(self) -> None:
        self.line.plugged = False

    def plug(self) -> None:
        self.line.plugged = True
