"""The statistics of groups against published results of other programs on the same published data."""

from __future__ import annotations

from math import exp, log

import pytest
from scipy import stats

from analysis.study.compare import differences, group_mean, mixed_contrast

SLEEP = (
    (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0),
    (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4),
)
"""Cushny & Peebles 1905, as Student 1908 has it: R's data set "sleep", extra hours of sleep with two drugs."""
BOYS = """26 25 29 31  21.5 22.5 23 26.5  23 22.5 24 27.5  25.5 27.5 26.5 27  20 23.5 22.5 26  24.5 25.5 27 28.5
22 22 24.5 26.5  24 21.5 24.5 25.5  23 20.5 31 26  27.5 28 31 31.5  23 23 23.5 25  21.5 23.5 24 28  17 24.5 26 29.5
22.5 25.5 25.5 26  23 24.5 26 30  22 21.5 23.5 25"""
GIRLS = """21 20 21.5 23  21 21.5 24 25.5  20.5 24 24.5 26  23.5 24.5 25 26.5  21.5 23 22.5 23.5  20 21 21 22.5
21.5 22.5 23 25  23 23 23.5 24  20 21 22 21.5  16.5 19 19 19.5  24.5 25 28 28"""
"""Potthoff & Roy 1964: R's data set "Orthodont" (nlme), a distance in mm at 8, 10, 12 and 14 years of 27 children."""


def test_a_comparison_of_groups_is_what_r_prints_for_its_own_example() -> None:
    """R, ?t.test: t.test(extra ~ group, data = sleep): t = -1.8608, p = 0.07939, -3.3654832 to 0.2054832."""
    (found,) = differences({"1": SLEEP[0], "2": SLEEP[1]}, [("1", "2")])

    assert found.p == pytest.approx(0.07939, abs=5e-6)
    assert (found.low, found.high) == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)
    assert found.apart == pytest.approx(0.75 - 2.33)


def test_a_group_against_no_change_is_what_r_prints_for_the_paired_test() -> None:
    """R: t.test(sleep2$extra.1, sleep2$extra.2, paired = TRUE): p = 0.002833, -2.4598858 to -0.7001142."""
    found = group_mean("sleep", [one - other for one, other in zip(*SLEEP, strict=True)])

    assert found.p == pytest.approx(0.002833, abs=5e-7)
    assert (found.low, found.high) == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)
    assert found.mean == pytest.approx(-1.58)


def test_the_mixed_model_is_what_nlme_finds_in_its_own_data() -> None:
    """Orthodont is the model's design: two groups, repeated measures, a level and a change of its own for each child.

    lme(distance ~ I(age - 11) * Sex, random = ~ I(age - 11) | Subject), REML (Pinheiro & Bates 2000, chapter 1):
    I(age - 11):SexFemale is -0.304830, standard error 0.1347353, with 25 children more than there are groups.
    """
    child, sex, age, distance_mm = [], [], [], []
    for group, text in (("Male", BOYS), ("Female", GIRLS)):
        for number, value in enumerate(text.split()):
            child.append(f"{group}{number // 4}")
            sex.append(group)
            age.append(number % 4 * 2 - 3.0)
            distance_mm.append(float(value))

    found = mixed_contrast(child, sex, age, [exp(value) for value in distance_mm], "Male")

    assert log(found.ratio) == pytest.approx(-0.304830, abs=5e-7)
    assert (log(found.high) - log(found.ratio)) / stats.t.ppf(0.975, 25) == pytest.approx(0.1347353, abs=2e-6)
    assert found.left_out == 0
