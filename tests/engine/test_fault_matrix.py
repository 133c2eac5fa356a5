"""R45: every row of the fault matrix has its one alarm, or a reason; and each alarm is raised by its fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.engine.alarms import TABLE
from acquisition.engine.fault_matrix import MATRIX
from acquisition.messages import Attend, RecorderView, Start
from acquisition.plan import Step, WaitStep
from drivers.capabilities import Motion, PumpAlarm, PumpStatus
from drivers.errors import (
    DeviceRefused,
    ForeignTraffic,
    GarbledReply,
    PortLost,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from tests.engine.kit import INFUSION, PUMP, FakePump, Lab, make_plan, seconds

ROWS = [
    *(f"L{n}" for n in range(1, 16)), *(f"D{n}" for n in range(1, 10)), *(f"H{n}" for n in range(1, 8)),
    *(f"R{n}" for n in range(1, 6)), *(f"S{n}" for n in range(1, 5)), *(f"T{n}" for n in range(1, 4)),
    *(f"U{n}" for n in range(1, 4)), *(f"C{n}" for n in range(1, 4)),
]  # fmt: skip
SLOWLY = [replace(INFUSION, volume_ul=10.0)]
HALFWAY = "20s"

Scenario = Callable[[Path], Lab]


def bytes_with(*faults: str, until_s: float = 60.0) -> Scenario:
    """The simulated bench with these faults; the infusion runs from about 2 s to 42 s."""

    def run(tmp_path: Path) -> Lab:
        lab = Lab(tmp_path, faults=faults)
        lab.run(until_s)
        return lab

    return run


def pump_that(befall: Callable[[FakePump], None], *, when_ready: bool = False, for_s: float = 35.0) -> Scenario:
    """A pump that is well until it infuses (or until the session is ready), then is not."""

    def run(tmp_path: Path) -> Lab:
        lab = Lab(tmp_path, make_plan(SLOWLY), operator=not when_ready)
        if when_ready:
            lab.until(lambda: lab.conductor.phase == "ready")
        else:
            lab.until_infusing()
            lab.run(lab.now_s + 5)
        befall(lab.fake)
        lab.run(lab.now_s + for_s)
        return lab

    return run


def pump_from_the_start(befall: Callable[[FakePump], None], setup: object = PUMP) -> Scenario:
    def run(tmp_path: Path) -> Lab:
        lab = Lab(tmp_path, make_plan(SLOWLY, pumps=[setup]))  # type: ignore[list-item]
        befall(lab.fake)
        lab.run(60)
        return lab

    return run


def recording_that(befall: Callable[[Lab], None]) -> Scenario:
    def run(tmp_path: Path) -> Lab:
        lab = Lab(tmp_path, make_plan(SLOWLY))
        lab.until_infusing()
        befall(lab)
        lab.run(lab.now_s + 6)
        return lab

    return run


def stands_still_for(seconds_long: float) -> Scenario:
    def run(tmp_path: Path) -> Lab:
        lab = Lab(tmp_path, make_plan([WaitStep(1, "baseline", 60.0)]))
        lab.until(lambda: lab.now_s > 10)
        lab.clock.jump_ns(seconds(seconds_long))
        lab.run(lab.now_s + 5)
        return lab

    return run


def nobody_left(tmp_path: Path) -> Lab:
    """A window of which nothing is heard any more, hanging or dead, while an infusion is still to come."""
    steps: list[Step] = [WaitStep(1, "baseline", 90.0), replace(INFUSION, number=2)]
    lab = Lab(tmp_path, make_plan(steps), operator=False, watched=False)
    lab.send(Attend(operator="anna"))
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.send(Start(request=1))
    lab.run(60)
    return lab


def defect(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path)
    lab.fake.raises["status"] = [None, None, ZeroDivisionError("a defect of a driver")]
    lab.run(10)
    return lab


def sensor_that(quality: str) -> Scenario:
    def run(tmp_path: Path) -> Lab:
        lab = Lab(tmp_path, make_plan([WaitStep(1, "baseline", 90.0)]))
        lab.until(lambda: lab.now_s > 10)
        setattr(lab.sensors["sensor"], quality, True)
        lab.run(lab.now_s + 60)
        return lab

    return run


def _moves_by_its_own_key(pump: FakePump) -> None:
    pump.rogue = True


def _set(name: str, value: object) -> Callable[[FakePump], None]:
    return lambda pump: setattr(pump, name, value)


def _raise(call: str, error: BaseException) -> Callable[[FakePump], None]:
    return lambda pump: pump.raises.__setitem__(call, [error])


def _counter_at_zero(pump: FakePump) -> None:
    pump.counter_ul, pump.moving = 0.0, False


def _another_behind_the_plug(pump: FakePump) -> None:
    pump.raises["status"] = [PortLost("unplugged")]
    pump.raises["connect"] = [WrongInstrument("serial number 7 where 5 was")] * 50


def _limit_switch(pump: FakePump) -> None:
    """It stands, and every answer says why."""
    pump.moving, well = False, pump.status

    def status() -> PumpStatus:
        return replace(well(), motion=Motion.STOPPED, alarm=PumpAlarm.STALL)

    pump.status = status  # type: ignore[method-assign]


def _never_stops(pump: FakePump) -> None:
    pump.stops_on_stop = False
    pump.speed_factor = 2.0  # the engine has a reason to stop it, and it does not obey


def _fails(lab: Lab) -> None:
    lab.sink.failing, lab.sink.frozen = "No space left on device", True


def _fills(lab: Lab) -> None:
    lab.sink.view = lambda: RecorderView(records=1, disk_free_bytes=10**12, queue_fill=0.6)  # type: ignore[method-assign]


SCENARIOS: dict[str, Scenario] = {
    "L1": bytes_with(f"drug:drop@{HALFWAY}+4s"),
    "L2": pump_from_the_start(_raise("start", ReplyTimeout("no answer"))),
    "L4": bytes_with(f"drug:garble@{HALFWAY}+2s"),
    "L5": pump_from_the_start(_raise("program", ReadbackMismatch("rate 30 instead of 3"))),
    "L6": bytes_with(f"drug:drop@{HALFWAY}+2s"),
    "L7": bytes_with(f"drug:delay@{HALFWAY}+2s=1500ms"),
    "L8": pump_that(_raise("status", ForeignTraffic("our own question came back"))),
    "L9": pump_that(lambda pump: pump.raises.__setitem__("status", [GarbledReply("4096 bytes and no end")] * 50)),
    "L10": bytes_with(f"drug:unplug@{HALFWAY}"),
    "L11": bytes_with(f"drug:unplug@{HALFWAY}+5s"),
    "L12": pump_that(_another_behind_the_plug),
    "L13": pump_from_the_start(lambda _pump: None, replace(PUMP, expected_model="AL-9")),
    "L14": pump_that(_raise("read_back", ForeignTraffic("an answer nobody asked for"))),
    "L15": bytes_with(f"drug:garble@{HALFWAY}+10s"),
    "D1": bytes_with(f"drug:power-cycle@{HALFWAY}"),
    "D2": pump_that(_counter_at_zero),
    "D3": pump_that(_set("readback_factor", 1.1)),
    "D4": bytes_with(f"drug:stall@{HALFWAY}"),
    "D5": pump_that(_never_stops),
    "D6 fast": pump_from_the_start(_set("speed_factor", 1.5)),
    "D6 slow": pump_from_the_start(_set("speed_factor", 0.7)),
    "D6 slightly": pump_from_the_start(_set("speed_factor", 0.97)),
    "D6 not at all": pump_from_the_start(_set("speed_factor", 0.0)),
    "D7 stopped": pump_that(_set("moving", value=False)),
    "D7 started": pump_that(_moves_by_its_own_key, when_ready=True, for_s=3.0),
    "D8": pump_from_the_start(_raise("program", DeviceRefused("?OOR"))),
    "D9": pump_that(_limit_switch, for_s=5.0),
    "H1": nobody_left,
    "H2": nobody_left,
    "H5": stands_still_for(30.0),
    "H6": stands_still_for(3.0),
    "H7": defect,
    "R1": recording_that(_fails),
    "R2": recording_that(lambda lab: setattr(lab.sink, "failing", "Input/output error")),
    "R3": recording_that(_fills),
    "R4": recording_that(lambda lab: setattr(lab.sink, "failing", "The file is used by another process")),
    "S1": sensor_that("lost"),
    "S1 silent": sensor_that("silent"),
    "S2": bytes_with("sensor:drop@20s+1s", until_s=30.0),
    "S3": sensor_that("overloaded"),
    "S3 flat": sensor_that("dead"),
    "C3": defect,
}
ELSEWHERE = {"H3": "tests/gui/test_alarm_sound.py: only a window can see that the engine is gone"}


def test_R45_no_row_of_the_matrix_is_missing() -> None:
    assert {row.split()[0] for row in MATRIX} == set(ROWS)
    assert len(ROWS) == 49


def test_R45_every_row_has_one_alarm_of_the_table_or_a_reason_for_none() -> None:
    for row, fault in MATRIX.items():
        assert bool(fault.alarm) != bool(fault.silent), row
        assert not fault.alarm or fault.alarm in TABLE, row


def test_R45_every_alarm_of_the_matrix_is_raised_in_a_test() -> None:
    loud = {row for row, fault in MATRIX.items() if fault.alarm}
    assert loud == {*SCENARIOS, *ELSEWHERE}


def test_the_page_of_alarms_is_the_table_and_the_matrix() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/reference/alarms.md").read_text(encoding="utf-8")
    shown = [f"| `{kind}` | {row.what} | {row.so_what} | {row.do_what} |" for kind, row in TABLE.items()]
    for row, fault in MATRIX.items():
        hears = f"`{fault.alarm}`" if fault.alarm else f"none: {fault.silent}"
        shown.append(f"| {row} | {fault.what} | {hears} |")

    assert [line for line in shown if line not in page] == []
    others = [line for line in page.splitlines() if line.startswith("| `") and line not in shown]
    assert others == [], "nothing is there that the code has not"


@pytest.mark.parametrize("row", SCENARIOS)
def test_R45_the_fault_raises_its_alarm(tmp_path: Path, row: str) -> None:
    lab = SCENARIOS[row](tmp_path)

    raised = {alarm.partition(":")[0] for alarm in lab.alarm_ids()}
    assert MATRIX[row].alarm in raised, sorted(raised)


def test_U1_a_second_start_is_refused_and_infuses_nothing_twice(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    for request in (1, 2):
        lab.send(Start(request=request))

    lab.run(120)

    assert [answer.ok for answer in lab.answers] == [True, False]
    assert lab.fake.count("start") == 1
    assert lab.alarm_ids() == set()
