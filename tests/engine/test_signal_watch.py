"""Watched signals: marks, alarms, and infusions that wait; never one that starts, and never one that stops."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.events import EventKind
from acquisition.messages import Attend, Continue
from acquisition.plan import InfuseStep, Plan, SignalWatch, SteadyRule, Step, WaitStep, WatchAction
from acquisition.recording.records import RecordingFailed
from tests.engine.kit import INFUSION, PUMP, Lab, make_plan

STEPS: list[Step] = [WaitStep(1, "baseline", 30.0), replace(INFUSION, number=2)]


def watch(then: WatchAction, **changes: object) -> SignalWatch:
    """A level that the wave of the fake potentiostat (1e-10 A high) passes again and again."""
    one = SignalWatch(
        "too much", "sensor.glu", "glu above 50 pA", 5e-11, -5e-11, above=True, dwell_s=0.3, baseline_s=None, then=then
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def plan(*watches: SignalWatch, steps: list[Step] | None = None) -> Plan:
    return replace(make_plan(steps or STEPS), watches=watches)


def lab_at_the_infusion(tmp_path: Path, wanted: Plan) -> Lab:
    lab = Lab(tmp_path, wanted, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.conductor.start_plan(lab.clock.now_ns())
    lab.run(lab.now_s + 40)
    return lab


def marks(lab: Lab) -> list[str]:
    return [event.text for event in lab.sink.events if event.kind is EventKind.MARK]


def test_a_mark_is_dated_to_the_first_sample_beyond_and_nothing_else_follows(tmp_path: Path) -> None:
    lab = lab_at_the_infusion(tmp_path, plan(watch("mark")))
    first = next(event for event in lab.sink.events if event.kind is EventKind.MARK)
    assert first.text == "too much: glu above 50 pA"
    assert first.data["sure_ns"] - first.t_ns == pytest.approx(0.3e9, abs=1e8)  # type: ignore[operator]
    assert "too much: glu above 50 pA, back" in marks(lab)
    assert not [one for one in lab.alarm_ids() if one.startswith("signal")]
    assert lab.fake.count("start") == 1, "the plan is not touched"


def test_an_alarm_sounds_and_the_infusion_starts_as_planned(tmp_path: Path) -> None:
    lab = lab_at_the_infusion(tmp_path, plan(watch("alarm")))
    assert "signal-threshold:sensor.glu" in lab.alarm_ids()
    assert lab.fake.count("start") == 1


def test_a_hold_keeps_the_infusion_waiting_until_a_person_goes_on(tmp_path: Path) -> None:
    lab = lab_at_the_infusion(tmp_path, plan(watch("hold")))
    assert lab.fake.count("start") == 0
    assert "signal-hold:sensor.glu" in lab.alarm_ids()
    assert lab.conductor.phase == "holding"
    assert "too much: glu above 50 pA" in lab.conductor.phase_text
    lab.send(Continue(request=1, step=2))
    lab.run(lab.now_s + 3)
    assert lab.fake.count("start") == 1


def test_a_hold_stops_nothing_that_runs(tmp_path: Path) -> None:
    long = InfuseStep(1, "drug", "drug", 1.0, 2.0, None)
    lab = lab_at_the_infusion(tmp_path, plan(watch("hold"), steps=[long]))
    assert lab.fake.count("start") == 1
    assert lab.fake.count("stop") <= 1, "the self-test's"
    assert lab.conductor.schedule.views[0].state == "done"


def test_maintained_anaesthesia_is_held_by_no_signal(tmp_path: Path) -> None:
    asleep = replace(plan(watch("hold")), pumps=(replace(PUMP, role="anaesthetic_maintenance"),))
    lab = lab_at_the_infusion(tmp_path, asleep)
    assert lab.fake.count("start") == 1
    assert "signal-hold:sensor.glu" in lab.alarm_ids()


def test_R1_a_signal_that_is_not_recorded_is_not_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(tmp_path, plan(watch("alarm")), operator=False)

    def refused(_block: object) -> int:
        raise RecordingFailed("the disk is full")

    monkeypatch.setattr(lab.sink, "samples", refused)
    lab.run(30)
    assert "signal-threshold:sensor.glu" not in lab.alarm_ids()


def test_a_change_is_watched_from_the_running_baseline(tmp_path: Path) -> None:
    steady = watch("alarm", enter_a=3e-10, leave_a=1e-10, baseline_s=60.0)
    lab = lab_at_the_infusion(tmp_path, plan(steady))
    assert "signal-threshold:sensor.glu" not in lab.alarm_ids(), "the wave is 1e-10 A around its median"


def test_a_start_wants_the_baseline_steady_or_somebody_who_stands_for_it(tmp_path: Path) -> None:
    rule = SteadyRule("sensor.glu", 1e-15, 20.0)
    lab = Lab(tmp_path, replace(make_plan(STEPS), must_be_steady=(rule,)), operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")

    def line() -> str:
        return next(item.level for item in lab.preflight() if item.item_id == "steady:sensor.glu")

    def reads() -> str:
        return next(item.what for item in lab.preflight() if item.item_id == "steady:sensor.glu")

    assert (line(), "not known" in reads()) == ("warning", True)
    lab.run(lab.now_s + 30)
    assert (line(), "drifts faster" in reads()) == ("warning", True), "a wave is no steady baseline at 1 fA/min"
    lab.prepare()
    (item,) = [item for item in lab.preflight() if item.item_id == "steady:sensor.glu"]
    assert item.by
    assert not item.blocks


def test_a_steady_baseline_is_in_order(tmp_path: Path) -> None:
    rule = SteadyRule("sensor.glu", 1e-9, 20.0)
    lab = Lab(tmp_path, replace(make_plan(STEPS), must_be_steady=(rule,)), operator=False)
    lab.run(40)
    assert [item.level for item in lab.preflight() if item.item_id == "steady:sensor.glu"] == ["ok"]


SLEEP = replace(PUMP, name="sleep", role="anaesthetic_maintenance", url="sim://new-era/2")


def test_a_held_infusion_is_left_out_once_the_person_has_gone_so_that_the_animal_does_not_wake(tmp_path: Path) -> None:
    """Somebody was there when it was held, so it waited for them; then their window died."""
    steps = [*STEPS, InfuseStep(3, "maintenance", "sleep", 1.0, 1.0, None)]
    wanted = replace(make_plan(steps, pumps=(PUMP, SLEEP)), watches=(watch("hold"),))
    lab = Lab(tmp_path, wanted, operator=False, watched=False)
    for t_s in range(0, 60, 2):
        lab.script.at(t_s, lambda: lab.send(Attend(operator="anna")))
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.conductor.start_plan(lab.clock.now_ns())

    lab.run(58)
    assert lab.conductor.schedule.held_before
    assert lab.conductor.phase == "holding", "anna is there: it is hers to decide"

    lab.run(200)
    assert [view.state for view in lab.conductor.schedule.views] == ["done", "missed", "done"]
    assert lab.fake.count("start") == 0, "nothing experimental began"


def test_a_held_infusion_waits_for_ever_where_no_anaesthesia_follows(tmp_path: Path) -> None:
    lab = Lab(tmp_path, plan(watch("hold")), operator=False, watched=False)
    for t_s in range(0, 60, 2):
        lab.script.at(t_s, lambda: lab.send(Attend(operator="anna")))
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.conductor.start_plan(lab.clock.now_ns())
    lab.run(300)
    assert lab.conductor.schedule.views[1].state == "pending"
    assert lab.fake.count("start") == 0
