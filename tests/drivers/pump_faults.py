"""The faults that every pump family must end well from, as one suite: subclass it and return a set-up.

Knows faults, and what is true of any pump: the oracle is the plunger. Knows no family's bytes beyond what a subclass
gives. Each single fault hits every chunk of a whole infusion in turn, one per run, so that no moment is left out.
What must hold, always: only errors of ours, in bounded time; one start at most per call; no more than the target;
a status is what was true between asking and receiving; what is declared stopped stands still.
"""

from __future__ import annotations

import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, Generic, TypeVar

import numpy as np
import pytest

from drivers.capabilities import Motion, PumpAlarm, PumpProgram, PumpStatus
from drivers.clock import NS_PER_S
from drivers.errors import DeviceReset, DriverError, Interrupted, PortLost, PortMissing
from tests.drivers.kit import MS, Filter, PumpBench

T = TypeVar("T")
PROGRAM: Final = PumpProgram(diameter_mm=4.699, rate_ul_per_min=60.0, target_ul=2.0)
"""1 uL/s for 2 s."""
TIMES_LONGER: Final = 50
POLL_S: Final = 0.5
LIMITS_S: Final = {"connect": 30.0, "program": 60.0, "start": 30.0, "status": 12.0, "stop": 3.3, "read_back": 12.0}
"""Longest that a call may take, whatever the line does. A STOP overtakes all of them within 20 ms (R33)."""
EXTRA_S: Final = 0.02
"""How far a counter may be off what was true, besides its own step: 20 ms of flow."""


@dataclass
class Trial:
    """One driver under watch."""

    bench: PumpBench[Any]
    start_bytes: bytes
    program: PumpProgram = PROGRAM
    pump: Any = None
    arms: bool = True
    """Whether the rig wants the watchdog of the pump itself."""
    errors: list[DriverError] = field(default_factory=list)
    base_ul: float | None = None
    """Where the counter's zero lies in truth; None while its zero is nobody's."""
    _looked_through: int = 0
    _starts: int = 0

    def __post_init__(self) -> None:
        self.pump = self.pump or self.bench.driver()
        self.long = replace(self.program, target_ul=TIMES_LONGER * self.program.target_ul)
        self.extra_ul = EXTRA_S * self.program.rate_ul_per_min / 60.0

    @property
    def starts(self) -> int:
        """How often a start was sent."""
        sent = self.bench.line.sent
        self._starts += sum(re.search(self.start_bytes, data) is not None for data in sent[self._looked_through :])
        self._looked_through = len(sent)
        return self._starts

    def act(self, name: str, *args: object) -> Any:
        """Call one method; return what it returned, None if it raised an error of ours."""
        before, asked_ns = self.starts, self.bench.clock.now_ns()
        result = None
        try:
            result = getattr(self.pump, name)(*args)
        except DriverError as error:
            self._failed(error)
        took_s = (self.bench.clock.now_ns() - asked_ns) / NS_PER_S
        assert took_s <= LIMITS_S.get(name, 12.0), f"{name} took {took_s:.1f} s"
        assert self.starts <= before + (name == "start"), f"{name} sent a start too many"
        if isinstance(result, PumpStatus):
            self._assert_true(result)
        return result

    def _failed(self, error: DriverError) -> None:
        self.errors.append(error)
        assert str(error).isprintable(), "what a device sends is escaped"
        if isinstance(error, DeviceReset):
            self.base_ul = None

    def _assert_true(self, status: PumpStatus) -> None:
        self.bench.moved_ul()
        if status.alarm is PumpAlarm.RESET:
            self.base_ul = None
        seen = self.bench.plunger.moved_within(status.asked_ns, status.received_ns)
        if status.motion is Motion.INFUSING:
            assert True in seen, "told to run while it stood still"
        if status.motion.is_still:
            assert False in seen, "told to stand still while it ran"
        if self.base_ul is not None:
            off_ul = self.extra_ul + status.counter_step_ul
            least = self.bench.plunger.was_ul(status.asked_ns) - self.base_ul - off_ul
            most = self.bench.plunger.was_ul(status.received_ns) - self.base_ul + off_ul
            assert least <= status.infused_ul <= most, f"counter {status.infused_ul:g}, true {least:g} to {most:g}"

    def until_done(self, name: str, *args: object, times: int = 4) -> Any:
        """Call until it works, a few times: every failure is a named one."""
        for _time in range(times):
            result = self.act(name, *args)
            if result is not None:
                return result
        return None

    def prepare(self, program: PumpProgram | None = None) -> bool:
        """Connect, arm the watchdog as the engine does, write the program; False if the line did not let us."""
        program = program or self.program
        if self.until_done("connect") is None:
            return False
        if self.arms and self.until_done("arm_watchdog", 60) is None:  # False: it has none
            return False
        self.base_ul = None
        held = self.until_done("program", program)
        if held is None:
            return False
        assert held == program, "something else was written"
        self.base_ul = self.bench.moved_ul()
        return True

    def infuse(self) -> None:
        """Run one infusion as the engine does: start once, look until it is over; then stop, confirmed."""
        before_ul = self.bench.moved_ul()
        if self.prepare():
            self.act("start")
            for _look in range(round(2 * 60 * self.program.target_ul / self.program.rate_ul_per_min / POLL_S)):
                self.bench.line.pass_s(POLL_S)
                status = self.act("status")
                if status is not None and status.motion.is_still:
                    break
        self.end(before_ul)

    def end(self, before_ul: float) -> None:
        """Stop; then it stands, and has given no more than it should."""
        for _time in range(3):
            if self.act("stop") is not None:
                moved_ul = self.bench.moved_ul()
                self.bench.line.pass_s(5.0)
                assert self.bench.moved_ul() == moved_ul, "declared stopped and went on"
                break
        assert self.bench.moved_ul() - before_ul <= 1.002 * self.program.target_ul + self.extra_ul, "too much was given"

    def heal(self) -> None:
        """The line is well again: now a stop must succeed."""
        self.bench.plug()
        self.bench.line.from_device = lambda data: [(0.0, data)]
        self.bench.line.to_device = lambda data: data
        self.bench.line.pass_s(4.0)  # what was late has come
        assert self.until_done("stop", times=2) is not None, self.errors[-1]


@dataclass
class Nth(Generic[T]):
    """A change to the chunk with one number; all others pass as they are."""

    number: int
    change: Callable[[bytes], T]
    passing: Callable[[bytes], T]
    seen: int = -1

    def __call__(self, data: bytes) -> T:
        self.seen += 1
        return self.change(data) if self.seen == self.number else self.passing(data)

    @property
    def came(self) -> bool:
        """Tell whether there was a chunk with this number."""
        return self.seen >= self.number


def nth_answer(number: int, change: Filter) -> Nth[list[tuple[float, bytes]]]:
    return Nth(number, change, lambda data: [(0.0, data)])


def nth_command(number: int, change: Callable[[bytes], bytes]) -> Nth[bytes]:
    return Nth(number, change, lambda data: data)


def flipped(data: bytes, rng: np.random.Generator) -> bytes:
    """Return the bytes with one bit turned over."""
    broken = bytearray(data)
    if broken:
        broken[rng.integers(len(broken))] ^= 1 << int(rng.integers(8))
    return bytes(broken)


def shortened(data: bytes, at: int) -> bytes:
    """Return the bytes without one of them."""
    return data[:at] + data[at + 1 :]


ANSWERS: Final[dict[str, Callable[[np.random.Generator], Filter]]] = {
    "L1 lost": lambda _rng: lambda _data: [],
    "L3 doubled": lambda _rng: lambda data: [(0.0, data), (0.0, data)],
    "L3 doubled later": lambda _rng: lambda data: [(0.0, data), (0.3, data)],
    "L4 one bit wrong": lambda rng: lambda data: [(0.0, flipped(data, rng))],
    "L6 cut short": lambda rng: lambda data: [(0.0, data[: rng.integers(len(data))])],
    "L6 without its beginning": lambda rng: lambda data: [(0.0, data[rng.integers(1, len(data) + 1) :])],
    "L6 in single bytes": lambda _rng: lambda data: [(0.002 * n, bytes([byte])) for n, byte in enumerate(data)],
    "L6 in two halves, 0.3 s apart": lambda _rng: lambda data: [(0.0, data[:4]), (0.3, data[4:])],
    "L7 0.2 s late": lambda _rng: lambda data: [(0.2, data)],
    "L7 0.45 s late": lambda _rng: lambda data: [(0.45, data)],
    "L7 1 s late": lambda _rng: lambda data: [(1.0, data)],
    "L7 2.5 s late": lambda _rng: lambda data: [(2.5, data)],
    "L9 garbage before": lambda rng: lambda data: [(0.0, rng.bytes(7) + data)],
    "L9 garbage after": lambda rng: lambda data: [(0.0, data + rng.bytes(7))],
}
"""What can become of one answer."""

COMMANDS: Final[dict[str, Callable[[np.random.Generator], Callable[[bytes], bytes]]]] = {
    "L2 lost": lambda _rng: lambda _data: b"",
    "L5 one bit wrong": lambda rng: lambda data: flipped(data, rng),
    "L5 one byte missing": lambda rng: lambda data: shortened(data, int(rng.integers(len(data)))),
    "L6 cut short": lambda rng: lambda data: data[: rng.integers(len(data))],
}
"""What can become of one command."""


class PumpFaults(ABC):
    """The suite. A family gives a set-up and the few bytes below."""

    start_bytes: ClassVar[bytes]
    """A pattern found in the bytes that start a run, and in no others."""
    program: ClassVar[PumpProgram] = PROGRAM
    """An infusion of about 2 s that this pump can do."""
    bauds: ClassVar[tuple[int, ...]]
    """Line speeds at which the driver must find its pump when the rig names the speed."""
    fragments: ClassVar[tuple[bytes, ...]]
    """Answers, whole and broken, that such a pump might give to anything."""

    arms: ClassVar[bool] = True
    """The pump's own watchdog is armed, if it has one."""
    forgets: ClassVar[bool] = False
    """Without power it forgets what was written: a start just behind would run without end, had the outage not taken
    at least as long as the command itself."""
    stride: ClassVar[int] = 1
    """Every how manyth chunk is hit; above 1 only for further variants of a family that is tried in full."""

    @abstractmethod
    def set_up(self) -> PumpBench[Any]:
        """Return a fresh pump; called once per trial."""

    def from_another(self, answer: bytes) -> bytes | None:
        """Return the answer as a pump with another address would send it; None where answers carry no address."""
        del answer
        return None

    def trial(self) -> Trial:
        return Trial(self.set_up(), self.start_bytes, self.program, arms=self.arms)

    def is_start(self, data: bytes) -> bool:
        return re.search(self.start_bytes, data) is not None

    def running(self) -> tuple[Trial, PumpBench[Any]]:
        trial = self.trial()
        assert trial.prepare(trial.long)
        assert trial.act("start").motion is Motion.INFUSING
        return trial, trial.bench

    # ---- one fault, at every moment ---------------------------------------------------------------------------------

    def at_every_moment(self, disturb: Callable[[Trial, int], Nth[Any]], run: Callable[[Trial], None]) -> None:
        """Run an infusion per chunk, with that chunk disturbed, until none is left; each is followed by a good stop."""
        for number in itertools.count(step=self.stride):
            trial = self.trial()
            change = disturb(trial, number)
            run(trial)
            if not change.came:
                break
            trial.heal()
        assert number > 20

    @pytest.mark.parametrize("fault", ANSWERS)
    def test_one_bad_answer(self, fault: str) -> None:
        def disturb(trial: Trial, number: int) -> Nth[Any]:
            trial.bench.line.from_device = change = nth_answer(number, ANSWERS[fault](np.random.default_rng(number)))
            return change

        self.at_every_moment(disturb, Trial.infuse)

    def test_an_answer_of_another_address(self) -> None:
        if self.from_another(b"") is None:
            return

        def disturb(trial: Trial, number: int) -> Nth[Any]:
            change = nth_answer(number, lambda data: [(0.0, self.from_another(data) or b"")])
            trial.bench.line.from_device = change
            return change

        self.at_every_moment(disturb, Trial.infuse)

    @pytest.mark.parametrize("fault", COMMANDS)
    def test_one_bad_command(self, fault: str) -> None:
        def disturb(trial: Trial, number: int) -> Nth[Any]:
            trial.bench.line.to_device = change = nth_command(number, COMMANDS[fault](np.random.default_rng(number)))
            return change

        self.at_every_moment(disturb, Trial.infuse)

    def test_D1_power_goes(self) -> None:
        """Between two commands: what was written is gone, what ran stands, and no more than the target is given."""

        def disturb(trial: Trial, number: int) -> Nth[Any]:
            def cycle(data: bytes) -> bytes:
                trial.bench.line.firmware.power_off(trial.bench.clock.now_ns())
                trial.bench.line.firmware.power_on(trial.bench.clock.now_ns())
                trial.base_ul = None  # what its counter shows from now on is no measure of ours
                return b"" if self.forgets else data

            trial.bench.line.to_device = change = nth_command(number, cycle)
            return change

        self.at_every_moment(disturb, Trial.infuse)

    def test_L10_L11_the_cable_is_pulled_and_put_back(self) -> None:
        def disturb(trial: Trial, number: int) -> Nth[Any]:
            def pull(_data: bytes) -> bytes:
                trial.bench.unplug()
                return b""

            trial.bench.line.to_device = change = nth_command(number, pull)
            return change

        def run(trial: Trial) -> None:
            before_ul = trial.bench.moved_ul()
            if trial.prepare():
                trial.act("start")
                for _look in range(4):
                    trial.bench.line.pass_s(POLL_S)
                    trial.act("status")
            assert all(isinstance(error, PortLost | PortMissing) for error in trial.errors)
            trial.bench.plug()
            trial.act("status")
            trial.until_done("connect")
            trial.end(before_ul)

        self.at_every_moment(disturb, run)

    # ---- faults that last -------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("phase", ["connect", "program", "start", "status", "stop", "read_back"])
    @pytest.mark.parametrize("fault", ["silent", "babbles", "drivels", "echoes", "alone"])
    def test_a_line_that_stays_bad_costs_bounded_time(self, fault: str, phase: str) -> None:
        trial = self.trial()
        bench = trial.bench
        if phase != "connect":
            assert trial.prepare(trial.long)
        if phase in ("status", "stop", "read_back"):
            trial.act("start")
        rng = np.random.default_rng(1)
        bench.line.from_device = {
            "silent": lambda _data: [],
            "babbles": lambda _data: [(0.01 * n, b"\xaa" * 1000) for n in range(40)],
            "drivels": lambda _data: [(0.01 * n, rng.bytes(3)) for n in range(100)],
            "echoes": lambda _data: [(0.0, bench.line.sent[-1])],
            "alone": lambda _data: [(0.0, rng.bytes(1))],
        }[fault]
        trial.base_ul = None
        assert trial.act(phase, *([trial.long] if phase == "program" else [])) is None
        assert len(trial.errors[-1].partial) <= 256
        trial.heal()

    @pytest.mark.parametrize("seed", range(12))
    @pytest.mark.parametrize("share", [0.1, 0.4])
    def test_a_storm_of_faults(self, seed: int, share: float) -> None:
        """Anything may happen to any chunk; several infusions, each with its stop."""
        rng = np.random.default_rng(seed)
        faults = [make(rng) for make in ANSWERS.values()]
        trial = self.trial()

        def disturb(data: bytes) -> list[tuple[float, bytes]]:
            return faults[rng.integers(len(faults))](data) if rng.random() < share else [(0.0, data)]

        trial.bench.line.from_device = disturb
        for _infusion in range(3):
            trial.infuse()
        trial.heal()

    @pytest.mark.parametrize("seed", range(10))
    def test_nonsense_raises_our_errors_only_and_never_starts_twice(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        trial, bench = self.running()
        bench.line.from_device = lambda _data: [
            (float(rng.uniform(0, 0.5)), self.fragments[rng.integers(len(self.fragments))])
            for _part in range(rng.integers(5))
        ]
        for name in ["status", "connect", "program", "start", "status", "read_back", "stop"] * 3:
            before, asked_ns = trial.starts, bench.clock.now_ns()
            told = ""
            try:
                getattr(trial.pump, name)(*([self.program] if name == "program" else []))
            except DriverError as error:
                told = str(error)
            assert told == "" or told.isprintable()
            assert bench.clock.now_ns() - asked_ns < 60 * NS_PER_S
            assert trial.starts <= before + (name == "start")

    # ---- late answers, and time -------------------------------------------------------------------------------------

    @pytest.mark.parametrize("delay_s", [0.2, 0.39, 0.41, 0.59, 0.61, 0.9, 1.2, 1.5, 2.0, 3.0])
    @pytest.mark.parametrize("keeps_order", [True, False])
    def test_L7_a_late_answer_is_never_taken_for_a_newer_one(self, delay_s: float, keeps_order: bool) -> None:
        trial, bench = self.running()
        until_ns = bench.clock.now_ns() + round(delay_s * NS_PER_S)

        def later(data: bytes) -> list[tuple[float, bytes]]:
            return [(max(until_ns - bench.clock.now_ns(), 0) / NS_PER_S, data)]

        bench.line.from_device = later if keeps_order else nth_answer(0, lambda data: [(delay_s, data)])
        answered = 0
        for _look in range(12):
            answered += trial.act("status") is not None
            bench.line.pass_s(0.25)
        assert answered > 3
        assert trial.act("stop").motion.is_still

    def test_R35_a_silent_pump_is_asked_three_times_at_most(self) -> None:
        trial, bench = self.running()
        before, asked_ns = len(bench.line.sent), bench.clock.now_ns()
        bench.line.from_device = lambda _data: []
        assert trial.act("status") is None
        assert len(bench.line.sent) - before == 3
        assert bench.clock.now_ns() - asked_ns < 3 * NS_PER_S

    def test_L3_doubled_answers_change_nothing_and_are_counted(self) -> None:
        trial, bench = self.running()
        bench.line.from_device = lambda data: [(0.0, data), (0.0, data)]
        for _look in range(5):
            assert trial.act("status") is not None
            bench.line.pass_s(0.5)
        assert trial.pump.foreign_count >= 5

    # ---- start and stop ---------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("lost", ["command", "answer"])
    def test_R36_L2_a_start_goes_out_once_whatever_is_lost(self, lost: str) -> None:
        trial = self.trial()
        bench = trial.bench
        assert trial.prepare()
        if lost == "answer":
            bench.line.from_device = lambda data: [] if self.is_start(bench.line.sent[-1]) else [(0.0, data)]
        else:
            bench.line.to_device = lambda data: b"" if self.is_start(data) else data
        assert trial.act("start") is None
        bench.line.from_device = lambda data: [(0.0, data)]
        assert trial.act("status").motion is (Motion.INFUSING if lost == "answer" else Motion.STOPPED)
        assert trial.starts == 1
        trial.end(0.0)

    def test_R34_stop_survives_lost_answers_and_is_never_confirmed_falsely(self) -> None:
        confirmed = 0
        for seed in range(20):
            rng = np.random.default_rng(seed)
            trial, bench = self.running()
            bench.line.from_device = lambda data, rng=rng: [] if rng.random() < 0.2 else [(0.0, data)]  # type: ignore[misc]
            asked_ns = bench.clock.now_ns()
            if trial.act("stop") is None:
                assert bench.clock.now_ns() - asked_ns >= 2.9 * NS_PER_S, "gave up too early"
            else:
                confirmed += 1
            moved_ul = bench.moved_ul()
            bench.line.pass_s(30.0)
            assert bench.moved_ul() == moved_ul, "the pump heard every command: it must stand still"
        assert confirmed >= 13

    def test_R33_a_silent_pump_is_declared_not_confirmed_within_the_time(self) -> None:
        trial, bench = self.running()
        bench.line.from_device = lambda _data: []
        asked_ns = bench.clock.now_ns()
        assert trial.act("stop") is None
        assert "NOT CONFIRMED STOPPED" in str(trial.errors[-1])
        assert bench.clock.now_ns() - asked_ns > 2 * NS_PER_S

    @pytest.mark.parametrize("name", ["status", "read_back", "program", "connect"])
    def test_R33_whatever_waits_is_given_up_for_a_stop_within_20_ms(self, name: str) -> None:
        _trial, bench = self.running()
        wanted_ns = 1 << 62
        pump = bench.driver(abort=lambda: bench.clock.now_ns() >= wanted_ns)
        pump.connect()
        wanted_ns = bench.clock.now_ns() + 100 * MS
        bench.line.from_device = lambda _data: []
        with pytest.raises(Interrupted):
            getattr(pump, name)(*([self.program] if name == "program" else []))
        assert bench.clock.now_ns() - wanted_ns <= 20 * MS
        bench.line.from_device = lambda data: [(0.0, data)]
        assert pump.stop().motion.is_still, "the abort check must not abort the stop itself"

    # ---- who is there -----------------------------------------------------------------------------------------------

    def test_L12_plugged_in_under_another_name_it_is_found_there_and_nowhere_else(self) -> None:
        trial, bench = self.running()
        who = trial.pump.connect()
        bench.unplug()
        assert trial.act("status") is None
        bench.plug()
        bench.line.url = "test://other"
        for name in ("connect", "stop", "status"):
            assert trial.act(name) is None
            assert "url" not in str(trial.errors[-1])
        assert bench.plunger.moved_within(bench.clock.now_ns(), bench.clock.now_ns()) == {True}, "it runs, unseen"
        other = Trial(bench, self.start_bytes, self.program, bench.driver("test://other"))
        assert other.act("connect") == who
        assert other.act("stop").motion.is_still

    def test_D1_power_goes_while_unplugged(self) -> None:
        trial, bench = self.running()
        bench.line.pass_s(1.0)
        assert trial.act("status") is not None
        bench.unplug()
        assert trial.act("status") is None
        bench.power_cycle()
        bench.plug()
        assert trial.act("connect") is not None
        assert trial.act("status") is None
        assert isinstance(trial.errors[-1], DeviceReset)
        assert trial.act("status").motion.is_still

    def test_L15_every_line_speed_is_found_when_the_rig_names_it(self) -> None:
        for baud in self.bauds:
            bench = self.set_up()
            bench.line.baud = baud
            trial = Trial(bench, self.start_bytes, self.program, bench.driver(baud=baud))
            trial.infuse()
            assert not trial.errors, baud
            assert bench.moved_ul() == pytest.approx(self.program.target_ul, abs=trial.extra_ul)

    def test_L15_at_a_wrong_line_speed_nothing_is_believed_and_nothing_started(self) -> None:
        trial = self.trial()
        trial.bench.line.baud = 14_400  # which no driver tries
        assert trial.act("connect") is None
        for name in ("status", "start", "read_back", "stop"):
            assert trial.act(name) is None
        assert trial.act("program", self.program) is None
        assert (trial.starts, trial.bench.moved_ul()) == (0, 0.0)
