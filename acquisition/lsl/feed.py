"""Follows a session's journal as it grows and puts what is new into outlets. Has no thread and waits for nothing.

Knows which events others are told and in which words. Reads only: the engine does not know that it is there, and what
is not in the recording goes to nobody. What lies before its beginning is not sent: it is in the recording.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from acquisition.events import Event, EventKind
from acquisition.lsl.clock_map import ClockMap, Reading
from acquisition.lsl.outlets import Outlets
from acquisition.recording.reader import JournalReader
from acquisition.recording.records import SessionHeader
from drivers.capabilities import SampleBlock
from drivers.clock import NS_PER_S

TOLD = frozenset(
    {
        EventKind.SESSION, EventKind.INTENT, EventKind.PUMP, EventKind.STEP, EventKind.MARK, EventKind.ALARM,
        EventKind.GAP, EventKind.CONNECTION, EventKind.OPERATOR, EventKind.SYSTEM,
    }
)  # fmt: skip
"""Left out: what a person typed as a note, bytes of instruments, settings. They are in the recording."""
DAMAGED_NS = 2 * NS_PER_S
"""What cannot be read for so long is no record that is just being written, and no disk that is just busy."""


class FeedBroken(Exception):
    """The journal cannot be read on."""


@dataclass
class Feed:
    """One session on its way out. ``step`` sends what has come since."""

    reader: JournalReader
    outlets: Outlets
    clocks: ClockMap
    simulated: bool
    outcome: str | None = None
    """How the session ended; None while it runs."""
    samples: int = field(default=0, init=False)
    events: int = field(default=0, init=False)
    _broken_since_ns: int | None = field(default=None, init=False)

    def say(self, t_ns: int, text: str) -> None:
        """Tell the readers something of this feed itself, such as what its clocks do."""
        self._put(t_ns, f"lsl: {text}")

    def look_at_clocks(self, reading: Reading) -> None:
        """Take a reading of both clocks; say it when another offset holds."""
        before_s = self.clocks.offset_s
        if self.clocks.look(reading):
            moved_s = self.clocks.offset_s - before_s
            self.say(
                reading.engine_ns,
                f"clocks moved against each other by {moved_s:+.6f} s (this computer slept?); from here on LSL time = "
                f"engine time {self.clocks.offset_s:+.6f} s",
            )

    def step(self, now_ns: int) -> None:
        """Send everything that is new. Raises FeedBroken when nothing can be read on for a while."""
        problem = ""
        try:
            for record in self.reader.tail():
                if isinstance(record.body, SampleBlock):
                    self._samples(record.body)
                elif isinstance(record.body, Event) and record.body.kind in TOLD:
                    event = record.body
                    self._put(event.t_ns, f"{event.kind.value} {event.source}: {event.text}")
        except OSError as error:
            problem = f"{self.reader.path} cannot be read ({error.strerror or error})"
        if self.reader.closed is not None and self.outcome is None:
            self.outcome = self.reader.closed.outcome
            self._put(self.reader.closed.t_ns, f"session recorder: the recording is closed ({self.outcome})")
        if self.reader.problem.startswith("damaged"):
            problem = self.reader.problem
        self._judge(problem, now_ns)

    def _samples(self, block: SampleBlock) -> None:
        self.outlets.samples(block.instrument, self.clocks.lsl_s(block.t_ns()), block.current_a)
        self.samples += len(block.index)

    def _put(self, t_ns: int, text: str) -> None:
        mark = "SIMULATED " if self.simulated else ""
        self.outlets.event(self.clocks.one_lsl_s(t_ns), f"{mark}{' '.join(text.split())}")
        self.events += 1

    def _judge(self, problem: str, now_ns: int) -> None:
        if not problem:
            self._broken_since_ns = None
        elif self._broken_since_ns is None:
            self._broken_since_ns = now_ns
        elif now_ns - self._broken_since_ns > DAMAGED_NS:
            self.say(now_ns, "STREAM ENDS HERE, samples follow that are not sent: the journal cannot be read on")
            raise FeedBroken(f"The journal cannot be read on: {problem}. Nothing more is streamed.")


def catch_up(reader: JournalReader) -> SessionHeader:
    """Read to the present end of a journal without sending anything; return its header. Raises FeedBroken, OSError."""
    for _record in reader.tail():
        pass
    if reader.header is None:
        raise FeedBroken(f"{reader.path} is not a session journal: {reader.problem or 'it is empty'}")
    return reader.header
