"""What is done to ``session.nwb`` after its last row: whole texts, steps, instruments' clocks, the journal's hash.

Knows the closed form of the file. The same for an undisturbed close, a repair and a rebuild, so they cannot differ.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
from pynwb import NWBHDF5IO
from pynwb.epoch import TimeIntervals

from acquisition.events import Event, EventKind
from acquisition.recording.clock_pairs import ClockPairs
from acquisition.recording.frames import CloseRecord
from acquisition.recording.live_file import event_texts
from acquisition.recording.manifest import file_hash
from acquisition.recording.nwb import LIBVER, TEXT_BYTES, as_text, replace_text
from acquisition.recording.reader import JournalReader
from acquisition.recording.records import SessionHeader
from drivers.capabilities import SampleBlock


@dataclass
class Gathered:
    """What the closed form needs from the journal beside the rows that are already in the file."""

    texts: dict[EventKind, dict[str, list[bytes]]] = field(default_factory=dict)
    steps: dict[int, tuple[int, int | None, str]] = field(default_factory=dict)
    """Step number to (started_ns, ended_ns, state)."""
    clocks: ClockPairs = field(default_factory=ClockPairs)

    def add(self, event: Event) -> None:
        """Take one event, in the order of the journal."""
        columns = self.texts.setdefault(event.kind, {name: [] for name in TEXT_BYTES})
        for name, text in event_texts(event).items():
            columns[name].append(as_text(text))
        number, state = event.data.get("step"), event.data.get("state")
        if event.kind is EventKind.STEP and isinstance(number, int) and isinstance(state, str):
            started_ns = self.steps[number][0] if number in self.steps else event.t_ns
            self.steps[number] = (started_ns, None if state == "running" else event.t_ns, state)


def finish_file(path: Path, journal: Path) -> CloseRecord:
    """Bring a file with all rows into its closed form; return how the journal ended.

    Raises OSError, ValueError, KeyError when the file is damaged, ValueError when the journal is not closed.
    """
    reader = JournalReader(journal)
    gathered = Gathered()
    last_ns = 0
    for record in reader.tail():
        if isinstance(record.body, Event):
            gathered.add(record.body)
        if isinstance(record.body, SampleBlock) and reader.header is not None and not reader.header.imported:
            gathered.clocks.add(record.body)
        if isinstance(record.body, CloseRecord):
            last_ns = record.body.t_ns
    if reader.header is None or reader.closed is None:
        raise ValueError(f"{journal.name} is not closed")
    with h5py.File(path, "r+", libver=LIBVER) as file:
        for kind in EventKind:
            group = f"events/{kind.value}"
            texts = gathered.texts.get(kind)
            if texts is None:
                del file[group]  # readers and checkers stumble over tables without a row
                continue
            for name, values in texts.items():
                replace_text(file, f"{group}/{name}", values, None)
    _add_steps(path, reader.header, gathered, last_ns, _anchor(journal, reader.closed))
    return reader.closed


def _anchor(journal: Path, closed: CloseRecord) -> str:
    return json.dumps(
        {
            "journal_sha256": file_hash(journal),
            "chain_head": closed.chain_head,
            "events": closed.events,
            "records": closed.records,
            "outcome": closed.outcome,
        },
        sort_keys=True,
    )


def _add_steps(path: Path, header: SessionHeader, gathered: Gathered, last_ns: int, anchor: str) -> None:
    planned: dict[int, Mapping[str, Any]] = {step["number"]: step for step in header.plan.get("steps") or ()}
    with NWBHDF5IO(str(path), mode="a") as io:
        nwbfile = io.read()
        if gathered.steps:
            table = TimeIntervals(
                name="protocol_steps",
                description="steps of the protocol as they ran; planned amounts are in session_header_json",
            )
            for name, text in (
                ("step", "number in the plan"),
                ("kind", "infuse, wait, operator or mark"),
                ("label", "name in the protocol"),
                ("state", "how it ended; running: it had not ended when the recording did"),
            ):
                table.add_column(name, text)
            for number, (started_ns, ended_ns, state) in sorted(gathered.steps.items()):
                step = planned.get(number, {})
                table.add_row(
                    start_time=(started_ns - header.started_ns) / 1e9,
                    stop_time=((last_ns if ended_ns is None else ended_ns) - header.started_ns) / 1e9,
                    step=number,
                    kind=str(step.get("kind", "unknown")),
                    label=str(step.get("label", "")),
                    state=state,
                )
            nwbfile.add_time_intervals(table)
        nwbfile.add_scratch(
            gathered.clocks.as_json(header.streams, header.started_ns),
            name="device_clock_json",
            description="derived: what each potentiostat's clock gained on the host's; no time in this file uses it",
        )
        nwbfile.add_scratch(anchor, name="journal_anchor_json", description="ties this file to its journal")
        io.write(nwbfile)
