"""The campaign itself: it repeats exactly, keeps what it finds, and notices when a safety rule is broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.campaign.campaign import run_seeds, smallest
from acquisition.campaign.coverage import NOT_HERE, ROWS, kind_of
from acquisition.campaign.draw import draw, when_run_goes_out
from acquisition.campaign.judges import judge
from acquisition.campaign.run import run
from acquisition.campaign.scenarios import SCENARIOS
from acquisition.campaign.trial import (
    FAMILIES,
    SENSORS,
    Act,
    Family,
    Infusion,
    SensorFamily,
    from_json,
)
from acquisition.engine.fault_matrix import MATRIX
from amperfuse.commands.campaigns import report
from tests.campaign.mutants import MUTANTS, Patch, broken, caught_by, first_catch, no_target
from tests.process.engine_kit import amperfuse

KEPT = sorted((Path(__file__).parent / "kept").glob("*.json"))
CATCHES = {
    "blind_retry": 51,
    "no_stop_confirmation": 5,
    "resume_after_reset": 10,
    "resets_ignored": 10,
    "keep_alive_always": 45,
    "ledger_not_persisted": 1,
    "ledger_believes_the_last_look": 10,
    "zero_is_zero": 10,
    "intent_not_on_disk": 1,
    "silence_is_no_alarm": 131,
    "gaps_not_told": 11,
    "no_target": 1,
    "no_read_back": 37,
    "crash_on_the_infusion_path": 4,
}
"""The first seed that catches each mutant, as ``python -m tests.campaign.mutants`` finds it; all below 200."""


def test_R25_R54_the_fixed_seeds_break_no_rule() -> None:
    result = run_seeds(range(1, 61))
    assert result.failures == {}, "\n".join(report(result, 1.0))
    assert result.trials == 60


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_what_once_went_wrong_does_not_again(path: Path) -> None:
    trial = from_json(path.read_text(encoding="utf-8"))
    assert judge(trial, run(trial)) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_safety_rule_that_is_broken_on_purpose_is_noticed(mutant: Callable[[Patch], None]) -> None:
    seed = CATCHES[mutant.__name__]
    assert 0 < seed <= 200
    # another exchange more or less moves all later ones: then the seed is another, but still one of the first 200
    assert caught_by(mutant, seed) or first_catch(mutant, range(1, 201)) is not None


@pytest.mark.parametrize("sensor", [None, *SENSORS])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_of_instruments_infuses_when_nothing_is_in_its_way(
    family: Family, sensor: SensorFamily | None
) -> None:
    settings_s, run_s = when_run_goes_out(family, 0, sensor)
    assert 0.0 < settings_s < run_s < 5.0


def test_every_row_that_a_campaign_can_show_is_drawn_and_every_other_says_what_shows_it() -> None:
    drawn = {kind_of(fault) for seed in range(1, 1500) for fault in draw(seed).faults}
    assert {kind_of(fault) for scenario in SCENARIOS for fault in scenario.faults} <= drawn
    assert ROWS.keys() | NOT_HERE.keys() == MATRIX.keys()


def test_a_pump_that_gave_nothing_has_not_reached_its_target_even_if_that_is_one_digit_of_its_counter() -> None:
    _settings_s, run_s = when_run_goes_out("harvard-22", 0, None)
    trial = replace(
        draw(1),
        family="harvard-22",
        watchdog_s=0,
        maintenance=False,
        sensor=False,
        infusions=(Infusion(0.1, 1.0),),
        faults=(),
        acts=(Act(run_s + 0.6, "stop"),),
    )
    account = run(trial)
    assert account.true_ul < 0.05
    assert account.pump_events("run")
    assert account.pump_events("target reached") == []


def test_maintained_anaesthesia_that_gives_nothing_waits_for_a_person_whose_stop_ends_it() -> None:
    trial = replace(
        draw(1),
        family="new-era",
        watchdog_s=0,
        maintenance=True,
        sensor=False,
        infusions=(Infusion(1.5, 3.0),),
        faults=("drug:speed@0s=0%",),
        acts=(),
    )
    waits = run(trial)
    assert waits.fetched
    assert waits.outcome == "stopped"
    assert "not-infusing" in waits.alarms()
    assert judge(trial, waits) == []
    experiment = replace(trial, maintenance=False)
    alone = run(experiment)
    assert not alone.fetched
    assert judge(experiment, alone) == []
    rules = [violation.rule for violation in judge(experiment, replace(alone, fetched=True))]
    assert rules == ["R40 it ends"]


def test_the_same_seed_gives_the_same_trial_to_the_last_event() -> None:
    def told(seed: int) -> list[str]:
        return [f"{event.t_ns} {event.source} {event.text}" for event in run(draw(seed)).witness.events]

    assert told(8) == told(8)
    assert told(8) != told(9)


def test_a_finding_is_made_small_and_still_is_one() -> None:
    trial = replace(draw(1), faults=("drug:duplicate@0.3s", "drug:delay@5s=200ms"), sensor=True)
    with broken(no_target):
        (rule,) = {violation.rule for violation in judge(trial, run(trial)) if violation.rule.startswith("R25")}
        small = smallest(trial, rule)
        assert any(violation.rule == rule for violation in judge(small, run(small)))
    assert small.faults == ()
    assert small.acts == ()
    assert not small.sensor


@given(st.integers(0, 10**6))
def test_a_trial_is_the_same_after_a_round_trip(seed: int) -> None:
    trial = draw(seed)
    assert from_json(trial.to_json()) == trial


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"seed"', '"sead"'),
        ('"new-era"', '"old-era"'),
        ('"rate_ul_per_min": ', '"rate_ul_per_min": -'),
        ("{", "["),
        ('"faults": [', '"faults": [1e400, '),
    ],
)
def test_X1_a_file_that_is_no_trial_is_refused(old: str, new: str) -> None:
    text = draw(1).to_json().replace("harvard-ultra", "new-era").replace("chemyx", "new-era")
    with pytest.raises(ValueError, match="no trial"):
        from_json(text.replace(old, new, 1))
    with pytest.raises(ValueError, match="larger"):
        from_json(" " * 200_000)


def test_the_command_tells_what_it_met_and_replays_a_kept_trial(tmp_path: Path) -> None:
    done = amperfuse("campaign", "--seeds", "1..10", "--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SIMULATED: 10 trials" in done.stdout
    assert "NEVER REACHED" in done.stdout  # 10 are too few to meet everything, and that is said
    kept = amperfuse("campaign", "--replay", KEPT[0])
    assert kept.returncode == 0
    assert "SIMULATED: planned" in kept.stdout
    assert amperfuse("campaign", "--seeds", "9..1").returncode == 2
    (tmp_path / "x.json").write_text("{}")
    refused = amperfuse("campaign", "--replay", tmp_path / "x.json")
    assert refused.returncode == 2
    assert "no trial of a campaign" in refused.stderr
