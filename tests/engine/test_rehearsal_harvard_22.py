"""Rigs with older Harvard pumps, rehearsed from end to end: a PHD 2000 infuses, a Pump 22 is refused."""

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
    pump = replace(PUMP, driver="harvard-22", url=f"sim://harvard-22{options}", expected_model="", watchdog_s=0)
    plan = make_plan(STEPS, [pump])
    files = {"protocol.toml": b"a = 1\n"}
    return rehearse(plan, LIMITS, out_dir=tmp_path, files=files, software="test", faults=list(faults), seed=seed)


@pytest.mark.parametrize("options", ["", "?address_digits=two&extra_cr=on&end_prompt=star", "?counter_clears=on"])
def test_two_infusions_are_given_and_accounted_for(tmp_path: Path, options: str) -> None:
    result = run(tmp_path, options=options)

    assert result.outcome == "finished"
    assert result.truth["pumps"]["drug"]["true_delivered_ul"] == pytest.approx(3.0, rel=1e-3)
    assert result.confirmed_ul["drug"] == pytest.approx(3.0, abs=0.001)
    assert [alarm.alarm_id for alarm in result.alarms] == []


@pytest.mark.parametrize("options", ["?model=22", "?model=11", "?prints_unit=off"])
def test_no_drop_flows_from_a_pump_whose_target_cannot_be_proved(tmp_path: Path, options: str) -> None:
    result = run(tmp_path, options=options)

    assert result.outcome.startswith("the plan was held at step 1")
    assert result.truth["pumps"]["drug"]["true_delivered_ul"] == 0.0
    assert "start-failed" in {alarm.alarm_id.partition(":")[0] for alarm in result.alarms}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("fault", ["drop~0.05", "delay~0.05=1s", "duplicate~0.1", "garble~0.05", "unplug@20s+5s"])
def test_R36_R38_a_bad_line_gives_no_double_dose_and_no_wrong_account(tmp_path: Path, fault: str, seed: int) -> None:
    result = run(tmp_path, f"drug:{fault}", seed=seed)

    true_ul = result.truth["pumps"]["drug"]["true_delivered_ul"]
    confirmed_ul = result.confirmed_ul["drug"]
    assert true_ul <= 3.0 * 1.001
    assert confirmed_ul <= true_ul + 0.2
    assert confirmed_ul + result.uncertain_ul["drug"] >= true_ul - 0.2
