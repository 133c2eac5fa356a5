"""The book of a study: what was fixed when it was drawn, and everything that was done to it since, in order.

Knows the kinds of entry and what they come to. The book lies in the study's folder, its anchor with those of all books
(``acquisition.books.places``). No entry says which group an animal is in. Does not know the sealed sequence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from acquisition.books.chain import Book, BookBroken, Entry, read_entries
from acquisition.books.places import book_place, same_name
from acquisition.books.unblindings import unblindings
from analysis.study.study_file import Study

BOOK_NAME = "study.book"
KIND = "studies"


@dataclass(frozen=True)
class Drawn:
    """The sequence was drawn and sealed, and this was fixed."""

    by: str
    wall_ns: int
    study_sha256: str
    template_sha256: str
    design_sha256: str
    """Of groups, their solutions and numbers: what the sealed folder was made from. No amendment changes these."""
    commitment: str
    """HMAC-SHA256 of the sealed sequence."""
    sequence_sha256: str
    """Of the file with the sealed sequence: a change of it shows without its key."""
    solutions_sha256: str
    slots: int
    method: str
    """How the sequence was drawn."""


@dataclass(frozen=True)
class Amended:
    """The study file or the protocol's template was changed on purpose."""

    by: str
    wall_ns: int
    reason: str
    study_sha256: str
    template_sha256: str
    animals_before: int
    """So many animals had been allocated."""


@dataclass(frozen=True)
class Allocated:
    """An animal has the next slot of the sequence."""

    animal: str
    number: int
    code: str
    by: str
    wall_ns: int
    filled: Mapping[str, str]
    """What was filled into the template beside code and sealed text, by its word there: "@weight": "25 g"."""
    protocol: str
    """The file's name."""
    protocol_sha256: str
    """Of the protocol as it was written last."""
    earlier: tuple[str, ...] = ()
    """Hashes of what was written before the animal was weighed again."""


@dataclass(frozen=True)
class Excluded:
    """An animal is left out of the analysis; nothing of it is deleted."""

    animal: str
    by: str
    wall_ns: int
    criterion: str
    """Id of a criterion that was fixed before; empty where nobody foresaw it."""
    reason: str
    unblinded: bool
    """Its group, or everybody's, was known by then."""


@dataclass(frozen=True)
class TakenBack:
    """An exclusion that does not hold."""

    animal: str
    by: str
    wall_ns: int
    reason: str


@dataclass(frozen=True)
class Unblinded:
    """Somebody was told a group. ``animal`` empty: everybody's."""

    animal: str
    by: str
    wall_ns: int
    reason: str
    early: bool
    """Before the analysis was locked."""


@dataclass(frozen=True)
class Noted:
    """Who took the sheet, who locked the analysis; ``text`` says what."""

    by: str
    wall_ns: int
    text: str


@dataclass
class StudyLog:
    """What the book comes to."""

    drawn: Drawn | None = None
    amended: list[Amended] = field(default_factory=list)
    allocated: dict[str, Allocated] = field(default_factory=dict)
    """By the animal's name as names are compared, in the order of the slots."""
    excluded: dict[str, Excluded] = field(default_factory=dict)
    taken_back: list[TakenBack] = field(default_factory=list)
    unblinded: list[Unblinded] = field(default_factory=list)
    sheets: list[Noted] = field(default_factory=list)
    locked: list[Noted] = field(default_factory=list)
    """Each time that an analysis was locked; ``text`` is the hash of what it read."""
    entries: int = 0

    @property
    def study_sha256(self) -> str:
        """Return the hash that the study file should have."""
        return self._newest.study_sha256 if self._newest else ""

    @property
    def template_sha256(self) -> str:
        """Return the hash that the template should have."""
        return self._newest.template_sha256 if self._newest else ""

    @property
    def open_to_all(self) -> Unblinded | None:
        """Return when everybody's group was told first; None while the study is blind."""
        return next((one for one in self.unblinded if not one.animal), None)

    def animal(self, name: str) -> Allocated | None:
        """Return an animal, however its name is written."""
        return self.allocated.get(same_name(name))

    def is_unblinded(self, name: str) -> bool:
        """Tell whether somebody was told this animal's group."""
        return any(not one.animal or same_name(one.animal) == same_name(name) for one in self.unblinded)

    @property
    def _newest(self) -> Drawn | Amended | None:
        return self.amended[-1] if self.amended else self.drawn


def places(study: Study) -> tuple[Path, Path]:
    """Return the paths of the book and of its anchor."""
    return study.folder / BOOK_NAME, book_place(KIND, study.study_id)[1]


def read_log(study: Study) -> StudyLog:
    """Return what the book says; an empty one before the study was drawn. Raises BookBroken."""
    path, anchor = places(study)
    return _with_bench(study, read_entries(path, anchor)) if study.study_id or path.exists() else StudyLog()


def log_of(study: Study, book: Book) -> StudyLog:
    """Return what a book that is held says now, and what was unblinded at the bench. Raises BookBroken."""
    return _with_bench(study, book.entries)


def _with_bench(study: Study, entries: list[Entry]) -> StudyLog:
    """Add what ``amperfuse unblind`` told at the bench, where no study's folder is needed."""
    whose = {
        barrel: one.animal for one in told(entries).allocated.values() for barrel in study.barrels(one.code).values()
    }
    bench = [
        Unblinded(whose.get(one.code, f"syringe {one.code}"), one.by, one.wall_ns, one.reason, early=True)
        for one in unblindings(study.study_id)
    ]
    return told(entries, bench)


@contextmanager
def opened(study: Study) -> Iterator[Book]:
    """Hold the book to add to it. Raises BookBroken, BookUnwritable."""
    book = Book(*places(study)).open()
    try:
        yield book
    finally:
        book.close()


def told(entries: Sequence[Entry], bench: Sequence[Unblinded] = ()) -> StudyLog:
    """Return what entries come to, with unblindings at the bench where their times put them, oldest first.

    Raises BookBroken for an entry that makes no sense.
    """
    log = StudyLog(entries=len(entries))
    waiting = list(bench)
    for entry in entries:
        while waiting and waiting[0].wall_ns < entry.wall_ns:
            _take_bench(log, waiting.pop(0))
        try:
            _take(log, entry)
        except (KeyError, TypeError, ValueError) as error:
            raise BookBroken(
                f"entry {entry.number} of the study's book makes no sense here; a newer version wrote it?"
            ) from error
    for one in waiting:
        _take_bench(log, one)
    return log


def _take_bench(log: StudyLog, one: Unblinded) -> None:
    log.unblinded.append(replace(one, early=not log.locked))


def _take(log: StudyLog, entry: Entry) -> None:
    kind = entry.data["kind"]
    if (log.drawn is None) != (kind == "drawn"):
        raise ValueError("a book begins with the draw, and has one")
    _TAKERS[str(kind)](log, entry)


def _take_drawn(log: StudyLog, entry: Entry) -> None:
    log.drawn = Drawn(
        _text(entry, "by"),
        entry.wall_ns,
        _text(entry, "study_sha256"),
        _text(entry, "template_sha256"),
        _text(entry, "design_sha256"),
        _text(entry, "commitment"),
        _text(entry, "sequence_sha256"),
        _text(entry, "solutions_sha256"),
        int(_text(entry, "slots")),
        _text(entry, "method"),
    )


def _take_amended(log: StudyLog, entry: Entry) -> None:
    reason, study, template = (_text(entry, key) for key in ("reason", "study_sha256", "template_sha256"))
    log.amended.append(Amended(_text(entry, "by"), entry.wall_ns, reason, study, template, len(log.allocated)))


def _take_allocated(log: StudyLog, entry: Entry) -> None:
    name, number = _text(entry, "animal"), int(_text(entry, "number"))
    if same_name(name) in log.allocated or number != len(log.allocated) + 1:
        raise ValueError("out of order")
    log.allocated[same_name(name)] = Allocated(
        name,
        number,
        _text(entry, "code"),
        _text(entry, "by"),
        entry.wall_ns,
        _blanks(entry),
        _text(entry, "protocol"),
        _text(entry, "protocol_sha256"),
    )


def _take_weighed(log: StudyLog, entry: Entry) -> None:
    name = _known(log, entry)
    before = log.allocated[name]
    log.allocated[name] = replace(
        before,
        filled=_blanks(entry),
        protocol_sha256=_text(entry, "protocol_sha256"),
        earlier=(*before.earlier, before.protocol_sha256),
    )


def _blanks(entry: Entry) -> dict[str, str]:
    return {key: str(value) for key, value in entry.data.items() if key.startswith("@")}


def _take_excluded(log: StudyLog, entry: Entry) -> None:
    name = _known(log, entry)
    animal, by, criterion, reason = (_text(entry, key) for key in ("animal", "by", "criterion", "reason"))
    log.excluded[name] = Excluded(animal, by, entry.wall_ns, criterion, reason, log.is_unblinded(animal))


def _take_included(log: StudyLog, entry: Entry) -> None:
    del log.excluded[_known(log, entry)]
    log.taken_back.append(TakenBack(_text(entry, "animal"), _text(entry, "by"), entry.wall_ns, _text(entry, "reason")))


def _take_unblinded(log: StudyLog, entry: Entry) -> None:
    animal = _text(entry, "animal")
    if animal:
        _known(log, entry)
    by, reason = _text(entry, "by"), _text(entry, "reason")
    log.unblinded.append(Unblinded(animal, by, entry.wall_ns, reason, not log.locked))


def _take_sheet(log: StudyLog, entry: Entry) -> None:
    log.sheets.append(Noted(_text(entry, "by"), entry.wall_ns, _text(entry, "text")))


def _take_locked(log: StudyLog, entry: Entry) -> None:
    log.locked.append(Noted(_text(entry, "by"), entry.wall_ns, _text(entry, "text")))


_TAKERS = {
    "drawn": _take_drawn,
    "amended": _take_amended,
    "allocated": _take_allocated,
    "weighed": _take_weighed,
    "excluded": _take_excluded,
    "included": _take_included,
    "unblinded": _take_unblinded,
    "sheet": _take_sheet,
    "analysis_locked": _take_locked,
}


def _known(log: StudyLog, entry: Entry) -> str:
    """Return the animal of an entry as names are compared. Raises KeyError for one that was never allocated."""
    name = same_name(_text(entry, "animal"))
    if name not in log.allocated:
        raise KeyError(name)
    return name


def _text(entry: Entry, key: str) -> str:
    return str(entry.data[key])
