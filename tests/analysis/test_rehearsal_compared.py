"""What faults did is what differs with one seed; the spread is told over several, and one NO GO among them is NO GO."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.rehearsal.difference import difference
from analysis.rehearsal.facts import LevelFact, RehearsalReport
from analysis.rehearsal.files import as_lines
from analysis.rehearsal.spread import run_fact, spread_of, with_spread
from tests.analysis.rehearsal_kit import report


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> RehearsalReport:
    return report(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def stalled(tmp_path_factory: pytest.TempPathFactory) -> RehearsalReport:
    return report(tmp_path_factory.mktemp("stalled"), "drug:stall@90s")


def test_the_dose_that_a_stall_cost_stands_beside_what_would_have_been_given(
    good: RehearsalReport, stalled: RehearsalReport
) -> None:
    found = difference(stalled, good)
    changes = {change.what: (change.without, change.with_faults) for change in found.changes}

    assert found.go_without
    assert found.outcome_without == "finished"
    assert changes["verdict"] == ("GO", "NO GO")
    assert changes["step 3, ketamine"] == ("done", "aborted")
    assert changes["step 5, effect"] == ("done", "not begun")
    without, with_fault = changes["drug: truly out, µL"]
    assert float(without) == pytest.approx(4.0, abs=0.01)
    assert 0.0 < float(with_fault) < 3.0
    assert "ketamine hydrochloride, iv_infusion: truly at the animal, mg/kg" in changes
    assert "pump-stall:drug" in found.alarms_added
    assert found.alarms_gone == ()


def test_lost_samples_are_counted_and_what_a_fault_did_not_touch_is_not_told(
    good: RehearsalReport, tmp_path: Path
) -> None:
    cut = report(tmp_path, "sensor:cut@60s+20s")
    changes = {change.what: change for change in difference(cut, good).changes}
    assert int(changes["glu: samples missing"].with_faults) > int(changes["glu: samples missing"].without) == 0
    assert not [what for what in changes if what.startswith("drug:")], "the pump gave the same"


def test_a_fault_that_never_happened_is_told_as_no_difference(good: RehearsalReport, tmp_path: Path) -> None:
    late = report(tmp_path, "drug:stall@5h")
    found = difference(late, good)
    assert (found.changes, found.alarms_added, found.alarms_gone) == ((), (), ())
    assert any("nothing that can be seen here" in line for line in as_lines(replace(late, difference=found)))


def test_a_step_that_a_fault_delayed_is_told_with_both_times(good: RehearsalReport) -> None:
    later = replace(good, steps=tuple(replace(step, started_s=(step.started_s or 0.0) + 7.0) for step in good.steps))
    found = {change.what: change for change in difference(later, good).changes}
    assert found["step 3, ketamine, began"].with_faults == "0:00:42"


def test_the_spread_is_over_all_seeds_and_another_seed_is_another_animal(good: RehearsalReport, tmp_path: Path) -> None:
    others = [report(tmp_path, seed=seed) for seed in (4, 5)]
    spread = spread_of([run_fact(one) for one in (good, *others)])

    assert [run.seed for run in spread.runs] == [3, 4, 5]
    assert spread.go == 3
    rows = {row.what: row for row in spread.rows}
    dose = rows["ketamine hydrochloride, iv_infusion: truly at the animal"]
    assert dose.lowest == pytest.approx(dose.highest, rel=5e-3)
    release = rows["neuronal release, lowest"]
    assert release.lowest <= release.median <= release.highest < 1.0
    assert with_spread(good, spread).go


def test_one_seed_that_says_no_go_is_no_go_for_the_plan(good: RehearsalReport, stalled: RehearsalReport) -> None:
    bad = replace(stalled, seed=4)
    found = with_spread(good, spread_of([run_fact(good), run_fact(bad)]))
    assert not found.go
    assert found.reasons == (f"1 of 2 seeds said NO GO (4); seed 4: {bad.reasons[0]}",)
    assert found.spread is not None
    assert found.spread.alarms["pump-stall:drug"] == 1
    lines = list(as_lines(found))
    assert lines[0].startswith("NO GO")
    assert "  1 of 2 seeds say GO" in lines


@pytest.mark.parametrize(("lowest", "highest", "change"), [(2.0, 4.5, -50.0), (3.5, 6.0, 50.0), (4.0, 4.0, 0.0)])
def test_glutamate_s_change_is_to_where_it_is_farthest_from_before(
    good: RehearsalReport, lowest: float, highest: float, change: float
) -> None:
    level = LevelFact("tonic glutamate", "µM", 4.0, lowest, 10.0, highest, 20.0, 4.0)
    assert run_fact(replace(good, levels=(level,))).glutamate_change_percent == pytest.approx(change)


def test_without_an_animal_the_spread_has_no_levels(good: RehearsalReport) -> None:
    spread = spread_of([run_fact(replace(good, levels=()))])
    assert {row.what for row in spread.rows if "glutamate" in row.what or "release" in row.what} == set()
