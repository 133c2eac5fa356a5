"""Numbers and answers of a Micro4: what is written decodes to what was meant, or is refused (R09, R10)."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.capabilities import PumpProgram
from drivers.errors import NotEncodable
from drivers.printed import TOLERANCE
from drivers.wpi_micro4 import codec
from drivers.wpi_micro4.framing import AnswerFramer
from sim_devices.firmware.wpi_micro4 import Micro4Firmware, Micro4Options
from tests.drivers.kit import IdealPlunger

decades = st.builds(lambda mantissa, exponent: mantissa * 10.0**exponent, st.floats(1.0, 9.9999), st.integers(-7, 3))
syringes_mm = st.sampled_from([0.103, 0.146, 0.206, 0.326, 0.46, 0.729, 1.03, 1.46, 2.3]) | st.floats(0.05, 5.0)


@given(st.floats(1e-9, 1e9), st.sampled_from([codec.RATE_WIDTH, codec.TARGET_WIDTH]))
def test_R09_every_number_fits_its_field_within_half_a_percent_or_is_refused(value: float, width: int) -> None:
    try:
        text = codec.number_text(value, width, "number", "")
    except NotEncodable:
        return
    assert len(text) <= width
    assert "." in text, "the manual wants a point"
    assert float(text) > 0
    assert float(text) == pytest.approx(value, rel=TOLERANCE)


@pytest.mark.parametrize("value", [0.0, -1.0, 0.04, 1e6, math.nan, math.inf])
def test_R10_numbers_that_the_controller_cannot_hold_or_takes_for_zero_are_refused(value: float) -> None:
    with pytest.raises(NotEncodable):
        codec.number_text(value, codec.TARGET_WIDTH, "target volume", "nL")


@given(syringes_mm, decades, decades)
def test_R09_what_is_written_is_held_by_the_simulated_controller_or_was_out_of_its_range(
    diameter: float, rate: float, target: float
) -> None:
    try:
        written = codec.write(PumpProgram(diameter, rate, target))
    except NotEncodable:
        return
    held = written.held()
    assert held.rate_ul_per_min == pytest.approx(rate, rel=TOLERANCE)
    assert held.target_ul == pytest.approx(target, rel=TOLERANCE)
    controller = Micro4Firmware(IdealPlunger(), Micro4Options())
    controller.power_on(0)

    def ask(text: str) -> str:
        controller.receive(text.encode() + b"\r", 0)
        (frame,) = AnswerFramer().feed(controller.transmit(0), 0)
        return frame.partition(">")[2]

    ask("S" if written.per_second else "M")
    ask(f"R{written.rate}")
    ask(f"V{written.target}")
    target_held, rate_held = codec.parse_number("V", ask("?V")), codec.parse_number("R", ask("?R"))
    assert target_held is not None
    assert target_held.shows(written.target)
    assert rate_held is not None
    most_ul_per_min = 10.0  # 60 mm/min of a syringe with 10 uL over 60 mm
    assert rate_held.shows(written.rate) is (held.rate_ul_per_min <= most_ul_per_min)


def test_rates_are_written_in_the_unit_that_holds_them_best() -> None:
    def rate(ul_per_min: float) -> tuple[bool, str]:
        written = codec.write(PumpProgram(0.46, ul_per_min, 1.0))
        return written.per_second, written.rate

    assert rate(0.05) == (False, "50.0")
    assert rate(1.2) == (True, "20.0")
    assert rate(0.999) == (False, "999.")
    assert rate(0.0001) == (False, "0.1")


@given(st.binary(max_size=2000), st.integers(1, 9))
def test_no_bytes_make_framer_or_parsers_fail_or_grow(data: bytes, size: int) -> None:
    framer = AnswerFramer()
    for at in range(0, len(data), size):
        for frame in framer.feed(data[at : at + size], 0):
            for letter in "VCR":
                codec.parse_number(letter, frame)
            for letter in "DGUMBE":
                codec.parse_text(letter, frame)
            codec.parse_type(frame)
            codec.is_refusal(frame)
    assert len(framer._rest) <= 512


@pytest.mark.parametrize(
    "text", ["Rate = 1e9", "Rate = nan", "Rate 5", "rate = 5", "Rate = 5 nL", "Rate = ١", "Rate = -1"]
)
def test_no_other_text_is_a_rate(text: str) -> None:
    assert codec.parse_number("R", text) is None


@given(st.lists(st.integers(1, 90), max_size=4))
def test_frames_come_out_the_same_however_they_are_cut(cuts: list[int]) -> None:
    wire = b"?G>Motor State: Stopped\n\r>OK\n\r?V>Target Volume = 200.6nL \n\rOK\n\rH\n\r>OK\n\r\n\rOK\n\r"
    framer = AnswerFramer()
    at = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    frames = [frame for a, b in itertools.pairwise(at) for frame in framer.feed(wire[a:b], 0)]
    assert frames == ["?G>Motor State: Stopped", "?V>Target Volume = 200.6nL", "H", ""]
