"""Runs a session in threads: one per lane, one for the conductor. Thin shells around ``step``.

Knows threads, and that they must all end. Decides nothing. If the conductor's thread dies against all intent, every
pump gets its STOP before anything else happens.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Sequence

from acquisition.engine.conductor import Conductor
from acquisition.engine.lanes import BaseLane
from acquisition.engine.pump_lane import PumpLane
from drivers.clock import NS_PER_S, Clock, SystemClock

IDLE_S = 0.02
"""Longest sleep of a shell, real seconds: bounds how late a grant or a wake that was missed is seen."""


class ThreadHost:
    """The threads of one session. ``start``, wait for ``over``, ``join``."""

    def __init__(self, conductor: Conductor, lanes: Sequence[BaseLane], clock: Clock, rate: float = 1.0) -> None:
        self._conductor = conductor
        self._lanes = tuple(lanes)
        self._clock = clock
        self._rate = rate
        self._ending = threading.Event()
        self._over = threading.Event()
        self.defect = ""
        """Traceback of a conductor that died; empty otherwise."""
        self._threads = [
            threading.Thread(target=self._run_conductor, name="conductor", daemon=True),
            *(
                threading.Thread(target=self._run_lane, args=(lane,), name=f"lane {lane.name}", daemon=True)
                for lane in self._lanes
            ),
        ]

    def start(self) -> None:
        """Start all threads."""
        for thread in self._threads:
            thread.start()

    def wait_over(self, timeout_s: float | None = None) -> bool:
        """Wait until the session is closed or the conductor has died; return whether it is."""
        return self._over.wait(timeout_s)

    def join(self, timeout_s: float = 10.0) -> list[str]:
        """End the threads, all of them within ``timeout_s``; return the names of those that did not end."""
        self._ending.set()
        for lane in self._lanes:
            lane.wake()
        clock = SystemClock()
        end_ns = clock.now_ns() + round(timeout_s * NS_PER_S)
        for thread in self._threads:
            thread.join(max(0.0, (end_ns - clock.now_ns()) / NS_PER_S))
        return [thread.name for thread in self._threads if thread.is_alive()]

    def _run_conductor(self) -> None:
        try:
            while not self._ending.is_set() and not self._conductor.over:
                now_ns = self._clock.now_ns()
                due_ns = self._conductor.next_due_ns()
                if due_ns <= now_ns:
                    self._conductor.step(now_ns)
                else:
                    self._ending.wait(min(IDLE_S / 2, (due_ns - now_ns) / NS_PER_S / self._rate))
        except BaseException:  # noqa: BLE001 - R44: the pumps are stopped before anyone is told
            self._conductor.emergency_stop("the conductor's thread died")
            self.defect = traceback.format_exc()
        finally:
            self._over.set()

    def _run_lane(self, lane: BaseLane) -> None:
        work = threading.Event()
        lane.wake = work.set
        if isinstance(lane, PumpLane):
            lane.slot.wake = work.set
        while not lane.closed and not self._may_end(lane):
            now_ns = self._clock.now_ns()
            due_ns = lane.next_due_ns()
            if due_ns is not None and due_ns <= now_ns:
                lane.step(now_ns)
                continue
            work.wait(IDLE_S if due_ns is None else min(IDLE_S, (due_ns - now_ns) / NS_PER_S / self._rate))
            work.clear()

    def _may_end(self, lane: BaseLane) -> bool:
        """A pump's thread does not end while its STOP is unconfirmed, unless the whole session is closed."""
        if not self._ending.is_set():
            return False
        pending = isinstance(lane, PumpLane) and lane.slot.pending
        return not pending or self._conductor.over
