"""The session so far, for a window that was opened late: read from the journal, in a thread, piece by piece.

Knows how journal records become what the live feed would have brought. Never writes, never blocks the
window; a journal that cannot be read leaves the window with live data only, and says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from acquisition.events import Event
from acquisition.messages import EventNotice
from acquisition.recording.frames import CloseRecord
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.reader import JournalReader
from acquisition.recording.records import InfusionRow, SessionHeader
from acquisition.signal.blocks import Stretch, Stretcher

HistoryItem = Stretch | EventNotice | int
"""Samples, an event, or (last) the number of the last journal record that was read."""
ReadHistory = Callable[[Path], Iterator[HistoryItem]]
UNSHOWN_KINDS = frozenset({"wire"})
"""Raw bytes of the exchanges stay in the journal: there are many and nobody reads them live."""


def read_journal(session_dir: Path) -> Iterator[HistoryItem]:
    """Yield what the journal holds now. Raises OSError, or ValueError when not even its header is readable."""
    reader = JournalReader(session_dir / JOURNAL_NAME)
    stretcher = Stretcher()
    for record in reader.tail():
        body = record.body
        if isinstance(body, Event):
            if body.kind.value not in UNSHOWN_KINDS:
                yield notice(body)
        elif not isinstance(body, SessionHeader | InfusionRow | CloseRecord):
            stretch = stretcher.add(body)
            if stretch is not None:
                yield stretch
    if reader.header is None:
        raise ValueError(f"the journal has no readable header: {reader.problem or 'it is empty'}")
    yield from stretcher.rest()
    yield reader.next_sequence - 1


def notice(event: Event) -> EventNotice:
    """Return an event as the live feed would bring it."""
    return EventNotice(
        kind=event.kind.value,
        t_ns=event.t_ns,
        wall_ns=event.wall_ns,
        source=event.source,
        text=event.text,
        data=dict(event.data),
    )


@dataclass
class HistoryLoader:
    """Reads one session's history in a thread; ``poll`` hands it over in pieces a window can take in one frame."""

    read: ReadHistory
    session_dir: Path
    done: bool = field(default=False, init=False)
    problem: str = field(default="", init=False)
    _items: SimpleQueue[HistoryItem | Exception | None] = field(default_factory=SimpleQueue, init=False)
    _cancelled: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="amperfuse-history", daemon=True)
        self._thread.start()

    def poll(self, most: int = 200) -> list[HistoryItem]:
        """Return at most ``most`` items that are ready; sets ``done`` after the last."""
        items: list[HistoryItem] = []
        while len(items) < most and not self._items.empty():
            item = self._items.get()
            if item is None:
                self.done = True
            elif isinstance(item, Exception):
                self.problem = str(item)
            else:
                items.append(item)
        return items

    def cancel(self) -> None:
        """Stop reading and end the thread."""
        self._cancelled.set()
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        try:
            for item in self.read(self.session_dir):
                if self._cancelled.is_set():
                    return
                self._items.put(item)
        except (OSError, ValueError) as error:
            self._items.put(error)
        finally:
            self._items.put(None)
