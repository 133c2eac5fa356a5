"""A whole journal as arrays: what the window backfills from and the analysis works on.

Knows which arrays belong together. Does not know the journal's bytes, HDF5, or what the numbers mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acquisition.events import Event
from acquisition.recording.frames import CloseRecord
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.reader import JournalReader
from acquisition.recording.records import InfusionRow, SessionHeader, StreamSpec
from drivers.capabilities import SampleBlock


@dataclass(frozen=True)
class StreamData:
    """All samples of one instrument in the order of recording. Only samples that exist: a gap has no rows."""

    spec: StreamSpec
    t_ns: NDArray[np.int64]
    """Host monotonic time, shape (n,)."""
    current_a: NDArray[np.float64]
    """Amperes, shape (n, channels)."""
    flags: NDArray[np.uint8]
    """SampleFlag, shape (n, channels)."""
    index: NDArray[np.int64]
    """Device sample counter, shape (n,); starts anew with each epoch."""
    epoch: NDArray[np.int64]
    """Which start of the measurement, shape (n,)."""
    received_ns: NDArray[np.int64]
    """Host time at which the block of the sample was read, shape (n,)."""


@dataclass(frozen=True)
class InfusionData:
    """All infusion rows of one pump; every array has shape (n,). Units are in the names."""

    pump: str
    t_ns: NDArray[np.int64]
    commanded_ul_per_min: NDArray[np.float64]
    confirmed_ul_per_min: NDArray[np.float64]
    at_animal_ul_per_min: NDArray[np.float64]
    commanded_ul: NDArray[np.float64]
    confirmed_ul: NDArray[np.float64]
    uncertain_ul: NDArray[np.float64]
    at_animal_ul: NDArray[np.float64]


@dataclass(frozen=True)
class SessionData:
    """A session as its journal tells it. Times are host monotonic; zero of every axis is ``header.started_ns``."""

    header: SessionHeader
    streams: dict[str, StreamData]
    infusions: dict[str, InfusionData]
    events: tuple[Event, ...]
    close: CloseRecord | None
    """None while the session runs, or when it was interrupted and not yet recovered."""
    last_sequence: int
    """Number of the last record in here: live messages up to it bring nothing new."""
    problem: str
    """Why the journal ends before the end of its file; empty when it does not."""


def read_header(session_dir: Path) -> SessionHeader:
    """Return the header of a session alone: the plan as it was run, at once, however long the session.

    Raises as ``read_session``.
    """
    reader = JournalReader(session_dir / JOURNAL_NAME)
    for _record in reader.tail():
        break
    if reader.header is None:
        raise ValueError(f"{reader.path} is not a session journal: {reader.problem or 'it is empty'}")
    return reader.header


def read_session(session_dir: Path) -> SessionData:
    """Read the journal of ``session_dir`` up to its last undamaged record, while it grows or after.

    Raises FileNotFoundError without a journal, ValueError when not even its header is readable.
    """
    reader = JournalReader(session_dir / JOURNAL_NAME)
    blocks: dict[str, list[SampleBlock]] = {}
    rows: dict[str, list[InfusionRow]] = {}
    events: list[Event] = []
    for record in reader.tail():
        body = record.body
        if isinstance(body, SampleBlock):
            blocks.setdefault(body.instrument, []).append(body)
        elif isinstance(body, InfusionRow):
            rows.setdefault(body.pump, []).append(body)
        elif isinstance(body, Event):
            events.append(body)
    if reader.header is None:
        raise ValueError(f"{reader.path} is not a session journal: {reader.problem or 'it is empty'}")
    return SessionData(
        header=reader.header,
        streams={spec.instrument: stream_data(spec, blocks.get(spec.instrument, [])) for spec in reader.header.streams},
        infusions={pump: infusion_data(pump, rows.get(pump, [])) for pump in reader.header.pumps},
        events=tuple(events),
        close=reader.closed,
        last_sequence=reader.next_sequence - 1,
        problem=reader.problem,
    )


def stream_data(spec: StreamSpec, blocks: list[SampleBlock]) -> StreamData:
    """Return the blocks of one instrument joined."""
    channels = len(spec.channels)
    lengths = [len(block.index) for block in blocks]
    return StreamData(
        spec=spec,
        t_ns=np.concatenate([np.empty(0, np.int64), *(block.t_ns() for block in blocks)]),
        current_a=np.concatenate([np.empty((0, channels)), *(block.current_a for block in blocks)]),
        flags=np.concatenate([np.empty((0, channels), np.uint8), *(block.flags for block in blocks)]),
        index=np.concatenate([np.empty(0, np.int64), *(block.index for block in blocks)]),
        epoch=np.repeat(np.array([block.epoch for block in blocks], np.int64), lengths),
        received_ns=np.repeat(np.array([block.received_ns for block in blocks], np.int64), lengths),
    )


def infusion_data(pump: str, rows: list[InfusionRow]) -> InfusionData:
    """Return the rows of one pump as arrays."""
    arrays: dict[str, Any] = {
        name: np.array([getattr(row, name) for row in rows], np.int64 if name == "t_ns" else np.float64)
        for name in InfusionRow._fields
        if name != "pump"
    }
    return InfusionData(pump, **arrays)
