"""Digital outputs of the engine: high while a pump runs or may run, a pulse for a mark, and samples before both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from acquisition.engine.lane_messages import Connect, Drive, Driven, OutputsTold, StartSampling
from acquisition.engine.outputs import LATE_NS, PULSE_NS, OutputDesk, OutputLane
from acquisition.engine.sensor_lane import PotentiostatLane
from acquisition.events import Event, EventKind, Scalar
from acquisition.experiment.devices import amperometry
from drivers.capabilities import OutputUse
from drivers.clock import NS_PER_S, VirtualClock
from drivers.errors import PortLost
from tests.engine.kit import FakePotentiostat, make_plan


def event(kind: EventKind, source: str, **data: Scalar) -> Event:
    return Event(kind, 0, 0, source, "text", data)


def asked(*events: Event) -> list[tuple[str, bool]]:
    requests: list[Drive] = []
    desk = OutputDesk([requests.append])
    for one in events:
        desk.hear(one)
    return [(drive.use, drive.is_high) for drive in requests]


def pump(name: str, what: str) -> Event:
    return event(EventKind.PUMP, name, what=what)


def test_it_is_high_from_the_first_pump_that_runs_to_the_last_that_stands() -> None:
    told = asked(
        pump("a", "run"), pump("a", "started"), pump("b", "start unclear"), pump("a", "target reached"),
        pump("b", "ended early"), pump("b", "stop confirmed"),
    )  # fmt: skip
    assert told == [("infusion", True), ("infusion", False)]


@pytest.mark.parametrize("what", ["target reached", "ended early", "not run", "waste over", "stop confirmed", "reset"])
def test_whatever_says_that_a_pump_stands_lowers_it(what: str) -> None:
    assert asked(pump("a", "started"), pump("a", what))[-1] == ("infusion", False)


@pytest.mark.parametrize("what", ["unknown", "stop failed", "stop", "failed"])
def test_a_pump_that_may_still_run_keeps_it_high(what: str) -> None:
    assert asked(pump("a", "started"), pump("a", what)) == [("infusion", True)]


def test_marks_of_plan_and_operator_go_out_and_those_that_came_in_do_not() -> None:
    own = [event(EventKind.MARK, "conductor", by="plan", step=1), event(EventKind.MARK, "operator", by="operator")]
    assert asked(*own, event(EventKind.MARK, "stat", input="door", is_high=True)) == [("mark", True)] * 2


@dataclass
class Device:
    """Outputs without bytes."""

    problem: str | None = ""
    uses: frozenset[OutputUse] = frozenset({"infusion", "mark"})
    driven: list[tuple[str, bool]] = field(default_factory=list)
    blocked: bool = False
    """Its line takes nothing."""

    def output_uses(self) -> frozenset[OutputUse]:
        return self.uses

    def outputs_problem(self) -> str | None:
        return self.problem

    def drive(self, use: OutputUse, *, is_high: bool) -> None:
        if self.blocked:
            self.problem = "the line took nothing"
        else:
            self.driven.append((use, is_high))


def lane(device: Device) -> tuple[OutputLane, list[Any]]:
    reports: list[Any] = []
    return OutputLane(device, reports.append), reports


def test_a_level_is_set_once_and_told() -> None:
    device = Device()
    outputs, reports = lane(device)
    outputs.ask(Drive("infusion", is_high=True), 0)
    outputs.tick(0)
    outputs.tick(1)
    assert device.driven == [("infusion", True)]
    assert reports == [OutputsTold(""), Driven("infusion", is_high=True)]


def test_a_mark_is_a_pulse_and_two_at_once_are_two() -> None:
    device = Device()
    outputs, _reports = lane(device)
    outputs.ask(Drive("mark", is_high=True), 0)
    outputs.tick(0)
    outputs.ask(Drive("mark", is_high=True), 1)
    assert outputs.next_due_ns() == PULSE_NS
    outputs.tick(PULSE_NS - 1)
    assert device.driven == [("mark", True)]
    outputs.tick(PULSE_NS)
    outputs.tick(PULSE_NS)
    outputs.tick(2 * PULSE_NS)
    assert device.driven == [("mark", True), ("mark", False)] * 2
    assert outputs.next_due_ns() is None


def test_a_pulse_that_the_instrument_refuses_to_end_leaves_nothing_due() -> None:
    device = Device()
    outputs, _reports = lane(device)
    outputs.ask(Drive("mark", is_high=True), 0)
    outputs.tick(0)
    device.problem = "it refuses SET TTL OUTS while it streams"
    outputs.tick(PULSE_NS)
    assert outputs.next_due_ns() is None, "else the lane would spin, and virtual time stand still"
    assert device.driven == [("mark", True)]


def test_a_level_that_could_not_be_sent_is_told_as_not_set_and_nothing_more_is_tried() -> None:
    device = Device(blocked=True)
    outputs, reports = lane(device)
    outputs.ask(Drive("infusion", is_high=True), 0)
    outputs.ask(Drive("mark", is_high=True), 0)
    outputs.tick(0)
    outputs.tick(1)
    driven = [report for report in reports if isinstance(report, Driven)]
    assert [(report.use, report.why_not) for report in driven] == [("infusion", "the line took nothing")]
    assert outputs.next_due_ns() is None


def test_after_a_new_start_an_infusion_that_runs_is_shown_again() -> None:
    device = Device()
    outputs, _reports = lane(device)
    outputs.ask(Drive("infusion", is_high=True), 0)
    outputs.tick(0)
    outputs.began()
    device.problem = None
    outputs.tick(1)
    assert device.driven == [("infusion", True)]
    device.problem = ""
    outputs.tick(2)
    assert device.driven == [("infusion", True)] * 2


def test_a_mark_that_cannot_be_shown_in_time_is_told_and_never_late() -> None:
    device = Device(problem=None)
    outputs, reports = lane(device)
    outputs.ask(Drive("mark", is_high=True), 0)
    outputs.tick(LATE_NS)
    assert reports == []
    outputs.tick(LATE_NS + 1)
    assert [(report.use, bool(report.why_not)) for report in reports] == [("mark", True)]
    device.problem = ""
    outputs.tick(LATE_NS + 2)
    assert device.driven == []


@dataclass
class Wired(FakePotentiostat):
    """A potentiostat with an output."""

    driven: list[tuple[str, bool]] = field(default_factory=list)

    def output_uses(self) -> frozenset[OutputUse]:
        return frozenset({"infusion", "mark"})

    def outputs_problem(self) -> str | None:
        return ""

    def drive(self, use: OutputUse, *, is_high: bool) -> None:
        if self.lost:
            raise PortLost("unplugged")
        self.driven.append((use, is_high))


def run_for(lane: PotentiostatLane, clock: VirtualClock, wanted_s: float) -> None:
    end_ns = clock.now_ns() + round(wanted_s * NS_PER_S)
    while (due_ns := lane.next_due_ns()) is not None and max(due_ns, clock.now_ns()) < end_ns:
        clock.pass_until_ns(max(due_ns, clock.now_ns() + 1_000_000))
        lane.step(clock.now_ns())
    clock.pass_until_ns(end_ns)


def test_the_lane_of_a_potentiostat_shows_a_running_infusion_again_after_it_was_lost() -> None:
    clock, setup = VirtualClock(), make_plan().potentiostats[0]
    reports: list[Any] = []
    device = Wired(clock, setup.name)
    lane = PotentiostatLane(setup, device, clock, reports.append)
    lane.request(Connect())
    lane.request(StartSampling(amperometry(setup)))
    run_for(lane, clock, 1.0)
    lane.request(Drive("infusion", is_high=True))
    lane.request(Drive("mark", is_high=True))
    run_for(lane, clock, 1.0)
    assert device.driven == [("infusion", True), ("mark", True), ("mark", False)]
    times = {report.what: report.t_ns for report in reports if isinstance(report.what, Driven)}
    up_ns, down_ns = times[Driven("mark", is_high=True)], times[Driven("mark", is_high=False)]
    assert PULSE_NS <= down_ns - up_ns <= PULSE_NS + NS_PER_S // 20
    device.lost = True
    lane.request(Drive("mark", is_high=True))
    run_for(lane, clock, 3.0)
    device.lost = False
    run_for(lane, clock, 5.0)
    assert device.driven[3:] == [("infusion", True)], "the mark is too late"
    assert [report.what.why_not for report in reports if isinstance(report.what, Driven)][-1] == ""


def test_why_outputs_are_not_driven_is_told_once() -> None:
    device = Device(problem="it refuses")
    outputs, reports = lane(device)
    for second in range(3):
        outputs.ask(Drive("infusion", is_high=True), 0)
        outputs.tick(second * NS_PER_S)
    assert (reports, device.driven) == ([OutputsTold("it refuses")], [])


def test_what_the_rig_has_no_output_for_is_not_asked() -> None:
    device = Device(uses=frozenset({"mark"}))
    outputs, _reports = lane(device)
    outputs.ask(Drive("infusion", is_high=True), 0)
    outputs.tick(0)
    assert device.driven == []
