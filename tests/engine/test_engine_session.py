"""What people and clients make of a session: notes, alarms, ends, accounts; with instruments that do as told."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from acquisition.engine.lane_messages import Failed, LaneReport, Polled, Program, Run
from acquisition.events import EventKind
from acquisition.messages import Acknowledge, Continue, Finish, Mark, Note, Start
from acquisition.plan import InfuseStep, MarkStep, OperatorStep, WaitStep
from drivers.capabilities import Motion, PumpProgram, PumpStatus
from drivers.clock import FOREVER_NS, NS_PER_S
from drivers.errors import PortLost, ReplyTimeout, WrongInstrument
from tests.engine.kit import INFUSION, PUMP, Lab, MemoryPublisher, make_plan

MAINTENANCE = replace(PUMP, role="anaesthetic_maintenance")


def test_operator_steps_wait_for_a_person_and_marks_and_notes_are_kept(tmp_path: Path) -> None:
    steps = (MarkStep(1, "begin"), OperatorStep(2, "check the animal"), WaitStep(3, "rest", 5.0))
    lab = Lab(tmp_path, make_plan(steps), operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.send(Start(request=1))
    lab.run(lab.now_s + 60)
    assert lab.conductor.state().phase == "holding"

    lab.send(Continue(request=2, step=3))
    lab.send(Note(request=3, text="whiskers move", opened_ns=5))
    lab.send(Mark(request=4, label="pinch"))
    lab.send(Continue(request=5, step=2))
    lab.run(lab.now_s + 10)

    assert [answer.ok for answer in lab.answers] == [True, False, True, True, True]
    assert lab.conductor.phase == "finished"
    note = next(e for e in lab.sink.events if e.kind is EventKind.NOTE)
    assert (note.text, note.data["opened_ns"]) == ("whiskers move", 5)
    assert lab.texts(EventKind.MARK) == ["begin", "pinch"]


def test_finish_is_refused_while_a_pump_infuses(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.send(Start(request=1))
    lab.until_infusing()

    lab.send(Finish(request=2))
    lab.run(lab.now_s + 1)

    assert not lab.answers[-1].ok
    assert not lab.conductor.over


def test_U1_R04_a_double_click_on_start_starts_once(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")

    lab.send(Start(request=1))
    lab.send(Start(request=2))
    lab.run(lab.now_s + 20)

    assert [answer.ok for answer in lab.answers] == [True, False]
    assert lab.fake.count("start") == 1


def test_R35_an_unknown_state_is_shown_as_unknown_and_counted_at_its_worst(tmp_path: Path) -> None:
    lab = Lab(tmp_path, publisher=MemoryPublisher())
    lab.until_infusing()
    lab.until(lambda: lab.pump.ledger.confirmed_ul > 0.2)
    lab.fake.raises["status"] = [ReplyTimeout("lost") for _ in range(50)]
    lab.fake.raises["stop"] = [ReplyTimeout("lost") for _ in range(20)]
    lab.fake.no_effect["stop"] = 99

    lab.until(lambda: lab.pump.unknown_since_ns is not None, within_s=5)

    view = lab.conductor.state().pumps[0]
    assert "pump-unknown:drug" in lab.alarm_ids()
    lab.run(lab.now_s + 3)
    view = lab.conductor.state().pumps[0]
    assert view.motion == "unknown"
    assert view.stop_confirmed is False
    assert view.delivered_ul + view.session_uncertain_ul >= lab.fake.true_ul
    assert view.estimated_ul <= view.target_ul


def test_R46_an_alarm_stays_until_a_person_has_seen_it(tmp_path: Path) -> None:
    lab = Lab(tmp_path, make_plan([WaitStep(1, "baseline", 60.0)]), operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.sensors["sensor"].silent = True
    lab.run(lab.now_s + 5)
    lab.sensors["sensor"].silent = False
    lab.run(lab.now_s + 5)
    (alarm,) = lab.conductor.state().alarms
    assert (alarm.active, alarm.acknowledged) == (False, False)

    lab.send(Acknowledge(request=1, alarm_id=alarm.alarm_id, by=" Anna "))
    lab.run(lab.now_s + 1)

    assert lab.conductor.state().alarms == ()
    (seen,) = [event for event in lab.sink.events if event.data.get("change") == "acknowledged"]
    assert (seen.data["by"], seen.text.partition(":")[0]) == ("Anna", f"{alarm.priority} alarm acknowledged by Anna")


def test_a_wrong_instrument_after_replug_gets_no_stop_but_the_alarm_stays(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.until_infusing()
    stops = lab.fake.count("stop")
    lab.fake.raises["status"] = [PortLost("unplugged")]
    lab.fake.raises["connect"] = [WrongInstrument("a balance") for _ in range(100)]

    lab.run(lab.now_s + 20)

    assert lab.fake.count("stop") == stops
    assert lab.pump.motion is Motion.UNKNOWN
    assert "not-confirmed-stopped:drug" in lab.alarm_ids()


def test_R38_a_zero_counter_after_a_lost_line_is_not_taken_for_nothing_given(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.fake.raises["start"] = [PortLost("unplugged")]
    lab.until(lambda: lab.pump.ready, within_s=10)
    lab.fake.raises["connect"] = [PortLost("unplugged") for _ in range(20)]
    lab.until(lambda: lab.pump.link == "lost", within_s=10)
    lab.run(lab.now_s + 2)
    lab.fake.moving, lab.fake.counter_ul = False, 0.0  # it was switched off and on meanwhile
    given_ul = lab.fake.true_ul

    lab.until(lambda: lab.pump.stop_confirmed is True)
    lab.run(lab.now_s + 2)

    ledger = lab.pump.ledger
    assert given_ul > 0.05
    assert ledger.current is None
    assert ledger.confirmed_ul + ledger.uncertain_ul(lab.clock.now_ns()) >= given_ul


def test_clients_get_state_events_and_samples_as_recorded(tmp_path: Path) -> None:
    publisher = MemoryPublisher()
    lab = Lab(tmp_path, publisher=publisher)

    lab.run()

    assert publisher.states[-1].phase == "closing"
    delivered = max(state.pumps[0].delivered_ul for state in publisher.states)
    assert delivered == pytest.approx(INFUSION.volume_ul, abs=0.01)
    recorded = sum(len(block.index) for block in lab.sink.blocks)
    assert sum(len(samples.t_ns) for samples in publisher.blocks) == recorded
    assert [n.text for n in publisher.notices] == [e.text for e in lab.sink.events if e.kind is not EventKind.WIRE]


def test_rows_of_the_infusion_add_up(tmp_path: Path) -> None:
    steps = (INFUSION, InfuseStep(2, "second", "drug", 1.0, 1.5, None), WaitStep(3, "end", 5.0))
    lab = Lab(tmp_path, make_plan(steps))

    lab.run()

    rows = lab.sink.rows
    assert rows[-1].confirmed_ul == pytest.approx(3.0, abs=0.01)
    assert rows[-1].commanded_ul == pytest.approx(3.0, abs=0.05)
    assert rows[-1].uncertain_ul == 0
    assert all(b.confirmed_ul >= a.confirmed_ul for a, b in pairwise(rows))
    assert max(row.confirmed_ul_per_min for row in rows) == 3.0
    gaps_s = [(b.t_ns - a.t_ns) / NS_PER_S for a, b in pairwise(rows)]
    assert max(gaps_s[:-1]) <= 1.0


def test_U2_a_stop_while_the_session_is_being_closed_goes_first_and_closing_goes_on(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.fake.takes_s["disarm_watchdog"] = 1.0
    lab.script.at(lab.now_s + 0.5, lambda: lab.conductor.emergency_stop("test"))

    lab.send(Finish(request=1))
    lab.run(lab.now_s + 30)

    assert lab.fake.count("disarm_watchdog") == 2, "the first was interrupted"

    assert lab.conductor.over
    assert lab.conductor.stop_confirmed()
    assert lab.sink.events[-1].data["safe"] is True


def test_R18_one_lost_reply_is_no_failed_self_test_and_two_are(tmp_path: Path) -> None:
    for failures, alarmed in ((1, False), (2, True)):
        lab = Lab(tmp_path)
        lab.fake.raises["arm_watchdog"] = [ReplyTimeout("lost") for _ in range(failures)]

        lab.run(30)

        assert ("self-test:drug" in lab.alarm_ids()) is alarmed
        assert (lab.fake.count("start") == 1) is not alarmed


def test_a_reply_to_a_question_asked_before_RUN_does_not_end_the_infusion(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    pump, now_ns = lab.pump, lab.clock.now_ns()
    pump.open_infusion(1, PumpProgram(4.699, 3.0, 2.0), now_ns)
    still = PumpStatus(now_ns - 1, now_ns, Motion.STOPPED, 0.0, 0.0, 0.001)

    pump.take(LaneReport("drug", now_ns, Polled(still)))

    assert pump.infusing
    assert pump.outcome is None


def test_a_RUN_that_found_no_line_closes_its_account_when_the_pump_is_found(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    pump, now_ns = lab.pump, lab.clock.now_ns()
    pump.open_infusion(1, PumpProgram(4.699, 3.0, 2.0), now_ns)

    pump.take(LaneReport("drug", now_ns, Failed(Run(1, 0, FOREVER_NS), "not connected", "PortError")))
    lab.run(lab.now_s + 2)

    assert not pump.infusing
    assert pump.ledger.confirmed_ul == 0


def test_R42_asking_after_a_lost_reply_to_RUN_does_not_feed_the_watchdog_for_ever(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lane, pump = lab.pump.lane, lab.fake
    lane.request(Program(1, PumpProgram(4.699, 3.0, 2.0), lane.slot.generation))
    lane.request(Run(1, lane.slot.generation, FOREVER_NS))
    pump.raises["start"] = [ReplyTimeout("lost")]
    pump.raises["status"] = [ReplyTimeout("lost") for _ in range(1000)]
    lab.host = type(lab.host)(lab.clock, lab.session.lanes, lambda: False)  # the conductor is frozen

    lab.run(lab.now_s + 30)

    start = [name for _, name in pump.calls].index("start")
    assert 1 <= len(pump.calls[start + 1 :]) <= 4


def test_R1_a_session_is_not_ended_over_records_that_the_disk_does_not_take(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.sink.failing = "disk full"
    lab.run(lab.now_s + 1)

    lab.send(Finish(request=1))
    lab.run(lab.now_s + 1)

    assert [answer.ok for answer in lab.answers] == [False]
    assert "Make room on the disk" in lab.answers[0].text
    assert lab.conductor.phase == "ready"
    lab.send(Finish(request=2, discard=True))
    lab.run(lab.now_s + 30)
    assert lab.conductor.over
