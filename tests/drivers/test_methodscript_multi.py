"""A MultiEmStat4 as one instrument: who is behind which port, one that fails, crystals that drift apart, safe ends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from drivers.capabilities import DriverOptions, ElectrodeSettings, SampleBlock, SampleFlag
from drivers.clock import NS_PER_S, VirtualClock
from drivers.errors import DeviceRefused, DriverError, NotEncodable, PortLost, WrongInstrument
from drivers.methodscript import MultiScriptPotentiostat, build, script
from drivers.methodscript.merge import Merger
from tests.drivers.kit import URL, ScriptedLine
from tests.drivers.test_compliance_methodscript import EmStatSetUp, MultiSetUp

S = NS_PER_S


def measuring(bench: MultiSetUp) -> MultiScriptPotentiostat:
    instrument = bench.driver()
    instrument.connect()
    instrument.start(bench.settings())
    return instrument


def read_for(
    bench: MultiSetUp, instrument: MultiScriptPotentiostat, seconds: float, every_s: float = 0.1
) -> list[SampleBlock]:
    """Read as the engine does, ten times a second in real time, once a second in a rehearsal."""
    end_ns = bench.clock.now_ns() + round(seconds * S)
    blocks: list[SampleBlock] = []
    while bench.clock.now_ns() < end_ns:
        bench.clock.sleep_until_ns(bench.clock.now_ns() + round(every_s * S))
        blocks += instrument.read(0.0)
    return blocks


def joined(blocks: list[SampleBlock]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    index = np.concatenate([block.index for block in blocks])
    flags = np.concatenate([block.flags for block in blocks])
    current_a = np.concatenate([block.current_a for block in blocks])
    assert np.all(np.diff(index) > 0)
    assert len({(block.epoch, block.t0_ns) for block in blocks}) == 1
    assert np.array_equal(np.isnan(current_a), flags & SampleFlag.NOT_A_NUMBER > 0)
    return index, current_a, flags


# --- who is behind which port ---


@pytest.mark.parametrize("order", [(1, 2, 3, 4), (3, 1, 4, 2)])
def test_whatever_the_order_of_the_cables_each_channel_is_the_one_of_its_number(order: tuple[int, ...]) -> None:
    bench = MultiSetUp(order=order)
    instrument = bench.driver()
    identity = instrument.connect()
    assert identity.model == "MultiEmStat4 LR, 4 channels"
    assert identity.serial_number == "MES4LR22C0001 CH001+CH002+CH003+CH004"
    instrument.start(bench.settings())
    _index, current_a, _flags = joined(read_for(bench, instrument, 3.0))
    assert current_a.mean(axis=0) == pytest.approx([1.2345e-9 * n for n in (1, 2, 3, 4)], rel=1e-3)
    facts = instrument.facts()
    assert facts["site-3.port"] == bench.urls[order.index(3)]
    assert facts["site-3.instrument_channel"] == 3


def test_some_channels_of_an_instrument_are_counted_from_the_lowest() -> None:
    bench = MultiSetUp(order=(2, 1))
    swap(bench, 0, model="mes4lr", channel="6")
    instrument = bench.driver()
    assert instrument.connect().serial_number == "MES4LR22C0001 CH001+CH006"
    assert instrument.start(bench.settings())
    assert instrument.facts()["site-2.instrument_channel"] == 6


def swap(bench: MultiSetUp, port: int, **options: str) -> None:
    other = EmStatSetUp(options, ())
    other.line.clock = bench.clock
    bench.ports.lines[bench.urls[port]] = other.line


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"model": "mes4lr", "channel": "2", "serial_number": "MES4LR22C0099"}, "different instruments"),
        ({"model": "mes4hr", "channel": "2"}, "different instruments"),
        ({"model": "mes4lr", "channel": "1"}, "do not fit together"),
        ({"model": "es4lr"}, "no channel of a MultiEmStat4"),
    ],
)
def test_ports_that_do_not_belong_together_are_refused(options: dict[str, str], why: str) -> None:
    bench = MultiSetUp()
    swap(bench, 1, **options)
    with pytest.raises(WrongInstrument, match=why):
        bench.driver().connect()
    assert not bench.cell_on()


def test_a_port_that_is_missing_at_the_start_is_named_and_the_others_are_released() -> None:
    bench = MultiSetUp()
    bench.line(3).plugged = False
    with pytest.raises(DriverError, match="port2"):
        bench.driver().connect()


@pytest.mark.parametrize(
    "electrodes", [("we1",), ("ch1",), ("ch1", "ch2", "ch3", "ch5"), ("ch1", "ch1", "ch2", "ch3"), ()]
)
def test_electrodes_that_the_ports_do_not_have_are_refused_at_planning(electrodes: tuple[str, ...]) -> None:
    bench = MultiSetUp()
    used = tuple(ElectrodeSettings(f"c{n}", name, 1e-9) for n, name in enumerate(electrodes))
    settings = type(bench.settings())(0.6, 0.1, used)
    with pytest.raises(NotEncodable, match="ch1, ch2, ch3, ch4"):
        bench.driver().checked(settings)
    with pytest.raises(NotEncodable, match="we1 and we2"):
        EmStatSetUp({}, ()).driver().checked(bench.settings())


def test_settings_of_several_ports_are_refused_where_they_do_not_fit() -> None:
    for url, wrong in ((URL, True), ("a b", "yes")):
        with pytest.raises(NotEncodable, match="channel_sync"):
            build(ScriptedLine([]), url, VirtualClock(), DriverOptions("it", settings={"channel_sync": wrong}))
    bench = MultiSetUp(order=(2, 1), settings_options={"channel_sync": True}, options={"capabilities": "0"})
    instrument = bench.driver()
    instrument.connect()
    with pytest.raises(NotEncodable, match="channel_sync"):
        instrument.start(bench.settings())
    assert not bench.cell_on()


# --- one fails, the others go on ---


def unplug(bench: MultiSetUp) -> None:
    bench.line(2).plugged = False


def reset(bench: MultiSetUp) -> None:
    bench.line(2).firmware.power_off(bench.clock.now_ns())
    bench.line(2).firmware.power_on(bench.clock.now_ns())


def halt(bench: MultiSetUp) -> None:
    bench.line(2).firmware.receive(b"h\n", bench.clock.now_ns())


def abort(bench: MultiSetUp) -> None:
    bench.line(2).firmware.receive(b"Z\n", bench.clock.now_ns())


def babble(bench: MultiSetUp) -> None:
    bench.line(2).from_device = lambda _data: [(0.0, b"\xff\xfe\n" * 60)]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [(unplug, "unplugged"), (reset, "reset or lost its power"), (halt, "sends nothing"), (abort, "aborted"),
     (babble, "not data any more")],
)  # fmt: skip
def test_one_channel_that_fails_is_told_and_the_others_lose_nothing(
    spoil: Callable[[MultiSetUp], None], why: str
) -> None:
    bench = MultiSetUp()
    instrument = measuring(bench)
    blocks = read_for(bench, instrument, 5.0)
    spoil(bench)
    told: list[str] = []
    for _second in range(20):
        blocks += read_for(bench, instrument, 1.0)
        told += instrument.troubles().values()
    assert any(why in text for text in told), told
    assert set(instrument.troubles()) <= {"site-2"}
    bench.line(2).plugged = True
    bench.line(2).from_device = lambda data: [(0.0, data)]
    blocks += read_for(bench, instrument, 40.0)
    assert instrument.troubles() == {}
    index, current_a, flags = joined(blocks)
    others = flags[:, [0, 2, 3]]
    assert np.all(np.diff(index) == 1)
    assert not others.any(), "the others have every sample"
    assert np.isnan(current_a[60:70, 1]).all() or why == "sends nothing"
    assert not np.isnan(current_a[-20:, 1]).any(), "it came back by itself"
    good = current_a[~np.isnan(current_a[:, 1]), 1]
    assert good == pytest.approx(2 * 1.2345e-9, rel=1e-3)
    for channel in (0, 2, 3):
        assert bench.cells[channel].switched == [True], "the others were not switched"
    age_s = (blocks[-1].received_ns - int(blocks[-1].t_ns()[-1])) / S
    assert age_s < 0.5


def test_another_channel_that_answers_in_place_of_a_lost_one_is_not_taken_for_it() -> None:
    bench = MultiSetUp()
    instrument = measuring(bench)
    read_for(bench, instrument, 2.0)
    unplug(bench)
    read_for(bench, instrument, 1.0)
    swap(bench, 1, model="mes4lr", channel="7")
    blocks = read_for(bench, instrument, 20.0)
    assert "CH007 answers in place of" in instrument.troubles()["site-2"]
    assert np.isnan(blocks[-1].current_a[-1, 1])


def test_when_no_channel_is_left_it_is_raised() -> None:
    bench = MultiSetUp()
    instrument = measuring(bench)
    read_for(bench, instrument, 2.0)
    bench.unplug()
    with pytest.raises(PortLost, match=r"no channel is left.*site-1.*site-4"):
        read_for(bench, instrument, 3.0)
    bench.plug()
    instrument.connect()
    instrument.start(bench.settings())
    assert read_for(bench, instrument, 2.0)[-1].epoch == 2


def test_R40_every_cell_is_switched_off_although_one_port_is_dead_and_that_one_is_named() -> None:
    bench = MultiSetUp()
    instrument = measuring(bench)
    read_for(bench, instrument, 2.0)
    bench.line(3).plugged = False
    with pytest.raises(DriverError, match=r"NOT CONFIRMED OFF: ch3.*other 3 cells are off"):
        instrument.stop()
    assert [cell.on for cell in bench.cells] == [False, False, True, False]
    bench.line(3).plugged = True
    instrument.stop()
    assert not bench.cell_on()


def test_where_one_channel_does_not_start_none_is_left_on() -> None:
    bench = MultiSetUp()
    instrument = bench.driver()
    instrument.connect()
    bench.line(3).to_device = lambda data: data.replace(b"cell_on", b"cell_no")
    with pytest.raises(DeviceRefused, match="4001"):
        instrument.start(bench.settings())
    assert not bench.cell_on()
    with pytest.raises(DeviceRefused, match="no measurement runs"):
        instrument.read(0.1)


# --- one grid of time ---


@pytest.mark.parametrize("synchronised", [False, True])
def test_through_many_turns_it_is_one_epoch_without_a_hole(monkeypatch: pytest.MonkeyPatch, synchronised: bool) -> None:
    monkeypatch.setattr(script, "RUN_TIME_S", 10)
    bench = MultiSetUp(settings_options={"channel_sync": synchronised}, ppm=(20.0, -30.0, 0.0, 50.0))
    instrument = measuring(bench)
    index, _current_a, flags = joined(read_for(bench, instrument, 65.0))
    assert index.tolist() == list(range(index.size))
    assert index.size >= 640
    assert not flags.any()
    assert all(cell.switched == [True] for cell in bench.cells)


def test_crystals_that_drift_apart_cost_no_sample_and_rows_stay_together() -> None:
    """Three quarters of an hour at 300 ppm apart, as much as six hours of usual ones: 0.8 s, eight samples."""
    bench = MultiSetUp(order=(1, 2, 3), ppm=(0.0, 150.0, -150.0))
    instrument = measuring(bench)
    blocks = read_for(bench, instrument, 2700.0, every_s=1.0)
    index, _current_a, flags = joined(blocks)
    given = (flags & SampleFlag.NOT_A_NUMBER == 0).sum(axis=0)
    true = [2700.0 / 0.1 / (1 + ppm * 1e-6) for ppm in bench.ppm]
    assert given == pytest.approx(true, abs=6), "each sample once, and none invented; the newest wait for the others"
    assert index[-1] + 1 == given[2], "the grid goes with the fastest"
    assert given[2] - given[1] >= 4
    assert np.all(np.diff(index) == 1)
    assert instrument.troubles() == {}


def part(epoch: int, t0_ns: int, index: list[int], received_ns: int) -> SampleBlock:
    rows = np.array(index, dtype=np.int64)
    return SampleBlock("it", epoch, t0_ns, S // 10, ("x",), rows, np.full((rows.size, 1), 1e-9),
                       np.zeros((rows.size, 1), dtype=np.uint8), received_ns)  # fmt: skip


def test_a_row_waits_for_a_slow_line_and_no_longer_than_a_bit_over_a_second() -> None:
    merger = Merger("it", ("a", "b"), S // 10, 1)
    merger.feed(0, part(1, 0, [0], 0))
    merger.feed(1, part(1, 0, [0], 0))
    for n in range(1, 12):
        merger.feed(0, part(1, 0, [n], n * S // 10))
    assert merger.rows(11 * S // 10)[0].index.tolist() == [0]
    merger.feed(1, part(1, 0, [1, 2, 3], 11 * S // 10))
    assert merger.rows(11 * S // 10)[0].index.tolist() == [1, 2, 3]
    assert not merger.rows(11 * S // 10)
    (block,) = merger.rows(19 * S // 10)
    assert block.index.tolist() == [4, 5, 6]
    assert block.flags.tolist() == [[0, 16]] * 3
    merger.feed(1, part(1, 0, [4, 5, 6, 7], 19 * S // 10))
    assert merger.lost(1) == 3, "told, not placed where they do not belong"
    assert merger.rows(19 * S // 10)[0].flags.tolist() == [[0, 0]]


def test_a_row_that_no_channel_has_is_a_gap_and_not_a_row_of_nothing() -> None:
    merger = Merger("it", ("a", "b"), S // 10, 1)
    for channel in (0, 1):
        merger.feed(channel, part(1, 0, [0, 1, 5], S // 2))
    (block,) = merger.rows(S // 2)
    assert block.index.tolist() == [0, 1, 5]
