"""The Micro4 driver on bad lines, with somebody at the front panel, and with texts that nobody has seen yet."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace

import pytest

from drivers.capabilities import DriverOptions, Motion, OptionValue, PumpAlarm, PumpProgram
from drivers.errors import (
    DeviceRefused,
    DriverError,
    GarbledReply,
    NotEncodable,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.wpi_micro4 import Micro4Pump, build
from sim_devices.firmware.motor import RUNNING
from tests.drivers.kit import URL, ScriptedLine, step
from tests.drivers.pump_faults import nth_answer, nth_command
from tests.drivers.test_compliance_wpi_micro4 import Micro4SetUp, set_up

PROGRAM = PumpProgram(diameter_mm=0.46, rate_ul_per_min=1.2, target_ul=0.4)  # 20 nL/s for 20 s


def connected(settings: dict[str, OptionValue] | None = None, **options: str) -> tuple[Micro4SetUp, Micro4Pump]:
    bench = set_up(settings, **options)
    pump = bench.driver()
    pump.connect()
    return bench, pump


def starts(bench: Micro4SetUp) -> int:
    return sum(data == b"G\r" for data in bench.line.sent)


def test_nothing_is_started_that_was_not_written() -> None:
    bench, pump = connected()
    with pytest.raises(DeviceRefused, match="programmed"):
        pump.start()
    pump.program(PROGRAM)
    pump.stop()
    with pytest.raises(DeviceRefused):
        pump.start()
    assert starts(bench) == 0


# --- what the line really holds ---


@pytest.mark.parametrize("kept", ["clamp", "keep"])
def test_R20_a_rate_that_is_silently_replaced_is_found(kept: str) -> None:
    bench, pump = connected(out_of_range=kept)
    with pytest.raises(ReadbackMismatch, match="rate"):
        pump.program(replace(PROGRAM, rate_ul_per_min=30.0))
    assert starts(bench) == 0


@pytest.mark.parametrize(
    ("sent", "becomes"),
    [
        (b"V400.0\r", b"V900.0\r"),
        (b"R20.0\r", b"R90.0\r"),
        (b"S\r", b"M\r"),
        (b"I\r", b"W\r"),
        (b"N\r", b"P\r"),
        (b"EN\r", b"EI\r"),
        (b"C0.0\r", b"C5.0\r"),
    ],
)
def test_L5_R20_a_setting_that_arrives_broken_is_found(sent: bytes, becomes: bytes) -> None:
    bench, pump = connected()
    bench.line.to_device = lambda data: data.replace(sent, becomes)
    with pytest.raises((ReadbackMismatch, GarbledReply, ReplyTimeout)):
        pump.program(PROGRAM)
    assert starts(bench) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target_nl", 900.0),
        ("rate", 21.0),
        ("per_second", False),
        ("infuses", False),
        ("mode", "Grouped"),
        ("shows_delivered", False),
        ("syringe", "5"),
    ],
)
def test_R20_what_was_changed_on_the_front_panel_is_found_before_the_start(name: str, value: object) -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    setattr(bench.controller.channels[0], name, value)
    with pytest.raises((ReadbackMismatch, DeviceRefused)):
        pump.start()
    assert starts(bench) == 0


def test_a_counter_that_moved_since_writing_forbids_the_start() -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    bench.controller.channels[0].set_counter(50.0)  # a run would go on from here
    with pytest.raises((ReadbackMismatch, GarbledReply)):
        pump.start()
    assert starts(bench) == 0


def test_a_unit_that_prints_too_few_digits_is_not_believed() -> None:
    _bench, pump = connected(decimals="0")
    with pytest.raises(ReadbackMismatch):
        pump.program(replace(PROGRAM, rate_ul_per_min=0.0251))


@pytest.mark.parametrize("at", range(16, 36, 2))
def test_power_that_goes_in_the_middle_of_the_last_look_prevents_the_start(at: int) -> None:
    """What it told before the outage holds no more: one lost answer, and everything is asked again."""
    bench, pump = connected(remembers="false")
    pump.program(PROGRAM)

    def cycle(data: bytes) -> bytes:
        bench.power_cycle()
        return b"" if data != b"G\r" else data

    bench.line.to_device = nth_command(at, cycle)
    for _try in range(2):  # a lost selection of another line may end it before
        with contextlib.suppress(DriverError):
            pump.start()
    bench.line.pass_s(30.0)
    assert bench.moved_ul() == 0.0 or bench.moved_ul() == pytest.approx(PROGRAM.target_ul, rel=0.01)


def test_the_wrong_answer_to_r_is_not_what_counts() -> None:
    _bench, pump = connected(wrong_r="true")
    assert pump.program(PROGRAM).rate_ul_per_min == pytest.approx(1.2)


# --- the syringe type ---


def test_a_syringe_of_another_width_than_the_selected_type_is_refused() -> None:
    bench, pump = connected(syringe_type="5")  # 100 uL over 60 mm: ten times as much per millimetre
    with pytest.raises(NotEncodable, match=r"0\.0997 times"):
        pump.program(PROGRAM)
    assert not any(data.startswith((b"V", b"R")) for data in bench.line.sent)
    assert pump.program(replace(PROGRAM, diameter_mm=1.46)).diameter_mm == 1.46


def test_the_rig_can_say_which_type_to_select() -> None:
    bench, pump = connected({"syringe_type": "A"}, syringe_type="5")
    pump.program(PROGRAM)
    assert bench.controller.channels[0].syringe == "A"
    assert b"T11\r" in bench.line.sent, "types A, B, C are 11, 12, 13 in this form [D]"
    bench, pump = connected({"syringe_type": "A"}, syringe_type="5", terminator="semicolon")
    pump.program(PROGRAM)
    assert b"TA" in bench.line.sent, "a letter in the manual's form [M]"


def test_a_known_type_refuses_a_syringe_before_anything_is_sent() -> None:
    line = ScriptedLine([])
    pump = build(line, URL, line.clock, DriverOptions(instrument="pump", settings={"syringe_type": "A"}))
    with pytest.raises(NotEncodable, match="syringe type A is 10 uL over 60 mm"):
        pump.quantised(replace(PROGRAM, diameter_mm=1.46))
    with pytest.raises(NotEncodable):
        pump.rate_limits_ul_per_min(4.699)
    line.done()


# --- other lines of the same controller ---


def somebody_selects(bench: Micro4SetUp, line: int, before: bytes, *, times: int = 1) -> None:
    """Have somebody select a line on the front panel just before a command of ours arrives."""
    left = iter(range(times))

    def to_device(data: bytes) -> bytes:
        if data == before and next(left, None) is not None:
            bench.controller.selected = line
        return data

    bench.line.to_device = to_device


@pytest.mark.parametrize("command", [b"N\r", b"S\r", b"R20.0\r", b"V400.0\r", b"EN\r", b"C0.0\r"])
def test_a_setting_that_went_to_another_line_is_found(command: bytes) -> None:
    bench, pump = connected(grouped="true", remaining="true")
    bench.controller.channels[0].set_counter(7.0)
    somebody_selects(bench, 2, command)
    with pytest.raises((ReadbackMismatch, GarbledReply)):
        pump.program(PROGRAM)
    assert starts(bench) == 0


@pytest.mark.parametrize("reply_lost", [False, True])
def test_a_start_that_went_to_another_line_is_found_and_that_line_is_halted(reply_lost: bool) -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    somebody_selects(bench, 3, b"G\r")
    if reply_lost:
        bench.line.from_device = lambda data: [] if bench.line.sent[-1] == b"G\r" else [(0.0, data)]
        with pytest.raises(ReplyTimeout):
            pump.start()
        with pytest.raises(DeviceRefused, match=r"reached line 3.*was halted"):
            pump.status()
    else:
        with pytest.raises(DeviceRefused, match=r"reached line 3.*was halted"):
            pump.start()
    third = bench.controller.channels[2]
    assert third.motor.state != RUNNING
    assert 0.0 <= third.delivered_nl < 100.0 / 60.0 * 2.0, "halted within two seconds"
    assert bench.moved_ul() == 0.0
    assert pump.status().motion is Motion.STOPPED


def test_a_line_that_ran_before_is_left_alone_by_a_start_that_failed() -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    bench.controller.channels[3].go(bench.clock.now_ns())
    bench.line.to_device = lambda data: b"" if data == b"G\r" else data
    with pytest.raises(ReplyTimeout):
        pump.start()
    assert pump.status().motion is Motion.STOPPED
    assert bench.controller.channels[3].motor.state == RUNNING


@pytest.mark.parametrize("command", [b"?G\r", b"?C\r"])
def test_one_answer_of_another_line_is_not_taken_for_ours(command: bytes) -> None:
    bench, pump = connected()
    bench.controller.channels[1].set_counter(300.0)
    pump.program(PROGRAM)
    pump.start()
    bench.line.pass_s(2.0)
    before_ul = bench.moved_ul()
    somebody_selects(bench, 2, command)
    status = pump.status()
    assert status.motion is Motion.INFUSING
    assert before_ul - 0.001 <= status.infused_ul <= bench.moved_ul() + 0.001


def test_R34_a_stop_that_went_to_another_line_is_not_confirmed_and_sent_again() -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    pump.start()
    somebody_selects(bench, 2, b"H\r")
    assert pump.stop().motion is Motion.STOPPED
    assert bench.controller.channels[0].motor.state != RUNNING


def test_grouped_lines_are_not_started_together() -> None:
    bench, pump = connected(grouped="true")
    pump.program(PROGRAM)
    pump.start()
    assert [channel.motor.state == RUNNING for channel in bench.controller.channels] == [True, False, False, False]


# --- texts that nobody has seen ---


def test_an_unknown_motor_state_is_neither_running_nor_stopped() -> None:
    bench, pump = connected(running_text="Pumping")
    pump.program(PROGRAM)
    assert pump.start().motion is Motion.UNKNOWN
    bench.line.pass_s(3.0)
    status = pump.status()
    assert (status.motion, status.motion.is_still) == (Motion.UNKNOWN, False)
    assert status.infused_ul == pytest.approx(bench.moved_ul(), abs=0.01)
    assert pump.stop().motion is Motion.STOPPED


def test_a_unit_that_says_stopped_in_other_words_is_never_declared_stopped() -> None:
    bench, pump = connected(stopped_text="Idle")
    with pytest.raises(DeviceRefused, match="unknown"):
        pump.program(PROGRAM)
    with pytest.raises(ReplyTimeout, match="NOT CONFIRMED"):
        pump.stop()
    assert starts(bench) == 0


def test_a_paused_run_is_ended_before_writing() -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    pump.start()
    bench.line.firmware.receive(b"U\r", bench.clock.now_ns())
    bench.line.firmware.transmit(bench.clock.now_ns())
    assert pump.status().motion is Motion.PAUSED
    pump.program(PROGRAM)
    assert pump.status().motion is Motion.STOPPED


def test_L4_one_broken_motor_state_is_not_believed() -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    pump.start()
    bench.line.from_device = nth_answer(1, lambda data: [(0.0, data.replace(b"Running", b"Stopped"))])
    assert pump.status().motion is Motion.INFUSING


@pytest.mark.parametrize("broken", [b"9999.9", b"0.0"])
def test_L4_a_broken_counter_is_asked_for_again(broken: bytes) -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    pump.start()
    bench.line.pass_s(3.0)
    pump.status()
    bench.line.from_device = nth_answer(3, lambda data: [(0.0, re.sub(rb"= [0-9.]+", b"= " + broken, data))])
    assert pump.status().infused_ul == pytest.approx(bench.moved_ul(), abs=0.01)


def test_R38_a_loss_of_power_found_by_a_stop_is_told() -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    pump.start()
    bench.line.pass_s(3.0)
    pump.status()
    bench.power_cycle()
    assert pump.stop().alarm is PumpAlarm.RESET
    assert pump.stop().alarm is None


# --- who is there ---


@pytest.mark.parametrize("form", ["cr", "semicolon", "both"])
def test_R33_stop_finds_the_form_of_commands_by_itself(form: str) -> None:
    bench, pump = connected(terminator=form)
    pump.program(PROGRAM)
    pump.start()
    pump.close()
    assert bench.driver().stop().motion is Motion.STOPPED
    moved_ul = bench.moved_ul()
    bench.line.pass_s(30.0)
    assert bench.moved_ul() == moved_ul


def test_L13_something_else_on_the_port_is_not_taken_for_a_micro4() -> None:
    line = ScriptedLine([step(b"L1\r", b"\x0200S?\x03"), step(b"L1\r"), step(b"L1;"), step(b"L1;")])
    with pytest.raises(WrongInstrument):
        build(line, URL, line.clock, DriverOptions(instrument="pump")).connect()
    line.done()


def test_no_controller_at_all_is_said_in_words() -> None:
    line = ScriptedLine([step(b"L1\r"), step(b"L1\r"), step(b"L1;"), step(b"L1;")])
    with pytest.raises(ReplyTimeout, match="switched on"):
        build(line, URL, line.clock, DriverOptions(instrument="pump")).connect()
    line.done()


@pytest.mark.parametrize(
    ("settings", "about"),
    [
        ({"line": 5}, "1 to 4"),
        ({"line": True}, "1 to 4"),
        ({"line": "1"}, "1 to 4"),
        ({"syringe_type": "Z"}, "syringe_type"),
        ({"running_text": "Stopped"}, "differ"),
        ({"paused_text": ""}, "differ"),
    ],
)
def test_impossible_options_are_refused_when_the_rig_is_read(settings: dict[str, OptionValue], about: str) -> None:
    line = ScriptedLine([])
    with pytest.raises(NotEncodable, match=about):
        build(line, URL, line.clock, DriverOptions(instrument="pump", settings=settings))


def test_an_address_is_the_line_and_another_baud_rate_is_refused() -> None:
    line = ScriptedLine([])
    assert build(line, URL, line.clock, DriverOptions(instrument="pump", address=3)).link.syringe_line == 3
    for options in (
        DriverOptions(instrument="pump", address=5),
        DriverOptions(instrument="pump", address=2, settings={"line": 1}),
        DriverOptions(instrument="pump", baud=19_200),
    ):
        with pytest.raises(NotEncodable):
            build(line, URL, line.clock, options)


def test_a_watchdog_is_never_promised() -> None:
    _bench, pump = connected()
    assert pump.arm_watchdog(5) is False
    pump.disarm_watchdog()
