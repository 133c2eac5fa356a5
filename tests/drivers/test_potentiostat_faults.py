"""Every fault of the list, on every potentiostat family through its simulator. One class per family: a set-up only."""

from __future__ import annotations

from drivers.capabilities import ElectrodeSettings
from tests.drivers.kit import FirmwareLine
from tests.drivers.potentiostat_faults import PotentiostatFaults, Saw
from tests.drivers.test_compliance_methodscript import ONE, EmStatSetUp, MultiSetUp
from tests.drivers.test_compliance_pinnacle_8401 import PinnacleSetUp
from tests.drivers.test_compliance_rodeostat import RodeostatSetUp
from tests.drivers.test_compliance_scpi_smu import SmuSetUp

BOTH = (ElectrodeSettings("glutamate", "we1", 8e-9), ElectrodeSettings("sentinel", "we2", 8e-9))


class TestEmStat4(PotentiostatFaults):
    def set_up(self) -> EmStatSetUp:
        return EmStatSetUp({"model": "es4"}, ONE, Saw())


class TestPicoWithTwoElectrodes(PotentiostatFaults):
    stride = 9
    command_stride = 2

    def set_up(self) -> EmStatSetUp:
        return EmStatSetUp({"model": "pico", "xon_xoff_every": "7"}, BOTH, Saw())


class TestOneOfThreePortsOfAMultiEmStat4(PotentiostatFaults):
    restarts = True
    column = 1
    stride = 9
    command_stride = 2

    def set_up(self) -> MultiSetUp:
        return MultiSetUp(order=(1, 3, 2), cells=[Saw(), Saw(), Saw()])

    def line_of(self, bench: MultiSetUp) -> FirmwareLine:
        return bench.line(2)


class TestRodeostat(PotentiostatFaults):
    command_stride = 2

    def set_up(self) -> RodeostatSetUp:
        cell = Saw()
        cell.range_a = 50e-9
        return RodeostatSetUp(cell=cell)


class TestSourceMeasureUnit(PotentiostatFaults):
    stride = 9
    command_stride = 6
    run_s = 2.0

    def set_up(self) -> SmuSetUp:
        return SmuSetUp(cell=Saw())


class TestPinnacle(PotentiostatFaults):
    has_checksum = True
    forgets = True
    stride = 13
    command_stride = 5
    run_s = 0.8

    def set_up(self) -> PinnacleSetUp:
        cell = Saw()
        cell.range_a = 50e-9
        return PinnacleSetUp({"wiring": "biased"}, cell=cell)
