"""The folder of a cohort: which animals are recorded, with what, and that nothing in it changed since.

Knows names, hashes and the order of writing: an animal is in ``animals/`` when it is whole, and never before; what was
begun and not finished lies in ``unfinished/`` and is begun anew. A recorded animal is never overwritten: one that was
recorded with other inputs is refused.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import ValidationError

from acquisition.experiment.fields import Table
from acquisition.experiment.problems import Problem, RefusedInput
from acquisition.recording.filesystem import OsFileSystem, make_folders, write_whole
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.manifest import file_hash
from acquisition.service.assembly import software
from amperfuse.cohorts.cohort_file import Animal
from drivers import registry

ANIMALS, UNFINISHED, NOTE, LOCK = "animals", "unfinished", "animal.json", ".cohort.lock"
MAX_NOTE_BYTES = 1_000_000
PLAN = "compiled plan"
"""Differs with every other file, and with a file of syringes that nothing else names here."""


class Note(Table):
    """What is kept beside one animal's recording."""

    simulated: str
    inputs: dict[str, str]
    session: str
    journal_sha256: str
    outcome: str
    against: list[str]
    """What stands against a go, as a rehearsal says it."""


@dataclass(frozen=True)
class Store:
    """One cohort's folder. Use ``opened``: two commands must not write into it."""

    root: Path

    def place(self, animal: Animal) -> Path:
        """Return the folder of an animal that is whole."""
        return self.root / ANIMALS / animal.name

    def recorded(self, animal: Animal) -> Note | None:
        """Return the note of an animal that is whole, None if there is none. Raises RefusedInput if it does not fit."""
        path = self.place(animal) / NOTE
        if not self.place(animal).exists():
            return None
        try:
            with path.open("rb") as file:
                note = Note.model_validate_json(file.read(MAX_NOTE_BYTES))
        except (OSError, ValidationError) as error:
            raise self._refused(animal, f"its {NOTE} cannot be read ({type(error).__name__})") from None
        inputs = inputs_of(animal)
        changed = [what for what in {**inputs, **note.inputs} if inputs.get(what) != note.inputs.get(what)]
        if changed:
            told = [what for what in changed if what != PLAN] or [PLAN]
            raise self._refused(animal, f"it was recorded with another {' and another '.join(told)}")
        journal = self.place(animal) / Path(note.session).name / JOURNAL_NAME
        if not journal.is_file() or file_hash(journal) != note.journal_sha256:
            raise self._refused(animal, "its recording is missing or was changed")
        return note

    def begin(self, animal: Animal) -> Path:
        """Return an empty folder to record an animal in; what was begun and not finished there is removed."""
        folder = self.root / UNFINISHED / animal.name
        shutil.rmtree(folder, ignore_errors=True)
        make_folders(OsFileSystem(), folder)
        return folder

    def finish(self, animal: Animal, session_dir: Path, outcome: str, against: list[str]) -> Note:
        """Put a recorded animal where the whole ones are; it is there with its note, or not at all. Raises OSError."""
        fs, folder = OsFileSystem(), session_dir.parent
        note = Note(
            simulated="SIMULATED",
            inputs=inputs_of(animal),
            session=session_dir.name,
            journal_sha256=file_hash(session_dir / JOURNAL_NAME),
            outcome=outcome,
            against=against,
        )
        write_whole(fs, folder / NOTE, (note.model_dump_json(indent=1) + "\n").encode())
        make_folders(fs, self.root / ANIMALS)
        folder.rename(self.place(animal))
        fs.sync_folder(self.root / ANIMALS)
        return note

    def _refused(self, animal: Animal, what: str) -> RefusedInput:
        sentence = (
            f"{what}. Nothing was overwritten. What to do: name another --out, or move {self.place(animal)} away to "
            "have this animal recorded anew."
        )
        return RefusedInput([Problem(str(self.root), 0, animal.name, sentence)])


@contextmanager
def opened(root: Path) -> Iterator[Store]:
    """Hold a cohort's folder, made if it is not there. Raises RefusedInput while another command holds it, OSError."""
    make_folders(OsFileSystem(), root)
    lock = FileLock(root / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        sentence = "another command records into this folder now; wait for it, or name another --out."
        raise RefusedInput([Problem(str(root), 0, "", sentence)]) from None
    try:
        yield Store(root)
        shutil.rmtree(root / UNFINISHED, ignore_errors=True)
    finally:
        lock.release()


def inputs_of(animal: Animal) -> dict[str, str]:
    """Return everything that an animal's recording depends on, by the word for it that a person knows."""
    plan = animal.arm.experiment.plan
    presets = {kind: _hash(given) for kind, given in animal.arm.presets.items()}
    return {
        "version of the program": software(),
        "seed": str(animal.seed),
        "protocol": plan.protocol_sha256,
        "rig": plan.rig_sha256,
        "limits file": plan.limits_sha256,
        PLAN: plan.sha256,
        **{f"{kind} preset": digest for kind, digest in presets.items()},
    }


def _hash(given: str | Mapping[str, Any]) -> str:
    """Return the hash of every value of a preset."""
    values = registry.presets().load(given).model_dump() if isinstance(given, str) else given
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
