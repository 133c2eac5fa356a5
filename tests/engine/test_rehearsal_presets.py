"""A rehearsal simulates what was chosen, acts at the plan's marks, and keeps what it simulated."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acquisition.experiment.presets import read_presets
from acquisition.host.rehearsal import RehearsalResult, rehearse
from acquisition.plan import MarkStep, Plan, WaitStep
from acquisition.recording.session_data import read_session
from acquisition.recording.verify import session_fingerprint
from tests.engine.kit import INFUSION, LIMITS, PUMP, SENSOR, make_plan

STEPS = (WaitStep(1, "baseline", 10.0), MarkStep(2, "ketamine"), WaitStep(3, "effect", 600.0))


def run(tmp_path: Path, plan: Plan, *presets: str, seed: int = 3) -> RehearsalResult:
    chosen: dict[str, Any] = read_presets(presets)
    return rehearse(plan, LIMITS, out_dir=tmp_path, files={}, software="test", seed=seed, presets=chosen)


def test_an_injection_at_a_mark_of_the_plan_acts_on_the_animal_that_was_chosen(tmp_path: Path) -> None:
    """10 mg/kg i.p. leave 0.72 of release after 10 min; science.md 4.5."""
    result = run(tmp_path, make_plan(STEPS), "hand-injections", "mean-mouse")

    assert result.truth["multiplier"] == pytest.approx(0.72, abs=0.02)


def test_selftest_6_the_recording_carries_seed_parameters_and_says_simulated(tmp_path: Path) -> None:
    first, again = (run(tmp_path, make_plan(STEPS[:1]), "depressed-mouse", seed=9) for _ in range(2))
    kept = tomllib.loads((first.session_dir / "simulated.toml").read_text(encoding="utf-8"))

    assert (kept["simulated"], kept["seed"]) == ("SIMULATED", 9)
    assert kept["animal"]["glutamate"]["basal_scale"] == 1.3
    assert kept["sensors"][SENSOR.name]["sites"]["0"]["sensitivity_a_per_um"] > 0
    assert read_session(first.session_dir).header.simulated
    assert "SIMULATED" in first.session_dir.name
    assert session_fingerprint(first.session_dir) == session_fingerprint(again.session_dir)
    assert (again.session_dir / "simulated.toml").read_bytes() == (first.session_dir / "simulated.toml").read_bytes()


def test_a_rig_chooses_by_its_urls_and_the_command_line_goes_before_it(tmp_path: Path) -> None:
    pump = replace(PUMP, url="sim://new-era?animal=awake-rat")
    sensor = replace(SENSOR, url="sim://emstat?sensor=array-drifting")
    plan = make_plan(STEPS[:1], [pump], [sensor])

    by_rig, by_command = (run(tmp_path, plan, *words) for words in ((), ("mean-mouse", "array")))

    by_rig_kept, by_command_kept = (
        tomllib.loads((result.session_dir / "simulated.toml").read_text()) for result in (by_rig, by_command)
    )
    assert by_rig_kept["animal"]["species"] == "rat"
    assert by_rig_kept["sensors"][SENSOR.name]["background"]["drift_per_h"] == -0.10
    assert by_command_kept["animal"]["species"] == "mouse"
    assert by_command_kept["sensors"][SENSOR.name]["background"]["drift_per_h"] == -0.03


@pytest.mark.parametrize(
    ("url", "said"),
    [("sim://new-era?animal=cat", "no preset 'cat'"), ("sim://new-era?animal=wire", "preset of a sensor")],
)
def test_a_preset_that_there_is_not_is_refused_before_anything_runs(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        run(tmp_path, make_plan(STEPS, [replace(PUMP, url=url)]))

    assert list(tmp_path.iterdir()) == []


def test_two_instruments_that_ask_for_different_animals_are_refused(tmp_path: Path) -> None:
    pump, sensor = (
        replace(PUMP, url="sim://new-era?animal=awake-rat"),
        replace(SENSOR, url="sim://emstat?animal=mean-mouse"),
    )

    with pytest.raises(ValueError, match="animal=awake-rat"):
        run(tmp_path, make_plan(STEPS, [pump], [sensor]))


@pytest.mark.parametrize("fault", ["stall@40s", "drug:drop~0.05", "drug:unplug@35s+4s"])
def test_selftest_7_the_infusion_log_shows_what_the_pump_confirmed_not_what_was_ordered(
    tmp_path: Path, fault: str
) -> None:
    """science.md 4.7: stall, lost replies, a cable out for a while. The animal got what left the syringe."""
    plan = make_plan((WaitStep(1, "baseline", 10.0), replace(INFUSION, number=2), WaitStep(3, "after", 20.0)))

    result = rehearse(plan, LIMITS, out_dir=tmp_path, files={}, software="test", seed=3, faults=(fault,))

    pump = result.truth["pumps"]["drug"]
    log_ul = read_session(result.session_dir).infusions["drug"].confirmed_ul
    assert log_ul[-1] == pytest.approx(result.confirmed_ul["drug"])
    least_ul, most_ul = log_ul[-1], result.confirmed_ul["drug"] + result.uncertain_ul["drug"]
    assert least_ul - 0.05 <= pump["true_delivered_ul"] <= most_ul + 0.05
    assert pump["mg_per_kg"] == pytest.approx(pump["true_delivered_ul"] * 2.0 / plan.subject.weight_g)
    if fault.startswith("stall"):
        assert log_ul[-1] < 0.9 * INFUSION.volume_ul


def test_selftest_7_what_an_unprimed_line_held_back_is_in_the_log_and_not_in_the_animal(tmp_path: Path) -> None:
    plan = make_plan((INFUSION, WaitStep(2, "after", 20.0)), [replace(PUMP, primed=False)])

    result = rehearse(plan, LIMITS, out_dir=tmp_path, files={}, software="test", seed=3)

    pump = result.truth["pumps"]["drug"]
    assert result.confirmed_ul["drug"] == pytest.approx(INFUSION.volume_ul, abs=0.01)
    assert (pump["true_at_animal_ul"], pump["mg_per_kg"], result.truth["plasma_mg_per_l"]) == (0.0, 0.0, 0.0)
