"""The shipped tables are right, contradictions in them are refused, and a dose is computed twice."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.experiment import dose, syringes
from acquisition.experiment.exposure import Exposure, max_in_window
from acquisition.experiment.limits import Limits
from acquisition.experiment.limits_file import load_limits
from acquisition.experiment.problems import RefusedInput
from acquisition.plan import PumpSetup


@pytest.fixture(scope="module")
def shipped() -> Limits:
    return load_limits(None)


@pytest.mark.parametrize(
    ("limit_id", "soft", "hard", "per_kg"),
    [  # safety.md 5.1 and 5.2, in mL/kg, mL/kg/h, uL, uL/min, mg/kg, mg/kg/min
        ("iv-bolus-volume", 5.0, 10.0, True),
        ("iv-infusion-rate", 4.0, 8.0, True),
        ("iv-infusion-volume", 10.0, 25.0, True),
        ("iv-total", 7.2, 25.0, True),
        ("ip-volume", 10.0, 20.0, True),
        ("sc-volume", 10.0, 20.0, True),
        ("im-volume", 50.0, 50.0, False),
        ("icv-volume", 2.0, 5.0, False),
        ("icv-rate", 0.5, 1.0, False),
        ("intracerebral-volume", 0.5, 1.0, False),
        ("intracerebral-rate", 0.2, 0.5, False),
        ("ketamine-iv-dose", 10.0, 30.0, True),
        ("ketamine-iv-dose-rate", 0.5, 2.0, True),
        ("ketamine-total-dose", 30.0, 50.0, True),
    ],
)
def test_the_shipped_limits_are_those_of_the_reference(
    shipped: Limits, limit_id: str, soft: float, hard: float, *, per_kg: bool
) -> None:
    (row,) = [row for row in shipped.rows if row.limit_id == limit_id]
    assert (row.soft.value, row.hard.value, row.soft.per_kg) == (soft, hard, per_kg)


def test_every_shipped_row_says_where_it_comes_from(shipped: Limits) -> None:
    assert all(row.source and row.mark in ("[P]", "[A]") for row in shipped.rows)
    assert shipped.shipped
    assert len(shipped.sha256) == 64


def test_R02_the_plausible_weights_are_those_of_the_reference(shipped: Limits) -> None:
    weight = shipped.weight
    assert (weight.hard_min_g, weight.soft_min_g, weight.soft_max_g, weight.hard_max_g) == (5, 10, 60, 100)
    assert weight.max_age_s == 24 * 3600


ROW = """\
[limits]
name = "own"
species = "mouse"
[weight]
soft_min = "10 g"
soft_max = "60 g"
hard_min = "5 g"
hard_max = "100 g"
max_age = "24 h"
source = "s"
mark = "[P]"
[[rows]]
id = "a"
quantity = "rate"
routes = ["ip"]
soft = "1 uL/min"
hard = "2 uL/min"
source = "s"
mark = "[P]"
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"2 uL/min"', '"2 uL"', 'rows[1].hard: read "2 uL": "uL" is the unit of a volume'),
        ('"2 uL/min"', '"0.5 uL/min"', "soft <= hard"),
        ('"2 uL/min"', '"8 mL/kg/h"', "units of one kind"),
        ('"2 uL/min"', '"0 uL/min"', "a limit is above zero"),
        ('"a"', '"weighing-age"', "is there twice"),
        ('mark = "[P]"\n[[rows]]', 'mark = "[P]"\nmax = "1 g"\n[[rows]]', "weight.max: this key is not known"),
        ('quantity = "rate"', 'quantity = "rate"\nwindow = "1 h"', "only a total is summed"),
        ('["ip"]', "[]", "rows[1].routes"),
        ('"5 g"', '"50 g"', "hard_min <= soft_min"),
    ],
)
def test_a_bad_limits_file_is_refused_at_its_field(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(ROW, "utf-8")
    assert not load_limits(path).shipped
    assert old in ROW
    path.write_text(ROW.replace(old, new), "utf-8")
    with pytest.raises(RefusedInput) as refused:
        load_limits(path)
    assert words in str(refused.value)
    assert all(problem.line > 0 for problem in refused.value.problems)


def test_R14_every_shipped_syringe_agrees_with_itself() -> None:
    table = syringes.shipped()
    assert len(table) == 34
    hamilton = [s for name, s in table.items() if name.startswith("hamilton")]
    assert len(hamilton) == 14
    for syringe in hamilton:  # d = sqrt(4 V / (60 pi)) reproduces every published value
        assert syringe.diameter_mm == pytest.approx(math.sqrt(4 * syringe.volume_ul / (60 * math.pi)), rel=0.006)


SYRINGE = """\
[[syringes]]
id = "x"
maker = "m"
volume = "1 mL"
inner_diameter = "{0}"
{1}plastic = false
source = "s"
date = "2026-11-23"
mark = "[V]"
"""


@pytest.mark.parametrize(
    ("diameter", "scale", "good"),
    [
        ("4.61 mm", 'scale = "60 mm"\n', True),
        ("4.75 mm", 'scale = "60 mm"\n', False),
        ("0.461 mm", "", False),
        ("4.61 cm", "", False),
        ("4.78 mm", "", True),
    ],
)
def test_R14_a_diameter_that_does_not_fit_the_volume_is_refused(diameter: str, scale: str, *, good: bool) -> None:
    data = SYRINGE.format(diameter, scale).encode()
    if good:
        assert syringes.load(data)["x"].volume_ul == 1000.0
        return
    with pytest.raises(RefusedInput, match="check diameter and volume"):
        syringes.load(data)


@pytest.mark.parametrize(
    ("dose_mg_per_kg", "weight_g", "concentration", "volume_ul"),
    [(10, 25, 1, 250), (10, 25, 100, 2.5), (10, 25, 5, 50), (10, 25, 2, 125)],  # science.md 3.3
)
def test_R06_doses_of_the_reference(
    dose_mg_per_kg: float, weight_g: float, concentration: float, volume_ul: float
) -> None:
    assert dose.volume_ul(dose_mg_per_kg, weight_g, concentration) == pytest.approx(volume_ul, rel=1e-12)


POSITIVE = st.floats(1e-6, 1e6)


@given(POSITIVE, POSITIVE, POSITIVE)
def test_R06_both_computations_agree_with_exact_arithmetic(amount: float, weight: float, concentration: float) -> None:
    exact = Fraction(amount) * Fraction(weight) / Fraction(concentration)
    assert dose.volume_ul(amount, weight, concentration) == pytest.approx(float(exact), rel=1e-12)


def test_R06_a_disagreement_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        dose, "_by_float", lambda amount, weight, concentration: amount * weight / concentration * 1.00001
    )
    with pytest.raises(dose.DoseDisagreement):
        dose.volume_ul(10.0, 25.0, 5.0)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan])
def test_R06_what_is_not_above_zero_has_no_volume(bad: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        dose.volume_ul(bad, 25.0, 5.0)


SETUP = PumpSetup(
    "p",
    "d",
    "u",
    0,
    "",
    "",
    "s",
    4.61,
    1000.0,
    5,
    0.0,
    "ketamine",
    5.0,
    "iv_infusion",
    "experimental",
    600.0,
    primed=True,
)


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(1, 300), st.integers(1, 100)), min_size=1, max_size=6),
    st.integers(60, 2000),
)
def test_R08_the_largest_sum_in_a_window_is_found(pieces: list[tuple[int, int, int]], window_s: int) -> None:
    exposures, at = [], 0.0
    for wait, length, amount in pieces:
        exposures.append(Exposure(1, SETUP, at + wait, at + wait + length, float(amount), 1.0))
        at += wait + length
    found = max_in_window(exposures, [e.volume_ul for e in exposures], window_s)

    def inside(start: float) -> float:
        return sum(
            e.volume_ul * max(0.0, min(e.end_s, start + window_s) - max(e.start_s, start)) / (e.end_s - e.start_s)
            for e in exposures
        )

    best = max(inside(second) for second in range(-window_s, int(at) + 1))  # all edges are whole seconds
    assert found == pytest.approx(best, rel=1e-9)
