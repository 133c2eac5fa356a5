"""Nobody watches: what runs ends at its target, nothing experimental begins, anaesthesia goes on, a person decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.engine.attendance import GRACE_S
from acquisition.events import EventKind
from acquisition.messages import Attend, Continue, Start, Stop
from acquisition.plan import InfuseStep, OperatorStep, Step, WaitStep
from tests.engine.kit import INFUSION, PUMP, Lab, make_plan, seconds

SECOND = replace(INFUSION, number=3, label="second")
STEPS: tuple[Step, ...] = (INFUSION, WaitStep(2, "washout", 60.0), SECOND)
"""The first infusion ends some 42 s after the start, the second is due a minute later."""
SLEEP = replace(PUMP, name="sleep", role="anaesthetic_maintenance", url="sim://new-era/2")


class Room:
    """A laboratory with a window that lives while somebody is there."""

    def __init__(self, tmp_path: Path, steps: tuple[Step, ...] = STEPS, *, maintained: bool = False) -> None:
        plan = make_plan(steps, pumps=(PUMP, SLEEP) if maintained else (PUMP,))
        self.lab = Lab(tmp_path, plan, operator=False, watched=False)

    def anna_is_there(self, from_s: float, to_s: float) -> None:
        """A sign of life every two seconds."""
        for t_s in range(int(from_s), int(to_s), 2):
            self.lab.script.at(t_s, lambda: self.lab.send(Attend(operator="anna")))

    def start(self, at_s: float = 6.0, unattended_by: str = "") -> None:
        self.lab.script.at(at_s - 1.0, self.lab.prepare_at_once)
        self.lab.script.at(at_s, lambda: self.lab.send(Start(request=1, unattended_by=unattended_by)))

    def state_of(self, number: int) -> str:
        return next(view.state for view in self.lab.conductor.schedule.views if view.number == number)

    def said(self) -> list[str]:
        return self.lab.texts(EventKind.OPERATOR, EventKind.STEP)


def test_R22_with_nobody_there_what_runs_ends_at_its_target_and_the_next_infusion_waits(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.anna_is_there(0, 20)
    room.start()

    room.lab.run(600)

    assert [room.state_of(1), room.state_of(3)] == ["done", "pending"]
    assert room.lab.fake.true_ul == pytest.approx(INFUSION.volume_ul)
    assert room.lab.conductor.phase == "holding"
    assert room.lab.conductor.schedule.held_before
    assert "nobody-watching" in room.lab.alarm_ids()
    assert "anna watches no more" in room.said()
    assert room.lab.sink.blocks[-1].received_ns > seconds(590), "recording goes on"


def test_R22_who_comes_back_decides_and_nothing_begins_by_itself(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.anna_is_there(0, 20)
    room.start()
    room.anna_is_there(300, 700)
    room.lab.run(400)
    assert room.state_of(3) == "pending", "coming back is not yet a decision"
    assert not room.lab.conductor.desk.alarms.active("nobody-watching")

    room.lab.send(Continue(request=2, step=3))
    room.lab.run(500)

    assert room.state_of(3) == "done"
    assert room.lab.fake.true_ul == pytest.approx(INFUSION.volume_ul + SECOND.volume_ul)
    decision = next(e for e in room.lab.sink.events if e.text == "Begin step 3 now")
    assert (decision.kind, decision.data["by"]) == (EventKind.OPERATOR, "anna")


def test_R22_an_infusion_that_waited_can_be_left_out(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.anna_is_there(0, 20)
    room.start()
    room.anna_is_there(300, 700)
    room.lab.run(400)

    room.lab.send(Continue(request=2, step=3, skip=True))
    room.lab.run(450)

    assert room.state_of(3) == "missed"
    assert room.lab.conductor.phase == "finished"
    assert room.lab.fake.true_ul == pytest.approx(INFUSION.volume_ul)


def test_R22_nobody_who_is_not_there_can_begin_it(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.anna_is_there(0, 20)
    room.start()
    room.lab.run(300)

    room.lab.send(Continue(request=2, step=3))
    room.lab.run(310)

    assert not room.lab.answers[-1].ok
    assert "Nobody watches" in room.lab.answers[-1].text
    assert room.state_of(3) == "pending"


@pytest.mark.parametrize(("silent_s", "begins"), [(GRACE_S - 4.0, True), (GRACE_S + 4.0, False)])
def test_a_window_that_is_opened_again_within_the_grace_holds_nothing(
    tmp_path: Path, silent_s: float, begins: bool
) -> None:
    room = Room(tmp_path, (WaitStep(1, "baseline", 60.0), replace(INFUSION, number=2)))
    room.start()  # at 6 s, so that the infusion is due at 66 s
    room.anna_is_there(0, 66 - silent_s + 2)

    room.lab.run(80)

    assert (room.state_of(2) == "running") is begins


def test_a_plan_is_not_started_with_nobody_there(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.start()

    room.lab.run(20)

    assert [answer.ok for answer in room.lab.answers] == [False]
    assert room.lab.conductor.phase == "ready"


def test_unattended_is_a_named_decision_that_is_recorded_shown_and_never_silent(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.start(unattended_by="Dr. Berta Beispiel")

    room.lab.run(200)

    assert room.state_of(3) == "done"
    assert "Infusions may start with nobody watching, as Dr. Berta Beispiel decided" in room.said()
    assert room.lab.conductor.state().unattended_by == "Dr. Berta Beispiel"
    assert "unattended" in room.lab.alarm_ids()
    assert "nobody-watching" not in room.lab.alarm_ids()


def test_with_somebody_there_an_unattended_run_raises_nothing(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.anna_is_there(0, 300)
    room.start(unattended_by="anna")

    room.lab.run(200)

    assert not {"unattended", "nobody-watching"} & room.lab.alarm_ids()


MAINTAIN = InfuseStep(4, "maintenance", "sleep", volume_ul=2.0, rate_ul_per_min=3.0, dose_mg_per_kg=None)


def test_an_anaesthesia_goes_on_with_nobody_there_and_what_is_experimental_before_it_is_left_out(
    tmp_path: Path,
) -> None:
    steps = (WaitStep(1, "baseline", 60.0), replace(INFUSION, number=2), WaitStep(3, "washout", 30.0), MAINTAIN)
    room = Room(tmp_path, steps, maintained=True)
    room.anna_is_there(0, 20)
    room.start()

    room.lab.run(300)

    assert [room.state_of(2), room.state_of(4)] == ["missed", "done"]
    assert room.lab.fakes["drug"].true_ul == 0.0
    assert room.lab.fakes["sleep"].true_ul == pytest.approx(2.0)
    began = next(view.started_ns for view in room.lab.conductor.schedule.views if view.number == 4)
    planned_s = 6.0 + 60.0 + INFUSION.duration_s + 30.0
    assert began == pytest.approx(seconds(planned_s), abs=seconds(1.0)), "at its planned time: not earlier, not later"
    assert "nobody-watching" in room.lab.alarm_ids()
    assert room.lab.conductor.phase == "finished"


def test_after_the_last_maintenance_an_experimental_infusion_waits(tmp_path: Path) -> None:
    steps = (WaitStep(1, "baseline", 60.0), replace(MAINTAIN, number=2), replace(INFUSION, number=3))
    room = Room(tmp_path, steps, maintained=True)
    room.anna_is_there(0, 20)
    room.start()

    room.lab.run(300)

    assert [room.state_of(2), room.state_of(3)] == ["done", "pending"]
    assert room.lab.conductor.schedule.held_before


def test_a_step_that_asks_a_person_waits_before_a_maintenance_too(tmp_path: Path) -> None:
    steps = (OperatorStep(1, "Is the animal asleep?"), replace(MAINTAIN, number=2))
    room = Room(tmp_path, steps, maintained=True)
    room.anna_is_there(0, 20)
    room.start()

    room.lab.run(300)

    assert [room.state_of(1), room.state_of(2)] == ["running", "pending"]


def test_R33_stop_ends_a_plan_that_waits_for_a_person_or_lets_a_left_out_step_pass(tmp_path: Path) -> None:
    steps = (WaitStep(1, "baseline", 60.0), replace(INFUSION, number=2), replace(MAINTAIN, number=3))
    room = Room(tmp_path, steps, maintained=True)
    room.anna_is_there(0, 20)
    room.start()
    room.lab.run(75)
    assert room.state_of(2) == "missed"

    room.lab.send(Stop(request=9))
    room.lab.run(200)

    assert room.state_of(3) == "aborted"
    assert room.lab.conductor.phase == "stopped"
    assert room.lab.fakes["sleep"].true_ul == 0.0


@pytest.mark.parametrize("unattended_by", ["", "anna"])
def test_R22_an_infusion_that_fails_with_nobody_there_keeps_no_animal_awake_and_lets_nothing_experimental_begin(
    tmp_path: Path, unattended_by: str
) -> None:
    asleep = replace(INFUSION, number=2, pump="sleep", label="sleep")
    room = Room(tmp_path, (INFUSION, asleep, SECOND, replace(asleep, number=4)), maintained=True)
    room.anna_is_there(0, 8)
    room.start(unattended_by=unattended_by)
    room.lab.script.at(35.0, lambda: room.lab.conductor.pumps["drug"].stop("test", room.lab.clock.now_ns()))

    room.lab.run(38)
    assert "does not run, the plan lets its time pass" in room.lab.conductor.phase_text
    room.lab.run(400)

    assert [room.state_of(n) for n in (1, 2, 3, 4)] == ["aborted", "done", "missed", "done"]
    assert room.lab.fakes["drug"].count("start") == 1
    assert room.lab.fakes["sleep"].true_ul == pytest.approx(2 * INFUSION.volume_ul)
    assert room.lab.conductor.phase == "finished"
    first, second = room.lab.conductor.schedule.views[:2]
    assert second.started_ns is not None
    assert first.started_ns is not None
    assert second.started_ns - first.started_ns >= seconds(INFUSION.duration_s) - 1, "not earlier than planned"


def test_R22_an_infusion_that_fails_with_somebody_there_holds_the_plan(tmp_path: Path) -> None:
    asleep = replace(INFUSION, number=2, pump="sleep", label="sleep")
    room = Room(tmp_path, (INFUSION, asleep), maintained=True)
    room.anna_is_there(0, 120)
    room.start()
    room.lab.script.at(35.0, lambda: room.lab.conductor.pumps["drug"].stop("test", room.lab.clock.now_ns()))
    room.lab.run(100)
    assert [room.state_of(1), room.state_of(2)] == ["aborted", "pending"]
    assert room.lab.conductor.phase == "holding"
