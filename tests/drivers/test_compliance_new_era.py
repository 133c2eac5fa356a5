"""The New Era driver against the simulated pump: every rule that holds for any syringe pump."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from drivers.capabilities import PumpProgram
from drivers.compliance import PumpCompliance
from drivers.new_era import NewEraPump, build
from sim_devices.firmware import new_era as simulated
from tests.drivers.kit import URL, FirmwareLine, IdealPlunger


@dataclass
class NewEraSetUp:
    options: dict[str, str]
    plunger: IdealPlunger = field(default_factory=IdealPlunger)

    def __post_init__(self) -> None:
        self.line = FirmwareLine(simulated.build("pump", self.plunger, self.options, np.random.default_rng(1)))
        self.clock = self.line.clock

    def driver(self) -> NewEraPump:
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


class TestFactoryFresh(PumpCompliance):
    def set_up(self) -> NewEraSetUp:
        return NewEraSetUp({})


class TestLeftInSafeMode(PumpCompliance):
    def set_up(self) -> NewEraSetUp:
        return NewEraSetUp({"saf": "200"})


class TestWithoutPrograms(PumpCompliance):
    def set_up(self) -> NewEraSetUp:
        return NewEraSetUp({"programs": "false", "old_firmware": "true", "stop_when_stopped": "S"})


class TestWithSomebodysLeftovers(PumpCompliance):
    def set_up(self) -> NewEraSetUp:
        return NewEraSetUp({"leftover_ul_per_min": "100", "pf": "true", "phn_digits": "2"})


class TestNE300(PumpCompliance):
    def set_up(self) -> NewEraSetUp:
        return NewEraSetUp({"model": "ne-300", "overlong": "?OOR"})


class TestNE500WithoutKeypad(PumpCompliance):
    def set_up(self) -> NewEraSetUp:
        return NewEraSetUp({"model": "ne-500", "low_noise_command": "false"})


class TestNE1002X(PumpCompliance):
    def set_up(self) -> NewEraSetUp:
        return NewEraSetUp({"model": "ne-1002x"})


class TestNE4000(PumpCompliance):
    def set_up(self) -> NewEraSetUp:
        return NewEraSetUp({"model": "ne-4000"})


class TestX2Firmware(PumpCompliance):
    def set_up(self) -> NewEraSetUp:
        return NewEraSetUp({"model": "ne-1000x2", "phn_digits": "2"})


class TestFirmwareOfAbout2009(PumpCompliance):
    def set_up(self) -> NewEraSetUp:
        return NewEraSetUp({"old_firmware": "true", "volume_unit_command": "false", "low_noise_command": "false"})


class TestVolumeUnitSetBySomebody(PumpCompliance):
    def set_up(self) -> NewEraSetUp:
        return NewEraSetUp({"stored_volume_unit": "ML", "volume_unit_outlives_diameter": "true", "loc": "true"})
