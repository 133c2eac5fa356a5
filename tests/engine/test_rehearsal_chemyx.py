"""A rig with a Chemyx pump, rehearsed from end to end: engine, driver and bytes, in lockstep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.host.rehearsal import RehearsalResult, rehearse
from acquisition.plan import MarkStep, WaitStep
from tests.engine.kit import INFUSION, LIMITS, PUMP, make_plan

SECOND = replace(INFUSION, number=2, volume_ul=1.0, dose_mg_per_kg=0.08)
STEPS = (INFUSION, SECOND, WaitStep(3, "washout", 10.0), MarkStep(4, "end"))


def run(tmp_path: Path, *faults: str, options: str = "", seed: int = 1) -> RehearsalResult:
    pump = replace(PUMP, driver="chemyx", url=f"sim://chemyx{options}", expected_model="", watchdog_s=0)
    plan = make_plan(STEPS, [pump])
    files = {"protocol.toml": b"a = 1\n"}
    return rehearse(plan, LIMITS, out_dir=tmp_path, files=files, software="test", faults=list(faults), seed=seed)


@pytest.mark.parametrize("options", ["", "?echo=off&counter_clears=never", "?counter_clears=set&view_unit=text"])
def test_two_infusions_are_given_and_accounted_for(tmp_path: Path, options: str) -> None:
    result = run(tmp_path, options=options)

    assert result.outcome == "finished"
    assert result.truth["pumps"]["drug"]["true_delivered_ul"] == pytest.approx(3.0, rel=1e-3)
    assert result.confirmed_ul["drug"] == pytest.approx(3.0, abs=0.001)
    assert result.uncertain_ul["drug"] <= 0.001
    assert [alarm.alarm_id for alarm in result.alarms] == []


@pytest.mark.parametrize(
    ("fault", "alarm"), [("drug:stall@20s", "pump-stall:drug"), ("drug:power-cycle@20s", "pump-reset:drug")]
)
def test_a_stall_and_a_loss_of_power_hold_the_plan(tmp_path: Path, fault: str, alarm: str) -> None:
    result = run(tmp_path, fault)

    assert result.outcome == "the plan was held at step 1"
    assert alarm in {alarm.alarm_id for alarm in result.alarms}
    true_ul = result.truth["pumps"]["drug"]["true_delivered_ul"]
    assert 0 < true_ul < INFUSION.volume_ul
    assert result.confirmed_ul["drug"] <= true_ul + 0.001
    assert result.confirmed_ul["drug"] + result.uncertain_ul["drug"] >= true_ul - 0.001


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fault", ["drop~0.05", "delay~0.05=1s", "duplicate~0.1", "garble~0.05", "unplug@20s+5s"])
@pytest.mark.parametrize("options", ["", "?echo=off&counter_clears=never"])
def test_R36_R38_a_bad_line_gives_no_double_dose_and_no_wrong_account(
    tmp_path: Path, fault: str, options: str, seed: int
) -> None:
    result = run(tmp_path, f"drug:{fault}", options=options, seed=seed)

    true_ul = result.truth["pumps"]["drug"]["true_delivered_ul"]
    confirmed_ul = result.confirmed_ul["drug"]
    assert true_ul <= 3.0 * 1.001
    assert confirmed_ul <= true_ul + 0.002
    assert confirmed_ul + result.uncertain_ul["drug"] >= true_ul - 0.002


def test_a_screen_left_in_multi_step_mode_is_noticed_and_stopped(tmp_path: Path) -> None:
    result = run(tmp_path, options="?multi_step_ul_per_min=60")

    assert result.outcome != "finished"
    assert result.truth["pumps"]["drug"]["true_delivered_ul"] < 10.0
