"""Several lines of one Micro4, each with a driver of its own, on the one port that the controller has."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from drivers.capabilities import DriverOptions, Motion, PumpProgram, WireRecord
from drivers.compliance import PumpCompliance
from drivers.errors import ExchangeError, LineTaken
from drivers.shared_line import SharedLines
from drivers.wpi_micro4 import Micro4Pump, build
from sim_devices.firmware.motor import RUNNING
from sim_devices.firmware.wpi_micro4 import Micro4Firmware, Micro4Options
from sim_devices.firmware.wpi_micro4.controller import Controller
from tests.drivers.kit import URL, FirmwareLine, IdealPlunger
from tests.drivers.test_compliance_wpi_micro4 import DIAMETER_MM, TYPE_A_MM

LONG = PumpProgram(DIAMETER_MM, 0.6, 9.0)
"""What the neighbour does meanwhile: 10 nL/s for a quarter of an hour."""


@dataclass
class Box:
    """Lines 1 and 2. Implements ``PumpSetUp`` for line 2; line 1 infuses from the beginning."""

    options: Micro4Options = field(default_factory=Micro4Options)
    starts_neighbour: bool = True

    def __post_init__(self) -> None:
        self.plungers = [IdealPlunger(TYPE_A_MM), IdealPlunger(TYPE_A_MM)]
        box = Controller()
        box.add(self.plungers[0], self.options)
        box.add(self.plungers[1], replace(self.options, address=2))
        assert isinstance(box.firmware, Micro4Firmware)
        self.controller = box.firmware
        self.line = FirmwareLine(self.controller)
        self.clock = self.line.clock
        self.lines = SharedLines(self.line, self.clock)
        self.neighbour = self.pump(1)
        if self.starts_neighbour:
            self.neighbour.connect()
            self.neighbour.program(LONG)
            self.neighbour.start()

    def pump(self, address: int, **options: object) -> Micro4Pump:
        return build(self.lines, URL, self.clock, DriverOptions(f"pump{address}", address, **options))  # type: ignore[arg-type]

    def driver(self) -> Micro4Pump:
        return self.pump(2)

    def program(self) -> PumpProgram:
        return PumpProgram(DIAMETER_MM, 1.2, 0.4)

    def moved_ul(self) -> float:
        self.controller.transmit(self.clock.now_ns())
        return self.plungers[1].moved_ul(self.clock.now_ns())

    def sent(self) -> int:
        return sum(map(len, self.line.sent))

    def power_cycle(self) -> None:
        self.controller.power_off(self.clock.now_ns())
        self.line.pass_s(1.0)
        self.controller.power_on(self.clock.now_ns())

    def unplug(self) -> None:
        self.line.plugged = False

    def plug(self) -> None:
        self.line.plugged = True


class TestLine2WhileLine1Infuses(PumpCompliance):
    def set_up(self) -> Box:
        return Box()


class TestLine2WhileLine1InfusesWithEcho(PumpCompliance):
    def set_up(self) -> Box:
        return Box(Micro4Options(echo="on"))


def both_running(options: Micro4Options | None = None) -> tuple[Box, Micro4Pump]:
    box = Box(options or Micro4Options())
    second = box.driver()
    second.connect()
    second.program(box.program())
    second.start()
    return box, second


def test_each_driver_sees_and_stops_its_own_line_only() -> None:
    box, second = both_running()
    box.line.pass_s(5.0)
    assert second.status().infused_ul == pytest.approx(0.1, abs=0.005)
    assert box.neighbour.status().infused_ul == pytest.approx(0.05, abs=0.01)
    assert second.stop().motion is Motion.STOPPED
    assert box.neighbour.status().motion is Motion.INFUSING
    assert [channel.motor.state == RUNNING for channel in box.controller.channels] == [True, False, False, False]


def test_no_other_pump_selects_its_line_between_a_selection_and_its_command() -> None:
    box, second = both_running()
    select = second.link.select
    kept_out: list[bool] = []

    def then_the_neighbour_asks(line: int, **more: object) -> None:
        select(line, **more)  # type: ignore[arg-type]
        with pytest.raises(LineTaken):
            box.neighbour.status()
        kept_out.append(box.controller.selected == line)

    second.link.select = then_the_neighbour_asks  # type: ignore[method-assign]
    assert second.status().motion is Motion.INFUSING
    assert kept_out == [True, True], "for the state and for the counter"
    assert box.neighbour.status().motion is Motion.INFUSING


def test_R33_a_stop_between_selection_and_start_keeps_the_start_from_being_sent() -> None:
    box = Box()
    stopped: list[bool] = []

    def stop_the_neighbour(record: WireRecord) -> None:
        if record.data == b"L2\r" and watching and not stopped:
            stopped.append(True)
            assert box.neighbour.stop().motion is Motion.STOPPED

    watching: list[bool] = []
    second = box.pump(2, on_wire=stop_the_neighbour)
    second.connect()
    second.program(box.program())
    original = second.link.turn

    def turn(command: str, **more: object) -> object:
        if command == "G":
            watching.append(True)
        return original(command, **more)  # type: ignore[arg-type]

    second.link.turn = turn  # type: ignore[method-assign, assignment]
    with pytest.raises(LineTaken):
        second.start()
    assert stopped
    assert box.line.sent.count(b"G\r") == 1, "the neighbour's, long before"
    assert [channel.motor.state == RUNNING for channel in box.controller.channels] == [False] * 4
    assert second.status().motion is Motion.STOPPED


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("options", [Micro4Options(echo="on"), Micro4Options(echo="off", told=False)])
def test_L7_an_answer_for_another_line_that_comes_late_is_not_taken_for_ours(options: Micro4Options, seed: int) -> None:
    box, second = both_running(options)
    rng = np.random.default_rng(seed)
    not_before_ns = 0

    def late(data: bytes) -> list[tuple[float, bytes]]:
        nonlocal not_before_ns
        now_ns = box.clock.now_ns()
        extra_ns = round(1e9 * float(rng.uniform(0.3, 1.0))) if rng.random() < 0.15 else 0
        not_before_ns = max(not_before_ns, now_ns + extra_ns)  # a wire keeps its order
        return [((not_before_ns - now_ns) / 1e9, data)]

    box.line.from_device = late
    for _poll in range(8):
        for pump, plunger in ((second, box.plungers[1]), (box.neighbour, box.plungers[0])):
            before_ul = plunger.moved_ul(box.clock.now_ns())
            try:
                status = pump.status()
            except ExchangeError:
                continue
            if box.clock.now_ns() < 15e9:
                assert status.motion is Motion.INFUSING
            assert before_ul - 0.002 <= status.infused_ul <= plunger.moved_ul(box.clock.now_ns()) + 0.002


def test_L7_a_lost_answer_of_one_line_makes_the_other_ask_for_something_unmistakable_first() -> None:
    box, second = both_running(Micro4Options(echo="off"))
    box.line.from_device = lambda data: [] if box.line.sent[-1] == b"?G\r" else [(0.0, data)]
    with pytest.raises(ExchangeError):
        box.neighbour.status()
    box.line.from_device = lambda data: [(0.0, data)]
    before = len(box.line.sent)
    assert second.status().motion is Motion.INFUSING
    assert box.line.sent[before : before + 3] == [b"?B\r", b"L2\r", b"?G\r"]


def test_a_lost_start_halts_no_line_that_another_pump_of_the_rig_has_started_meanwhile() -> None:
    box = Box(starts_neighbour=False)
    box.neighbour.connect()
    box.neighbour.program(LONG)
    pump = box.driver()
    pump.connect()
    pump.program(box.program())
    pump._strays.note_before_start()
    pump._strays.may_run = True  # its G was sent and never arrived
    box.neighbour.start()
    assert pump.status().motion is Motion.STOPPED
    assert box.neighbour.status().motion is Motion.INFUSING
