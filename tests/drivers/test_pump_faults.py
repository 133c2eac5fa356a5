"""Every fault of the list, on every pump family through its simulator. One class per family: a set-up only."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from drivers.capabilities import PumpProgram
from drivers.chemyx import ChemyxPump
from drivers.harvard_22 import Harvard22Pump
from drivers.harvard_ultra import HarvardUltraPump
from drivers.new_era import NewEraPump
from drivers.wpi_micro4 import Micro4Pump
from tests.drivers.chain_kit import ChainOfStrangers
from tests.drivers.kit import PumpBench
from tests.drivers.pump_faults import ANSWERS, COMMANDS, PumpFaults, Trial, nth_answer, nth_command
from tests.drivers.test_compliance_chemyx import ChemyxSetUp
from tests.drivers.test_compliance_harvard_22 import Harvard22SetUp
from tests.drivers.test_compliance_harvard_ultra import HarvardSetUp
from tests.drivers.test_compliance_new_era import NewEraSetUp
from tests.drivers.test_compliance_wpi_micro4 import DIAMETER_MM, Micro4SetUp


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


class TestNewEraInBasicMode(TestNewEra):
    """The rig says that there is to be no watchdog: packets have no checksum then."""

    arms = False
    stride = 2


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


class TestMicro4(PumpFaults):
    stride = 3
    start_bytes = rb"\AG\r?\Z"
    program = PumpProgram(DIAMETER_MM, 1.2, 0.04)
    bauds = (9600,)
    fragments = (
        b"OK\n\r", b"\n\rOK\n\r", b"\n\r>OK\n\r", b"L1\n\rOK\n\r", b"G\n\r>OK\n\r", b"H\n\r>OK\n\r",
        b"?G>Motor State: Stopped\n\r>OK\n\r", b"?G>Motor State: Running\n\r>OK\n\r",
        b"?D>Direction: Infuse\n\r>OK\n\r", b"\xff" * 9, b"\x1b[2J",
        b"?C>Volume Counter = 0.0nL \n\rOK\n\r", b"?C>Volume Counter = 999999.9nL \n\rOK\n\r",
        b"?S>Type A, 10.0uL, 60.0\n\r>OK\n\r", b"?S>Type A, 0.0uL, 0.0\n\r>OK\n\r", b"?V>Target Volume = 1.0nL",
        b"?G>Motor State: \x1b\n\r>OK\n\r",
    )  # fmt: skip

    def set_up(self) -> PumpBench[Micro4Pump]:
        return Micro4SetUp({"terminator": "cr", "echo": "on"})


class TestMicro4ThatWantsSemicolonsAndDoesNotEcho(TestMicro4):
    stride = 9

    def set_up(self) -> PumpBench[Micro4Pump]:
        return Micro4SetUp({"terminator": "semicolon", "echo": "off", "told": "off"})


class TestPhd2000(PumpFaults):
    start_bytes = rb"RUN\r"
    forgets = True
    bauds = (9600, 19_200, 1200)
    fragments = (
        b"\r\n0:", b"\r\n0>", b"\r\n0<", b"\r\n0*", b"\r\nNA\r\n0:", b"\r\n?\r\n0:", b"\r\nOOR\r\n0:", b"0", b":",
        b"\r\nPHD1.2\r\n0>", b"\r\nPHD1.2\r\n0:", b"\r\nVOLUME\r\n0:", b"\r\nINFUSE\r\n7:", b"\r\n\x1b[2J\r\n0:",
        b"\r\n0.0200 ml\r\n0:", b"\r\n99999 ml\r\n0>", b"\r\n0.0000 ml\r\n0:", b"\r\n4.6990\r\n0:",
        b"\r\n60.000 ul/mn\r\n0:", b"\xff" * 9,
    )  # fmt: skip

    def set_up(self) -> PumpBench[Harvard22Pump]:
        return Harvard22SetUp({})

    def from_another(self, answer: bytes) -> bytes | None:
        return answer.replace(b"\n0", b"\n7")


class TestPhd2000WithoutUnitsThatSaysColonAfterStp(TestPhd2000):
    stride = 3

    def set_up(self) -> PumpBench[Harvard22Pump]:
        options = {"prints_unit": "off", "stop_prompt": "colon", "line_ends": "lf", "decimals": "5"}
        return Harvard22SetUp(options, {"target_unit": "ml"})


@pytest.mark.parametrize("fault", [*ANSWERS, *COMMANDS])
@pytest.mark.parametrize("model", ["22", "11", "33", "oem"])
def test_an_older_harvard_that_cannot_prove_its_target_infuses_under_no_fault(model: str, fault: str) -> None:
    """Whatever becomes of one answer or command: nothing that sets or starts is ever sent, and it can be stopped."""
    for number in itertools.count():
        trial = Trial(Harvard22SetUp({"model": model}), rb"RUN\r")
        rng = np.random.default_rng(number)
        if fault in ANSWERS:
            trial.bench.line.from_device = change = nth_answer(number, ANSWERS[fault](rng))
        else:
            trial.bench.line.to_device = change = nth_command(number, COMMANDS[fault](rng))  # type: ignore[assignment]
        trial.until_done("connect")
        for name in ("program", "start", "read_back"):
            assert trial.act(name, *([trial.program] if name == "program" else [])) is None
        trial.act("status")
        trial.act("stop")
        assert not any(re.search(rb"RUN|[A-Z] ?[0-9]", data) for data in trial.bench.line.sent)
        if not change.came:
            break
        trial.heal()
        assert trial.bench.moved_ul() == 0.0
    assert number > 6
