"""Runs a cohort: whole rehearsals in worker processes, each read from its recording alone.

Knows how animals are shared out, cut short and taken up again. A worker that is told to stop leaves its animal as it
is; it is begun anew by the next run. Results come back in the order of the cohort, whoever finished first.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Event as ThreadEvent
from threading import Thread
from typing import Protocol

from acquisition.experiment.problems import Problem, RefusedInput
from amperfuse.cohorts.cohort_file import Animal, Cohort
from amperfuse.cohorts.store import ANIMALS, Note, Store
from amperfuse.rehearsing import Wanted, run_once
from analysis.cohort.animal import AnimalReading
from analysis.evoked import Readout, read_out
from analysis.rehearsal.verdict import no_go_reasons
from analysis.review import open_recording

WAITING = 2
"""So many animals wait for each worker: no more is begun after Ctrl-C."""

Told = Callable[[Animal], None]


class _Flag(Protocol):
    def is_set(self) -> bool: ...


class CutShort(Exception):
    """The rehearsal of an animal was cut short because the whole run was."""


@dataclass(frozen=True)
class Result:
    """One animal, recorded and read."""

    animal: AnimalReading
    against: tuple[str, ...]
    """What stands against a go in its rehearsal."""


_stop: _Flag = ThreadEvent()
"""In a worker: set when the run is cut short."""


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
        return [_done(task, told) for task in tasks] if jobs == 1 else _shared_out(tasks, jobs, told)
    except ValueError as error:  # a recording that does not hold what is to be read
        raise RefusedInput([Problem(str(store.root), 0, "", f"{error}.")]) from error


def _shared_out(tasks: Sequence[_Task], jobs: int, told: Told) -> list[Result]:
    context = get_context("spawn")
    stop = context.Event()
    results: dict[str, Result] = {}
    rest = iter(tasks)
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin_worker, initargs=(stop,)) as pool:
        running: dict[Future[Result], _Task] = {}
        try:
            running |= _submitted(pool, islice(rest, WAITING * jobs))
            while running:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    animal = running.pop(future).animal
                    results[animal.name] = future.result()
                    told(animal)
                running |= _submitted(pool, islice(rest, len(finished)))
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [results[task.animal.name] for task in tasks]


@dataclass(frozen=True)
class _Task:
    animal: Animal
    store: Store
    readout: Readout
    note: Note | None


def _submitted(pool: ProcessPoolExecutor, tasks: Sequence[_Task] | islice[_Task]) -> dict[Future[Result], _Task]:
    return {pool.submit(_result, task): task for task in tasks}


def _begin_worker(stop: _Flag) -> None:
    """Leave Ctrl-C to the parent, which lets every worker end where it can; end when the parent is gone."""
    global _stop  # noqa: PLW0603 - what a worker is begun with
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker, busy or not, when its parent was killed: nobody else would, and the next run has its animal."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _done(task: _Task, told: Told) -> Result:
    result = _result(task)
    told(task.animal)
    return result


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
    def go_on(_done: float, _text: str) -> None:
        if _stop.is_set():
            raise CutShort

    wanted = Wanted(animal.arm.experiment, store.root, animal.seed, presets=animal.arm.presets)
    result = run_once(wanted, store.begin(animal), go_on)
    return store.finish(animal, result.session_dir, result.outcome, no_go_reasons(result))
