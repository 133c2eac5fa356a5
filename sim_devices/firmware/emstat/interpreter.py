"""Runs a loaded MethodSCRIPT in time: writes its output, and says when it has to be woken next.

Knows variables, loops, packages and time; the host's commands, acknowledges and errors in text are the firmware's. A
run is a generator that yields the next time (ns) at which something happens; instructions themselves take no time.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sim_devices.firmware.emstat.backplane import Backplane
from sim_devices.firmware.emstat.cell import BAD_ARGUMENT, Cell, RunTimeError
from sim_devices.firmware.emstat.options import EmStatOptions
from sim_devices.firmware.emstat.packages import encode, encode_integer
from sim_devices.firmware.emstat.plain import Package, plain_package
from sim_devices.firmware.emstat.script import Argument, Instruction, Number, Script

_NS = 1_000_000_000
_IDLE_PASS_NS = 100_000
"""A pass through a loop in which nothing takes time still takes this long, so that time goes on and Z is heard [I]."""
_LISTEN_NS = 1_000_000
"""How often a channel that waits for channel 1 looks; it begins at the true moment all the same."""
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

Run = Generator[int, None, None]


class Aborted(Exception):
    """The host has sent Z: leave all loops."""


class LoopAborted(Exception):
    """The host has sent Y: leave the measurement loop."""


class Failed(Exception):
    """A run-time error: the script stops where it is, ``on_finished:`` is not run."""

    def __init__(self, code: int, line: int) -> None:
        super().__init__(f"{code:04X}: Line {line}")
        self.code, self.line = code, line


@dataclass
class Variable:
    """A variable with the type and metadata of what was stored in it last."""

    value: float | int = 0.0
    kind: str = "aa"
    metadata: str = ""

    def text(self) -> str:
        """Return it as it stands in a package."""
        shown = encode_integer(self.value) if isinstance(self.value, int) else encode(self.value)
        return self.kind + shown + self.metadata


@dataclass
class Interpreter:
    """One run of one script. ``now_ns`` is set by whoever resumes the generator of ``run``."""

    cell: Cell
    emit: Callable[[str], None]
    options: EmStatOptions = field(default_factory=EmStatOptions)
    backplane: Backplane = field(default_factory=Backplane)
    now_ns: int = 0
    until_ns: int = 0
    """Up to here nobody can come between: the run goes on by itself without being woken for every point."""
    halted_ns: int = 0
    """How long the run has been halted in total; later events come that much later."""
    measuring: bool = False
    finishing: bool = False
    _variables: dict[str, Variable] = field(default_factory=dict)
    _timer_ns: int = 0
    _timer_halted_ns: int = 0
    _synchronised: bool = False
    _loops_done: int = 0
    _pace: float = field(init=False)
    """True time per time of this instrument's crystal."""
    _package: list[str] = field(default_factory=list)
    _point: list[tuple[float, str, str]] = field(default_factory=list)
    """Timer and currents of the last point of a plain loop, as variables hold them."""

    def __post_init__(self) -> None:
        self._pace = 1.0 + self.options.crystal_ppm * 1e-6

    def run(self, script: Script) -> Run:
        """Run the script to its end; Aborted thrown in at a yield still runs ``on_finished:``. Raises Failed."""
        with suppress(Aborted):
            yield from self._block(script.main)
        self.finishing = True
        yield from self._block(script.finished)
        self.emit("\n")

    def _block(self, instructions: list[Instruction]) -> Run:
        for instruction in instructions:
            try:
                timed = self._TIMED.get(instruction.name)
                if timed is not None:
                    yield from timed(self, instruction)
                else:
                    self._INSTANT[instruction.name](self, instruction)
            except RunTimeError as error:
                raise Failed(error.code, instruction.line) from error

    def _until(self, t_ns: int, halted_before_ns: int) -> Run:
        """Wait for a time that was planned when the run had been halted for ``halted_before_ns``."""
        while self.now_ns < (due := t_ns + self.halted_ns - halted_before_ns):
            if due <= self.until_ns:
                self.now_ns = due
            else:
                yield due

    def _wait(self, instruction: Instruction) -> Run:
        duration_ns = round(float(self._fraction(instruction.args[0])) * self._pace * _NS)
        yield from self._until(self.now_ns + duration_ns, self.halted_ns)

    def _loop(self, instruction: Instruction) -> Run:
        left, comparison, right = instruction.args
        compare = _COMPARE[str(comparison)]
        self.emit("L\n")
        try:
            while compare(self._fraction(left), self._fraction(right)):
                began_ns = self.now_ns
                yield from self._block(instruction.body)
                if self.now_ns == began_ns:
                    yield from self._until(began_ns + _IDLE_PASS_NS, self.halted_ns)
        except Aborted:
            self.emit("+\n")
            raise
        self.emit("+\n")

    def _meas_loop_ca(self, instruction: Instruction) -> Run:
        potential_name, current_name = str(instruction.args[0]), str(instruction.args[1])
        potential_v = float(self._fraction(instruction.args[2]))
        interval_ns, run_ns = (round(self._fraction(argument) * _NS) for argument in instruction.args[3:5])
        if interval_ns <= 0 or run_ns < 0:
            raise RunTimeError(BAD_ARGUMENT)
        self.cell.set_potential(potential_v, self.now_ns)
        self.cell.integration_ns = interval_ns
        yield from self._until(self.now_ns + self._turn_gap_ns(), self.halted_ns)
        wanted = [("ba", current_name), *instruction.measured]
        package = plain_package(instruction, wanted)
        start_ns = yield from self._begin_together()
        self.emit("M0007\n")
        potential_text = Variable(potential_v, "da").text()
        self._point = []
        self.measuring = True
        halted_before_ns = self.halted_ns
        try:
            k, points = 1, run_ns // interval_ns
            while k <= points:
                planned_ns = start_ns + round(k * interval_ns * self._pace)
                while self.now_ns < (due_ns := planned_ns + self.halted_ns - halted_before_ns):
                    if due_ns <= self.until_ns:
                        self.now_ns = due_ns
                    else:
                        yield due_ns
                if package is not None:
                    k = self._print_points(
                        package, potential_text, range(k, points + 1), due_ns - planned_ns + start_ns, interval_ns
                    )
                    continue
                self._variables[potential_name] = Variable(potential_v, "da")
                for kind, name in wanted:
                    self._variables[name] = Variable(*self._measured(kind, k))
                yield from self._block(instruction.body)
                k += 1
        except LoopAborted:
            pass
        except Aborted:
            self.emit("*\n")
            raise
        finally:
            self.measuring = False
            if package is not None:
                self._keep_point(package, potential_v)
        self._loops_done += 1
        self.emit("*\n")

    def _print_points(
        self, package: Package, potential_text: str, numbers: range, zero_ns: int, interval_ns: int
    ) -> int:
        """Print the point that is due and those after it that nobody can come between, each as its body would.

        Return the number of the next one, or the end of ``numbers``.
        """
        measure, emit, until_ns, pace, order = self.cell.measure, self.emit, self.until_ns, self._pace, package.order
        late_every, timed = self.options.late_every, package.timed
        kinds = [(kind, self._shown(kind)) for kind in package.measured]
        for number in numbers:
            due_ns = zero_ns + round(number * interval_ns * pace)
            if due_ns > until_ns and number > numbers.start:
                return number
            self.now_ns = max(self.now_ns, due_ns)
            timer_s = self._timer_s()
            texts = [potential_text, "eb" + encode(timer_s) if timed else ""]
            self._point = point = [(timer_s, "eb", "")]
            late = late_every > 0 and number % late_every == 0
            for kind, shown in kinds:
                value, metadata = measure(kind, self.now_ns, late=late)
                point.append((value, shown, metadata))
                texts.append(shown + encode(value) + metadata)
            emit("P" + ";".join([texts[at] for at in order]) + "\n")
        return numbers.stop

    def _keep_point(self, package: Package, potential_v: float) -> None:
        """Leave in the variables what the last point would have left there."""
        kept = [(potential_v, "da", ""), *self._point]
        for name, value in zip(package.names, kept, strict=True) if self._point else ():
            if name:
                self._variables[name] = Variable(*value)

    def _turn_gap_ns(self) -> int:
        return round(self.options.turn_gap_ms * 1e6) if self._loops_done else 0

    def _begin_together(self) -> Generator[int, None, int]:
        """Return when the loop begins: now, or of a synchronised follower when channel 1 begins its own [1S]."""
        if not self._synchronised or self._loops_done:
            return self.now_ns
        if self.options.channel == 1:
            self.backplane.start(self.now_ns, self.options.crystal_ppm)
            return self.now_ns
        waiting_since_ns = self.now_ns
        while (started_ns := self.backplane.started_since(waiting_since_ns)) is None:
            yield self.now_ns + _LISTEN_NS
        self._pace = 1.0 + self.backplane.crystal_ppm * 1e-6
        return started_ns

    def _measured(self, kind: str, point: int) -> tuple[float, str, str]:
        if kind not in ("ba", "bb"):
            raise RunTimeError(BAD_ARGUMENT)
        late = bool(self.options.late_every) and point % self.options.late_every == 0
        value, metadata = self.cell.measure(kind, self.now_ns, late=late)
        return value, self._shown(kind), metadata

    def _shown(self, kind: str) -> str:
        return self.options.poly_kind if kind == "bb" and not self.cell.bipot else kind

    def _var(self, instruction: Instruction) -> None:
        self._variables[str(instruction.args[0])] = Variable()

    def _store_var(self, instruction: Instruction) -> None:
        name, source, kind = instruction.args
        self._variables[str(name)] = Variable(self._value(source), str(kind))

    def _add_var(self, instruction: Instruction) -> None:
        variable = self._variables[str(instruction.args[0])]
        variable.value += self._value(instruction.args[1])

    def _set_pgstat_chan(self, instruction: Instruction) -> None:
        self.cell.set_channel(int(self._fraction(instruction.args[0])))

    def _set_pgstat_mode(self, instruction: Instruction) -> None:
        self.cell.set_mode(int(self._fraction(instruction.args[0])))

    def _set_channel_sync(self, instruction: Instruction) -> None:
        self._synchronised = self._fraction(instruction.args[0]) != 0

    def _set_poly_we_mode(self, instruction: Instruction) -> None:
        self.cell.set_poly_mode(int(self._fraction(instruction.args[0])))

    def _set_bipot_mode(self, instruction: Instruction) -> None:
        self.cell.set_bipot(int(self._fraction(instruction.args[0])))

    def _set_bipot_potential(self, instruction: Instruction) -> None:
        self.cell.set_bipot_potential(float(self._fraction(instruction.args[0])))

    def _positive(self, instruction: Instruction) -> None:
        """Accept a bandwidth: it must be above zero; the simulated converter has no filter to set."""
        if self._fraction(instruction.args[0]) <= 0:
            raise RunTimeError(BAD_ARGUMENT)

    def _set_range_minmax(self, instruction: Instruction) -> None:
        low, high = (self._fraction(argument) for argument in instruction.args[1:])
        if low > high:
            raise RunTimeError(BAD_ARGUMENT)

    def _set_range(self, instruction: Instruction) -> None:
        self.cell.set_range(str(instruction.args[0]), float(self._fraction(instruction.args[1])))

    def _set_autoranging(self, instruction: Instruction) -> None:
        low, high = (float(self._fraction(argument)) for argument in instruction.args[1:])
        self.cell.set_autoranging(str(instruction.args[0]), low, high)

    def _set_e(self, instruction: Instruction) -> None:
        self.cell.set_potential(float(self._fraction(instruction.args[0])), self.now_ns)

    def _cell_on(self, _instruction: Instruction) -> None:
        self.cell.switch(on=True, now_ns=self.now_ns)

    def _cell_off(self, _instruction: Instruction) -> None:
        self.cell.switch(on=False, now_ns=self.now_ns)

    def _timer_start(self, _instruction: Instruction) -> None:
        self._timer_ns, self._timer_halted_ns = self.now_ns, self.halted_ns

    def _timer_get(self, instruction: Instruction) -> None:
        self._variables[str(instruction.args[0])] = Variable(self._timer_s(), "eb")

    def _timer_s(self) -> float:
        passed_ns = self.now_ns - self._timer_ns
        if self.options.timer_stops_when_halted:
            passed_ns -= self.halted_ns - self._timer_halted_ns
        return passed_ns / self._pace / _NS

    def _pck_start(self, _instruction: Instruction) -> None:
        self._package.clear()

    def _pck_add(self, instruction: Instruction) -> None:
        self._package.append(self._variables[str(instruction.args[0])].text())

    def _pck_end(self, _instruction: Instruction) -> None:
        self.emit("P" + ";".join(self._package) + "\n")

    def _send_string(self, instruction: Instruction) -> None:
        self.emit(f"T{instruction.args[0]}\n")

    def _value(self, argument: Argument) -> float | int:
        if isinstance(argument, Number):
            return int(argument.value) if argument.integer else float(argument.value)
        return self._variables[argument].value

    def _fraction(self, argument: Argument) -> Fraction:
        if isinstance(argument, Number):
            return argument.value
        return Fraction(self._variables[argument].value)

    _TIMED = {"wait": _wait, "loop": _loop, "meas_loop_ca": _meas_loop_ca}  # noqa: RUF012 - constant tables of methods
    _INSTANT = {  # noqa: RUF012
        "var": _var,
        "store_var": _store_var,
        "add_var": _add_var,
        "set_pgstat_chan": _set_pgstat_chan,
        "set_pgstat_mode": _set_pgstat_mode,
        "set_channel_sync": _set_channel_sync,
        "set_poly_we_mode": _set_poly_we_mode,
        "set_bipot_mode": _set_bipot_mode,
        "set_bipot_potential": _set_bipot_potential,
        "set_max_bandwidth": _positive,
        "set_range_minmax": _set_range_minmax,
        "set_range": _set_range,
        "set_autoranging": _set_autoranging,
        "set_e": _set_e,
        "cell_on": _cell_on,
        "cell_off": _cell_off,
        "timer_start": _timer_start,
        "timer_get": _timer_get,
        "pck_start": _pck_start,
        "pck_add": _pck_add,
        "pck_end": _pck_end,
        "send_string": _send_string,
    }
