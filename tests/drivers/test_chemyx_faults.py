"""The Chemyx driver on lines that lose, delay, double and break what they carry; a pump that keeps other values.

There is no checksum and no address on this line: what cannot be detected is asked for twice.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace

import pytest

from drivers.capabilities import DriverOptions, Motion, OptionValue, PumpAlarm, PumpProgram, PumpStatus
from drivers.chemyx import ChemyxPump, build
from drivers.clock import NS_PER_S
from drivers.errors import (
    DeviceRefused,
    DriverError,
    GarbledReply,
    NotEncodable,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.run_account import RunAccount
from tests.drivers.kit import URL, Filter, ScriptedLine, Step, step
from tests.drivers.test_compliance_chemyx import ChemyxSetUp

PROGRAM = PumpProgram(diameter_mm=4.699, rate_ul_per_min=60.0, target_ul=100.0)  # 1 uL/s
ECHOES = [{}, {"echo": "off"}]


def connected(**options: str) -> tuple[ChemyxSetUp, ChemyxPump]:
    bench = ChemyxSetUp(options)
    pump = bench.driver()
    pump.connect()
    return bench, pump


def running(**options: str) -> tuple[ChemyxSetUp, ChemyxPump, int]:
    """Return bench, driver and the time at which 1 uL/s began to flow."""
    bench, pump = connected(**options)
    pump.program(PROGRAM)
    began_ns = bench.clock.now_ns()
    pump.start()
    return bench, pump, began_ns


def once(filter_: Filter, at: int = 0) -> Filter:
    """Apply a filter to the chunk with number ``at`` only."""
    counter = iter(range(1_000_000))
    return lambda data: filter_(data) if next(counter) == at else [(0.0, data)]


def starts(bench: ChemyxSetUp) -> int:
    return sum(data == b"start\r" for data in bench.line.sent)


def assert_true(status: PumpStatus, began_ns: int) -> None:
    """A status holds what was true between asking and receiving, never an older value (L7)."""
    least_ul = (status.asked_ns - began_ns) / NS_PER_S
    most_ul = (status.received_ns - began_ns) / NS_PER_S
    assert status.motion is Motion.INFUSING
    assert least_ul - 0.03 <= status.infused_ul <= most_ul + 0.03


# --- start ---


def test_nothing_is_started_that_was_not_written() -> None:
    bench, pump = connected()
    with pytest.raises(DeviceRefused, match="programmed"):
        pump.start()
    pump.program(PROGRAM)
    pump.stop()
    with pytest.raises(DeviceRefused):
        pump.start()
    assert starts(bench) == 0


# --- what the pump really holds ---


@pytest.mark.parametrize("kept", ["clamp", "keep"])
def test_R20_a_value_that_the_pump_silently_replaces_is_found(kept: str) -> None:
    bench, pump = connected(out_of_range=kept, limits="off")  # only the echo tells
    with pytest.raises(ReadbackMismatch, match="keeps"):
        pump.program(replace(PROGRAM, rate_ul_per_min=9000.0))
    assert starts(bench) == 0


def test_limits_told_by_the_pump_refuse_before_and_ever_after() -> None:
    bench, pump = connected()
    with pytest.raises(DeviceRefused, match="outside"):
        pump.program(replace(PROGRAM, rate_ul_per_min=9000.0))
    assert not any(data.startswith(b"set rate") for data in bench.line.sent)
    low, high = pump.rate_limits_ul_per_min(4.699)
    assert low == pytest.approx(0.0054, abs=1e-4)
    assert high == pytest.approx(3400, rel=1e-3)
    sent = bench.sent()
    with pytest.raises(NotEncodable):
        pump.program(replace(PROGRAM, rate_ul_per_min=9000.0))
    assert bench.sent() == sent


@pytest.mark.parametrize("options", ECHOES)
@pytest.mark.parametrize(
    ("sent", "becomes"),
    [
        (b"set volume 100\r", b"set volume 900\r"),
        (b"set rate 60\r", b"set rate 90\r"),
        (b"set diameter 4.699\r", b"set diameter 4.999\r"),
        (b"set units 2\r", b"set units 0\r"),
        (b"set delay 0\r", b"set delay 9\r"),
    ],
)
def test_L5_R20_a_setting_that_arrives_broken_is_found(sent: bytes, becomes: bytes, options: dict[str, str]) -> None:
    bench, pump = connected(**options)
    bench.line.to_device = lambda data: data.replace(sent, becomes)
    with pytest.raises((ReadbackMismatch, GarbledReply)):
        pump.program(PROGRAM)
    assert starts(bench) == 0


@pytest.mark.parametrize(("name", "value"), [("rate", 61.0), ("volume", 101.0), ("units", 0), ("delay_min", 1.0)])
def test_R20_what_was_changed_on_the_screen_is_found_before_the_start(name: str, value: float) -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    setattr(bench.line.firmware._settings, name, value)  # type: ignore[attr-defined]
    with pytest.raises(ReadbackMismatch):
        pump.start()
    assert starts(bench) == 0


def test_a_pump_that_prints_too_few_digits_is_not_believed() -> None:
    _bench, pump = connected(decimals="0")
    with pytest.raises(ReadbackMismatch):
        pump.program(replace(PROGRAM, rate_ul_per_min=1.2))


def test_R10_volume_zero_and_lists_are_never_sent() -> None:
    bench, pump = connected()
    for target in (0.0, -5.0, 1e-6, float("nan")):
        with pytest.raises(NotEncodable):
            pump.program(replace(PROGRAM, target_ul=target))
    pump.program(PROGRAM)
    pump.start()
    pump.stop()
    volumes = [data for data in bench.line.sent if data.startswith(b"set volume")]
    assert all(re.fullmatch(rb"set volume [0-9.]*[1-9][0-9.]*\r", data) for data in volumes)


def test_a_paused_run_is_ended_before_writing() -> None:
    bench, pump, _began = running()
    bench.line.firmware.receive(b"pause\r", bench.clock.now_ns())
    bench.line.firmware.transmit(bench.clock.now_ns())
    assert pump.status().motion is Motion.PAUSED
    pump.program(PROGRAM)
    assert pump.status().motion is Motion.STOPPED


def test_an_address_is_refused_before_anything_is_sent() -> None:
    line = ScriptedLine([])
    pump = build(line, URL, line.clock, DriverOptions(instrument="pump", address=1))
    with pytest.raises(NotEncodable, match="channel"):
        pump.rate_limits_ul_per_min(4.699)
    with pytest.raises(NotEncodable):
        pump.connect()
    line.done()


@pytest.mark.parametrize("channel", [0, 3, True, "1", 1.0])
def test_a_channel_that_does_not_exist_is_refused_when_the_plan_is_made(channel: OptionValue) -> None:
    line = ScriptedLine([])
    with pytest.raises(NotEncodable, match="channel is 1 or 2"):
        build(line, URL, line.clock, DriverOptions(instrument="pump", settings={"channel": channel}))


def test_the_channel_stands_before_every_command_and_the_other_channel_is_left_alone() -> None:
    bench = ChemyxSetUp({"channel": "2"})
    pump = bench.driver()
    pump.connect()
    pump.program(PROGRAM)
    pump.start()
    bench.line.pass_s(3.0)
    assert pump.status().infused_ul == pytest.approx(3.0, abs=0.1)
    assert pump.stop().motion is Motion.STOPPED
    assert b"2 read limit parameter 0\r" in bench.line.sent
    assert all(data.startswith(b"2 ") for data in bench.line.sent)


@pytest.mark.parametrize(("has", "rig"), [("1", None), ("1", 2), ("none", 1)])
def test_the_wrong_channel_in_the_rig_moves_nothing_of_ours(has: str, rig: int | None) -> None:
    bench = ChemyxSetUp({"channel": has} if has != "none" else {})
    pump = bench.driver(settings={} if rig is None else {"channel": rig})
    with contextlib.suppress(DriverError):
        pump.connect()
        pump.program(PROGRAM)
        pump.start()
    bench.line.pass_s(3.0)
    assert bench.moved_ul() == 0.0


def test_the_plan_says_that_the_screen_must_show_basic_mode() -> None:
    assert "Basic Mode" in ChemyxSetUp({}).driver().cautions()[0]


# --- looking ---


@pytest.mark.parametrize("options", ECHOES)
def test_L4_one_flipped_bit_in_the_status_is_not_believed(options: dict[str, str]) -> None:
    bench, pump, began_ns = running(**options)
    flipped = once(lambda data: [(0.0, re.sub(rb"1(\r\n>)$", rb"0\1", data))])
    bench.line.from_device = flipped
    assert_true(pump.status(), began_ns)


def test_L4_one_flipped_bit_does_not_make_a_run_of_one_that_is_over() -> None:
    bench, pump, _began = running()
    bench.line.pass_s(99.0)
    assert pump.status().motion is Motion.INFUSING
    bench.line.pass_s(2.0)
    bench.line.from_device = once(lambda data: [(0.0, re.sub(rb"0(\r\n>)$", rb"1\1", data))])
    assert pump.status().motion is Motion.STOPPED


@pytest.mark.parametrize("broken", [b"9.0000", b"0.0000", b"900.00"])
def test_L4_a_broken_counter_is_asked_for_again(broken: bytes) -> None:
    bench, pump, began_ns = running()
    bench.line.pass_s(3.0)
    assert_true(pump.status(), began_ns)
    bench.line.from_device = once(lambda data: [(0.0, re.sub(rb"= [0-9.]+", b"= " + broken, data))], at=1)
    assert_true(pump.status(), began_ns)


def test_L4_a_broken_counter_of_a_written_and_not_started_infusion_is_asked_for_again() -> None:
    bench, pump = connected(counter_clears="never")
    pump.program(PROGRAM)
    bench.line.from_device = once(lambda data: [(0.0, re.sub(rb"= [0-9.]+", b"= 7.0000", data))], at=1)
    assert pump.status().infused_ul == 0.0


@pytest.mark.parametrize("at", [0, 1])
def test_L4_a_broken_zero_is_not_what_the_next_infusion_is_measured_from(at: int) -> None:
    bench, pump = connected(counter_clears="never")
    pump.program(PROGRAM)
    pump.start()
    bench.line.pass_s(110.0)
    assert pump.status().infused_ul == 100.0
    counts = iter(range(100))

    def breaks(data: bytes) -> list[tuple[float, bytes]]:
        is_zero = b"dispensed" in data and any(b"set delay" in sent for sent in bench.line.sent[-4:])
        return [(0.0, re.sub(rb"= [0-9.]+", b"= 98.0000", data) if is_zero and next(counts) == at else data)]

    bench.line.from_device = breaks
    pump.program(PROGRAM)
    pump.start()
    bench.line.pass_s(110.0)
    assert next(counts) > 1, "the zero was asked for twice"
    assert pump.status().infused_ul == 100.0


def test_a_pump_that_runs_another_program_shows_its_true_counter() -> None:
    bench, pump, _began = running(multi_step_ul_per_min="600")
    bench.line.pass_s(5.0)
    assert pump.status().infused_ul == pytest.approx(bench.moved_ul(), rel=0.1)


def test_a_stall_is_reported_once_and_nothing_is_said_about_the_motor() -> None:
    bench, pump, _began = running()
    bench.line.pass_s(3.0)
    bench.plunger.drive(bench.plunger._speed, bench.clock.now_ns())
    bench.plunger.blocked = True
    bench.line.pass_s(3.0)
    status = pump.status()
    assert (status.alarm, status.motion) == (PumpAlarm.STALL, Motion.UNKNOWN)
    assert status.infused_ul == pytest.approx(3.0, abs=0.3)
    assert pump.status().alarm is None
    with pytest.raises(DeviceRefused):
        pump.program(PROGRAM)
    assert pump.stop().motion is Motion.STOPPED
    pump.program(PROGRAM)
    assert pump.start().alarm is None
    bench.line.pass_s(3.0)
    assert pump.status().alarm is PumpAlarm.STALL, "a second stall is told again"


def test_a_stop_by_hand_is_no_loss_of_power() -> None:
    bench, pump, _began = running()
    bench.line.pass_s(3.0)
    bench.line.firmware.receive(b"stop\r", bench.clock.now_ns())
    bench.line.firmware.transmit(bench.clock.now_ns())
    status = pump.status()
    assert (status.motion, status.alarm) == (Motion.STOPPED, None)
    assert status.infused_ul == pytest.approx(bench.moved_ul(), abs=1e-3)


def test_a_run_stopped_by_hand_before_the_counter_can_show_it_is_not_lost() -> None:
    bench, pump = connected()
    pump.program(replace(PROGRAM, rate_ul_per_min=0.006, target_ul=1.0))
    pump.start()
    bench.line.pass_s(0.5)
    bench.line.firmware.receive(b"stop\r", bench.clock.now_ns())
    bench.line.firmware.transmit(bench.clock.now_ns())
    assert pump.status().motion is Motion.STOPPED


def test_R38_a_loss_of_power_found_by_a_stop_is_told() -> None:
    bench, pump, _began = running()
    bench.line.pass_s(3.0)
    pump.status()
    bench.power_cycle()
    assert pump.stop().alarm is PumpAlarm.RESET
    assert pump.stop().alarm is None


def test_an_unclear_zero_keeps_its_uncertainty() -> None:
    account = RunAccount.written(60.0, 100.0, counter_ul=5.0)
    assert account.read(5.0, 1e-4, 0) == (0.0, 1e-4)
    account.start(0)
    assert account.read(5.5, 1e-4, 10 * NS_PER_S) == (0.5, 5.0001)  # began at zero 5.5 s ago, or goes on from 5.0
    assert account.read(11.0, 1e-4, 10 * NS_PER_S) == (6.0, 1e-4)  # too much for the former
    account = RunAccount.written(60.0, 100.0, counter_ul=5.0)
    account.start(0)
    assert account.read(0.5, 1e-4, NS_PER_S) == (0.5, 1e-4)


# --- stop ---


@pytest.mark.parametrize("at", [1, 4])
def test_R34_both_answers_after_a_stop_must_say_stopped(at: int) -> None:
    bench, pump, _began = running()
    swallow = iter([b""])
    bench.line.to_device = lambda data: next(swallow, data) if data == b"stop\r" else data
    replies = iter([b"stop\rPump stop!\r\n>"])

    def confirm(data: bytes) -> bytes:
        return b"" if data == b"stop\r" else data

    bench.line.to_device = confirm
    original = bench.line.firmware.transmit
    counter = iter(range(1000))

    def transmit(now_ns: int) -> bytes:
        out = original(now_ns)
        if bench.line.sent and bench.line.sent[-1] == b"stop\r":
            return next(replies, b"")
        if out and next(counter) == at - 1:
            return re.sub(rb"1(\r\n>)$", rb"0\1", out)
        return out

    bench.line.firmware.transmit = transmit  # type: ignore[method-assign]
    with pytest.raises(ReplyTimeout, match="NOT CONFIRMED"):
        pump.stop()


# --- who is there ---


@pytest.mark.parametrize("baud", [9600, 38_400, 115_200])
def test_the_baud_rate_is_found_by_connect_and_by_stop(baud: int) -> None:
    bench = ChemyxSetUp({})
    bench.line.baud = baud
    pump = bench.driver()
    pump.connect()
    pump.program(PROGRAM)
    pump.start()
    pump.close()
    before = len(bench.line.sent)
    assert bench.driver().stop().motion.is_still
    assert bench.line.sent[before] == b"stop\r", "the first thing sent must be the stop"


def test_L13_something_else_on_the_port_is_not_taken_for_a_pump() -> None:
    line = ScriptedLine([step(b"view parameter\r", b"\x0200S?\x03") for _ in range(6)])
    with pytest.raises(WrongInstrument):
        build(line, URL, line.clock, DriverOptions(instrument="pump")).connect()
    assert line.opened == [9600, 38_400, 115_200]
    line.done()


def test_no_pump_at_all_is_said_in_words() -> None:
    line = ScriptedLine([step(b"view parameter\r") for _ in range(6)])
    with pytest.raises(ReplyTimeout, match="switched on"):
        build(line, URL, line.clock, DriverOptions(instrument="pump")).connect()
    line.done()


VIEW = b"unit = 2\r\ndia = 4.699\r\nrate = 1.0\r\nvolume = 5.0\r\n>"


def scripted(*steps: Step) -> tuple[ScriptedLine, ChemyxPump]:
    found = [
        step(b"view parameter\r", b"view parameter\r" + VIEW),
        step(b"pump status\r", b"pump status\r0\r\n>"),
    ]
    line = ScriptedLine([*found, *steps])
    pump = build(line, URL, line.clock, DriverOptions(instrument="pump"))
    pump.connect()
    return line, pump


def test_L7_after_a_lost_answer_something_unmistakable_is_asked_first() -> None:
    line, pump = scripted(
        step(b"pump status\r"),
        step(b"elapsed time\r", b"elapsed time\relapsed time = 0.00000\r\n>"),
        step(b"pump status\r", b"pump status\r0\r\n>"),
        step(b"dispensed volume\r", b"dispensed volume\rdispensed volume = 0.0000\r\n>"),
    )
    assert pump.status().motion is Motion.STOPPED
    line.done()


def test_a_pump_that_echoes_is_not_believed_without_its_echo() -> None:
    line, pump = scripted(
        step(b"pump status\r", b"0\r\n>"),
        step(b"elapsed time\r", b"elapsed time\relapsed time = 0.00000\r\n>"),
        step(b"pump status\r", b"pump status\r0\r\n>"),
        step(b"dispensed volume\r", b"dispensed volume\rdispensed volume = 0.0000\r\n>"),
    )
    assert pump.status().motion is Motion.STOPPED
    line.done()
