"""Statistics of groups and numbers of a response against what other programs say of the same input."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import simpson
from scipy.signal import find_peaks, peak_widths

from analysis.responses.shape import measure
from analysis.responses.windows import ResponseWindow
from analysis.study.compare import differences, group_mean, mixed_contrast
from tests.analysis.response_accuracy import event

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


@pytest.mark.parametrize("width_s", [3.0, 8.0, 15.0])
def test_the_shape_of_a_response_is_what_scipys_peak_functions_say_of_the_same_samples(width_s: float) -> None:
    """``scipy.signal.find_peaks`` and ``peak_widths``: position, height, and where parts of the height are crossed."""
    t_s = np.arange(-400, 601) / 10
    trace = 2.0 * event(t_s * 8.0 / width_s)
    (peak,), found = find_peaks(trace, height=1.0)
    over_zero = (found["peak_heights"], np.array([0]), np.array([len(t_s) - 1]))  # the baseline, not the later end

    def crossed_s(part: float, *, after: bool) -> float:
        """Return where the trace crosses this part of its height, before the peak or after it."""
        *_, before, behind = peak_widths(trace, [peak], 1.0 - part, prominence_data=over_zero)
        return float(np.interp((behind if after else before)[0], np.arange(len(t_s)), t_s))

    shape = measure(t_s, trace, ResponseWindow(until_s=60.0), smoothing_s=0.0)

    assert shape.amplitude == pytest.approx(found["peak_heights"][0], rel=1e-9)
    assert shape.t_peak_s == pytest.approx(t_s[peak])
    assert shape.rise_10_90_s == pytest.approx(crossed_s(0.9, after=False) - crossed_s(0.1, after=False), abs=1e-6)
    assert shape.t50_s == pytest.approx(crossed_s(0.5, after=True) - t_s[peak], abs=1e-6)
    assert shape.t80_s == pytest.approx(crossed_s(0.2, after=True) - t_s[peak], abs=1e-6)
    assert shape.area == pytest.approx(float(simpson(trace[t_s >= 0], t_s[t_s >= 0])), rel=1e-3)
