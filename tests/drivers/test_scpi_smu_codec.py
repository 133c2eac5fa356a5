"""SCPI text of source-measure units: what is written reads back, what is not right is nothing; tables, timing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.capabilities import DriverOptions, OptionValue
from drivers.errors import NotEncodable
from drivers.scpi_smu import codec, family
from drivers.scpi_smu.link import LineFramer
from drivers.scpi_smu.timing import timing

FOUR = ("VOLT", "CURR", "TIME", "STAT")
SHORT = st.floats(-20, 20).map(lambda value: round(value, 15))  # exponents of two digits, as they are printed
PRINTED = b"+6.000000E-01,+1.234567E-09,+1.234500E+01,+2.150800E+04"  # the reference's


def test_the_printed_reading() -> None:
    assert codec.decode_reading(PRINTED, FOUR, fixed_width=True) == codec.Reading(1.234567e-9, 0.6, 12.345, 21508)


@given(SHORT, SHORT, SHORT.map(abs), st.integers(0, 999_999))
def test_every_reading_decodes_to_what_was_printed(current: float, volt: float, time_s: float, status: int) -> None:
    line = ",".join(f"{value:+.6E}" for value in (volt, current, time_s, float(status))).encode()
    reading = codec.decode_reading(line, FOUR, fixed_width=True)
    assert reading is not None
    assert reading.current_a == pytest.approx(current, rel=1e-6, abs=1e-99)
    assert reading.volt_v == pytest.approx(volt, rel=1e-6, abs=1e-99)
    assert reading.status == status


@given(st.integers(0, len(PRINTED) - 1))
def test_a_reading_with_a_byte_lost_is_none(at: int) -> None:
    assert codec.decode_reading(PRINTED[:at] + PRINTED[at + 1 :], FOUR, fixed_width=True) is None


@given(st.integers(0, len(PRINTED) - 1), st.sampled_from(list(range(0x80, 0x100)) + list(b' ;"xX')))
def test_a_reading_with_a_byte_that_is_no_digit_is_none(at: int, byte: int) -> None:
    assert codec.decode_reading(PRINTED[:at] + bytes([byte]) + PRINTED[at + 1 :], FOUR, fixed_width=True) is None


@given(st.binary(max_size=80))
def test_no_bytes_whatever_break_a_decoder(line: bytes) -> None:
    codec.decode_reading(line, FOUR, fixed_width=True)
    codec.decode_reading(line, ("READ",), fixed_width=False)
    codec.decode_identity(line)
    codec.decode_error(line)
    value = codec.decode_number(line)
    assert value is None or math.isfinite(value)


@pytest.mark.parametrize(
    ("value", "overflow", "not_available"),
    [(9.9e37, True, False), (-9.9e37, True, False), (9.91e37, False, True), (1.05e-9, False, False)],
)  # fmt: skip
def test_the_two_numbers_that_are_no_values(value: float, overflow: bool, not_available: bool) -> None:
    assert (codec.is_overflow(value), codec.is_not_available(value)) == (overflow, not_available)


@pytest.mark.parametrize("left", [b"00E-01", b"0E-01", b".000000E-01", b"E-01", b"-01E", b"6.000000E-", b"6.000000E-0"])
def test_what_is_left_of_a_number_is_none(left: bytes) -> None:
    assert codec.decode_number(b"6.000000E-01") == pytest.approx(0.6)
    assert codec.decode_number(left) is None


def test_identity_and_errors() -> None:
    line = b"KEITHLEY INSTRUMENTS INC.,MODEL 6430,0812345,A01 Jan 1 2009"
    assert codec.decode_identity(line) == ("6430", "0812345", "A01 Jan 1 2009")
    assert codec.decode_identity(b"HEWLETT-PACKARD,34401A,0,1") is None
    assert codec.decode_error(b'0,"No error"') == (0, "No error")
    assert codec.decode_error(b'-113,"Undefined header"') == (-113, "Undefined header")
    assert codec.decode_error(b"0") is None


@given(st.floats(-20, 20).map(lambda v: float(f"{v:.6g}")))
def test_numbers_read_back_or_are_refused(value: float) -> None:
    assert float(codec.number(value)) == pytest.approx(value, rel=1e-9, abs=0)


@pytest.mark.parametrize("value", [0.60000049, math.nan, math.inf])
def test_numbers_of_too_many_digits_are_refused(value: float) -> None:
    with pytest.raises(NotEncodable):
        codec.number(value)


@given(st.lists(st.binary(max_size=30).map(lambda b: b.translate(None, b"\r\n\x11\x13")), max_size=6),
       st.integers(1, 9), st.sampled_from([b"\r", b"\n", b"\r\n", b"\n\r"]))  # fmt: skip
def test_lines_survive_any_terminator_and_any_way_of_being_cut(lines: list[bytes], size: int, end: bytes) -> None:
    stream = b"\x13".join(line + end for line in lines)
    framer = LineFramer()
    cut = [line for at in range(0, len(stream), size) for line in framer.feed(stream[at : at + size], 0)]
    assert cut == [line for line in lines if line]


def test_a_line_without_end_takes_no_memory_and_is_none() -> None:
    framer = LineFramer()
    assert framer.feed(b"x" * 5000, 0) == []
    assert framer.feed(b"rest\r1\r", 0) == [b"1"]


# --- tables ---


@pytest.mark.parametrize(
    ("model", "asked_a", "used_a"),
    [
        ("6430", 0.5e-12, 1e-12),
        ("6430", 8e-9, 1e-8),
        ("6430", 1e-8, 1e-8),
        ("2400", 1e-9, 1e-6),
        ("6517B", 3e-11, 2e-10),
    ],
)
def test_the_smallest_range_that_holds_it(model: str, asked_a: float, used_a: float) -> None:
    assert family.MODELS[model].range_for(asked_a) == pytest.approx(used_a)


@pytest.mark.parametrize(("model", "asked_a"), [("6430", 0.2), ("2400", 1.1), ("6517B", math.nan), ("2400", 0.0)])
def test_no_range_is_said(model: str, asked_a: float) -> None:
    with pytest.raises(NotEncodable):
        family.MODELS[model].range_for(asked_a)


def parsed(baud: int | None = None, **settings: OptionValue) -> family.SmuOptions:
    return family.parse_options(DriverOptions("smu", baud=baud, settings=settings))


def test_the_line_of_the_rig_file() -> None:
    smu = parsed(57600, parity="even", data_bits=7, terminator="lfcr", flow="xon-xoff", mains_hz=60, autozero=False)
    assert (smu.line.baud, smu.line.parity, smu.line.data_bits, smu.line.xon_xoff) == (57600, "E", 7, True)
    assert (smu.terminator, smu.mains_hz, smu.autozero) == (b"\n\r", 60.0, False)
    assert parsed().line.baud == 9600


@pytest.mark.parametrize(
    "bad",
    [{"baud": 115200}, {"parity": "mark"}, {"data_bits": 7}, {"data_bits": 9}, {"terminator": "etx"}, {"flow": "rts"},
     {"mains_hz": 55}, {"mains_hz": True}, {"autozero": 1}],
)  # fmt: skip
def test_what_a_line_cannot_be_is_refused(bad: dict[str, OptionValue]) -> None:
    baud = bad.pop("baud", None)
    with pytest.raises(NotEncodable):
        parsed(baud, **bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("interval_s", "smu", "nplc"),
    [(1.0, parsed(), 10), (0.25, parsed(), 2), (0.25, parsed(autozero=False), 7), (0.1, parsed(57600), 1),
     (0.1, parsed(57600, autozero=False), 3), (0.25, parsed(mains_hz=60), 2), (10.0, parsed(300), 10)],
)  # fmt: skip
def test_readings_integrate_over_whole_periods_of_the_mains(
    interval_s: float, smu: family.SmuOptions, nplc: int
) -> None:
    pace = timing(interval_s, smu, family.MODELS["6430"])
    assert pace.nplc == nplc
    assert pace.integration_s == nplc / smu.mains_hz
    assert pace.cycle_s <= 0.95 * interval_s


@pytest.mark.parametrize(
    ("interval_s", "smu"), [(0.1, parsed()), (1.0, parsed(300)), (61.0, parsed()), (0.01, parsed())]
)
def test_an_interval_in_which_no_reading_fits_is_refused(interval_s: float, smu: family.SmuOptions) -> None:
    with pytest.raises(NotEncodable, match="interval"):
        timing(interval_s, smu, family.MODELS["6430"])
