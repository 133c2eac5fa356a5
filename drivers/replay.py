"""``replay://FILE``: a recorded transcript plays the instrument, byte for byte, on whatever clock it is given.

Knows what was said when, and that a talk which goes another way than the recorded one must end at once instead of
answering something else. Knows no instrument. Never touches a port: what it opens is simulated.

What the instrument said comes at its recorded distance from the request before it (from the opening, before the
first request), so a driver that is faster or slower than the recorded one still gets its answers in time. What the
host writes is compared as a stream: how it was cut into pieces does not matter, what it says does. With
``?polls=any`` a request that was once made twice in a row may be made more often (the last answer to it comes again)
or be left out: an engine does not poll at the same moments twice. An action is never repeated in a row, so it stays
where it was.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from drivers.clock import NS_PER_S, Clock, nap_until_ns
from drivers.errors import PortBusy, PortError, PortLost, PortMissing, ReplayDiverged
from drivers.playback import Playback
from drivers.text import printable
from drivers.transcripts import BadTranscript, read_transcript
from drivers.transport import LineSettings, Transport, TransportOpener

SCHEME: Final = "replay://"
ANY_POLLS: Final = "?polls=any"
"""End of a URL that lets the host poll more or less often than it did then."""
_SLICE_S = 0.02
_DISCARD_RETURN_MAX = 4096


def is_replay_url(url: str) -> bool:
    """Tell whether ``url`` leads to a recording."""
    return url.lower().startswith(SCHEME)


def replay_path(url: str) -> Path:
    """Return the file or folder that a replay:// URL names, percent signs decoded. Raises ValueError."""
    quoted = url[len(SCHEME) :].removesuffix(ANY_POLLS)
    text = unquote(quoted)
    if not is_replay_url(url) or not text.strip("/") or not text.isprintable() or "?" in quoted or "#" in quoted:
        raise ValueError(
            f'read "{printable(url)}"; write replay://FILE or replay://FILE{ANY_POLLS}, with %20 for a blank and %3F '
            "for a question mark"
        )
    if text.startswith("//") or "\\" in text:
        raise ValueError(f'read "{printable(url)}"; recordings are opened on this computer, not on a network path')
    return Path(text)


@dataclass
class ReplayLine:
    """The host's end of a replayed line. Implements ``drivers.transport.Transport``."""

    playback: Playback
    clock: Clock
    _closed_because: str = ""
    _released: bool = False

    @property
    def port(self) -> str:
        return self.playback.url

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        clock = self.clock
        deadline_ns = clock.now_ns() + max(round(timeout_s * NS_PER_S), 0)
        while True:
            now_ns = clock.now_ns()
            self._settle(now_ns)
            data = self.playback.take(max_bytes)
            if data or now_ns >= deadline_ns:
                return data
            next_ns = self.playback.next_ns()
            wake_ns = deadline_ns if next_ns is None else min(deadline_ns, next_ns)
            nap_until_ns(clock, now_ns, wake_ns, _SLICE_S)

    def write(self, data: bytes, timeout_s: float) -> None:
        del timeout_s  # a recording takes everything at once
        now_ns = self.clock.now_ns()
        self._settle(now_ns)
        try:
            self.playback.write(bytes(data), now_ns)
        except ReplayDiverged as error:
            self._closed_because = error.message
            raise

    def discard_input(self) -> bytes:
        self._settle(self.clock.now_ns())
        return self.playback.take(1 << 30)[:_DISCARD_RETURN_MAX]

    def close(self) -> None:
        self._closed_because = self._closed_because or "the line is closed"
        self._released = True

    @property
    def is_open(self) -> bool:
        """Tell whether nobody has closed it; a line that was lost is still held by who opened it."""
        return not self._released

    def _settle(self, now_ns: int) -> None:
        if self._closed_because:
            raise PortLost(self._closed_because, port=self.port)
        self.playback.settle(now_ns)
        if why := self.playback.lost_because(now_ns):
            self._closed_because = f"REPLAY: the line was lost here when this was recorded: {why}"
            raise PortLost(self._closed_because, port=self.port)


@dataclass
class ReplayOpener:
    """Opens replay:// URLs. A line that is opened again goes on where it was, or begins anew where only that fits."""

    clock: Clock
    _lines: dict[str, ReplayLine] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def simulated(self) -> bool:
        return True

    def open(self, url: str, settings: LineSettings) -> Transport:
        del settings  # a recording has one speed, and its bytes came through
        with self._lock:
            before = self._lines.get(url)
            if before is not None and before.is_open:
                raise PortBusy("this recording is being played already; one at a time", port=url)
            playback = _load(url) if before is None else before.playback
            playback.opened(self.clock.now_ns(), again=before is not None)
            line = self._lines[url] = ReplayLine(playback, self.clock)
            return line


@dataclass
class WithReplays:
    """Another opener, and replay:// URLs beside it. As simulated as the other one is."""

    others: TransportOpener
    clock: Clock
    _replays: ReplayOpener = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._replays = ReplayOpener(self.clock)

    @property
    def simulated(self) -> bool:
        return self.others.simulated

    def open(self, url: str, settings: LineSettings) -> Transport:
        if not is_replay_url(url):
            return self.others.open(url, settings)
        if not self.simulated:
            raise PortError("a recording is played only where every instrument is simulated", port=url)
        return self._replays.open(url, settings)


def _load(url: str) -> Playback:
    try:
        path, any_polls = replay_path(url), url.endswith(ANY_POLLS)
        if path.is_dir() or path.name == "session.journal":
            raise PortError('this is a recorded session, not bytes of a line: driver = "replay" plays it', port=url)
        return Playback(url, read_transcript(path), any_polls)
    except FileNotFoundError:
        raise PortMissing("there is no such recording; check the path", port=url) from None
    except (BadTranscript, ValueError) as error:
        raise PortError(str(error), port=url) from error
    except OSError as error:
        raise PortError(f"the recording cannot be read: {error.strerror}", port=url) from error
