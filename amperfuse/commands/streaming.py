"""``lsl``: the running session as Lab Streaming Layer streams, from a process of its own.

Knows how the process lives: from when a person asks until the session's end, Ctrl-C, or the engine's death; and what
it tells on a terminal. It holds no part of the engine: a kill here changes nothing there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from acquisition.client import EngineClient, EngineLost
from acquisition.lsl.clock_map import MESSAGE_S, ClockMap, Reading, earliest, read_both
from acquisition.lsl.feed import Feed, FeedBroken, catch_up
from acquisition.lsl.library import LslMissing, load_lsl
from acquisition.lsl.outlets import LslOutlets, stream_name
from acquisition.messages import EngineState
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.reader import JournalReader
from acquisition.recording.records import SessionHeader
from acquisition.service.discovery import EngineRecord, find_engine
from acquisition.service.exit_codes import ExitCode
from amperfuse.console import Ended, for_people, tell
from drivers import os_support
from drivers.clock import SystemClock

LOOK_S = 0.02
"""How often the journal is looked at: so late are samples on their way, not in their times."""
CLOCKS_EVERY = 250
"""Looks between two readings of the clocks: 5 s."""
FIRST_STATES = 5
"""So many messages of a simulated engine are compared before its clock is believed."""
STATE_S = 5.0
LINGER_S = 1.0
"""Streams stay for so long after the end, so that readers get the last samples."""


@for_people
def lsl(
    this_computer: Annotated[
        bool, typer.Option("--this-computer", help="Announce the streams on this computer only.")
    ] = False,
) -> None:
    """Stream the running session to Lab Streaming Layer: channels and events, until the session ends or Ctrl-C."""
    record = find_engine()
    try:
        library = load_lsl(this_computer=this_computer)
    except LslMissing as error:
        raise Ended(str(error), ExitCode.MISSING_LIBRARY) from error
    with _Clocks(record, library.local_clock) as clocks:
        if clocks.rate != 1.0:
            raise Ended(
                f"This simulated session runs {clocks.rate:g} times as fast as life; LSL streams share the clock of "
                "other programs. Start it without --speed, or as 'amperfuse run'.",
                ExitCode.REFUSED_COMMAND,
            )
        reader = JournalReader(record.session_dir / JOURNAL_NAME)
        try:
            header = catch_up(reader)
            mapping = ClockMap(clocks.first(), late_only=record.simulated)
            feed = Feed(reader, LslOutlets(library, header, mapping), mapping, header.simulated)
            _tell_begin(header, mapping, this_computer=this_computer)
            _stream(feed, clocks, record)
        except FeedBroken as error:
            raise Ended(str(error), ExitCode.VERIFICATION_FAILED) from error
    tell(f"The session is closed ({feed.outcome}): {feed.samples} samples and {feed.events} events were streamed.")


@dataclass
class _Clocks:
    """Reads the engine's clock beside liblsl's: the machine's own, or what a simulated engine says."""

    record: EngineRecord
    lsl_clock: Callable[[], float]

    def __enter__(self) -> _Clocks:
        self._told: list[Reading] = []
        self._client = EngineClient.connect(self.record, operator="lsl", on_report=self._take)
        state = self._client.wait_for(lambda _state: True, STATE_S)
        if state is None:
            raise EngineLost(f"the engine is there but sent no state within {STATE_S:g} s")
        self.rate = state.rate
        return self

    def __exit__(self, *_why: object) -> None:
        self._client.close()

    def _take(self, report: Any) -> None:
        if isinstance(report, EngineState):
            self._told.append(Reading(report.now_ns, self.lsl_clock(), MESSAGE_S))
            del self._told[:-FIRST_STATES]

    def first(self) -> Reading:
        """Return the reading to begin with."""
        if not self.record.simulated:
            return self.later()
        self._client.wait_for(lambda _state: len(self._told) >= FIRST_STATES, STATE_S)
        return self.later()

    def later(self) -> Reading:
        """Return a reading of now."""
        if not self.record.simulated:
            return read_both(SystemClock(), self.lsl_clock)
        return earliest(list(self._told))


def _stream(feed: Feed, clocks: _Clocks, record: EngineRecord) -> None:
    """Send until the recording is closed. Raises Ended when the engine died; a person's Ctrl-C goes through."""
    pause, looks = threading.Event(), 0
    first = clocks.later()
    feed.say(first.engine_ns, f"streaming begins; LSL time = engine time {feed.clocks.offset_s:+.6f} s")
    try:
        while feed.outcome is None:
            looks += 1
            if looks % CLOCKS_EVERY == 0:
                feed.look_at_clocks(clocks.later())
            alive = os_support.process_alive(record.pid)  # asked before the look that finds its last record
            feed.step(SystemClock().now_ns())
            if not alive and feed.outcome is None:
                _engine_is_gone(feed, clocks, record)
            pause.wait(LOOK_S)
    except KeyboardInterrupt:
        feed.say(clocks.later().engine_ns, "STREAM ENDS HERE, ended by a person; the recording goes on")
        tell("Streaming has ended. The engine and its pumps go on: 'amperfuse status' tells what they do.")
        raise
    finally:
        if feed.outlets.are_read():
            pause.wait(LINGER_S)


def _engine_is_gone(feed: Feed, clocks: _Clocks, record: EngineRecord) -> None:
    feed.say(clocks.later().engine_ns, "STREAM ENDS HERE: the engine is gone and did not close its recording")
    raise Ended(
        "The engine is gone and did not close its session; nothing more is streamed. Look at the pumps, then run: "
        f"{record.after_a_crash}",
        ExitCode.ENGINE_LOST,
    )


def _tell_begin(header: SessionHeader, clocks: ClockMap, *, this_computer: bool) -> None:
    mark = "SIMULATED " if header.simulated else ""
    tell(
        f"{mark}streaming session {header.session_id} to LSL, announced on this computer only. Its ports are open on "
        "the network all the same: a program that asks for them by number can read."
        if this_computer
        else f"{mark}streaming session {header.session_id} to LSL: EVERYBODY ON THIS NETWORK can see and read it, "
        "unencrypted. --this-computer announces it on this computer only."
    )
    for spec in header.streams:
        tell(f"  {stream_name(header, spec.instrument)}: {', '.join(spec.channels)} (A), {1 / spec.interval_s:g} Hz")
    tell(f"  {stream_name(header, 'events')}: marks, steps, infusions, alarms, gaps")
    tell(
        f"  LSL time = engine time {clocks.offset_s:+.6f} s. The recording is the record, not the stream. Ctrl-C ends."
    )
