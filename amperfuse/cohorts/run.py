"""Runs a cohort: whole rehearsals in worker processes, each read from its recording alone.

Knows what is done for one animal, and that one which was left half done is begun anew by the next run. How animals are
shared out is known to ``amperfuse.cohorts.workers``. Results come back in the order of the cohort.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from acquisition.experiment.problems import Problem, RefusedInput
from amperfuse.cohorts.cohort_file import Animal, Cohort
from amperfuse.cohorts.store import ANIMALS, Note, Store
from amperfuse.cohorts.workers import go_on, shared_out
from amperfuse.rehearsing import Wanted, run_once
from analysis.cohort.animal import AnimalReading
from analysis.evoked import Readout, read_out
from analysis.rehearsal.verdict import no_go_reasons
from analysis.review import open_recording

Told = Callable[[Animal], None]


@dataclass(frozen=True)
class Result:
    """One animal, recorded and read."""

    animal: AnimalReading
    against: tuple[str, ...]
    """What stands against a go in its rehearsal."""


def run_cohort(cohort: Cohort, store: Store, jobs: int, told: Told = lambda _animal: None) -> list[Result]:
    """Record every animal that is not recorded yet, read all recordings, return them in the cohort's order.

    ``told`` hears of each animal that is recorded and read. Raises RefusedInput for an animal that was recorded with
    other inputs (before anything is run) or an impossible world; RecordingFailed; KeyboardInterrupt, after the workers
    have ended.
    """
    animals = cohort.animals()
    notes = {animal.name: store.recorded(animal) for animal in animals}
    tasks = [_Task(animal, store, cohort.readout, notes[animal.name]) for animal in animals]
    try:
        return shared_out(tasks, _result, jobs, lambda task: told(task.animal))
    except ValueError as error:  # a recording that does not hold what is to be read
        raise RefusedInput([Problem(str(store.root), 0, "", f"{error}.")]) from error


@dataclass(frozen=True)
class _Task:
    animal: Animal
    store: Store
    readout: Readout
    note: Note | None


def _result(task: _Task) -> Result:
    """Record an animal if it is not recorded yet, and read its recording."""
    animal, store = task.animal, task.store
    note = task.note or _record(animal, store)
    session = Path(ANIMALS) / animal.name / note.session
    reading = read_out(open_recording(store.root / session), task.readout)
    found = AnimalReading(
        name=animal.name,
        group=animal.arm.group,
        treatment=animal.arm.treatment,
        seed=animal.seed,
        session=session.as_posix(),
        outcome=note.outcome,
        reading=reading,
    )
    return Result(found, tuple(note.against))


def _record(animal: Animal, store: Store) -> Note:
    wanted = Wanted(animal.arm.experiment, store.root, animal.seed, presets=animal.arm.presets)
    result = run_once(wanted, store.begin(animal), go_on)
    return store.finish(animal, result.session_dir, result.outcome, no_go_reasons(result))
