"""R45: every row of the fault matrix, made to happen with the real engine on simulated bytes; one test per row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acquisition.campaign.run import run
from acquisition.campaign.scenarios import ELSEWHERE, SCENARIOS, Scenario, shortcomings
from acquisition.campaign.trial import Act, from_json
from acquisition.engine.fault_matrix import MATRIX, Fault
from tools.fault_scenarios import PAGE, page

ROOT = Path(__file__).resolve().parents[2]
BY_ROW = {scenario.row: scenario for scenario in SCENARIOS}


@pytest.mark.parametrize("row", BY_ROW)
def test_R45_the_row_of_the_matrix_is_seen_and_harms_nobody(row: str) -> None:
    assert shortcomings(BY_ROW[row]) == []


def test_R45_every_row_has_a_scenario_or_names_the_test_that_shows_it() -> None:
    assert len(BY_ROW) == len(SCENARIOS), "one scenario per row"
    assert BY_ROW.keys() | ELSEWHERE.keys() == MATRIX.keys()
    assert not BY_ROW.keys() & ELSEWHERE.keys()
    for row, (file, name) in ELSEWHERE.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {name}", text, re.MULTILINE), f"{row}: {file} has no test {name}..."


def test_the_page_of_the_scenarios_is_what_the_tests_run() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tools.fault_scenarios"


def test_a_scenario_is_a_trial_that_is_kept_and_replayed_like_any_other() -> None:
    for scenario in SCENARIOS:
        assert from_json(scenario.trial.to_json()) == scenario.trial


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        (Scenario("L10", "short"), "pump-lost was not raised"),
        (Scenario("L10", "short"), "of the plan were given: at target, not short"),
        (Scenario("T1", "at target", ("drug:stall@5s",)), "nothing was to be"),
        (Scenario("T1", "at target", says="never said"), "nothing says"),
        (Scenario("H7", "at target", acts=(Act(5.0, "program-error"),)), "of the plan were given: short"),
    ],
)
def test_a_fault_that_is_not_seen_is_a_shortcoming(scenario: Scenario, says: str) -> None:
    assert any(says in text for text in shortcomings(scenario))


def test_an_alarm_that_is_never_raised_is_a_shortcoming(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MATRIX, "D1", Fault("", "lag"))
    assert any(text.startswith("lag was not raised") for text in shortcomings(BY_ROW["D1"]))


def test_H4_R13_left_alone_a_pump_is_stopped_by_its_watchdog_and_the_book_holds_the_whole_target() -> None:
    account = run(BY_ROW["H4"].trial)
    assert 0.4 < account.true_ul < 0.5 + 5 * 3.0 / 60
    assert account.book.total_ul == 1.5


def test_L8_L14_strays_are_in_the_recording_and_only_many_of_them_stop_the_pump() -> None:
    once = Scenario("L14", "at target", ("drug:foreign@10.2s",))
    account = run(once.trial)
    assert account.alarms() == set()
    assert [e.data["what"] for e in account.witness.events if "answer nothing" in e.text] == ["stray"]
    assert account.true_ul == pytest.approx(1.5, rel=0.01)
