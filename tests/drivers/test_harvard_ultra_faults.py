"""The Ultra driver on lines that lose, delay, double and break what they carry, and on pumps that lose their power."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from drivers.capabilities import Motion, OptionValue, PumpAlarm, PumpProgram, PumpStatus
from drivers.clock import NS_PER_S
from drivers.errors import (
    DeviceAlarm,
    DeviceRefused,
    DeviceReset,
    ExchangeError,
    ForeignTraffic,
    NotEncodable,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.harvard_ultra import HarvardUltraPump, build
from tests.drivers.kit import URL
from tests.drivers.test_compliance_harvard_ultra import HarvardSetUp

PROGRAM = PumpProgram(diameter_mm=4.699, rate_ul_per_min=60.0, target_ul=100.0)  # 1 uL/s


def connected(**options: str) -> tuple[HarvardSetUp, HarvardUltraPump]:
    bench = HarvardSetUp(options)
    pump = bench.driver()
    pump.connect()
    return bench, pump


def running(**options: str) -> tuple[HarvardSetUp, HarvardUltraPump, int]:
    """Return bench, driver and the time at which 1 uL/s began to flow."""
    bench, pump = connected(**options)
    pump.program(PROGRAM)
    pump.start()
    return bench, pump, bench.clock.now_ns() - round(bench.moved_ul() * NS_PER_S)


def runs(bench: HarvardSetUp) -> int:
    return sum(b"irun" in data for data in bench.line.sent)


def assert_true(status: PumpStatus, began_ns: int) -> None:
    """A status holds what was true between asking and receiving, never an older value (L7)."""
    least_ul = (status.asked_ns - began_ns) / NS_PER_S
    most_ul = (status.received_ns - began_ns) / NS_PER_S
    assert least_ul - 0.03 <= status.infused_ul <= most_ul + 0.03


@pytest.mark.parametrize("options", [{}, {"status_after_prompt": "1"}, {"address": "3"}])
def test_L6_answers_in_single_bytes_are_put_together(options: dict[str, str]) -> None:
    bench, pump, began_ns = running(**options)
    bench.line.from_device = lambda data: [(0.001 * n, bytes([byte])) for n, byte in enumerate(data)]
    for _poll in range(3):
        assert_true(pump.status(), began_ns)
    assert pump.stop().motion.is_still


def test_L4_broken_digits_and_letters_are_not_believed() -> None:
    """There is no checksum: flags are compared with the prompt, counters with a second reading."""
    bench, pump, began_ns = running()
    rng = np.random.default_rng(4)

    def garble(data: bytes) -> list[tuple[float, bytes]]:
        if rng.random() < 0.7:
            return [(0.0, data)]
        broken = bytearray(data)
        broken[rng.integers(len(data))] ^= 1 << rng.integers(8)
        return [(0.0, bytes(broken))]

    bench.line.from_device = garble
    answered = 0
    while bench.clock.now_ns() < began_ns + 90 * NS_PER_S:
        try:
            status = pump.status()
        except (ExchangeError, DeviceRefused):
            continue
        except DeviceReset:  # two broken replies in a row may look like one; it errs on the safe side
            continue
        assert_true(status, began_ns)
        assert status.motion is Motion.INFUSING
        answered += 1
    assert answered > 30


@pytest.mark.parametrize(
    ("sent", "becomes"),
    [
        (b"tvolume 100 ul", b"tvolume 900 ul"),
        (b"irate 60 ul/min", b"irate 60 ul/hr"),
        (b"diameter 4.699", b"diameter 4.999"),
        (b"ctvolume", b"civolume"),
        (b"tvolume 100 ul", b"tvolume 100 nl"),
    ],
)
def test_L5_R20_a_setting_that_arrives_broken_is_found_by_reading_back(sent: bytes, becomes: bytes) -> None:
    bench, pump = connected()
    bench.line.to_device = lambda data: data.replace(sent, becomes)
    if sent == b"ctvolume":  # harmless: the target is written after it
        assert pump.program(PROGRAM) == PROGRAM
        return
    with pytest.raises((ReadbackMismatch, DeviceRefused)):
        pump.program(PROGRAM)
    assert runs(bench) == 0


def test_R20_a_ramp_that_stays_beside_the_rate_is_refused() -> None:
    _bench, pump = connected(leftover_ramp="1", ramp_survives_rate="1", cttime_clears_ramp="0")
    with pytest.raises(ReadbackMismatch, match="ramp"):
        pump.program(PROGRAM)


@pytest.mark.parametrize(("targets", "bounded"), [("both", True), ("last", False), ("volume", False)])
def test_the_time_bound_is_armed_only_beside_the_volume_target(targets: str, bounded: bool) -> None:
    bench, pump = connected(targets=targets)
    assert pump.program(PROGRAM) == PROGRAM
    bench.line.firmware.receive(b"ttime\rtvolume\r", bench.clock.now_ns())
    told = bench.line.firmware.transmit(bench.clock.now_ns())
    assert (b"00:01:50" in told) is bounded
    assert b"100 ul" in told


def test_limits_that_differ_from_the_mechanics_of_the_model_are_refused_with_both() -> None:
    bench, pump = connected()
    bench.line.from_device = lambda data: [(0.0, data.replace(b"2.65534 nl/min", b"2.66534 nl/min"))]
    with pytest.raises(ReadbackMismatch, match=r"0\.00265534 .* 0\.00266534 .* limits = \"pump\""):
        pump.program(PROGRAM)


def test_limits_of_the_pump_alone_count_where_the_rig_says_so_or_the_model_is_not_known() -> None:
    for options, settings in [({}, {"limits": "pump"}), ({"model": "pico-plus"}, {})]:
        bench = HarvardSetUp(options)
        pump = bench.driver(settings=settings)
        pump.connect()
        assert pump.program(PROGRAM) == PROGRAM
        bench.line.from_device = lambda data: [(0.0, re.sub(rb"\n[0-9.]+ [pn]l/min to", b"\n70 ul/min to", data))]
        with pytest.raises(DeviceRefused, match="70 to"):
            pump.program(PROGRAM)


def test_a_pump_that_pushes_two_syringes_is_refused_and_so_is_one_set_to_two_before_the_start() -> None:
    _bench, pump = connected(gang="2")
    with pytest.raises(ReadbackMismatch, match="2 syringes"):
        pump.program(PROGRAM)
    bench, pump = connected()
    pump.program(PROGRAM)
    bench.by_hand(b"gang 2\r")
    with pytest.raises(ReadbackMismatch, match="2 syringes"):
        pump.start()
    assert runs(bench) == 0


def test_a_ramp_that_clearing_the_target_time_deletes_is_no_hindrance() -> None:
    _bench, pump = connected(leftover_ramp="1", ramp_survives_rate="1")
    assert pump.program(PROGRAM) == PROGRAM
    assert pump.start().motion is Motion.INFUSING


def test_a_ramp_set_by_hand_after_programming_prevents_the_start() -> None:
    bench, pump = connected(ramp_survives_rate="1")
    pump.program(PROGRAM)
    bench.by_hand(b"iramp 10 ul/min 100 ul/min 60\r")
    with pytest.raises(ReadbackMismatch, match="ramp"):
        pump.start()
    assert runs(bench) == 0


def test_the_force_is_left_alone_unless_the_rig_names_one_which_is_then_read_back() -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    assert not any(b"force" in data for data in bench.line.sent)
    bench = HarvardSetUp({})
    pump = bench.driver(settings={"force_percent": 30})
    pump.connect()
    pump.program(PROGRAM)
    assert b"@force 30\r\n" in bench.line.sent
    bench.line.to_device = lambda data: data.replace(b"force 30", b"force 90")
    with pytest.raises(ReadbackMismatch, match="force was set to 30 % and reads back as 90 %"):
        pump.program(PROGRAM)


@pytest.mark.parametrize(
    "settings",
    [
        {"power_resume": "on"},
        {"power_resume": False},
        {"force_percent": 0},
        {"force_percent": 30.5},
        {"force_percent": True},
        {"limits": "none"},
    ],
)
def test_settings_that_make_no_sense_are_refused_when_the_plan_is_made(settings: dict[str, OptionValue]) -> None:
    with pytest.raises(NotEncodable):
        HarvardSetUp({}).driver(settings=settings)


def test_the_plan_warns_of_a_resume_until_a_person_says_that_it_is_off() -> None:
    assert "Resume run on power loss" in HarvardSetUp({}).driver().cautions()[0]
    assert HarvardSetUp({}).driver(settings={"power_resume": "off, seen 2026-11-20 by AB"}).cautions() == ()


def test_what_is_stored_for_the_next_power_up_is_harmless_and_stored_once_per_connect() -> None:
    bench, pump = connected(resumes="1")
    for _infusion in range(3):
        pump.program(PROGRAM)
    assert sum(b"nvram on" in data for data in bench.line.sent) == 1
    pump.start()
    bench.line.pass_s(3.0)
    moved_ul = bench.moved_ul()
    bench.power_cycle()
    bench.line.pass_s(3600.0)  # nobody looks for an hour
    assert 0.0 < bench.moved_ul() - moved_ul < 0.02


def test_a_pump_whose_storing_cannot_be_switched_off_again_is_refused() -> None:
    bench, pump = connected()
    bench.line.to_device = lambda data: data.replace(b"nvram none", b"nvram zero").replace(b"nvram off", b"nvram zero")
    with pytest.raises(DeviceRefused, match="stores its settings"):
        pump.program(PROGRAM)


def test_R38_a_start_answered_without_xon_is_stopped_at_once() -> None:
    """Its power went after the last look: it may run at a rate, and without a target, that nobody wants."""
    bench, pump = connected(forgets="1")
    pump.program(PROGRAM)

    def cycle(data: bytes) -> bytes:
        if b"irun" in data:
            bench.line.firmware.power_off(bench.clock.now_ns())
            bench.line.firmware.power_on(bench.clock.now_ns())
        return data

    bench.line.to_device = cycle
    asked_ns = bench.clock.now_ns()
    with pytest.raises(DeviceReset):
        pump.start()
    assert bench.clock.now_ns() - asked_ns < 1.5 * NS_PER_S
    moved_ul = bench.moved_ul()
    assert moved_ul < 0.45 * 1000.0 / 60.0 * (4.699 / 14.43) ** 2, "1 ml/min of another syringe, for one lost answer"
    bench.line.pass_s(10.0)
    assert bench.moved_ul() == moved_ul


def test_the_limit_switch_is_told_as_a_stall() -> None:
    bench, pump, _began = running(switch_ul="3")
    bench.line.pass_s(5.0)
    status = pump.status()
    assert (status.alarm, status.motion) == (PumpAlarm.STALL, Motion.STOPPED)
    with pytest.raises(DeviceAlarm):
        pump.program(PROGRAM)


def test_a_pump_started_by_its_trigger_is_seen_to_run_and_is_not_started_again() -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    bench.by_hand(b"run\r")
    assert pump.status().motion is Motion.INFUSING
    with pytest.raises(DeviceReset, match="not started"):
        pump.start()
    assert runs(bench) == 0


@pytest.mark.parametrize(
    "behind_its_back", [b"tvolume 900 ul\r", b"ctvolume\r", b"irate 600 ul/min\r", b"diameter 14.43\r"]
)
def test_a_pump_changed_by_hand_after_programming_does_not_start(behind_its_back: bytes) -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    bench.line.firmware.receive(behind_its_back, bench.clock.now_ns())
    bench.line.firmware.transmit(bench.clock.now_ns())
    with pytest.raises(DeviceReset, match="not started"):
        pump.start()
    assert runs(bench) == 0


@pytest.mark.parametrize("options", [{}, {"poll_persists": "1"}, {"counters_persist": "1", "poll_persists": "1"}])
def test_R38_a_power_cycle_between_program_and_start_prevents_the_start(options: dict[str, str]) -> None:
    bench, pump = connected(**options)
    pump.program(PROGRAM)
    bench.power_cycle()
    with pytest.raises(DeviceReset):
        pump.start()
    assert runs(bench) == 0
    with pytest.raises(DeviceRefused):
        pump.start()


def test_R38_a_run_that_the_pump_resumed_by_itself_is_known_by_its_counters() -> None:
    bench, pump, _began = running(poll_persists="1", settings_persist="1", resumes="1")
    bench.line.pass_s(5.0)
    pump.status()
    bench.power_cycle()
    with pytest.raises(DeviceReset):
        pump.status()
    assert pump.stop().motion.is_still


def test_R38_a_stop_after_a_power_cycle_says_so() -> None:
    bench, pump, _began = running()
    bench.line.pass_s(2.0)
    pump.status()
    bench.power_cycle()
    assert pump.stop().alarm is PumpAlarm.RESET


def test_R38_a_run_after_somebody_withdrew_is_no_reset() -> None:
    """The times in ``status`` are those of the direction it points to [M]: they may go back when it turns round."""
    bench, pump = connected()
    for raw in (b"wrun\r", b"stp\r"):
        bench.line.firmware.receive(raw, bench.clock.now_ns())
        bench.line.pass_s(20.0)
        bench.line.firmware.transmit(bench.clock.now_ns())
    assert pump.status().withdrawn_ul > 0
    pump.program(PROGRAM)
    assert pump.start().motion is Motion.INFUSING
    bench.line.pass_s(1.0)
    assert pump.status().motion is Motion.INFUSING


def test_only_what_was_programmed_here_is_started() -> None:
    bench, pump = connected()
    with pytest.raises(DeviceRefused, match="program the pump first"):
        pump.start()
    pump.program(PROGRAM)
    pump.stop()
    with pytest.raises(DeviceRefused):
        pump.start()
    assert runs(bench) == 0


@pytest.mark.parametrize("prompt", [b"<", b":", b"T*", b"*"])
def test_a_start_answered_by_another_prompt_is_stopped_and_refused(prompt: bytes) -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    bench.line.from_device = lambda data: [
        (0.0, data.replace(b">", prompt) if b"irun" in bench.line.sent[-1] else data)
    ]
    with pytest.raises(DeviceRefused, match="prompt"):
        pump.start()
    moved_ul = bench.moved_ul()
    bench.line.pass_s(10.0)
    assert bench.moved_ul() == moved_ul


def test_a_stall_is_reported_until_stopped_and_stops_the_next_program() -> None:
    bench, pump, _began = running()
    bench.line.pass_s(3.0)
    bench.plunger.drive(bench.plunger._speed, bench.clock.now_ns())
    bench.plunger.blocked = True
    bench.line.pass_s(3.0)
    for _look in range(2):
        status = pump.status()
        assert (status.alarm, status.motion) == (PumpAlarm.STALL, Motion.STOPPED)
        assert status.infused_ul > 0
    with pytest.raises(DeviceAlarm, match="stall"):
        pump.program(PROGRAM)
    bench.plunger.blocked = False
    assert pump.program(PROGRAM) == PROGRAM


def test_R39_an_answer_from_another_address_is_foreign_traffic() -> None:
    bench, pump = connected(address="3")
    bench.line.from_device = lambda data: [(0.0, data.replace(b"\n03", b"\n07"))]
    with pytest.raises(ForeignTraffic, match="pump 7"):
        pump.status()


def test_a_pump_with_another_address_than_in_the_rig_is_not_taken() -> None:
    bench = HarvardSetUp({"address": "5"})
    pump = build(bench.line, URL, bench.clock, bench.line.options(address=0))
    with pytest.raises(ForeignTraffic, match="pump 5"):
        pump.connect()


def test_L13_something_else_on_the_port_is_not_taken_for_a_pump() -> None:
    bench = HarvardSetUp({})
    bench.line.from_device = lambda _data: [(0.0, b"\x0200S?\x03")]
    with pytest.raises(WrongInstrument):
        bench.driver().connect()


def test_nobody_there() -> None:
    bench = HarvardSetUp({})
    bench.line.from_device = lambda _data: []
    with pytest.raises(ReplyTimeout, match="no pump with address 0"):
        bench.driver().connect()


@pytest.mark.parametrize("found", ["off", "on", "remote"])
def test_stop_comes_first_whatever_poll_mode_is_found(found: str) -> None:
    bench, first, _began = running()
    first.close()
    bench.line.firmware.receive(f"poll {found}\r".encode(), bench.clock.now_ns())
    bench.line.firmware.transmit(bench.clock.now_ns())
    before, asked_ns = len(bench.line.sent), bench.clock.now_ns()
    status = bench.driver().stop()
    assert status.motion.is_still
    assert status.alarm is None
    assert b"stp" in bench.line.sent[before], "the first thing sent must be the stop"
    assert bench.clock.now_ns() - asked_ns < 2 * NS_PER_S


def test_stop_of_a_pump_that_shows_another_screen() -> None:
    bench = HarvardSetUp({"quick_start": "0"})
    assert bench.driver().stop().motion.is_still


def test_R10_a_rate_beyond_the_drive_is_refused_before_anything_is_sent() -> None:
    bench, pump = connected()
    before = bench.sent()
    with pytest.raises(NotEncodable, match="outside"):
        pump.program(replace(PROGRAM, rate_ul_per_min=2800.0))
    assert bench.sent() == before


def test_there_is_no_watchdog() -> None:
    bench, pump = connected()
    before = bench.sent()
    assert not pump.arm_watchdog(5)
    pump.disarm_watchdog()
    assert bench.sent() == before
