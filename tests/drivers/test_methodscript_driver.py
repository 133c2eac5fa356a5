"""The MethodSCRIPT driver: the reference's session byte for byte (2.10), errors, turns, and what a bad line does."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.capabilities import AmperometrySettings, DriverOptions, Identity, SampleFlag
from drivers.clock import NS_PER_S
from drivers.errors import DeviceRefused, GarbledReply, NotEncodable, PortLost, ReplyTimeout, WrongInstrument
from drivers.methodscript import MethodScriptPotentiostat, build, script
from tests.drivers.kit import URL, ScriptedLine, Step, step
from tests.drivers.test_compliance_methodscript import ONE, TWO, EmStatSetUp

ES4 = b"CM000000000000000000000000000003FFFFBFE8FFFFFFFFFFFFFFFFFFFFBFFFFE\n"
CONNECT = [
    step(b"t\n", b"tes4_lr1500#Mar 12 2026 14:28:01\nR*\n"),
    step(b"i\n", b"iES4LR20B0008\n"),
    step(b"CM\n", ES4),
    step(b"v\n", b"v01.09.00\n"),
]
SETTINGS = AmperometrySettings(potential_v=0.6, interval_s=0.1, electrodes=ONE)
CELL_OFF = step(b"e\ncell_off\n\n", b"e\n\n")
STOP = [step(b"\nZ\n", b"Z\n*\n+\n\n"), CELL_OFF]


def used() -> AmperometrySettings:
    return MethodScriptPotentiostat(None).checked(SETTINGS)  # type: ignore[arg-type]  # checked() is pure


def connected(*steps: Step) -> tuple[ScriptedLine, MethodScriptPotentiostat]:
    line = ScriptedLine([step(s.expect, *s.replies) for s in [*CONNECT, *steps]])
    instrument = build(line, URL, line.clock, DriverOptions(instrument="stat"))
    assert instrument.connect() == Identity(
        "methodscript", "EmStat4 LR", "1500 (MethodSCRIPT 01.09.00)", "ES4LR20B0008"
    )
    return line, instrument


def start(*replies: bytes | tuple[float, bytes]) -> Step:
    return step(script.amperometry(used()).encode(), *replies)


@pytest.mark.parametrize("acknowledge", [b"e\nL\nM0007\n", b"eL\nM0007\n", b"eM0007\n"])
def test_the_printed_session_byte_for_byte(acknowledge: bytes) -> None:
    line, instrument = connected(
        start(
            acknowledge,
            (0.1, b"PebDF5E100n;ba812D644f,10,203\n"),
            (0.2, b"Peb8030D40u;ba812DA2Cf,10,203\n"),
        ),
        *STOP,
    )
    assert instrument.start(SETTINGS).electrodes[0].range_a == 10e-9
    samples = np.concatenate([block.current_a for block in instrument.read(1.0) + instrument.read(1.0)])
    assert samples[:, 0] == pytest.approx([1.2345e-9, 1.2355e-9])
    instrument.stop()
    line.done()


def test_a_script_that_is_refused_says_why_and_where() -> None:
    line, instrument = connected(start(b"e!4001: Line 3, Col 6\n"))
    with pytest.raises(DeviceRefused, match=r"4001.*unknown script command.*Line 3, Col 6"):
        instrument.start(SETTINGS)
    line.done()


def test_after_a_run_time_error_the_samples_come_first_then_the_cell_is_off_then_the_error() -> None:
    line, instrument = connected(
        start(b"e\nL\nM0007\n", (0.1, b"PebDF5E100n;ba812D644f,10,203\n!0032: Line 16\n")), CELL_OFF
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
    build(line, URL, line.clock, DriverOptions(instrument="stat")).stop()
    line.done()
    assert line.opened == [230_400, 921_600]


def test_a_stop_that_is_not_confirmed_raises() -> None:
    _line, instrument = connected(step(b"\nZ\n"), step(b"\nZ\n"))
    with pytest.raises(ReplyTimeout):
        instrument.stop()


def test_something_else_on_the_port_is_not_taken_for_a_potentiostat() -> None:
    line = ScriptedLine([step(b"t\n", b"tnexus91500#x\nR*\n")])
    with pytest.raises(WrongInstrument):
        build(line, URL, line.clock, DriverOptions(instrument="stat")).connect()


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


def test_the_line_is_not_opened_again_by_itself() -> None:
    bench, instrument = running()
    instrument.close()
    with pytest.raises(PortLost):
        instrument.start(bench.settings())
