"""Which recordings belong to which animal of a study: by the subject in their plan, and by the codes on their syringes.

Knows where sessions lie and what their first record says. A session whose syringes bear other codes than its animal's
is named, never quietly taken. Does not read samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from acquisition.books.places import same_name
from acquisition.experiment.rig import load_rig
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.manifest import is_done
from acquisition.recording.reader import JournalReader
from acquisition.recording.records import SessionHeader
from acquisition.recording.session_data import SessionData, read_session
from analysis.study.study_book import Allocated, StudyLog
from analysis.study.study_file import Study

MOST_SESSIONS = 10_000
FINISHED = "finished"


@dataclass(frozen=True)
class Found:
    """One session of an animal. ``wrong`` says why it cannot be that animal's; empty when it can."""

    path: Path
    animal: str
    simulated: bool
    started_wall_ns: int
    outcome: str
    """As it was closed; empty when it was not."""
    whole: bool
    """Its files are finished, with their hashes."""
    wrong: str = ""

    @property
    def is_complete(self) -> bool:
        """Tell whether the plan was run to its end and the recording is whole."""
        return self.outcome == FINISHED and self.whole and not self.wrong


def sessions_of(study: Study, log: StudyLog, root: Path | None = None) -> dict[str, list[Found]]:
    """Return the sessions of every allocated animal, by name as names are compared, oldest first.

    A folder that is no readable session is passed over, and so is a rehearsal of a study with a real rig. Raises
    RefusedInput for a rig that cannot be read, OSError.
    """
    found: dict[str, list[Found]] = {name: [] for name in log.allocated}
    simulated = load_rig(study.rig).simulated == "all"
    for path, header in _headers(root or study.sessions):
        if header.simulated and not simulated:
            continue
        there = log.animal(str(header.plan["subject"]["subject_id"]))
        if there is not None:
            found[same_name(there.animal)].append(_found(study, there, path, header))
    return {name: sorted(them, key=lambda one: one.started_wall_ns) for name, them in found.items()}


def data_of(found: Found) -> SessionData:
    """Return a session whole."""
    return read_session(found.path)


def _headers(root: Path) -> Iterator[tuple[Path, SessionHeader]]:
    if not root.is_dir():
        return
    for journal in sorted(root.glob(f"[!.]*/{JOURNAL_NAME}"))[:MOST_SESSIONS]:  # .NAME-...: an import that was killed
        reader = JournalReader(journal)
        next(reader.tail(), None)
        if reader.header is not None:
            yield journal.parent, reader.header


def _found(study: Study, one: Allocated, path: Path, header: SessionHeader) -> Found:
    reader = JournalReader(path / JOURNAL_NAME)
    for _record in reader.tail():
        pass
    return Found(
        path=path,
        animal=one.animal,
        simulated=header.simulated,
        started_wall_ns=header.started_wall_ns,
        outcome=reader.closed.outcome if reader.closed else "",
        whole=is_done(path),
        wrong=_wrong(study.barrels(one.code), header.plan),
    )


def _wrong(barrels: Mapping[str, str], plan: Mapping[str, object]) -> str:
    pumps = plan["pumps"]
    codes = {str(p["name"]): str(p.get("code", "")) for p in pumps} if isinstance(pumps, list | tuple) else {}
    for pump, barrel in barrels.items():
        if codes.get(pump) != barrel:
            there = f"syringe {codes[pump]}" if codes.get(pump) else "no blinded syringe"
            return f"pump {pump} had {there}, this animal's is {barrel}"
    return ""
