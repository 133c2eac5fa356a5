"""The place where a STOP is put so that it overtakes everything on its lane.

Knows one fact, whether a stop is wanted, and counts how often one was asked for. Does not know ports, pumps or why.
Any thread may ask; only the lane that owns the slot carries a stop out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


def _nobody() -> None:
    """Wake nobody."""


class StopSlot:
    """One pump's pending STOP. ``generation`` rises with every request; work decided before it is refused."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._generation = 0
        self._confirmed = 0
        self._stopping = False
        self.wake: Callable[[], None] = _nobody
        """Called after each request, from the asking thread: brings a sleeping lane to its feet."""

    @property
    def generation(self) -> int:
        """Return how many stops were asked for since the start."""
        return self._generation

    @property
    def pending(self) -> bool:
        """Tell whether a stop is wanted and not yet confirmed."""
        return self._confirmed < self._generation

    def request(self) -> int:
        """Ask for a stop, from any thread; return the generation that must be confirmed. Never blocks for long."""
        with self._lock:
            self._generation += 1
            generation = self._generation
        self.wake()
        return generation

    def begin(self) -> int:
        """Let the lane take the stop up: from here the abort check no longer interrupts (it would abort the STOP)."""
        with self._lock:
            self._stopping = True
            return self._generation

    def end(self, confirmed_generation: int | None) -> None:
        """Let the lane put the stop down: with the generation a fresh reply confirmed, or None to try again."""
        with self._lock:
            self._stopping = False
            if confirmed_generation is not None:
                self._confirmed = max(self._confirmed, confirmed_generation)

    def abort(self) -> bool:
        """Tell a driver that waits whether to give up because a stop is pending (``DriverOptions.abort``)."""
        return self._confirmed < self._generation and not self._stopping  # asked at every look of every wait
