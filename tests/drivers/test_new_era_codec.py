"""Numbers and replies of New Era pumps: what is written decodes to what was meant, or is refused (R09, R10)."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from drivers.capabilities import PumpProgram
from drivers.errors import NotEncodable
from drivers.new_era import codec
from drivers.new_era.framing import INTER_BYTE_NS, Frame, PumpFramer, safe_command

positive = st.floats(min_value=1e-9, max_value=1e9, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.001, "0.001"), (4.699, "4.699"), (9.9999, "10.00"), (50.0, "50.00"), (99.996, "100.0"), (100.0, "100.0"),
     (999.94, "999.9"), (999.96, "1000"), (9999.0, "9999"), (9999.4, "9999")],
)  # fmt: skip
def test_numbers_have_four_digits_looked_at_after_rounding(value: float, text: str) -> None:
    assert codec.number_text(value) == text


@pytest.mark.parametrize("value", [0.0, -1.0, 0.0004, 9999.6, 1e9, math.nan, math.inf])
def test_R10_numbers_that_the_pump_cannot_hold_or_takes_for_no_limit_are_refused(value: float) -> None:
    with pytest.raises(NotEncodable):
        codec.number_text(value)


@given(positive)
def test_R09_every_number_is_either_held_within_the_format_or_refused(value: float) -> None:
    try:
        text = codec.number_text(value)
    except NotEncodable:
        return
    digits, _, decimals = text.partition(".")
    assert len(digits + decimals) <= 4
    assert len(decimals) <= 3
    assert float(text) > 0
    assert float(text) == pytest.approx(value, abs=0.5 * 10.0 ** -len(decimals))


@given(positive)
def test_R09_rates_decode_to_within_half_a_percent_in_the_unit_that_is_sent(rate: float) -> None:
    try:
        text, unit = codec.rate_text(rate)
    except NotEncodable:
        assert rate < 0.0017 or rate > 9999.0e3
        return
    assert codec.parse_rate(text + unit) == pytest.approx(rate, rel=codec.TOLERANCE)


@given(st.floats(min_value=0.1, max_value=50.0), positive, positive)
def test_R09_programs_are_held_within_half_a_percent_or_refused(diameter: float, rate: float, target: float) -> None:
    program = PumpProgram(diameter, rate, target)
    try:
        held = codec.as_held(program)
    except NotEncodable:
        return
    assert held.diameter_mm == pytest.approx(diameter, rel=codec.TOLERANCE)
    assert held.rate_ul_per_min == pytest.approx(rate, rel=codec.TOLERANCE)
    assert held.target_ul == pytest.approx(target, rel=codec.TOLERANCE)


def test_rates_prefer_the_unit_a_person_would_write() -> None:
    assert codec.rate_text(50.0) == ("50.00", "UM")
    assert codec.rate_text(0.2) == ("0.200", "UM")
    assert codec.rate_text(0.0123) == ("0.738", "UH")
    assert codec.rate_text(20_000.0) == ("20.00", "MM")


def test_R09_volume_unit_flips_above_14_millimetres() -> None:
    assert codec.volume_text(100.0, 14.0) == ("100.0", "UL")
    assert codec.volume_text(100.0, 14.004) == ("100.0", "UL")  # the pump holds 14.00
    assert codec.volume_text(100.0, 14.01) == ("0.100", "ML")
    assert codec.volume_text(100.0, 14.43) == ("0.100", "ML")


def test_R10_a_volume_that_would_become_zero_millilitres_is_refused() -> None:
    with pytest.raises(NotEncodable, match="no limit"):
        codec.volume_text(0.4, 20.0)


def test_a_volume_that_would_be_rounded_by_more_than_half_a_percent_is_refused() -> None:
    with pytest.raises(NotEncodable, match="more than"):
        codec.volume_text(1.4, 20.0)


def test_limits_of_the_ne_1000_agree_with_the_manuals_table() -> None:
    low, high = codec.NE_1000.rates_ul_per_min(4.699)
    assert low * 60 == pytest.approx(0.73, abs=0.005)  # uL/h [V]
    assert high == pytest.approx(884, abs=1)  # uL/min [V]


def test_models_are_read_from_version_texts() -> None:
    assert codec.parse_version("NE1000V3.928") == ("NE-1000", "3.928")
    assert codec.parse_version("NE1000X2V3.928") == ("NE-1000X2", "3.928")
    assert codec.parse_version("NE500V3.9") == ("NE-500", "3.9")
    assert codec.parse_version("KDS100") is None
    assert codec.speed_limits("NE-1000X2") is codec.NE_1000
    assert codec.speed_limits("NE-500") is codec.UNKNOWN_MODEL


@given(st.binary(max_size=60))
def test_no_reply_text_makes_the_parsers_fail(text: bytes) -> None:
    reply = codec.parse_reply(text)
    data = reply.data if reply is not None else text.decode("latin-1")
    for parse in (codec.parse_version, codec.parse_rate, codec.parse_volume, codec.parse_dispensed):
        parse(data)
    codec.parse_diameter(data)
    codec.parse_watchdog(data)


@given(st.binary(max_size=4000), st.integers(1, 9))
def test_no_bytes_make_the_framer_fail_or_grow(data: bytes, size: int) -> None:
    framer = PumpFramer()
    for at in range(0, len(data), size):
        for frame in framer.feed(data[at : at + size], 0):
            codec.parse_reply(frame.text)
    assert len(framer._buffer) <= 70


printable_ascii = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
reply_texts = st.builds(
    "{:02d}{}{}".format, st.integers(0, 99), st.sampled_from("SPIW"), st.text(printable_ascii, max_size=20)
)


@given(st.lists(st.tuples(reply_texts, st.booleans()), max_size=5), st.integers(1, 30))
def test_frames_survive_any_way_of_being_cut_into_pieces(replies: list[tuple[str, bool]], size: int) -> None:
    stream = b"".join(safe_command(t) if safe else b"\x02" + t.encode() + b"\x03" for t, safe in replies)
    framer = PumpFramer()
    frames = [frame for at in range(0, len(stream), size) for frame in framer.feed(stream[at : at + size], 0)]
    assert frames == [Frame(text.encode(), safe) for text, safe in replies]
    assert framer.dropped == 0


@given(reply_texts, st.data())
def test_R09_a_safe_packet_with_one_wrong_byte_is_never_accepted(text: str, data: st.DataObject) -> None:
    packet = bytearray(safe_command(text))
    at = data.draw(st.integers(0, len(packet) - 1))
    wrong = data.draw(st.integers(0, 255))
    assume(wrong != packet[at])
    packet[at] = wrong
    assert all(not frame.safe for frame in PumpFramer().feed(bytes(packet), 0))


def test_length_and_checksum_bytes_that_look_like_etx_do_not_end_a_safe_packet() -> None:
    found = [text for n in range(3000) if b"\x03" in (wire := safe_command(text := f"00S{n}"))[:-1] or 0x0D in wire]
    assert found, "the search itself is broken"
    for text in found:
        assert PumpFramer().feed(safe_command(text), 0) == [Frame(text.encode(), safe=True)]


def test_L6_a_packet_that_stalls_for_more_than_half_a_second_is_dropped() -> None:
    framer = PumpFramer()
    assert framer.feed(b"\x0200", 0) == []
    assert framer.feed(b"\x0200S\x03", INTER_BYTE_NS + 1) == [Frame(b"00S", safe=False)]
    assert framer.dropped == 3


def test_a_lost_end_costs_one_reply_and_not_the_next() -> None:
    assert PumpFramer().feed(b"\x0200SI1.0\x0200P\x03", 0) == [Frame(b"00P", safe=False)]


def test_garbage_before_a_reply_is_skipped() -> None:
    assert PumpFramer().feed(b"\xff\x00noise\x02\x02\x0200S\x03", 0) == [Frame(b"00S", safe=False)]
