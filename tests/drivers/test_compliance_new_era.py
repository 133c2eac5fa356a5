"""The New Era driver against the simulated pump: every rule that holds for any syringe pump."""

from __future__ import annotations

from collections.abc import Mapping

from drivers.compliance import PumpCompliance
from drivers.new_era import NewEraPump, build
from sim_devices.firmware import new_era as simulated
from tests.drivers.kit import PumpBench


class NewEraSetUp(PumpBench[NewEraPump]):
    def __init__(self, options: Mapping[str, str]) -> None:
        super().__init__(simulated.build, build, options)


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
