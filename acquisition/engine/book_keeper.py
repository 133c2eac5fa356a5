"""Keeps the animal's dose book in step with the ledgers: intents before RUN, outcomes when they are known.

Knows which infusion of which ledger stands under which number in the book. Does not know the book's file; where there
is none (a simulated session, no animal) nothing is kept. An outcome that cannot be written leaves the intent in the
book with its whole target: never too little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Protocol

from acquisition.books.chain import BookUnwritable
from acquisition.engine.ledger import NOBODYS_STEP, Infusion, PumpLedger
from acquisition.plan import PumpSetup
from drivers.capabilities import PumpProgram


class DoseBook(Protocol):
    """What an animal was given, over all sessions. Every method may raise BookUnwritable."""

    @property
    def head(self) -> str:
        """Return number and hash of the last entry."""
        ...

    def intend(self, pump: PumpSetup, step: int, program: PumpProgram, wall_ns: int) -> int:
        """Write that an infusion is about to start, to the disk; return the entry's number."""
        ...

    def settle(self, intent: int, given_ul: float, uncertain_ul: float, wall_ns: int) -> None:
        """Write what came of it."""
        ...

    def unordered(self, pump: PumpSetup, volume_ul: float, wall_ns: int) -> None:
        """Write what a pump gave by its own keys."""
        ...


@dataclass
class BookKeeper:
    """The keeper of one session. ``book`` None keeps nothing."""

    book: DoseBook | None = None
    note_start: Callable[[int], None] = lambda _wall_ns: None
    """Notes what the plan says that has just been started. May raise BookUnwritable, BookBroken."""
    note_waste: Callable[[PumpSetup, float, str, int], None] = lambda _pump, _volume_ul, _by, _wall_ns: None
    """Notes what a pump moved into waste, and who said that the line was off. May raise as ``note_start``."""
    _open: list[tuple[int, PumpLedger, Infusion]] = field(default_factory=list, init=False)
    _missing: list[tuple[PumpLedger, Infusion]] = field(default_factory=list, init=False)
    """Infusions that went on although their intent could not be written: written as soon as that is possible."""
    _unordered_ul: dict[str, float] = field(default_factory=dict, init=False)
    """Per pump: how much of what nobody ordered stands in the book."""

    @property
    def head(self) -> str:
        """Return number and hash of the book's last entry, for the session's own record; empty without a book."""
        return "" if self.book is None else self.book.head

    def intend(self, pump: PumpSetup, step: int, program: PumpProgram, wall_ns: int) -> int | None:
        """Write an intent. Raises BookUnwritable: then RUN must not go out."""
        if self.book is None or pump.route == "bench":
            return None
        return self.book.intend(pump, step, program, wall_ns)

    def opened(self, number: int | None, ledger: PumpLedger) -> None:
        """Note which infusion stands under this number; None: under none, because the book could not be written."""
        if self.book is None or ledger.setup.route == "bench" or ledger.current is None:
            return
        if number is not None:
            self._open.append((number, ledger, ledger.current))
        else:
            self._missing.append((ledger, ledger.current))

    def settle(self, ledgers: Iterable[PumpLedger], wall_ns: int) -> None:
        """Write the outcome of every infusion that has ended since, and what pumps gave unordered.

        Raises BookUnwritable.
        """
        if self.book is None:
            return
        refused: BookUnwritable | None = None  # one that cannot be written keeps no other one out of the book
        for write in chain(self._due(self.book, wall_ns), self._due_unordered(self.book, ledgers, wall_ns)):
            try:
                write()
            except BookUnwritable as error:
                refused = refused or error
        if refused is not None:
            raise refused

    def _due(self, book: DoseBook, wall_ns: int) -> Iterable[Callable[[], None]]:
        """Yield what is to be written of infusions; one that was missing may be due to be settled at once."""
        yield from [partial(self._begin_missing, book, one, wall_ns) for one in self._missing]
        yield from [partial(self._end, book, one, wall_ns) for one in self._open if one[1].current is not one[2]]

    def _begin_missing(self, book: DoseBook, missing: tuple[PumpLedger, Infusion], wall_ns: int) -> None:
        ledger, infusion = missing
        number = book.intend(ledger.setup, infusion.step, infusion.program, wall_ns)
        self._missing = [one for one in self._missing if one[1] is not infusion]
        self._open.append((number, ledger, infusion))

    def _end(self, book: DoseBook, ended: tuple[int, PumpLedger, Infusion], wall_ns: int) -> None:
        number, ledger, infusion = ended
        ran = any(infusion is past for past in ledger.past)  # else the pump is known never to have run it
        given = (infusion.counter_ul, infusion.uncertain_ul) if ran else (0.0, 0.0)
        book.settle(number, *given, wall_ns)
        self._open = [one for one in self._open if one[2] is not infusion]

    def _due_unordered(
        self, book: DoseBook, ledgers: Iterable[PumpLedger], wall_ns: int
    ) -> Iterable[Callable[[], None]]:
        for ledger in ledgers:
            if ledger.past and ledger.setup.route != "bench":
                yield partial(self._settle_unordered, book, ledger, wall_ns)

    def _settle_unordered(self, book: DoseBook, ledger: PumpLedger, wall_ns: int) -> None:
        now_ul = sum(infusion.counter_ul for infusion in ledger.past if infusion.step == NOBODYS_STEP)
        new_ul = now_ul - self._unordered_ul.get(ledger.setup.name, 0.0)
        if new_ul > 0:
            book.unordered(ledger.setup, new_ul, wall_ns)
            self._unordered_ul[ledger.setup.name] = now_ul
