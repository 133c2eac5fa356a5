"""Two New Era pumps on one chain through the engine: rehearsed in lockstep, stopped together, and in real threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.engine.lane_messages import Connect, LaneReport, Program, Run, SelfTest, StopConfirmed
from acquisition.engine.pump_lane import PumpLane
from acquisition.engine.stop_slot import StopSlot
from acquisition.experiment.devices import driver_options
from acquisition.host.lockstep import LockstepClock, LockstepHost
from acquisition.host.rehearsal import RehearsalResult, describe_world, rehearse
from acquisition.plan import MarkStep, PumpSetup, WaitStep
from drivers import registry
from drivers.capabilities import PumpProgram, SyringePump, WireRecord
from drivers.clock import FOREVER_NS, NS_PER_S
from drivers.shared_line import SharedLines
from tests.engine.kit import INFUSION, LIMITS, PUMP, Script, make_plan, seconds

OTHER = replace(PUMP, name="other", address=1)
STEPS = (INFUSION, replace(INFUSION, number=2, pump="other"), WaitStep(3, "washout", 10.0), MarkStep(4, "end"))
URLS = ("sim://new-era", "sim://new-era?chain=0,1", "/dev/ttyUSB0")


def run(tmp_path: Path, *faults: str, url: str = "sim://new-era", seed: int = 1) -> RehearsalResult:
    plan = make_plan(STEPS, [replace(PUMP, url=url), replace(OTHER, url=url)])
    files = {"protocol.toml": b"a = 1\n"}
    return rehearse(plan, LIMITS, out_dir=tmp_path, files=files, software="test", faults=list(faults), seed=seed)


@pytest.mark.parametrize("url", URLS)
def test_each_pump_of_a_chain_gives_its_dose_and_only_its_own(tmp_path: Path, url: str) -> None:
    result = run(tmp_path, url=url)

    assert result.outcome == "finished"
    assert [alarm.alarm_id for alarm in result.alarms] == []
    for name in ("drug", "other"):
        assert result.truth["pumps"][name]["true_delivered_ul"] == pytest.approx(2.0, rel=1e-3)
        assert result.confirmed_ul[name] == pytest.approx(2.0, abs=0.001)


@pytest.mark.parametrize(
    ("fault", "alarm"),
    [("drug:stall@20s", "pump-stall:drug"), ("other:power-cycle@20s", "pump-reset:other")],
)
def test_what_happens_to_one_pump_is_told_of_that_pump(tmp_path: Path, fault: str, alarm: str) -> None:
    result = run(tmp_path, fault)

    alarms = {alarm.alarm_id for alarm in result.alarms}
    assert alarm in alarms
    assert not {other for other in alarms if other.endswith("other" if alarm.endswith("drug") else "drug")}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("fault", ["drop~0.03", "delay~0.05=1s", "duplicate~0.1", "unplug@20s+5s", "cut@20s+2s"])
def test_R36_R38_a_bad_chain_gives_no_double_dose_and_no_wrong_account(tmp_path: Path, fault: str, seed: int) -> None:
    result = run(tmp_path, fault, seed=seed)

    for name in ("drug", "other"):
        true_ul, confirmed_ul = result.truth["pumps"][name]["true_delivered_ul"], result.confirmed_ul[name]
        assert true_ul <= 2.0 * 1.001
        assert confirmed_ul <= true_ul + 0.002
        assert confirmed_ul + result.uncertain_ul[name] >= true_ul - 0.002


class Lanes:
    """The lanes of both pumps, as the engine wires them, without a conductor: both infuse at the same time."""

    def __init__(self, *faults: str) -> None:
        self.clock = LockstepClock()
        setups: list[PumpSetup] = [PUMP, OTHER]
        self.bench = registry.bench()(self.clock, describe_world(make_plan(pumps=setups)), 1, faults)
        lines = SharedLines(self.bench, self.clock)
        self.reports: list[LaneReport] = []
        self.wire: list[WireRecord] = []
        self.lanes = [self.lane(setup, lines) for setup in setups]
        far_away = Script(self.clock)
        far_away.at(1e6, lambda: None)
        self.host = LockstepHost(self.clock, [*self.lanes, far_away], lambda: False)
        for request in (
            Connect(),
            SelfTest(5, 0),
            Program(2, PumpProgram(4.699, 60.0, 500.0), 0),
            Run(2, 0, FOREVER_NS),
        ):
            for lane in self.lanes:
                lane.request(request)
        self.run(5.0)

    def lane(self, setup: PumpSetup, lines: SharedLines) -> PumpLane:
        slot = StopSlot()
        options = driver_options(setup, abort=slot.abort, on_wire=self.wire.append)
        pump = registry.driver(setup.driver)(lines, setup.url, self.clock, options)
        assert isinstance(pump, SyringePump)
        return PumpLane(setup, pump, slot, self.clock, self.reports.append)

    def run(self, for_s: float) -> None:
        for lane in self.lanes:
            lane.grant(self.clock.now_ns() + seconds(for_s))
        self.host.run(self.clock.now_ns() + seconds(for_s))

    def stop_all(self) -> int:
        for lane in self.lanes:
            lane.slot.request()
        return self.clock.now_ns()

    def first(self, condition: Callable[[LaneReport], bool], after_ns: int) -> float:
        """Return after how many seconds the first such report came."""
        times = [r.t_ns for r in self.reports if r.t_ns >= after_ns and condition(r)]
        return (min(times) - after_ns) / NS_PER_S

    def stop_on_wire(self, address: int, after_ns: int) -> float:
        needle = f"{address}STP".encode()
        times = [w.t_ns for w in self.wire if w.direction == "out" and needle in w.data and w.t_ns >= after_ns]
        return (min(times) - after_ns) / NS_PER_S


def confirmed(name: str) -> Callable[[LaneReport], bool]:
    return lambda report: report.lane == name and isinstance(report.what, StopConfirmed)


def test_R33_a_stop_for_all_reaches_both_pumps_of_a_chain_within_100_ms_and_is_confirmed() -> None:
    lanes = Lanes()
    before = lanes.bench.truth()["pumps"]
    assert all(pump["true_delivered_ul"] > 1.0 for pump in before.values()), "both infuse at the same time"
    now_ns = lanes.stop_all()
    lanes.run(5.0)
    for address, name in enumerate(("drug", "other")):
        assert lanes.stop_on_wire(address, now_ns) <= 0.1
        assert lanes.first(confirmed(name), now_ns) <= 1.0
    stopped = lanes.bench.truth()["pumps"]
    lanes.run(10.0)
    assert lanes.bench.truth()["pumps"] == stopped


@pytest.mark.parametrize(("mute", "other"), [("drug", "other"), ("other", "drug")])
def test_R33_a_mute_pump_does_not_keep_its_sibling_from_being_stopped(mute: str, other: str) -> None:
    lanes = Lanes(f"{mute}:cut@4s+600s")
    now_ns = lanes.stop_all()
    lanes.run(8.0)
    address = 0 if other == "drug" else 1
    assert lanes.stop_on_wire(address, now_ns) <= 0.1
    assert lanes.first(confirmed(other), now_ns) <= 3.0
    assert not any(confirmed(mute)(report) for report in lanes.reports)


def test_R33_one_pump_is_stopped_while_the_other_is_asked_and_that_one_runs_on() -> None:
    lanes = Lanes("drug:drop@4s+600s")  # its questions hold the line to their deadlines
    lanes.lanes[1].slot.request()
    now_ns = lanes.clock.now_ns()
    lanes.run(2.0)
    assert lanes.stop_on_wire(1, now_ns) <= 0.1
    assert lanes.first(confirmed("other"), now_ns) <= 1.0
    assert lanes.bench.truth()["pumps"]["drug"]["true_delivered_ul"] > 5.0


def test_polling_two_pumps_in_lockstep_keeps_both_watchdogs_fed() -> None:
    lanes = Lanes("drug:drop@10s+3s")
    lanes.run(60.0)
    truth = lanes.bench.truth()["pumps"]
    assert truth["other"]["true_delivered_ul"] > 60.0
    assert truth["drug"]["true_delivered_ul"] > 60.0
