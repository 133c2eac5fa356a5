"""At rest a rehearsal looks once a second; what moves is looked at as often as ever, and news waits for nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.engine.lane_messages import LaneReport, Polled
from acquisition.engine.parts import Inbox
from acquisition.engine.session import LOCKSTEP_PACE, REHEARSAL_PACE, Pace
from acquisition.events import EventKind
from drivers.capabilities import Motion, PumpProgram, PumpStatus
from drivers.errors import ReplyTimeout
from tests.engine.kit import INFUSION, PUMP, Lab, make_plan


def ready(tmp_path: Path, pace: Pace) -> Lab:
    lab = Lab(tmp_path, operator=False, pace=pace)
    lab.until(lambda: lab.conductor.phase == "ready" and lab.pump.idle)
    lab.run(lab.now_s + 5)
    return lab


def questions_in_20_s(lab: Lab) -> int:
    before = lab.fake.count("status")
    lab.run(lab.now_s + 20)
    return lab.fake.count("status") - before


@pytest.mark.parametrize(("pace", "resting"), [(REHEARSAL_PACE, 20), (LOCKSTEP_PACE, 40)])
def test_a_resting_pump_is_asked_once_a_second_in_a_rehearsal_and_twice_elsewhere(
    tmp_path: Path, pace: Pace, resting: int
) -> None:
    assert questions_in_20_s(ready(tmp_path, pace)) == pytest.approx(resting, abs=1)


@pytest.mark.parametrize("watchdog_s", [1, 2, 5])
def test_R41_a_rehearsal_feeds_the_most_impatient_watchdog_at_rest(tmp_path: Path, watchdog_s: int) -> None:
    plan = make_plan([INFUSION], pumps=(replace(PUMP, watchdog_s=watchdog_s),))
    lab = Lab(tmp_path, plan, operator=False, pace=REHEARSAL_PACE)
    lab.until(lambda: lab.conductor.phase == "ready" and lab.pump.idle)
    lab.run(lab.now_s + 5)
    assert questions_in_20_s(lab) >= (39 if watchdog_s == 1 else 19)
    assert not [one for one in lab.alarm_ids() if one.startswith(("lag", "clock-jump"))]
    assert not [text for text in lab.texts(EventKind.ALARM) if "held up" in text or "stood still" in text]


def test_an_infusing_pump_is_asked_twice_a_second_in_a_rehearsal_too(tmp_path: Path) -> None:
    lab = ready(tmp_path, REHEARSAL_PACE)
    lab.conductor.start_plan(lab.clock.now_ns())
    lab.until_infusing()
    assert questions_in_20_s(lab) == pytest.approx(40, abs=1)


def test_R28_motion_that_nobody_ordered_is_an_alarm_with_the_first_look_that_sees_it(tmp_path: Path) -> None:
    lab = ready(tmp_path, REHEARSAL_PACE)
    lab.fake.held = PumpProgram(4.699, 1.0, 100.0)
    lab.fake.start()  # by its own key
    began_s = lab.now_s
    lab.until(lambda: "unexpected-motion:drug" in lab.alarm_ids(), within_s=5)
    assert lab.now_s - began_s <= 1.1, "one look a second, and no waiting for the conductor's next step"


def test_a_resting_pump_that_falls_silent_is_unknown_as_soon_as_R35_says(tmp_path: Path) -> None:
    lab = ready(tmp_path, REHEARSAL_PACE)
    lab.fake.raises["status"] = [ReplyTimeout("gone")] * 50
    began_s = lab.now_s
    lab.until(lambda: lab.pump.unknown_since_ns is not None, within_s=10)
    assert lab.now_s - began_s <= 3.6


def test_a_look_that_shows_nothing_new_waits_for_the_next_step_and_news_does_not() -> None:
    still = PumpStatus(1, 1, Motion.STOPPED, 0.0, 0.0, 0.001)
    inbox = Inbox()
    inbox.post(LaneReport("drug", 1, Polled(still, news=False)))
    assert not inbox.urgent
    inbox.post(LaneReport("drug", 1, Polled(still)))
    assert inbox.urgent


def test_the_first_look_that_sees_another_motion_is_news(tmp_path: Path) -> None:
    lab = ready(tmp_path, REHEARSAL_PACE)
    looks: list[bool] = []
    post = lab.pump.lane._post

    def listening(report: LaneReport) -> None:
        if isinstance(report.what, Polled):
            looks.append(report.what.news)
        post(report)

    lab.pump.lane._post = listening
    lab.run(lab.now_s + 5)
    assert looks
    assert not any(looks)
    lab.fake.held = PumpProgram(4.699, 1.0, 100.0)
    lab.fake.start()  # by its own key
    looks.clear()
    lab.run(lab.now_s + 1.5)
    assert looks[0], "it moves"
