"""Reads every session of a study, shared out to processes, without knowing any group.

Knows which session of an animal is read, and that one which cannot be read is a finding, not the end. What is read is
known to ``analysis.study.measure``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acquisition.service.assembly import software
from amperfuse.cohorts.workers import go_on, shared_out
from analysis.review import open_recording
from analysis.study.gather import one_session
from analysis.study.measure import read_animal, unread_animal
from analysis.study.readings import AnimalRead, Readings, Settings, settings_of
from analysis.study.sessions import Found
from analysis.study.study_book import StudyLog
from analysis.study.study_file import Study


@dataclass(frozen=True)
class _Task:
    code: str
    path: Path
    session: str
    settings: Settings


def read_study(
    study: Study,
    log: StudyLog,
    sessions: Mapping[str, Sequence[Found]],
    jobs: int,
    told: Callable[[str], None] = lambda _code: None,
) -> Readings:
    """Return what the one complete session of every animal says. ``told`` hears the code of each that is read."""
    settings = settings_of(study.readout)
    chosen = {name: one_session(them) for name, them in sessions.items()}
    tasks = [
        _Task(one.code, found.path, _told_path(found.path, study.folder), settings)
        for name, one in log.allocated.items()
        if (found := chosen[name]) is not None
    ]
    animals = shared_out(tasks, _read, min(jobs, max(1, len(tasks))), lambda task: told(task.code))
    return Readings(study=study.study_id, software=software(), settings=settings, animals=tuple(animals))


def _told_path(path: Path, folder: Path) -> str:
    """Return a session's folder relative to the study's, so that the readings are the same wherever the study lies."""
    whole, root = path.resolve(), folder.resolve()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else whole.as_posix()


def _read(task: _Task) -> AnimalRead:
    go_on()
    recording = open_recording(task.path)
    try:
        return read_animal(recording, task.code, task.session, task.settings)
    except ValueError as error:  # a channel, or a pump, that this recording does not have
        return unread_animal(recording, task.code, task.session, f"{error}")
