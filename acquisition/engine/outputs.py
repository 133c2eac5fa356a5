"""Digital outputs that tell other devices when a pump runs and when a mark was made: what is wanted, and who drives it.

``OutputDesk`` hears the engine's events and knows what they mean for an output; ``OutputLane`` knows how a level or a
pulse is held on one instrument, between two readings of its samples, which come first. No part of a dose depends on
either: a pump's lane knows nothing of them, and STOP waits for nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from acquisition.engine.lane_messages import Drive, Driven, OutputsTold, What
from acquisition.events import Event, EventKind
from acquisition.recording.records import INTENT_OUTCOMES
from drivers.capabilities import DigitalOutputs, OutputUse
from drivers.clock import NS_PER_S

PULSE_NS = NS_PER_S // 10
"""How long the pulse of a mark is at least [A]: any recorder of video or EEG sees it."""
LATE_NS = NS_PER_S
"""A mark that could not be shown for so long is not shown any more: a late pulse is a wrong one."""
RUNS = frozenset({"started", "start unclear"})
STANDS = INTENT_OUTCOMES | {"waste over", "stop confirmed", "reset"}


@dataclass
class OutputDesk:
    """Turns events into requests to the lanes that have outputs."""

    request: Sequence[Callable[[Drive], None]]
    _running: set[str] = field(default_factory=set, init=False)

    def hear(self, event: Event) -> None:
        """Take an event. Marks of other devices, which come in by an input, do not go out again."""
        if event.kind is EventKind.MARK and "by" in event.data:
            self._ask(Drive("mark", is_high=True))
        elif event.kind is EventKind.PUMP:
            before = bool(self._running)
            if event.data.get("what") in RUNS:
                self._running.add(event.source)
            elif event.data.get("what") in STANDS:
                self._running.discard(event.source)
            if before != bool(self._running):
                self._ask(Drive("infusion", is_high=bool(self._running)))

    def _ask(self, drive: Drive) -> None:
        for request in self.request:
            request(drive)


@dataclass
class OutputLane:
    """The outputs of one instrument, tended by its lane."""

    device: DigitalOutputs
    report: Callable[[What], None]
    _wanted: dict[OutputUse, bool] = field(default_factory=dict, init=False)
    _applied: dict[OutputUse, bool] = field(default_factory=dict, init=False)
    _asked_ns: int | None = field(default=None, init=False)
    """When a pulse was asked for that has not begun."""
    _pulse_ends_ns: int | None = field(default=None, init=False)
    _told: str | None = field(default=None, init=False)

    def ask(self, drive: Drive, now_ns: int) -> None:
        """Take a request; it is carried out by ``tick``."""
        if drive.use not in self.device.output_uses():
            return
        if drive.use == "infusion":
            self._wanted["infusion"] = drive.is_high
        else:
            self._asked_ns = now_ns

    def began(self) -> None:
        """A measurement began: all outputs are low, and whether they can be driven is found out anew."""
        self._applied, self._pulse_ends_ns, self._told = {}, None, None

    def next_due_ns(self) -> int | None:
        """Return when ``tick`` has something to do; None for nothing."""
        return self._pulse_ends_ns

    def tick(self, now_ns: int) -> None:
        """Bring the outputs to what is wanted. Raises DriverError."""
        problem = self.device.outputs_problem()
        if problem is not None and problem != self._told:
            self._told = problem
            self.report(OutputsTold(problem))
        if self._asked_ns is not None and now_ns - self._asked_ns > LATE_NS:
            self._asked_ns = None
            self.report(Driven("mark", is_high=True, why_not=problem or "it was not found out yet whether it can be"))
        if problem != "":
            self._pulse_ends_ns = None  # nobody will end it: a pulse that is due for ever would have the lane spin
            return
        if "infusion" in self.device.output_uses():
            self._apply("infusion", is_high=self._wanted.get("infusion", False))
        if self.device.outputs_problem() == "":
            self._pulse(now_ns)

    def _pulse(self, now_ns: int) -> None:
        if self._pulse_ends_ns is not None:
            if now_ns < self._pulse_ends_ns:
                return
            self._pulse_ends_ns = None
            self._apply("mark", is_high=False)
        elif self._asked_ns is not None:
            self._asked_ns = None
            self._apply("mark", is_high=True)
            self._pulse_ends_ns = now_ns + PULSE_NS

    def _apply(self, use: OutputUse, *, is_high: bool) -> None:
        if self._applied.get(use, False) == is_high:
            return
        self.device.drive(use, is_high=is_high)
        why_not = self.device.outputs_problem() or ""
        if not why_not:
            self._applied[use] = is_high
        self.report(Driven(use, is_high, why_not))
