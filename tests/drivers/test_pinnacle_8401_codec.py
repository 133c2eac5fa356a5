"""The pure parts of the 8401-HR driver: packets out of any bytes, places out of a counter, means out of codes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.clock import NS_PER_S
from drivers.errors import NotEncodable
from drivers.pinnacle_8401.codec import Packet, decode, encode, hexadecimal
from drivers.pinnacle_8401.decimator import RAW_PERIOD_NS, WINDOW, Decimator, filter_for
from drivers.pinnacle_8401.digital import EdgeFinder, EdgeKind, InputUse
from drivers.pinnacle_8401.packets import PacketCutter, controls
from drivers.pinnacle_8401.placement import Placer
from sim_devices.firmware.pinnacle_8401.control import packet as simulated_packet

MS = NS_PER_S // 1000


def data_packet(counter: int, digital: int = 0, codes: tuple[int, ...] = (131_072,) * 4) -> bytes:
    """Return a packet as the reference describes it, written once more."""
    word = codes[3] << 54 | codes[2] << 36 | codes[1] << 18 | codes[0]
    covered = b"00B5" + bytes([counter, digital]) + word.to_bytes(9, "big") + bytes(12)
    return b"\x02" + covered + f"{~sum(covered) & 0xFF:02X}".encode() + b"\x03"


CODES = st.tuples(*[st.integers(0, 262_143)] * 4)
PACKETS = st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255), CODES), max_size=8)


@given(PACKETS, st.lists(st.integers(1, 60), max_size=20))
def test_packets_come_out_as_they_went_in_however_they_are_cut(
    sent: list[tuple[int, int, tuple[int, ...]]], cuts: list[int]
) -> None:
    data = b"".join(data_packet(*one) for one in sent)
    edges = [0, *np.cumsum(cuts).tolist(), len(data)]
    cutter = PacketCutter()
    found = [cutter.feed(data[a:b]) for a, b in pairwise(edges) if a < b]
    assert [stretch for _packets, stretches in found for stretch in stretches] == []
    got = [
        (int(c), int(d), tuple(codes.tolist()))
        for packets, _stretches in found
        for c, d, codes in zip(packets.counter, packets.digital, packets.codes, strict=True)
    ]
    assert got == sent


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"\x02", b"\x0200B5", b"\x0200B5\x03\x02"]), max_size=6))
def test_whole_packets_are_found_between_any_garbage(garbage: list[bytes]) -> None:
    sent = [data_packet(number, 255, (2, 3, 0x0303, 0x20202)) for number in range(len(garbage) + 2)]
    data = sent[0] + b"".join(noise + packet for noise, packet in zip(garbage, sent[1:], strict=False)) + sent[-1]
    cutter = PacketCutter()
    packets, beside = cutter.feed(data)
    assert packets.counter.tolist() == list(range(len(sent)))
    assert b"".join(beside) == b"".join(garbage)


@given(st.lists(st.binary(max_size=80), max_size=10))
def test_no_bytes_whatever_break_the_cutter_or_grow_its_memory(pieces: list[bytes]) -> None:
    cutter = PacketCutter()
    given_back = b""
    for piece in pieces:
        packets, beside = cutter.feed(piece)
        assert not packets.counter.size
        given_back += b"".join(beside)
        controls(given_back[-100:])
        assert len(cutter._rest) <= 30
    assert given_back + cutter._rest == b"".join(pieces)


@pytest.mark.parametrize("place", range(31))
def test_a_packet_with_any_one_byte_changed_is_none(place: int) -> None:
    """Bytes of the same sum would pass: that is what an 8-bit checksum is."""
    whole = data_packet(7, 1, (5, 6, 7, 8))
    broken = bytes([*whole[:place], whole[place] ^ 0x41, *whole[place + 1 :]])
    packets, _beside = PacketCutter().feed(data_packet(6) + broken + data_packet(8))
    assert packets.counter.tolist() == [6, 8]


def test_a_packet_that_lacks_a_byte_costs_no_other() -> None:
    data = data_packet(1) + data_packet(2)[:17] + data_packet(2)[18:] + data_packet(3)
    assert PacketCutter().feed(data)[0].counter.tolist() == [1, 3]


def test_control_packets_among_data_are_handed_out_at_once() -> None:
    cutter = PacketCutter()
    _packets, beside = cutter.feed(data_packet(1) + encode(6, "01") + data_packet(2) + b"\x55" + encode(3))
    found = [controls(stretch) for stretch in beside]
    assert found == [([Packet(6, "01")], 0), ([Packet(3)], 1)]


@given(st.integers(0, 0xFFFF), st.lists(st.integers(0, 255), max_size=8))
def test_control_packets_are_the_same_on_both_sides(number: int, values: list[int]) -> None:
    payload = "".join(hexadecimal(value, 2) for value in values)
    raw = encode(number, payload)
    assert raw == simulated_packet(number, *((value, 2) for value in values))
    assert decode(raw) == Packet(number, payload)


@given(st.integers(-32_768, 32_767))
def test_negative_values_are_twos_complement_of_their_width(value: int) -> None:
    assert int.from_bytes(bytes.fromhex(hexadecimal(value, 4)), "big", signed=True) == value


@given(st.binary(max_size=30))
def test_what_is_no_control_packet_is_none(raw: bytes) -> None:
    packet = decode(raw)
    assert packet is None or encode(packet.number, packet.payload) == raw


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(NotEncodable):
        hexadecimal(256, 2)
    with pytest.raises(NotEncodable):
        hexadecimal(-32_769, 4)


# --- places ---


def placed(placer: Placer, numbers: list[int], at_ms: float) -> list[int]:
    """Feed packets by their true numbers; return the true numbers that got a place, checked to be the right one."""
    places, which = placer.place(np.array(numbers, dtype=np.int64) % 256, round(at_ms * MS))
    got: list[int] = places.tolist()
    assert [numbers[at] for at in which] == got
    return got


def fed(until: int) -> Placer:
    """A placer that has seen every packet before ``until``, a hundred at a time, each 0.5 ms, read at once."""
    placer = Placer(RAW_PERIOD_NS)
    for begin in range(0, until, 100):
        numbers = list(range(begin, min(begin + 100, until)))
        assert placed(placer, numbers, (numbers[-1] + 1) / 2) == numbers
    return placer


def test_without_loss_every_packet_has_its_number_through_all_wraps() -> None:
    fed(10_000)


@pytest.mark.parametrize("lost", [1, 5, 63, 64, 100, 128, 200, 254, 255])
def test_up_to_255_lost_packets_are_told_by_the_counter(lost: int) -> None:
    placer = fed(1000)
    numbers = list(range(1000 + lost, 1100 + lost))
    assert placed(placer, numbers, (numbers[-1] + 1) / 2) == numbers


@pytest.mark.parametrize("lost", [257, 300, 511, 513, 1000, 5120, 6000])
@pytest.mark.parametrize("late_ms", [-15, 0, 18, 50, 100])
def test_more_are_told_by_the_clock_of_the_host(lost: int, late_ms: int) -> None:
    placer = fed(1000)
    for at_ms in range(550, 500 + lost // 2, 50):  # somebody looks meanwhile, and finds nothing
        placed(placer, [], at_ms)
    numbers = list(range(1000 + lost, 1100 + lost))
    assert placed(placer, numbers, (numbers[-1] + 1) / 2 + late_ms) == numbers


def test_a_delivery_that_stalls_loses_nothing_and_moves_nothing() -> None:
    """What was read just before the stall was late already; what comes behind it comes all at once."""
    placer = fed(4000)
    assert placed(placer, list(range(4000, 4010)), 2110) == list(range(4000, 4010))
    assert placed(placer, [], 2300) == []
    assert placed(placer, list(range(4010, 4900)), 2500) == list(range(4010, 4900))
    assert placed(placer, list(range(4900, 5200)), 2600) == list(range(4900, 5200))
    assert not placer.out_of_time


def test_a_whole_turn_that_is_lost_unseen_is_noticed_and_the_time_fitted_anew() -> None:
    placer = fed(4000)
    for begin in range(4256, 24_000, 100):
        counter = np.arange(begin, begin + 100, dtype=np.int64) % 256
        placer.place(counter, round((begin + 100) / 2 * MS))
        if placer.out_of_time:
            break
    assert placer.out_of_time
    assert begin <= 4256 + 22_000, "within 11 s"


@pytest.mark.parametrize("ppm", [50, -50])
def test_clocks_that_drift_apart_are_fitted_anew(ppm: int) -> None:
    placer = Placer(RAW_PERIOD_NS)
    placer_period_ms = 0.5 * (1 - ppm * 1e-6)
    for begin in range(0, 10_000_000, 500):
        placer.place(np.arange(begin, begin + 500, dtype=np.int64) % 256, round((begin + 500) * placer_period_ms * MS))
        if placer.out_of_time:
            break
    assert 0.1 <= begin * 0.5e-3 * 50e-6 <= 0.102, "at 100 ms"


def test_packets_behind_a_hole_wait_until_the_clock_can_be_believed() -> None:
    """After a pause of a second the buffer may have been full: what came last in it is old."""
    placer = fed(1000)
    assert placed(placer, [*range(1000, 1400), *range(1700, 2000)], 2500) == list(range(1000, 1400))
    assert placed(placer, [], 2600) == []
    assert placed(placer, list(range(5300, 5400)), 2700) == list(range(5300, 5400))


def test_who_always_reads_late_begins_anew_after_a_hole() -> None:
    placer = fed(1000)
    for begin in range(2100, 12_000, 2000):
        placer.place(np.arange(begin, begin + 2000) % 256, (begin + 2000) // 2 * MS)
        if placer.out_of_time:
            break
    assert 2.5 <= (begin - 1000) / 2000 <= 5, "after 3 s"


def test_a_first_reading_that_comes_late_has_a_time_all_the_same() -> None:
    placer = Placer(RAW_PERIOD_NS)
    placer.place(np.empty(0, dtype=np.int64), 0)
    placer.place(np.arange(1000) % 256, 900 * MS)
    placer.settle()
    assert placer.begun_ns() == 900 * MS - 999 * RAW_PERIOD_NS


def test_what_lies_between_two_holes_that_the_counter_cannot_tell_is_left_out() -> None:
    placer = fed(1000)
    numbers = [*range(1000, 1020), *range(1500, 1520), *range(1900, 1950)]
    assert placed(placer, numbers, 975.0) == [*range(1000, 1020), *range(1900, 1950)]


def test_packets_that_come_twice_have_one_place() -> None:
    placer = fed(1000)
    assert placed(placer, [*range(1000, 1050), *range(1000, 1060)], 530) == list(range(1000, 1060))
    assert placed(placer, list(range(1040, 1060)), 531) == []
    assert placed(placer, list(range(1060, 1100)), 550) == list(range(1060, 1100))


def test_numbering_begins_behind_a_hole_in_the_very_first_reading() -> None:
    placer = Placer(RAW_PERIOD_NS)
    places, which = placer.place(np.array([3, 4, 9, 10, 11]), 5 * MS)
    assert (places.tolist(), which.tolist()) == ([0, 1, 2], [2, 3, 4])


@given(st.lists(st.lists(st.integers(0, 255), max_size=12), max_size=12), st.lists(st.integers(0, 900), max_size=12))
def test_places_always_rise_whatever_the_counter_does(blocks: list[list[int]], pauses_ms: list[int]) -> None:
    placer = Placer(RAW_PERIOD_NS)
    at_ms, last = 0, -1
    for block, pause_ms in zip(blocks, pauses_ms, strict=False):
        at_ms += pause_ms
        places, which = placer.place(np.array(block, dtype=np.int64), at_ms * MS)
        assert places.size == which.size
        rising = np.concatenate(([last], places))
        assert np.all(np.diff(rising) >= 1)
        assert np.all(np.diff(which) >= 1)
        last = int(rising[-1])


# --- means ---


@pytest.mark.parametrize(
    ("interval_s", "every", "window"),
    [(0.01, 20, 200), (0.0125, 25, 200), (0.02, 40, 200), (0.025, 50, 200), (0.05, 100, 200), (0.1, 200, 200),
     (0.2, 400, 400), (1.0, 2000, 2000)],
)  # fmt: skip
def test_every_interval_has_a_window_of_whole_mains_periods(interval_s: float, every: int, window: int) -> None:
    used = filter_for(interval_s)
    assert (used.every, used.window) == (every, window)
    assert window % 40 == 0, "whole periods of 50 Hz"
    assert window * 60 % 2000 == 0, "whole periods of 60 Hz"
    assert used.delay_ns == (window - 1) * 250_000


@pytest.mark.parametrize("interval_s", [0.0, -0.1, 0.005, 0.03, 0.15, 0.1003, 1.1, 10.0, float("nan"), float("inf")])
def test_other_intervals_are_refused(interval_s: float) -> None:
    with pytest.raises(NotEncodable, match="null the mains"):
        filter_for(interval_s)


@given(
    st.sampled_from([0.01, 0.025, 0.1, 0.2]),
    st.sets(st.integers(0, 1999), max_size=5),
    st.lists(st.integers(1, 700), max_size=12),
    st.integers(0, 2**32 - 1),
)
def test_means_are_those_of_whole_windows_and_of_nothing_else(
    interval_s: float, lost: set[int], cuts: list[int], seed: int
) -> None:
    used = filter_for(interval_s)
    codes = np.random.default_rng(seed).integers(0, 262_144, (2000, 2))
    have = np.array([number for number in range(2000) if number not in lost])
    decimator = Decimator(used, 2)
    parts = [decimator.feed(part, codes[part]) for part in np.split(have, np.cumsum(cuts))]
    places = np.concatenate([part[0] for part in parts]).tolist()
    sums = np.concatenate([part[1] for part in parts]).tolist()
    railed = np.concatenate([part[2] for part in parts]).tolist()
    expected = []
    for place in range((2000 - used.window) // used.every + 1):
        window = range(place * used.every, place * used.every + used.window)
        if not lost & set(window):
            part = codes[window.start : window.stop]
            rails = ((part <= 8) | (part >= 262_135)).any(axis=0).tolist()
            expected.append((place, part.sum(axis=0).tolist(), rails))
    got = list(zip(places, sums, railed, strict=True))
    assert got == expected[: len(got)]
    assert all(entry[0] * used.every + used.window > max(have) - used.every for entry in expected[len(got) :])


def response(frequency_hz: float, interval_s: float) -> float:
    """Return the largest output for a wave of amplitude 1."""
    used = filter_for(interval_s)
    wave = np.sin(2 * np.pi * frequency_hz * np.arange(40_000) / 2000 + 0.3)
    codes = np.rint(1e5 + 1e5 * wave).astype(np.int64)[:, None]
    _places, sums, _railed = Decimator(used, 1).feed(np.arange(40_000), codes)
    return float(np.abs(sums / used.window / 1e5 - 1.0).max())


@pytest.mark.parametrize("interval_s", [0.01, 0.02, 0.05, 0.1, 0.3])
@pytest.mark.parametrize("mains_hz", [50, 60, 100, 120, 150, 180, 250, 300])
def test_mains_and_its_harmonics_are_nulled_at_every_output_rate(mains_hz: int, interval_s: float) -> None:
    assert response(mains_hz, interval_s) < 1e-5


@pytest.mark.parametrize(("hz", "low_db", "high_db"), [(50.05, -62, -58), (50.5, -42, -38), (4.43, -3.2, -2.8)])
def test_the_filter_is_as_documented(hz: float, low_db: float, high_db: float) -> None:
    assert low_db < 20 * np.log10(response(hz, 0.01)) < high_db


@pytest.mark.parametrize(
    ("code", "flagged"), [(0, True), (8, True), (9, False), (262_134, False), (262_135, True), (262_143, True)]
)
def test_one_raw_sample_at_the_rail_flags_every_window_it_is_in(code: int, flagged: bool) -> None:
    codes = np.full((2000, 1), 131_072)
    codes[1000] = code
    places, _sums, railed = Decimator(filter_for(0.05), 1).feed(np.arange(2000), codes)
    assert places[railed[:, 0]].tolist() == ([9, 10] if flagged else [])
    assert WINDOW == 200


# --- digital inputs ---


def edges_of(states: list[int], **names: str | InputUse) -> list[tuple[int, str, bool]]:
    finder = EdgeFinder({pin: InputUse(use) if isinstance(use, str) else use for pin, use in names.items()})
    t_ns: NDArray[np.int64] = np.arange(len(states)) * RAW_PERIOD_NS
    half = len(states) // 2
    found = finder.feed(t_ns[:half], np.array(states[:half], np.uint8))
    found += finder.feed(t_ns[half:], np.array(states[half:], np.uint8))
    return [(edge.t_ns, edge.input, edge.is_high) for edge in found]


def test_each_change_of_a_named_input_is_one_edge_at_its_packet() -> None:
    states = [0xFF, 0xFF, 0xFE, 0xFE, 0xFF, 0xBE]
    assert edges_of(states, ext1="door", ttl1="stimulus") == [
        (2 * RAW_PERIOD_NS, "stimulus", False),
        (4 * RAW_PERIOD_NS, "stimulus", True),
        (5 * RAW_PERIOD_NS, "door", False),
        (5 * RAW_PERIOD_NS, "stimulus", False),
    ]


@pytest.mark.parametrize(("edge", "at"), [("both", [1, 2, 3]), ("rising", [2]), ("falling", [1, 3])])
def test_only_the_edges_that_the_rig_wants_are_reported(edge: EdgeKind, at: list[int]) -> None:
    found = edges_of([1, 0, 1, 0], ttl1=InputUse("stimulus", edge))
    assert [t_ns // RAW_PERIOD_NS for t_ns, _label, _high in found] == at


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_bouncing_contact_is_one_edge_at_its_first_touch_wherever_it_is_cut(cut: int) -> None:
    use = InputUse("lever", debounce_ns=2 * RAW_PERIOD_NS)
    states = np.array([0, 1, 0, 1, 1, 1, 1, 0, 1, 1, 0, 0, 0], np.uint8)
    t_ns: NDArray[np.int64] = np.arange(states.size) * RAW_PERIOD_NS
    finder = EdgeFinder({"ttl1": use})
    found = finder.feed(t_ns[:cut], states[:cut]) + finder.feed(t_ns[cut:], states[cut:])
    assert [(edge.t_ns // RAW_PERIOD_NS, edge.is_high) for edge in found] == [(3, True), (10, False)]


def test_inputs_without_a_name_are_not_reported() -> None:
    assert edges_of([0, 255, 0, 255]) == []
    assert [name for _t, name, _high in edges_of([0, 255], ttl4="one", ext0="other")] == ["one", "other"]
