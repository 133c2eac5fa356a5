"""The samples of this session as the screen needs them: one pyramid per channel, history first, then live.

Joins the two without a hole and without a double: while the journal is being read, live messages wait; afterwards
those that the journal already held are dropped (the rule of ``ChannelSamples.journal_sequence``). No Qt.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from acquisition.messages import ChannelSamples
from acquisition.signal.blocks import Stretch
from acquisition.signal.derived import Recipe
from acquisition.signal.pyramid import Floats, MinMaxPyramid
from gui.derived_trace import DerivedTrace, Present
from gui.presenters.text import NS_PER_S

Key = tuple[str, str]
"""Instrument and channel."""
WORK_SAMPLES = 10_000
"""Samples that are derived in one frame, all channels together: a few ms, so that STOP is heard in between."""


@dataclass
class TraceStore:
    """All channels. Times inside are seconds since ``session_started_ns``."""

    session_started_ns: int
    traces: dict[Key, MinMaxPyramid] = field(default_factory=dict)
    _derived: dict[Key, tuple[DerivedTrace, Key | None]] = field(default_factory=dict)
    """What is looked at otherwise than as measured, with the sentinel that is taken off."""
    _last_ns: dict[Key, int] = field(default_factory=dict)
    _waiting: list[ChannelSamples] | None = None

    @property
    def loading(self) -> bool:
        """Tell whether live messages wait for history."""
        return self._waiting is not None

    @property
    def waiting(self) -> int:
        """Return how many live messages wait for history; who gives credit looks at it, so that it stays bounded."""
        return len(self._waiting or ())

    def hold(self) -> None:
        """Let live messages wait from now on: history is coming."""
        if self._waiting is None:
            self._waiting = []

    def live(self, message: ChannelSamples) -> None:
        """Take a message of the live feed."""
        if self._waiting is None:
            self._add(message)
        else:
            self._waiting.append(message)

    def history(self, stretch: Stretch) -> None:
        """Take samples from the journal."""
        self._append(stretch)

    def release(self, up_to_sequence: int) -> None:
        """History is in, up to this journal record: append what waited and is newer."""
        waiting, self._waiting = self._waiting or [], None
        for message in waiting:
            if message.journal_sequence > up_to_sequence:
                self._add(message)

    def look_at(self, key: Key, recipe: Recipe, interval_s: float, sentinel: Key | None = None) -> None:
        """Draw a channel through ``recipe`` from now on, the samples so far included; again changes nothing."""
        now = self._derived.get(key)
        if now is not None and (now[0].recipe, now[0].interval_s, now[1]) == (recipe, interval_s, sentinel):
            return
        self._derived.pop(key, None)
        if recipe != Recipe():
            self._derived[key] = DerivedTrace(recipe, interval_s), sentinel

    def work(self, most: int = WORK_SAMPLES) -> None:
        """Let what is looked at follow what was recorded, by at most so many samples."""
        for key, (shown, sentinel) in self._derived.items():
            if key in self.traces:
                beside = None if sentinel is None else self.traces.get(sentinel, MinMaxPyramid())
                shown.catch_up(self.traces[key], beside, most // len(self._derived))

    def present(self, key: Key, not_before_s: float) -> Present | None:
        """Return what is at the right end of a channel that is looked at otherwise than as measured; else None."""
        shown = self._derived.get(key)
        return None if shown is None else shown[0].present(not_before_s)

    def line(self, key: Key, t_from: float, t_to: float, pixels: int) -> tuple[Floats, Floats]:
        """Return a line in seconds and amperes, ready to be drawn; empty for a channel without samples."""
        trace = self._derived[key][0].pyramid if key in self._derived else self.traces.get(key)
        if trace is None or not len(trace):
            return np.empty(0), np.empty(0)
        return trace.line(t_from, t_to, pixels)

    def _add(self, message: ChannelSamples) -> None:
        t_ns = np.asarray(message.t_ns, dtype=np.int64)
        current_a = np.asarray(message.current_a, dtype=np.float64).T
        self._append(Stretch(message.instrument, message.channels, t_ns, current_a))

    def _append(self, stretch: Stretch) -> None:
        t_ns = stretch.t_ns
        for name, values in zip(stretch.channels, stretch.current_a.T, strict=True):
            key = (stretch.instrument, name)
            # Samples that are there already are not drawn twice: a message may reach back over what history held.
            new = t_ns > self._last_ns.get(key, -(2**62))
            if not new.any():
                continue
            self._last_ns[key] = int(t_ns[-1])
            seconds = (t_ns[new] - self.session_started_ns) / NS_PER_S
            trace = self.traces.setdefault(key, MinMaxPyramid())
            trace.append(seconds, values[new])
