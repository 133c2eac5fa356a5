"""Numbers for Ultra pumps: what is written is what is held, over decades, units and syringes, or it is refused."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.capabilities import PumpProgram
from drivers.errors import NotEncodable
from drivers.harvard_ultra import codec
from drivers.harvard_ultra.framing import ReplyFramer
from sim_devices.firmware.harvard_ultra import numbers
from sim_devices.firmware.harvard_ultra.wire import prompt_line, text_line

DECADES = st.floats(min_value=1e-9, max_value=1e9, allow_nan=False) | st.floats(-9, 9).map(lambda power: 10.0**power)
SYRINGES_MM = st.sampled_from([0.103, 0.485, 1.46, 2.3, 4.699, 4.78, 7.262, 8.585, 14.43, 20.45, 26.59])


def told(text: str) -> codec.Reply:
    return codec.Reply(None, ":", (text,))


@given(DECADES, DECADES, SYRINGES_MM)
def test_R09_a_program_is_held_within_half_a_percent_or_refused(rate: float, target: float, diameter: float) -> None:
    program = PumpProgram(diameter, rate, target)
    try:
        held = codec.as_held(program)
    except NotEncodable:
        assert min(rate, target) < 1.01e-6 or max(rate, target) > 0.99e6
        return
    for name in ("diameter_mm", "rate_ul_per_min", "target_ul"):
        assert math.isclose(getattr(held, name), getattr(program, name), rel_tol=codec.TOLERANCE)
    assert codec.as_held(held) == held, "what the pump holds can be written again"


@given(st.floats(min_value=2e-6, max_value=9e5))
def test_the_pump_reads_and_prints_what_the_driver_writes_and_reads(value: float) -> None:
    """Driver and firmware share no code: text goes from one to the other and back."""
    amount, unit = codec.volume_text(value).split(" ")
    back = codec.parse_volume(told(numbers.volume_text(numbers.volume(amount, unit))))
    assert back == codec.as_held(PumpProgram(4.699, 1.0, value)).target_ul
    amount, unit = codec.rate_text(value).split(" ")
    rate, time = numbers.rate(amount, unit)
    assert (
        codec.parse_rate(told(numbers.rate_text(rate, time)))
        == codec.as_held(PumpProgram(4.699, value, 1.0)).rate_ul_per_min
    )


@given(
    st.decimals(min_value=Decimal("0.001"), max_value=Decimal(999999), places=3),
    st.sampled_from(["pl", "nl", "ul", "ml"]),
    st.sampled_from(["sec", "min", "hr"]),
)
def test_units_are_exact_whatever_the_pump_prints(number: Decimal, volume: str, time: str) -> None:
    scale = {"pl": Decimal("1e-6"), "nl": Decimal("1e-3"), "ul": Decimal(1), "ml": Decimal(1000)}[volume]
    per_min = {"sec": Decimal(60), "min": Decimal(1), "hr": Decimal(1) / Decimal(60)}[time]
    assert codec.parse_rate(told(f"{number} {volume}/{time}")) == float(number * scale * per_min)


@given(
    st.lists(st.sampled_from(["1.69023 ul", "Ramp not set up.", "00:03:00"]), max_size=3),
    st.sampled_from(["", "00", "07"]),
    st.sampled_from([":", ">", "<", "*", "T*"]),
    st.data(),
)
def test_replies_survive_any_splitting(lines: list[str], prefix: str, prompt: str, data: st.DataObject) -> None:
    wire = b"".join(text_line(line, prefix) for line in lines) + prompt_line(prompt, prefix, xon=True)
    cut = data.draw(st.integers(0, len(wire)))
    framer = ReplyFramer()
    (frame,) = framer.feed(wire[:cut], 0) + framer.feed(wire[cut:], 1)
    assert codec.parse_reply(frame) == codec.Reply(int(prefix) if prefix else None, prompt, tuple(lines))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_reply_or_none(data: bytes) -> None:
    for frame in ReplyFramer(prompt_first=True, wants_status=True).feed(data + b"\x11\r", 0):
        reply = codec.parse_reply(frame)
        for parse in (codec.parse_status, codec.parse_rate, codec.parse_volume, codec.parse_limits, codec.parse_target):
            assert reply is None or parse(reply) is None or reply.lines


def test_a_lost_xon_does_not_collect_for_ever() -> None:
    framer = ReplyFramer()
    for _chunk in range(100):
        framer.feed(b"\n1 ml\r\n:" * 100, 0)
    assert len(framer._buffer) <= 2048


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, 1e-7, 2e6])
def test_R10_impossible_amounts_are_refused(value: float) -> None:
    for write in (codec.rate_text, codec.volume_text):
        with pytest.raises(NotEncodable):
            write(value)


@pytest.mark.parametrize("diameter", [0.0, 0.09, 33.1, math.nan, math.inf, -4.699])
def test_R10_impossible_syringes_are_refused(diameter: float) -> None:
    with pytest.raises(NotEncodable):
        codec.diameter_text(diameter)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (199.49, "199.49 ul"),
        (1000.0, "1 ml"),
        (0.5, "500 nl"),
        (1e-5, "10 pl"),
        (999.9999, "1000 ul"),
        (1234567e-1, "123.457 ml"),
    ],
)
def test_amounts_as_written(value: float, text: str) -> None:
    assert codec.volume_text(value) == text
    assert codec.rate_text(value) == f"{text}/min"


def test_the_step_of_a_counter_is_its_sixth_digit() -> None:
    assert codec.volume_step_ul(1.69023) == pytest.approx(1e-5)
    assert codec.volume_step_ul(199.49) == pytest.approx(1e-3)
    assert codec.volume_step_ul(0.0) == 1e-6
