"""The animal's dose book and the engine: written before RUN, settled after, and counted by the gatekeeper."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pytest

from acquisition.books import containers
from acquisition.books.animal import AnimalBook, history
from acquisition.books.balance import balance
from acquisition.books.chain import BookUnwritable
from acquisition.books.containers import Label
from acquisition.books.places import BOOKS_DIR_VARIABLE
from acquisition.books.run_books import RunBooks
from acquisition.engine.book_keeper import BookKeeper
from acquisition.engine.ledger import PumpLedger
from acquisition.events import EventKind
from acquisition.messages import Finish
from acquisition.plan import PastDose, PumpSetup
from drivers.capabilities import PumpProgram
from drivers.errors import PortLost
from tests.engine.kit import LIMITS, PUMP, Lab, make_plan

DAY_S = 24 * 3600.0


@dataclass
class MemoryBook:
    """A dose book in memory that can be told to fail."""

    lab: Lab | None = None
    fails: bool = False
    refuses: str = ""
    """The pump of which no intent is taken."""
    intents: list[tuple[int, float]] = field(default_factory=list)
    outcomes: list[tuple[int, float, float]] = field(default_factory=list)
    given_unordered_ul: list[float] = field(default_factory=list)
    runs_before: list[int] = field(default_factory=list)
    """How often RUN had gone out when each intent was written."""
    head: str = "7 abc"

    def intend(self, pump: PumpSetup, step: int, program: PumpProgram, wall_ns: int) -> int:
        self._check()
        if pump.name == self.refuses:
            raise BookUnwritable("its container's log is full")
        assert self.lab is not None
        self.runs_before.append(starts(self.lab))
        self.intents.append((step, program.target_ul))
        return len(self.intents)

    def settle(self, intent: int, given_ul: float, uncertain_ul: float, wall_ns: int) -> None:
        self._check()
        self.outcomes.append((intent, given_ul, uncertain_ul))

    def unordered(self, pump: PumpSetup, volume_ul: float, wall_ns: int) -> None:
        self._check()
        self.given_unordered_ul.append(volume_ul)

    def _check(self) -> None:
        if self.fails:
            raise BookUnwritable("the disk is full")


def starts(lab: Lab) -> int:
    return sum(name == "start" for _t, name in lab.fake.calls)


def lab_with(tmp_path: Path, book: MemoryBook, pumps: tuple[PumpSetup, ...] = (PUMP,)) -> Lab:
    lab = Lab(tmp_path, make_plan(pumps=pumps))
    lab.conductor.desk.books = BookKeeper(book)
    book.lab = lab
    return lab


def test_R54_the_intent_is_in_the_book_before_RUN_and_the_outcome_after(tmp_path: Path) -> None:
    book = MemoryBook()
    lab = lab_with(tmp_path, book)
    lab.run()
    assert book.intents == [(1, 2.0)]
    assert book.runs_before == [0]
    ((intent, given_ul, uncertain_ul),) = book.outcomes
    assert (intent, uncertain_ul) == (1, 0.0)
    assert given_ul == pytest.approx(2.0, abs=0.01)
    closed = [e for e in lab.sink.events if e.kind is EventKind.SESSION and "dose_book" in e.data]
    assert [e.data["dose_book"] for e in closed] == ["7 abc"]


def test_R54_without_an_entry_in_the_book_no_RUN_goes_out(tmp_path: Path) -> None:
    book = MemoryBook(fails=True)
    lab = lab_with(tmp_path, book)
    lab.run(60)
    assert starts(lab) == 0
    assert "dose-book" in lab.alarm_ids()


def test_a_full_disk_wakes_no_animal_under_maintained_anaesthesia(tmp_path: Path) -> None:
    book = MemoryBook(fails=True)
    lab = lab_with(tmp_path, book, (replace(PUMP, role="anaesthetic_maintenance"),))
    lab.run(60)
    assert starts(lab) == 1
    assert "dose-book" in lab.alarm_ids()


def test_R54_what_was_given_while_the_book_could_not_be_written_is_in_it_when_the_disk_is_back(tmp_path: Path) -> None:
    book = MemoryBook(fails=True)
    lab = lab_with(tmp_path, book, (replace(PUMP, role="anaesthetic_maintenance"),))
    lab.until_infusing()
    lab.run(1)
    assert lab.conductor.desk.alarms.active("dose-book")  # as long as anything is missing in the book
    book.fails = False
    lab.run(60)
    assert book.intents == [(1, 2.0)]
    ((intent, given_ul, _uncertain_ul),) = book.outcomes
    assert intent == 1
    assert given_ul == pytest.approx(2.0, abs=0.01)


def test_R54_an_infusion_that_cannot_be_written_keeps_no_other_pumps_outcome_out_of_the_book(tmp_path: Path) -> None:
    book = MemoryBook(refuses="sleep")
    lab = lab_with(tmp_path, book)
    sleep = PumpLedger(replace(PUMP, name="sleep", role="anaesthetic_maintenance"), 25.0)
    sleep.begin(9, PumpProgram(PUMP.diameter_mm, 1.0, 5.0), 0)
    lab.until_infusing()
    lab.conductor.desk.books.opened(None, sleep)
    lab.run(60)
    assert [given_ul for _intent, given_ul, _uncertain in book.outcomes] == [pytest.approx(2.0, abs=0.01)]
    assert lab.conductor.desk.alarms.active("dose-book"), "the other one is still missing"


def test_R54_the_bottle_counts_maintained_anaesthesia_from_RUN_on_though_the_animals_book_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BOOKS_DIR_VARIABLE, str(tmp_path / "books"))
    label = Label("D-1", "ketamine", "", "III", 2.0, "L7", date(2099, 1, 1), "Dr. Berg")
    containers.open_container(label, 5000.0, by="Anna", wall_ns=1)
    animal = AnimalBook.open("m1", "s1", 25.0)
    books = RunBooks(animal, {PUMP.name: containers.ContainerBook.open("D-1", "s1")})
    lab = Lab(tmp_path, make_plan(pumps=(replace(PUMP, role="anaesthetic_maintenance"),)))
    lab.conductor.desk.books = BookKeeper(books)

    def refuse(*_args: object) -> int:
        raise BookUnwritable("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(animal, "intend", refuse)
        lab.until_infusing()
        lab.run(1)
        (running,) = balance(containers.entries_of("D-1")).deliveries
        assert (running.least_nl, running.most_nl) == (0, 2_000), "a crash now must leave it in the bottle's log"
    lab.run(60)
    (over,) = balance(containers.entries_of("D-1")).deliveries
    assert over.least_nl == pytest.approx(2_000, abs=10)
    assert [dose.volume_ul for dose in history("m1", 0)] == [pytest.approx(2.0, abs=0.01)]
    books.close()


def test_an_outcome_that_could_not_be_written_is_written_when_the_disk_is_back(tmp_path: Path) -> None:
    book = MemoryBook()
    lab = lab_with(tmp_path, book)
    lab.until_infusing()
    book.fails = True
    lab.until(lambda: not lab.pump.infusing)
    assert book.outcomes == []
    book.fails = False
    lab.until(lambda: bool(book.outcomes))
    assert len(book.outcomes) == 1


def test_R54_a_pump_that_is_not_confirmed_stopped_when_the_session_is_closed_counts_with_its_whole_target(
    tmp_path: Path,
) -> None:
    book = MemoryBook()
    lab = lab_with(tmp_path, book, (replace(PUMP, watchdog_s=0),))
    lab.until_infusing()
    lab.fake.raises = {name: [PortLost("unplugged") for _ in range(999)] for name in ("connect", "status", "stop")}
    lab.until(lambda: lab.pump.link == "lost", within_s=10)
    lab.send(Finish(request=1))
    lab.until(lambda: bool(book.outcomes))
    ((_intent, given_ul, uncertain_ul),) = book.outcomes
    assert given_ul + uncertain_ul == pytest.approx(2.0), "nobody is there to see it run on to its target"


def test_a_bench_run_has_no_animal_and_no_book(tmp_path: Path) -> None:
    book = MemoryBook()
    lab_with(tmp_path, book, (replace(PUMP, route="bench"),)).run()
    assert book.intents == []


def test_R08_what_earlier_sessions_gave_counts_in_the_gatekeeper(tmp_path: Path) -> None:
    limit = next(row for row in LIMITS.rows if row.limit_id == "iv-total")
    assert limit.window_s == DAY_S
    allowed_ul = limit.hard.value * 25.0
    for ago_s, expected in ((DAY_S + 3600.0, 1), (3600.0, 0)):
        given = PastDose(ago_s, ago_s, allowed_ul - 1.0, "ketamine", "", 2.0, "iv_infusion")
        lab = Lab(tmp_path, replace(make_plan(), history=(given,)))
        lab.run(60)
        assert starts(lab) == expected, f"{ago_s} s ago"
