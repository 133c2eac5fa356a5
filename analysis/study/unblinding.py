"""Opening what is sealed: one animal in an emergency, everybody when the analysis is locked, the pharmacist's sheet.

Knows that the book is written first and the secret told afterwards. An emergency is answered also when the book cannot
be written: the animal comes first, and it is said that nothing was logged. Does not know how it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from acquisition.books.chain import BookBroken, BookUnwritable
from acquisition.books.places import same_name
from acquisition.events import Scalar
from analysis.study import sealed, study_book
from analysis.study.allocating import StudyRefused, must_be_drawn
from analysis.study.sealed import Opened, SealBroken
from analysis.study.study_book import StudyLog, log_of, told
from analysis.study.study_file import Study, SyringeTable


@dataclass(frozen=True)
class Revealed:
    """What one animal is given. ``animal`` is empty for a place that no animal has."""

    animal: str
    code: str
    group: str
    syringes: Mapping[str, SyringeTable]
    """By what stands on them."""
    doubts: tuple[str, ...] = ()
    """What an emergency had to do without: a book that takes the entry, the proof of the sealed folder."""


def unblind_one(study: Study, name: str, *, by: str, reason: str, wall_ns: int) -> Revealed:
    """Return what an animal is given, by its name or its code, and write that it was told.

    A book that cannot be read or written hinders nothing: then only the code finds the animal. Raises StudyRefused for
    an unknown one, SealBroken when the sequence cannot be opened at all.
    """
    doubts = []
    log, animal = StudyLog(), name
    try:
        with study_book.opened(study) as book:
            log = told(book.entries)
            animal = _animal(log, name)
            book.add({"kind": "unblinded", "animal": animal, "by": by, "reason": reason}, wall_ns)
    except (BookBroken, BookUnwritable, OSError) as error:
        doubts.append(f"NOT LOGGED, write it down by hand: {error}")
    try:
        sequence = sealed.open_sequence(study, log.drawn) if log.drawn else sealed.open_unproved(study)
    except SealBroken as error:
        doubts.append(f"NOT PROVED: {error}")
        sequence = sealed.open_unproved(study)
    there = log.animal(animal)
    found = _revealed(study, sequence, there.code if there else name.upper(), there.animal if there else "")
    return replace(found, doubts=tuple(doubts))


def unblind_all(study: Study, *, by: str, reason: str, wall_ns: int) -> tuple[Opened, tuple[Revealed, ...]]:
    """Return what everybody is given, and write that it was told; before the analysis is locked it needs a reason.

    Raises StudyRefused, BookBroken, BookUnwritable, SealBroken, OSError.
    """
    with study_book.opened(study) as book:
        log = log_of(study, book)
        drawn = must_be_drawn(log)
        if not log.locked and not reason:
            raise StudyRefused(
                "the analysis is not locked yet. Lock it first: 'amperfuse study analyse'. To break the blind early "
                "say why: --reason; status and report will tell it for ever."
            )
        sequence = sealed.open_sequence(study, drawn)  # a seal that does not open breaks no blind
        facts: dict[str, Scalar] = {"kind": "unblinded", "animal": "", "by": by, "reason": reason}
        book.add(facts, wall_ns)
    return sequence, _everybody(study, log, sequence)


def take_sheet(study: Study, file: str, *, by: str, wall_ns: int) -> tuple[Revealed, ...]:
    """Return what is in every syringe, for the person who fills them, and write who took it.

    Raises StudyRefused, BookBroken, BookUnwritable, SealBroken, OSError.
    """
    with study_book.opened(study) as book:
        log = log_of(study, book)
        sequence = sealed.open_sequence(study, must_be_drawn(log))
        book.add({"kind": "sheet", "by": by, "text": file}, wall_ns)
    return _everybody(study, log, sequence)


def groups_of(study: Study, log: StudyLog) -> dict[str, str]:
    """Return the group of every allocated animal, by its code, once everybody's was told.

    Raises StudyRefused while the study is blind, SealBroken, OSError.
    """
    if log.open_to_all is None:
        raise StudyRefused(
            "this study is blind: 'amperfuse study unblind DIR --all' opens it, and the book keeps that."
        )
    sequence = sealed.open_sequence(study, must_be_drawn(log))
    return {one.code: sequence.group_of(one.code) for one in log.allocated.values()}


def _animal(log: StudyLog, name: str) -> str:
    """Return an animal's name, told by name or code. Raises StudyRefused."""
    for one in log.allocated.values():
        if same_name(name) in (same_name(one.animal), same_name(one.code)):
            return one.animal
    raise StudyRefused(f'no animal of this study is called "{name}", nor has a syringe this code.')


def _everybody(study: Study, log: StudyLog, sequence: Opened) -> tuple[Revealed, ...]:
    names = {one.code: one.animal for one in log.allocated.values()}
    return tuple(_revealed(study, sequence, slot.code, names.get(slot.code, "")) for slot in sequence.slots)


def _revealed(study: Study, sequence: Opened, code: str, animal: str) -> Revealed:
    try:
        group = sequence.group_of(code)
    except KeyError:
        raise StudyRefused(f'no syringe of this study has the code "{code}".') from None
    syringes = study.group(group).syringes
    return Revealed(animal, code, group, {barrel: syringes[pump] for pump, barrel in study.barrels(code).items()})
