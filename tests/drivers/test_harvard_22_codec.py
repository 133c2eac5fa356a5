"""Numbers and answers of older Harvard pumps: what is written decodes to what was meant, or is refused (R09, R10)."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.capabilities import PumpProgram
from drivers.errors import NotEncodable
from drivers.harvard_22 import codec
from drivers.harvard_22.framing import AnswerFramer
from drivers.printed import TOLERANCE, Printed, parse_printed
from sim_devices.firmware.harvard_22 import Harvard22Firmware, Harvard22Options
from tests.drivers.kit import IdealPlunger

decades = st.builds(lambda mantissa, exponent: mantissa * 10.0**exponent, st.floats(1.0, 9.9999), st.integers(-6, 5))
syringes_mm = st.sampled_from([0.103, 0.485, 1.457, 4.699, 8.585, 14.43, 26.59]) | st.floats(0.05, 40.0)


@given(st.floats(1e-9, 1e9), st.sampled_from([codec.WIDTH, codec.TARGET_WIDTH]))
def test_R09_every_number_fits_its_field_within_half_a_percent_or_is_refused(value: float, width: int) -> None:
    try:
        text = codec.number_text(value, width, "number", "")
    except NotEncodable:
        return
    assert len(text) <= width
    assert float(text) > 0
    assert float(text) == pytest.approx(value, rel=TOLERANCE)


@pytest.mark.parametrize("value", [0.0, -1.0, 0.0004, 1e6, math.nan, math.inf])
def test_R10_numbers_that_the_pump_cannot_hold_or_takes_for_no_limit_are_refused(value: float) -> None:
    with pytest.raises(NotEncodable):
        codec.number_text(value, codec.WIDTH, "target volume", "mL")


@given(syringes_mm, decades, decades)
def test_R09_what_is_written_reads_back_from_the_simulated_pump_or_was_out_of_its_range(
    diameter: float, rate: float, target: float
) -> None:
    try:
        written = codec.write(PumpProgram(diameter, rate, target))
    except NotEncodable:
        return
    held = written.held()
    assert held.diameter_mm == pytest.approx(diameter, rel=TOLERANCE)
    assert held.rate_ul_per_min == pytest.approx(rate, rel=TOLERANCE)
    assert held.target_ul == pytest.approx(target, rel=TOLERANCE)
    pump = Harvard22Firmware(IdealPlunger(), Harvard22Options())
    pump.power_on(0)

    def ask(text: str) -> codec.Lines:
        pump.receive(text.encode() + b"\r", 0)
        (frame,) = AnswerFramer().feed(pump.transmit(0), 0)
        return frame.lines

    assert ask(f"DIA {written.diameter}") == ()
    assert ask(f"TGT {written.target_ml}") == ()
    target_held, rate_held = codec.parse_volume(ask("TGT")), None
    assert target_held is not None
    assert target_held.number.shows(written.target_ml)
    assert target_held.volume_ul_per() == 1000.0
    if ask(f"RAT {written.rate} {written.rate_unit}") == ():
        rate_held = codec.parse_rate(ask("RAT"))
        assert rate_held is not None
        assert codec.same_rate(rate_held, written)


@pytest.mark.parametrize(
    ("text", "sent", "same"),
    [
        ("0.0200", "0.0200", True),
        ("0.020", "0.0200", False),  # 0.0204 would print so too
        ("0.02000", "0.0200", True),
        ("20.0", "20.00", True),  # tells 0.5 %
        ("20", "20.00", False),
        ("0.0201", "0.0200", False),
        ("20.00", "0.0200", False),
    ],
)
def test_a_printed_number_proves_what_was_sent_only_in_enough_digits(text: str, sent: str, *, same: bool) -> None:
    number = parse_printed(text)
    assert number is not None
    assert number.shows(sent) is same


def test_a_rate_printed_in_another_unit_is_compared_by_its_value() -> None:
    written = codec.write(PumpProgram(4.699, 60.0, 20.0))

    def same(text: str) -> bool:
        quantity = codec.parse_rate((text,))
        assert quantity is not None
        return codec.same_rate(quantity, written)

    assert same("60.00 ul/min")
    assert same("3.600 ml/hr")
    assert not same("60.00 ml/min"), "1000 times as much"
    assert not same("0.06 ml/min"), "too few digits to tell"
    assert not same("60.00 ul/hr")


def test_units_are_never_guessed() -> None:
    assert codec.Quantity(Printed(1.0, 0.1), "").volume_ul_per() is None
    assert codec.Quantity(Printed(1.0, 0.1), "").volume_ul_per("ml") == 1000.0
    assert codec.Quantity(Printed(1.0, 0.1), "ul").volume_ul_per("ml") == 1.0


@given(st.binary(max_size=2000), st.integers(1, 9))
def test_no_bytes_make_framer_or_parsers_fail_or_grow(data: bytes, size: int) -> None:
    framer = AnswerFramer()
    for at in range(0, len(data), size):
        for frame in framer.feed(data[at : at + size], 0):
            codec.parse_rate(frame.lines)
            codec.parse_volume(frame.lines)
            codec.parse_diameter(frame.lines)
            codec.parse_version(frame.lines)
            codec.parse_word(frame.lines, codec.MODES)
            codec.refusal(frame.lines)
    assert len(framer._rest) <= 512


@pytest.mark.parametrize("text", ["1e9 ml", "nan", "-0.5 ml", "0.5 l", "0.5 ml/mn", "5 5", "١ ml", "."])
def test_no_other_text_is_a_volume(text: str) -> None:
    assert codec.parse_volume((text,)) is None


@given(st.lists(st.integers(1, 80), max_size=4))
def test_frames_come_out_the_same_however_they_are_cut(cuts: list[int]) -> None:
    wire = b"\r\nPHD1.2\r\n3:\r\n3>\r\n50.00 ul/mn\r\n03:\r\nNA\r\n3*"
    framer = AnswerFramer()
    at = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    frames = [frame for a, b in itertools.pairwise(at) for frame in framer.feed(wire[a:b], 0)]
    assert [(frame.lines, frame.prompt) for frame in frames] == [
        (("PHD1.2",), ":"),
        ((), ">"),
        (("50.00 ul/mn",), ":"),
        (("NA",), "*"),
    ]
