"""Is this session what was recorded? Checks every claim a session makes about itself, and says each in a sentence.

Knows which checks there are; changes nothing. ``session_fingerprint`` is the hash by which two rehearsals are compared.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acquisition.events import Event
from acquisition.recording import frames
from acquisition.recording.clock_pairs import ClockPairs
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.manifest import FINISHING_NAME, MANIFEST_NAME, NWB_NAME, file_hash, read_manifest
from acquisition.recording.nwb_check import look_into
from acquisition.recording.reader import JournalReader
from acquisition.recording.records import InfusionRow
from drivers.capabilities import SampleBlock


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    check: str
    ok: bool
    text: str


@dataclass(frozen=True)
class VerificationReport:
    """All that was checked of one session."""

    session_dir: Path
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Tell whether everything is as it should be."""
        return all(finding.ok for finding in self.findings)

    def text(self) -> str:
        """Return one line per finding."""
        return "\n".join(f"{'ok  ' if item.ok else 'BAD '} {item.check}: {item.text}" for item in self.findings)


@dataclass
class _Findings:
    items: list[Finding] = field(default_factory=list)

    def add(self, check: str, problem: str, good: str) -> bool:
        self.items.append(Finding(check, not problem, problem or good))
        return not problem


def verify(session_dir: Path) -> VerificationReport:
    """Check journal, hash chain, manifest and NWB file of a closed session. Never raises on damage."""
    found = _Findings()
    journal = session_dir / JOURNAL_NAME
    if not found.add("journal", "" if journal.is_file() else f"{journal} does not exist", "exists"):
        return VerificationReport(session_dir, tuple(found.items))
    reader = JournalReader(journal)
    clocks = ClockPairs()
    for record in reader.tail():
        if isinstance(record.body, SampleBlock):
            clocks.add(record.body)
    _check_journal(found, reader)
    _check_manifest(found, session_dir, reader)
    if reader.header is not None and reader.closed is not None:
        _check_nwb(found, session_dir)
    if reader.header is not None:
        told = "its times are those of the imported file" if reader.header.imported else ""
        for spec in reader.header.streams:
            found.add(spec.instrument, "", told or clocks.sentence(spec.instrument))
        if reader.header.imported:
            found.add("IMPORTED", "", f"not recorded by this program: {reader.header.imported}")
    return VerificationReport(session_dir, tuple(found.items))


def _check_journal(found: _Findings, reader: JournalReader) -> None:
    size = reader.path.stat().st_size
    beyond = f"{reader.problem}; {size - reader.valid_end} of {size} bytes cannot be used" if reader.problem else ""
    found.add("records", beyond, f"{reader.next_sequence} records, numbered without a hole, every checksum fits")
    broken = ", ".join(str(number) for number in reader.chain_faults[:5])
    found.add(
        "hash chain",
        f"the hash does not fit in record {broken}: an event was changed, removed or inserted there" if broken else "",
        f"{reader.events} events, each tied to the one before",
    )
    closed = reader.closed
    if closed is None:
        found.add("closing record", f"missing. Run: amperfuse recover {reader.path.parent}", "")
        return
    promised = (closed.records, closed.events, closed.chain_head)
    actual = (reader.next_sequence - 1, reader.events, reader.chain.hex())
    found.add(
        "closing record",
        ""
        if promised == actual
        else f"it promises {promised[0]} records and {promised[1]} events; "
        f"there are {actual[0]} and {actual[1]}, or the chain ends differently",
        f"the session was {closed.outcome}; chain ends in {closed.chain_head[:16]}",
    )


def _check_manifest(found: _Findings, session_dir: Path, reader: JournalReader) -> None:
    try:
        listed = read_manifest(session_dir)
    except (OSError, ValueError) as error:
        missing_or = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be used: {error}"
        found.add("manifest", f"{MANIFEST_NAME} {missing_or}. Run: amperfuse recover {session_dir}", "")
        return
    for missing in {JOURNAL_NAME, NWB_NAME} - set(listed):
        found.add("manifest", f"{missing} is not listed in {MANIFEST_NAME}", "")
    for name, expected in sorted(listed.items()):
        path = session_dir / name
        if not path.is_file():
            found.add("manifest", f"{name} is listed and does not exist", "")
        else:
            longer = name == JOURNAL_NAME and path.stat().st_size != reader.valid_end  # it may be longer than a disk
            changed = longer or file_hash(path) != expected
            found.add("manifest", f"{name} was changed after it was closed" if changed else "", f"{name} is unchanged")


def _check_nwb(found: _Findings, session_dir: Path) -> None:
    path = session_dir / NWB_NAME
    if not path.is_file() or (session_dir / FINISHING_NAME).exists():
        found.add("NWB file", f"{path.name} was not finished. Run: amperfuse recover {session_dir}", "")
        return
    for line in look_into(session_dir, path, session_dir / JOURNAL_NAME):
        found.add(*line)


def session_fingerprint(session_dir: Path) -> str:
    """Return a SHA-256 over all samples, infusion rows and events of a journal, closed or not.

    Independent of how samples were cut into blocks and of names and hashes of the session. Raises ValueError when
    the journal is damaged: a hash of a part would compare equal by accident.
    """
    reader = JournalReader(session_dir / JOURNAL_NAME)
    parts: dict[str, Any] = {}

    def feed(name: str, data: bytes) -> None:
        parts.setdefault(name, hashlib.sha256()).update(data)

    for record in reader.tail():
        body = record.body
        if isinstance(body, SampleBlock):
            for column in ("t_ns", "index", "current_a", "flags"):
                values = body.t_ns() if column == "t_ns" else getattr(body, column)
                feed(f"{body.instrument}/{column}", values.tobytes())
        elif isinstance(body, InfusionRow):
            feed(f"{body.pump}/infusion", frames.encode_infusion(body))
        elif isinstance(body, Event):
            feed("events", frames.encode_event(body) + b"\n")
    if reader.problem:
        raise ValueError(f"{reader.path} is {reader.problem}; run: amperfuse verify {session_dir}")
    total = hashlib.sha256()
    for name, digest in sorted(parts.items()):
        total.update(f"{name} {digest.hexdigest()}\n".encode())
    return total.hexdigest()
