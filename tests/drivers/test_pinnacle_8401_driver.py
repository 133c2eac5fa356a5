"""The 8401-HR driver: what it refuses, what a bad line or a restart does to it, what it tells of its samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from drivers.capabilities import (
    AmperometrySettings,
    Described,
    DigitalInputs,
    DriverOptions,
    ElectrodeSettings,
    OptionValue,
    SampleBlock,
    SampleFlag,
)
from drivers.clock import NS_PER_S
from drivers.errors import (
    DeviceRefused,
    DeviceReset,
    DriverError,
    GarbledReply,
    NotEncodable,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.pinnacle_8401 import PinnaclePotentiostat, build
from drivers.pinnacle_8401.codec import encode
from drivers.pinnacle_8401.preamps import PREAMPS, PROGRAMS, Input
from drivers.pinnacle_8401.settings import parse_options
from tests.drivers.kit import MS, URL, ScriptedLine, step
from tests.drivers.test_any_bytes import NonsenseLine
from tests.drivers.test_compliance_pinnacle_8401 import FOUR, TWO, Cell, PinnacleSetUp

SETTINGS = AmperometrySettings(0.6, 0.1, TWO)
START, STOP = encode(6, "01"), encode(6, "00")


def measuring(bench: PinnacleSetUp) -> PinnaclePotentiostat:
    instrument = bench.driver()
    instrument.connect()
    instrument.start(bench.settings())
    return instrument


def read_for(bench: PinnacleSetUp, instrument: PinnaclePotentiostat, seconds: float) -> list[SampleBlock]:
    end_ns = bench.clock.now_ns() + round(seconds * NS_PER_S)
    blocks = []
    while bench.clock.now_ns() < end_ns:
        blocks += instrument.read(0.1)
    return blocks


def indexes(blocks: list[SampleBlock]) -> list[int]:
    return [number for block in blocks for number in block.index.tolist()]


def until_error(bench: PinnacleSetUp, instrument: PinnaclePotentiostat, seconds: float = 10.0) -> DriverError:
    with pytest.raises(DriverError) as caught:
        read_for(bench, instrument, seconds)
    return caught.value


# --- settings ---


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (replace(SETTINGS, potential_v=2.048), "reaches from"),
        (replace(SETTINGS, potential_v=float("inf")), "reaches from"),
        (replace(SETTINGS, interval_s=0.03), "null the mains"),
        (replace(SETTINGS, electrodes=(ElectrodeSettings("x", "we1", 1e-9),)), "no electrode 'we1'"),
        (replace(SETTINGS, electrodes=(TWO[0], replace(TWO[0], channel="y"))), "used twice"),
        (replace(SETTINGS, electrodes=(replace(TWO[0], range_a=140e-9),)), r"up to 131\.5 nA"),
        (replace(SETTINGS, electrodes=(replace(TWO[0], range_a=float("nan")),)), r"up to 131\.5 nA"),
        (replace(SETTINGS, electrodes=(replace(TWO[0], options={"transimpedance": "big"}),)), "V/A"),
        (replace(SETTINGS, electrodes=(replace(TWO[0], options={"transimpedance": True}),)), "V/A"),
        (replace(SETTINGS, electrodes=(replace(TWO[0], options={"transimpedance": 15.57}),)), "V/A"),
        (replace(SETTINGS, electrodes=(replace(TWO[0], options={"invert": "yes"}),)), "true or false"),
        (replace(SETTINGS, electrodes=(replace(TWO[0], options={"gain": 5}),)), "no setting gain"),
        (replace(SETTINGS, electrodes=(replace(TWO[0], electrode="c"),)), "is for unused"),
    ],
)
def test_what_it_cannot_do_is_refused(settings: AmperometrySettings, match: str) -> None:
    with pytest.raises(NotEncodable, match=match):
        PinnacleSetUp().driver().checked(settings)


@pytest.mark.parametrize(
    "options",
    [{"preamp": "8206"}, {"preamp": 7052}, {"ttl1": ""}, {"ttl1": 5}, {"ttl1": "x" * 41}, {"ttl1": "a", "ttl2": "a"},
     {"ext0": "a\nb"}, {"ttl1_edge": "rising"}, {"ttl1": "a", "ttl1_edge": "up"}, {"ttl1": "a", "ttl1_debounce_ms": -1},
     {"ttl1": "a", "ttl1_debounce_ms": True}, {"ttl1": "a", "ttl1_debounce_ms": 1001}],
)  # fmt: skip
def test_bad_options_are_refused_when_the_driver_is_built(options: dict[str, OptionValue]) -> None:
    with pytest.raises(NotEncodable):
        parse_options(options)


def test_without_a_preamplifier_nothing_is_measured() -> None:
    bench = PinnacleSetUp(settings_of_rig={})
    instrument = bench.driver()
    instrument.connect()
    with pytest.raises(NotEncodable, match="which preamplifier"):
        instrument.start(SETTINGS)
    assert not bench.cell_on()


@pytest.mark.parametrize("potential_v", [0.6, 0.7, 0.65001, -0.6, 0.0, 2.0479])
def test_the_potential_in_force_is_told_to_the_step(potential_v: float) -> None:
    checked = PinnacleSetUp().driver().checked(replace(SETTINGS, potential_v=potential_v))
    assert abs(checked.potential_v - potential_v) <= 31.25e-6
    assert checked.potential_v / 62.5e-6 == pytest.approx(round(checked.potential_v / 62.5e-6), abs=1e-9)
    assert PinnacleSetUp().driver().checked(checked) == checked


def test_the_table_of_preamplifiers_is_complete() -> None:
    for name, inputs in PREAMPS.items():
        assert len(inputs) == 4
        assert inputs[0].is_polarised, "most preamplifiers use the bias of channel A for all"
        assert any(one.is_biosensor for one in inputs), name
    assert set(PROGRAMS) == set(Input)


def test_an_input_of_another_kind_is_a_biosensor_only_if_the_rig_insists() -> None:
    rig: dict[str, OptionValue] = {"preamp": "8407-SL-2BIO"}
    on_b = (replace(TWO[1], options={"biosensor": True}),)
    with pytest.raises(NotEncodable, match="input b of a 8407-SL-2BIO is for EEG"):
        PinnacleSetUp(settings_of_rig=rig).driver().checked(replace(SETTINGS, electrodes=TWO[1:]))
    bench = PinnacleSetUp({"wiring": "biased"}, on_b, settings_of_rig=rig)
    blocks = read_for(bench, measuring(bench), 1.0)
    assert blocks[-1].current_a[-1, 0] == pytest.approx(-35e-12, abs=5e-12)


@pytest.mark.parametrize(("preamp", "electrode", "options"), [
    ("8406-SL", "a", {}), ("8407-SL-2BIO", "d", {}), ("8406-1BIO1OX", "b", {}), ("8407-SE3", "a", {}),
])  # fmt: skip
def test_the_bias_is_on_channel_a_and_on_every_sensor(
    preamp: str, electrode: str, options: dict[str, OptionValue]
) -> None:
    """Sensors carry the bias of channel A, each channel subtracts its own: unequal ones would be a current."""
    cell = Cell((2e-9,) * 4)
    bench = PinnacleSetUp({"wiring": "biased"}, (ElectrodeSettings("x", electrode, 50e-9, options),), cell=cell)
    bench.settings_of_rig = {"preamp": preamp}
    blocks = read_for(bench, measuring(bench), 1.0)
    assert cell.on
    assert cell.potential_v == pytest.approx(0.6)
    assert blocks[-1].current_a[-1, 0] == pytest.approx(2e-9, abs=5e-12)


def test_transimpedance_and_sign_are_those_of_the_channel() -> None:
    electrodes = (
        replace(TWO[0], options={"transimpedance": 14_940_000, "invert": True}),
        replace(TWO[1], options={"invert": True}),
    )
    bench = PinnacleSetUp({"transimpedance": "14.94e6", "anodic_negative": "1"}, electrodes)
    instrument = measuring(bench)
    last = read_for(bench, instrument, 1.0)[-1].current_a[-1]
    assert last[0] == pytest.approx(1.2345e-9, abs=1e-12)
    assert last[1] == pytest.approx(-35e-12 * 14.94 / 15.57, abs=1e-12), "4.2 % less: it was told the default"
    assert instrument.facts()["glutamate.transimpedance_v_per_a"] == 14_940_000.0
    assert instrument.facts()["glutamate.sign"] == -1


# --- what it tells ---


def test_it_describes_itself_and_its_inputs() -> None:
    bench = PinnacleSetUp({"silent_sets": "1", "ext0": "1234"}, interval_s=0.02)
    instrument = measuring(bench)
    assert isinstance(instrument, Described)
    assert isinstance(instrument, DigitalInputs)
    facts = instrument.facts()
    assert facts["filter_raw_samples"] == 200
    assert facts["filter_every_raw_samples"] == 40
    assert facts["preamp_id_ext0"] == 1234
    assert facts["bias_dac_count"] == 9600
    assert facts["settings_without_echo"] == 23, "rate, mux, five of each channel, inputs"


def test_edges_have_the_time_of_their_packet() -> None:
    bench = PinnacleSetUp({"ttl1_every_s": "1.5", "ttl1_high_ms": "250"})
    bench.settings_of_rig |= {"ttl1": "stimulus"}
    instrument = measuring(bench)
    begun_ns = bench.line.firmware._stream.begun_ns  # type: ignore[attr-defined] # the truth
    read_for(bench, instrument, 5.0)
    edges = instrument.edges()
    assert [edge.is_high for edge in edges] == [False, True, False, True, False, True, False]
    off_ns = [
        edge.t_ns - begun_ns - NS_PER_S * at // 4 for edge, at in zip(edges, (1, 6, 7, 12, 13, 18, 19), strict=True)
    ]
    assert max(off_ns) - min(off_ns) == 0
    assert abs(off_ns[0]) <= 6 * MS, "as well as the first reading tells"
    assert instrument.edges() == []


def test_the_rig_chooses_edges_and_debounces_them() -> None:
    bench = PinnacleSetUp({"ttl1_every_s": "1", "ttl1_high_ms": "50"})
    bench.settings_of_rig |= {"ttl1": "lever", "ttl1_edge": "rising"}
    instrument = measuring(bench)
    read_for(bench, instrument, 3.5)
    assert [edge.is_high for edge in instrument.edges()] == [True] * 3
    bench.settings_of_rig |= {"ttl1_debounce_ms": 60.5}
    instrument = measuring(bench)
    read_for(bench, instrument, 3.5)
    assert instrument.edges() == [], "50 ms are not long enough"


def test_edges_found_before_an_error_are_handed_out() -> None:
    bench = PinnacleSetUp({"ttl1_every_s": "1", "ttl1_high_ms": "50"})
    bench.settings_of_rig |= {"ttl1": "stimulus"}
    instrument = measuring(bench)
    read_for(bench, instrument, 1.5)
    bench.line.firmware.power_off(bench.clock.now_ns())
    bench.line.firmware.power_on(bench.clock.now_ns())
    until_error(bench, instrument)
    assert len(instrument.edges()) == 3


@pytest.mark.parametrize(("current_a", "railed"), [(130e-9, False), (131.53e-9, True), (-131.53e-9, True), (1.0, True)])
def test_a_converter_at_its_rail_is_an_overload(current_a: float, railed: bool) -> None:
    bench = PinnacleSetUp({"noise_lsb": "0"}, cell=Cell((current_a, 0.0, 0.0, 0.0)))
    block = read_for(bench, measuring(bench), 1.0)[-1]
    assert block.flags[0].tolist() == [SampleFlag.OVERLOAD if railed else 0, 0]


# --- who is there ---


def test_a_stream_of_a_program_that_died_is_ended_and_its_bias_left() -> None:
    bench = PinnacleSetUp()
    measuring(bench).close()
    sent = len(bench.line.sent)
    bench.driver().connect()
    assert bench.cell_on()
    assert bench.line.sent[sent:] == [STOP, encode(8), encode(12)]


def test_another_port_hears_one_question_three_times_and_nothing_else() -> None:
    line = ScriptedLine([step(encode(8))] * 3)
    with pytest.raises(ReplyTimeout, match="no 8401-HR answers"):
        build(line, URL, line.clock, DriverOptions("it")).connect()
    line.done()


@pytest.mark.parametrize("answer", [encode(8, "30"), encode(8, "0001"), b"0S?\x03", encode(1)])
def test_what_is_no_8401_is_told_apart(answer: bytes) -> None:
    line = ScriptedLine([step(encode(8), answer)] + [step(encode(8), answer)] * 2 * (answer[0] != 2))
    with pytest.raises((WrongInstrument, ReplyTimeout)):
        build(line, URL, line.clock, DriverOptions("it")).connect()
    line.done()


def test_a_restart_while_it_is_asked_who_it_is_does_no_harm() -> None:
    line = ScriptedLine(
        [step(encode(8), encode(3)), step(encode(8), encode(8, "31")), step(encode(12), encode(12, "31300041"))]
    )
    assert build(line, URL, line.clock, DriverOptions("it")).connect().firmware == "1.0.10"
    line.done()


# --- a line that lies ---


def lose(number: int, times: int) -> Callable[[bytes], bytes]:
    """Lose the packets of one command on their way to the instrument."""
    left = [times]

    def act(data: bytes) -> bytes:
        if data[1:5] == b"%04X" % number and left[0]:
            left[0] -= 1
            return b""
        return data

    return act


def test_a_lost_setting_is_written_again() -> None:
    bench = PinnacleSetUp()
    bench.line.to_device = lose(113, 2)
    instrument = measuring(bench)
    assert bench.cell.potential_v == pytest.approx(0.6)
    assert instrument.facts()["settings_without_echo"] == 0


def test_a_setting_that_is_not_held_is_an_error_and_the_bias_is_taken_away() -> None:
    bench = PinnacleSetUp()
    bench.line.to_device = lambda data: encode(103, "0002") if data == encode(103, "0003") else data
    instrument = bench.driver()
    instrument.connect()
    with pytest.raises(ReadbackMismatch, match="high-pass of channel a reads back as 02 instead of 03"):
        instrument.start(SETTINGS)
    assert not bench.cell_on()


def test_a_refused_setting_is_said_and_the_bias_is_taken_away() -> None:
    bench = PinnacleSetUp()
    bench.line.to_device = lambda data: encode(99) if data[1:5] == b"0084" else data
    instrument = bench.driver()
    instrument.connect()
    with pytest.raises(DeviceRefused, match="does not know this"):
        instrument.start(SETTINGS)
    assert not bench.cell_on()


def test_a_stream_that_does_not_begin_is_an_error_and_the_start_is_not_repeated() -> None:
    bench = PinnacleSetUp()
    bench.line.to_device = lambda data: b"" if data == START else data
    instrument = bench.driver()
    instrument.connect()
    with pytest.raises(ReplyTimeout, match="sends nothing"):
        instrument.start(SETTINGS)
    assert bench.line.sent.count(START) == 1
    assert not bench.cell_on()


def test_a_stop_that_is_not_confirmed_says_so() -> None:
    bench = PinnacleSetUp()
    instrument = measuring(bench)
    bench.line.to_device = lambda data: b"" if data[1:5] == b"0071" else data
    with pytest.raises(ReplyTimeout, match="MAY STILL BE UNDER POTENTIAL"):
        instrument.stop()
    assert bench.cell_on()


def test_a_lost_stop_is_repeated() -> None:
    bench = PinnacleSetUp()
    instrument = measuring(bench)
    bench.line.to_device = lose(6, 2)
    instrument.stop()
    assert not bench.cell_on()


def test_a_stream_that_cannot_be_stopped_is_an_error_within_a_minute() -> None:
    bench = PinnacleSetUp()
    instrument = measuring(bench)
    bench.line.to_device = lose(6, 1000)
    before_ns = bench.clock.now_ns()
    with pytest.raises(ReplyTimeout, match="data still come"):
        instrument.stop()
    assert bench.clock.now_ns() - before_ns < 60 * NS_PER_S


def test_a_restart_is_a_reset_error_and_a_new_start_a_new_epoch_with_its_bias() -> None:
    bench = PinnacleSetUp()
    instrument = measuring(bench)
    before = read_for(bench, instrument, 2.0)
    bench.line.firmware.power_off(bench.clock.now_ns())
    bench.clock.jump_ns(NS_PER_S)
    bench.line.firmware.power_on(bench.clock.now_ns())
    error = until_error(bench, instrument)
    assert isinstance(error, DeviceReset)
    assert "THE BIAS IS GONE" in error.message
    with pytest.raises(DeviceRefused, match="no measurement runs"):
        instrument.read(0.1)
    assert not bench.cell_on()
    instrument.start(SETTINGS)
    assert bench.cell_on()
    assert bench.cell.potential_v == pytest.approx(0.6)
    after = read_for(bench, instrument, 1.0)
    assert after[0].epoch == before[-1].epoch + 1
    assert after[0].index[0] == 0


def test_silence_is_an_error_after_three_seconds_and_bridged_before() -> None:
    bench = PinnacleSetUp()
    instrument = measuring(bench)
    first = read_for(bench, instrument, 2.0)
    bench.line.from_device = lambda _data: []
    nothing = read_for(bench, instrument, 2.5)
    bench.line.from_device = lambda data: [(0.0, data)]
    again = read_for(bench, instrument, 2.0)
    found = np.array(indexes(first + nothing + again))
    steps = np.diff(found)
    assert sorted(steps.tolist())[-2] == 1
    assert 25 <= steps.max() <= 28, "one gap, of the time that was silent"
    assert (bench.clock.now_ns() - again[-1].t_ns()[-1]) / MS < 200, "the grid of time goes on unmoved"
    bench.line.from_device = lambda _data: []
    before_ns = bench.clock.now_ns()
    assert isinstance(until_error(bench, instrument), ReplyTimeout)
    assert 3.0 <= (bench.clock.now_ns() - before_ns) / NS_PER_S <= 3.5


def test_garbage_without_end_is_an_error() -> None:
    bench = PinnacleSetUp()
    instrument = measuring(bench)
    bench.line.from_device = lambda data: [(0.0, b"\x02" * len(data))]
    assert isinstance(until_error(bench, instrument), GarbledReply)


@pytest.mark.parametrize("share", ["lost_packets", "broken_packets"])
def test_lost_and_broken_packets_are_gaps_at_their_place_and_nowhere_else(share: str) -> None:
    bench = PinnacleSetUp({share: "0.002", "noise_lsb": "0"}, FOUR, settings_of_rig={"preamp": "7052"})
    blocks = read_for(bench, measuring(bench), 30.0)
    found = indexes(blocks)
    assert 100 < len(found) < 290, "a third of the windows lacks a packet"
    assert np.all(np.diff(found) >= 1)
    assert {block.epoch for block in blocks} == {1}
    values = np.concatenate([block.current_a for block in blocks])
    assert np.ptp(values, axis=0).max() == 0.0, "no other value ever"
    assert abs(found[-1] - 300) <= 3


def test_a_stream_that_is_delivered_late_loses_nothing() -> None:
    bench = PinnacleSetUp()
    instrument = measuring(bench)
    bench.line.from_device = lambda data: [(0.055, data)]
    assert np.all(np.diff(indexes(read_for(bench, instrument, 10.0))) == 1)


@pytest.mark.parametrize("ppm", ["500", "-500"])
def test_a_clock_that_drifts_is_fitted_anew_without_a_hole(ppm: str) -> None:
    bench = PinnacleSetUp({"clock_ppm": ppm, "burst_ms": "50"})
    instrument = measuring(bench)
    end_ns = bench.clock.now_ns() + 300 * NS_PER_S
    blocks = []
    while bench.clock.now_ns() < end_ns:
        bench.clock.sleep_until_ns(instrument.next_read_ns())
        blocks += instrument.read(0.0)
    assert [block.epoch for block in (blocks[0], blocks[-1])] == [1, 2]
    t_ns = np.concatenate([block.t_ns() for block in blocks])
    assert t_ns.size == pytest.approx(3000, abs=5)
    age_ms = np.array([(block.received_ns - block.t_ns()[-1]) / MS for block in blocks])
    assert age_ms.min() > -80
    assert age_ms.max() < 450


@pytest.mark.parametrize("seed", range(6))
def test_any_bytes_end_in_an_error_of_its_own_in_bounded_time(seed: int) -> None:
    line = NonsenseLine(np.random.default_rng(seed))
    instrument = build(line, URL, line.clock, DriverOptions("it", settings={"preamp": "8407-2BIO"}))

    def use() -> None:
        instrument.connect()
        instrument.start(SETTINGS)
        for _turn in range(50):
            instrument.read(0.1)

    with pytest.raises(DriverError):
        use()
    with pytest.raises(DriverError):
        instrument.stop()
    assert line.clock.now_ns() < 200 * NS_PER_S
