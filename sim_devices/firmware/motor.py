"""Runs one infusion of a simple pump on its plunger: delay, run, pause, stall, end, and the dispensed counter.

Knows motion and when it ends; does not know commands, text or family. The counter is travel, as the
pump's own steps count it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim_devices.interfaces import Plunger

_NS_PER_MIN = 60_000_000_000
_REACHED_MM = 1e-7  # covers rounding of times to whole nanoseconds

STOPPED, RUNNING, PAUSED, DELAYED, STALLED = 0, 1, 2, 3, 4
"""States, numbered as a Chemyx pump tells them."""


@dataclass
class Motor:
    """Motion state. Every public method is given times in rising order."""

    plunger: Plunger
    stall_check_ns: int | None
    """How often the running motor is looked at; None for a pump that does not notice a stall."""
    state: int = STOPPED
    dispensed_mm: float = 0.0
    """What the counter shows, as travel."""
    _run_mm: float = 0.0
    _target_mm: float = 0.0
    """Zero: without end."""
    _speed: float = 0.0
    _travel_mm: float = 0.0
    _began_ns: int = 0
    _ran_ns: int = 0
    _end_ns: int | None = None
    _check_ns: int | None = None

    @property
    def busy(self) -> bool:
        """Tell whether a run is under way, also a delayed or paused one."""
        return self.state in (RUNNING, PAUSED, DELAYED)

    def next_event_ns(self) -> int | None:
        """Return when the delay or the run ends, or the motor is looked at next."""
        if self._end_ns is None or self._check_ns is None:
            return self._check_ns if self._end_ns is None else self._end_ns
        return min(self._end_ns, self._check_ns)

    def advance(self, now_ns: int) -> None:
        """Live through everything up to ``now_ns``."""
        if self.state in (STOPPED, PAUSED, STALLED):
            return  # nothing moves it: what it travels is counted from the next start on
        while (event := self.next_event_ns()) is not None and event <= now_ns:
            self._live(event)
        self._count(now_ns)

    def start(self, speed_mm_per_min: float, target_mm: float, delay_ns: int, now_ns: int) -> None:
        """Begin a run; the sign of ``speed_mm_per_min`` is its direction."""
        self._speed, self._target_mm, self._run_mm, self._ran_ns = speed_mm_per_min, abs(target_mm), 0.0, 0
        if delay_ns > 0:
            self.state, self._end_ns = DELAYED, now_ns + delay_ns
        else:
            self._drive(now_ns)

    def resume(self, now_ns: int) -> None:
        """Go on after a pause [M]."""
        self._drive(now_ns)

    def pause(self, now_ns: int) -> None:
        """Hold the run."""
        self._halt(now_ns, PAUSED)

    def stop(self, now_ns: int) -> None:
        """End the run; it cannot be resumed [M]."""
        self._halt(now_ns, STOPPED)

    def power_up(self, now_ns: int) -> None:
        """Stand still with all run state and the counter gone [I]."""
        self.state, self._end_ns, self._check_ns = STOPPED, None, None
        self._travel_mm = self.plunger.travelled_mm(now_ns)
        self.dispensed_mm, self._ran_ns = 0.0, 0

    def elapsed_min(self, now_ns: int) -> float:
        """Return how long the present or last run has run."""
        running_ns = now_ns - self._began_ns if self.state == RUNNING else 0
        return (self._ran_ns + running_ns) / _NS_PER_MIN

    def _live(self, t_ns: int) -> None:
        self._count(t_ns)
        if self._end_ns is not None and t_ns >= self._end_ns:
            if self.state == DELAYED:
                self._drive(t_ns)
            elif self._target_mm - self._run_mm <= _REACHED_MM:
                self._halt(t_ns, STOPPED)
            else:
                self._set_end(t_ns)  # it had been held up: the rest takes longer
            return
        if self.plunger.stalled(t_ns):
            self._halt(t_ns, STALLED)
        else:
            self._look_again(t_ns)

    def _drive(self, now_ns: int) -> None:
        self._count(now_ns)
        self.state, self._began_ns = RUNNING, now_ns
        self.plunger.drive(self._speed, now_ns)
        self._look_again(now_ns)
        self._set_end(now_ns)

    def _look_again(self, now_ns: int) -> None:
        self._check_ns = None if self.stall_check_ns is None else now_ns + self.stall_check_ns

    def _set_end(self, now_ns: int) -> None:
        self._end_ns = None
        if self._target_mm > 0:
            left_ns = math.ceil(max(self._target_mm - self._run_mm, 0.0) / abs(self._speed) * _NS_PER_MIN)
            self._end_ns = now_ns + max(left_ns, 1)

    def _halt(self, now_ns: int, state: int) -> None:
        self._count(now_ns)
        if self.state == RUNNING:
            self._ran_ns += now_ns - self._began_ns
        self.plunger.drive(0.0, now_ns)
        self.state, self._end_ns, self._check_ns = state, None, None

    def _count(self, now_ns: int) -> None:
        travel = self.plunger.travelled_mm(now_ns)
        moved, self._travel_mm = abs(travel - self._travel_mm), travel
        self._run_mm += moved
        self.dispensed_mm += moved
