"""The dose book counts what an animal was given, at worst, whatever became of the session that gave it."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition.books import animal
from acquisition.books.animal import AnimalBook
from acquisition.books.approvals import approval, approve
from acquisition.books.chain import BookBroken, BookUnwritable
from acquisition.books.places import BOOKS_DIR_VARIABLE, book_place
from drivers.capabilities import PumpProgram
from drivers.clock import NS_PER_S
from tests.engine.kit import LIMITS, PUMP

PROGRAM = PumpProgram(4.699, 2.0, 10.0)
HOUR_NS = 3600 * NS_PER_S


@pytest.fixture(autouse=True)
def _own_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BOOKS_DIR_VARIABLE, str(tmp_path))


def test_R54_an_intent_without_an_outcome_counts_with_its_whole_target() -> None:
    book = AnimalBook.open("m1", "s1", 25.0)
    book.intend(PUMP, 1, PROGRAM, wall_ns=0)
    del book  # the engine was killed: nothing is closed
    (dose,) = animal.history("m1", HOUR_NS)
    assert dose.volume_ul == 10.0
    assert dose.started_ago_s == 3600.0
    assert dose.ended_ago_s == 3600.0 - 300.0  # 10 uL at 2 uL/min


def test_R28_an_outcome_counts_with_what_was_given_and_what_is_uncertain() -> None:
    book = AnimalBook.open("m1", "s1", 25.0)
    number = book.intend(PUMP, 1, PROGRAM, wall_ns=0)
    book.settle(number, 3.0, 0.5, wall_ns=90 * NS_PER_S)
    book.unordered(PUMP, 1.25, wall_ns=100 * NS_PER_S)
    book.close()
    ordered, unordered = animal.history("m1", HOUR_NS)
    assert ordered.volume_ul == 3.5
    assert ordered.ended_ago_s == 3510.0
    assert unordered.volume_ul == 1.25


def test_an_infusion_that_never_ran_is_no_dose() -> None:
    book = AnimalBook.open("m1", "s1", 25.0)
    book.settle(book.intend(PUMP, 1, PROGRAM, wall_ns=0), 0.0, 0.0, wall_ns=1)
    book.close()
    assert animal.history("m1", HOUR_NS) == ()


def test_each_animal_has_its_own_book_whatever_its_name() -> None:
    names = ["m1", "m 1", "../m1", "m/1", "CON", "m1.", "", "\u202em1"]
    for name in names:
        book = AnimalBook.open(name, "s1", 25.0)
        book.intend(PUMP, 1, PROGRAM, wall_ns=0)
        book.close()
    assert len({book_place("animals", name) for name in names}) == len(names)
    assert [len(animal.history(name, 0)) for name in names] == [1] * len(names)


@pytest.mark.parametrize("typed", ["M1", "m1 ", " m1", "\uff2d1"])
def test_R54_one_animal_has_one_book_however_its_name_is_typed(typed: str) -> None:
    book = AnimalBook.open("m1", "s1", 25.0)
    book.intend(PUMP, 1, PROGRAM, wall_ns=0)
    book.close()
    assert [dose.volume_ul for dose in animal.history(typed, 0)] == [10.0]


def test_a_person_can_settle_what_nobody_knows_and_the_old_entry_stays() -> None:
    book = AnimalBook.open("m1", "s1", 25.0)
    number = book.intend(PUMP, 1, PROGRAM, wall_ns=0)
    book.close()
    animal.settle_by_hand("m1", number, 4.0, by="A. Vet", reason="read off the pump", wall_ns=HOUR_NS)
    (row,) = animal.rows("m1", HOUR_NS)
    assert row.dose.volume_ul == 4.0
    assert row.settled_by == "A. Vet"
    path, _anchor = book_place("animals", "m1")
    assert path.read_bytes().count(b"\n") == 2
    with pytest.raises(ValueError, match="no infusion with number 2"):
        animal.settle_by_hand("m1", 2, 4.0, by="A. Vet", reason="x", wall_ns=0)


def test_a_clock_that_was_set_back_makes_a_dose_recent_not_future() -> None:
    book = AnimalBook.open("m1", "s1", 25.0)
    book.intend(PUMP, 1, PROGRAM, wall_ns=2 * HOUR_NS)
    book.close()
    (dose,) = animal.history("m1", HOUR_NS)
    assert dose.started_ago_s == 0.0


def test_R54_a_clock_that_was_behind_for_a_while_makes_no_dose_older_than_the_one_before_it() -> None:
    book = AnimalBook.open("m1", "s1", 25.0)
    book.settle(book.intend(PUMP, 1, PROGRAM, wall_ns=100 * HOUR_NS), 10.0, 0.0, wall_ns=100 * HOUR_NS)
    book.settle(book.intend(PUMP, 2, PROGRAM, wall_ns=1 * HOUR_NS), 10.0, 0.0, wall_ns=2 * HOUR_NS)
    book.close()
    _first, second = animal.history("m1", 101 * HOUR_NS)
    assert (second.started_ago_s, second.ended_ago_s) == (3600.0, 3600.0)


def test_one_entry_from_a_clock_that_was_ahead_makes_those_after_it_no_younger() -> None:
    book = AnimalBook.open("m1", "s1", 25.0)
    book.intend(PUMP, 1, PROGRAM, wall_ns=1000 * HOUR_NS)
    book.intend(PUMP, 2, PROGRAM, wall_ns=10 * HOUR_NS)
    book.close()
    first, second = animal.history("m1", 100 * HOUR_NS)
    assert first.started_ago_s == 0.0
    assert second.started_ago_s == 90 * 3600.0


def test_R08_a_session_is_not_opened_on_a_history_that_is_no_longer_the_whole() -> None:
    known = animal.history("m1", 0)
    book = AnimalBook.open("m1", "s1", 25.0, known)
    book.intend(PUMP, 1, PROGRAM, wall_ns=0)
    book.close()
    with pytest.raises(BookUnwritable, match="start it again"):
        AnimalBook.open("m1", "s2", 25.0, known)
    AnimalBook.open("m1", "s2", 25.0, animal.history("m1", HOUR_NS)).close()


def test_an_entry_of_a_newer_version_is_refused_not_passed_over() -> None:
    book = AnimalBook.open("m1", "s1", 25.0)
    book._book.add({"kind": "gift"}, wall_ns=0)
    book.close()
    with pytest.raises(BookBroken, match="no known kind"):
        animal.history("m1", 0)


def test_X13_an_approval_is_of_exactly_these_limits() -> None:
    assert approval("aa") is None
    approve("mouse", "aa", "A. Vet", wall_ns=0)
    found = approval("aa")
    assert found is not None
    assert found.data["by"] == "A. Vet"
    assert approval("ab") is None


def test_R54_a_form_that_the_limits_do_not_know_counts_with_the_largest_factor() -> None:
    assert LIMITS.form_factor("ketamine", "hydrochloride") == 1.0
    assert LIMITS.form_factor("ketamine", "a form of other limits") == LIMITS.form_factor("ketamine", "base") > 1.0
