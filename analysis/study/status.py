"""Where a study stands: every animal with its code, its sessions, and what is missing, excluded or no longer blind.

Knows states and how they are told. Tells no group, ever: also after unblinding this is the same page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from acquisition.books.places import same_name
from analysis.sections import Section, columns
from analysis.study.allocating import PROTOCOLS, changes, protocol_state
from analysis.study.sealed import FOLDER
from analysis.study.sessions import Found
from analysis.study.study_book import Allocated, StudyLog
from analysis.study.study_file import Study
from drivers.clock import NS_PER_S

DONE, LEFT_OUT = "done", "left out"


@dataclass(frozen=True)
class AnimalState:
    """One animal. ``state``: done, left out, or what is wrong or missing, in words."""

    allocated: Allocated
    state: str
    sessions: tuple[Found, ...]
    notes: tuple[str, ...]

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing more is to be done with it."""
        return self.state in (DONE, LEFT_OUT)


@dataclass(frozen=True)
class Status:
    """The whole study."""

    animals: tuple[AnimalState, ...]
    slots: int
    alarms: tuple[str, ...]
    """What whoever reads results must know: an early unblinding, a changed plan, a wrong syringe."""

    @property
    def is_complete(self) -> bool:
        """Tell whether every place is given and every animal done or left out."""
        return len(self.animals) == self.slots and all(one.is_settled for one in self.animals)


def status_of(study: Study, log: StudyLog, sessions: Mapping[str, Sequence[Found]]) -> Status:
    """Return where a study stands. Raises RefusedInput for a template that is gone."""
    animals = tuple(_animal(study, log, one, sessions[name]) for name, one in log.allocated.items())
    alarms = [*_not_here(study), *changes(study, log), *_unblinded(log), *_amended(log), *_taken_back(log)]
    alarms += [f"{one.animal}: {one.path.name}: {one.wrong}." for a in animals for one in a.sessions if one.wrong]
    return Status(animals, log.drawn.slots if log.drawn else 0, tuple(alarms))


def sections(study: Study, log: StudyLog, status: Status) -> Iterator[Section]:
    """Yield what a person reads."""
    rows = tuple(
        (
            str(one.allocated.number),
            one.allocated.animal,
            one.allocated.code,
            one.state,
            ", ".join(found.path.name for found in one.sessions),
            " ".join(one.notes),
        )
        for one in status.animals
    )
    counted = Counter(
        "done" if one.state == DONE else "left out" if one.state == LEFT_OUT else "to do" for one in status.animals
    )
    told = ", ".join(f"{counted[word]} {word}" for word in ("done", "left out", "to do"))
    yield Section(
        f"{study.file.study.name}: {len(status.animals)} of {status.slots} places given; {told}",
        columns("#place | animal | code | state | sessions | notes"),
        rows,
        () if rows else ("No animal is allocated yet.",),
        most_lines=500,
        sentences=1,
    )
    yield Section("Whoever reads results must know", notes=status.alarms)
    yield Section("What was fixed", notes=tuple(_fixed(study, log)))


def _animal(study: Study, log: StudyLog, one: Allocated, sessions: Sequence[Found]) -> AnimalState:
    notes = []
    if (state := protocol_state(study, one)) != "as written":
        notes.append(f"{PROTOCOLS}/{one.protocol} is {state}.")
    excluded = log.excluded.get(same_name(one.animal))
    if excluded:
        post_hoc = "" if excluded.criterion else " (decided afterwards: no criterion foresaw it)"
        late = " (when its group was known)" if excluded.unblinded else ""
        notes.append(f"Left out by {excluded.by}: {excluded.reason}{post_hoc}{late}.")
    if any(each.animal and same_name(each.animal) == same_name(one.animal) for each in log.unblinded):
        notes.append("Its group was told to somebody.")
    return AnimalState(one, LEFT_OUT if excluded else _state(sessions), tuple(sessions), tuple(notes))


def _state(sessions: Sequence[Found]) -> str:
    own = [one for one in sessions if not one.wrong]
    complete = [one for one in own if one.is_complete]
    if len(complete) > 1:
        return f"{len(complete)} complete sessions: leave all but one out of the folder"
    if complete:
        return DONE
    if not own:
        return "no session" if not sessions else "wrong syringe"
    last = own[-1]
    if not last.outcome:
        return "not closed: runs, or 'amperfuse recover'"
    return last.outcome if last.whole else "files not finished: 'amperfuse recover'"


def _not_here(study: Study) -> Iterator[str]:
    if not (study.folder / FOLDER).exists():
        yield f"The folder {FOLDER} is not here: somebody keeps it, or it is lost. Nothing is allocated without it."


def _unblinded(log: StudyLog) -> Iterator[str]:
    for one in log.unblinded:
        if not one.animal and not one.early:
            continue  # as it was meant to be
        whose = one.animal or "everybody"
        early = " BEFORE the analysis was locked" if one.early else ""
        why = f": {one.reason}" if one.reason else ""
        yield f"The group of {whose} was told{early} to {one.by}, {when(one.wall_ns)}{why}."


def _amended(log: StudyLog) -> Iterator[str]:
    for one in log.amended:
        after = f"after {one.animals_before} animals"
        yield f"The plan was amended by {one.by}, {when(one.wall_ns)}, {after}: {one.reason}."


def _taken_back(log: StudyLog) -> Iterator[str]:
    for one in log.taken_back:
        yield f"{one.animal} was left out, and counts again, says {one.by}, {when(one.wall_ns)}: {one.reason}."


def _fixed(study: Study, log: StudyLog) -> Iterator[str]:
    if log.drawn is None:
        return
    drawn = f"drawn by {log.drawn.by}, {when(log.drawn.wall_ns)}"
    yield f"Study {study.study_id}, {drawn}; entries in the book: {log.entries}"
    yield f"Commitment to the sealed sequence: {log.drawn.commitment}"
    for sheet in log.sheets:
        yield f"The pharmacist's sheet was taken by {sheet.by}, {when(sheet.wall_ns)}."
    for lock in log.locked:
        yield f"The analysis was locked by {lock.by}, {when(lock.wall_ns)}: {lock.text}"


def when(wall_ns: int) -> str:
    """Return a time for people."""
    return datetime.fromtimestamp(wall_ns / NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M UTC")
