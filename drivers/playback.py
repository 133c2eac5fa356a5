"""One transcript being played: what is due when, and whether what the host says is what it said then.

Knows records and times that it is given; reads no clock and no file, and knows no line.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from drivers.clock import NS_PER_S
from drivers.errors import ReplayDiverged
from drivers.text import printable
from drivers.transcripts import Transcript

GRACE_NS: Final = NS_PER_S // 4
"""A request that comes a little early does not lose the end of the answer before it; a stream ended early is cut."""


@dataclass
class Playback:
    """One transcript being played. Outlives the opening and closing of its line, as an instrument does."""

    url: str
    transcript: Transcript
    any_polls: bool = False
    """Whether what was asked twice in a row somewhere may be asked more often, or not at all."""
    skipped_bytes: int = 0
    """What the instrument was still saying when a request came much earlier than in the recording."""
    _at: int = 0
    """The next record: to be delivered, or to be written by the host."""
    _offset: int = 0
    """Bytes of it that the host has written."""
    _base_ns: int = 0
    """Host time and recorded time of the last request."""
    _base_t_ns: int = 0
    _ready: bytearray = field(default_factory=bytearray)
    _may_rewind: bool = False
    _polls: frozenset[bytes] = field(init=False, repr=False)
    _answered: dict[bytes, int] = field(default_factory=dict, init=False, repr=False)
    """Where each poll was last answered."""
    _extra: deque[tuple[int, bytes]] = field(default_factory=deque, init=False, repr=False)
    """Answers given once more: when they are due."""

    def __post_init__(self) -> None:
        requests = [record.data for record in self.transcript.records if record.way == "out"] if self.any_polls else []
        self._polls = frozenset(one for one, next_one in pairwise(requests) if one == next_one)

    def opened(self, now_ns: int, *, again: bool) -> None:
        """Begin, or go on where it was; what was said while nobody listened is gone."""
        if again:
            self.settle(now_ns)
            self._ready.clear()
            self._may_rewind = True
            due_ns = self._due_ns()
            if self._lost_now() and due_ns is not None and due_ns <= now_ns:
                self._at += 1  # it was lost, and has been found again
        if not again or self._at == 0:
            self._base_ns = now_ns

    def settle(self, now_ns: int) -> None:
        """Make ready what is due."""
        while self._extra and self._extra[0][0] <= now_ns:
            self._ready += self._extra.popleft()[1]
        while (due_ns := self._delivery_ns()) is not None and due_ns <= now_ns:
            self._ready += self.transcript.records[self._at].data
            self._at += 1

    def next_ns(self) -> int | None:
        """Return when something next comes by itself; None for not before the host has spoken."""
        due_ns = self._due_ns() if self._way() != "out" else None
        if not self._extra:
            return due_ns
        return self._extra[0][0] if due_ns is None else min(due_ns, self._extra[0][0])

    def lost_because(self, now_ns: int) -> str:
        """Return why the line is lost now; empty while it is not."""
        due_ns = self._due_ns()
        if self._lost_now() and due_ns is not None and due_ns <= now_ns and not self._ready:
            return printable(self.transcript.records[self._at].data, 200)
        return ""

    def take(self, max_bytes: int) -> bytes:
        """Return and remove what is ready."""
        data = bytes(self._ready[:max_bytes])
        del self._ready[:max_bytes]
        return data

    def write(self, data: bytes, now_ns: int) -> None:
        """Compare what the host says with what it said then. Raises ReplayDiverged."""
        if self._may_rewind and self._mismatch(data, self._at, self._offset) and not self._mismatch(data, 0, 0):
            self._at = self._offset = self._base_t_ns = 0
            self._base_ns = now_ns
            self._ready.clear()
        self._may_rewind = False
        if wrong := self._mismatch(data, self._at, self._offset):
            if self._offset == 0 and self._answer_again(data, now_ns):
                return
            after = self._after_polls()
            if self._offset or after == self._at or self._mismatch(data, after, 0):
                raise ReplayDiverged(wrong, port=self.url, partial=bytes(self._ready))
            self._skip_to_request(now_ns)
            self._at = after
        while data:
            self._at = self._skip_to_request(now_ns)
            expected = self.transcript.records[self._at].data[self._offset :]
            size = min(len(expected), len(data))
            data, self._offset = data[size:], self._offset + size
            if size == len(expected):
                record = self.transcript.records[self._at]
                self._base_ns, self._base_t_ns = now_ns, record.t_ns
                if record.data in self._polls:
                    self._answered[record.data] = self._at
                self._at, self._offset = self._at + 1, 0

    def _mismatch(self, data: bytes, at: int, offset: int) -> str:
        """Say where ``data`` is not what the host wrote from here on; empty if it is."""
        records = self.transcript.records
        while data:
            while at < len(records) and records[at].way == "in":
                at += 1
            if at == len(records):
                where = f"{self.transcript.name} has no further request"
                return f"REPLAY: {where}, {printable(data)} was written"
            if records[at].way == "lost":
                return f"REPLAY: {self.transcript.name}, line {records[at].line}: the line was lost here"
            expected = records[at].data[offset:]
            size = min(len(expected), len(data))
            if expected[:size] != data[:size]:
                return (
                    f"REPLAY: {self.transcript.name}, line {records[at].line}: expected "
                    f"{printable(records[at].data)}, {printable(records[at].data[:offset] + data)} was written"
                )
            data, at, offset = data[size:], at + 1, 0
        return ""

    def _answer_again(self, data: bytes, now_ns: int) -> bool:
        """Give the last answer to a poll once more; tell whether ``data`` is a poll that was answered."""
        asked = self._answered.get(data)
        if asked is None:
            return False
        records = self.transcript.records
        for at in range(asked + 1, len(records)):
            if records[at].way != "in":
                break
            self._extra.append((now_ns + records[at].t_ns - records[asked].t_ns, records[at].data))
        return True

    def _after_polls(self) -> int:
        """Return where the talk goes on if the polls that come next are left out."""
        records, at, after = self.transcript.records, self._at, self._at
        while at < len(records) and records[at].way != "lost":
            if records[at].way == "out":
                if records[at].data not in self._polls:
                    break
                after = at + 1
            at += 1
        return after if after == self._at else at

    def _skip_to_request(self, now_ns: int) -> int:
        """Return where the next request stands; what comes before it is delivered now, or left out if far off."""
        at = self._at
        while self.transcript.records[at].way == "in":
            record = self.transcript.records[at]
            if self._base_ns + record.t_ns - self._base_t_ns <= now_ns + GRACE_NS:
                self._ready += record.data
            else:
                self.skipped_bytes += len(record.data)
            at += 1
        return at

    def _way(self) -> str:
        return self.transcript.records[self._at].way if self._at < len(self.transcript.records) else "out"

    def _lost_now(self) -> bool:
        return self._way() == "lost"

    def _due_ns(self) -> int | None:
        if self._at == len(self.transcript.records):
            return None
        return self._base_ns + self.transcript.records[self._at].t_ns - self._base_t_ns

    def _delivery_ns(self) -> int | None:
        return self._due_ns() if self._way() == "in" else None
