"""The computer sleeps for half an hour: what a pump hears when it wakes (R22, H5)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from acquisition.engine.infusion_start import run_until_ns
from acquisition.engine.lane_messages import Program, Run
from acquisition.messages import Continue, Start
from drivers.capabilities import PumpProgram
from tests.engine.kit import INFUSION, PUMP, Lab, make_plan, seconds


def test_R22_after_half_an_hour_of_sleep_a_pump_hears_STOP_first_and_nothing_starts_before_a_person_agrees(
    tmp_path: Path,
) -> None:
    steps = (replace(INFUSION, volume_ul=4.0), replace(INFUSION, number=2))
    lab = Lab(tmp_path, make_plan(steps), operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.send(Start(request=1))
    lab.until_infusing()
    lab.run(lab.now_s + 10)
    before = len(lab.fake.calls)

    lab.clock.jump_ns(seconds(1800))
    lab.pump.lane.step(lab.clock.now_ns())  # in threads a lane may wake before the conductor
    assert len(lab.fake.calls) == before
    woken_s = lab.now_s
    lab.run(woken_s + 120)

    after = [name for _t_ns, name in lab.fake.calls[before:]]
    assert after[0] == "stop", "whatever else it would have been asked, fed its watchdog"
    assert set(after) <= {"stop", "status", "arm_watchdog"}, "nothing that could move it"
    # by its own watchdog it had stopped after 5 s of the half hour, and 10 s were given before
    assert lab.fake.true_ul < 16 * INFUSION.rate_ul_per_min / 60
    assert lab.conductor.phase == "holding"
    assert "clock-jump" in lab.alarm_ids()

    asked_s = lab.now_s
    lab.send(Continue(request=2, step=1))  # a press alone is not enough: the clock's alarm was not acknowledged
    lab.run(asked_s + 60)
    assert lab.fake.count("start") == 1


def test_R22_a_RUN_that_the_computer_slept_over_is_not_sent_after_it(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lane = lab.pump.lane
    lane.request(Program(token=900, program=PumpProgram(PUMP.diameter_mm, 3.0, 2.0), generation=lane.slot.generation))
    lane.step(lab.clock.now_ns())
    assert lab.fake.count("program") == 1
    lane.request(Run(900, lane.slot.generation, run_until_ns(lab.clock.now_ns(), 1.0)))

    lab.clock.jump_ns(seconds(1800))
    lane.step(lab.clock.now_ns())  # before the conductor has noticed anything

    assert lab.fake.count("start") == 0
    lab.run(lab.now_s + 60)
    assert lab.fake.count("start") == 0
