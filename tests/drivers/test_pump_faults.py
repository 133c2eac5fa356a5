"""Every fault of the list, on every pump family through its simulator. One class per family: a set-up only."""

from __future__ import annotations

from drivers.chemyx import ChemyxPump
from drivers.harvard_ultra import HarvardUltraPump
from drivers.new_era import NewEraPump
from tests.drivers.chain_kit import ChainOfStrangers
from tests.drivers.kit import PumpBench
from tests.drivers.pump_faults import PumpFaults
from tests.drivers.test_compliance_chemyx import ChemyxSetUp
from tests.drivers.test_compliance_harvard_ultra import HarvardSetUp
from tests.drivers.test_compliance_new_era import NewEraSetUp


class TestNewEra(PumpFaults):
    start_bytes = b"RUN"
    bauds = (19_200, 9600, 300)
    fragments = (
        b"\x02", b"\x03", b"\x0200S\x03", b"\x0200A?R\x03", b"\x0200A?S\x03", b"\x0200INE1000V3.9\x03",
        b"\x0200S?\x03", b"\x0200S5\x03", b"\x0200II1.000W0.000UL\x03", b"\x0200SRAT\x03", b"\xff" * 9,
        b"\x02\x07\x30\x30\x53\xaa\xa6\x03", b"\x0209P\x03", b"\x1b[2J\x03",
    )  # fmt: skip

    def set_up(self) -> PumpBench[NewEraPump]:
        return NewEraSetUp({})


class TestNewEraAsSecondOfAChain(TestNewEra):
    """Its sibling infuses. What comes under the sibling's address, late or not, must never pass for an answer."""

    stride = 3

    def set_up(self) -> PumpBench[NewEraPump]:
        return ChainOfStrangers()

    def from_another(self, answer: bytes) -> bytes | None:
        return answer.replace(b"\x0201", b"\x0200")


ULTRA_FRAGMENTS = (
    b"\n", b":", b"\x11", b"\r", b"\n:\x11", b"\n>\x11", b"\nT*\x11", b"\n0 0 0 i..TI.\r\n:\x11", b"\n1 ml\r\n:\x11",
    b"\n07:\x11", b"\nArgument error: x\r\n   y\r\n:\x11", b"\nFirmware: v3\r\n:\x11", b"\n4.6990 mm\r\n:", b"\xff\x00",
    b"\n1 nl/min to 2 ml/min\r\n:\x11", b"\n60 ul/min\r\n:\x11", b"\n100 ul\r\n:\x11", b"\n0 ul\r\n:\x11", b"",
    b"\n5 ul\r\n:\x11", b"\n1 1 1 I..TI.\r\n>\x11", b"\nError: \x1b[2J\r\n:\x11",
)  # fmt: skip


class TestHarvardUltra(PumpFaults):
    start_bytes = b"irun"
    bauds = (115_200, 9600)
    fragments = ULTRA_FRAGMENTS

    def set_up(self) -> PumpBench[HarvardUltraPump]:
        return HarvardSetUp({})


class TestHarvardUltraWithAddress(TestHarvardUltra):
    stride = 3

    def set_up(self) -> PumpBench[HarvardUltraPump]:
        return HarvardSetUp({"address": "3", "model": "phd-ultra", "status_after_prompt": "1", "targets": "last"})

    def from_another(self, answer: bytes) -> bytes | None:
        return answer.replace(b"\n03", b"\n07")


class TestChemyx(PumpFaults):
    start_bytes = b"start\r"
    bauds = (9600, 38_400, 115_200)
    fragments = (
        b">", b"\r\n>", b"0\r\n>", b"1\r\n>", b"4\r\n>", b"pump status\r1\r\n>", b"Invalid Command!\r\n>", b"\xff" * 9,
        b"start\rPump start running...\r\n>", b"stop\rPump stop!\r\n>", b"rate = 60.000000\r\n>", b"units = 2\r\n>",
        b"dispensed volume = 0.1000\r\n>", b"dispensed volume = 99999999\r\n>", b"elapsed time = 0.1\r\n>",
        b"unit = 2\r\ndia = 4.699\r\nrate = 1.0\r\nvolume = 5.0\r\n>", b"1 2 3 4\r\n>", b"4 3 2 1\r\n>",
        b"\x1b[2J\r\n>", b"delay = ",
    )  # fmt: skip

    def set_up(self) -> PumpBench[ChemyxPump]:
        return ChemyxSetUp({})


class TestChemyxWithoutEcho(TestChemyx):
    stride = 3

    def set_up(self) -> PumpBench[ChemyxPump]:
        return ChemyxSetUp({"echo": "off"})
