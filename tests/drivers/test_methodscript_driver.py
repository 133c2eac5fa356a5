"""The MethodSCRIPT driver: the reference's session byte for byte (2.10), errors, turns, and what a bad line does."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.capabilities import AmperometrySettings, DriverOptions, Identity, SampleBlock, SampleFlag
from drivers.clock import NS_PER_S, VirtualClock
from drivers.errors import (
    DeviceRefused,
    DeviceReset,
    GarbledReply,
    NotEncodable,
    PortLost,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.methodscript import MethodScriptPotentiostat, build, one_port, script
from drivers.methodscript.family import ES4_LR
from drivers.methodscript.features import Features
from tests.drivers.kit import URL, ScriptedLine, Step, step
from tests.drivers.test_compliance_methodscript import ONE, TWO, EmStatSetUp

ES4 = b"CM000000000000000000000000000003FFFFBFE8FFFFFFFFFFFFFFFFFFFFBFFFFE\n"
CONNECT = [
    step(b"t\n", b"tes4_lr1500#Mar 12 2026 14:28:01\nR*\n"),
    step(b"i\n", b"iES4LR20B0008\n"),
    step(b"CC\n", b"CC000000000000000000000000000000000000002F0000003FFFFF98FF00000002\n"),
    step(b"CM\n", ES4),
    step(b"v\n", b"v01.09.00\n"),
]
SETTINGS = AmperometrySettings(potential_v=0.6, interval_s=0.1, electrodes=ONE)
CELL_OFF = step(b"e\ncell_off\n\n", b"e\n\n")
STOP = [step(b"\nZ\n", b"Z\n*\n+\n\n"), CELL_OFF]


def used() -> AmperometrySettings:
    line = ScriptedLine([])
    return one_port(line, URL, line.clock, DriverOptions(instrument="stat")).checked(SETTINGS)


def connected(*steps: Step) -> tuple[ScriptedLine, MethodScriptPotentiostat]:
    line = ScriptedLine([step(s.expect, *s.replies) for s in [*CONNECT, *steps]])
    instrument = one_port(line, URL, line.clock, DriverOptions(instrument="stat"))
    assert instrument.connect() == Identity(
        "methodscript", "EmStat4 LR", "1500 (MethodSCRIPT 01.09.00)", "ES4LR20B0008"
    )
    return line, instrument


def start(*replies: bytes | tuple[float, bytes]) -> Step:
    return step(script.amperometry(used(), ES4_LR).encode(), *replies)


@pytest.mark.parametrize("acknowledge", [b"e\nL\nM0007\n", b"eL\nM0007\n", b"eM0007\n"])
def test_the_printed_session_byte_for_byte(acknowledge: bytes) -> None:
    line, instrument = connected(
        start(
            acknowledge,
            (0.1, b"PebDF5E100n;da80927C0u;ba812D644f,10,203\n"),
            (0.2, b"Peb8030D40u;da80927C0u;ba812DA2Cf,10,203\n"),
        ),
        *STOP,
    )
    assert instrument.start(SETTINGS).electrodes[0].range_a == 10e-9
    samples = np.concatenate([block.current_a for block in instrument.read(1.0) + instrument.read(1.0)])
    assert samples[:, 0] == pytest.approx([1.2345e-9, 1.2355e-9])
    instrument.stop()
    line.done()


def test_a_script_that_is_refused_says_why_and_where() -> None:
    line, instrument = connected(start(b"e!4001: Line 3, Col 6\n"), *STOP)  # off in any case: the refusal may be noise
    with pytest.raises(DeviceRefused, match=r"4001.*unknown script command.*Line 3, Col 6"):
        instrument.start(SETTINGS)
    line.done()


def test_after_a_run_time_error_the_samples_come_first_then_the_cell_is_off_then_the_error() -> None:
    line, instrument = connected(
        start(b"e\nL\nM0007\n", (0.1, b"PebDF5E100n;da80927C0u;ba812D644f,10,203\n!0032: Line 16\n")), CELL_OFF
    )
    instrument.start(SETTINGS)
    (block,) = instrument.read(1.0)
    assert block.index.tolist() == [0]
    line.done()  # the cell is switched off before anybody asks
    with pytest.raises(DeviceRefused, match=r"critical overload.*the cell is off"):
        instrument.read(1.0)


def test_a_cell_that_cannot_be_switched_off_is_said_aloud() -> None:
    _line, instrument = connected(
        start(b"e\nL\nM0007\n", (0.1, b"!0032: Line 16\n")), step(b"e\ncell_off\n\n", b"e!0019: Line 1, Col 1\n")
    )
    instrument.start(SETTINGS)
    with pytest.raises(DeviceRefused, match="THE CELL MAY STILL BE ON"):
        instrument.read(1.0)


def test_stop_is_repeated_until_the_instrument_answers() -> None:
    line, instrument = connected(step(b"\nZ\n"), step(b"\nZ\n", b"\nZ!0006\n"), CELL_OFF)
    instrument.stop()
    line.done()


def test_stop_before_connect_tries_both_baud_rates() -> None:
    line = ScriptedLine([step(b"\nZ\n"), step(b"\nZ\n"), step(b"\nZ\n", b"\nZ!0006\n"), CELL_OFF])
    one_port(line, URL, line.clock, DriverOptions(instrument="stat")).stop()
    line.done()
    assert line.opened == [230_400, 921_600]


def test_a_stop_that_is_not_confirmed_raises() -> None:
    _line, instrument = connected(step(b"\nZ\n"), step(b"\nZ\n"))
    with pytest.raises(ReplyTimeout):
        instrument.stop()


def test_something_else_on_the_port_is_not_taken_for_a_potentiostat() -> None:
    line = ScriptedLine([step(b"t\n", b"tvertex1500#x\nR*\n")])
    with pytest.raises(WrongInstrument):
        one_port(line, URL, line.clock, DriverOptions(instrument="stat")).connect()


def test_a_second_electrode_needs_a_bipotentiostat() -> None:
    _line, instrument = connected()
    with pytest.raises(NotEncodable, match="second working electrode"):
        instrument.start(AmperometrySettings(0.6, 0.1, TWO))


def test_lines_that_stay_broken_raise_and_do_not_pass_for_silence() -> None:
    _line, instrument = connected(start(b"e\nL\nM0007\n", (0.1, b"\xff\xfe\n" * 60)))
    instrument.start(SETTINGS)
    with pytest.raises(GarbledReply):
        instrument.read(1.0)


def test_reading_without_a_measurement_is_refused() -> None:
    _line, instrument = connected()
    with pytest.raises(DeviceRefused, match="no measurement runs"):
        instrument.read(0.1)


def running(**options: str) -> tuple[EmStatSetUp, MethodScriptPotentiostat]:
    bench = EmStatSetUp({"model": "es4", **options}, ONE)
    instrument = bench.driver()
    instrument.connect()
    instrument.start(bench.settings())
    return bench, instrument


def test_a_measurement_runs_on_over_its_own_length_without_switching_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "RUN_TIME_S", 20)
    bench, instrument = running()
    blocks = [block for _ in range(650) for block in instrument.read(0.1)]
    epochs = sorted({block.epoch for block in blocks})
    assert epochs == [1, 2, 3, 4]
    for epoch in epochs[:-1]:
        index = np.concatenate([block.index for block in blocks if block.epoch == epoch])
        assert index.tolist() == list(range(200))
    assert bench.cell.switched == [True], "the cell was switched between turns"
    starts = [data for data in bench.line.sent if b"meas_loop_ca" in data]
    assert len(starts) == 1


def test_an_overloaded_electrode_is_flagged() -> None:
    bench, instrument = running()
    bench.cell.currents_a = (50e-9, 0.0)
    bench.line.pass_s(1.0)
    instrument.read(1.0)
    (block, *_rest) = instrument.read(1.0)
    assert block.flags[-1, 0] & SampleFlag.OVERLOAD


@pytest.mark.parametrize("seed", range(10))
def test_lost_and_broken_chunks_are_holes_and_every_sample_given_is_true(seed: int) -> None:
    bench, instrument = running()
    rng = np.random.default_rng(seed)

    def disturb(data: bytes) -> list[tuple[float, bytes]]:
        chance = rng.random()
        if chance < 0.1:
            return []
        if chance < 0.2:
            return [(0.0, data[: rng.integers(len(data))])]
        if chance < 0.3:
            return [(0.0, data), (0.0, data)]
        return [(0.0, data)]

    bench.line.from_device = disturb
    blocks = [block for _ in range(300) for block in instrument.read(0.1)]
    index = np.concatenate([block.index for block in blocks])
    assert np.all(np.diff(index) > 0)
    assert 100 < index.size < 300
    assert np.concatenate([block.current_a for block in blocks]) == pytest.approx(1.2345e-9, rel=1e-3)
    times_s = np.concatenate([block.t_ns() for block in blocks]) / NS_PER_S
    received_s = np.array([block.received_ns for block in blocks]) / NS_PER_S
    assert abs(times_s[-1] - received_s[-1]) < 0.3
    bench.line.from_device = lambda data: [(0.0, data)]
    instrument.stop()
    assert not bench.cell_on()


MODELS = ("pico", "sensit", "es4lr", "es4hr", "mes4lr", "mes4hr", "nexus")
NAMES = ("EmStat Pico", "Sensit", "EmStat4 LR", "EmStat4 HR", "MultiEmStat4 LR", "MultiEmStat4 HR", "Nexus")


@pytest.mark.parametrize(("model", "name"), list(zip(MODELS, NAMES, strict=True)))
def test_each_model_measures_in_the_range_that_was_set_and_says_so(model: str, name: str) -> None:
    bench, instrument = running(model=model)
    assert instrument.connect().model == name
    instrument.start(bench.settings())
    bench.line.pass_s(5.0)
    (block, *_more) = instrument.read(1.0)
    assert not block.flags[:, 0].any() or set(block.flags[:, 0].tolist()) == {SampleFlag.UNDERLOAD}
    instrument.stop()
    assert not bench.cell_on()


def test_another_range_than_the_one_that_was_set_is_flagged_and_the_current_is_right() -> None:
    bench, instrument = running(wrong_range="1", model="es4lr")
    bench.line.pass_s(2.0)
    (block, *_more) = instrument.read(1.0)
    assert block.flags[-1, 0] & SampleFlag.OTHER_RANGE
    assert block.current_a[-1, 0] == pytest.approx(1.2345e-9, rel=0.02)


def test_timing_that_was_not_met_is_flagged() -> None:
    bench, instrument = running(late_every="4", model="es4lr")
    bench.line.pass_s(4.0)
    flags = [int(flag) for block in instrument.read(1.0) + instrument.read(1.0) for flag in block.flags[:, 0]]
    assert 8 <= sum(bool(flag & SampleFlag.TIMING) for flag in flags) <= 11


def test_a_second_electrode_is_refused_where_the_instrument_says_it_has_none() -> None:
    bench = EmStatSetUp({"model": "nexus"}, TWO)
    instrument = bench.driver()
    instrument.checked(bench.settings())  # nobody knows yet
    instrument.connect()
    with pytest.raises(NotEncodable, match="second working electrode"):
        instrument.start(bench.settings())
    planned = one_port(bench.line, URL, bench.clock, DriverOptions("it", model="EmStat4 LR"))
    with pytest.raises(NotEncodable, match="second working electrode"):
        planned.checked(bench.settings())


@pytest.mark.parametrize(("model", "lowest_a"), [("EmStat Pico", 58e-9), ("EmStat4 HR", 100e-9), ("", 10e-9)])
def test_until_it_answers_the_model_of_the_rig_is_planned_for(model: str, lowest_a: float) -> None:
    bench = EmStatSetUp({}, ONE)
    planned = one_port(bench.line, URL, bench.clock, DriverOptions("it", model=model))
    assert planned.checked(bench.settings()).electrodes[0].range_a == pytest.approx(lowest_a)


def test_an_instrument_that_lacks_what_we_need_is_told_so_before_anything_is_started() -> None:
    lacking = f"CM{int(ES4[2:], 16) & ~(1 << 28):064X}\n".encode()
    line = ScriptedLine([*CONNECT[:3], step(b"CM\n", lacking), CONNECT[4]])
    instrument = one_port(line, URL, line.clock, DriverOptions(instrument="stat"))
    instrument.connect()
    with pytest.raises(NotEncodable, match="lacks meas_loop_ca"):
        instrument.start(SETTINGS)


def test_an_instrument_that_does_not_know_loops_is_given_measuring_loops_only() -> None:
    looped = script.amperometry(used(), ES4_LR)
    at = looped.split("\n").index("store_var i 0i ja")
    plain = script.amperometry(used(), ES4_LR, Features(looped=False))
    line, instrument = connected(
        step(looped.encode(), f"e!4001: Line {at}, Col 10\n".encode()),
        step(plain.encode(), b"e\nM0007\n"),
    )
    instrument.start(SETTINGS)
    line.done()


@pytest.mark.parametrize(
    ("baud", "flow", "opened"),
    [
        (None, "auto", [(230_400, True, False), (921_600, False, False)]),
        (None, "rts-cts", [(230_400, False, True), (921_600, False, True)]),
        (115_200, "auto", [(115_200, True, False)]),
        (921_600, "auto", [(921_600, False, False)]),
        (230_400, "none", [(230_400, False, False)]),
    ],
)
def test_line_settings(baud: int | None, flow: str, opened: list[tuple[int, bool, bool]]) -> None:
    link = one_port(
        ScriptedLine([]), URL, VirtualClock(), DriverOptions("it", baud=baud, settings={"flow_control": flow})
    )
    assert [(line.baud, line.xon_xoff, line.rts_cts) for line in link.link.candidates()] == opened


def test_a_setting_that_does_not_exist_is_refused() -> None:
    with pytest.raises(NotEncodable, match="flow_control is one of"):
        build(ScriptedLine([]), URL, VirtualClock(), DriverOptions("it", settings={"flow_control": "yes"}))


def test_a_bootloader_is_named() -> None:
    line = ScriptedLine([step(b"t\n", b"tespbl12#x\nR*\n")])
    with pytest.raises(WrongInstrument, match="bootloader"):
        one_port(line, URL, line.clock, DriverOptions(instrument="stat")).connect()


# --- somebody else, and a lost power ---


def test_an_instrument_that_was_reset_is_noticed_by_asking_it_and_measures_again() -> None:
    bench, instrument = running()
    bench.line.pass_s(3.0)
    instrument.read(1.0)
    bench.line.firmware.power_off(bench.clock.now_ns())
    bench.line.firmware.power_on(bench.clock.now_ns())
    before_ns = bench.clock.now_ns()
    with pytest.raises(DeviceReset, match=r"reset or lost its power.*the cell is off"):
        read_for(bench, instrument, 10.0)
    assert bench.clock.now_ns() - before_ns < 4 * NS_PER_S
    instrument.stop()
    instrument.start(bench.settings())
    assert read_for(bench, instrument, 2.0)[-1].epoch == 2


@pytest.mark.parametrize("stops", ["0", "1"])
def test_halted_and_resumed_by_somebody_else_is_a_hole_and_times_stay_true(stops: str) -> None:
    strays: list[bytes] = []
    bench = EmStatSetUp({"model": "es4", "timer_stops_when_halted": stops}, ONE)
    instrument = one_port(bench.line, URL, bench.clock, bench.line.options(on_foreign=strays.append))
    instrument.connect()
    instrument.start(bench.settings())
    read_for(bench, instrument, 3.0)
    bench.line.firmware.receive(b"h\n", bench.clock.now_ns())
    assert len(read_for(bench, instrument, 6.0)) <= 1
    bench.line.firmware.receive(b"H\n", bench.clock.now_ns())
    (*_some, last) = read_for(bench, instrument, 3.0)
    assert strays == [b"h", b"H"]
    assert last.epoch == (2 if stops == "1" else 1)
    assert abs(last.received_ns - int(last.t_ns()[-1])) < NS_PER_S // 5
    assert bench.cell.switched == [True]


@pytest.mark.parametrize(("command", "why"), [(b"Z\n", "somebody else on this line aborted")])
def test_aborted_by_somebody_else_is_said_and_the_cell_is_off(command: bytes, why: str) -> None:
    bench, instrument = running()
    read_for(bench, instrument, 2.0)
    bench.line.firmware.receive(command, bench.clock.now_ns())
    with pytest.raises(DeviceRefused, match=why):
        read_for(bench, instrument, 2.0)
    assert not bench.cell_on()


def test_a_loop_ended_by_somebody_else_goes_on_as_a_new_epoch_with_the_cell_on() -> None:
    bench, instrument = running()
    read_for(bench, instrument, 2.0)
    bench.line.firmware.receive(b"Y\n", bench.clock.now_ns())
    (*_some, last) = read_for(bench, instrument, 3.0)
    assert last.epoch == 2
    assert abs(last.received_ns - int(last.t_ns()[-1])) < NS_PER_S // 5
    assert bench.cell.switched == [True]


def test_an_empty_line_that_noise_left_of_a_package_ends_nothing() -> None:
    bench, instrument = running()
    read_for(bench, instrument, 2.0)
    bench.line.from_device = lambda _data: [(0.0, b"\n")]
    instrument.read(0.15)
    bench.line.from_device = lambda data: [(0.0, data)]
    assert len(read_for(bench, instrument, 3.0)) >= 28
    assert bench.cell.switched == [True]


@pytest.mark.parametrize("model", ["pico", "sensit", "es4lr", "nexus"])
@pytest.mark.parametrize("turn_gap_ms", ["0", "7"])
def test_between_two_turns_the_cell_stays_on_and_time_goes_on_exactly(
    monkeypatch: pytest.MonkeyPatch, model: str, turn_gap_ms: str
) -> None:
    monkeypatch.setattr(script, "RUN_TIME_S", 10)
    bench, instrument = running(model=model, turn_gap_ms=turn_gap_ms, crystal_ppm="80")
    blocks = read_for(bench, instrument, 55.0)
    t_ns = np.concatenate([block.t_ns() for block in blocks])
    assert {block.epoch for block in blocks} == {1, 2, 3, 4, 5, 6}
    assert np.all(np.diff(t_ns) == 100_000_000), "no gap was invented and none hidden"
    assert bench.cell.switched == [True]
    assert len([data for data in bench.line.sent if b"meas_loop_ca" in data]) == 1


def read_for(bench: EmStatSetUp, instrument: MethodScriptPotentiostat, seconds: float) -> list[SampleBlock]:
    end_ns = bench.clock.now_ns() + round(seconds * NS_PER_S)
    blocks: list[SampleBlock] = []
    while bench.clock.now_ns() < end_ns:
        blocks += instrument.read(0.2)
    return blocks


def test_the_line_is_not_opened_again_by_itself() -> None:
    bench, instrument = running()
    instrument.close()
    with pytest.raises(PortLost):
        instrument.start(bench.settings())
