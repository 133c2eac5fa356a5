"""How many animals a study needs: the power of its own comparison."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.study.planning import ALPHA, animals_needed, assumptions, power_lines
from analysis.study.power import Assumptions, contrast_power, power
from analysis.study.study_file import PowerTable, load_study
from tests.study.kit import EXAMPLE, undrawn

SURE = replace(Assumptions(), within_cv=0.0, effect_sd=0.1, noise_um=0.0, between_cv=0.0)


def test_a_group_without_an_effect_is_told_from_its_control_at_the_nominal_rate() -> None:
    found = contrast_power(8, 1.0, studies=4000)

    assert found == pytest.approx(ALPHA, abs=3 * (ALPHA * (1 - ALPHA) / 4000) ** 0.5)


def test_the_power_of_a_difference_of_normal_values_is_that_of_the_t_test() -> None:
    # d = log(0.9)/0.1 = 1.054 with 12 a group: 0.70 by the noncentral t distribution (statsmodels TTestIndPower)
    from statsmodels.stats.power import TTestIndPower  # noqa: PLC0415 - for this one test

    expected = TTestIndPower().power(1.0536, 12, 0.05)

    assert contrast_power(12, 0.9, SURE, studies=8000) == pytest.approx(expected, abs=0.02)


def test_a_comparison_with_a_control_has_less_power_than_with_itself() -> None:
    assert contrast_power(5, 0.7) < power(5, 0.7)


def test_the_number_needed_is_the_smallest_with_the_wanted_power() -> None:
    table = PowerTable(ratio=0.7)
    needed = animals_needed(table, 1)
    assert needed is not None
    own = assumptions(table)

    assert contrast_power(needed, 0.7, own, studies=2000) >= 0.8
    assert contrast_power(needed - 1, 0.7, own, studies=2000) < 0.8
    more = animals_needed(table, 3)
    assert more is not None
    assert more > needed
    assert animals_needed(PowerTable(ratio=0.99), 1) is None


def test_a_study_is_told_what_its_planned_number_gives(tmp_path: Path) -> None:
    study = load_study(EXAMPLE)

    lines = list(power_lines(study))

    assert lines[0] == "To tell a ratio of 0.6 to vehicle by Welch's t test at 0.05:"
    assert lines[1].startswith("  6 animals a group, as planned: power 0.8")
    assert "not even 60 animals a group reach 0.8" in "\n".join(power_lines(study, 0.98))
    third = '[[groups]]\nname = "low"\nsyringes.treatment = { vehicle = "x" }\n\n[readout] '
    two = list(power_lines(load_study(undrawn(tmp_path / "two"))))
    three = list(power_lines(load_study(undrawn(tmp_path / "three", ("[readout] ", third)))))
    assert "over 2 comparisons (Bonferroni, no less than Holm's)" in three[0]
    assert float(three[1].split()[-1]) < float(two[1].split()[-1])  # half the level, less power
    bare = undrawn(tmp_path / "s", ("[power] ", "# [power] "), ("ratio = 0.6", "#"), ("wanted = 0.8", "#"))
    text = (bare / "study.toml").read_text("utf-8").replace("responses_", "# responses_")
    (bare / "study.toml").write_text(text, "utf-8")
    assert next(iter(power_lines(load_study(bare), 0.5))).startswith("To tell a ratio of 0.5")
