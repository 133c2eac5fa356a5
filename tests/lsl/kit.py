"""A journal that grows on demand, and outlets that remember; liblsl on this computer only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from acquisition.lsl.clock_map import ClockMap, Reading
from acquisition.lsl.feed import Feed, catch_up
from acquisition.lsl.library import LslMissing, load_lsl
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.reader import JournalReader
from acquisition.recording.recorder import InlineRecorder
from drivers.clock import NS_PER_S, VirtualClock
from tests.recording.synthetic import STARTED_NS, header

OFFSET_S = 100.0
WITHIN_S = 20.0
"""Real seconds that anything on the loopback may take before a test gives up."""


@dataclass
class Kept:
    """Outlets that keep what they are given."""

    t_s: list[float] = field(default_factory=list)
    rows: list[NDArray[np.float64]] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)
    lingers: list[str] = field(default_factory=list)
    """The last event when it was asked whether somebody still has to get it."""

    def samples(self, instrument: str, t_s: NDArray[np.float64], current_a: NDArray[np.float64]) -> None:
        assert instrument == "stat"
        self.t_s += t_s.tolist()
        self.rows.append(current_a)

    def event(self, t_s: float, text: str) -> None:
        self.events.append((t_s, text))

    def are_read(self) -> bool:
        self.lingers.append(self.events[-1][1])
        return False


def recorder(folder: Path, *, simulated: bool = True) -> InlineRecorder:
    clock = VirtualClock()
    clock.pass_until_ns(STARTED_NS)
    return InlineRecorder.create(folder, header(simulated=simulated), clock)


def clock_map() -> ClockMap:
    return ClockMap(Reading(STARTED_NS, STARTED_NS / NS_PER_S + OFFSET_S, 1e-6))


def feed(folder: Path, outlets: Any = None, *, simulated: bool = True) -> Feed:
    reader = JournalReader(folder / JOURNAL_NAME)
    catch_up(reader)
    return Feed(reader, Kept() if outlets is None else outlets, clock_map(), simulated)


def lsl_here() -> Any:
    """Return liblsl, kept on this computer. Skips only where it cannot be loaded."""
    try:
        return load_lsl(this_computer=True)
    except LslMissing as missing:
        pytest.skip(str(missing))


def inlet(lsl: Any, source_id: str) -> Any:
    """Return an open inlet on the stream with this id."""
    found = lsl.resolve_byprop("source_id", source_id, 1, WITHIN_S)
    assert len(found) == 1, f"no stream {source_id} within {WITHIN_S} s"
    reader = lsl.StreamInlet(found[0], recover=False)
    reader.open_stream(WITHIN_S)
    return reader


def pulled(lsl: Any, reader: Any, enough: Any) -> tuple[list[Any], list[float]]:
    """Pull until ``enough(values)``, or fail."""
    values: list[Any] = []
    times: list[float] = []
    end_s = lsl.local_clock() + WITHIN_S
    while not enough(values):
        assert lsl.local_clock() < end_s, values
        got, at = reader.pull_chunk(timeout=0.2)
        values += list(got)
        times += list(at)
    return values, times
