"""RUN that went wrong, resets nobody saw, motion nobody ordered: the pump ends still and the account never too low."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.engine.lane_messages import LaneReport, PollFailed
from acquisition.engine.parts import Inbox
from acquisition.messages import Finish, Stop
from drivers.capabilities import PumpAlarm, PumpStatus
from drivers.errors import DeviceAlarm, DeviceRefused, ForeignTraffic, ReplyTimeout
from tests.engine.kit import Lab


def covers(lab: Lab) -> bool:
    ledger = lab.pump.ledger
    return lab.fake.true_ul <= ledger.confirmed_ul + ledger.uncertain_ul(lab.clock.now_ns()) + 0.001


def start(lab: Lab) -> None:
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.conductor.start_plan(lab.clock.now_ns())


def test_R28_R34_a_pump_that_refuses_RUN_and_moves_all_the_same_is_stopped(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.fake.raises["start"] = [DeviceRefused("?NA: somebody started it by its own key")]
    start(lab)

    lab.run(lab.now_s + 20)

    assert lab.fake.moving is False
    assert lab.fake.true_ul < 0.1, "not on to its target while the plan says aborted"
    assert lab.conductor.schedule.views[0].state == "aborted"
    assert covers(lab)


def test_R38_a_reset_seen_first_by_the_stop_leaves_what_came_before_on_the_account(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.fake.raises["start"] = [ReplyTimeout("lost")]
    lab.fake.raises["status"] = [ReplyTimeout("lost")] * 100
    stop = lab.fake.stop

    def power_cycled() -> PumpStatus:
        lab.fake.stop = stop  # type: ignore[method-assign]
        return replace(stop(), infused_ul=0.0, alarm=PumpAlarm.RESET)

    lab.fake.stop = power_cycled  # type: ignore[method-assign]
    start(lab)
    lab.run(lab.now_s + 2)
    lab.conductor.emergency_stop("test")

    lab.run(lab.now_s + 5)

    assert "pump-reset:drug" in lab.alarm_ids()
    assert lab.fake.true_ul > 0.05
    assert covers(lab)


def test_R34_a_session_closed_without_a_confirmed_stop_does_not_say_that_all_stand_still(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.fake.raises["stop"] = [ReplyTimeout("silent")] * 100
    lab.send(Finish(request=1))

    lab.run(lab.now_s + 60)

    assert lab.conductor.over
    assert lab.conductor.stop_confirmed() is False


def test_U2_a_stop_after_the_port_was_closed_safely_is_no_unconfirmed_stop(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.send(Finish(request=1))
    lab.until(lambda: lab.pump.lane.closed or lab.conductor.over)

    lab.conductor.emergency_stop("a second Ctrl-C")
    lab.run(lab.now_s + 60)

    assert lab.conductor.stop_confirmed() is True


@pytest.mark.parametrize("call", ["start", "read_back"])
def test_R39_foreign_traffic_stops_the_pump_whatever_was_asked(tmp_path: Path, call: str) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.fake.raises[call] = [ForeignTraffic("another program answers")]
    start(lab)

    lab.run(lab.now_s + 38)

    assert "foreign-traffic:drug" in lab.alarm_ids()
    assert lab.fake.true_ul < 2.0
    assert not lab.fake.moving
    assert covers(lab)


def test_R33_until_three_seconds_have_passed_the_phase_says_that_stop_was_sent(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.fake.raises["stop"] = [ReplyTimeout("silent")] * 100
    lab.conductor.emergency_stop("test")

    lab.run(lab.now_s + 1)
    assert lab.conductor.phase_text == "STOP sent, waiting for confirmation: drug"
    lab.run(lab.now_s + 3)
    assert lab.conductor.phase_text == "NOT CONFIRMED STOPPED: drug"


def test_U2_finish_while_an_infusion_is_being_programmed_drops_it(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.fake.takes_s["program"] = 1.0
    lab.script.at(lab.now_s + 0.5, lambda: lab.send(Finish(request=1)))
    start(lab)

    lab.run(lab.now_s + 30)

    assert lab.conductor.over
    assert lab.answers[0].ok
    assert lab.fake.count("start") == 0
    assert lab.alarm_ids() == set()
    assert lab.sink.events[-1].data["safe"] is True


def test_R33_an_unconfirmed_stop_is_answered_after_three_real_seconds_on_a_faster_rig(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.conductor.desk.slack = 10.0
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.fake.raises["stop"] = [ReplyTimeout("silent")] * 1000
    asked_s = lab.now_s
    lab.send(Stop(request=1))

    lab.until(lambda: bool(lab.answers))

    assert lab.answers[0].confirmed is False
    assert lab.now_s - asked_s >= 30


def test_R29_a_pump_that_answers_RUN_with_a_stall_is_not_started_again(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.fake.raises["start"] = [DeviceAlarm("stall; nothing was done")]
    lab.fake.no_effect["start"] = 1
    start(lab)

    lab.run(lab.now_s + 30)

    assert lab.fake.count("start") == 1
    assert lab.conductor.phase == "holding"
    assert lab.pump.stop_confirmed is True
    assert "start-failed" in lab.alarm_ids()


def test_a_lane_that_posts_without_end_does_not_keep_the_conductor_from_its_commands() -> None:
    inbox = Inbox()
    report = LaneReport("drug", 0, PollFailed("again"))
    inbox.post(report)

    for number, _ in enumerate(inbox.take()):
        assert number == 0
        inbox.post(report)

    assert inbox.urgent
