"""What any plain-text pump driver must survive on a line that loses, delays, doubles and breaks what it carries.

A class of tests for families without checksum: subclass it and return a set-up. What is peculiar to a family stands in
its own test file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

import numpy as np
import pytest

from drivers.capabilities import Motion, PumpStatus, SyringePump
from drivers.clock import NS_PER_S
from drivers.compliance import PumpSetUp
from drivers.errors import DeviceRefused, DriverError, ExchangeError, Interrupted, ReplyTimeout
from tests.drivers.kit import MS, Filter, FirmwareLine


class FaultSetUp(PumpSetUp, Protocol):
    """A pump on a test line whose infusion lasts at least 15 s."""

    line: FirmwareLine

    def driver(self, abort: Callable[[], bool] = lambda: False) -> SyringePump: ...


def once(filter_: Filter, at: int = 0) -> Filter:
    """Apply a filter to the chunk with number ``at`` only."""
    counter = iter(range(1_000_000))
    return lambda data: filter_(data) if next(counter) == at else [(0.0, data)]


def lost(_data: bytes) -> list[tuple[float, bytes]]:
    return []


class LineFaults(ABC):
    @abstractmethod
    def set_up(self) -> FaultSetUp: ...

    @abstractmethod
    def is_start(self, data: bytes) -> bool: ...

    @abstractmethod
    def is_stop(self, data: bytes) -> bool: ...

    fragments: tuple[bytes, ...] = ()
    """Pieces of answers of this family."""
    slowest_s = 60.0
    """What one call may take at most on a line that answers nonsense."""

    def connected(self) -> tuple[FaultSetUp, SyringePump]:
        bench = self.set_up()
        pump = bench.driver()
        pump.connect()
        return bench, pump

    def running(self) -> tuple[FaultSetUp, SyringePump, int]:
        bench, pump = self.connected()
        pump.program(bench.program())
        pump.start()
        moved_ul = bench.moved_ul()
        ran_s = moved_ul / bench.program().rate_ul_per_min * 60.0
        return bench, pump, bench.clock.now_ns() - round(ran_s * NS_PER_S)

    def starts(self, bench: FaultSetUp) -> int:
        return sum(self.is_start(data) for data in bench.line.sent)

    @staticmethod
    def assert_true(bench: FaultSetUp, status: PumpStatus, began_ns: int) -> None:
        """A status holds what was true between asking and receiving, never an older value (L7)."""
        per_s = bench.program().rate_ul_per_min / 60.0
        least_ul = (status.asked_ns - began_ns) / NS_PER_S * per_s
        most_ul = (status.received_ns - began_ns) / NS_PER_S * per_s
        margin_ul = status.counter_step_ul + 0.03 * per_s
        assert status.motion is Motion.INFUSING
        assert least_ul - margin_ul <= status.infused_ul <= most_ul + margin_ul

    @pytest.mark.parametrize("gone", ["command", "reply"])
    def test_R36_start_goes_out_once_whatever_is_lost(self, gone: str) -> None:
        bench, pump = self.connected()
        pump.program(bench.program())
        if gone == "reply":
            bench.line.from_device = lambda data: [] if self.is_start(bench.line.sent[-1]) else [(0.0, data)]
        else:
            bench.line.to_device = lambda data: b"" if self.is_start(data) else data
        with pytest.raises(ReplyTimeout):
            pump.start()
        status = pump.status()
        assert status.motion is (Motion.INFUSING if gone == "reply" else Motion.STOPPED)
        assert gone == "reply" or status.infused_ul == 0.0, "a start that never arrived is no loss of power"
        with pytest.raises(DeviceRefused):
            pump.start()
        assert self.starts(bench) == 1

    def test_nothing_is_started_that_was_not_written(self) -> None:
        bench, pump = self.connected()
        with pytest.raises(DeviceRefused, match="programmed"):
            pump.start()
        pump.program(bench.program())
        pump.stop()
        with pytest.raises(DeviceRefused):
            pump.start()
        assert self.starts(bench) == 0

    @pytest.mark.parametrize("delay_s", [0.3, 0.41, 0.61, 0.8, 1.5, 3.0])
    @pytest.mark.parametrize("keeps_order", [True, False])
    def test_L7_a_late_answer_is_never_taken_for_a_newer_one(self, delay_s: float, keeps_order: bool) -> None:
        bench, pump, began_ns = self.running()
        late_until_ns = bench.clock.now_ns() + round(delay_s * NS_PER_S)

        def later(data: bytes) -> list[tuple[float, bytes]]:
            return [(max(late_until_ns - bench.clock.now_ns(), 0) / NS_PER_S, data)]

        bench.line.from_device = later if keeps_order else once(lambda data: [(delay_s, data)])
        answered = 0
        while bench.clock.now_ns() < began_ns + 10 * NS_PER_S:
            try:
                status = pump.status()
            except ExchangeError:
                continue
            self.assert_true(bench, status, began_ns)
            answered += 1
            bench.line.pass_s(0.25)
        assert answered > 3
        assert pump.stop().motion.is_still

    @pytest.mark.parametrize(
        "disturb",
        [
            once(lost),
            once(lost, at=1),
            lambda data: [(0.0, data), (0.0, data)],
            lambda data: [(0.002 * n, bytes([byte])) for n, byte in enumerate(data)],
        ],
        ids=["lost", "second lost", "doubled", "single bytes"],
    )
    def test_L1_L3_L6_lost_doubled_and_dripping_answers_change_nothing(self, disturb: Filter) -> None:
        bench, pump, began_ns = self.running()
        bench.line.from_device = disturb
        for _poll in range(3):
            self.assert_true(bench, pump.status(), began_ns)
            bench.line.pass_s(0.3)
        assert pump.stop().motion.is_still

    def test_L1_R35_a_silent_pump_costs_bounded_time(self) -> None:
        bench, pump, _began = self.running()
        bench.line.from_device = lost
        asked_ns = bench.clock.now_ns()
        with pytest.raises(ReplyTimeout):
            pump.status()
        assert bench.clock.now_ns() - asked_ns < 3 * NS_PER_S

    def test_L9_a_babbling_line_costs_bounded_time_and_memory(self) -> None:
        bench, pump, _began = self.running()
        bench.line.from_device = lambda _data: [(0.001 * n, b"\xaa" * 1000) for n in range(1000)]
        asked_ns = bench.clock.now_ns()
        with pytest.raises(ExchangeError) as caught:
            pump.status()
        assert len(caught.value.partial) <= 256
        assert bench.clock.now_ns() - asked_ns < 4 * NS_PER_S

    def test_R34_stop_survives_lost_answers_and_is_never_confirmed_falsely(self) -> None:
        confirmed = 0
        for seed in range(15):
            rng = np.random.default_rng(seed)
            bench, pump, _began = self.running()
            bench.line.from_device = lambda data, rng=rng: [] if rng.random() < 0.15 else [(0.0, data)]  # type: ignore[misc]
            asked_ns = bench.clock.now_ns()
            try:
                confirmed += pump.stop().motion.is_still
            except ReplyTimeout:
                assert bench.clock.now_ns() - asked_ns >= 2.9 * NS_PER_S, "gave up too early"
            assert bench.clock.now_ns() - asked_ns <= 3.2 * NS_PER_S
            moved_ul = bench.moved_ul()
            bench.line.pass_s(30.0)
            assert bench.moved_ul() == moved_ul, "the pump heard every command: it must stand still"
        assert confirmed >= 10

    def test_R33_a_pump_that_cannot_be_heard_gets_the_stop_and_is_not_declared_stopped(self) -> None:
        bench, pump, _began = self.running()
        bench.line.from_device = lost
        asked_ns, before = bench.clock.now_ns(), len(bench.line.sent)
        with pytest.raises(ReplyTimeout, match="NOT CONFIRMED STOPPED"):
            pump.stop()
        assert 2 * NS_PER_S < bench.clock.now_ns() - asked_ns <= 3.2 * NS_PER_S
        assert any(self.is_stop(data) for data in bench.line.sent[before:])
        moved_ul = bench.moved_ul()
        bench.line.pass_s(30.0)
        assert bench.moved_ul() == moved_ul

    def test_R33_a_stop_that_never_arrives_is_not_confirmed(self) -> None:
        bench, pump, _began = self.running()
        bench.line.to_device = lambda data: b"" if self.is_stop(data) else data
        with pytest.raises(ReplyTimeout, match="NOT CONFIRMED"):
            pump.stop()

    def test_R33_a_waiting_exchange_is_given_up_for_a_stop_within_20_ms(self) -> None:
        bench, _pump, _began = self.running()
        wanted_ns = bench.clock.now_ns() + 60 * NS_PER_S
        pump = bench.driver(lambda: bench.clock.now_ns() >= wanted_ns)
        pump.connect()
        wanted_ns = bench.clock.now_ns() + 100 * MS
        bench.line.from_device = lost
        with pytest.raises(Interrupted):
            pump.status()
        assert bench.clock.now_ns() - wanted_ns <= 20 * MS
        bench.line.from_device = lambda data: [(0.0, data)]
        assert pump.stop().motion.is_still, "the abort check must not abort the stop itself"

    @pytest.mark.parametrize("seed", range(15))
    def test_random_faults_never_lead_to_a_false_stop_a_second_start_or_a_wrong_program(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        bench, pump = self.connected()

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
        for _round in range(3):
            before = self.starts(bench)
            try:
                assert pump.program(bench.program()) == pump.quantised(bench.program())
                pump.start()
            except DriverError:
                pass
            assert self.starts(bench) <= before + 1
            bench.line.pass_s(float(rng.uniform(0.1, 4.0)))
            try:
                status = pump.stop()
            except DriverError:
                continue
            assert status.motion.is_still
            moved_ul = bench.moved_ul()
            bench.line.pass_s(5.0)
            assert bench.moved_ul() == moved_ul, "declared stopped and went on"

    @pytest.mark.parametrize("seed", range(5))
    def test_whatever_comes_drivers_raise_their_own_errors_in_bounded_time(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        said: list[str] = []
        bench, pump = self.connected()
        pieces = (*self.fragments, b"\xff" * 9, b"\x1b[2J")
        bench.line.from_device = lambda _data: [
            (float(rng.uniform(0, 0.5)), pieces[rng.integers(len(pieces))]) for _ in range(rng.integers(4))
        ]
        for _round in range(8):
            for act in (
                pump.connect,
                lambda: pump.program(bench.program()),
                pump.start,
                pump.status,
                pump.read_back,
                pump.stop,
            ):
                before, asked_ns = self.starts(bench), bench.clock.now_ns()
                try:
                    act()
                except DriverError as error:
                    said.append(str(error))
                assert bench.clock.now_ns() - asked_ns < self.slowest_s * NS_PER_S
                assert self.starts(bench) <= before + (act == pump.start)
        assert said
        assert not any("\x1b" in text for text in said), "what a device sends is escaped"
