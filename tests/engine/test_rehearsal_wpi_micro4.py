"""A rig with a Micro4, rehearsed from end to end: engine, driver and bytes, in lockstep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.host.rehearsal import RehearsalResult, rehearse
from acquisition.plan import MarkStep, WaitStep
from tests.engine.kit import INFUSION, LIMITS, PUMP, make_plan

FIRST = replace(INFUSION, volume_ul=0.4, rate_ul_per_min=1.2, dose_mg_per_kg=0.032)
SECOND = replace(FIRST, number=2, volume_ul=0.2, dose_mg_per_kg=0.016)
STEPS = (FIRST, SECOND, WaitStep(3, "washout", 10.0), MarkStep(4, "end"))
LINE_3 = "?plunger_line=3&selected=2"


def run(tmp_path: Path, *faults: str, options: str = "", seed: int = 1) -> RehearsalResult:
    pump = replace(
        PUMP,
        driver="wpi-micro4",
        url=f"sim://wpi-micro4{LINE_3}{options}",
        expected_model="",
        watchdog_s=0,
        diameter_mm=0.46,
        syringe_volume_ul=10.0,
        loaded_ul=5.0,
        options={"line": 3},
    )
    plan = make_plan(STEPS, [pump])
    files = {"protocol.toml": b"a = 1\n"}
    return rehearse(plan, LIMITS, out_dir=tmp_path, files=files, software="test", faults=list(faults), seed=seed)


@pytest.mark.parametrize("options", ["", "&terminator=semicolon&ok=plain&told=off", "&echo=off&counter_clears=on"])
def test_two_infusions_are_given_and_accounted_for(tmp_path: Path, options: str) -> None:
    result = run(tmp_path, options=options)

    assert result.outcome == "finished"
    assert result.truth["pumps"]["drug"]["true_delivered_ul"] == pytest.approx(0.6, rel=5e-3)
    assert result.confirmed_ul["drug"] == pytest.approx(0.6, abs=0.0005)
    assert result.uncertain_ul["drug"] <= 0.001
    assert [alarm.alarm_id for alarm in result.alarms] == []


def test_a_loss_of_power_holds_the_plan(tmp_path: Path) -> None:
    result = run(tmp_path, "drug:power-cycle@20s")

    assert result.outcome == "the plan was held at step 1"
    assert "pump-reset:drug" in {alarm.alarm_id for alarm in result.alarms}
    true_ul = result.truth["pumps"]["drug"]["true_delivered_ul"]
    assert 0 < true_ul < FIRST.volume_ul
    assert result.confirmed_ul["drug"] + result.uncertain_ul["drug"] >= true_ul - 0.002


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("fault", ["drop~0.02", "delay~0.03=1s", "duplicate~0.1", "garble~0.02", "unplug@20s+5s"])
def test_R36_R38_a_bad_line_gives_no_double_dose_and_no_wrong_account(tmp_path: Path, fault: str, seed: int) -> None:
    result = run(tmp_path, f"drug:{fault}", seed=seed)

    true_ul = result.truth["pumps"]["drug"]["true_delivered_ul"]
    confirmed_ul = result.confirmed_ul["drug"]
    assert true_ul <= 0.6 * 1.005
    assert confirmed_ul <= true_ul + 0.003
    assert confirmed_ul + result.uncertain_ul["drug"] >= true_ul - 0.003


def test_a_text_that_nobody_has_seen_yet_is_no_proof_that_it_stands(tmp_path: Path) -> None:
    result = run(tmp_path, options="&running_text=Pumping")

    true_ul = result.truth["pumps"]["drug"]["true_delivered_ul"]
    assert true_ul <= 0.6 * 1.005
    assert result.confirmed_ul["drug"] <= true_ul + 0.003


@pytest.mark.parametrize("url", ["sim://wpi-micro4", "/dev/ttyUSB0"])
@pytest.mark.parametrize("fault", [None, "drop~0.01", "duplicate~0.05"])
def test_two_lines_of_one_controller_give_their_own_doses(tmp_path: Path, url: str, fault: str | None) -> None:
    first = replace(
        PUMP,
        driver="wpi-micro4",
        url=url,
        address=1,
        expected_model="",
        watchdog_s=0,
        diameter_mm=0.46,
        syringe_volume_ul=10.0,
        loaded_ul=5.0,
    )
    other = replace(first, name="other", address=2)
    steps = (FIRST, replace(SECOND, pump="other"), WaitStep(3, "washout", 10.0), MarkStep(4, "end"))
    plan = make_plan(steps, [first, other])
    faults = [f"drug:{fault}"] if fault else []
    result = rehearse(plan, LIMITS, out_dir=tmp_path, files={"a": b"a"}, software="test", faults=faults, seed=1)

    for name, wanted_ul in (("drug", 0.4), ("other", 0.2)):
        true_ul = result.truth["pumps"][name]["true_delivered_ul"]
        assert true_ul <= wanted_ul * 1.005
        assert result.confirmed_ul[name] <= true_ul + 0.003
        assert result.confirmed_ul[name] + result.uncertain_ul[name] >= true_ul - 0.003
        assert fault or true_ul == pytest.approx(wanted_ul, rel=5e-3)
    assert fault or result.outcome == "finished"
