"""The Chemyx driver against the simulated pump in each of its doubtful variants: every rule of any syringe pump."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from drivers.capabilities import PumpProgram
from drivers.chemyx import ChemyxPump, build
from drivers.compliance import PumpCompliance
from sim_devices.firmware import chemyx as simulated
from tests.drivers.kit import URL, FirmwareLine, IdealPlunger


@dataclass
class ChemyxSetUp:
    options: dict[str, str]
    plunger: IdealPlunger = field(default_factory=IdealPlunger)

    def __post_init__(self) -> None:
        self.line = FirmwareLine(simulated.build("pump", self.plunger, self.options, np.random.default_rng(1)))
        self.clock = self.line.clock

    def driver(self) -> ChemyxPump:
        return build(self.line, URL, self.clock, self.line.options())

    def program(self) -> PumpProgram:
        return PumpProgram(diameter_mm=4.699, rate_ul_per_min=50.0, target_ul=20.0)

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


class TestAsTheReferencePrintsIt(PumpCompliance):
    def set_up(self) -> ChemyxSetUp:
        return ChemyxSetUp({})


class TestSilentEchoAndOtherTexts(PumpCompliance):
    def set_up(self) -> ChemyxSetUp:
        return ChemyxSetUp(
            {
                "echo": "off",
                "view_separator": "crlf",
                "view_unit": "text",
                "start_text": "ellipsis",
                "status_command": "status",
                "decimals": "5",
                "counter_clears": "set",
            }
        )


class TestCountsOnAndForgets(PumpCompliance):
    def set_up(self) -> ChemyxSetUp:
        return ChemyxSetUp(
            {
                "echo_end": "lfcr",
                "start_text": "started",
                "status_command": "pump status",
                "out_of_range": "keep",
                "counter_clears": "never",
                "remembers": "false",
            }
        )
