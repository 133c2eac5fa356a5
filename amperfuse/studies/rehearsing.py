"""A whole blinded study with simulated animals: drawn, allocated, every session recorded through the real pipeline.

Knows in which order a study is rehearsed and what is left when it is cut short: what the study's book has, and every
session that is whole, stays; the same command goes on. Knows no group: which animal gets what is sealed, and only the
simulated syringe opens that. Reading and comparing are not known here.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from acquisition.experiment import quantities
from acquisition.experiment.compile import load_experiment
from acquisition.experiment.problems import Problem, RefusedInput
from acquisition.experiment.quantities import format_quantity
from acquisition.recording.archiver import rebuild
from acquisition.recording.filesystem import OsFileSystem, make_folders, write_whole
from acquisition.service.assembly import software
from amperfuse.cohorts.cohort_file import animal_seed
from amperfuse.cohorts.workers import go_on, shared_out
from amperfuse.rehearsing import Wanted, run_once
from amperfuse.studies.rehearsal_file import StandIns
from analysis.rehearsal.verdict import no_go_reasons
from analysis.study.allocating import PROTOCOLS, allocate
from analysis.study.drawing import TRIED, Chance, draw_study
from analysis.study.study_book import Allocated, read_log
from analysis.study.study_file import Study, load_study
from analysis.study.template import load_template
from analysis.study.trial import Known

BY = "the rehearsal (SIMULATED)"
NOTE, LOCK = "rehearsal.json", ".rehearsal.lock"
NOTES, UNFINISHED = "rehearsals", "unfinished"
WEIGHTS = (0.88, 1.12)
"""Animals weigh between these shares of what is usual [A]."""


@dataclass(frozen=True)
class RehearsedAnimal:
    """One animal that was recorded."""

    animal: str
    against: tuple[str, ...]
    """What stands against a go in its rehearsal."""


@contextmanager
def opened(source: Path, out: Path, stand_ins: StandIns) -> Iterator[Path]:
    """Hold the folder of a rehearsed study, made from ``source`` if it is not there.

    Raises RefusedInput when another command holds it, or it was begun with other files, presets, seed or another
    version of the program; OSError.
    """
    make_folders(OsFileSystem(), out)
    lock = FileLock(out / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise _refused(out, "another command rehearses in this folder now; wait for it") from None
    try:
        _must_be_of(source, out, stand_ins)
        yield out
        shutil.rmtree(out / UNFINISHED, ignore_errors=True)
    finally:
        lock.release()


def _must_be_of(source: Path, out: Path, stand_ins: StandIns) -> None:
    """Copy the study's files where there are none; refuse a folder that was begun with others."""
    texts = {path.name: path.read_bytes() for path in sorted(source.glob("*.toml"))}
    files = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
    begun = {"simulated": "SIMULATED", "software": software(), "stand_ins": stand_ins.sha256, "files": files}
    note = (json.dumps(begun, indent=1) + "\n").encode()
    if not (out / NOTE).exists():
        if any(path.name not in (*texts, LOCK) for path in out.iterdir()):
            raise _refused(out, "this folder holds something else")
        for name, text in texts.items():
            (out / name).write_bytes(text)
        write_whole(OsFileSystem(), out / NOTE, note)
    elif (out / NOTE).read_bytes() != note:
        what = "other files, presets, another seed or another version of the program"
        raise _refused(out, f"this study was rehearsed with {what}; nothing was overwritten")


def draw_and_allocate(folder: Path, chance: Chance, seed: int, known: Known, now_ns: Callable[[], int]) -> Study:
    """Draw the study and allocate every animal, as far as that was not done before. Raises as both."""
    study = load_study(folder)
    if not study.study_id or read_log(study).drawn is None:
        study, _ = draw_study(folder, chance, by=BY, known=known, wall_ns=now_ns())
    asks = load_template(study).asks
    drawn = read_log(study).drawn
    for number in range(len(read_log(study).allocated) + 1, (drawn.slots if drawn else 0) + 1):
        share = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,))).uniform(*WEIGHTS)
        weight = format_quantity(round(study.file.animals.weight * share, 1), quantities.WEIGHT)
        blanks = {blank: text for blank, text in (TRIED | {"@weight": weight}).items() if blank in asks}
        blanks.pop("@animal", None)
        allocate(study, f"S{number:02d}", blanks, by=BY, known=known, wall_ns=now_ns())
    return study


def record_all(
    study: Study, stand_ins: StandIns, jobs: int, told: Callable[[str], None] = lambda _animal: None
) -> list[RehearsedAnimal]:
    """Record every allocated animal that is not recorded yet; return all. ``told`` hears of each.

    Raises RefusedInput, RecordingFailed; KeyboardInterrupt after the workers have ended.
    """
    tasks = [_Task(study, one, stand_ins) for one in read_log(study).allocated.values()]
    return shared_out(tasks, _recorded, jobs, lambda task: told(task.allocated.animal))


@dataclass(frozen=True)
class _Task:
    study: Study
    allocated: Allocated
    stand_ins: StandIns

    @property
    def note(self) -> Path:
        return self.study.folder / NOTES / f"{self.allocated.animal}.json"


def _recorded(task: _Task) -> RehearsedAnimal:
    """Record an animal if it is not recorded yet."""
    animal = task.allocated.animal
    if task.note.exists():
        return RehearsedAnimal(animal, tuple(json.loads(task.note.read_text("utf-8"))["against"]))
    study, fs = task.study, OsFileSystem()
    folder = study.folder / UNFINISHED / animal
    shutil.rmtree(folder, ignore_errors=True)
    make_folders(fs, folder)
    experiment = load_experiment(study.folder / PROTOCOLS / task.allocated.protocol, study.rig)
    seed = animal_seed(task.stand_ins.seed, study.file.study.name, task.allocated.number)
    result = run_once(Wanted(experiment, folder, seed, presets=task.stand_ins.presets), folder, go_on)
    rebuild(result.session_dir)
    make_folders(fs, study.sessions)
    place = study.sessions / f"{animal}-{result.session_dir.name}"
    shutil.rmtree(place, ignore_errors=True)  # of a run that was killed between this and the note
    result.session_dir.rename(place)
    fs.sync_folder(study.sessions)
    make_folders(fs, task.note.parent)
    found: dict[str, Any] = {"simulated": "SIMULATED", "session": place.name, "against": no_go_reasons(result)}
    write_whole(fs, task.note, (json.dumps(found, indent=1) + "\n").encode())
    shutil.rmtree(folder, ignore_errors=True)
    return RehearsedAnimal(animal, tuple(found["against"]))


def _refused(out: Path, sentence: str) -> RefusedInput:
    return RefusedInput([Problem(str(out), 0, "", f"{sentence}. Name another --out.")])
