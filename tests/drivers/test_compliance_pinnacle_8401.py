"""The 8401-HR driver against the simulated instruments: every rule that holds for any potentiostat."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from drivers.capabilities import AmperometrySettings, ElectrodeSettings, OptionValue
from drivers.compliance import PotentiostatCompliance
from drivers.pinnacle_8401 import PinnaclePotentiostat, build
from sim_devices.firmware import pinnacle_8401 as simulated
from tests.drivers.kit import URL, ConstantCell, FirmwareLine

TWO = (ElectrodeSettings("glutamate", "a", 50e-9), ElectrodeSettings("sentinel", "b", 100e-9))
FOUR = tuple(ElectrodeSettings(f"site {letter}", letter, 50e-9) for letter in "dcba")


@dataclass
class Cell(ConstantCell):
    """Four electrodes with one constant current each, in the order of the inputs."""

    currents_a: tuple[float, ...] = (1.2345e-9, -35e-12, 40e-9, 0.0)


@dataclass
class PinnacleSetUp:
    options: dict[str, str] = field(default_factory=dict)
    electrodes: tuple[ElectrodeSettings, ...] = TWO
    interval_s: float = 0.1
    settings_of_rig: dict[str, OptionValue] = field(default_factory=lambda: {"preamp": "8407-2BIO"})
    cell: ConstantCell = field(default_factory=Cell)

    def __post_init__(self) -> None:
        options = {"burst_ms": "40", **self.options}  # fewer, larger bursts: the tests take half the time
        self.line = FirmwareLine(simulated.build("stat", self.cell, options, np.random.default_rng(1)))
        self.clock = self.line.clock

    def driver(self, url: str = URL) -> PinnaclePotentiostat:
        return build(self.line, url, self.clock, self.line.options(settings=self.settings_of_rig))

    def settings(self) -> AmperometrySettings:
        return AmperometrySettings(potential_v=0.6, interval_s=self.interval_s, electrodes=self.electrodes)

    def current_a(self, channel: int) -> float:
        return self.cell.currents_a["abcd".index(self.electrodes[channel].electrode)]

    def cell_on(self) -> bool:
        self.line.firmware.transmit(self.clock.now_ns())
        return self.cell.on and self.cell.potential_v != 0.0

    def sent(self) -> int:
        return sum(map(len, self.line.sent))

    def unplug(self) -> None:
        self.line.plugged = False

    def plug(self) -> None:
        self.line.plugged = True


class TestTwoBiosensorsOnAMouse(PotentiostatCompliance):
    def set_up(self) -> PinnacleSetUp:
        return PinnacleSetUp({"wiring": "biased"})


class TestFourInVitroAtTwentyHertzWithMainsHum(PotentiostatCompliance):
    def set_up(self) -> PinnacleSetUp:
        rig: dict[str, OptionValue] = {"preamp": "7052"}
        return PinnacleSetUp({"wiring": "grounded", "mains_na": "20"}, FOUR, 0.05, rig)


class TestSilentSettingsLateEchoBiasKeptOverAReset(PotentiostatCompliance):
    def set_up(self) -> PinnacleSetUp:
        return PinnacleSetUp({"silent_sets": "1", "late_stream_echo": "1", "bias_after_reset": "kept"})


class TestItsOutputsAreDriven(PotentiostatCompliance):
    def set_up(self) -> PinnacleSetUp:
        return PinnacleSetUp(settings_of_rig={"preamp": "8407-2BIO", "ttl3_out": "infusion", "ttl4_out": "mark"})
