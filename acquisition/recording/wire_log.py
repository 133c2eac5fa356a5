"""From a recorded session to a transcript of one instrument's line: yesterday's talk with a pump as a test of today's.

Knows how the engine words the raw bytes of an exchange in an event. A journal from somebody else is data: what does
not read as such a line is refused, never evaluated as more than a bytes literal.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from acquisition.events import Event, EventKind
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.reader import JournalReader
from drivers.capabilities import WireRecord
from drivers.clock import NS_PER_S, VirtualClock
from drivers.transcripts import TranscriptHeader, TranscriptWriter

_ESCAPE = r"""\\[\\'"tnr]|\\x[0-9a-f]{2}"""
_LINE = re.compile(
    rf"""(-?\d{{1,9}})\.(\d{{3}}) (out|in) (b'(?:[ -&(-\[\]-~]|{_ESCAPE})*'|b"(?:[ !#-\[\]-~]|{_ESCAPE})*")""", re.ASCII
)
"""The bytes are one literal as Python writes it, so that it can be read as one and as nothing else."""
_MS = NS_PER_S // 1000
DEFAULT_BAUD = 9600
"""Noted where the rig did not say; a replay has no speed."""


def wire_records(event: Event) -> Iterator[WireRecord]:
    """Return the bytes that an event of kind WIRE holds, to the millisecond. Raises ValueError."""
    for line in event.text.split("\n"):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"a wire record of {event.source} does not read as bytes: {line[:60]!r}")
        sign = -1 if match[1].startswith("-") else 1
        t_ns = event.t_ns + int(match[1]) * NS_PER_S + sign * int(match[2]) * _MS
        direction: Literal["out", "in"] = "out" if match[3] == "out" else "in"
        data = ast.literal_eval(match[4])
        yield WireRecord(t_ns, direction, data)


def extract_transcript(session_dir: Path, instrument: str, to: Path) -> int:
    """Write the recorded talk with ``instrument`` as a transcript; return how many lines of bytes it has.

    Times are those of the session, to the millisecond. Raises ValueError (no such instrument, no wire records, a
    damaged journal), FileNotFoundError, FileExistsError, OSError.
    """
    reader = JournalReader(session_dir / JOURNAL_NAME)
    records: list[WireRecord] = []
    sources: set[str] = set()
    for record in reader.tail():
        if isinstance(record.body, Event) and record.body.kind is EventKind.WIRE:
            sources.add(record.body.source)
            if record.body.source == instrument:
                records += wire_records(record.body)
    header = reader.header
    if header is None:
        raise ValueError(f"{session_dir} holds no readable session: {reader.problem or 'its journal is empty'}")
    if not records:
        there = ", ".join(sorted(sources)) or "nobody"
        raise ValueError(f"this session recorded no bytes of {instrument!r}; it did of: {there}")
    setup = _setup(header.plan, instrument)
    began_ns = min(record.t_ns for record in records)
    writer = TranscriptWriter.create(
        to,
        TranscriptHeader(
            url=str(setup.get("url") or "unknown"),
            began_wall_ns=header.started_wall_ns + began_ns - header.started_ns,
            baud=int(setup.get("baud") or DEFAULT_BAUD),
            simulated=header.simulated,
            note=f"{instrument} of session {header.session_id}",
        ),
        VirtualClock(),
    )
    try:
        for item in records:
            writer.add(item.direction, item.data, item.t_ns - began_ns)
    finally:
        writer.close(records[-1].t_ns - began_ns)
    if reader.problem:
        raise ValueError(f"the journal ends early ({reader.problem}); what is before that was written to {to}")
    return len(records)


def _setup(plan: Any, instrument: str) -> dict[str, Any]:
    for pump in plan.get("pumps") or ():
        if isinstance(pump, dict) and pump.get("name") == instrument:
            return pump
    return {}
