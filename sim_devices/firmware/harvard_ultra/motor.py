"""Runs an Ultra pump's plunger: rate or ramp, targets by volume and time, stalls, and the counters of both directions.

Knows motion and when it ends; does not know commands, replies or framing. Counters count what the motor's encoder
really travelled, as volume of the diameter the pump was told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from sim_devices.firmware.harvard_ultra.numbers import area_mm2
from sim_devices.interfaces import Plunger

_NS_PER_MIN = 60_000_000_000
_NS_PER_MS = 1_000_000
_REACHED_UL = 1e-9
_RAMP_STEP_NS = 100 * _NS_PER_MS
"""How finely a ramp is followed [I]."""

Direction = Literal["i", "w"]
State = Literal["idle", "running", "stalled", "target", "switch"]
SIGN: dict[Direction, int] = {"i": 1, "w": -1}


@dataclass(frozen=True)
class Ramp:
    """From one rate to another in a time; then on at the end rate [I]."""

    start_ul_per_min: float
    end_ul_per_min: float
    seconds: float

    def at(self, elapsed_s: float) -> float:
        """Return the rate so long after the start."""
        part = min(max(elapsed_s / self.seconds, 0.0), 1.0)
        return self.start_ul_per_min + part * (self.end_ul_per_min - self.start_ul_per_min)


@dataclass
class Settings:
    """What makes up a run; in RAM, and in NVRAM while storing is on."""

    diameter_mm: float
    rate_ul_per_min: dict[Direction, float] = field(default_factory=lambda: {"i": 1000.0, "w": 1000.0})
    rate_time: dict[Direction, str] = field(default_factory=lambda: {"i": "min", "w": "min"})
    ramp: dict[Direction, Ramp | None] = field(default_factory=lambda: {"i": None, "w": None})
    target_ul: float | None = None
    target_s: float | None = None

    def copy(self) -> Settings:
        """Return the same settings, apart."""
        return Settings(
            self.diameter_mm, dict(self.rate_ul_per_min), dict(self.rate_time), dict(self.ramp), self.target_ul,
            self.target_s,
        )  # fmt: skip


@dataclass
class Motor:
    """Motion state of one pump. Every public method is given times in rising order."""

    plunger: Plunger
    settings: Settings
    stall_check_ns: int
    switch_ul: float = math.inf
    """Where the limit switch at the end of the way forward is, as volume from here."""
    state: State = "idle"
    direction: Direction = "i"
    volume_ul: dict[Direction, float] = field(default_factory=lambda: {"i": 0.0, "w": 0.0})
    time_ns: dict[Direction, int] = field(default_factory=lambda: {"i": 0, "w": 0})
    _travel_mm: float = 0.0
    _counted_ns: int = 0
    _began_ns: int = 0
    _end_ns: int | None = None
    _check_ns: int | None = None

    @property
    def running(self) -> bool:
        """Tell whether the motor turns."""
        return self.state == "running"

    @property
    def rate_ul_per_min(self) -> float:
        """Return the present rate; 0 while it stands."""
        return self._rate(self._counted_ns) if self.running else 0.0

    def next_event_ns(self) -> int | None:
        """Return when a target may be reached, a ramp goes on, or the encoder is looked at next."""
        times = [t for t in (self._end_ns, self._check_ns) if t is not None]
        return min(times) if times else None

    def advance(self, now_ns: int) -> bool:
        """Live through everything up to ``now_ns``; tell whether the run ended by itself."""
        ended = False
        while (event := self.next_event_ns()) is not None and event <= now_ns:
            self._count(event)
            if self._target_reached():
                self._end("target", event)
                ended = True
            elif self.plunger.stalled(event) or self._at_switch():
                self._end("stalled" if self.plunger.stalled(event) else "switch", event)
                ended = True
            else:
                self._drive(event)
        self._count(now_ns)
        return ended

    def run(self, direction: Direction, now_ns: int) -> None:
        """Start, or turn round."""
        self._count(now_ns)
        self.state, self.direction, self._began_ns = "running", direction, now_ns
        if self._target_reached():
            self._end("target", now_ns)
        elif self._at_switch():
            self._end("switch", now_ns)
        else:
            self._drive(now_ns)

    def stop(self, now_ns: int) -> None:
        """Stop; a stall or reached target is over with it [D]."""
        self._count(now_ns)
        self._end("idle", now_ns)

    def retune(self, now_ns: int) -> None:
        """Take up settings that were changed while the motor turns."""
        if self.running:
            self._count(now_ns)
            self._drive(now_ns)

    def forget_target(self) -> None:
        """The target was cleared: so is the prompt that says it was reached [D]."""
        if self.state == "target":
            self.state = "idle"

    def power_up(self, now_ns: int) -> None:
        """Stand still with all run state gone."""
        self.state, self._end_ns, self._check_ns = "idle", None, None
        self._travel_mm, self._counted_ns = self.plunger.travelled_mm(now_ns), now_ns

    def _end(self, state: State, now_ns: int) -> None:
        self.plunger.drive(0.0, now_ns)
        self.state, self._end_ns, self._check_ns = state, None, None

    def _rate(self, now_ns: int) -> float:
        ramp = self.settings.ramp[self.direction]
        if ramp is None:
            return self.settings.rate_ul_per_min[self.direction]
        return ramp.at((now_ns - self._began_ns) / 1e9)

    def _count(self, now_ns: int) -> None:
        travel = self.plunger.travelled_mm(now_ns)
        moved, self._travel_mm = travel - self._travel_mm, travel
        self.volume_ul["i" if moved > 0 else "w"] += abs(moved) * area_mm2(self.settings.diameter_mm)
        if self.running:
            self.time_ns[self.direction] += max(now_ns - self._counted_ns, 0)
        self._counted_ns = now_ns

    def _target_reached(self) -> bool:
        volume, time_s = self.settings.target_ul, self.settings.target_s
        by_volume = volume is not None and volume - self.volume_ul[self.direction] <= _REACHED_UL
        return by_volume or (time_s is not None and self.time_ns[self.direction] >= round(time_s * 1e9))

    def _at_switch(self) -> bool:
        return self.direction == "i" and self._travel_mm * area_mm2(self.settings.diameter_mm) >= self.switch_ul

    def _drive(self, now_ns: int) -> None:
        rate = self._rate(now_ns)
        self.plunger.drive(SIGN[self.direction] * rate / area_mm2(self.settings.diameter_mm), now_ns)
        self._check_ns = now_ns + (_RAMP_STEP_NS if self.settings.ramp[self.direction] else self.stall_check_ns)
        ends = []
        if self.settings.target_ul is not None:
            left_ul = self.settings.target_ul - self.volume_ul[self.direction]
            ends.append(now_ns + max(math.ceil(left_ul / rate * _NS_PER_MIN), 1))
        if self.settings.target_s is not None:
            ends.append(now_ns + max(round(self.settings.target_s * 1e9) - self.time_ns[self.direction], 1))
        self._end_ns = min(ends) if ends else None
