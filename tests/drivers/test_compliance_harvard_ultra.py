"""The Ultra driver against the simulated pump: every rule for any syringe pump, with each doubtful switch."""

from __future__ import annotations

from collections.abc import Mapping

from drivers.compliance import PumpCompliance
from drivers.harvard_ultra import HarvardUltraPump, build
from sim_devices.firmware import harvard_ultra as simulated
from tests.drivers.kit import PumpBench


class HarvardSetUp(PumpBench[HarvardUltraPump]):
    def __init__(self, options: Mapping[str, str]) -> None:
        super().__init__(simulated.build, build, options)


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


class TestInfuseOnlyModelWithMechanicsOfItsOwn(PumpCompliance):
    def set_up(self) -> HarvardSetUp:
        return HarvardSetUp({"model": "legato-200", "gang": "0", "nvram": "off"})


class TestNanolitreModel(PumpCompliance):
    def set_up(self) -> HarvardSetUp:
        return HarvardSetUp({"model": "nanomite", "forgets": "1", "trigger": "low"})
