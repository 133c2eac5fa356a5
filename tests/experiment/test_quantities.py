"""Quantities: exactly one number with its unit, or a refusal that helps."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.experiment import quantities as q
from acquisition.experiment.quantities import DIMENSIONS, Dimension, QuantityError, format_quantity, parse


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("10 mg/kg", q.DOSE, 10.0),
        ("30 ng/kg", q.DOSE, 3e-5),
        ("0.2 uL/min", q.RATE, 0.2),
        ("75 uL/h", q.RATE, 1.25),
        ("600 mV", q.POTENTIAL, 0.6),
        ("-100 mV", q.POTENTIAL, -0.1),
        ("100 ms", q.DURATION, 0.1),
        ("10 min", q.DURATION, 600.0),
        ("7 pA/uM", q.SENSITIVITY, 7e-12),
        ("100 nA", q.CURRENT, 1e-7),
        ("25 g", q.WEIGHT, 25.0),
        ("0.025 kg", q.WEIGHT, 25.0),
        ("2 mg/mL", q.CONCENTRATION, 2.0),
        ("2 ug/uL", q.CONCENTRATION, 2.0),
        ("50 ng/mL", q.CONCENTRATION, 5e-5),
        ("37 uL", q.VOLUME, 37.0),
        ("200 nL", q.VOLUME, 0.2),
        ("4.699 mm", q.LENGTH, 4.699),
        ("4 mL/kg/h", q.RATE_PER_WEIGHT, 4.0),
        ("5mL/kg", q.VOLUME_PER_WEIGHT, 5.0),
    ],
)
def test_a_quantity_is_read_into_its_canonical_unit(text: str, dimension: Dimension, value: float) -> None:
    assert parse(text, dimension) == value


@pytest.mark.parametrize("micro", ["u", "\u00b5", "\u03bc"])
def test_both_micro_signs_and_u_are_the_same(micro: str) -> None:
    assert parse(f"3 {micro}L", q.VOLUME) == 3.0
    assert parse(f"7 pA/{micro}M", q.SENSITIVITY) == 7e-12


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("10", "unit is missing"),
        ("1,5 uL", "comma"),
        ("1.000,5 uL", "comma"),
        ("1e3 uL", "exponent"),
        ("nan uL", "finite"),
        ("inf uL", "finite"),
        (".5 uL", "before the decimal point"),
        ("5. uL", "after the decimal point"),
        ("05 uL", "leading zeros"),
        ("1.2.3 uL", "two decimal points"),
        ("1 000 uL", "exactly one number"),
        ("1 h 30 min", "exactly one number"),
        ("+5 uL", "plus"),
        ("-5 uL", "negative"),
        (" 5 uL", "white space"),
        ("5 uL\n", "white space"),
        ("5  uL", "not a number followed by a unit"),
        ("\u0665 uL", "not a number followed by a unit"),  # an Arabic five
        ("\uff15 uL", "not a number followed by a unit"),  # a full-width five
        ("5 uL!", "not a number followed by a unit"),
        ("x" * 500, "500 characters"),
    ],
)
def test_R01_anything_else_is_refused_with_its_reason_and_an_example(text: str, words: str) -> None:
    with pytest.raises(QuantityError, match=words) as refused:
        parse(text, q.VOLUME)
    assert q.VOLUME.example in str(refused.value)


def test_R02_the_wrong_dimension_is_named() -> None:
    with pytest.raises(QuantityError, match=r'"mg" is no unit of a dose, did you mean "mg/kg"'):
        parse("10 mg", q.DOSE)
    with pytest.raises(QuantityError, match=r'"uL/min" is the unit of a flow rate, expected a volume'):
        parse("10 uL/min", q.VOLUME)
    with pytest.raises(QuantityError, match=r'did you mean "uL"'):
        parse("10 UL", q.VOLUME)


@pytest.mark.parametrize("value", [10, 10.5, True, None, ["1 uL"]])
def test_R02_a_number_without_a_unit_is_refused(value: object) -> None:
    with pytest.raises(QuantityError, match="has no unit"):
        parse(value, q.VOLUME)


def test_control_characters_are_escaped_in_the_refusal() -> None:
    with pytest.raises(QuantityError) as refused:
        parse("5 \x1b[2JuL\u202e", q.VOLUME)
    assert str(refused.value).isprintable()


@given(st.one_of(st.text(max_size=30), st.from_regex(r"[0-9.,eE+\- ]{0,12}(uL|mL|nL|\u00b5L)?", fullmatch=True)))
def test_R01_every_text_is_refused_or_read_as_the_number_it_shows(text: str) -> None:
    try:
        value = parse(text, q.VOLUME)
    except QuantityError:
        return
    number, unit = text[:-2].rstrip(" "), text[-2:].replace("\u00b5", "u").replace("\u03bc", "u")
    assert number.isascii()
    assert not set(number) - set("0123456789.")
    assert value == float(Fraction(Decimal(number)) * q.VOLUME.units[unit])


@given(st.sampled_from(DIMENSIONS), st.floats(min_value=1e-15, max_value=1e12))
def test_R01_what_is_written_is_read_back_the_same(dimension: Dimension, value: float) -> None:
    text = format_quantity(value, dimension)
    assert "e" not in text.split()[0]
    if len(text) <= 40:
        assert parse(text, dimension) == value


@given(st.sampled_from([(d, u) for d in DIMENSIONS for u in d.units]), st.decimals(0, 10**6, places=3))
def test_every_unit_converts_exactly(unit: tuple[Dimension, str], number: Decimal) -> None:
    dimension, name = unit
    assert parse(f"{number:f} {name}", dimension) == float(Fraction(number) * dimension.units[name])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_never_written(value: float) -> None:
    with pytest.raises(QuantityError):
        format_quantity(value, q.DOSE)
