"""The report of a rehearsal says what was planned, what the engine believed and what really happened, side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from analysis.rehearsal.facts import FORMAT, RehearsalReport
from analysis.rehearsal.files import as_json, as_lines
from analysis.rehearsal.verdict import over_the_limit
from analysis.rehearsal.words import remarks
from analysis.sections import Section, columns, text_lines
from tests.analysis.rehearsal_kit import report
from tests.engine.kit import LIMITS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "rehearsal-report.md"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> RehearsalReport:
    return report(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def stalled(tmp_path_factory: pytest.TempPathFactory) -> RehearsalReport:
    return report(tmp_path_factory.mktemp("stalled"), "drug:stall@90s")


def test_every_step_stands_there_as_planned_and_as_run(good: RehearsalReport) -> None:
    planned = [(step.number, step.planned_start_s, step.planned_end_s) for step in good.steps]
    assert planned == [(1, 0.0, 0.0), (2, 0.0, 30.0), (3, 30.0, 150.0), (4, 150.0, 150.0), (5, 150.0, 270.0)]
    assert {step.state for step in good.steps} == {"done"}
    assert [step.started_s for step in good.steps] == pytest.approx([0.0, 5.0, 35.0, 155.0, 155.0], abs=1.5)
    assert good.steps[1].ended_s == pytest.approx(35.0, abs=0.5), "the person who is asked takes five seconds"
    assert good.ran_s == pytest.approx(275.0, abs=2.0)
    assert good.planned_s == 270.0


def test_volumes_and_doses_are_told_as_planned_as_counted_and_as_they_were(good: RehearsalReport) -> None:
    (pump,), (dose,) = good.pumps, good.doses
    assert pump.planned_ul == 4.0
    assert pump.confirmed_ul == pytest.approx(4.0, abs=0.02)
    assert pump.true_delivered_ul == pump.true_at_animal_ul == pytest.approx(4.0, rel=2e-3)
    assert good.steps[2].confirmed_ul == pytest.approx(4.0, abs=0.02)
    assert pump.left_ul == pytest.approx(596.0, abs=0.1)
    assert pump.empty_in_s == pytest.approx(596.0 / 2.0 * 60.0, abs=1.0), "at the plan's last rate"
    assert (pump.refills, pump.further_runs) == (0, 149)
    assert dose.planned_mg_per_kg == pytest.approx(0.8)
    assert dose.true_mg_per_kg == pytest.approx(0.8, rel=2e-3)
    assert (dose.animal, dose.route, dose.effect_modelled) == ("m1", "iv_infusion", True)


def test_what_stays_in_an_unprimed_line_is_missing_in_the_animal_and_is_said(tmp_path: Path) -> None:
    found = report(tmp_path, primed=False)
    assert found.pumps[0].true_delivered_ul == pytest.approx(4.0, rel=2e-3)
    assert found.pumps[0].true_at_animal_ul == pytest.approx(3.0, rel=1e-2)
    assert any("0.600 of 0.800 mg/kg reached the animal" in remark for remark in remarks(found))


def test_the_closest_limit_comes_first_with_its_share_of_soft_and_hard(good: RehearsalReport) -> None:
    shares = [limit.soft_percent for limit in good.limits]
    assert shares == sorted(shares, reverse=True)
    total = next(limit for limit in good.limits if limit.limit_id == "ketamine-total-dose")
    row = next(row for row in LIMITS.rows if row.limit_id == "ketamine-total-dose")
    factor = LIMITS.form_factor("ketamine", "hydrochloride")
    assert total.planned == pytest.approx(0.8 * factor)
    assert total.soft_percent == pytest.approx(80.0 * factor / row.soft.value)
    assert total.given == pytest.approx(0.8 * factor, rel=1e-2)
    assert total.given_hard_percent == pytest.approx(total.hard_percent, rel=1e-2)
    assert {limit.window for limit in good.limits} >= {"each infusion", "session and 24 h before", "any 2 h"}


def test_the_predicted_levels_have_peak_time_and_what_is_left_at_every_step(good: RehearsalReport) -> None:
    plasma = next(level for level in good.levels if level.name == "ketamine in plasma")
    release = next(level for level in good.levels if level.name == "neuronal release")
    assert plasma.before == 0.0
    assert plasma.highest_at_s == pytest.approx(155.0, abs=15.0), "when the infusion ends"
    at_end = [step.at_end for step in good.steps]
    assert all(at_end)
    levels = [at.plasma_mg_per_l for at in at_end if at]
    assert levels[0] == levels[1] == 0.0
    assert levels[2] == pytest.approx(plasma.highest, rel=0.2)
    assert 0.0 < levels[4] < levels[2]
    assert release.lowest < release.before == 1.0
    assert at_end[4] is not None
    assert at_end[4].release == pytest.approx(release.end, abs=0.01)


def test_an_alarm_is_told_with_its_time_its_step_what_it_means_and_what_to_do(stalled: RehearsalReport) -> None:
    stall = next(alarm for alarm in stalled.alarms if alarm.alarm_id == "pump-stall:drug")
    assert (stall.priority, stall.instrument, stall.step, stall.times) == ("high", "drug", 3, 1)
    assert 35.0 < stall.first_s < 155.0
    assert stall.what == "drug reports a stall"
    assert "unwanted bolus" in stall.so_what
    assert "Take the line off the animal" in stall.do_what
    assert stalled.alarms[0].priority == "high", "the worst first"


def test_what_may_have_been_given_counts_as_given_and_a_hard_limit_it_passes_is_a_reason(tmp_path: Path) -> None:
    lost = report(tmp_path, "drug:unplug@90s")
    (pump,) = lost.pumps
    assert pump.uncertain_ul > 0.1
    total = next(limit for limit in lost.limits if limit.limit_id == "iv-total")
    assert total.given is not None
    assert total.given == pytest.approx(pump.confirmed_ul + pump.uncertain_ul)
    assert over_the_limit(lost.limits) == []
    (reason,) = over_the_limit([replace(total, hard=total.given * 0.99)])
    assert "hard limit iv-total" in reason


def test_what_was_not_reached_is_told_as_not_begun_and_the_dose_as_what_it_was(stalled: RehearsalReport) -> None:
    assert not stalled.go
    assert [step.state for step in stalled.steps] == ["done", "done", "aborted", "not begun", "not begun"]
    assert stalled.steps[4].started_s is None
    assert stalled.steps[4].at_end is None
    assert 0.0 < (stalled.doses[0].true_mg_per_kg or 0.0) < 0.6
    assert stalled.limits[0].given_hard_percent is not None
    assert any("the plan did not run through" in reason for reason in stalled.reasons)


def test_nothing_is_missing_in_a_good_recording_and_a_loss_is_counted(good: RehearsalReport, tmp_path: Path) -> None:
    cut = report(tmp_path, "sensor:cut@60s+20s")
    assert [channel.missing for channel in good.channels] == [0, 0]
    for channel in cut.channels:
        assert channel.missing == pytest.approx(200, abs=80)


def test_the_disk_is_measured_and_held_against_the_planned_time(good: RehearsalReport) -> None:
    disk = good.disk
    assert disk.bytes_per_h == pytest.approx(10**6 / disk.measured_s * 3600)
    assert disk.planned_need_bytes == 10**6, "no shorter than what was recorded"
    assert disk.enough
    assert any("NOT ENOUGH" in line for line in as_lines(with_free(good, 1_999_999)))
    assert not any("NOT ENOUGH" in line for line in as_lines(good))


def with_free(of: RehearsalReport, free_bytes: int) -> RehearsalReport:
    return replace(of, disk=replace(of.disk, free_bytes=free_bytes, enough=False))


def test_a_disk_that_holds_less_than_twice_the_need_is_not_enough(tmp_path: Path) -> None:
    assert not report(tmp_path, free_bytes=1_999_999).disk.enough


def test_the_terminal_says_the_verdict_first_then_why(good: RehearsalReport, stalled: RehearsalReport) -> None:
    assert next(as_lines(good)) == "GO (SIMULATED): the plan ran through, nothing stood against it."
    lines = list(as_lines(stalled))
    assert lines[0].startswith("NO GO (SIMULATED): ")
    assert lines[2] == "What stands against it"
    assert lines[3] == f"  {stalled.reasons[0]}"
    assert any("Take the line off the animal" in line for line in lines)


def test_the_same_facts_are_json_and_every_field_is_explained(stalled: RehearsalReport) -> None:
    found = json.loads(as_json(stalled))
    assert found["format"] == FORMAT
    assert found["simulated"] is True
    assert found["go"] is False
    assert found["steps"][4]["started_s"] is None
    assert found["alarms"][0]["do_what"] == stalled.alarms[0].do_what
    page = PAGE.read_text(encoding="utf-8")
    explained = set(re.findall(r"`(\w+)`", page))
    assert sorted(names_of(RehearsalReport) - explained) == []


def names_of(kind: Any) -> set[str]:
    """Return the names of all fields of a dataclass and of those in it."""
    found: set[str] = set()
    for item in fields(kind):
        found.add(item.name)
        for part in _parts(get_type_hints(kind)[item.name]):
            found |= names_of(part)
    return found


def _parts(hint: Any) -> Iterator[Any]:
    if is_dataclass(hint):
        yield hint
    for argument in get_args(hint):
        yield from _parts(argument)


def test_a_terminal_gets_aligned_columns_and_no_more_rows_than_it_can_bear() -> None:
    rows = (("a", "1.5", "so"), ("longer", "10.25", "and so"), ("b", "2", ""))
    section = Section("Title", columns("name | #value | why"), rows, ("note",), most_lines=2, sentences=1)
    assert list(text_lines(section)) == [
        "Title",
        "  name    value",
        "  a         1.5",
        "      so",
        "  longer  10.25",
        "      and so",
        "  ... and 1 more on the page",
        "  note",
    ]
    assert list(text_lines(Section("Empty"))) == []
