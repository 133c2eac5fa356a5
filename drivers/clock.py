"""Time as an argument: the only module that may read the machine's clocks or sleep.

Knows how time passes (really, scaled, or virtually) and nothing else. Everything that decides is handed
``now_ns`` or a ``Clock``; a test or a rehearsal hands it a virtual one.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Final, Protocol

NS_PER_S = 1_000_000_000
FOREVER_NS = 1 << 62
REHEARSAL_WALL_START_NS = 1_767_258_000 * NS_PER_S
"""Wall time at which virtual time starts: 2026-01-01 09:00:00 UTC, fixed so that a seed gives the same file."""


class Clock(Protocol):
    """What time it is and how to wait, in integer nanoseconds."""

    def now_ns(self) -> int:
        """Return monotonic time, ns since an arbitrary start. The only time that schedules and doses use."""
        ...

    def wall_ns(self) -> int:
        """Return UTC time, ns since 1970. For labels in files only."""
        ...

    def sleep_until_ns(self, t_ns: int) -> None:
        """Return when ``now_ns() >= t_ns``; at once if it is already."""
        ...


_BOOT_CLOCK: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)
"""On Linux the monotonic clock stands still while the machine sleeps, this one does not [V PEP 418]."""


class SystemClock:
    """The machine's own clocks. A sleep of the machine is a jump of ``now_ns``, so that the engine notices it (H5)."""

    def now_ns(self) -> int:
        return time.monotonic_ns() if _BOOT_CLOCK is None else time.clock_gettime_ns(_BOOT_CLOCK)

    def wall_ns(self) -> int:
        return time.time_ns()

    def sleep_until_ns(self, t_ns: int) -> None:
        delay_ns = t_ns - self.now_ns()
        if delay_ns > 0:
            time.sleep(delay_ns / NS_PER_S)


@dataclass
class VirtualClock:
    """Time that moves only when somebody waits: an hour passes in as long as its events take to compute.

    For one thread. ``sleep_until_ns`` and ``jump_ns`` are the only ways it moves; it never moves backwards.
    """

    start_wall_ns: int = REHEARSAL_WALL_START_NS
    _now_ns: int = field(default=0, init=False)

    def now_ns(self) -> int:
        return self._now_ns

    def wall_ns(self) -> int:
        return self.start_wall_ns + self._now_ns

    def sleep_until_ns(self, t_ns: int) -> None:
        self.pass_until_ns(t_ns)

    def pass_until_ns(self, t_ns: int) -> None:
        """Let time pass in which nobody has anything to do (``undisturbed_until_ns``)."""
        self._now_ns = max(self._now_ns, t_ns)

    def undisturbed_until_ns(self) -> int:
        """Return until when nothing happens but what the caller waits for: now, where nobody knows."""
        return self._now_ns

    def jump_ns(self, delta_ns: int) -> None:
        """Skip ahead by ``delta_ns`` at once, as a machine does that was suspended."""
        if delta_ns < 0:
            raise ValueError("virtual time cannot run backwards")
        self._now_ns += delta_ns


@dataclass
class PacedClock:
    """Real time multiplied by ``rate``, with jumps; for simulated rigs that a person watches. Thread-safe."""

    rate: float = 1.0
    _real_start_ns: int = field(default_factory=time.monotonic_ns, init=False)
    _wall_start_ns: int = field(default_factory=time.time_ns, init=False)
    _jumped_ns: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise ValueError(f"rate must be above zero, not {self.rate}")

    def now_ns(self) -> int:
        with self._lock:
            return self._jumped_ns + round((time.monotonic_ns() - self._real_start_ns) * self.rate)

    def wall_ns(self) -> int:
        return self._wall_start_ns + self.now_ns()

    def sleep_until_ns(self, t_ns: int) -> None:
        delay_ns = t_ns - self.now_ns()
        if delay_ns > 0:
            time.sleep(delay_ns / self.rate / NS_PER_S)

    def jump_ns(self, delta_ns: int) -> None:
        """Skip ahead by ``delta_ns`` at once."""
        if delta_ns < 0:
            raise ValueError("virtual time cannot run backwards")
        with self._lock:
            self._jumped_ns += delta_ns


def nap_until_ns(clock: Clock, now_ns: int, wake_ns: int, longest_s: float) -> None:
    """Sleep until ``wake_ns``, but at most ``longest_s`` of real time: another thread may change what is waited for.

    Virtual time has one thread: there nothing else can happen meanwhile, and the whole wait is one step.
    """
    if not isinstance(clock, VirtualClock):
        wake_ns = min(wake_ns, now_ns + round(longest_s * float(getattr(clock, "rate", 1.0)) * NS_PER_S))
    clock.sleep_until_ns(wake_ns)
