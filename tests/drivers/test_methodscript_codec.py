"""MethodSCRIPT packages, errors, scripts and ranges against the reference (2.5, 2.7, 2.8, 2.9)."""

from __future__ import annotations

import math
import time  # noqa: TID251 - this file measures how much processor time decoding takes
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.capabilities import AmperometrySettings, ElectrodeSettings, SampleBlock, SampleFlag
from drivers.clock import NS_PER_S
from drivers.errors import NotEncodable
from drivers.methodscript import script
from drivers.methodscript.family import (
    ES4_HR,
    ES4_LR,
    FAMILIES,
    MULTI_HR,
    MULTI_LR,
    NEXUS,
    PICO,
    SENSIT,
    Family,
    family,
    family_called,
)
from drivers.methodscript.features import Features, features
from drivers.methodscript.link import LineFramer
from drivers.methodscript.package import (
    OFFSET,
    PREFIXES,
    PackageDecoder,
    Variable,
    capability_bits,
    decode_error,
    decode_package,
)
from drivers.methodscript.stream import SampleStream

VECTORS = {  # 2.7; 134.217728 s has steps of 1 ms
    "8000000 ": 0.0, "80927C0u": 0.6, "7F6D840u": -0.6, "812D644f": 1.2345e-9, "5E9F140a": -35e-12, "8B71B00f": 12e-9,
    "DF5E100n": 0.1, "8030D40u": 0.2, "DF5E100u": 100.0, "FFFFFFFu": 134.217727, "8020C4Am": 134.218,
    "8030D40m": 200.0, "836EE80m": 3600.0, "A255100m": 36000.0,
}  # fmt: skip
BIPOT = Features("bipot")
WE1 = ElectrodeSettings("glutamate", "we1", 10e-9)
WE2 = ElectrodeSettings("sentinel", "we2", 100e-9)


def settings(*electrodes: ElectrodeSettings, interval_s: float = 0.1) -> AmperometrySettings:
    return AmperometrySettings(potential_v=0.6, interval_s=interval_s, electrodes=electrodes or (WE1,))


@pytest.mark.parametrize(("text", "value"), VECTORS.items())
def test_values_decode_as_the_reference_prints_them(text: str, value: float) -> None:
    decoded = decode_package(f"Pba{text}".encode())
    assert decoded is not None
    assert decoded[0].value == pytest.approx(value, rel=1e-12, abs=1e-30)


def test_real_captures_decode() -> None:
    potential, current = decode_package(b"Pda84E63DAn;ba82AB973f,14,284") or ()
    assert potential.value == pytest.approx(5.137370e-3)
    assert current.value == pytest.approx(2.799987e-9)
    assert (current.kind, current.status, current.range_code) == ("ba", SampleFlag.UNDERLOAD, 0x84)
    potential, current = decode_package(b"Pda7F85F3Fu;ba48D503Dp,10,288") or ()
    assert potential.value == pytest.approx(-0.499905)
    assert current.value == pytest.approx(-57.847747e-6)
    assert (current.status, current.range_code) == (SampleFlag.OK, 0x88)


def test_not_a_number_is_flagged() -> None:
    (variable,) = decode_package(b"Pba     nan,12,203") or ()
    assert math.isnan(variable.value)
    assert variable.status == SampleFlag.NOT_A_NUMBER | SampleFlag.OVERLOAD


def test_unknown_metadata_is_ignored() -> None:
    assert decode_package(b"Pba8000000 ,10,203,40,9zz") == (Variable("ba", 0.0, SampleFlag.OK, 3),)


@given(st.integers(-OFFSET, OFFSET - 1), st.sampled_from(sorted(PREFIXES)), st.integers(0, 15), st.integers(0, 255))
def test_every_package_decodes_to_what_was_encoded(mantissa: int, prefix: str, status: int, code: int) -> None:
    line = f"PebDF5E100n;ba{mantissa + OFFSET:07X}{prefix},1{status:X},2{code:02X}".encode()
    _time, current = decode_package(line) or ()
    assert current == Variable("ba", mantissa * PREFIXES[prefix], SampleFlag(status), code)
    values, flags, others = PackageDecoder(["eb", "ba"]).decode([line])
    assert (values, flags, others) == ([[pytest.approx(0.1), mantissa * PREFIXES[prefix]]], [[0, status]], [])


@given(st.binary(max_size=120))
def test_no_bytes_make_the_decoders_fail(data: bytes) -> None:
    decode_package(data)
    decode_package(b"P" + data)
    decode_error(data)
    capability_bits(data)
    stream = SampleStream("it", settings(), 1)
    for line in LineFramer().feed(data + b"\n", 0):
        stream.feed([line], 0)


@given(st.lists(st.binary(max_size=20).map(lambda b: b.translate(None, b"\n\x11\x13\r"))), st.integers(1, 9))
def test_lines_survive_any_way_of_being_cut_and_flow_control(lines: list[bytes], size: int) -> None:
    stream = b"".join(line + b"\x13\x11\r\n" for line in lines)
    framer = LineFramer()
    assert [line for at in range(0, len(stream), size) for line in framer.feed(stream[at : at + size], 0)] == lines


@pytest.mark.parametrize(
    ("line", "code", "place"),
    [(b"x!0003", 3, ""), (b"Z!0006", 6, ""),
     (b"e!4001: Line 1, Col 6", 0x4001, "Line 1, Col 6"), (b"!0032: Line 16", 0x32, "Line 16")],
)  # fmt: skip
def test_errors_are_recognised(line: bytes, code: int, place: str) -> None:
    error = decode_error(line)
    assert error is not None
    assert (error.code, error.place) == (code, place)
    assert f"{code:04X}" in str(error)


def test_data_is_no_error() -> None:
    assert decode_error(b"PebDF5E100n;ba812D644f,10,203") is None


def test_capabilities_of_a_real_emstat4_have_no_bipotentiostat() -> None:
    bits = capability_bits(b"CM000000000000000000000000000003FFFFBFE8FFFFFFFFFFFFFFFFFFFFBFFFFE")
    assert bits is not None
    assert not bits >> 104 & 3
    assert bits >> 28 & 1


def test_an_hour_at_10_hz_decodes_in_well_below_a_second() -> None:
    lines = [b"Peb%07Xm;da80927C0u;ba%07Xf,10,203" % (OFFSET + 100 * n, OFFSET + n) for n in range(1, 36_001)]
    stream = SampleStream("it", settings(), 1)
    began_s = time.process_time()
    blocks = [block for at in range(0, 36_000, 10) for block in stream.feed(lines[at : at + 10], at * 100_000_000)]
    used_s = time.process_time() - began_s
    assert sum(block.index.size for block in blocks) == 36_000
    assert used_s < 1.0


# --- scripts ---


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.65, "650m"),
        (0.6543, "654300u"),
        (-0.05, "-50m"),
        (10e-9, "10n"),
        (36000.0, "36000"),
        (0.1, "100m"),
        (0.0, "0"),
    ],
)
def test_numbers_are_integers_with_a_prefix(value: float, text: str) -> None:
    assert script.number(value) == text


@pytest.mark.parametrize("value", [math.pi, math.nan, math.inf, 1e-15])
def test_numbers_that_cannot_be_written_exactly_are_refused(value: float) -> None:
    with pytest.raises(NotEncodable):
        script.number(value)


def test_the_script_for_one_electrode_follows_the_reference() -> None:
    lines = script.amperometry(settings(), ES4_LR).split("\n")
    assert lines[0] == "e"
    assert lines[-2:] == ["", ""]
    wanted = ["set_pgstat_chan 0", "set_pgstat_mode 2", "set_max_bandwidth 60", "set_range_minmax da 600m 600m",
              "set_range ba 10n", "set_autoranging ba 10n 10n", "set_e 600m", "cell_on"]  # fmt: skip
    at = lines.index(wanted[0])
    assert lines[at : at + len(wanted)] == wanted
    assert "meas_loop_ca p c 600m 100m 43200" in lines
    assert lines[-4:-2] == ["on_finished:", "cell_off"]
    assert lines.count("cell_on") == 1
    assert all(len(line) <= 127 for line in lines)


def test_the_script_for_two_electrodes_sets_mode_then_bipot_then_main_ranges() -> None:
    lines = script.amperometry(settings(WE1, replace(WE2, range_a=50e-9)), PICO, BIPOT).split("\n")
    order = [
        "set_pgstat_mode 2",
        "set_bipot_mode 1",
        "set_range bb 58n",
        "set_bipot_potential 600m",
        "set_range ba 58n",
    ]
    positions = [lines.index(line) for line in order]
    assert positions == sorted(positions)
    assert "meas_loop_ca p c 600m 100m 43200 add_meas(0 bb b)" in lines
    at = lines.index("pck_start")
    assert lines[at : at + 6] == ["pck_start", "pck_add t", "pck_add p", "pck_add c", "pck_add b", "pck_end"]


def test_electrodes_are_used_once_and_the_first_always() -> None:
    for wrong in ((WE2,), (WE1, WE1), (WE1, WE2, WE2)):
        with pytest.raises(NotEncodable):
            script.amperometry(settings(*wrong), PICO, BIPOT)


# --- ranges ---


def test_the_smallest_range_that_holds_the_current_is_used() -> None:
    for kind, current_a, usable_a, code in (
        (ES4_LR, 0.9e-9, 1e-9, 3), (ES4_LR, 1e-9, 1e-9, 3), (ES4_LR, 1.1e-9, 10e-9, 6), (ES4_HR, 1e-9, 100e-9, 9),
        (ES4_HR, 50e-3, 100e-3, 27), (PICO, 58e-9, 58e-9, 0), (PICO, 59e-9, 1.16e-6, 1), (SENSIT, 2e-3, 2.9e-3, 11),
        (NEXUS, 80e-12, 100e-12, 16), (NEXUS, 1e-3, 1e-3, 6), (NEXUS, 1e-3, 1e-3, 8), (NEXUS, 0.5, 1.0, 11),
        (MULTI_LR, 1e-9, 1e-9, 3), (MULTI_HR, 1e-9, 100e-9, 9),
    ):  # fmt: skip
        found = kind.range_for(current_a)
        assert found.usable_a == pytest.approx(usable_a)
        assert code in found.codes
        assert kind.range_for(found.usable_a) is found, "checking twice changes nothing"
    for wrong in (0.0, -1e-9, math.nan, 1.0):
        with pytest.raises(NotEncodable):
            ES4_LR.range_for(wrong)


def test_instruments_are_known_by_the_name_they_give() -> None:
    assert family("es4_lr") is ES4_LR
    assert family("espico") is PICO
    assert family("senswb") is SENSIT
    assert family("mes4lr") is MULTI_LR
    assert family("mes4hr") is MULTI_HR
    assert family("nexus1") is NEXUS
    assert family("nexus9") is None
    assert [family_called(kind.name) for kind in FAMILIES] == list(FAMILIES)
    assert family_called("") is None
    assert family_called("MultiEmStat4 HR, 4 channels") is MULTI_HR


@pytest.mark.parametrize(
    ("kind", "outside_v"), [(PICO, -1.3), (PICO, 2.1), (ES4_LR, 3.1), (ES4_HR, -6.1), (NEXUS, 10.1), (MULTI_LR, -3.1)]
)
def test_potentials_outside_the_instruments_are_refused(kind: Family, outside_v: float) -> None:
    kind.check_potential(outside_v * 0.9)
    with pytest.raises(NotEncodable):
        kind.check_potential(outside_v)


# --- what an instrument says it can do ---

ALL = (1 << 256) - 1


def without(*bits: int) -> int:
    return ALL & ~sum(1 << bit for bit in bits)


@pytest.mark.parametrize(
    ("kind", "version", "cm", "second"),
    [
        (PICO, b"v01.08.00", ALL, "bipot"),
        (PICO, b"", ALL, "bipot"),
        (PICO, b"v01.07.02", ALL, "poly"),
        (PICO, b"v01.09.00", without(104), "poly"),
        (PICO, b"v01.09.00", without(104, 49), "none"),
        (PICO, b"v01.08.00", None, "bipot"),
        (PICO, b"", None, "poly"),
        (SENSIT, b"v01.06.00", without(104, 105), "poly"),
        (ES4_LR, b"", None, "none"),
        (ES4_LR, b"v01.09.00", without(104, 105), "none"),
    ],
)
def test_how_a_second_electrode_is_asked_for(kind: Family, version: bytes, cm: int | None, second: str) -> None:
    assert features(kind, version, None, cm).second == second


def test_capability_bits_are_believed() -> None:
    real = capability_bits(b"CM000000000000000000000000000003FFFFBFE8FFFFFFFFFFFFFFFFFFFFBFFFFE")
    told = capability_bits(b"CC000000000000000000000000000000000000002F0000003FFFFF98FF00000002")
    assert features(MULTI_LR, b"v01.09.00", told, real) == Features("none", looped=True, synchronises=True)
    assert features(ES4_LR, b"", without(98), without(28, 39)).missing == ("Z", "meas_loop_ca", "cell_off")
    assert not features(ES4_LR, b"", None, without(13)).looped
    assert features(ES4_LR, b"", None, None).looped


def test_before_version_1_8_the_second_electrode_is_channel_1_in_mode_5() -> None:
    electrodes = (WE1, replace(WE2, range_a=1e-6))
    lines = script.amperometry(settings(*electrodes), PICO, Features("poly")).split("\n")
    begin = ["set_pgstat_chan 1", "set_pgstat_mode 5", "set_poly_we_mode 0", "set_e 600m", "set_range ba 1160n",
             "set_autoranging ba 1160n 1160n", "set_pgstat_chan 0", "set_pgstat_mode 2"]  # fmt: skip
    at = lines.index(begin[0])
    assert lines[at : at + len(begin)] == begin
    assert "meas_loop_ca p c 600m 100m 43200 poly_we(1 b)" in lines
    assert not any("bipot" in line or "add_meas" in line for line in lines)


def test_an_instrument_without_loops_gets_its_turns_one_behind_the_other() -> None:
    lines = script.amperometry(settings(), ES4_LR, Features(looped=False)).split("\n")
    assert lines.count("meas_loop_ca p c 600m 100m 43200") == lines.count("timer_start") == script.UNROLLED_TURNS
    assert lines.count("cell_on") == lines.count("cell_off") == 1
    assert not any(line.startswith(("loop", "add_var", "store_var", "var i")) for line in lines)


@given(st.integers(10_000, 60_000_000))
def test_a_turn_is_a_whole_number_of_samples_and_of_milliseconds(interval_us: int) -> None:
    count = script.turn_samples(interval_us / 1e6)
    assert count * interval_us % 1000 == 0
    assert count * interval_us <= max(43_200_000_000, 1000 * interval_us)
    lines = script.amperometry(settings(interval_s=interval_us / 1e6), ES4_LR)
    assert f"{count * interval_us // 1000}m" in lines or f" {count * interval_us // 1_000_000}\n" in lines


def test_a_fast_pico_is_not_asked_for_more_bandwidth_than_it_has() -> None:
    fast = settings(replace(WE1, range_a=50e-9), interval_s=0.01)
    assert "set_max_bandwidth 100\n" in script.amperometry(fast, PICO)
    assert "set_max_bandwidth 600\n" in script.amperometry(fast, ES4_LR)


# --- the stream ---


def package(second: float, current: str = "812D644f") -> bytes:
    return b"Peb%07Xm;da80927C0u;ba%s,10,203" % (OFFSET + round(second * 1000), current.encode())


def test_a_hole_in_the_instruments_time_is_a_hole_in_the_index() -> None:
    stream = SampleStream("it", settings(), 1)
    (block,) = stream.feed([b"M0007", package(0.1), package(0.2), package(0.6), package(0.7)], 700_000_000)
    assert block.index.tolist() == [0, 1, 5, 6]
    assert block.t_ns().tolist() == [100_000_000, 200_000_000, 600_000_000, 700_000_000]
    (block,) = stream.feed([package(1.0)], 2_000_000_000)
    assert block.index.tolist() == [9]
    assert block.t0_ns == 100_000_000, "t0 stays"


def test_jitter_of_the_instruments_timer_is_no_hole() -> None:
    stream = SampleStream("it", settings(), 1)
    (block,) = stream.feed([package(0.14), package(0.23), package(0.36), package(0.43)], 0)
    assert block.index.tolist() == [0, 1, 2, 3]


def test_L3_a_doubled_package_is_dropped() -> None:
    stream = SampleStream("it", settings(), 1)
    blocks = stream.feed([package(0.1), package(0.1), package(0.2)], 0) + stream.feed([package(0.2), package(0.3)], 0)
    assert np.concatenate([block.index for block in blocks]).tolist() == [0, 1, 2]


def test_a_broken_package_is_a_hole_and_is_counted() -> None:
    stream = SampleStream("it", settings(), 1)
    (block,) = stream.feed([package(0.1), b"Peb8000\x00C8m;da80927C0u;ba812D644f,10,203", package(0.3)], 0)
    assert block.index.tolist() == [0, 2]
    assert stream.garbled == 1


@pytest.mark.parametrize("wrong_s", [0.5, 5.0, 13000.0])
@pytest.mark.parametrize("broken", [0, 1, 5])
def test_L5_a_broken_digit_in_the_time_costs_at_most_a_third_of_a_second(wrong_s: float, broken: int) -> None:
    stream = SampleStream("it", settings(), 1)
    stream.feed([b"M0007"], 0)
    got: list[int] = []
    for n in range(40):
        received_ns = (n + 1) * 100_000_000
        line = package((n + 1) * 0.1 + (wrong_s if n == broken else 0.0))
        got += [i for block in stream.feed([line], received_ns) for i in block.index.tolist()]
    assert len(set(range(40)) - set(got)) <= 5
    assert max(got) == 39


def test_after_the_host_slept_samples_are_believed_again() -> None:
    stream = SampleStream("it", settings(), 1)
    stream.feed([b"M0007", package(0.1)], 100_000_000)
    blocks = [b for n in range(5) for b in stream.feed([package(600.0 + n * 0.1)], (2 + n) * 100_000_000)]
    assert sum(block.index.size for block in blocks) == 4


@pytest.fixture
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns of 20 s: 200 samples."""
    monkeypatch.setattr(script, "RUN_TIME_S", 20)


def turn(stream: SampleStream, begin_ns: int, *, first: int = 0, last: int = 199, m: bool = True) -> list[SampleBlock]:
    """Feed one turn that begins at ``begin_ns``, a package at a time."""
    blocks = stream.feed([b"M0007"], begin_ns) if m else []
    for n in range(first, last + 1):
        blocks += stream.feed([package((n + 1) * 0.1)], begin_ns + (n + 1) * 100_000_000)
    return blocks


@pytest.mark.usefixtures("short_turns")
@pytest.mark.parametrize("late_s", [0.0, 0.1, -0.1])
def test_a_next_turn_of_the_loop_is_a_next_epoch_that_goes_on_without_a_hole(late_s: float) -> None:
    """However late the host hears of it: the instrument does nothing between two turns."""
    stream = SampleStream("it", settings(), 7)
    turn(stream, 0)
    blocks = stream.feed([b"*"], 20 * NS_PER_S) + turn(stream, 20 * NS_PER_S + round(late_s * 1e9), last=5)
    assert [(block.epoch, block.index.tolist()) for block in blocks] == [(8, [n]) for n in range(6)]
    assert {block.t0_ns for block in blocks} == {20_100_000_000}


@pytest.mark.usefixtures("short_turns")
def test_a_next_turn_whose_first_line_was_lost_is_noticed_by_its_time() -> None:
    stream = SampleStream("it", settings(), 7)
    turn(stream, 0, last=195)
    blocks = turn(stream, 20 * NS_PER_S, first=2, last=9, m=False)
    assert [(block.epoch, block.index.tolist()) for block in blocks] == [(8, [n]) for n in range(2, 10)]
    assert {block.t0_ns for block in blocks} == {20_100_000_000}
    assert stream.garbled == 0


@pytest.mark.usefixtures("short_turns")
@pytest.mark.parametrize("at_s", [3.0, 20.3])
def test_a_doubled_first_line_of_a_turn_begins_nothing(at_s: float) -> None:
    stream = SampleStream("it", settings(), 7)
    turn(stream, 0, last=29 if at_s < 20 else 199)
    if at_s > 20:
        turn(stream, 20 * NS_PER_S, last=2)
    count = stream.epoch
    again = [b"M0007", package(0.1), package(0.2), package(0.3)]
    assert stream.feed(again, round(at_s * 1e9)) == []
    assert stream.epoch == count


@pytest.mark.usefixtures("short_turns")
def test_a_loop_that_somebody_else_ended_early_is_followed_by_one_at_its_own_time() -> None:
    stream = SampleStream("it", settings(), 7)
    turn(stream, 0, last=49)
    stream.feed([b"Y", b"*"], 5_050_000_000)
    blocks = turn(stream, 5_050_000_000, last=5)
    assert {block.epoch for block in blocks} == {8}
    assert blocks[0].t0_ns == 5_150_000_000
    assert stream.others == [b"Y"]


@pytest.mark.parametrize("told", [True, False])
def test_a_timer_that_stood_still_while_halted_is_a_new_epoch_at_the_true_time(told: bool) -> None:
    stream = SampleStream("it", settings(), 7)
    turn(stream, 0, last=49)
    if told:
        stream.feed([b"h"], 5_050_000_000)
        stream.feed([b"H"], 35_050_000_000)
    blocks = turn(stream, 30 * NS_PER_S, first=50, last=149, m=False)
    moved = [block for block in blocks if block.epoch == 8]
    assert len(moved) >= (99 if told else 45)
    assert moved[0].index.tolist() == [0]
    assert all(block.t_ns()[-1] == block.received_ns for block in moved)


def test_a_timer_that_ran_on_while_halted_is_a_hole() -> None:
    stream = SampleStream("it", settings(), 7)
    turn(stream, 0, last=49)
    stream.feed([b"h", b"H"], 35_050_000_000)
    (block, *_rest) = stream.feed([package(35.1)], 35_100_000_000)
    assert (block.epoch, block.index.tolist(), block.t_ns()[-1]) == (7, [350], 35_100_000_000)


def test_a_script_is_over_only_when_its_loop_was() -> None:
    stream = SampleStream("it", settings(), 1)
    stream.feed([b"M0007", package(0.1), b""], 0)
    assert (stream.ended, stream.odd_ends) == (False, 1)
    stream.feed([package(0.2)], 0)
    assert stream.odd_ends == 0, "it was what noise left of a package"
    stream.feed([b"*", b""], 0)
    assert stream.ended


def test_answers_to_somebody_else_are_no_errors_of_the_script() -> None:
    stream = SampleStream("it", settings(), 1)
    stream.feed([b"M0007", b"t!0006", b"Q!0003"], 0)
    assert stream.error is None
    assert stream.others == [b"t!0006", b"Q!0003"]
    stream.feed([b"!0032: Line 16"], 0)
    assert stream.error is not None


def test_the_range_that_a_package_names_is_compared_with_the_one_that_was_set() -> None:
    decoder = PackageDecoder(("eb", "ba", "b[ab]"), (None, NEXUS.range_for(1e-3), PICO.range_for(50e-9)))
    line = b"PebDF5E100n;ba8000000 ,10,2%s;%s8000000 ,14,2%s"
    for metadata, flags in (((b"06", b"bb", b"00"), [0, 0, 4]), ((b"08", b"ba", b"00"), [0, 0, 4]),
                            ((b"09", b"bb", b"01"), [0, 32, 36])):  # fmt: skip
        assert decoder.decode([line % metadata])[1] == [flags]
    assert decoder.decode([b"PebDF5E100n;ba8000000 ,10;bb8000000 ,10"])[1] == [[0, 0, 0]], "it does not say"


def test_a_current_far_beyond_its_range_that_is_not_flagged_is_a_broken_line() -> None:
    decoder = PackageDecoder(("eb", "ba"), (None, ES4_LR.range_for(1e-9)))
    values, _flags, others = decoder.decode([b"PebDF5E100n;ba812D644f,10,203", b"PebDF5E100n;ba812D644m,10,203"])
    assert (len(values), len(others)) == (1, 1)
    values, _flags, _others = decoder.decode([b"PebDF5E100n;ba812D644m,12,203"])
    assert len(values) == 1, "an overload may be anything"


def test_time_steps_of_a_coarser_prefix_make_no_holes() -> None:
    """At 134.217728 s the steps of ``eb`` change from 1 us to 1 ms."""
    lines = [b"Peb%07X%s;da80927C0u;ba8000000 ,10"
             % (OFFSET + round(t * (1e6 if t < 134.2 else 1e3)), b"u" if t < 134.2 else b"m")
             for t in np.arange(1, 3001) * 0.1]  # fmt: skip
    (block,) = SampleStream("it", settings(), 1).feed(lines, 0)
    assert block.index.tolist() == list(range(3000))


def test_flags_and_nan_are_carried() -> None:
    line = b"PebDF5E100n;da80927C0u;ba     nan,12,203;bb8000000 ,18,203"
    (block,) = SampleStream("it", settings(WE1, WE2), 1).feed([line], 0)
    assert np.isnan(block.current_a[0, 0])
    assert block.current_a[0, 1] == 0.0
    assert block.flags.tolist() == [[SampleFlag.NOT_A_NUMBER | SampleFlag.OVERLOAD, SampleFlag.NEAR_LIMIT]]
    assert block.channels == ("glutamate", "sentinel")


def test_time_that_is_not_a_number_is_counted_on() -> None:
    lines = [package(0.1), b"Peb     nan;da80927C0u;ba812D644f,10,203", package(0.3)]
    (block,) = SampleStream("it", settings(), 1).feed(lines, 0)
    assert block.index.tolist() == [0, 1, 2]
