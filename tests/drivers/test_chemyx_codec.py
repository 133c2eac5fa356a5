"""Numbers and answers of Chemyx pumps: what is written decodes to what was meant, or is refused (R09, R10)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.capabilities import PumpProgram
from drivers.chemyx import codec
from drivers.chemyx.framing import AnswerFramer
from drivers.errors import NotEncodable
from sim_devices.firmware.chemyx import ChemyxFirmware, ChemyxOptions
from tests.drivers.kit import IdealPlunger

positive = st.floats(min_value=1e-9, max_value=1e9, allow_nan=False)
decades = st.builds(lambda mantissa, exponent: mantissa * 10.0**exponent, st.floats(1.0, 9.9999), st.integers(-7, 6))
syringes_mm = st.sampled_from([0.103, 0.3, 0.485, 1.457, 4.699, 8.585, 14.0, 14.43, 26.59, 40.0]) | st.floats(
    0.103, 40.0
)


@given(positive, st.integers(3, 5))
def test_R09_every_number_is_either_held_within_half_a_percent_or_refused(value: float, decimals: int) -> None:
    try:
        text = codec.number_text(value, decimals, "number", "")
    except NotEncodable:
        return
    assert len(text.partition(".")[2]) <= decimals
    assert float(text) > 0
    assert float(text) == pytest.approx(value, rel=codec.TOLERANCE)


@pytest.mark.parametrize("value", [0.0, -1.0, 0.000004, 1e6, math.nan, math.inf])
def test_R10_numbers_that_the_pump_cannot_hold_or_takes_for_no_limit_are_refused(value: float) -> None:
    with pytest.raises(NotEncodable):
        codec.number_text(value, 5, "target volume", "uL")


@given(syringes_mm, decades, decades)
def test_R09_programs_are_held_within_half_a_percent_in_microlitre_units_or_refused(
    diameter: float, rate: float, target: float
) -> None:
    try:
        written = codec.write(PumpProgram(diameter, rate, target))
    except NotEncodable:
        return
    held = written.held()
    assert codec.UL_PER_VOLUME[written.units] == 1.0
    assert held.diameter_mm == pytest.approx(diameter, rel=codec.TOLERANCE)
    assert held.rate_ul_per_min == pytest.approx(rate, rel=codec.TOLERANCE)
    assert held.target_ul == pytest.approx(target, rel=codec.TOLERANCE)


@given(syringes_mm, decades, decades)
def test_R09_what_the_simulated_pump_says_it_keeps_is_recognised_or_was_out_of_its_range(
    diameter: float, rate: float, target: float
) -> None:
    try:
        written = codec.write(PumpProgram(diameter, rate, target))
    except NotEncodable:
        return
    pump = ChemyxFirmware(IdealPlunger(), ChemyxOptions())
    pump.power_on(0)

    def ask(text: str) -> codec.Lines:
        pump.receive(text.encode() + b"\r", 0)
        (frame,) = AnswerFramer().feed(pump.transmit(0), 0)
        return tuple(line.decode() for line in frame.lines[1:])

    ask(f"set units {written.units}")
    ask(f"set diameter {written.diameter}")
    limits = codec.parse_limits(ask("read limit parameter"))
    if limits is None:
        return  # a hair-thin syringe: limits print as zeros
    for name, text, low, high in (
        ("volume", written.volume, limits.min_volume, limits.max_volume),
        ("rate", written.rate, limits.min_rate, limits.max_rate),
    ):
        held = codec.parse_named(name, ask(f"set {name} {text}"))
        assert held is not None
        wanted = float(text)
        if low * 1.01 + 1e-4 <= wanted <= high * 0.99 - 1e-4:
            assert held.shows(wanted) or held.step > codec.TOLERANCE * wanted
        elif wanted < low * 0.98 - 1e-4 or wanted > high * 1.02 + 1e-4:
            assert not held.shows(wanted), "a silent clamp must be seen"


def test_rates_prefer_the_unit_a_person_would_write() -> None:
    def rate(value: float) -> tuple[int, str]:
        written = codec.write(PumpProgram(4.699, value, 1.0))
        return written.units, written.rate

    assert rate(50.0) == (2, "50")
    assert rate(0.2) == (2, "0.2")
    assert rate(0.05) == (3, "3")
    assert rate(1 / 3) == (3, "20")


def test_a_number_is_equal_in_every_digit_that_is_printed() -> None:
    assert codec.Number(50.0, 1e-6).shows(50.0)
    assert codec.Number(4.7, 0.001).shows(4.7004)
    assert not codec.Number(49.9, 1e-6).shows(50.0)
    assert not codec.Number(0.0, 1e-6).shows(50.0)
    assert codec.Number(0.0, 1e-6).shows(0.0)
    assert not codec.Number(1e-6, 1e-6).shows(0.0)


def test_too_few_printed_digits_prove_nothing() -> None:
    assert not codec.Number(0.01, 0.01).shows(0.01)
    assert not codec.Number(3.0, 1.0).shows(2.0)
    assert codec.Number(2.0, 1.0).shows(2.0)


def test_lists_of_several_steps_are_no_single_infusion() -> None:
    view = codec.parse_view(("unit = 2", "dia = 4.699", "rate = 1,2", "volume = 1,2", "delay = 0"))
    assert view is not None
    assert (view.rate, view.volume) == (None, None)


@given(st.binary(max_size=2000), st.integers(1, 9))
def test_no_bytes_make_framer_or_parsers_fail_or_grow(data: bytes, size: int) -> None:
    framer = AnswerFramer()
    for at in range(0, len(data), size):
        for frame in framer.feed(data[at : at + size], 0):
            text = tuple(line.decode("latin-1") for line in frame.lines)
            codec.parse_view(text)
            codec.parse_limits(text)
            codec.parse_status(text)
            codec.parse_named("rate", text)
            codec.parse_started(text)
            codec.parse_stopped(text)
            codec.is_refusal(text)
    assert len(framer._rest) <= 1024


@pytest.mark.parametrize("text", ["rate = 1e9", "rate = nan", "rate 5", "Rate = 5", "rate = 5 mL", "rate = ١"])
def test_no_other_text_is_a_number(text: str) -> None:
    assert codec.parse_named("rate", (text,)) is None


def test_frames_come_out_the_same_however_they_are_cut() -> None:
    wire = b"pump status\r\n1\r\n>set rate 5\rrate = 5.0\r\n>"
    whole = AnswerFramer().feed(wire, 0)
    rng = np.random.default_rng(3)
    for _trial in range(20):
        cuts = sorted(rng.integers(0, len(wire), 4).tolist())
        framer = AnswerFramer()
        pieces = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
        assert [frame for piece in pieces for frame in framer.feed(piece, 0)] == whole
