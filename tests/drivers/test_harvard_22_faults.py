"""The driver for older Harvard pumps: no infusion without a proved target, on any model, on any line."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from drivers.capabilities import DriverOptions, Motion, PumpAlarm, PumpProgram
from drivers.errors import (
    DeviceRefused,
    ForeignTraffic,
    GarbledReply,
    NotEncodable,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.harvard_22 import Harvard22Pump, build
from sim_devices.firmware.motor import RUNNING
from tests.drivers.kit import URL, ScriptedLine, step
from tests.drivers.pump_faults import nth_answer
from tests.drivers.test_compliance_harvard_22 import Harvard22SetUp, set_up

PROGRAM = PumpProgram(diameter_mm=4.699, rate_ul_per_min=60.0, target_ul=20.0)  # 1 uL/s for 20 s


def connected(settings: dict[str, str] | None = None, **options: str) -> tuple[Harvard22SetUp, Harvard22Pump]:
    bench = set_up(dict(settings or {}), **options)
    pump = bench.driver()
    pump.connect()
    return bench, pump


def starts(bench: Harvard22SetUp) -> int:
    return sum(data.endswith(b"RUN\r") for data in bench.line.sent)


def test_nothing_is_started_that_was_not_written() -> None:
    bench, pump = connected()
    with pytest.raises(DeviceRefused, match="programmed"):
        pump.start()
    pump.program(PROGRAM)
    pump.stop()
    with pytest.raises(DeviceRefused):
        pump.start()
    assert starts(bench) == 0


# --- no infusion without a verified read-back of the target ---


@pytest.mark.parametrize("model", ["22", "11", "33", "oem"])
@pytest.mark.parametrize("mlt_unit", ["ml", "ul"])
def test_a_model_that_cannot_be_asked_for_its_target_is_never_programmed_or_started(model: str, mlt_unit: str) -> None:
    bench, pump = connected(model=model, mlt_unit=mlt_unit)
    sent = bench.sent()
    with pytest.raises(DeviceRefused, match=r"no command that tells it.*1000 times the dose.*PHD 2000.*by hand"):
        pump.program(PROGRAM)
    with pytest.raises(DeviceRefused):
        pump.start()
    with pytest.raises(DeviceRefused):
        pump.read_back()
    assert bench.sent() == sent, "not a byte was sent for an infusion that must not be"
    assert pump.status().motion is Motion.STOPPED


@pytest.mark.parametrize("model", ["22", "11", "33", "oem"])
@pytest.mark.parametrize("digits", ["two", "one", "none"])
def test_such_a_model_can_be_identified_watched_and_stopped(model: str, digits: str) -> None:
    bench, pump = connected(model=model, address_digits=digits)
    assert pump.connect().model.endswith("(experimental)")
    bench.line.firmware.receive(b"00RUN\r", bench.clock.now_ns())  # by hand
    bench.line.firmware.transmit(bench.clock.now_ns())
    status = pump.status()
    assert (status.motion, status.infused_ul) == (Motion.INFUSING, 0.0)
    pump.close()
    assert bench.driver().stop().motion is Motion.STOPPED, "also by a driver that does not know the model yet"
    moved_ul = bench.moved_ul()
    bench.line.pass_s(60.0)
    assert bench.moved_ul() == moved_ul


def test_a_bare_number_proves_nothing_until_somebody_has_weighed_it() -> None:
    bench, pump = connected(prints_unit="off")
    with pytest.raises(DeviceRefused, match=r"bare number.*[Ww]eigh.*target_unit"):
        pump.program(PROGRAM)
    with pytest.raises(DeviceRefused):
        pump.start()
    with pytest.raises(DeviceRefused):
        pump.read_back()
    assert starts(bench) == 0
    _bench, pump = connected({"target_unit": "ml"}, prints_unit="off")
    assert pump.program(PROGRAM) == PROGRAM


def test_a_pump_whose_target_is_in_another_unit_is_found_by_the_unit_it_prints() -> None:
    bench, pump = connected(tgt_unit="ul")
    with pytest.raises(ReadbackMismatch, match="target"):
        pump.program(PROGRAM)
    assert starts(bench) == 0


def test_targets_are_sent_in_ml_so_that_a_wrong_unit_could_only_be_too_little() -> None:
    bench, pump = connected({"target_unit": "ml"}, prints_unit="off", tgt_unit="ul")  # the rig file is wrong
    pump.program(PROGRAM)
    pump.start()
    bench.line.pass_s(60.0)
    assert 0 < bench.moved_ul() < PROGRAM.target_ul / 500


def test_the_option_says_ml_or_nothing() -> None:
    line = ScriptedLine([])
    with pytest.raises(NotEncodable, match="mL"):
        build(line, URL, line.clock, DriverOptions(instrument="pump", settings={"target_unit": "ul"}))


@pytest.mark.parametrize("decimals", ["0", "1", "2"])
def test_a_target_printed_with_too_few_digits_is_not_believed(decimals: str) -> None:
    bench, pump = connected(decimals=decimals)
    with pytest.raises(ReadbackMismatch):
        pump.program(PROGRAM)
    assert starts(bench) == 0


def test_one_broken_answer_is_no_proof_of_a_target() -> None:
    bench, pump = connected()
    bench.line.to_device = lambda data: data.replace(b"TGT 0.0200", b"TGT 0.2000")
    broken = iter(range(10))

    def mend(data: bytes) -> list[tuple[float, bytes]]:
        if b"0.2000 ml" in data and next(broken) == 0:
            return [(0.0, data.replace(b"0.2000", b"0.0200"))]
        return [(0.0, data)]

    bench.line.from_device = mend
    with pytest.raises(ReadbackMismatch, match="target"):
        pump.program(PROGRAM)


# --- what else it must hold ---


@pytest.mark.parametrize(
    ("sent", "becomes"),
    [
        (b"TGT 0.0200", b"TGT 0.0900"),
        (b"RAT 60.00 UM", b"RAT 60.00 MM"),
        (b"RAT 60.00 UM", b"RAT 90.00 UM"),
        (b"DIA 4.699", b"DIA 4.999"),
        (b"MOD VLM", b"MOD PMP"),
        (b"DIR INF", b"DIR REF"),
        (b"AF OFF", b"AF ON"),
        (b"CLD", b"VER"),
    ],
)
def test_L5_R20_a_setting_that_arrives_broken_is_found(sent: bytes, becomes: bytes) -> None:
    bench, pump = connected()
    bench.pump.commands._run_from_mm = -1.0  # something was delivered before
    bench.line.to_device = lambda data: data.replace(sent, becomes)
    with pytest.raises((ReadbackMismatch, GarbledReply, DeviceRefused, ReplyTimeout)):
        pump.program(PROGRAM)
    assert starts(bench) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target_ul", 21.0),
        ("rate", 61.0),
        ("unit", "MM"),
        ("diameter_mm", 4.5),
        ("mode", "PUMP"),
        ("refills", True),
        ("auto_fill", True),
    ],
)
def test_R20_what_was_changed_on_the_keypad_is_found_before_the_start(name: str, value: object) -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    setattr(bench.pump.commands, name, value)
    with pytest.raises(ReadbackMismatch):
        pump.start()
    assert starts(bench) == 0


def test_a_rate_out_of_range_is_the_pumps_own_refusal() -> None:
    bench, pump = connected()
    with pytest.raises(DeviceRefused, match="out of range"):
        pump.program(replace(PROGRAM, rate_ul_per_min=9000.0))
    assert starts(bench) == 0


# --- prompts ---


def test_a_star_is_a_stop_on_a_phd_2000_and_a_stall_on_the_others() -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    pump.start()
    bench.line.pass_s(2.0)
    assert pump.stop().motion is Motion.STOPPED
    assert b"00STP\r" in bench.line.sent
    assert pump.status().motion is Motion.STOPPED
    bench, pump = connected(model="11")
    bench.line.from_device = lambda data: [(0.0, re.sub(rb"[0-9]{2}:$", b"00*", data))]
    assert (pump.status().motion, pump.status().alarm) == (Motion.UNKNOWN, None)
    with pytest.raises(ReplyTimeout, match="NOT CONFIRMED"):
        pump.stop()


def test_a_stall_of_an_oem_pump_is_told_once_and_nothing_is_said_about_the_motor() -> None:
    bench, pump = connected(model="oem")
    bench.line.firmware.receive(b"00RUN\r", bench.clock.now_ns())
    bench.line.firmware.transmit(bench.clock.now_ns())
    bench.plunger.drive(bench.plunger._speed, bench.clock.now_ns())
    bench.plunger.blocked = True
    bench.line.pass_s(2.0)
    status = pump.status()
    assert (status.motion, status.alarm) == (Motion.UNKNOWN, PumpAlarm.STALL)
    assert pump.status().alarm is None
    assert pump.stop().motion is Motion.STOPPED


@pytest.mark.parametrize(
    ("prompt", "motion"), [(b"/", Motion.PAUSED), (b"^", Motion.WAITING), (b"<", Motion.WITHDRAWING)]
)
def test_other_prompts_of_a_phd_2000(prompt: bytes, motion: Motion) -> None:
    bench, pump = connected()
    bench.line.from_device = lambda data: [(0.0, re.sub(rb":$", prompt, data))]
    assert pump.status().motion is motion
    with pytest.raises(DeviceRefused):
        pump.program(PROGRAM)
    assert starts(bench) == 0


@pytest.mark.parametrize("end", ["colon", "star"])
def test_at_its_target_it_stands_whatever_prompt_it_shows(end: str) -> None:
    bench, pump = connected(end_prompt=end)
    pump.program(PROGRAM)
    pump.start()
    bench.line.pass_s(25.0)
    status = pump.status()
    assert status.motion is Motion.STOPPED
    assert status.infused_ul == pytest.approx(20.0)
    pump.program(PROGRAM)
    pump.start()
    bench.line.pass_s(25.0)
    assert bench.moved_ul() == pytest.approx(40.0, rel=1e-3)


# --- looking, and who is there ---


def test_L4_one_flipped_prompt_is_not_believed() -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    pump.start()
    bench.line.from_device = nth_answer(0, lambda data: [(0.0, re.sub(rb">$", b":", data))])
    assert pump.status().motion is Motion.INFUSING


@pytest.mark.parametrize("broken", [b"9.0000 ml", b"0.0000 ml"])
def test_L4_a_broken_counter_is_asked_for_again(broken: bytes) -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    pump.start()
    bench.line.pass_s(3.0)
    pump.status()
    bench.line.from_device = nth_answer(1, lambda data: [(0.0, re.sub(rb"[0-9.]+ ml", broken, data))])
    assert pump.status().infused_ul == pytest.approx(bench.moved_ul(), abs=0.2)


def test_R38_a_loss_of_power_found_by_a_stop_is_told() -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    pump.start()
    bench.line.pass_s(3.0)
    pump.status()
    bench.power_cycle()
    assert pump.stop().alarm is PumpAlarm.RESET
    assert pump.stop().alarm is None


def test_L12_another_address_is_not_taken_for_ours() -> None:
    line = ScriptedLine([step(b"03VER\r", b"\r\nPHD1.2\r\n4:")])
    with pytest.raises(ForeignTraffic, match="pump 4 answered instead of pump 3"):
        build(line, URL, line.clock, DriverOptions(instrument="pump", address=3)).connect()
    line.done()


def test_L13_something_else_on_the_port_is_not_taken_for_a_pump() -> None:
    line = ScriptedLine([step(b"00VER\r", b"\x0200S?\x03") for _ in range(4)])
    with pytest.raises(WrongInstrument):
        build(line, URL, line.clock, DriverOptions(instrument="pump")).connect()
    assert line.opened == [9600, 19_200]
    line.done()


def test_no_pump_at_all_is_said_in_words_at_the_rate_of_the_rig_file() -> None:
    line = ScriptedLine([step(b"00VER\r") for _ in range(2)])
    with pytest.raises(ReplyTimeout, match=r"address 0.*2400 baud.*keypad"):
        build(line, URL, line.clock, DriverOptions(instrument="pump", baud=2400)).connect()
    assert line.opened == [2400]
    line.done()


def test_a_pump_in_keypad_set_mode_is_not_declared_stopped() -> None:
    bench = set_up(keypad="true")
    pump = bench.driver()
    with pytest.raises(ReplyTimeout):
        pump.connect()
    with pytest.raises(ReplyTimeout, match="NOT CONFIRMED"):
        pump.stop()


def test_an_impossible_address_is_refused_when_the_rig_is_read() -> None:
    line = ScriptedLine([])
    pump = build(line, URL, line.clock, DriverOptions(instrument="pump", address=100))
    with pytest.raises(NotEncodable):
        pump.rate_limits_ul_per_min(4.699)
    line.done()


def test_a_paused_run_is_ended_before_writing() -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    pump.start()
    bench.line.pass_s(2.0)
    bench.pump._motor.pause(bench.clock.now_ns())
    bench.line.from_device = lambda data: [(0.0, re.sub(rb"0:$", b"0/", data) if bench.pump._motor.busy else data)]
    assert pump.status().motion is Motion.PAUSED
    pump.program(PROGRAM)
    assert bench.pump._motor.state != RUNNING
    assert pump.status().motion is Motion.STOPPED
