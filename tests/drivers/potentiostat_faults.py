"""The faults that every potentiostat family must end well from, as one suite: subclass it and return a set-up.

Knows faults, and what is true of any potentiostat. The oracle is a current that rises and falls steadily, and is zero
while no potential is applied: so each value tells when it was measured, and a sample in a wrong place shows as well as
a wrong one. What must hold, always: only errors of ours, in bounded time; the cell is switched on once per start at
most, and is off when it is said to be; what is handed out is true, at its time, or flagged; nothing is invented.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import numpy as np
import pytest

from drivers.capabilities import SampleBlock, SampleFlag
from drivers.clock import NS_PER_S
from drivers.errors import DriverError, PortError, PortLost, PortMissing
from tests.drivers.kit import ConstantCell, FirmwareLine
from tests.drivers.pump_faults import ANSWERS, COMMANDS, Nth, nth_answer, nth_command

LIMITS_S: Final = {"connect": 30.0, "start": 60.0, "read": 12.0, "stop": 60.0}
"""Longest that a call may take, whatever the line does."""
OTHERS: Final = (
    b"\x0200S\x03", b"\r\n:\x11", b"?\r\n", b'{"success":false}\r\n', b"KEITHLEY INSTRUMENTS INC.,MODEL 9999,1,A\r",
    b"\x02000C013F\x03", b"e!4001\n", b"*\n", b"\n", b"Hello World\r\n>",
)  # fmt: skip
"""What other devices say."""
FAULT_S: Final = {"L3 doubled later": 0.3, "L6 in two halves, 0.3 s apart": 0.3, "L7 0.2 s late": 0.2,
    "L7 0.45 s late": 0.45, "L7 1 s late": 1.0, "L7 2.5 s late": 2.5}  # fmt: skip
"""How late a fault makes what it does not destroy: a time that was fitted to it may be off by so much."""
BIT: Final = "L4 one bit wrong"


class Saw(ConstantCell):
    """A current that rises for 20 s from a tenth to eight tenths of the range and falls again, wherever it is on."""

    range_a: float = 8e-9

    def set_cell(self, on: bool, potential_v: float, now_ns: int) -> None:
        """Note as switched on what is under potential: some instruments hold 0 V when nothing is measured."""
        is_on = on and potential_v != 0.0
        if is_on != (self.on and self.potential_v != 0.0):
            self.switched.append(is_on)
        self.on, self.potential_v = on, potential_v

    def current_a(self, electrode: int, t_ns: int, over_ns: int = 100_000_000) -> float:
        del electrode
        return wave(t_ns) * self.range_a if self.on and self.potential_v != 0.0 else 0.0


SLOPE_PER_S: Final = 0.035


def wave(t_ns: float) -> float:
    """Return the current as a share of the range."""
    phase_s = t_ns / NS_PER_S % 40.0
    return 0.1 + SLOPE_PER_S * min(phase_s, 40.0 - phase_s)


@dataclass
class Trial:
    """One driver under watch."""

    bench: Any
    line: FirmwareLine
    """The one with faults."""
    ranges_a: tuple[float, ...]
    may_be_off_s: float = 0.0
    """How late something was delivered from which a time may have been fitted."""
    may_be_wrong: int = 0
    """How many samples may be wrong: those in whose digits a bit was turned over, where lines have no checksum."""
    restarts: bool = False
    """A part that failed is switched on again by a read."""
    device: Any = None
    errors: list[DriverError] = field(default_factory=list)
    samples: int = 0
    heard: dict[int, int] = field(default_factory=dict)
    """How many values came per channel."""
    _last: tuple[int, int] = (0, -1)
    _off_s: dict[int, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.device = self.device or self.bench.driver()

    def act(self, name: str, *args: object) -> Any:
        """Call one method; return what it returned (True for nothing), None if it raised an error of ours."""
        asked_ns, on = self.bench.clock.now_ns(), self.times_on()
        try:
            result = getattr(self.device, name)(*args)
        except DriverError as error:
            result = None
            self._failed(name, error)
        else:
            result = True if result is None else result
        took_s = (self.bench.clock.now_ns() - asked_ns) / NS_PER_S
        assert took_s <= LIMITS_S[name], f"{name} took {took_s:.1f} s"
        may_be = len(self.cells()) if name == "start" else int(name == "read" and self.restarts)
        assert self.times_on() <= on + may_be, f"{name} switched on once too often"
        if name == "stop" and result is not None:
            assert not self.is_on(), "said to be off, and it is not"
        if name == "read" and result is not None:
            for block in result:
                self._check(block)
        return result

    def _failed(self, name: str, error: DriverError) -> None:
        self.errors.append(error)
        assert str(error).isprintable(), "what a device sends is escaped"
        assert len(error.partial) <= 256
        if name == "start" and self.is_on():
            assert isinstance(error, PortError) or "MAY" in str(error), f"under potential, and not said: {error}"

    def cells(self) -> list[ConstantCell]:
        return getattr(self.bench, "cells", None) or [self.bench.cell]

    def is_on(self) -> bool:
        """Tell whether any electrode is under potential now; what is said until now stays on the line."""
        for line in getattr(self.bench, "lines", None) or [self.line]:
            line._pull()
        return any(cell.on and cell.potential_v != 0.0 for cell in self.cells())

    def times_on(self) -> int:
        self.is_on()
        return sum(cell.switched.count(True) for cell in self.cells())

    def _check(self, block: SampleBlock) -> None:
        for index in block.index.tolist():
            assert (block.epoch, index) > self._last, "not strictly rising"
            self._last = (block.epoch, index)
        assert np.array_equal(np.isnan(block.current_a), block.flags & SampleFlag.NOT_A_NUMBER > 0)
        for n in range(len(self.ranges_a)):
            self.heard[n] = self.heard.get(n, 0) + int(np.sum(~np.isnan(block.current_a[:, n])))
        excused = SampleFlag.NOT_A_NUMBER | SampleFlag.TIMING | SampleFlag.OVERLOAD
        for at, t_ns in enumerate(block.t_ns().tolist()):
            self.samples += 1
            off_s = [
                (wave(t_ns) - block.current_a[at, n] / range_a) / SLOPE_PER_S
                for n, range_a in enumerate(self.ranges_a)
                if not block.flags[at, n] & excused
            ]
            told = self._off_s.setdefault(block.epoch, off_s)
            bound_s = 0.08 + self.may_be_off_s
            wrong = any(abs(off) > bound_s for off in off_s)
            if not wrong and off_s and told and _is_rising(t_ns, bound_s):
                wrong = abs(off_s[0] - told[0]) > 0.6 * block.interval_ns / NS_PER_S
            self.may_be_wrong -= wrong
            assert self.may_be_wrong >= 0, f"index {block.index[at]} has the current of {off_s} s before; {told}"

    def until_done(self, name: str, *args: object, times: int = 3) -> Any:
        """Call until it works, a few times: every failure is a named one."""
        for _time in range(times):
            result = self.act(name, *args)
            if result is not None:
                return result
        return None

    def begin(self) -> bool:
        """Connect and start; False if the line did not let us."""
        connected = self.until_done("connect") is not None
        return connected and self.until_done("start", self.bench.settings(), times=2) is not None

    def read_for(self, seconds: float) -> bool:
        """Read as the engine does; False once an error came."""
        until_ns = self.bench.clock.now_ns() + round(seconds * NS_PER_S)
        while self.bench.clock.now_ns() < until_ns:
            if self.act("read", 0.1) is None:
                return False
        return True

    def measure(self, seconds: float = 2.0) -> None:
        """Run one measurement: connect, start, read, stop."""
        if self.begin():
            self.read_for(seconds)
        if self.until_done("stop", times=2) is not None:
            self.line.pass_s(2.0)
            assert not self.is_on(), "said to be off, and went on again"

    def heal(self) -> None:
        """The line is well again: now a stop must succeed, and the next measurement be whole."""
        self.line.plugged = True
        self.line.from_device = lambda data: [(0.0, data)]
        self.line.to_device = lambda data: data
        self.line.pass_s(4.0)  # what was late has come
        assert self.until_done("stop", times=2) is not None, self.errors[-1]


def _is_rising(t_ns: int, bound_s: float) -> bool:
    """Tell whether the current rises steadily around this time: else an offset of the time shows in another way."""
    return 1.0 + bound_s < t_ns / NS_PER_S % 40.0 < 19.0 - bound_s


class PotentiostatFaults(ABC):
    """The suite. A family gives a set-up and the few facts below."""

    has_checksum: ClassVar[bool] = False
    """A turned bit in a sample shows."""
    stride: ClassVar[int] = 5
    """Every how manyth chunk is hit."""
    forgets: ClassVar[bool] = False
    """Streams also without its settings: no outage is shorter than the command that falls into it."""
    restarts: ClassVar[bool] = False
    """It consists of parts: one that fails is started again by itself while the others measure."""
    column: ClassVar[int] = 0
    """Which channel is behind the line with the faults."""
    command_stride: ClassVar[int] = 1
    """The same of the commands, which are fewer."""
    run_s: ClassVar[float] = 1.5

    @abstractmethod
    def set_up(self) -> Any:
        """Return a fresh set-up with ``Saw`` cells; called once per trial."""

    def line_of(self, bench: Any) -> FirmwareLine:
        """Return the line that has the faults."""
        return bench.line  # type: ignore[no-any-return]

    def trial(self, fault: str = "") -> Trial:
        bench = self.set_up()
        ranges = tuple(cell.range_a for cell in getattr(bench, "cells", None) or [bench.cell])
        ranges = ranges * len(bench.settings().electrodes) if len(ranges) == 1 else ranges
        allowed = 1 if fault == BIT and not self.has_checksum else 0
        return Trial(bench, self.line_of(bench), ranges, FAULT_S.get(fault, 0.0), allowed, self.restarts)

    def running(self) -> Trial:
        trial = self.trial()
        assert trial.begin()
        assert trial.read_for(1.0)
        assert trial.samples
        return trial

    # ---- one fault, at every so manyth moment of connect, start, streaming and stop ---------------------------------

    def at_moments(
        self, fault: str, disturb: Callable[[Trial, int], Nth[Any]], *, first: int, stride: int | None = None
    ) -> None:
        """Run a measurement per moment, with the piece there disturbed; each is followed by a good stop."""
        hit = 0
        stride = stride or self.stride
        for number in itertools.count(first % stride, stride):
            trial = self.trial(fault)
            change = disturb(trial, number)
            trial.measure(self.run_s)
            if not change.came:
                break
            hit += 1
            trial.heal()
        assert hit

    @pytest.mark.parametrize("fault", ANSWERS)
    def test_one_bad_piece_from_the_device(self, fault: str) -> None:
        def disturb(trial: Trial, number: int) -> Nth[Any]:
            change = nth_answer(number, ANSWERS[fault](np.random.default_rng(number)))
            trial.line.from_device = change
            return change

        self.at_moments(fault, disturb, first=list(ANSWERS).index(fault))

    @pytest.mark.parametrize("fault", COMMANDS)
    def test_one_bad_command(self, fault: str) -> None:
        def disturb(trial: Trial, number: int) -> Nth[Any]:
            trial.line.to_device = change = nth_command(number, COMMANDS[fault](np.random.default_rng(number)))
            return change

        self.at_moments("", disturb, first=list(COMMANDS).index(fault), stride=self.command_stride)

    def test_D1_power_goes_between_two_commands(self) -> None:
        def disturb(trial: Trial, number: int) -> Nth[Any]:
            def cycle(data: bytes) -> bytes:
                self.power_cycle(trial, 0.0)
                return b"" if self.forgets else data

            trial.line.to_device = change = nth_command(number, cycle)
            return change

        self.at_moments("", disturb, first=1, stride=self.command_stride)

    def test_L10_the_cable_is_pulled(self) -> None:
        def disturb(trial: Trial, number: int) -> Nth[Any]:
            def pull(_data: bytes) -> list[tuple[float, bytes]]:
                trial.line.plugged = False
                return []

            trial.line.from_device = change = nth_answer(number, pull)
            return change

        self.at_moments("", disturb, first=2)

    def power_cycle(self, trial: Trial, seconds: float) -> None:
        trial.line.firmware.power_off(trial.bench.clock.now_ns())
        trial.line.pass_s(seconds)
        trial.line.firmware.power_on(trial.bench.clock.now_ns())

    # ---- faults that last -------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("phase", ["connect", "start", "read", "stop"])
    @pytest.mark.parametrize("fault", ["silent", "babbles", "drivels", "echoes", "alone", "others"])
    def test_a_line_that_stays_bad_costs_bounded_time(self, fault: str, phase: str) -> None:
        trial = self.trial() if phase in ("connect", "start") else self.running()
        if phase == "start":
            assert trial.act("connect") is not None
        rng = np.random.default_rng(1)
        line = trial.line
        line.from_device = {
            "silent": lambda _data: [],
            "babbles": lambda _data: [(0.01 * n, b"\xaa" * 1000) for n in range(40)],
            "drivels": lambda _data: [(0.01 * n, rng.bytes(3)) for n in range(100)],
            "echoes": lambda _data: [(0.0, line.sent[-1])],
            "alone": lambda _data: [(0.0, rng.bytes(1))],
            "others": lambda _data: [(0.01 * n, OTHERS[rng.integers(len(OTHERS))]) for n in range(3)],
        }[fault]
        if phase == "read":
            before = trial.heard[self.column]
            trial.read_for(8.0)
            assert trial.heard[self.column] - before <= 2, "samples came out of noise"
        else:
            done = trial.act(phase, *([trial.bench.settings()] if phase == "start" else []))
            assert done is None, "believed"
        trial.heal()

    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("share", [0.05, 0.3])
    def test_a_storm_of_faults(self, seed: int, share: float) -> None:
        """Anything may happen to any piece; a few measurements, each with its stop."""
        rng = np.random.default_rng(seed)
        kinds = [name for name in ANSWERS if self.has_checksum or name != BIT]
        faults = [ANSWERS[name](rng) for name in kinds]
        trial = self.trial("L7 2.5 s late")
        trial.line.from_device = lambda data: (
            faults[rng.integers(len(faults))](data) if rng.random() < share else [(0.0, data)]
        )
        for _run in range(2):
            trial.measure(2 * self.run_s)
        trial.heal()

    # ---- power, plugs and speeds ------------------------------------------------------------------------------------

    @pytest.mark.parametrize("off_s", [0.0, 0.3, 3.0])
    def test_D1_power_goes_while_it_measures(self, off_s: float) -> None:
        trial = self.running()
        self.power_cycle(trial, off_s)
        assert trial.read_for(10.0) == self.restarts, "it measures no more, and that was not noticed"
        assert trial.begin() or trial.begin()
        assert trial.read_for(1.0)
        trial.heal()

    def test_L12_plugged_in_under_another_name_it_is_found_there_and_nowhere_else(self) -> None:
        if self.restarts:
            return  # which port is which part is tried with this instrument's own tests
        trial = self.running()
        who = trial.bench.driver().connect()
        trial.device.connect()
        trial.act("start", trial.bench.settings())
        trial.bench.unplug()
        assert not trial.read_for(2.0)
        assert isinstance(trial.errors[-1], PortLost)
        trial.bench.plug()
        trial.line.url = "test://other"
        for name in ("connect", "stop"):
            assert trial.act(name) is None
            assert isinstance(trial.errors[-1], PortMissing)
        other = Trial(trial.bench, trial.line, trial.ranges_a, device=trial.bench.driver("test://other"))
        assert other.act("connect") == who
        assert other.begin()
        assert other.read_for(1.0)
        assert other.samples
        assert other.act("stop")

    def test_L15_at_a_wrong_line_speed_nothing_is_believed_and_nothing_switched(self) -> None:
        trial = self.trial()
        trial.line.baud = 14_400  # which no driver tries
        for name in ("connect", "connect", "stop"):
            assert trial.act(name) is None
        assert trial.act("start", trial.bench.settings()) is None
        assert trial.times_on() == 0
