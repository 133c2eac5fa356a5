"""Waiting for a steady baseline: the line through the seconds, the schedule alone, and a whole rehearsal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.engine.lane_messages import LaneReport, Samples
from acquisition.engine.schedule import Ask, Infuse, Schedule, StepEnded, Through, Unstable
from acquisition.experiment.exposure import planned
from acquisition.host.rehearsal import rehearse
from acquisition.plan import InfuseStep, MarkStep, StableStep
from acquisition.recording.records import RecordingFailed
from acquisition.signal.drift import DriftWatch
from drivers.capabilities import SampleFlag
from tests.engine.kit import INFUSION, LIMITS, PUMP, Lab, make_plan, seconds
from tests.engine.test_guards_and_alarms import block

STEP = StableStep(1, "steady", "sensor.glu", 2e-12, 60.0, 600.0)
AFTER = InfuseStep(2, "drug", "drug", 1.0, 1.0, None)


def watched(current_a: np.ndarray[tuple[int, ...], np.dtype[np.float64]], over_s: float = 60.0) -> DriftWatch:
    watch = DriftWatch(over_s)
    t_ns = np.arange(len(current_a), dtype=np.int64) * seconds(0.1)
    for start in range(0, len(t_ns), 7):  # blocks do not end with seconds
        watch.add(t_ns[start : start + 7], current_a[start : start + 7])
    return watch


@given(slope_pa_per_min=st.floats(-50, 50), offset_pa=st.floats(-1e4, 1e4))
def test_a_straight_drift_is_measured_exactly(slope_pa_per_min: float, offset_pa: float) -> None:
    t_min = np.arange(900) / 600
    watch = watched((offset_pa + slope_pa_per_min * t_min) * 1e-12)
    assert watch.slope_a_per_min(seconds(90)) == pytest.approx(slope_pa_per_min * 1e-12, abs=1e-17)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_drift_up_and_a_drift_down_are_judged_alike(sign: int) -> None:
    watch = watched(sign * np.arange(900) / 600 * 3e-12)
    assert not watch.is_steady(seconds(90), 2e-12)
    assert watch.is_steady(seconds(90), 4e-12)


def test_nothing_is_steady_before_the_whole_stretch_is_there_nor_with_a_tenth_of_it_missing() -> None:
    assert not watched(np.zeros(500)).is_steady(seconds(50), 1.0)
    assert watched(np.zeros(700)).is_steady(seconds(70), 1.0)
    holes = np.zeros(700)
    holes[300:400] = np.nan
    assert not watched(holes).is_steady(seconds(70), 1.0)
    assert not watched(np.zeros(700)).is_steady(seconds(90), 1.0)  # 20 s without a sample since


def test_a_channel_that_has_just_fallen_silent_is_not_steady_however_long_the_stretch() -> None:
    current_a = np.zeros(7000)
    current_a[6900:] = np.nan  # a fiftieth of the stretch, and all of it at the end
    assert not watched(current_a, over_s=600.0).is_steady(seconds(700), 1.0)
    assert watched(current_a[:6900], over_s=600.0).is_steady(seconds(690), 1.0)


def test_seconds_that_come_again_after_a_new_start_are_not_counted_twice() -> None:
    watch = DriftWatch(60.0)
    t_ns = np.arange(300, dtype=np.int64) * seconds(0.1)
    for _start in range(3):
        watch.add(t_ns, np.zeros(300))
    assert not watch.is_steady(seconds(30), 1.0)


@pytest.mark.parametrize(("flag", "wire"), [(SampleFlag.OVERLOAD, "on"), (SampleFlag.OK, "off"), (SampleFlag.OK, "on")])
def test_a_railed_input_and_a_loose_wire_are_not_a_steady_baseline(tmp_path: Path, flag: SampleFlag, wire: str) -> None:
    step = StableStep(1, "steady", "sensor.glu", 1e-9, 50.0, 90.0)
    desk = Lab(tmp_path, make_plan([step])).conductor.sensors["sensor"]
    desk.link = "online"
    for second in range(60):
        told = block(10 * second, 10 * second + 9, flag=flag, current_a=0.0 if wire == "off" else None)
        desk.take(LaneReport("sensor", told.received_ns, Samples(told)))
    assert desk.is_steady(step, seconds(60)) is (flag == SampleFlag.OK and wire == "on")
    assert not desk.is_steady(step, seconds(64))  # nothing has come since


def test_R1_what_is_not_recorded_is_no_steady_baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes no samples must not let an infusion begin on what nobody will ever see."""
    step = replace(STEP, slope_a_per_min=1e-9, over_s=50.0)
    lab = Lab(tmp_path, make_plan([step]))
    desk = lab.conductor.sensors["sensor"]
    desk.link = "online"

    def refused(_block: object) -> int:
        raise RecordingFailed("the disk is full")

    monkeypatch.setattr(desk.desk.sink, "samples", refused)
    for second in range(60):
        told = block(10 * second, 10 * second + 9)
        desk.take(LaneReport("sensor", told.received_ns, Samples(told)))
    assert not desk.is_steady(step, seconds(60))


def test_a_mistake_in_the_watch_of_a_baseline_costs_no_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = replace(STEP, slope_a_per_min=1e-9, over_s=50.0)
    lab = Lab(tmp_path, make_plan([step]))
    desk = lab.conductor.sensors["sensor"]

    def broken(*_args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(DriftWatch, "add", broken)
    with pytest.raises(ZeroDivisionError):
        desk.take(LaneReport("sensor", 0, Samples(block(0, 9))))
    assert len(lab.sink.blocks) == 1


def schedule(steady_from_s: float) -> Schedule:
    plan = make_plan([STEP, AFTER, MarkStep(3, "end")])
    return Schedule(plan, steady=lambda _step, now_ns: now_ns >= seconds(steady_from_s))


def test_the_plan_goes_on_within_a_second_of_a_steady_baseline_and_the_infusion_is_not_late() -> None:
    made = schedule(steady_from_s=100.0)
    made.start(0)
    for tenth in range(999):
        assert made.step(seconds(tenth / 10)) == []
    now_ns = seconds(100.5)
    actions = made.step(now_ns) or made.step(seconds(101))
    assert [type(action) for action in actions[:1]] == [StepEnded]
    assert any(isinstance(action, Infuse) for action in actions)


def test_a_baseline_that_never_settles_holds_the_plan_and_a_person_goes_on() -> None:
    made = schedule(steady_from_s=1e6)
    made.start(0)
    actions = [action for second in range(601) for action in made.step(seconds(second))]
    assert [type(action) for action in actions] == [Unstable]
    assert made.held_on == 1
    assert made.next_due_ns() is None
    assert made.step(seconds(2e6)) == []  # not even when it is steady: somebody has been asked
    resumed = made.go_on(1, seconds(2e6)) or []
    assert any(isinstance(action, Infuse) for action in resumed)


def test_stop_ends_a_wait_for_a_baseline() -> None:
    made = schedule(steady_from_s=10.0)
    made.start(0)
    made.stop(seconds(5))
    assert made.step(seconds(20)) == []
    assert [view.state for view in made.views] == ["aborted", "aborted", "aborted"]


def test_limits_are_checked_as_if_the_baseline_came_at_once() -> None:
    (exposure,) = planned([PUMP], [STEP, AFTER])
    assert exposure.start_s == 0.0


@pytest.mark.parametrize(("slope_a_per_min", "outcome"), [(1e-9, "finished"), (1e-16, "the plan was held at step 1")])
def test_a_rehearsal_waits_for_the_simulated_sensor(tmp_path: Path, slope_a_per_min: float, outcome: str) -> None:
    step = StableStep(1, "steady", "sensor.glu", slope_a_per_min, 20.0, 90.0)
    plan = make_plan([step, replace(INFUSION, number=2)])
    result = rehearse(plan, LIMITS, out_dir=tmp_path, files={}, software="test")
    assert result.outcome == outcome
    assert (result.confirmed_ul["drug"] > 0) is (outcome == "finished")


def test_the_actions_know_no_step_twice() -> None:
    """A plan of a baseline alone is through when it is steady; nobody is asked."""
    made = Schedule(make_plan([STEP]), steady=lambda _step, _now_ns: True)
    actions = [*made.start(0), *made.step(seconds(1))]
    assert not any(isinstance(action, Ask | Unstable) for action in actions)
    assert isinstance(actions[-1], Through)
