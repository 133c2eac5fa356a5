"""The schedule alone: order, timing without drift, late starts, holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from acquisition.engine.schedule import Infuse, MarkNow, Missed, Schedule, StepEnded, Through
from acquisition.plan import InfuseStep, MarkStep, OperatorStep, Step, WaitStep
from tests.engine.kit import INFUSION, make_plan, seconds


def test_waits_do_not_drift_when_the_schedule_is_looked_at_late() -> None:
    steps: list[Step] = [WaitStep(n, "wait", 10.0) for n in range(1, 101)]
    schedule = Schedule(make_plan([*steps, MarkStep(101, "end")]))
    schedule.start(0)
    now_ns = 0
    ended_ns = None
    while not schedule.through:
        now_ns += seconds(0.37)
        for action in schedule.step(now_ns):
            if isinstance(action, MarkNow):
                ended_ns = now_ns

    assert ended_ns is not None
    assert seconds(1000) <= ended_ns < seconds(1000.4)


def test_a_plan_of_marks_alone_is_through_at_once() -> None:
    schedule = Schedule(make_plan([MarkStep(n, "m") for n in range(1, 5001)]))

    actions = schedule.start(0)

    assert sum(isinstance(action, MarkNow) for action in actions) == 5000
    assert isinstance(actions[-1], Through)


def test_R22_boundary_of_one_second() -> None:
    for late_s, missed in ((0.999, False), (1.0, False), (1.001, True)):
        schedule = Schedule(make_plan([WaitStep(1, "w", 5.0), InfuseStep(2, "i", "drug", 1.0, 1.0, None)]))
        schedule.start(0)

        actions = schedule.step(seconds(5 + late_s))

        assert any(isinstance(action, Missed) for action in actions) is missed
        assert any(isinstance(action, Infuse) for action in actions) is not missed


def test_R22_waking_late_over_several_steps_starts_nothing() -> None:
    plan = make_plan([WaitStep(1, "w", 5.0), MarkStep(2, "m"), WaitStep(3, "w", 5.0), INFUSION_4, INFUSION_5])
    schedule = Schedule(plan)
    schedule.start(0)

    actions = schedule.step(seconds(3600))

    assert not any(isinstance(action, Infuse) for action in actions)
    assert schedule.held_on == 4
    resumed = schedule.go_on(4, seconds(3700))
    assert resumed is not None
    assert [action.step.number for action in resumed if isinstance(action, Infuse)] == [5]


def test_an_aborted_infusion_holds_and_the_step_is_not_repeated() -> None:
    schedule = Schedule(make_plan([INFUSION, MarkStep(2, "m")]))
    schedule.start(0)

    schedule.infusion_ended(1, "aborted", seconds(3))

    assert schedule.held_on == 1
    assert schedule.step(seconds(1000)) == []
    actions = schedule.go_on(1, seconds(1001)) or []
    assert not any(isinstance(action, Infuse) for action in actions)
    assert schedule.through


def test_stop_aborts_what_has_not_begun_and_nothing_comes_after() -> None:
    schedule = Schedule(make_plan([WaitStep(1, "w", 5.0), INFUSION_4]))
    schedule.start(0)

    schedule.stop(seconds(1))

    assert [view.state for view in schedule.views] == ["aborted", "aborted"]
    assert schedule.step(seconds(100)) == []
    assert schedule.go_on(1, seconds(100)) is None


INFUSION_4 = InfuseStep(4, "i", "drug", 1.0, 1.0, None)
INFUSION_5 = InfuseStep(5, "i", "drug", 1.0, 1.0, None)

_step = st.sampled_from(["wait", "infuse", "operator", "mark"])


@given(kinds=st.lists(_step, min_size=1, max_size=12), ticks=st.lists(st.floats(0.01, 30), min_size=1, max_size=60))
def test_every_step_ends_once_in_order_and_every_infusion_starts_at_most_once(
    kinds: list[str], ticks: list[float]
) -> None:
    steps: list[Step] = []
    for number, kind in enumerate(kinds, 1):
        made: dict[str, Step] = {
            "wait": WaitStep(number, "w", 3.0),
            "infuse": InfuseStep(number, "i", "drug", 1.0, 60.0, None),
            "operator": OperatorStep(number, "o"),
            "mark": MarkStep(number, "m"),
        }
        steps.append(made[kind])
    schedule = Schedule(make_plan(steps))
    now_ns = 0
    actions = schedule.start(now_ns)
    for tick in ticks:
        now_ns += seconds(tick)
        actions += schedule.step(now_ns)
        current = schedule.current
        if schedule.held_on is not None:
            actions += schedule.go_on(schedule.held_on, now_ns) or []
        elif isinstance(current, InfuseStep):
            actions += schedule.infusion_ended(current.number, "done", now_ns)

    ended = [action.step.number for action in actions if isinstance(action, StepEnded)]
    started = [action.step.number for action in actions if isinstance(action, Infuse)]
    assert ended == list(range(1, len(ended) + 1))
    assert len(started) == len(set(started))
    assert sum(isinstance(action, Through) for action in actions) == int(schedule.through)
