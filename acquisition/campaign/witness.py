"""What a trial leaves for its judges: every event with what had really been delivered at that moment.

Knows how to stand in for the recording without a disk, and which moments matter. Judges nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

from acquisition.books.chain import BookUnwritable
from acquisition.events import Event, EventKind
from acquisition.messages import RecorderView
from acquisition.plan import PumpSetup
from acquisition.recording.records import InfusionRow, RecordingFailed
from drivers.capabilities import PumpProgram, SampleBlock

ENGINE_DIED = "the engine died"
"""Outcome of a trial in which it did."""


@functools.lru_cache(maxsize=4096)
def _view(records: int, failing: str, queue_fill: float) -> RecorderView:
    return RecorderView(records=records, disk_free_bytes=10**12, failing=failing, queue_fill=queue_fill)


@dataclass
class Witness:
    """A recording in memory that fails when it is told to. ``true_ul`` tells what has left the syringe by now."""

    true_ul: Callable[[], float] = lambda: 0.0
    events: list[Event] = field(default_factory=list)
    committed: list[int] = field(default_factory=list)
    """Positions in ``events`` of what was on the disk before the engine went on."""
    true_at: dict[int, float] = field(default_factory=dict)
    """True volume at the events of the pump, by position."""
    samples_taken: dict[int, int] = field(default_factory=dict)
    """Per epoch: how many samples were recorded."""
    holes: dict[int, int] = field(default_factory=dict)
    """Per epoch: how many are missing between those that were recorded."""
    last_index: dict[int, int] = field(default_factory=dict)
    failing: str = ""
    hangs: bool = False
    queue_fill: float = 0.0
    _taken: int = 0
    _progress: int = 0

    def samples(self, block: SampleBlock) -> int:
        if len(block.index):
            span = int(block.index[-1]) - self.last_index.get(block.epoch, -1)
            self.holes[block.epoch] = self.holes.get(block.epoch, 0) + span - len(block.index)
            self.samples_taken[block.epoch] = self.samples_taken.get(block.epoch, 0) + len(block.index)
            self.last_index[block.epoch] = int(block.index[-1])
        return self._take()

    def event(self, event: Event) -> int:
        """Take it; for the judges also while this recording fails."""
        if event.kind in (EventKind.PUMP, EventKind.INTENT):
            self.true_at[len(self.events)] = self.true_ul()
        self.events.append(event)
        return self._take()

    def infusion(self, row: InfusionRow) -> None:  # noqa: ARG002 - what they come to is in the ledger
        self._take()

    def commit(self, event: Event, timeout_s: float) -> None:  # noqa: ARG002 - one that hangs does so for longer
        if not self.failing and not self.hangs:
            self.committed.append(len(self.events))
        self.event(event)
        if self.hangs:
            raise RecordingFailed("the disk does not answer")

    def progress(self) -> int:
        return self._progress

    def strain(self) -> tuple[str, float]:
        return self.failing, self.queue_fill

    def view(self) -> RecorderView:
        return _view(self._taken, self.failing, self.queue_fill)

    def close(self, outcome: str = "closed") -> None:
        """Nothing to close."""

    def _take(self) -> int:
        if self.failing:
            raise RecordingFailed(self.failing)
        self._taken += 1
        if not self.hangs:
            self._progress = self._taken
        return self._taken


@dataclass
class MemoryBook:
    """A dose book in memory: what it comes to, counted as ``acquisition.books.animal`` counts."""

    worst_ul: dict[int, float] = field(default_factory=dict)
    unordered_ul: float = 0.0
    failing: bool = False

    @property
    def head(self) -> str:
        """Return how many entries there are."""
        return str(len(self.worst_ul))

    @property
    def total_ul(self) -> float:
        """Return what the animal has been given at worst."""
        return sum(self.worst_ul.values()) + self.unordered_ul

    def intend(self, pump: PumpSetup, step: int, program: PumpProgram, wall_ns: int) -> int:  # noqa: ARG002
        """Count the whole target."""
        self._check()
        self.worst_ul[len(self.worst_ul) + 1] = program.target_ul
        return len(self.worst_ul)

    def settle(self, intent: int, given_ul: float, uncertain_ul: float, wall_ns: int) -> None:  # noqa: ARG002
        """Count what came of it."""
        self._check()
        self.worst_ul[intent] = given_ul + uncertain_ul

    def unordered(self, pump: PumpSetup, volume_ul: float, wall_ns: int) -> None:  # noqa: ARG002
        """Count what nobody ordered."""
        self._check()
        self.unordered_ul += volume_ul

    def _check(self) -> None:
        if self.failing:
            raise BookUnwritable("the disk is full")


@dataclass(frozen=True)
class Account:
    """What came of one trial."""

    outcome: str
    """As the engine says; empty if it never ended."""
    fetched: bool
    """It did not end by itself: somebody had to come and press STOP."""
    crash: str
    """The exception that ended the trial, empty for none."""
    witness: Witness
    book: MemoryBook
    true_ul: float
    confirmed_ul: float
    uncertain_ul: float
    counter_step_ul: float
    lost_bytes: int
    duration_s: float

    def alarms(self) -> set[str]:
        """Return every alarm that was ever raised."""
        raised = [e for e in self.witness.events if e.kind is EventKind.ALARM and e.data["change"] == "raised"]
        return {str(e.data["alarm"]).partition(":")[0] for e in raised}

    def pump_events(self, what: str) -> list[int]:
        """Return the positions of what the engine said of the pump."""
        return [
            at for at, e in enumerate(self.witness.events) if e.kind is EventKind.PUMP and e.data.get("what") == what
        ]
