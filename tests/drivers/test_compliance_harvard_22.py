"""The driver for older Harvard pumps against simulated PHD 2000s in each doubtful variant: every rule of any pump.

Other models are not here: no infusion is possible with them (``test_harvard_22_faults``).
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers.capabilities import OptionValue, PumpProgram
from drivers.compliance import PumpCompliance
from drivers.harvard_22 import Harvard22Pump, build
from sim_devices.firmware import harvard_22 as simulated
from sim_devices.firmware.harvard_22 import Harvard22Firmware
from tests.drivers.kit import PumpBench


class Harvard22SetUp(PumpBench[Harvard22Pump]):
    def __init__(self, options: Mapping[str, str], settings: Mapping[str, OptionValue] | None = None) -> None:
        super().__init__(simulated.build, build, options, settings)

    @property
    def pump(self) -> Harvard22Firmware:
        assert isinstance(self.line.firmware, Harvard22Firmware)
        return self.line.firmware

    def program(self) -> PumpProgram:
        return PumpProgram(diameter_mm=4.699, rate_ul_per_min=60.0, target_ul=20.0)


def set_up(settings: dict[str, OptionValue] | None = None, **options: str) -> Harvard22SetUp:
    return Harvard22SetUp(options, settings)


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
