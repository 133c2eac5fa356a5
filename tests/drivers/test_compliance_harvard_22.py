"""The driver for older Harvard pumps against simulated PHD 2000s in each doubtful variant: every rule of any pump.

Other models are not here: no infusion is possible with them (``test_harvard_22_faults``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from drivers.capabilities import OptionValue, PumpProgram
from drivers.compliance import PumpCompliance
from drivers.harvard_22 import Harvard22Pump, build
from sim_devices.firmware import harvard_22 as simulated
from sim_devices.firmware.harvard_22 import Harvard22Firmware
from tests.drivers.kit import URL, IdealPlunger
from tests.drivers.pump_setup import SimulatedPumpSetUp


@dataclass
class Harvard22SetUp(SimulatedPumpSetUp):
    address: int
    settings: dict[str, OptionValue]

    @property
    def pump(self) -> Harvard22Firmware:
        assert isinstance(self.firmware, Harvard22Firmware)
        return self.firmware

    def driver(self, abort: Callable[[], bool] = lambda: False) -> Harvard22Pump:
        options = self.line.options(address=self.address, settings=self.settings, abort=abort)
        return build(self.line, URL, self.clock, options)


def set_up(settings: dict[str, OptionValue] | None = None, **options: str) -> Harvard22SetUp:
    plunger = IdealPlunger()
    firmware = simulated.build("pump", plunger, options, np.random.default_rng(1))
    infusion = PumpProgram(diameter_mm=4.699, rate_ul_per_min=60.0, target_ul=20.0)
    return Harvard22SetUp(firmware, plunger, infusion, int(options.get("address", "0")), settings or {})


class TestAsTheReferencePrintsIt(PumpCompliance):
    def set_up(self) -> Harvard22SetUp:
        return set_up(address="3")


class TestWithWidthsAndEndsOfOthers(PumpCompliance):
    def set_up(self) -> Harvard22SetUp:
        return set_up(
            address="12",
            address_digits="two",
            extra_cr="true",
            line_ends="lf",
            padded="true",
            unit_text="min",
            stop_prompt="colon",
            end_prompt="star",
            mode_text="short",
            auto_fill="false",
        )


class TestWithABareTargetThatSomebodyHasWeighed(PumpCompliance):
    def set_up(self) -> Harvard22SetUp:
        return set_up(
            {"target_unit": "ml"},
            prints_unit="false",
            address_digits="none",
            counter_clears="true",
            resumes="false",
            remembers="true",
            decimals="5",
        )
