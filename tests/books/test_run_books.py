"""The two accounts of an infusion: what one refuses stands in the other, counts in full, and stands there once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from acquisition.books import animal as animals
from acquisition.books import containers
from acquisition.books.animal import AnimalBook, settle_by_hand
from acquisition.books.balance import balance
from acquisition.books.chain import BookUnwritable, read_entries
from acquisition.books.places import BOOKS_DIR_VARIABLE, book_place
from acquisition.books.run_books import RunBooks, open_logs
from acquisition.plan import PumpSetup
from drivers.capabilities import PumpProgram
from tests.books.test_containers import FILLED, LABEL, TODAY

SLEEP = replace(FILLED, role="anaesthetic_maintenance")
PROGRAM = PumpProgram(FILLED.diameter_mm, 3.0, 20.0)


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunBooks]:
    monkeypatch.setenv(BOOKS_DIR_VARIABLE, str(tmp_path / "books"))
    label = replace(LABEL, container="D-1", strength_mg_per_ml=2.0, expires=date(2027, 3, 31))
    containers.open_container(label, 5000.0, by="Anna", wall_ns=1)
    opened = RunBooks(AnimalBook.open("m1", "s1", 25.0), open_logs([SLEEP], "s1", TODAY))
    yield opened
    opened.close()


class Full:
    """Makes one method of one account refuse, until it is told otherwise."""

    def __init__(self, account: object, method: str) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(account, method, self._refuse)

    def _refuse(self, *_args: object) -> int:
        raise BookUnwritable("the disk is full")

    def over(self) -> None:
        self.patch.undo()


def log_of(books: RunBooks) -> object:
    return books.logs[SLEEP.name]


def in_log() -> list[tuple[int, int]]:
    """Return what every delivery in the container's log took, at least and at most, in nL."""
    return [(one.least_nl, one.most_nl) for one in balance(containers.entries_of("D-1")).deliveries]


def in_book() -> list[float]:
    return [dose.volume_ul for dose in animals.history("m1", 100)]


def lengths() -> tuple[int, int]:
    return len(containers.entries_of("D-1")), len(read_entries(*book_place("animals", "m1")))


def refused(books: RunBooks, pump: PumpSetup = SLEEP, times: int = 3) -> None:
    for _tick in range(times):
        with pytest.raises(BookUnwritable):
            books.intend(pump, 1, PROGRAM, 10)


def test_R54_while_the_animals_book_refuses_maintained_anaesthesia_its_container_counts_the_whole_target(
    books: RunBooks,
) -> None:
    full = Full(books.animal, "intend")
    refused(books)
    assert in_log() == [(0, 20_000)], "RUN goes out all the same; what is tried again is not written again"
    full.over()
    number = books.intend(SLEEP, 1, PROGRAM, 11)
    books.settle(number, 19.5, 0.25, 12)
    assert in_log() == [(19_500, 19_750)]
    assert in_book() == [19.75]


def test_R54_while_the_container_log_refuses_maintained_anaesthesia_the_animals_book_counts_the_whole_target(
    books: RunBooks,
) -> None:
    full = Full(log_of(books), "intend")
    refused(books)
    assert in_book() == [20.0]
    full.over()
    number = books.intend(SLEEP, 1, PROGRAM, 11)
    books.settle(number, 19.5, 0.25, 12)
    assert in_log() == [(19_500, 19_750)]
    assert in_book() == [19.75]


@pytest.mark.parametrize("back", [False, True])
def test_R54_what_the_container_log_refused_is_in_it_when_a_person_settles_the_infusion(
    books: RunBooks, *, back: bool
) -> None:
    full = Full(log_of(books), "intend")
    refused(books)
    full.over()
    if back:  # the log was written before the session died, the outcome was not
        books.intend(SLEEP, 1, PROGRAM, 11)
    books.close()
    for given_ul in (4.0, 3.0):
        settle_by_hand("m1", 1, given_ul, by="Anna", reason="read off the barrel", wall_ns=12)
    assert in_log() == [(3_000, 3_000)]
    assert in_book() == [3.0]


def test_R54_an_experimental_infusion_that_the_container_log_refuses_counts_in_no_account(books: RunBooks) -> None:
    full = Full(log_of(books), "intend")
    refused(books, FILLED)
    assert (in_log(), in_book()) == ([], []), "its RUN does not go out"
    full.over()
    books.intend(FILLED, 1, PROGRAM, 11)
    assert (in_log(), in_book()) == ([(0, 20_000)], [20.0])


def test_R54_an_experimental_infusion_that_is_tried_again_stands_once_in_each_account(books: RunBooks) -> None:
    book = Full(books.animal, "intend")
    refused(books, FILLED)
    book.over()
    log = Full(log_of(books), "settle")  # it stands there at nothing, and must count again before RUN
    refused(books, FILLED)
    log.over()
    books.intend(FILLED, 1, PROGRAM, 11)
    assert (in_log(), in_book()) == ([(0, 20_000)], [20.0])


@pytest.mark.parametrize("refuses", ["animal", "log"])
def test_R54_an_outcome_that_one_account_refuses_is_in_the_other_at_once_and_once_in_each(
    books: RunBooks, refuses: str
) -> None:
    number = books.intend(SLEEP, 1, PROGRAM, 10)
    before = lengths()
    full = Full(books.animal if refuses == "animal" else log_of(books), "settle")
    for _tick in range(3):
        with pytest.raises(BookUnwritable):
            books.settle(number, 19.5, 0.25, 12)
    expected = ([(19_500, 19_750)], [20.0]) if refuses == "animal" else ([(0, 20_000)], [19.75])
    assert (in_log(), in_book()) == expected
    full.over()
    books.settle(number, 19.5, 0.25, 13)
    assert (in_log(), in_book()) == ([(19_500, 19_750)], [19.75])
    assert lengths() == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize("refuses", ["animal", "log"])
def test_R54_what_nobody_ordered_is_in_one_account_while_the_other_refuses_and_once_in_each(
    books: RunBooks, refuses: str
) -> None:
    full = Full(*((books.animal, "unordered") if refuses == "animal" else (log_of(books), "intend")))
    for volume_ul in (0.5, 0.5, 0.7):
        with pytest.raises(BookUnwritable):
            books.unordered(SLEEP, volume_ul, 12)
    assert sum(in_book()) == pytest.approx(0.0 if refuses == "animal" else 0.7)
    assert in_log() == ([(700, 700)] if refuses == "animal" else [])
    full.over()
    books.unordered(SLEEP, 0.7, 13)
    assert sum(in_book()) == pytest.approx(0.7)
    assert in_log() == [(700, 700)]


def test_R53_R54_what_a_crash_left_in_the_container_log_only_is_taken_into_the_animals_book_once(
    books: RunBooks,
) -> None:
    Full(books.animal, "intend")
    refused(books)
    books.close()
    for _again in range(2):
        animals.begun_after_a_crash("m1", "s1", SLEEP, {1: (20.0, 3.0)}, 12)
    assert (in_log(), in_book()) == ([(0, 20_000)], [20.0])
    animals.settle_cut_short("m1", 1, 4.0, 0.5, 13)
    assert (in_log(), in_book()) == ([(4_000, 4_500)], [4.5])


def test_R53_R54_an_experimental_infusion_without_an_intent_in_the_animals_book_never_ran(books: RunBooks) -> None:
    books.close()
    animals.begun_after_a_crash("m1", "s1", FILLED, {1: (20.0, 3.0)}, 12)
    assert (in_log(), in_book()) == ([], []), "its RUN waits for the book"
