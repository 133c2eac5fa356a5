"""The Ultra driver on lines that lose, delay, double and break what they carry, and on pumps that lose their power."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from drivers.capabilities import Motion, PumpAlarm, PumpProgram, PumpStatus
from drivers.clock import NS_PER_S
from drivers.errors import (
    DeviceAlarm,
    DeviceRefused,
    DeviceReset,
    DriverError,
    ExchangeError,
    ForeignTraffic,
    GarbledReply,
    Interrupted,
    NotEncodable,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.harvard_ultra import HarvardUltraPump, build
from tests.drivers.kit import MS, URL, Filter
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


def once(filter_: Filter, at: int = 0) -> Filter:
    """Apply a filter to the chunk with number ``at`` only."""
    counter = iter(range(1_000_000))
    return lambda data: filter_(data) if next(counter) == at else [(0.0, data)]


def runs(bench: HarvardSetUp) -> int:
    return sum(b"irun" in data for data in bench.line.sent)


def assert_true(status: PumpStatus, began_ns: int) -> None:
    """A status holds what was true between asking and receiving, never an older value (L7)."""
    least_ul = (status.asked_ns - began_ns) / NS_PER_S
    most_ul = (status.received_ns - began_ns) / NS_PER_S
    assert least_ul - 0.03 <= status.infused_ul <= most_ul + 0.03


def lose_answer_to(bench: HarvardSetUp, command: bytes) -> None:
    bench.line.from_device = lambda data: [] if command in bench.line.sent[-1] else [(0.0, data)]


@pytest.mark.parametrize("lost", ["command", "reply"])
def test_R36_L2_irun_goes_out_once_per_start_whatever_is_lost(lost: str) -> None:
    bench, pump = connected()
    pump.program(PROGRAM)
    if lost == "reply":
        lose_answer_to(bench, b"irun")
    else:
        bench.line.to_device = lambda data: b"" if b"irun" in data else data
    with pytest.raises(ReplyTimeout):
        pump.start()
    motion = pump.status().motion
    assert motion is (Motion.INFUSING if lost == "reply" else Motion.STOPPED)
    with pytest.raises(DeviceRefused, match="program"):
        pump.start()
    assert runs(bench) == 1


@pytest.mark.parametrize("command", [b"diameter", b"irate", b"tvolume", b"civolume", b"poll on", b"version", b"stp"])
def test_L1_each_lost_answer_while_programming_is_recovered_from(command: bytes) -> None:
    bench = HarvardSetUp({})
    pump = bench.driver()
    lost = iter([True])
    bench.line.from_device = lambda data: [] if command in bench.line.sent[-1] and next(lost, False) else [(0.0, data)]
    pump.connect()
    assert pump.program(PROGRAM) == PROGRAM
    assert next(lost, None) is None
    assert pump.start().motion is Motion.INFUSING


def test_L1_a_question_is_asked_three_times_at_most() -> None:
    bench, pump, _began = running()
    before = len(bench.line.sent)
    bench.line.from_device = lambda _data: []
    asked_ns = bench.clock.now_ns()
    with pytest.raises(ReplyTimeout):
        pump.status()
    assert len(bench.line.sent) - before == 3
    assert bench.clock.now_ns() - asked_ns < 3 * NS_PER_S


@pytest.mark.parametrize("delay_s", [0.2, 0.39, 0.41, 0.7, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("keeps_order", [True, False])
def test_L7_a_late_answer_is_never_taken_for_a_newer_one(delay_s: float, keeps_order: bool) -> None:
    bench, pump, began_ns = running()
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
    assert answered > 3
    assert pump.stop().motion.is_still


def test_L3_doubled_answers_change_nothing_and_are_counted() -> None:
    bench, pump, began_ns = running()
    bench.line.from_device = lambda data: [(0.0, data), (0.0, data)]
    for _poll in range(5):
        assert_true(pump.status(), began_ns)
        bench.line.pass_s(0.5)
    assert pump.foreign_count >= 5


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
    _bench, pump = connected(leftover_ramp="1", ramp_survives_rate="1")
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


def test_the_limits_the_pump_tells_are_asked_with_the_syringe_in_place() -> None:
    bench, pump = connected()
    bench.line.from_device = lambda data: [(0.0, data.replace(b"2.65534 nl/min", b"70 ul/min"))]
    with pytest.raises(DeviceRefused, match="70 to"):
        pump.program(PROGRAM)


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


def test_L9_a_babbling_line_costs_bounded_time_and_memory() -> None:
    bench, pump, _began = running()
    bench.line.from_device = lambda _data: [(0.001 * n, b"\xaa" * 1000) for n in range(1000)]
    asked_ns = bench.clock.now_ns()
    with pytest.raises(ExchangeError) as caught:
        pump.status()
    assert len(caught.value.partial) <= 256
    assert bench.clock.now_ns() - asked_ns < 3 * NS_PER_S


def test_R34_stop_survives_lost_answers_and_is_never_confirmed_falsely() -> None:
    confirmed = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        bench, pump, _began = running()
        bench.line.from_device = lambda data, rng=rng: [] if rng.random() < 0.2 else [(0.0, data)]  # type: ignore[misc]
        asked_ns = bench.clock.now_ns()
        try:
            confirmed += pump.stop().motion.is_still
        except ReplyTimeout:
            assert bench.clock.now_ns() - asked_ns >= 3 * NS_PER_S, "gave up too early"
        assert bench.clock.now_ns() - asked_ns <= 3.3 * NS_PER_S
        moved_ul = bench.moved_ul()
        bench.line.pass_s(30.0)
        assert bench.moved_ul() == moved_ul, "the pump heard every command: it must stand still"
    assert confirmed >= 20


def test_R33_a_silent_pump_is_declared_not_confirmed_within_the_time() -> None:
    bench, pump, _began = running()
    bench.line.from_device = lambda _data: []
    asked_ns = bench.clock.now_ns()
    with pytest.raises(ReplyTimeout, match="NOT CONFIRMED STOPPED"):
        pump.stop()
    assert 2 * NS_PER_S < bench.clock.now_ns() - asked_ns <= 3.2 * NS_PER_S


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


def test_R33_a_waiting_exchange_is_given_up_for_a_stop_within_20_ms() -> None:
    bench, _pump, _began = running()
    wanted_ns = bench.clock.now_ns() + 300 * MS
    pump = bench.driver(abort=lambda: bench.clock.now_ns() >= wanted_ns)
    pump.connect()
    bench.line.from_device = lambda _data: []
    with pytest.raises(Interrupted):
        pump.status()
    assert bench.clock.now_ns() - wanted_ns <= 20 * MS
    bench.line.from_device = lambda data: [(0.0, data)]
    assert pump.stop().motion.is_still, "the abort check must not abort the stop itself"


@pytest.mark.parametrize("targets", ["both", "last"])
@pytest.mark.parametrize("seed", range(20))
def test_random_faults_never_lead_to_a_false_stop_a_second_run_or_a_wrong_program(seed: int, targets: str) -> None:
    rng = np.random.default_rng(seed)
    bench, pump = connected(targets=targets)

    def disturb(data: bytes) -> list[tuple[float, bytes]]:
        chance = rng.random()
        if chance < 0.02:
            return []
        if chance < 0.04:
            return [(0.0, data), (float(rng.uniform(0, 0.3)), data)]
        if chance < 0.06:
            return [(float(rng.uniform(0.2, 3.0)), data)]
        if chance < 0.08:
            return [(0.0, data[: rng.integers(len(data))])]
        return [(0.0, data)]

    bench.line.from_device = disturb
    for _round in range(4):
        starts = runs(bench)
        try:
            held = pump.program(PROGRAM)
            assert held == PROGRAM
            pump.start()
        except DriverError:
            pass
        assert runs(bench) <= starts + 1
        bench.line.pass_s(float(rng.uniform(0.1, 4.0)))
        try:
            status = pump.stop()
        except DriverError:
            continue
        assert status.motion.is_still
        moved_ul = bench.moved_ul()
        bench.line.pass_s(5.0)
        assert bench.moved_ul() == moved_ul, "declared stopped and went on"


@pytest.mark.parametrize("seed", range(30))
def test_nonsense_on_the_line_raises_our_errors_only_and_never_runs_twice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = (
        b"\n",
        b":",
        b"\x11",
        b"\r",
        b"\n:\x11",
        b"\n>\x11",
        b"\nT*\x11",
        b"\n0 0 0 i..TI.\r\n:\x11",
        b"\n1 ml\r\n:\x11",
        b"\n07:\x11",
        b"\nArgument error: x\r\n   y\r\n:\x11",
        b"\nFirmware: v3\r\n:\x11",
        b"\n4.6990 mm\r\n:",
        b"\xff\x00",
        b"\n1 nl/min to 2 ml/min\r\n:\x11",
        b"\n60 ul/min\r\n:\x11",
        b"\n100 ul\r\n:\x11",
        b"\n0 ul\r\n:\x11",
        b"",
    )
    bench, pump = connected()
    pump.program(PROGRAM)
    bench.line.from_device = lambda _data: [
        (float(rng.uniform(0, 0.3)), parts[rng.integers(len(parts))]) for _part in range(rng.integers(1, 5))
    ]
    acts: list[Callable[[], object]] = [
        pump.start,
        pump.status,
        pump.read_back,
        pump.connect,
        lambda: pump.program(PROGRAM),
        pump.start,
        pump.stop,
    ]
    for act in acts:
        since_ns = bench.clock.now_ns()
        before = runs(bench)
        told = ""
        try:
            act()
        except DriverError as error:
            told = str(error)
        assert told == "" or told.isprintable()
        assert bench.clock.now_ns() - since_ns < 60 * NS_PER_S
        assert runs(bench) - before <= (act == pump.start)


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
