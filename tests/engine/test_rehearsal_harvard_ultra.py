"""A rig with a pump of the Ultra family, rehearsed end to end in lockstep: engine, driver, bytes, firmware, syringe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.host.rehearsal import RehearsalResult, rehearse
from acquisition.plan import WaitStep
from tests.engine.kit import INFUSION, LIMITS, PUMP, SENSOR, make_plan

LEGATO = replace(PUMP, driver="harvard-ultra", url="sim://harvard-ultra", expected_model="LEGATO", watchdog_s=0)
STEPS = (INFUSION, WaitStep(2, "washout", 5.0), replace(INFUSION, number=3))


def run(tmp_path: Path, url: str = LEGATO.url, **options: object) -> RehearsalResult:
    plan = make_plan(STEPS, [replace(LEGATO, url=url)], [SENSOR])
    return rehearse(plan, LIMITS, out_dir=tmp_path, files={}, software="test", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    [
        "/dev/ttyACM0",  # a real port being rehearsed
        "sim://harvard-ultra?status_after_prompt=1&prefix_at_zero=always&targets=last",
        "sim://harvard-ultra?poll=remote&echo=1&nvram=off&withdraws=0",
    ],
)
def test_two_infusions_arrive_as_planned_whatever_the_doubtful_switches(tmp_path: Path, url: str) -> None:
    result = run(tmp_path, url)

    assert result.outcome == "finished", [alarm.what for alarm in result.alarms]
    assert result.truth["pumps"]["drug"]["true_delivered_ul"] == pytest.approx(2 * INFUSION.volume_ul, rel=1e-3)
    assert result.confirmed_ul["drug"] == pytest.approx(2 * INFUSION.volume_ul, abs=0.01)


def test_a_stall_holds_the_plan(tmp_path: Path) -> None:
    result = run(tmp_path, faults=["drug:stall@20s"])

    assert result.outcome == "the plan was held at step 1"
    assert any(alarm.alarm_id == "pump-stall:drug" for alarm in result.alarms)


@pytest.mark.parametrize(
    ("options", "at_most_ul"),
    [
        ("resumes=0", INFUSION.volume_ul),
        ("resumes=1", INFUSION.volume_ul),  # it resumes what we had it store: next to nothing
        ("resumes=1&settings_persist=1&poll_persists=1", INFUSION.volume_ul),  # as if storing could not be switched off
        ("resumes=1&forgets=1", 2 * INFUSION.volume_ul),  # 1 ml/min without a target, 1.8 uL/s with this syringe
    ],
)
def test_R38_a_power_cycle_is_found_and_a_run_resumed_by_the_pump_is_stopped_and_counted(
    tmp_path: Path, options: str, at_most_ul: float
) -> None:
    result = run(tmp_path, f"sim://harvard-ultra?{options}", faults=["drug:power-cycle@20s+1s"])

    assert any(alarm.alarm_id == "pump-reset:drug" for alarm in result.alarms)
    true_ul = result.truth["pumps"]["drug"]["true_delivered_ul"]
    assert true_ul < 1.001 * at_most_ul
    assert true_ul <= result.confirmed_ul["drug"] + result.uncertain_ul["drug"] + 0.01, "never counted too low (R28)"


def test_lost_and_late_answers_deliver_nothing_twice(tmp_path: Path) -> None:
    result = run(tmp_path, faults=["drug:drop~0.02", "drug:delay~0.02=300ms"], seed=3)

    assert result.truth["pumps"]["drug"]["true_delivered_ul"] <= 2 * INFUSION.volume_ul * 1.001
