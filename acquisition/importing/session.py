"""Writes an imported recording as a session: the same journal, the same checks, and IMPORTED wherever it is named.

Knows the order in which it is written and that nothing half-written stays: everything is made in a folder beside, which
takes its name last. Does not know the layout of text.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

from acquisition.engine.session import session_header
from acquisition.events import Event, EventKind, Scalar
from acquisition.experiment.problems import Problem, RefusedInput, printable
from acquisition.importing.mapping import Mapping
from acquisition.importing.marks import ImportedMark, read_marks
from acquisition.importing.samples import Chunk, Samples
from acquisition.importing.text_table import TextTable, open_table
from acquisition.plan import ChannelSetup, Plan, PotentiostatSetup
from acquisition.recording.manifest import file_hash
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.records import RecordingFailed
from drivers.clock import NS_PER_S, VirtualClock

MAPPING_NAME = "mapping.toml"
OUTCOME = "imported"
SAYS = "import"
"""Source of the events that the import itself writes."""


@dataclass(frozen=True)
class Imported:
    """What was imported."""

    session_dir: Path
    rows: int
    marks: int
    gaps: int
    measurements: int
    worst_time_s: float
    """How far a time of the file lay beside the time it was given, at most."""


def import_recording(path: Path, mapping: Mapping, to: Path, software: str, finish: Callable[[Path], None]) -> Imported:
    """Make the session folder ``to``, which must not exist, of a text file.

    ``finish`` closes its NWB file and writes its manifest. Raises RefusedInput, RecordingFailed, OSError; then nothing
    of it is left.
    """
    if to.exists():
        raise RefusedInput([Problem(printable(str(to), 200), 0, "", "it is there already; nothing was written.")])
    marks, marks_sha256 = read_marks(mapping)
    sha256 = _hash_of(path)
    to.parent.mkdir(parents=True, exist_ok=True)
    building = Path(mkdtemp(prefix=f".{to.name[:40]}-", dir=to.parent))
    try:
        with open_table(path, mapping.file.text) as table:
            samples = Samples(mapping, table)
            writing = _Writing(building, mapping, _origin(path, sha256, mapping), software)
            try:
                writing.begin({"file": table.file, "sha256": sha256, "marks_sha256": marks_sha256})
                done = writing.all(samples, marks)
            finally:
                writing.release()
            _must_be_the_same(table, sha256)
        (building / MAPPING_NAME).write_text(mapping.source.text, encoding="utf-8")
        finish(building)
        building.chmod(0o755)
        building.rename(to)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return Imported(to, samples.rows, *done, samples.grid.measurements, samples.grid.worst_ns / NS_PER_S)


def _must_be_the_same(table: TextTable, sha256: str) -> None:
    if table.digest.hexdigest() != sha256:
        raise RefusedInput([table.problem(0, "", "the file was changed while it was read.")])


def _hash_of(path: Path) -> str:
    try:
        return file_hash(path) if path.is_file() else ""
    except OSError:
        return ""  # opening it says why


def _origin(path: Path, sha256: str, mapping: Mapping) -> str:
    return f"{printable(path.name, 120)} (SHA-256 {sha256}), recorded by {mapping.file.recording.system}"


class _Writing:
    """One journal on its way."""

    def __init__(self, folder: Path, mapping: Mapping, origin: str, software: str) -> None:
        self._mapping = mapping
        self._plan = _plan(mapping, origin)
        self._started_wall_ns = mapping.file.recording.started_wall_ns
        self._clock = VirtualClock(self._started_wall_ns)
        header = replace(session_header(self._plan, _session_id(mapping), self._clock, software, None), imported=origin)
        self._recorder = InlineRecorder.create(folder, header, self._clock)

    def begin(self, data: dict[str, Scalar]) -> None:
        mark = "SIMULATED, " if self._plan.simulated else ""
        origin = self._plan.warnings[0]
        self._say(EventKind.SESSION, 0, SAYS, f"{mark}{origin}", data)
        for setup in self._plan.potentiostats:
            for channel, table in zip(
                setup.channels, self._mapping.file.potentiostats[setup.name].channels, strict=True
            ):
                text = (
                    f"{channel.name}: column {channel.electrode}, {table.unit}; {setup.potential_v:g} V, range "
                    f"{channel.range_a:g} A, every {setup.interval_s:g} s, as the mapping says"
                )
                self._say(EventKind.SETTING, 0, setup.name, text, {"channel": channel.name, "unit": table.unit})

    def all(self, samples: Samples, marks: list[ImportedMark]) -> tuple[int, int]:
        """Write everything; return how many marks and gaps there were."""
        waiting, marked, gaps = list(reversed(marks)), 0, 0
        for chunk in samples.chunks():
            gaps += len(chunk.gaps)
            end_ns = int(chunk.blocks[0].t_ns()[-1])
            due = list(chunk.marks)
            while waiting and waiting[-1].t_ns <= end_ns:
                due.append(waiting.pop())
            marked += self._write(chunk, due)
        marked += self._marks(reversed(waiting))
        text = (
            f"{samples.rows} rows; their times were put on a grid of {self._mapping.file.time.interval:g} s, at most "
            f"{samples.grid.worst_ns / 1e6:g} ms away, in {samples.grid.measurements} measurements"
        )
        self._say(EventKind.SESSION, self._clock.now_ns(), SAYS, text, {"rows": samples.rows})
        self._recorder.close(OUTCOME)
        return marked, gaps

    def release(self) -> None:
        """Let go of the file; after ``all`` it is closed already."""
        self._recorder.core.writer.close()
        self._recorder.core.lock.release()

    def _write(self, chunk: Chunk, marks: list[ImportedMark]) -> int:
        for gap in chunk.gaps:
            for block in chunk.blocks:
                data: dict[str, Scalar] = {"epoch": gap.epoch, "first_index": gap.first_index, "count": gap.count}
                data["start_ns"] = gap.t_ns
                self._say(EventKind.GAP, gap.t_ns, block.instrument, f"{gap.count} samples are missing", data)
        for block in chunk.blocks:
            self._clock.pass_until_ns(block.received_ns)
            self._recorder.samples(block)
            self._must_be_stored()
        return self._marks(sorted(marks, key=lambda mark: mark.t_ns))

    def _marks(self, marks: Iterable[ImportedMark]) -> int:
        count = 0
        for mark in marks:
            self._say(EventKind.MARK, mark.t_ns, SAYS, mark.label, {"by": SAYS})
            count += 1
        return count

    def _say(self, kind: EventKind, t_ns: int, source: str, text: str, data: dict[str, Scalar]) -> None:
        self._clock.pass_until_ns(t_ns)
        self._recorder.event(Event(kind, t_ns, self._started_wall_ns + t_ns, source, text, data))
        self._must_be_stored()

    def _must_be_stored(self) -> None:
        """Nobody waits for this session: what the disk does not take at once ends the import."""
        if self._recorder.core.pending:
            raise RecordingFailed(f"{self._recorder.core.failing} Nothing of the import is kept.")


def _plan(mapping: Mapping, origin: str) -> Plan:
    file = mapping.file
    return Plan(
        name=file.recording.name,
        description=file.recording.description,
        simulated=file.recording.simulated,
        subject=file.subject.as_subject(),
        pumps=(),
        potentiostats=tuple(
            PotentiostatSetup(
                name=name,
                driver="none: imported",
                url="",
                expected_model=file.recording.system,
                expected_serial_number="",
                potential_v=table.potential,
                interval_s=file.time.interval,
                channels=tuple(
                    ChannelSetup(c.name, printable(str(c.column)), c.role, c.range, c.sensitivity)
                    for c in table.channels
                ),
            )
            for name, table in file.potentiostats.items()
        ),
        steps=(),
        protocol_sha256="",
        rig_sha256=mapping.source.sha256,
        limits_sha256="",
        warnings=(f"IMPORTED, not recorded by this program: {origin}",),
    )


def _session_id(mapping: Mapping) -> str:
    recording = mapping.file.recording
    started = datetime.fromtimestamp(recording.started_wall_ns / NS_PER_S, UTC).strftime("%Y%m%dT%H%M%SZ")
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", recording.name).strip("-")[:40] or "session"
    return f"{started}-{slug}-IMPORTED" + ("-SIMULATED" if recording.simulated else "")
