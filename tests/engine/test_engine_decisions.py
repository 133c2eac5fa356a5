"""What the engine decides, with instruments that misbehave as told: read-back, late starts, reconciling, roles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.engine.lane_messages import Program, Run
from acquisition.events import EventKind
from acquisition.messages import Start
from acquisition.plan import Role, WaitStep
from acquisition.recording.records import INTENT_OUTCOMES
from drivers.capabilities import PumpProgram
from drivers.clock import FOREVER_NS
from drivers.errors import DeviceRefused, ReplyTimeout
from tests.engine.kit import INFUSION, PUMP, Lab, make_plan, seconds

MAINTENANCE = replace(PUMP, role="anaesthetic_maintenance")


def test_a_session_goes_through_its_phases_and_ends_safe(tmp_path: Path) -> None:
    lab = Lab(tmp_path)

    lab.run()

    phases = [e.data["phase"] for e in lab.sink.events if e.kind is EventKind.SESSION and "phase" in e.data]
    assert phases == ["ready", "running", "finished", "closing"]
    assert lab.conductor.outcome == "finished"
    assert lab.sensors["sensor"].stopped == 1
    assert lab.fake.count("start") == 1
    assert lab.fake.count("disarm_watchdog") == 1
    assert lab.fake.true_ul == pytest.approx(INFUSION.volume_ul)
    closing = lab.sink.events[-1]
    assert (closing.kind, closing.data["safe"]) == (EventKind.SESSION, True)


def test_R18_R41_no_start_before_stop_and_watchdog_are_proved(tmp_path: Path) -> None:
    lab = Lab(tmp_path)

    lab.run()

    names = [name for _, name in lab.fake.calls]
    assert names.index("stop") < names.index("arm_watchdog") < names.index("program") < names.index("start")


def test_R19_nothing_is_sent_to_another_instrument(tmp_path: Path) -> None:
    lab = Lab(tmp_path, make_plan(pumps=[replace(PUMP, expected_model="AL-9")]))

    lab.run(30)
    lab.conductor.emergency_stop("test")
    lab.run(60)

    assert {name for _, name in lab.fake.calls} == {"connect", "close"}
    assert "not-connected:drug" in lab.alarm_ids()


@pytest.mark.parametrize("pinned", ["A50285BI", "3.9 "])
def test_X17_another_device_that_answers_like_the_pump_gets_nothing(tmp_path: Path, pinned: str) -> None:
    lab = Lab(tmp_path, make_plan(pumps=[replace(PUMP, expected_serial_number=pinned)]))

    lab.run(120)
    lab.conductor.emergency_stop("test")
    lab.run(60)

    assert {name for _, name in lab.fake.calls} == {"connect", "close"}
    assert "not-connected:drug" in lab.alarm_ids()
    assert lab.fake.true_ul == 0


def test_R20_a_wrong_read_back_means_no_RUN(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.fake.readback_factor = 1000.0

    lab.run(120)

    assert lab.fake.count("program") == 1
    assert lab.fake.count("start") == 0
    assert lab.fake.true_ul == 0


def test_D3_settings_that_change_while_it_runs_stop_it(tmp_path: Path) -> None:
    lab = Lab(tmp_path, make_plan([replace(INFUSION, volume_ul=10.0)]))
    lab.until_infusing()
    lab.fake.readback_factor = 1.1

    lab.run(120)

    assert "settings-differ:drug" in lab.alarm_ids()
    assert lab.fake.true_ul < 10.0


def test_R22_an_infusion_whose_time_has_passed_is_missed_and_not_caught_up(tmp_path: Path) -> None:
    steps = (WaitStep(1, "baseline", 20.0), replace(INFUSION, number=2), replace(INFUSION, number=3))
    lab = Lab(tmp_path, make_plan(steps))
    lab.until(lambda: lab.now_s > 10)

    lab.clock.jump_ns(seconds(60))  # the computer slept over the start of step 2
    lab.run(lab.now_s + 20)

    assert lab.conductor.schedule.views[1].state == "missed"
    assert lab.fake.count("start") == 0
    assert lab.conductor.phase == "holding"
    assert {"missed:drug", "clock-jump"} <= lab.alarm_ids()


def test_R22_a_delay_below_a_second_is_no_reason_to_miss(tmp_path: Path) -> None:
    steps = (WaitStep(1, "baseline", 20.0), replace(INFUSION, number=2))
    lab = Lab(tmp_path, make_plan(steps))
    lab.until(lambda: lab.now_s > 20.5)

    lab.clock.jump_ns(seconds(1.0))
    lab.run()

    assert lab.conductor.outcome == "finished"
    assert lab.fake.true_ul == pytest.approx(INFUSION.volume_ul)


def test_H5_a_jump_during_an_infusion_stops_the_pump_and_holds_the_plan(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.send(Start(request=1))
    lab.until_infusing()
    stops = lab.fake.count("stop")

    lab.clock.jump_ns(seconds(30))
    lab.run(lab.now_s + 5)

    assert lab.fake.count("stop") > stops
    assert lab.conductor.phase == "holding"
    assert lab.fake.true_ul < INFUSION.volume_ul
    assert lab.fake.count("start") == 1


def test_L1_R36_a_lost_reply_to_a_RUN_that_arrived_is_reconciled_by_asking(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.fake.raises["start"] = [ReplyTimeout("lost")]

    lab.run()

    after = [name for t_ns, name in lab.fake.calls if name not in ("connect", "close")]
    assert after[after.index("start") + 1] == "status"
    assert lab.fake.count("start") == 1
    assert lab.conductor.outcome == "finished"
    assert lab.fake.true_ul == pytest.approx(INFUSION.volume_ul)


def test_L2_a_RUN_that_never_arrived_is_decided_once_more_by_a_new_intent(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.fake.raises["start"] = [ReplyTimeout("lost")]
    lab.fake.no_effect["start"] = 1

    lab.run()

    intents = [event.data["attempt"] for _, event in lab.sink.committed if event.kind is EventKind.INTENT]
    assert intents == [1, 2]
    settled = [what for event in lab.sink.events if (what := event.data.get("what")) in INTENT_OUTCOMES]
    assert settled == ["not run", "target reached"], "each intent has its outcome in the journal (R54)"
    assert lab.fake.true_ul == pytest.approx(INFUSION.volume_ul)
    assert lab.conductor.outcome == "finished"


def test_L2_a_second_RUN_that_never_arrives_holds_the_plan(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.fake.raises["start"] = [ReplyTimeout("lost"), ReplyTimeout("lost"), ReplyTimeout("lost")]
    lab.fake.no_effect["start"] = 9

    lab.run(200)

    assert lab.fake.count("start") == 2
    assert lab.person.gave_up
    assert lab.pump.ledger.confirmed_ul == 0


def test_a_refused_RUN_is_not_repeated(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.fake.raises["start"] = [DeviceRefused("?NA")]
    lab.fake.no_effect["start"] = 1

    lab.run(200)

    assert lab.fake.count("start") == 1
    assert lab.pump.ledger.confirmed_ul == 0
    assert "start-failed" in lab.alarm_ids()


def test_R23_a_pump_that_says_infusing_and_does_not_move_is_noticed(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.fake.speed_factor = 0.0

    lab.until(lambda: "not-infusing:drug" in lab.alarm_ids(), within_s=20)


def test_R26_too_fast_is_stopped_before_the_target(tmp_path: Path) -> None:
    lab = Lab(tmp_path, make_plan([replace(INFUSION, volume_ul=10.0)]))
    lab.fake.speed_factor = 1.5

    lab.run(200)

    assert "over-delivery:drug" in lab.alarm_ids()
    assert lab.fake.true_ul < 2.0


def test_R26_R28_a_little_slow_is_said_and_goes_on(tmp_path: Path) -> None:
    lab = Lab(tmp_path, make_plan([replace(INFUSION, volume_ul=10.0)]))
    lab.fake.speed_factor = 0.97

    lab.run(400)

    assert "delivery-deviates:drug" in lab.alarm_ids()
    assert lab.conductor.outcome == "finished"


def test_R27_motion_nobody_ordered_is_stopped_at_once(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    stops = lab.fake.count("stop")
    lab.fake.rogue = True
    at_s = lab.now_s

    lab.until(lambda: lab.fake.count("stop") > stops and not lab.fake.rogue, within_s=2)
    lab.run(lab.now_s + 0.5)

    assert lab.now_s - at_s < 2
    assert "unexpected-motion:drug" in lab.alarm_ids()


def test_D7_a_pump_stopped_by_its_own_key_holds_the_plan(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.until_infusing()
    lab.fake.moving = False

    lab.run(lab.now_s + 5)

    assert lab.conductor.phase == "holding"
    assert "stopped-early:drug" in lab.alarm_ids()
    assert lab.fake.count("start") == 1


def test_R34_one_pump_that_does_not_stop_does_not_delay_the_other(tmp_path: Path) -> None:
    other = replace(PUMP, name="other", url="sim://new-era/other")
    lab = Lab(tmp_path, make_plan(pumps=[PUMP, other]), operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.send(Start(request=1))
    lab.until_infusing()
    lab.fake.stops_on_stop = False
    lab.fake.takes_s["stop"] = 3.0
    asked_ns = lab.clock.now_ns()

    lab.conductor.emergency_stop("test")
    lab.run(lab.now_s + 10)

    other_stops = [t_ns for t_ns, name in lab.fakes["other"].calls if name == "stop" and t_ns >= asked_ns]
    assert other_stops[0] - asked_ns <= 100_000_000
    assert lab.conductor.pumps["other"].stop_confirmed is True
    assert lab.pump.stop_confirmed is False
    assert "not-confirmed-stopped:drug" in lab.alarm_ids()
    assert sum(1 for t_ns, name in lab.fake.calls if name == "stop" and t_ns >= asked_ns) >= 3, "it is repeated"
    lab.fake.stops_on_stop = True
    lab.run(lab.now_s + 10)
    assert lab.pump.stop_confirmed is True


def test_R33_stop_reaches_the_lanes_without_the_conductor(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.send(Start(request=1))
    lab.until_infusing()
    lab.host = type(lab.host)(lab.clock, lab.session.lanes, lambda: False)  # the conductor is frozen

    lab.conductor.emergency_stop("test")
    lab.run(lab.now_s + 1)

    assert lab.conductor.stop_confirmed()
    assert not lab.fake.moving


def test_a_RUN_decided_before_a_STOP_is_never_sent_after_it(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lane = lab.pump.lane
    before = lane.slot.generation
    lane.slot.request()
    lab.until(lambda: not lane.slot.pending)

    lane.request(Program(1, PumpProgram(4.699, 3.0, 2.0), before))
    lane.request(Run(token=1, generation=before, until_ns=FOREVER_NS))
    lab.run(lab.now_s + 2)

    assert lab.fake.count("program") == 0
    assert lab.fake.count("start") == 0


def test_a_RUN_of_another_arming_is_never_sent(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lane = lab.pump.lane
    lane.request(Program(1, PumpProgram(4.699, 3.0, 2.0), lane.slot.generation))

    lane.request(Run(token=2, generation=lane.slot.generation, until_ns=FOREVER_NS))
    lane.request(Run(token=1, generation=lane.slot.generation, until_ns=FOREVER_NS))
    lab.run(lab.now_s + 2)

    assert lab.fake.count("start") == 0, "the wrong token spent the arming"


@pytest.mark.parametrize("role", ["experimental", "anaesthetic_maintenance"])
def test_R42_questions_end_a_second_after_the_recorder_froze(tmp_path: Path, role: Role) -> None:
    lab = Lab(tmp_path, make_plan(pumps=[replace(PUMP, role=role)]))
    lab.until_infusing()
    lab.until(lambda: lab.pump.ledger.confirmed_ul > 0.2)
    lab.sink.frozen = True
    frozen_ns = lab.clock.now_ns()
    lab.conductor._next_verify_ns = frozen_ns + seconds(2)

    lab.run(lab.now_s + 2.8)

    questions = ("status", "read_back")
    asked = [t_ns for t_ns, name in lab.fake.calls if name in questions and t_ns > frozen_ns + seconds(1.1)]
    assert bool(asked) is (role == "anaesthetic_maintenance"), "an animal under anaesthesia does not depend on a disk"


@pytest.mark.parametrize("where", ["status", "program", "start"])
def test_R44_a_defect_in_a_lane_stops_the_pump_before_it_is_reported(tmp_path: Path, where: str) -> None:
    lab = Lab(tmp_path)
    lab.fake.raises[where] = [*([None] * 3 if where == "status" else []), ZeroDivisionError("defect")]

    lab.until(lambda: "program-defect:drug" in lab.alarm_ids())

    crashed_ns = next(e.t_ns for e in lab.sink.events if e.kind is EventKind.SYSTEM and "ZeroDivision" in e.text)
    assert any(name == "stop" and t_ns <= crashed_ns for t_ns, name in lab.fake.calls[4:])
    lab.run(lab.now_s + 5)
    assert not lab.fake.moving
    assert lab.pump.stop_confirmed is True


@pytest.mark.parametrize("where", ["stop", "arm_watchdog"])
def test_R44_R18_a_self_test_that_died_of_a_defect_is_made_again(tmp_path: Path, where: str) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.fake.raises[where] = [ZeroDivisionError("defect")]

    lab.until(lambda: "program-defect:drug" in lab.alarm_ids())
    assert not lab.pump.self_tested
    lab.until(lambda: lab.conductor.phase == "ready")

    assert lab.pump.self_tested


def test_R44_R41_a_watchdog_proof_that_died_of_a_defect_can_be_asked_for_again(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.fake.raises["status"] = [ZeroDivisionError("defect")]

    lab.pump.ask_watchdog_proof()
    lab.until(lambda: "program-defect:drug" in lab.alarm_ids())

    assert lab.pump.watchdog_proof == "untried"


def test_R44_a_defect_in_the_conductor_stops_all_pumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(tmp_path)
    lab.until_infusing()

    def defect(now_ns: int) -> None:
        raise ZeroDivisionError("defect")

    monkeypatch.setattr(lab.conductor, "_advance_plan", defect)
    lab.run(lab.now_s + 5)

    assert not lab.fake.moving
    assert "program-defect" in lab.alarm_ids()


def test_R21_no_start_without_a_recording(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.sink.failing = "disk full"

    lab.send(Start(request=1))
    lab.run(lab.now_s + 5)

    assert not lab.answers[0].ok
    assert "disk full" in lab.answers[0].text
    assert lab.fake.count("program") == 0


def test_R1_a_failing_recording_stops_an_experiment_and_not_an_anaesthesia(tmp_path: Path) -> None:
    for setup, stopped in ((PUMP, True), (MAINTENANCE, False)):
        lab = Lab(tmp_path, make_plan([replace(INFUSION, volume_ul=1.0)], pumps=[setup]))
        lab.until_infusing()
        lab.sink.failing, lab.sink.frozen = "disk full", True

        lab.run(lab.now_s + 25)

        assert (lab.fake.true_ul < 0.9) is stopped
        assert "recorder-failing" in lab.alarm_ids()


def test_S1_a_lost_sensor_stops_an_experiment_and_not_an_anaesthesia(tmp_path: Path) -> None:
    for setup, stopped in ((PUMP, True), (MAINTENANCE, False)):
        lab = Lab(tmp_path, make_plan([replace(INFUSION, volume_ul=1.0)], pumps=[setup]))
        lab.until_infusing()
        lab.sensors["sensor"].lost = True

        lab.run(lab.now_s + 25)

        assert (lab.fake.true_ul < 0.9) is stopped


def test_a_silent_sensor_is_an_alarm_and_the_recording_goes_on(tmp_path: Path) -> None:
    lab = Lab(tmp_path, make_plan([WaitStep(1, "baseline", 60.0)]))
    lab.until(lambda: lab.now_s > 10)
    lab.sensors["sensor"].silent = True
    lab.until(lambda: "sensor-silent:sensor" in lab.alarm_ids(), within_s=4)
    lab.sensors["sensor"].silent = False

    lab.run()

    assert lab.conductor.outcome == "finished"
