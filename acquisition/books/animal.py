"""The dose book of one animal: what every session gave it, at worst. A limit does not begin anew with a new session.

Knows three kinds of entry and how to count them: an intent, written before RUN goes out, counts with its whole target
until its outcome is written; an outcome says what was confirmed and what may have been given beyond that; a pump that
gave something by its own keys has an entry of its own. Never under-counts (R54). Does not know limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from acquisition.books.chain import Book, BookBroken, BookUnwritable, Entry, read_entries
from acquisition.books.containers import never_ran, settle_delivery, taken_up
from acquisition.books.places import book_place
from acquisition.events import NO_DATA, Scalar
from acquisition.plan import ROUTES, PastDose, PumpSetup, Route
from acquisition.recording.filesystem import FileSystem, OsFileSystem
from drivers.capabilities import PumpProgram
from drivers.clock import NS_PER_S

KIND = "animals"
MOST_ANIMALS = 1000
_DOSES = ("intent", "unordered")
_NS_PER_MIN = 60 * NS_PER_S
_AFTER_CRASH = "the pump's counter after a crash"
_SAME_UL = 1e-6
"""Below the step of every counter: a number that was only added up in another order."""


def history(animal: str, now_wall_ns: int) -> tuple[PastDose, ...]:
    """Return what the book knows this animal was given, at worst. Raises BookBroken."""
    path, anchor = book_place(KIND, animal)
    return doses(read_entries(path, anchor), now_wall_ns)


def last_written_ns(animal: str) -> int | None:
    """Return the wall clock's time of the book's last entry, UTC in ns; None of an empty one. Raises BookBroken."""
    entries = read_entries(*book_place(KIND, animal))
    return entries[-1].wall_ns if entries else None


def animals() -> tuple[str, ...]:
    """Return the animals that have a book, as their names were typed; a book that cannot be read names none."""
    folder, anchors = (path.parent for path in book_place(KIND, "any"))
    found: set[str] = set()
    for path in sorted(folder.glob("*.book"))[:MOST_ANIMALS]:
        try:
            entries = read_entries(path, anchors / f"{path.stem}.anchor")
        except BookBroken:
            continue
        found |= {str(entry.data["animal"]) for entry in entries if "animal" in entry.data}
    return tuple(sorted(found))


def doses(entries: list[Entry], now_wall_ns: int) -> tuple[PastDose, ...]:
    """Return the doses in a book, in the order of their intents. Raises BookBroken for an entry that makes no sense."""
    found: list[PastDose] = []
    entries = _not_older_than_before(entries, now_wall_ns)
    ends = {int(_number(e, "intent")): e for e in entries if e.data.get("kind") == "outcome"}
    for entry in entries:
        kind = entry.data.get("kind")
        if kind in _DOSES:
            dose = _dose(entry, ends.get(entry.number), now_wall_ns)
            if dose.volume_ul > 0:
                found.append(dose)
        elif kind != "outcome":
            raise BookBroken(f"entry {entry.number} of a dose book is of no known kind; a newer version wrote it?")
    return tuple(found)


def _not_older_than_before(entries: list[Entry], now_wall_ns: int) -> list[Entry]:
    """Return the entries with times that never go back: a clock that was behind for a while makes no dose old.

    What a clock that was ahead has written says nothing about those after it.
    """
    found: list[Entry] = []
    latest_ns = 0
    for entry in entries:
        found.append(replace(entry, wall_ns=max(entry.wall_ns, latest_ns)))
        if entry.wall_ns <= now_wall_ns:
            latest_ns = max(latest_ns, entry.wall_ns)
    return found


def _dose(entry: Entry, end: Entry | None, now_wall_ns: int) -> PastDose:
    target_ul, rate = _number(entry, "target_ul"), _number(entry, "rate_ul_per_min")
    if end is not None:
        volume_ul = _number(end, "given_ul") + _number(end, "uncertain_ul")
        end_ns = end.wall_ns
    else:
        volume_ul = target_ul
        end_ns = entry.wall_ns + (round(target_ul / rate * _NS_PER_MIN) if rate > 0 else 0)
    route = entry.data.get("route")
    if route not in ROUTES:
        raise BookBroken(f"entry {entry.number} of a dose book names no known route; a newer version wrote it?")
    concentration = entry.data.get("concentration_mg_per_ml")
    return PastDose(
        # a clock that was set back must not make a dose younger than nothing
        started_ago_s=max(0.0, (now_wall_ns - entry.wall_ns) / NS_PER_S),
        ended_ago_s=max(0.0, (now_wall_ns - end_ns) / NS_PER_S),
        volume_ul=volume_ul,
        drug=str(entry.data.get("drug") or ""),
        drug_form=str(entry.data.get("form") or ""),
        concentration_mg_per_ml=None if concentration is None else float(concentration),
        route=_route(route),
        rate_ul_per_min=rate,
        code=str(entry.data.get("code") or ""),
        sealed=str(entry.data.get("sealed") or ""),
    )


def _route(text: object) -> Route:
    return next(route for route in ROUTES if route == text)


def _number(entry: Entry, key: str) -> float:
    value = entry.data.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise BookBroken(f"entry {entry.number} of a dose book has no {key}; restore it from your backup")
    return float(value)


def settle_by_hand(animal: str, intent: int, given_ul: float, *, by: str, reason: str, wall_ns: int) -> Entry:
    """Write what a person found that an infusion gave; what stood there before stays in the book.

    Also in the log of the container it came from. Raises BookUnwritable, BookBroken, ContainerRefused, ValueError when
    the book has no such intent.
    """
    book = Book(*book_place(KIND, animal)).open()
    try:
        of = next((e for e in book.entries if e.number == intent and e.data.get("kind") in _DOSES), None)
        if of is None:
            raise ValueError(f"the dose book of {animal!r} has no infusion with number {intent}")
        _settle_container(of, (given_ul, 0.0), {"by": by, "reason": reason}, wall_ns)
        data: dict[str, Scalar] = {"kind": "outcome", "intent": intent, "given_ul": given_ul, "uncertain_ul": 0.0}
        return book.add(data | {"by": by, "reason": reason}, wall_ns)
    finally:
        book.close()


def _settle_container(of: Entry, volumes_ul: tuple[float, float], told: Mapping[str, Scalar], wall_ns: int) -> None:
    """Write the outcome of an infusion in the log of the container it came from, if there is one.

    Before the animal's book, and again if that fails: the newest outcome counts.
    """
    if not of.data.get("container"):
        return
    container = str(of.data["container"])
    if "delivery" in of.data:
        delivery = int(_number(of, "delivery"))
    else:  # the log could not be written when the infusion began; it may have been since
        whose = {key: of.data.get(key) for key in ("session", "pump", "animal")} | {"intent": of.number}
        delivery = taken_up(container, _number(of, "target_ul"), whose, frozenset(), wall_ns)
    settle_delivery(container, delivery, *volumes_ul, told, wall_ns)


@dataclass(frozen=True)
class OpenIntent:
    """An infusion in the book whose outcome nobody wrote."""

    number: int
    pump: str
    step: int
    target_ul: float
    rate_ul_per_min: float


def open_intents(animal: str, session: str) -> list[OpenIntent]:
    """Return the intents of one session without an outcome. Raises BookBroken."""
    entries = read_entries(*book_place(KIND, animal))
    ended = {int(_number(e, "intent")) for e in entries if e.data.get("kind") == "outcome"}
    return [
        OpenIntent(
            entry.number,
            str(entry.data.get("pump")),
            int(_number(entry, "step")),
            _number(entry, "target_ul"),
            _number(entry, "rate_ul_per_min"),
        )
        for entry in entries
        if entry.data.get("kind") == "intent" and entry.data.get("session") == session and entry.number not in ended
    ]


def settle_cut_short(animal: str, intent: int, given_ul: float, uncertain_ul: float, wall_ns: int) -> None:
    """Write what an infusion gave whose engine died, as its pump told afterwards. Raises BookUnwritable, BookBroken."""
    book = Book(*book_place(KIND, animal)).open()
    try:
        for of in (entry for entry in book.entries if entry.number == intent):
            _settle_container(of, (given_ul, uncertain_ul), {"by": _AFTER_CRASH}, wall_ns)
        data: dict[str, Scalar] = {"kind": "outcome", "intent": intent, "given_ul": given_ul}
        book.add(data | {"uncertain_ul": uncertain_ul, "by": _AFTER_CRASH}, wall_ns)
    finally:
        book.close()


def unordered_after_a_crash(animal: str, session: str, pump: PumpSetup, volume_ul: float, wall_ns: int) -> None:
    """Write what a pump gave by itself after its engine died, unless as much of it stands there already.

    Also in the log of the container it came from. Raises BookUnwritable, BookBroken, ContainerRefused.
    """
    book = Book(*book_place(KIND, animal)).open()
    try:
        ours = [e for e in book.entries if e.data.get("by") == _AFTER_CRASH and e.data.get("session") == session]
        new_ul = volume_ul - sum(_number(e, "target_ul") for e in ours if e.data.get("pump") == pump.name)
        if new_ul > _SAME_UL:
            program = PumpProgram(pump.diameter_mm, 0.0, new_ul)
            data = {"kind": "unordered", "by": _AFTER_CRASH} | _solution(animal, session, pump, program)
            if pump.container:
                whose = {"session": session, "pump": pump.name, "animal": animal, "by": _AFTER_CRASH}
                delivery = taken_up(pump.container, new_ul, whose, _known(book, pump.container), wall_ns)
                settle_delivery(pump.container, delivery, new_ul, 0.0, {"by": _AFTER_CRASH}, wall_ns)
                data |= {"container": pump.container, "delivery": delivery}
            book.add(data, wall_ns)
    finally:
        book.close()


def begun_after_a_crash(
    animal: str, session: str, pump: PumpSetup, begun: Mapping[int, tuple[float, float]], wall_ns: int
) -> None:
    """Write the intents that this book could not take while a pump kept the animal asleep all the same.

    ``begun``: by step, target in uL and rate in uL/min of what may have run. Each counts with its whole target until it
    is settled. Raises BookUnwritable, BookBroken, ContainerRefused.
    """
    if pump.role == "experimental" or pump.route == "bench":
        return
    book = Book(*book_place(KIND, animal)).open()
    try:
        of = {"kind": "intent", "session": session, "pump": pump.name}
        there = {entry.data.get("step") for entry in book.entries if of.items() <= entry.data.items()}
        for step, (target_ul, rate_ul_per_min) in sorted(begun.items()):
            if step in there:
                continue
            program = PumpProgram(pump.diameter_mm, rate_ul_per_min, target_ul)
            data = _solution(animal, session, pump, program) | {"kind": "intent", "step": step, "by": _AFTER_CRASH}
            if pump.container:
                whose = {"session": session, "pump": pump.name, "animal": animal}
                delivery = taken_up(pump.container, target_ul, whose, _known(book, pump.container), wall_ns)
                data |= {"container": pump.container, "delivery": delivery}
            book.add(data, wall_ns)
    finally:
        book.close()


def never_ran_after_a_crash(animal: str, session: str, pump: PumpSetup, wall_ns: int) -> None:
    """Settle, in the log of the pump's container, an infusion whose engine died before this book had its intent.

    A pump that keeps the animal asleep starts also when this book cannot be written: its stays open. Raises
    BookUnwritable, BookBroken, ContainerRefused.
    """
    if not pump.container or pump.role != "experimental":
        return
    book = Book(*book_place(KIND, animal)).open()
    try:
        whose = {"session": session, "pump": pump.name}
        never_ran(pump.container, whose, _known(book, pump.container), _AFTER_CRASH, wall_ns)
    finally:
        book.close()


def _known(book: Book, container: str) -> set[int]:
    """Return the numbers that infusions in this book have in the log of a container."""
    ours = [entry for entry in book.entries if entry.data.get("container") == container]
    return {int(_number(entry, "delivery")) for entry in ours if "delivery" in entry.data}


@dataclass(frozen=True)
class DoseRow:
    """One infusion as the book tells it to a person."""

    number: int
    wall_ns: int
    session: str
    dose: PastDose
    certain: bool
    """False: no outcome is known, or part of it is a worst case."""
    settled_by: str


def rows(animal: str, now_wall_ns: int) -> list[DoseRow]:
    """Return every infusion in an animal's book, those that gave nothing left out. Raises BookBroken."""
    entries = read_entries(*book_place(KIND, animal))
    ends = {int(_number(e, "intent")): e for e in entries if e.data.get("kind") == "outcome"}
    found = []
    for entry in entries:
        if entry.data.get("kind") == "outcome":
            continue
        end = ends.get(entry.number)
        dose = _dose(entry, end, now_wall_ns)
        certain = entry.data.get("kind") == "unordered" or (end is not None and not end.data.get("uncertain_ul"))
        by = str(end.data.get("by") or "") if end is not None else ""
        if dose.volume_ul > 0:
            found.append(DoseRow(entry.number, entry.wall_ns, str(entry.data.get("session")), dose, certain, by))
    return found


@dataclass
class AnimalBook:
    """The open book of the animal of this session. Raises BookUnwritable, BookBroken."""

    animal: str
    session_id: str
    weight_g: float
    _book: Book

    @classmethod
    def open(
        cls,
        animal: str,
        session_id: str,
        weight_g: float,
        known: tuple[PastDose, ...] | None = None,
        fs: FileSystem | None = None,
    ) -> AnimalBook:
        """Take the animal's book; nobody else adds to it until it is closed.

        ``known``: the doses that the plan was checked against. Raises BookUnwritable when the book holds others by now.
        """
        path, anchor = book_place(KIND, animal)
        book = Book(path, anchor, fs or OsFileSystem()).open()
        try:
            held = doses(book.entries, 0)
        except BookBroken:
            book.close()
            raise
        if known is not None and [dose.volume_ul for dose in held] != [dose.volume_ul for dose in known]:
            book.close()
            raise BookUnwritable(f"{path.name} was written to while this session was prepared; start it again")
        return cls(animal, session_id, weight_g, book)

    @property
    def head(self) -> str:
        """Return number and hash of the last entry, for the session's own record."""
        entries = self._book.entries
        return f"{entries[-1].number} {entries[-1].sha256}" if entries else "0"

    def intend(
        self,
        pump: PumpSetup,
        step: int,
        program: PumpProgram,
        wall_ns: int,
        also: Mapping[str, Scalar] = NO_DATA,
    ) -> int:
        """Write that an infusion is about to start; from here its whole target counts. Return the entry's number."""
        data = self._solution(pump, program) | {"kind": "intent", "step": step} | dict(also)
        return self._book.add(data, wall_ns).number

    def settle(self, intent: int, given_ul: float, uncertain_ul: float, wall_ns: int) -> None:
        """Write what came of an intent."""
        data: dict[str, Scalar] = {
            "kind": "outcome",
            "session": self.session_id,
            "intent": intent,
            "given_ul": given_ul,
            "uncertain_ul": uncertain_ul,
        }
        self._book.add(data, wall_ns)

    def unordered(self, pump: PumpSetup, volume_ul: float, wall_ns: int) -> None:
        """Write what a pump gave by its own keys."""
        program = PumpProgram(pump.diameter_mm, 0.0, volume_ul)
        self._book.add(self._solution(pump, program) | {"kind": "unordered"}, wall_ns)

    def close(self) -> None:
        """Give the book back."""
        self._book.close()

    def _solution(self, pump: PumpSetup, program: PumpProgram) -> dict[str, Scalar]:
        return _solution(self.animal, self.session_id, pump, program) | {"weight_g": self.weight_g}


def _solution(animal: str, session: str, pump: PumpSetup, program: PumpProgram) -> dict[str, Scalar]:
    return {
        "animal": animal,
        "session": session,
        "pump": pump.name,
        "drug": pump.drug,
        "form": pump.drug_form,
        "concentration_mg_per_ml": pump.concentration_mg_per_ml,
        "route": pump.route,
        "target_ul": program.target_ul,
        "rate_ul_per_min": program.rate_ul_per_min,
    } | ({"code": pump.code, "sealed": pump.sealed} if pump.code else {})
