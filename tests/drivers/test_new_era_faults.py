"""The New Era driver on lines that lose, delay, double and break what they carry (fault matrix L1 to L9, L13)."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.capabilities import DriverOptions, Motion, PumpAlarm, PumpProgram, PumpStatus
from drivers.clock import NS_PER_S
from drivers.errors import (
    DeviceAlarm,
    DeviceRefused,
    DriverError,
    ExchangeError,
    ForeignTraffic,
    GarbledReply,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.new_era import NewEraPump, build
from drivers.new_era.framing import safe_command
from tests.drivers.kit import URL, Filter, ScriptedLine, step
from tests.drivers.pump_faults import flipped
from tests.drivers.test_compliance_new_era import NewEraSetUp

PROGRAM = PumpProgram(diameter_mm=4.699, rate_ul_per_min=60.0, target_ul=100.0)  # 1 uL/s
FOUND = step(b"0VER\r", b"\x0200SNE1000V3.928\x03")


def scripted(*steps: object, **options: object) -> tuple[ScriptedLine, NewEraPump]:
    line = ScriptedLine([FOUND, *steps])  # type: ignore[list-item]
    pump = build(line, URL, line.clock, DriverOptions(instrument="pump", **options))  # type: ignore[arg-type]
    pump.connect()
    return line, pump


def running(saf: int = 0) -> tuple[NewEraSetUp, NewEraPump, int]:
    """Return bench, driver and the time at which 1 uL/s began to flow."""
    bench = NewEraSetUp({})
    pump = bench.driver()
    pump.connect()
    if saf:
        assert pump.arm_watchdog(saf)
    pump.program(PROGRAM)
    began_ns = bench.clock.now_ns()
    pump.start()
    return bench, pump, began_ns


def once(filter_: Filter, at: int = 0) -> Filter:
    """Apply a filter to the chunk with number ``at`` only."""
    counter = iter(range(1_000_000))
    return lambda data: filter_(data) if next(counter) == at else [(0.0, data)]


def losing(rng: np.random.Generator) -> Filter:
    """Lose three of ten chunks."""
    return lambda data: [] if rng.random() < 0.3 else [(0.0, data)]


def assert_true(status: PumpStatus, began_ns: int) -> None:
    """A status holds what was true between asking and receiving, never an older value (L7)."""
    least_ul = (status.asked_ns - began_ns) / NS_PER_S
    most_ul = (status.received_ns - began_ns) / NS_PER_S
    assert least_ul - 0.03 <= status.infused_ul <= most_ul + 0.03


def test_R36_after_a_lost_reply_to_run_only_questions_follow() -> None:
    line, pump = scripted(
        step(b"0RUN\r"),
        step(b"0VER\r", b"\x0200INE1000V3.928\x03"),
        step(b"0DIS\r", b"\x0200II0.400W0.000UL\x03"),
        step(b"0DIS\r", b"\x0200II0.400W0.000UL\x03"),
        step(b"0RAT\r", b"\x0200I60.00UM\x03"),
        step(b"0RAT\r", b"\x0200I60.00UM\x03"),
    )
    with pytest.raises(ReplyTimeout):
        pump.start()
    assert pump.status().motion is Motion.INFUSING
    line.done()


@pytest.mark.parametrize("saf", [0, 60])
@pytest.mark.parametrize("delay_s", [0.2, 0.39, 0.41, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("keeps_order", [True, False])
def test_L7_a_late_answer_is_never_taken_for_a_newer_one(delay_s: float, keeps_order: bool, saf: int) -> None:
    bench, pump, began_ns = running(saf)
    late_until_ns = bench.clock.now_ns() + round(delay_s * NS_PER_S)

    def later(data: bytes) -> list[tuple[float, bytes]]:
        return [(max(late_until_ns - bench.clock.now_ns(), 0) / NS_PER_S, data)]

    bench.line.from_device = later if keeps_order else once(lambda data: [(delay_s, data)])
    answered = 0
    while bench.clock.now_ns() < began_ns + 8 * NS_PER_S:
        try:
            status = pump.status()
        except (ReplyTimeout, GarbledReply, ForeignTraffic):
            continue
        assert_true(status, began_ns)
        answered += 1
        bench.line.pass_s(0.25)
    assert answered > 5
    assert pump.stop().motion.is_still


@pytest.mark.parametrize("saf", [0, 60])
@pytest.mark.parametrize("hiccup_s", [0.5, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5, 2.0])
def test_L7_a_line_that_pauses_and_then_brings_all_answers_in_order_is_no_foreign_traffic(
    hiccup_s: float, saf: int
) -> None:
    bench, pump, began_ns = running(saf)
    resumes_ns = bench.clock.now_ns() + round(hiccup_s * NS_PER_S)
    bench.line.from_device = lambda data: [(max(resumes_ns - bench.clock.now_ns(), 0) / NS_PER_S, data)]
    answered = 0
    while bench.clock.now_ns() < began_ns + 4 * NS_PER_S:
        try:
            status = pump.status()
        except (ReplyTimeout, GarbledReply):
            continue
        assert_true(status, began_ns)
        answered += 1
        bench.line.pass_s(0.25)
    assert answered > 3
    assert pump.foreign_count == 0


@pytest.mark.parametrize("seed", range(40))
def test_L4_no_turned_bit_makes_a_wrong_counter_also_without_checksum(seed: int) -> None:
    """Basic mode: a status is within what flowed between asking and receiving, or an error, whatever bit was turned."""
    bench, pump, began_ns = running(0)
    rng = np.random.default_rng(seed)
    bench.line.from_device = lambda data: [(0.0, flipped(data, rng) if rng.random() < 0.3 else data)]
    told = 0
    for _look in range(20):
        bench.line.pass_s(0.3)
        try:
            status = pump.status()
        except DriverError:
            continue
        assert_true(status, began_ns)
        assert status.motion is Motion.INFUSING
        told += 1
    assert told > 3


def test_R39_strays_are_told_of() -> None:
    told: list[bytes] = []
    line, pump = scripted(
        step(b"0DIS\r", b"\x0200SI0.000W0.000UL\x03"),
        step(b"0DIS\r", b"\x0200SI0.000W0.000UL\x03", (0.2, b"\x0200S\x03")),
        *[step(b"0DIS\r", b"\x0200SI0.000W0.000UL\x03") for _time in range(2)],
        on_foreign=told.append,
    )
    pump.status()
    line.clock.jump_ns(NS_PER_S)
    pump.status()
    assert told == [b"\x0200S\x03"]


@pytest.mark.parametrize("saf", [0, 60])
def test_L6_answers_in_single_bytes_are_put_together(saf: int) -> None:
    bench, pump, began_ns = running(saf)
    bench.line.from_device = lambda data: [(0.002 * n, bytes([byte])) for n, byte in enumerate(data)]
    for _poll in range(3):
        assert_true(pump.status(), began_ns)
    assert pump.stop().motion.is_still


def test_L4_broken_safe_packets_are_never_believed() -> None:
    bench, pump, began_ns = running(60)
    rng = np.random.default_rng(4)

    def garble(data: bytes) -> list[tuple[float, bytes]]:
        broken = bytearray(data)
        broken[rng.integers(len(data))] ^= 1 << rng.integers(8)
        return [(0.0, bytes(broken) if rng.random() < 0.5 else data)]

    bench.line.from_device = garble
    answered = 0
    for _poll in range(60):
        try:
            status = pump.status()
        except ExchangeError:
            continue
        assert_true(status, began_ns)
        answered += 1
    assert answered > 30


@pytest.mark.parametrize(
    ("sent", "becomes"),
    [
        (b"VOL100.0", b"VOL900.0"),
        (b"RAT60.00UM", b"RAT60.00UH"),
        (b"DIA4.699", b"DIA4.999"),
        (b"DIRINF", b"DIRWDR"),
        (b"FUNSTP", b"FUNRAT"),
        (b"PF0", b"PF1"),
    ],
)
def test_L5_R20_a_setting_that_arrives_broken_is_found_by_reading_back(sent: bytes, becomes: bytes) -> None:
    bench = NewEraSetUp({})
    pump = bench.driver()
    pump.connect()
    bench.line.to_device = lambda data: data.replace(sent, becomes)
    with pytest.raises(ReadbackMismatch):
        pump.program(PROGRAM)
    assert not any(b"RUN" in data for data in bench.line.sent)


def test_R39_an_answer_from_another_address_is_foreign_traffic() -> None:
    line, pump = scripted(step(b"0DIS\r", b"\x0207SI0.000W0.000UL\x03"))
    with pytest.raises(ForeignTraffic, match="pump 7") as caught:
        pump.status()
    assert (caught.value.port, caught.value.command) == (URL, "0DIS")
    line.done()


def test_L8_an_echo_of_our_own_bytes_is_no_answer() -> None:
    bench, pump, began_ns = running(60)
    bench.line.from_device = lambda data: [(0.0, bench.line.sent[-1] + data)]
    assert_true(pump.status(), began_ns)


def test_addresses_stand_before_every_command() -> None:
    line = ScriptedLine([step(b"12VER\r", b"\x0212SNE1000V3.928\x03")])
    pump = build(line, URL, line.clock, DriverOptions(instrument="pump", address=12))
    assert pump.connect().firmware == "3.928"
    line.done()


def test_L13_something_else_on_the_port_is_not_taken_for_a_pump() -> None:
    noise = b"garbage\r\n"
    line = ScriptedLine([step(b"0VER\r", noise), step(safe_command("0VER"), noise), step(b"0VER\r", noise)])
    with pytest.raises(WrongInstrument):
        build(line, URL, line.clock, DriverOptions(instrument="pump", baud=19200)).connect()
    line.done()


def test_R53_an_answer_to_a_program_that_died_on_this_line_is_not_taken_for_a_pump_of_another_kind() -> None:
    late = b"\x0200II0.030W0.000UL\x03"
    line = ScriptedLine([step(b"0VER\r", late), step(b"0VER\r", b"\x0200INE1000V3.928\x03")])
    pump = build(line, URL, line.clock, DriverOptions(instrument="pump", baud=19200))
    assert pump.connect().model == "NE-1000"
    line.done()


def test_L13_one_that_answers_like_a_pump_and_never_with_a_version_is_refused() -> None:
    answer = b"\x0200SQX7\x03"
    line = ScriptedLine([step(b"0VER\r", answer)] * 3)
    with pytest.raises(WrongInstrument, match="QX7"):
        build(line, URL, line.clock, DriverOptions(instrument="pump", baud=19200)).connect()
    line.done()


def test_an_alarm_pushed_in_front_of_its_answer_counts_once() -> None:
    line = ScriptedLine(
        [
            step(b"0VER\r"),
            step(safe_command("0VER"), safe_command("00SNE1000V3.928")),
            step(safe_command("0RUN"), safe_command("00A?S"), (0.05, safe_command("00A?S"))),
            step(safe_command("0DIS"), safe_command("00SI3.000W0.000UL")),
        ]
    )
    pump = build(line, URL, line.clock, DriverOptions(instrument="pump"))
    pump.connect()
    with pytest.raises(DeviceAlarm, match="stall"):
        pump.start()
    status = pump.status()
    assert (status.motion, status.alarm) == (Motion.STOPPED, PumpAlarm.STALL), "told once more, as a value"
    assert pump.foreign_count == 0
    line.done()


def test_a_stall_is_reported_with_the_counters_and_stops_the_next_start() -> None:
    bench, pump, _began = running()
    bench.line.pass_s(3.0)
    bench.plunger.drive(bench.plunger._speed, bench.clock.now_ns())
    bench.plunger.blocked = True
    bench.line.pass_s(3.0)
    status = pump.status()
    assert status.alarm is PumpAlarm.STALL
    assert status.motion.is_still
    assert status.infused_ul > 0


def test_a_swallowed_stop_is_sent_again_at_once() -> None:
    line, pump = scripted(
        step(b"0STP\r", b"\x0200A?S\x03"),
        step(b"0STP\r", b"\x0200P\x03"),
        step(b"0\r", b"\x0200P\x03"),
        *[step(b"0DIS\r", b"\x0200PI3.000W0.000UL\x03") for _time in range(2)],
    )
    status = pump.stop()
    assert (status.motion, status.alarm) == (Motion.PAUSED, PumpAlarm.STALL)
    line.done()


@pytest.mark.parametrize("doubted", [0, 1])
def test_R34_both_questions_after_a_stop_must_say_still(doubted: int) -> None:
    """Basic mode has no checksum: one broken status character must not pass for a stop."""
    still, moves = step(b"0\r", b"\x0200S\x03"), step(b"0\r", b"\x0200I\x03")
    moving = [moves], [still, step(b"0DIS\r", b"\x0200II1.000W0.000UL\x03")]
    line, pump = scripted(
        step(b"0STP\r", b"\x0200P\x03"),
        *moving[doubted],
        step(b"0STP\r", b"\x0200P\x03"),
        step(b"0\r", b"\x0200P\x03"),
        *[step(b"0DIS\r", b"\x0200PI1.000W0.000UL\x03") for _time in range(2)],
    )
    assert pump.stop().motion is Motion.PAUSED
    line.done()


@pytest.mark.parametrize("saf", [0, 60])
def test_stop_finds_a_pump_in_either_framing_without_connecting(saf: int) -> None:
    bench, first, _began = running(saf)
    first.close()
    before = len(bench.line.sent)
    status = bench.driver().stop()
    assert status.motion.is_still
    assert b"STP" in bench.line.sent[before], "the first thing sent must be the stop"


@pytest.mark.parametrize("saf", [0, 60])
def test_R34_stop_survives_lost_answers_and_is_never_confirmed_falsely(saf: int) -> None:
    confirmed = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        bench, pump, _began = running(saf)
        bench.line.from_device = losing(rng)
        asked_ns = bench.clock.now_ns()
        try:
            confirmed += pump.stop().motion.is_still
        except ReplyTimeout:
            assert bench.clock.now_ns() - asked_ns >= 3 * NS_PER_S, "gave up too early"
        assert bench.clock.now_ns() - asked_ns <= 3.2 * NS_PER_S
        moved_ul = bench.moved_ul()
        bench.line.pass_s(30.0)
        assert bench.moved_ul() == moved_ul, "the pump heard every command: it must stand still"
    assert confirmed >= 24


def test_R38_a_reset_that_an_unconfirmed_stop_acknowledged_is_told_by_the_next() -> None:
    bench, pump, _began = running()
    bench.power_cycle()
    bench.line.from_device = lambda data: [(0.0, data)] if b"A?R" in data else []
    with pytest.raises(ReplyTimeout):
        pump.stop()
    bench.line.from_device = lambda data: [(0.0, data)]
    assert pump.stop().alarm is PumpAlarm.RESET


@pytest.mark.parametrize("refusal", ["?COM", "?IGN"])
def test_a_question_not_taken_is_asked_again_and_an_action_is_not(refusal: str) -> None:
    answer = f"\x0200S{refusal}\x03".encode()
    line, pump = scripted(
        step(b"0DIS\r", answer),
        *[step(b"0DIS\r", b"\x0200SI0.000W0.000UL\x03") for _time in range(2)],
        step(b"0RUN\r", answer),
    )
    pump.status()
    with pytest.raises(DeviceRefused):
        pump.start()
    line.done()


def test_errors_carry_port_command_and_partial_bytes() -> None:
    _line, pump = scripted(step(b"0RUN\r", b"\x0200"))
    with pytest.raises(GarbledReply) as caught:
        pump.start()
    assert (caught.value.port, caught.value.command, caught.value.partial) == (URL, "0RUN", b"\x0200")
