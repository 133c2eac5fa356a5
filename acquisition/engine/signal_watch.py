"""What follows when a signal crosses a threshold of the plan: a mark, an alarm, or that no new infusion begins.

Knows the watches of one potentiostat and what they last said. Never starts, stops or changes an infusion: one under way
goes on to its armed target, and maintained anaesthesia begins as planned. How a crossing is found is known to
``acquisition.signal.threshold``, whether the plan waits to ``schedule``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from acquisition.engine.attendance import Attendance, Way
from acquisition.engine.parts import Desk
from acquisition.events import EventKind, Scalar
from acquisition.plan import InfuseStep, SignalWatch
from acquisition.signal.baseline import RunningBaseline
from acquisition.signal.threshold import Crossing, Threshold
from drivers.clock import NS_PER_S

ALARMS = {"alarm": "signal-threshold", "hold": "signal-hold"}


@dataclass
class WatchedSignal:
    """One watch on its way through the session."""

    watch: SignalWatch
    desk: Desk
    holds: bool = False
    """It crossed, and nobody has said go on since."""
    _threshold: Threshold = field(init=False, repr=False)
    _baseline: RunningBaseline | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        watch = self.watch
        self._threshold = Threshold(watch.enter_a, watch.leave_a, watch.above, watch.dwell_s)
        self._baseline = RunningBaseline(watch.baseline_s) if watch.baseline_s is not None else None

    @property
    def text(self) -> str:
        """Return what is watched, for people."""
        return f"{self.watch.name}: {self.watch.told}"

    @property
    def is_beyond(self) -> bool:
        """Tell whether the signal is beyond the threshold, as far as is known."""
        return self._threshold.crossed

    def look(self, t_ns: NDArray[np.int64], current_a: NDArray[np.float64]) -> None:
        """Take samples of its channel that are recorded, shape (n,), A; NaN where nothing was measured."""
        value_a = current_a
        if self._baseline is not None:
            value_a = current_a - self._baseline.add(t_ns / NS_PER_S, current_a)
        for crossing in self._threshold.add(t_ns, value_a):
            self._tell(crossing)

    def release(self) -> None:
        """Note that a person goes on: it holds nothing until it crosses again."""
        self.holds = False

    def _tell(self, crossing: Crossing) -> None:
        """Write a mark at the time when the signal was first there, and do what the watch asks for."""
        watch, alarms = self.watch, self.desk.alarms
        data: dict[str, Scalar] = {
            "watch": watch.name,
            "channel": watch.channel,
            "crossed": not crossing.over,
            "value_a": crossing.value,
            "sure_ns": crossing.t_ns,
        }
        text = self.text + (", back" if crossing.over else "")
        self.desk.say(EventKind.MARK, crossing.since_ns, watch.channel, text, data)
        kind = ALARMS.get(watch.then)
        if kind is not None and not crossing.over:
            alarms.on(kind, crossing.t_ns, watch.channel, text)
        self.holds |= watch.then == "hold" and not crossing.over


def clear(watched: Sequence[WatchedSignal], desk: Desk) -> None:
    """End the alarms of channels on which nothing is beyond its threshold, and nothing holds."""
    for kind, channel in {(ALARMS.get(one.watch.then, ""), one.watch.channel) for one in watched}:
        of = [one for one in watched if one.watch.channel == channel and ALARMS.get(one.watch.then) == kind]
        if kind and not any(one.is_beyond or one.holds for one in of):
            desk.alarms.off(kind, channel)


@dataclass
class SignalHold:
    """Whether watched signals let an infusion begin that is due; asked by the schedule before each."""

    attendance: Attendance
    signals: Sequence[WatchedSignal]

    @property
    def by(self) -> tuple[str, ...]:
        """Return the signals that crossed and hold every experimental infusion until a person goes on."""
        return tuple(signal.text for signal in self.signals if signal.holds)

    def way(self, step: InfuseStep, following: tuple[InfuseStep, ...], now_ns: int) -> Way:
        """Decide about an infusion that is due: somebody must watch, and no signal may hold what is experimental."""
        way = self.attendance.way(step, following, now_ns)
        return self.attendance.held_by_signal(step, following, now_ns) if way == "start" and self.by else way

    def release(self) -> None:
        """Note that a person lets the infusion begin that waited, or leaves it out."""
        for signal in self.signals:
            signal.release()
