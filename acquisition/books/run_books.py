"""The books that one session writes to as one: the animal's, and the log of every container a pump was filled from.

Knows in which order they are written, so that a crash between two of them leaves too much on an account, never too
little; and that an account which cannot be written keeps nothing out of the other one (decision 0024). An infusion
stands in one with the number that it has in the other, so that a person settles it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

from acquisition.books.animal import AnimalBook
from acquisition.books.chain import BookUnwritable
from acquisition.books.container_check import check_filled_from
from acquisition.books.containers import ContainerBook
from acquisition.books.places import same_name
from acquisition.events import Scalar
from acquisition.plan import PumpSetup
from drivers.capabilities import PumpProgram


def open_logs(pumps: Iterable[PumpSetup], session_id: str, today: date) -> dict[str, ContainerBook]:
    """Take the log of every container that a pump names; pumps filled from one bottle share its log.

    Raises ContainerRefused, BookUnwritable, BookBroken; then none is held.
    """
    opened: dict[str, ContainerBook] = {}
    by_pump: dict[str, ContainerBook] = {}
    try:
        for pump in pumps:
            if not pump.container:
                continue
            name = same_name(pump.container)
            if name not in opened:
                opened[name] = ContainerBook.open(pump.container, session_id)
            check_filled_from(opened[name].label, pump, today)
            by_pump[pump.name] = opened[name]
    except BaseException:
        for log in opened.values():
            log.close()
        raise
    return by_pump


@dataclass
class _Infusion:
    """How far one infusion has got into the two accounts."""

    log: ContainerBook
    delivery: int | None = None
    """Its entry in the container's log."""
    number: int | None = None
    """Its entry in the animal's book."""
    void: bool = False
    """It stands in the log at nothing, because RUN did not go out."""
    in_log: bool = False
    in_book: bool = False
    """Its outcome is written."""


@dataclass
class _Unordered:
    """What nobody ordered, as far as it has got into the two accounts."""

    delivery: int | None = None
    log_ul: float = 0.0
    book_ul: float = 0.0


@dataclass
class RunBooks:
    """The open books of a session. Raises BookUnwritable, BookBroken. ``logs``: by the name of the pump.

    Whatever raised BookUnwritable may be called again, and writes only what is still missing.
    """

    animal: AnimalBook
    logs: Mapping[str, ContainerBook]
    _begun: dict[tuple[str, int, float], _Infusion] = field(default_factory=dict, init=False)
    """By pump, step and target: infusions that one of the accounts has refused so far."""
    _running: dict[int, _Infusion] = field(default_factory=dict, init=False)
    _half: dict[str, _Unordered] = field(default_factory=dict, init=False)
    """By pump."""

    @property
    def head(self) -> str:
        """Return number and hash of the last entry of the animal's book."""
        return self.animal.head

    def intend(self, pump: PumpSetup, step: int, program: PumpProgram, wall_ns: int) -> int:
        """Write that an infusion is about to start, in the container's log first.

        When one account refuses, a pump that starts all the same (it keeps an animal asleep) counts with its whole
        target in the other; of an experimental pump, whose RUN then does not go out, nothing counts in either.
        """
        log = self.logs.get(pump.name)
        if log is None:
            return self.animal.intend(pump, step, program, wall_ns)
        key = (pump.name, step, program.target_ul)
        one = self._begun.setdefault(key, _Infusion(log))
        if pump.role == "experimental":
            self._both_or_none(one, pump, step, program, wall_ns)
        else:
            _each(
                lambda: self._into_log(one, pump, program, wall_ns),
                lambda: self._into_book(one, pump, step, program, wall_ns),
            )
        del self._begun[key]
        number = self._into_book(one, pump, step, program, wall_ns)
        self._running[number] = one
        return number

    def _both_or_none(self, one: _Infusion, pump: PumpSetup, step: int, program: PumpProgram, wall_ns: int) -> None:
        delivery = self._into_log(one, pump, program, wall_ns)
        try:
            self._into_book(one, pump, step, program, wall_ns)
        except BookUnwritable:
            if not one.void:  # else a try that is repeated would flood the log
                one.void = True
                with suppress(BookUnwritable):  # RUN does not go out: nothing was taken
                    one.log.settle(delivery, 0.0, 0.0, wall_ns)
            raise
        if one.void:
            one.log.settle(delivery, 0.0, program.target_ul, wall_ns)
            one.void = False

    def _into_log(self, one: _Infusion, pump: PumpSetup, program: PumpProgram, wall_ns: int) -> int:
        if one.delivery is None:
            also: dict[str, Scalar] = {} if one.number is None else {"intent": one.number}
            one.delivery = one.log.intend(pump.name, self.animal.animal, program.target_ul, wall_ns, also)
        return one.delivery

    def _into_book(self, one: _Infusion, pump: PumpSetup, step: int, program: PumpProgram, wall_ns: int) -> int:
        if one.number is None:
            also: dict[str, Scalar] = {"container": one.log.container}
            if one.delivery is not None:  # else the log owes it: whoever settles the infusion pays
                also["delivery"] = one.delivery
            one.number = self.animal.intend(pump, step, program, wall_ns, also)
        return one.number

    def settle(self, intent: int, given_ul: float, uncertain_ul: float, wall_ns: int) -> None:
        """Write what came of an intent."""
        one = self._running.get(intent)
        if one is None:
            self.animal.settle(intent, given_ul, uncertain_ul, wall_ns)
            return

        def in_log() -> None:
            if not one.in_log and one.delivery is not None:
                one.log.settle(one.delivery, given_ul, uncertain_ul, wall_ns)
                one.in_log = True

        def in_book() -> None:
            if not one.in_book:
                self.animal.settle(intent, given_ul, uncertain_ul, wall_ns)
                one.in_book = True

        _each(in_log, in_book)
        del self._running[intent]

    def unordered(self, pump: PumpSetup, volume_ul: float, wall_ns: int) -> None:
        """Write what a pump gave by its own keys; may be called again after it failed, with no less."""
        log, half = self.logs.get(pump.name), self._half.setdefault(pump.name, _Unordered())

        def in_log() -> None:
            if log is None or half.log_ul == volume_ul:
                return
            if half.delivery is None:
                half.delivery = log.intend(pump.name, self.animal.animal, volume_ul, wall_ns)
            log.settle(half.delivery, volume_ul, 0.0, wall_ns)
            half.log_ul = volume_ul

        def in_book() -> None:
            if half.book_ul != volume_ul:
                self.animal.unordered(pump, volume_ul - half.book_ul, wall_ns)
                half.book_ul = volume_ul

        _each(in_log, in_book)
        del self._half[pump.name]

    def wasted(self, pump: PumpSetup, volume_ul: float, by: str, wall_ns: int) -> None:
        """Write what a pump moved into waste; only the log of its container counts that."""
        if (log := self.logs.get(pump.name)) is not None and volume_ul > 0:
            log.wasted(volume_ul, by, wall_ns)

    def close(self) -> None:
        """Give all books back."""
        self.animal.close()
        for log in {id(log): log for log in self.logs.values()}.values():
            log.close()


def _each(*writes: Callable[[], object]) -> None:
    """Do all of these, whichever fails; then raise what the first one that failed raised."""
    refused: BookUnwritable | None = None
    for write in writes:
        try:
            write()
        except BookUnwritable as error:
            refused = refused or error
    if refused is not None:
        raise refused
