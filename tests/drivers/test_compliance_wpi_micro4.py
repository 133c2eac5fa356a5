"""The Micro4 driver against the simulated controller in each of its doubtful variants: every rule of any pump."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from drivers.capabilities import OptionValue, PumpProgram
from drivers.compliance import PumpCompliance
from drivers.wpi_micro4 import Micro4Pump, build
from sim_devices.firmware import wpi_micro4 as simulated
from sim_devices.firmware.wpi_micro4 import Micro4Firmware
from tests.drivers.kit import IdealPlunger, PumpBench

DIAMETER_MM = 0.46
TYPE_A_MM = (4 * 10.0 / 60.0 / np.pi) ** 0.5
"""Type A is 10 uL over 60 mm: what the controller counts is true for a syringe of this width."""


class Micro4SetUp(PumpBench[Micro4Pump]):
    def __init__(self, options: Mapping[str, str], settings: Mapping[str, OptionValue] | None = None) -> None:
        super().__init__(simulated.build, build, options, settings, IdealPlunger(TYPE_A_MM))

    @property
    def controller(self) -> Micro4Firmware:
        assert isinstance(self.line.firmware, Micro4Firmware)
        return self.line.firmware

    def program(self) -> PumpProgram:
        return PumpProgram(DIAMETER_MM, 1.2, 0.4)


def set_up(settings: dict[str, OptionValue] | None = None, **options: str) -> Micro4SetUp:
    return Micro4SetUp(options, settings)


class TestAsTheOneDriverSawIt(PumpCompliance):
    def set_up(self) -> Micro4SetUp:
        return set_up(terminator="cr", echo="on")


class TestAsTheManualPrintsItOnAnotherLine(PumpCompliance):
    def set_up(self) -> Micro4SetUp:
        return set_up(
            {"line": 3},
            terminator="semicolon",
            plunger_line="3",
            echo="prompt",
            ok="plain",
            told="false",
            resumes="false",
            grouped="true",
            remaining="true",
        )


class TestWithoutEchoForgetfulAndWithOtherTexts(PumpCompliance):
    def set_up(self) -> Micro4SetUp:
        return set_up(
            {"line": 2, "syringe_type": "A", "running_text": "Infusing", "paused_text": "Waiting"},
            plunger_line="2",
            selected="4",
            echo="off",
            ok="prompt",
            unknown="error",
            running_text="Infusing",
            paused_text="Waiting",
            out_of_range="keep",
            counter_clears="true",
            remembers="false",
            wrong_r="false",
            syringe_type="5",
        )
