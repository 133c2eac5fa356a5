"""The Ultra driver against the simulated pump: every rule for any syringe pump, with each doubtful switch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from drivers.capabilities import PumpProgram
from drivers.compliance import PumpCompliance
from drivers.harvard_ultra import HarvardUltraPump, build
from sim_devices.firmware import harvard_ultra as simulated
from tests.drivers.kit import URL, FirmwareLine, IdealPlunger


@dataclass
class HarvardSetUp:
    options: dict[str, str]
    plunger: IdealPlunger = field(default_factory=IdealPlunger)

    def __post_init__(self) -> None:
        self.line = FirmwareLine(simulated.build("pump", self.plunger, self.options, np.random.default_rng(1)))
        self.clock = self.line.clock

    def driver(self, **more: object) -> HarvardUltraPump:
        address = int(self.options.get("address", "0"))
        return build(self.line, URL, self.clock, self.line.options(address=address, **more))

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


class TestLegatoAsRecorded(PumpCompliance):
    def set_up(self) -> HarvardSetUp:
        return HarvardSetUp({})


class TestEliteWithAddress(PumpCompliance):
    def set_up(self) -> HarvardSetUp:
        return HarvardSetUp({"model": "elite-11", "address": "12", "nvram": "off", "target_unset_dot": "1"})


class TestPhdUltraWithOldFirmware(PumpCompliance):
    def set_up(self) -> HarvardSetUp:
        return HarvardSetUp(
            {
                "model": "phd-ultra",
                "status_after_prompt": "1",
                "prefix_at_zero": "always",
                "version_spacing": "narrow",
                "target_prompt": "T:",
                "status_counts": "al",
            }
        )


class TestPaddedStatusAndOneTargetOnly(PumpCompliance):
    def set_up(self) -> HarvardSetUp:
        return HarvardSetUp({"status_padded": "1", "targets": "last", "nvram": "rsave", "echo": "1", "poll": "remote"})


class TestInfuseOnlyOnAnotherScreen(PumpCompliance):
    def set_up(self) -> HarvardSetUp:
        return HarvardSetUp({"withdraws": "0", "targets": "volume", "poll_persists": "1", "quick_start": "0"})


class TestSettingsThatSurvive(PumpCompliance):
    def set_up(self) -> HarvardSetUp:
        return HarvardSetUp({"poll_persists": "1", "settings_persist": "1", "leftover_ramp": "1"})


class TestPollFoundOnAndCountersThatSurvive(PumpCompliance):
    def set_up(self) -> HarvardSetUp:
        return HarvardSetUp({"counters_persist": "1"})
