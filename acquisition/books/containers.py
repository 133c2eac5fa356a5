"""The substance log of one container: what was put in, drawn, given, wasted, returned; each line by a named person.

Knows which entries there are, what must be true before one is added, and how a dilution stands in two logs. Nothing is
ever overwritten: a correction is an entry of its own. It supports the log that the law asks for and does not replace it
(science.md 3.5). The container of a blinded syringe has a log like any other, in which its code stands where substance
and strength would. Does not know the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import isclose

from acquisition.books.balance import BY_HAND, FIRST, Balance, balance
from acquisition.books.chain import Book, BookBroken, Entry, read_entries
from acquisition.books.contents import opened_once
from acquisition.books.places import book_place, books_of, same_name
from acquisition.books.seals import SealUnopened, blinded_label
from acquisition.events import NO_DATA, Scalar

KIND = "containers"
NL_PER_UL = 1000


class ContainerRefused(Exception):
    """An entry would not be true, or a container must not be used. Nothing was written."""


@dataclass(frozen=True)
class Label:
    """What stands on a container. ``parent`` is the container it was diluted from, or empty."""

    container: str
    substance: str
    form: str
    schedule: str
    strength_mg_per_ml: float
    lot: str
    expires: date
    registrant: str
    parent: str = ""
    code: str = ""
    """What stands on a blinded syringe that is filled from it; empty where everybody may know what is in it."""
    sealed: str = ""
    """What is truly in a blinded one; ``substance`` is its label then, and ``strength_mg_per_ml`` 0: not told."""


def nanolitres(volume_ul: float) -> int:
    """Return a volume in whole nanolitres. Raises ContainerRefused for less than one."""
    volume_nl = round(volume_ul * NL_PER_UL)
    if volume_nl < 1:
        raise ContainerRefused(f"{volume_ul:g} µL is less than this log can hold (1 nL).")
    return volume_nl


def open_container(label: Label, volume_ul: float, *, by: str, wall_ns: int) -> Entry:
    """Begin the log of a container. Raises ContainerRefused when it has one, BookUnwritable, BookBroken."""
    with _held(label.container, exists=False) as book:
        return book.add(_first(label, nanolitres(volume_ul)) | {"by": by}, wall_ns)


def open_sealed(
    container: str, code: str, sealed: str, volume_ul: float, *, lot: str, expires: date, by: str, wall_ns: int
) -> Entry:
    """Begin the log of what a blinded syringe is filled from. Nothing that would tell stands in it.

    Raises as ``open_container``; ContainerRefused, too, for a sealed text that does not open.
    """
    try:
        opened_once(sealed, code)
    except SealUnopened as error:
        raise ContainerRefused(f"{error}. Nothing was written.") from error
    label = Label(container, blinded_label(code), "", "", 0.0, lot, expires, "", code=code, sealed=sealed)
    return open_container(label, volume_ul, by=by, wall_ns=wall_ns)


def dilute(
    parent: str, child: str, volume_ul: float, diluent_ul: float, *, lot: str, expires: date, by: str, wall_ns: int
) -> Label:
    """Make a container of its own out of some of another, in both logs; return its label.

    The parent's entry is written first: what a crash leaves is a draw without its dilution, never the reverse. The new
    strength is computed twice (rational and float). Raises ContainerRefused, BookUnwritable, BookBroken.
    """
    if same_name(parent) == same_name(child):
        raise ContainerRefused("A dilution needs a container of its own, with another name.")
    volume_nl, total_nl = nanolitres(volume_ul), nanolitres(volume_ul) + nanolitres(diluent_ul)
    with _held(parent) as source, _held(child, exists=False) as book:
        label = label_of(source.entries)
        if label.code:
            raise ContainerRefused(
                "What a blinded syringe is filled from is not diluted: it would not be what is sealed."
            )
        if expires > label.expires:
            raise ContainerRefused(f"A dilution expires with its parent at the latest, {label.expires.isoformat()}.")
        strength = _diluted_strength(label.strength_mg_per_ml, volume_nl, total_nl)
        made = Label(
            child,
            label.substance,
            label.form,
            label.schedule,
            strength,
            lot or label.lot,
            expires,
            label.registrant,
            label.container,
        )
        _must_hold(balance(source.entries), volume_nl, label)
        taken: dict[str, Scalar] = {"kind": "diluted", "volume_nl": volume_nl, "child": child, "by": by}
        number = source.add(taken, wall_ns).number
        book.add(_first(made, total_nl) | {"by": by, "parent_entry": number, "parent_nl": volume_nl}, wall_ns)
    return made


def _diluted_strength(strength: float, volume_nl: int, total_nl: int) -> float:
    exact = float(Fraction(strength) * volume_nl / total_nl)
    again = strength * (volume_nl / total_nl)
    if not isclose(exact, again, rel_tol=1e-9):
        raise ContainerRefused(f"The strength was computed as {exact} and as {again} mg/mL; nothing was written.")
    return exact


def add(container: str, kind: str, volume_ul: float, *, by: str, wall_ns: int, **said: str) -> Entry:
    """Write what a person did: drawn, wasted (``source`` container or syringe), returned, counted, explained.

    Raises ContainerRefused when there was never so much, BookUnwritable, BookBroken.
    """
    if kind not in BY_HAND - {"diluted"}:
        raise ValueError(f"{kind} is not written by hand")
    volume_nl = round(volume_ul * NL_PER_UL) if kind == "counted" else nanolitres(volume_ul)
    with _held(container) as book:
        now = balance(book.entries)
        if kind == "drawn" or (kind == "wasted" and said.get("source") == "container"):
            _must_hold(now, volume_nl, label_of(book.entries))
        elif kind != "counted" and volume_nl > now.open_most_nl:
            raise ContainerRefused(
                f"Of {container}, {max(now.open_most_nl, 0) / NL_PER_UL:g} µL at most are in syringes and lines; "
                f"{volume_ul:g} µL cannot be {kind}. Is a draw missing in the log?"
            )
        return book.add({"kind": kind, "volume_nl": volume_nl, "by": by, **said}, wall_ns)


def correct(container: str, number: int, *, by: str, reason: str, wall_ns: int) -> Entry:
    """Void an entry that a person wrote; it stays in the log, and no longer counts. Raises as ``add`` does."""
    with _held(container) as book:
        of = next((entry for entry in book.entries if entry.number == number), None)
        if of is None or of.data.get("kind") not in BY_HAND - {"diluted"}:
            raise ContainerRefused(f"{container} has no entry {number} that a person wrote and that stands alone.")
        if any(entry.data.get("corrects") == number for entry in book.entries):
            raise ContainerRefused(f"Entry {number} of {container} is void already.")
        return book.add({"kind": "corrected", "corrects": number, "by": by, "reason": reason}, wall_ns)


def settle_delivery(  # noqa: PLR0917 - as the entry stands in the log
    container: str, number: int, given_ul: float, uncertain_ul: float, told: Mapping[str, Scalar], wall_ns: int
) -> None:
    """Write what was found out of an infusion after its session; ``told`` says by whom.

    Raises BookUnwritable, BookBroken, ContainerRefused.
    """
    with _held(container) as book:
        book.add(_outcome(number, given_ul, uncertain_ul, "") | dict(told), wall_ns)


def taken_up(container: str, volume_ul: float, whose: Mapping[str, Scalar], known: Set[int], wall_ns: int) -> int:
    """Return the number of a delivery that has no entry in the animal's book; write it unless it is in the log.

    ``whose`` says which one it is, ``known`` are the deliveries that stand in the animal's book: one of ``whose`` that
    does not was written by somebody who died before writing there. Raises BookUnwritable, BookBroken, ContainerRefused.
    """
    with _held(container) as book:
        data: dict[str, Scalar] = dict(whose) | {"kind": "delivering"}
        left = [e.number for e in book.entries if data.items() <= e.data.items() and e.number not in known]
        return left[0] if left else book.add(data | {"volume_nl": round(volume_ul * NL_PER_UL)}, wall_ns).number


def never_ran(container: str, whose: Mapping[str, Scalar], known: Set[int], by: str, wall_ns: int) -> None:
    """Settle at nothing what the log knows as begun and the animal's book, where ``known`` stand, does not.

    ``whose`` names session and pump. RUN goes out only when both know it. Raises BookUnwritable, BookBroken,
    ContainerRefused.
    """
    with _held(container) as book:
        ended = {e.data.get("delivery") for e in book.entries if e.data.get("kind") == "delivered"}
        begun = {"kind": "delivering"} | dict(whose)
        for entry in [entry for entry in book.entries if begun.items() <= entry.data.items()]:
            if entry.number not in known | ended:
                book.add(_outcome(entry.number, 0.0, 0.0, by), wall_ns)


def entries_of(container: str) -> list[Entry]:
    """Return the verified entries of a log. Raises BookBroken, ContainerRefused when there is none."""
    entries = read_entries(*book_place(KIND, container))
    if not entries:
        raise ContainerRefused(
            f"There is no log of a container {container!r} here. Begin one: amperfuse container open"
        )
    return entries


def in_syringes_ul(container: str) -> float:
    """Return what is in syringes and lines by this log, at least. Raises BookBroken, ContainerRefused without one."""
    return balance(entries_of(container)).open_least_nl / NL_PER_UL


def known_containers() -> Iterator[str]:
    """Yield the names of all containers that have a log here. Raises BookBroken."""
    for path, anchor in books_of(KIND):
        if entries := read_entries(path, anchor):
            yield label_of(entries).container


def label_of(entries: list[Entry]) -> Label:
    """Return what stands on the container. Raises BookBroken when the log does not begin with it."""
    data = entries[0].data if entries else {}
    try:
        if data["kind"] != FIRST:
            raise ValueError("the first entry")  # noqa: TRY301 - one message for everything that is wrong with it
        return Label(
            container=str(data["container"]),
            substance=str(data["substance"]),
            form=str(data["form"]),
            schedule=str(data["schedule"]),
            strength_mg_per_ml=float(data["strength_mg_per_ml"] or 0.0),
            lot=str(data["lot"]),
            expires=date.fromisoformat(str(data["expires"])),
            registrant=str(data["registrant"]),
            parent=str(data["parent"]),
            code=str(data.get("code") or ""),
            sealed=str(data.get("sealed") or ""),
        )
    except (KeyError, ValueError) as error:
        raise BookBroken("a substance log does not begin with its container; restore it from your backup") from error


@dataclass
class ContainerBook:
    """The open log of a container that a session infuses from."""

    container: str
    session: str
    book: Book

    @classmethod
    def open(cls, container: str, session: str) -> ContainerBook:
        """Take the log; nobody else adds to it meanwhile. Raises BookUnwritable, BookBroken, ContainerRefused."""
        entries_of(container)
        return cls(container, session, Book(*book_place(KIND, container)).open())

    @property
    def label(self) -> Label:
        """Return what stands on the container. Raises BookBroken."""
        return label_of(self.book.entries)

    def intend(
        self, pump: str, animal: str, target_ul: float, wall_ns: int, also: Mapping[str, Scalar] = NO_DATA
    ) -> int:
        """Write that an infusion is about to start; return the entry's number."""
        data: dict[str, Scalar] = {"kind": "delivering", "session": self.session, "pump": pump, "animal": animal}
        return self.book.add(data | {"volume_nl": round(target_ul * NL_PER_UL)} | dict(also), wall_ns).number

    def settle(self, number: int, given_ul: float, uncertain_ul: float, wall_ns: int) -> None:
        """Write what came of it."""
        self.book.add(_outcome(number, given_ul, uncertain_ul, f"session {self.session}"), wall_ns)

    def wasted(self, volume_ul: float, by: str, wall_ns: int) -> None:
        """Write what a scale check moved into waste; a person may void it like any entry of a person."""
        said: dict[str, Scalar] = {"source": "syringe", "what": f"scale check, session {self.session}", "witness": ""}
        self.book.add(said | {"kind": "wasted", "volume_nl": round(volume_ul * NL_PER_UL), "by": by}, wall_ns)

    def close(self) -> None:
        """Give the log back."""
        self.book.close()


def _first(label: Label, volume_nl: int) -> dict[str, Scalar]:
    blinded: dict[str, Scalar] = {"code": label.code, "sealed": label.sealed} if label.code else {}
    return blinded | {
        "kind": FIRST,
        "container": label.container,
        "substance": label.substance,
        "form": label.form,
        "schedule": label.schedule,
        "strength_mg_per_ml": label.strength_mg_per_ml,
        "lot": label.lot,
        "expires": label.expires.isoformat(),
        "registrant": label.registrant,
        "parent": label.parent,
        "volume_nl": volume_nl,
    }


def _outcome(number: int, given_ul: float, uncertain_ul: float, by: str) -> dict[str, Scalar]:
    return {
        "kind": "delivered",
        "delivery": number,
        "volume_nl": round(given_ul * NL_PER_UL),
        "uncertain_nl": round(uncertain_ul * NL_PER_UL),
        "by": by,
    }


def _must_hold(now: Balance, volume_nl: int, label: Label) -> None:
    if volume_nl > now.in_container_nl:
        raise ContainerRefused(
            f"{label.container} holds {now.in_container_nl / NL_PER_UL:g} µL by this log; "
            f"{volume_nl / NL_PER_UL:g} µL cannot be taken out. Count it, or correct the entry that is wrong."
        )


@contextmanager
def _held(container: str, *, exists: bool = True) -> Iterator[Book]:
    if exists:
        entries_of(container)
    book = Book(*book_place(KIND, container)).open()
    try:
        if not exists and book.entries:
            raise ContainerRefused(f"There is a log of a container {container!r} already; a name is used once.")
        yield book
    finally:
        book.close()
