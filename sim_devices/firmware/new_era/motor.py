"""Runs the pumping program on the plunger: phases, targets, pauses, purge, and the dispensed counters.

Knows motion and when it ends; does not know commands, replies or framing. Counters count what the motor's encoder
really travelled, as volume of the diameter the pump was told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sim_devices.firmware.new_era.memory import Memory, Phase
from sim_devices.interfaces import Plunger

_NS_PER_MIN = 60_000_000_000
_NS_PER_S = 1_000_000_000
_REACHED_MM = 1e-7  # far below one microstep (some 7e-5 mm); covers rounding of times to whole nanoseconds
_MAX_HOPS = 200  # phases without any duration that may follow each other: a jump to itself is a program error

STOPPED, PAUSED, INFUSING, WITHDRAWING, TIMED_PAUSE, PURGING = "S", "P", "I", "W", "T", "X"
SIGN = {"INF": 1, "WDR": -1}


class ProgramError(Exception):
    """The pumping program cannot go on; ``alarm`` is the letter of the alarm it raises."""

    def __init__(self, alarm: str) -> None:
        super().__init__(alarm)
        self.alarm = alarm


@dataclass
class Motor:
    """Motion state of one pump. Every public method is given times in rising order."""

    plunger: Plunger
    memory: Memory
    stall_check_ns: int
    state: str = STOPPED
    phase_index: int = 0
    infused_mm: float = 0.0
    withdrawn_mm: float = 0.0
    phase_began_ns: int | None = None
    """When the present phase began by itself (not by RUN)."""
    speed_factor: float = 1.0
    """What its clock makes of every speed; counters and targets are steps, and stay true."""
    _sign: int = 1
    _phase_mm: float = 0.0
    _paused_from: str = INFUSING
    _pause_left_ns: int = 0
    _travel_mm: float = 0.0
    _end_ns: int | None = None
    _check_ns: int | None = None
    _loops: list[list[int]] = field(default_factory=list)

    @property
    def moving(self) -> bool:
        """Tell whether the motor turns."""
        return self.state in (INFUSING, WITHDRAWING, PURGING)

    @property
    def operating(self) -> bool:
        """Tell whether a program or purge is under way (a pause by STP is not)."""
        return self.moving or self.state == TIMED_PAUSE

    @property
    def phase(self) -> Phase:
        """Return the phase of the program that runs or is paused."""
        return self.memory.phases[self.phase_index]

    def next_event_ns(self) -> int | None:
        """Return when a phase ends, or the encoder is looked at next."""
        end_ns, check_ns = self._end_ns, self._check_ns
        if end_ns is None or (check_ns is not None and check_ns < end_ns):
            return check_ns
        return end_ns

    def advance(self, now_ns: int) -> str | None:
        """Live through everything up to ``now_ns``; return the alarm letter that stopped the program, if one did."""
        while (event := self.next_event_ns()) is not None and event <= now_ns:
            alarm = self._live(event)
            if alarm is not None:
                return alarm
        self._count(now_ns)
        return None

    def _live(self, t_ns: int) -> str | None:
        self._count(t_ns)
        if self._end_ns is not None and t_ns >= self._end_ns:
            if self.state == TIMED_PAUSE or self._remaining_mm() <= _REACHED_MM:
                return self._go_on(t_ns)
            self._set_timers(t_ns)  # it had been held up: the rest takes longer
        if self.plunger.stalled(t_ns):
            self.halt(t_ns)
            return "S"
        if self._check_ns is not None and t_ns >= self._check_ns:
            self._check_ns = t_ns + self.stall_check_ns
        return None

    def _go_on(self, t_ns: int) -> str | None:
        """Enter the phase after the one that has ended: a finished phase never stops the program by itself [M]."""
        self.phase_began_ns = t_ns
        try:
            self._enter(self.phase_index + 1, t_ns)
        except ProgramError as error:
            self.halt(t_ns)
            return error.alarm
        return None

    def run(self, first_phase: int, now_ns: int) -> None:
        """Start the program at a phase (counted from 0). Raises ProgramError."""
        self._loops.clear()
        self.phase_began_ns = None
        self._enter(first_phase, now_ns)

    def resume(self, now_ns: int) -> None:
        """Go on after STP where it was paused."""
        self.state = self._paused_from
        if self.state == TIMED_PAUSE:
            self._end_ns = now_ns + self._pause_left_ns
            return
        self._drive(now_ns)

    def pause(self, now_ns: int) -> None:
        """Hold the program; a purge just ends."""
        if self.state == PURGING:
            self.halt(now_ns)
            return
        self._paused_from = self.state
        self._pause_left_ns = 0 if self._end_ns is None else self._end_ns - now_ns
        self.halt(now_ns)
        self.state = PAUSED

    def halt(self, now_ns: int) -> None:
        """Stop motor and program."""
        self._count(now_ns)
        self.plunger.drive(0.0, now_ns)
        self.state = STOPPED
        self._end_ns = self._check_ns = None

    def purge(self, direction: str, now_ns: int) -> None:
        """Turn at top speed until stopped [M]."""
        self._sign = SIGN.get(direction, self._sign)
        self.state = PURGING
        self._count(now_ns)
        self.plunger.drive(self._sign * self.memory.speeds_mm_per_min[1], now_ns)
        self._end_ns, self._check_ns = None, now_ns + self.stall_check_ns

    def retune(self, now_ns: int) -> None:
        """Take up a rate or direction that was changed while the motor turns."""
        self._count(now_ns)
        self._sign = SIGN.get(self.phase.direction, self._sign)
        self._drive(now_ns)

    def clear_counters(self) -> None:
        """Set both dispensed counters to zero."""
        self.infused_mm = self.withdrawn_mm = 0.0

    def power_up(self, now_ns: int) -> None:
        """Stand still with all run state gone. Counters are run state too [I]."""
        self.state, self._end_ns, self._check_ns = STOPPED, None, None
        self._travel_mm = self.plunger.travelled_mm(now_ns)
        self.clear_counters()

    def _remaining_mm(self) -> float:
        return self.memory.target_mm(self.phase) - self._phase_mm

    def _count(self, now_ns: int) -> None:
        travel = self.plunger.travelled_mm(now_ns)
        moved, self._travel_mm = travel - self._travel_mm, travel
        self._phase_mm += abs(moved)
        if moved > 0:
            self.infused_mm += moved
        else:
            self.withdrawn_mm -= moved

    def _drive(self, now_ns: int) -> None:
        self.state = INFUSING if self._sign > 0 else WITHDRAWING
        self.plunger.drive(self._sign * self._speed(), now_ns)
        self._set_timers(now_ns)

    def _speed(self) -> float:
        return self.phase.rate_ul_per_min / self.memory.area_mm2 * self.speed_factor

    def _set_timers(self, now_ns: int) -> None:
        self._check_ns = now_ns + self.stall_check_ns
        self._end_ns = None
        if self.phase.volume > 0 and self._speed() > 0:
            left_ns = math.ceil(max(self._remaining_mm(), 0.0) / self._speed() * _NS_PER_MIN)
            self._end_ns = now_ns + max(left_ns, 1)

    def _enter(self, index: int, now_ns: int) -> None:
        for _ in range(_MAX_HOPS):
            if index >= len(self.memory.phases):  # past the last phase the program is over
                self.halt(now_ns)
                return
            self.phase_index = index
            following = self._execute(self.phase, now_ns)
            if following is None:
                return
            index = following
        raise ProgramError("E")

    def _execute(self, phase: Phase, now_ns: int) -> int | None:
        """Do one phase; return the index of the next one, or None when this one takes time or ends the program."""
        name, argument = phase.function[:3], phase.function[3:]
        if name == "RAT":
            if not self.memory.rate_possible(phase.rate_ul_per_min):
                raise ProgramError("O")
            self._count(now_ns)
            self._phase_mm = 0.0
            self._sign = SIGN.get(phase.direction, self._sign)
            self._drive(now_ns)
            return None
        if name == "PAS":
            self.halt(now_ns)
            self.state, self._end_ns = TIMED_PAUSE, now_ns + round(float(argument) * _NS_PER_S)
            return None
        if name == "STP":
            self.halt(now_ns)
            return None
        return self._hop(name, argument)

    def _hop(self, name: str, argument: str) -> int:
        if name == "CLD":
            self.clear_counters()
        elif name == "JMP":
            return int(argument) - 1
        elif name == "LPS":
            self._loops.append([self.phase_index, 1])
        elif name == "LOP":
            return self._loop(int(argument))
        return self.phase_index + 1

    def _loop(self, times: int) -> int:
        """Go back behind the last LPS (or to phase 1) until the body has run ``times`` times."""
        if not self._loops:
            self._loops.append([-1, 1])
        start, done = self._loops[-1]
        if done >= times:
            self._loops.pop()
            return self.phase_index + 1
        self._loops[-1][1] = done + 1
        return start + 1
