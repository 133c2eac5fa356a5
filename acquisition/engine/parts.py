"""What the parts of the engine share: the sink, the clients, the alarms, and one way to say that something happened.

Knows how an event reaches the recording and the clients, and what is done when the recording fails while saying so:
the engine goes on, because pumps depend on it, and the failure is an alarm.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from acquisition.engine.alarms import AlarmBoard, AlarmChange
from acquisition.engine.book_keeper import BookKeeper
from acquisition.engine.lane_messages import LaneReport, Polled, Samples, Wire
from acquisition.engine.publisher_port import Publisher
from acquisition.events import NO_DATA, Event, EventKind, Scalar
from acquisition.experiment.limits import Limits
from acquisition.messages import EventNotice
from acquisition.plan import Plan, without_rounds
from acquisition.recording.records import InfusionRow, RecordingFailed, RecordSink
from drivers.clock import Clock


class Inbox:
    """Reports of the lanes on their way to the conductor. Any thread posts, the conductor takes."""

    def __init__(self) -> None:
        self._reports: deque[LaneReport] = deque()
        self.urgent = False
        """Whether something is waiting that should not wait for the conductor's next regular step."""

    def post(self, report: LaneReport) -> None:
        """Put a report in; samples, raw bytes and looks at which nothing is new wait for the next regular step."""
        self._reports.append(report)
        what = report.what
        if not (isinstance(what, Samples | Wire) or (isinstance(what, Polled) and not what.news)):
            self.urgent = True

    def take(self) -> Iterator[LaneReport]:
        """Take out what is there now, in the order of posting.

        What comes meanwhile waits for the next step: a lane that posts faster than it is listened to holds up nothing.
        """
        self.urgent = False
        for _ in range(len(self._reports)):
            yield self._reports.popleft()


@dataclass
class Desk:
    """The engine's writing desk, handed to each of its parts."""

    plan: Plan
    limits: Limits
    clock: Clock
    sink: RecordSink
    publisher: Publisher | None = None
    books: BookKeeper = field(default_factory=BookKeeper)
    slack: float = 1.0
    """Engine seconds per real second, at least 1. Tolerances against a busy computer are real time; on a simulated
    rig that runs faster they are multiplied by this."""
    hears_marks: Callable[[str], None] | None = None
    """A simulated bench, on which somebody may act at a mark."""
    drives_outputs: Callable[[Event], None] | None = None
    """Digital outputs that show what happens; None where the rig has none."""
    recording_error: str = ""
    """Why the sink last refused a record; empty when it takes them."""
    alarms: AlarmBoard = field(init=False)

    def __post_init__(self) -> None:
        self.alarms = AlarmBoard(self._alarm_changed, self.slack)

    def event(
        self, kind: EventKind, now_ns: int, source: str, text: str, data: Mapping[str, Scalar] = NO_DATA
    ) -> Event:
        """Build an event of this moment."""
        offset_ns = self.clock.wall_ns() - self.clock.now_ns()
        return Event(kind, now_ns, now_ns + offset_ns, source, text, data)

    def say(
        self,
        kind: EventKind,
        now_ns: int,
        source: str,
        text: str,
        data: Mapping[str, Scalar] = NO_DATA,
        *,
        tell: bool = True,
    ) -> None:
        """Record that something happened, and tell the clients unless they are spared. Never raises."""
        event = self.event(kind, now_ns, source, text, data)
        try:
            self.sink.event(event)
        except RecordingFailed as error:
            self.recording_error = str(error)
        if kind is EventKind.MARK and self.hears_marks is not None:
            self.hears_marks(without_rounds(text))
        if self.drives_outputs is not None:
            self.drives_outputs(event)
        if tell:
            self.tell(event)

    def row(self, row: InfusionRow) -> None:
        """Record where an infusion stands. Never raises."""
        try:
            self.sink.infusion(row)
        except RecordingFailed as error:
            self.recording_error = str(error)

    def commit(self, event: Event, timeout_s: float) -> None:
        """Record and wait until it is on the disk (R54). Raises RecordingFailed."""
        self.sink.commit(event, timeout_s)
        self.tell(event)

    def tell(self, event: Event) -> None:
        """Show an event to the clients; raw bytes stay in the recording."""
        if self.publisher is not None and event.kind is not EventKind.WIRE:
            self.publisher.event(
                EventNotice(
                    kind=event.kind.value,
                    t_ns=event.t_ns,
                    wall_ns=event.wall_ns,
                    source=event.source,
                    text=event.text,
                    data=dict(event.data),
                )
            )

    def _alarm_changed(self, change: AlarmChange) -> None:
        alarm = change.alarm
        data: dict[str, Scalar] = {"alarm": alarm.alarm_id, "priority": alarm.priority, "change": change.verb}
        who = f" by {change.by}" if change.by else ""
        text = f"{alarm.priority} alarm {change.verb}{who}: {alarm.what}"
        if change.by:
            data["by"] = change.by
        if change.verb == "collapsed":
            text += " (it comes too often: from now on it is counted only; the recording keeps every one)"
        source, tell = alarm.instrument or "conductor", not change.counted_only
        self.say(EventKind.ALARM, self.clock.now_ns(), source, text, data | {"count": alarm.count}, tell=tell)
