"""Two simulated New Era pumps on one chain, at virtual time, with the drivers of both on one shared line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from drivers.capabilities import DriverOptions, PumpProgram
from drivers.new_era import NewEraPump, build
from drivers.shared_line import SharedLines
from sim_devices.firmware import new_era as simulated
from tests.drivers.kit import URL, ChainFirmware, FirmwareLine, IdealPlunger, PumpBench

LONG = PumpProgram(diameter_mm=4.699, rate_ul_per_min=60.0, target_ul=900.0)
"""What the neighbour does meanwhile: 1 uL/s for a quarter of an hour."""


class Chain(PumpBench[NewEraPump]):
    """Pumps 0 and 1; a bench of pump 1. Pump 0 infuses from the beginning, driven by ``neighbour``."""

    def __init__(
        self,
        options: Mapping[str, str] | None = None,
        of_pump_1: Mapping[str, str] | None = None,
        *,
        starts_neighbour: bool = True,
    ) -> None:
        self.factory = build
        self.plungers = [IdealPlunger(), IdealPlunger()]
        each = ({"address": "0"}, {"address": "1", **(of_pump_1 or {})})
        self.firmwares = [
            simulated.build("pump", plunger, {**(options or {}), **own}, np.random.default_rng(1))
            for plunger, own in zip(self.plungers, each, strict=True)
        ]
        self.plunger = self.plungers[1]
        self.line = FirmwareLine(ChainFirmware(self.firmwares))
        self.clock = self.line.clock
        self.lines = SharedLines(self.line, self.clock)
        self.neighbour = self.pump(0)
        if starts_neighbour:
            self.neighbour.connect()
            self.neighbour.program(LONG)
            self.neighbour.start()

    def pump(self, address: int, url: str = URL, **options: Any) -> NewEraPump:
        return build(self.lines, url, self.clock, DriverOptions(f"pump{address}", address, **options))

    def driver(self, url: str = URL, **more: Any) -> NewEraPump:
        return self.pump(1, url, **more)

    def true_ul(self, address: int) -> float:
        self.line.firmware.transmit(self.clock.now_ns())
        return self.plungers[address].moved_ul(self.clock.now_ns())

    def power_cycle(self) -> None:
        self.firmwares[1].power_off(self.clock.now_ns())
        self.line.pass_s(1.0)
        self.firmwares[1].power_on(self.clock.now_ns())


class ChainOfStrangers(Chain):
    """Every driver of pump 1 comes with lines of its own, as in another program: two may be there at once.

    Pump 0 infuses by hand, so that what is sent is all meant for pump 1.
    """

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        super().__init__(options, starts_neighbour=False)
        for text in (b"0\r", b"0DIA4.699\r", b"0RAT60UM\r", b"0VOL900\r", b"0RUN\r"):
            self.firmwares[0].receive(text, self.clock.now_ns())
            self.firmwares[0].transmit(self.clock.now_ns())

    def driver(self, url: str = URL, **more: Any) -> NewEraPump:
        self.lines = SharedLines(self.line, self.clock)
        self.pump(0, url)
        return self.pump(1, url, **more)
