"""The substance log of a container: what it refuses, what it adds up to, and that nothing in it can vanish."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from acquisition.books import containers, sheet
from acquisition.books.animal import AnimalBook, settle_by_hand, settle_cut_short
from acquisition.books.balance import Balance, balance
from acquisition.books.chain import Book, BookBroken, BookUnwritable, Entry, read_entries
from acquisition.books.containers import ContainerBook, ContainerRefused, Label
from acquisition.books.places import BOOKS_DIR_VARIABLE, book_place
from acquisition.books.run_books import RunBooks, open_logs
from acquisition.service.assembly import doubts_of
from drivers.capabilities import PumpProgram
from tests.engine.kit import PUMP, make_plan

LABEL = Label("K-1", "ketamine", "hydrochloride", "III", 100.0, "L7", date(2027, 3, 31), "Dr. Berg")
TODAY = date(2026, 11, 26)
FILLED = replace(PUMP, drug="ketamine", drug_form="hydrochloride", concentration_mg_per_ml=2.0, container="D-1")


@pytest.fixture(autouse=True)
def _own_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BOOKS_DIR_VARIABLE, str(tmp_path / "books"))


@pytest.fixture
def bottle() -> str:
    containers.open_container(LABEL, 10_000.0, by="Anna", wall_ns=1)
    return "K-1"


@pytest.fixture
def dilution(bottle: str) -> str:
    containers.dilute(bottle, "D-1", 100.0, 4900.0, lot="", expires=date(2026, 12, 3), by="Anna", wall_ns=2)
    return "D-1"


def now(container: str) -> Balance:
    return balance(containers.entries_of(container))


def draw(container: str, volume_ul: float) -> Entry:
    return containers.add(container, "drawn", volume_ul, by="Anna", wall_ns=3, animal="m1", purpose="P-12")


def test_a_dilution_stands_in_both_logs_and_knows_its_strength(bottle: str, dilution: str) -> None:
    label = containers.label_of(containers.entries_of(dilution))
    assert label.strength_mg_per_ml == pytest.approx(2.0)
    assert (label.parent, label.lot, label.form) == (bottle, "L7", "hydrochloride")
    assert now(bottle).in_container_nl == 9_900_000
    assert now(dilution).in_container_nl == 5_000_000


def test_a_session_closes_when_everything_drawn_is_accounted_for(dilution: str) -> None:
    draw(dilution, 200.0)
    log = ContainerBook.open(dilution, "s1")
    log.settle(log.intend("drug", "m1", 150.0, 4), 150.0, 0.0, 5)
    log.close()
    assert not now(dilution).closes
    containers.add(dilution, "wasted", 37.0, by="Anna", wall_ns=6, source="syringe", what="line", witness="Bo")
    containers.add(dilution, "returned", 12.0, by="Anna", wall_ns=7)
    assert now(dilution).closes
    assert now(dilution).in_container_nl == 4_812_000
    assert now(dilution).open_most_nl == 1_000


def test_R54_an_infusion_without_an_outcome_is_an_interval_until_a_person_settles_it(dilution: str) -> None:
    draw(dilution, 200.0)
    log = ContainerBook.open(dilution, "s1")
    log.intend("drug", "m1", 150.0, 4)
    log.close()
    assert (now(dilution).delivered_least_nl, now(dilution).delivered_most_nl) == (0, 150_000)
    assert "its outcome is not known" in str(sheet.rows(containers.entries_of(dilution)))


@pytest.mark.parametrize(
    ("kind", "volume_ul", "words"),
    [
        ("drawn", 5_000.001, "holds 5000 µL by this log"),
        ("returned", 200.5, "Is a draw missing"),
        ("wasted", 200.5, "Is a draw missing"),
        ("explained", 200.5, "Is a draw missing"),
        ("drawn", 0.0004, "less than this log can hold"),
    ],
)
def test_what_was_never_there_cannot_be_taken(dilution: str, kind: str, volume_ul: float, words: str) -> None:
    before = containers.entries_of(dilution)
    if kind != "drawn":
        draw(dilution, 200.0)
        before = containers.entries_of(dilution)
    with pytest.raises(ContainerRefused, match=words):
        containers.add(dilution, kind, volume_ul, by="Anna", wall_ns=9)
    assert containers.entries_of(dilution) == before


def test_a_correction_voids_and_keeps(dilution: str) -> None:
    wrong = draw(dilution, 2000.0)
    containers.correct(dilution, wrong.number, by="Anna", reason="200, not 2000", wall_ns=4)
    draw(dilution, 200.0)
    assert now(dilution).in_container_nl == 4_800_000
    assert wrong in containers.entries_of(dilution)
    with pytest.raises(ContainerRefused, match="void already"):
        containers.correct(dilution, wrong.number, by="Anna", reason="again", wall_ns=5)


@pytest.mark.parametrize("number", [1, 99])
def test_what_begins_a_log_or_is_not_in_it_cannot_be_voided(dilution: str, number: int) -> None:
    with pytest.raises(ContainerRefused, match="no entry"):
        containers.correct(dilution, number, by="Anna", reason="r", wall_ns=4)


def test_names_are_used_once_whatever_their_case(bottle: str) -> None:
    with pytest.raises(ContainerRefused, match="already"):
        containers.open_container(replace(LABEL, container=bottle.lower()), 1.0, by="Anna", wall_ns=1)


def test_a_dilution_does_not_outlive_its_parent(bottle: str) -> None:
    with pytest.raises(ContainerRefused, match="expires with its parent"):
        containers.dilute(bottle, "D-2", 1.0, 9.0, lot="", expires=date(2030, 1, 1), by="Anna", wall_ns=2)
    assert now(bottle).in_container_nl == 10_000_000


@pytest.mark.parametrize(
    ("pump", "words"),
    [
        (replace(FILLED, concentration_mg_per_ml=20.0), "20 mg/mL, container D-1 holds 2 mg/mL"),
        (replace(FILLED, concentration_mg_per_ml=None), "no strength"),
        (replace(FILLED, drug="xylazine"), "xylazine"),
        (replace(FILLED, drug_form="base"), "ketamine base"),
        (replace(FILLED, container="D-9"), "no log of a container"),
    ],
)
@pytest.mark.usefixtures("dilution")
def test_R06_a_bottle_that_is_not_what_the_protocol_says_is_refused_and_let_go(pump: object, words: str) -> None:
    with pytest.raises(ContainerRefused, match=words):
        open_logs([FILLED, pump], "s1", TODAY)  # type: ignore[list-item]
    draw("D-1", 1.0)  # nobody holds it


@pytest.mark.usefixtures("dilution")
def test_an_expired_bottle_is_refused() -> None:
    with pytest.raises(ContainerRefused, match="expired on 2026-12-03"):
        open_logs([FILLED], "s1", date(2026, 12, 4))


@pytest.mark.usefixtures("dilution")
def test_a_session_writes_into_the_book_of_the_animal_and_the_log_of_the_bottle() -> None:
    draw("D-1", 200.0)
    books = RunBooks(AnimalBook.open("m1", "s1", 25.0), open_logs([FILLED], "s1", TODAY))
    program = PumpProgram(FILLED.diameter_mm, 3.0, 20.0)
    first, _lost = (books.intend(FILLED, step, program, 10) for step in (1, 2))
    with pytest.raises(BookUnwritable, match="another session"):
        draw("D-1", 1.0)
    books.settle(first, 19.5, 0.25, 11)
    books.unordered(FILLED, 0.5, 12)
    books.close()
    given = [(one.least_nl, one.most_nl) for one in now("D-1").deliveries]
    assert given == [(19_500, 19_750), (0, 20_000), (500, 500)]


@pytest.mark.usefixtures("dilution")
def test_a_person_settles_an_infusion_once_for_both_books() -> None:
    books = RunBooks(AnimalBook.open("m1", "s1", 25.0), open_logs([FILLED], "s1", TODAY))
    number = books.intend(FILLED, 1, PumpProgram(FILLED.diameter_mm, 3.0, 20.0), 10)
    books.close()  # as a crash leaves it
    settle_by_hand("m1", number, 4.0, by="Anna", reason="read off the barrel", wall_ns=11)
    assert [(one.least_nl, one.most_nl) for one in now("D-1").deliveries] == [(4_000, 4_000)]


@pytest.mark.usefixtures("dilution")
def test_R53_what_a_pump_told_after_a_crash_stands_in_both_books() -> None:
    books = RunBooks(AnimalBook.open("m1", "s1", 25.0), open_logs([FILLED], "s1", TODAY))
    number = books.intend(FILLED, 1, PumpProgram(FILLED.diameter_mm, 3.0, 20.0), 10)
    books.close()
    settle_cut_short("m1", number, 4.0, 0.5, 11)
    assert [(one.least_nl, one.most_nl) for one in now("D-1").deliveries] == [(4_000, 4_500)]


@pytest.mark.usefixtures("dilution")
def test_R54_an_infusion_whose_intent_the_animals_book_refused_took_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    books = RunBooks(AnimalBook.open("m1", "s1", 25.0), open_logs([FILLED], "s1", TODAY))

    def full(*_args: object) -> int:
        raise BookUnwritable("the disk is full")

    monkeypatch.setattr(books.animal, "intend", full)
    with pytest.raises(BookUnwritable):
        books.intend(FILLED, 1, PumpProgram(FILLED.diameter_mm, 3.0, 20.0), 10)
    length = len(containers.entries_of("D-1"))
    for _tick in range(3):
        with pytest.raises(BookUnwritable):
            books.intend(FILLED, 1, PumpProgram(FILLED.diameter_mm, 3.0, 20.0), 10)
    assert len(containers.entries_of("D-1")) == length, "what is tried again is not written again"
    assert now("D-1").delivered_most_nl == 0
    books.close()


@pytest.mark.usefixtures("dilution")
def test_R54_what_nobody_ordered_stands_once_in_each_book_however_often_it_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    books = RunBooks(AnimalBook.open("m1", "s1", 25.0), open_logs([FILLED], "s1", TODAY))

    def full(*_args: object) -> None:
        raise BookUnwritable("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(books.animal, "unordered", full)
        for volume_ul in (0.5, 0.5, 0.7):
            with pytest.raises(BookUnwritable):
                books.unordered(FILLED, volume_ul, 12)
    books.unordered(FILLED, 0.7, 13)
    books.close()
    assert [(one.least_nl, one.most_nl) for one in now("D-1").deliveries] == [(700, 700)]


@pytest.mark.usefixtures("dilution")
@pytest.mark.parametrize(("drawn_ul", "doubts"), [(600.0, 1), (637.0, 0), (630.0, 0)])
def test_R17_a_syringe_that_holds_more_than_was_drawn_is_for_a_person_to_judge(drawn_ul: float, doubts: int) -> None:
    draw("D-1", drawn_ul)
    found = [d for d in doubts_of(make_plan(pumps=[FILLED]), 1) if d.item_id == "drawn:D-1"]
    assert len(found) == doubts
    assert all("600 uL of D-1 are in syringes and lines, but drug should hold 637 uL" in d.what for d in found)


def test_R49_a_log_that_was_changed_cut_or_reordered_is_found(dilution: str) -> None:
    draw(dilution, 200.0)
    path, anchor = book_place("containers", dilution)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for damaged in (whole.replace(b"200000", b"100000"), b"".join(lines[:-1]), b"".join(reversed(lines))):
        path.write_bytes(damaged)
        with pytest.raises(BookBroken):
            read_entries(path, anchor)
    path.write_bytes(whole)
    assert len(containers.entries_of(dilution)) == 2


def test_R53_a_crash_in_the_middle_of_an_entry_leaves_the_log_as_it_was(dilution: str) -> None:
    path, _anchor = book_place("containers", dilution)
    before, entries = path.read_bytes(), containers.entries_of(dilution)
    anchored = _anchor.read_bytes()
    draw(dilution, 200.0)
    whole = path.read_bytes()
    for cut in range(len(before), len(whole)):
        path.write_bytes(whole[:cut])
        _anchor.write_bytes(anchored)  # the anchor is written after the entry
        assert containers.entries_of(dilution) == entries
        Book(path, _anchor).open().close()


def test_the_sheet_says_who_did_what_and_can_be_signed(dilution: str) -> None:
    draw(dilution, 200.0)
    containers.add(dilution, "wasted", 37.0, by="<b>Anna", wall_ns=6, source="syringe", what="line", witness="=Bo")
    entries = containers.entries_of(dilution)
    page, table = sheet.as_html(entries), sheet.as_csv(entries)
    assert "&lt;b&gt;Anna" in page
    assert "<b>Anna" not in page
    assert entries[-1].sha256 in page
    assert "not a replacement" in page
    assert "'=Bo" in table
    assert "0.074" in table, "37 uL of 2 mg/mL are 0.074 mg"


class Balances(RuleBasedStateMachine):
    """Whatever people write: nothing is negative, and everything that was opened is somewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self.write("opened", volume_nl=1_000_000)

    def write(self, kind: str, **data: str | int) -> None:
        self.entries.append(Entry(len(self.entries) + 1, 0, {"kind": kind, **data}, ""))

    @rule(volume_nl=st.integers(0, 1_000_000))
    def take(self, volume_nl: int) -> None:
        self.write("drawn", volume_nl=min(volume_nl, balance(self.entries).in_container_nl))

    @rule(volume_nl=st.integers(0, 1_000_000), kind=st.sampled_from(["wasted", "returned", "explained"]))
    def put(self, volume_nl: int, kind: str) -> None:
        self.write(kind, volume_nl=min(volume_nl, max(0, balance(self.entries).open_least_nl)), source="syringe")

    @precondition(lambda self: balance(self.entries).open_least_nl > 0)
    @rule(most_nl=st.integers(1, 1_000_000), data=st.data())
    def give(self, most_nl: int, data: st.DataObject) -> None:
        target = min(most_nl, balance(self.entries).open_least_nl)
        self.write("delivering", volume_nl=target, session="s", pump="p", animal="a")
        if data.draw(st.booleans()):
            given = data.draw(st.integers(0, target))
            doubt = data.draw(st.integers(0, target - given))
            self.write("delivered", delivery=len(self.entries), volume_nl=given, uncertain_nl=doubt)

    @rule(volume_nl=st.integers(0, 1_000_000))
    def look(self, volume_nl: int) -> None:
        self.write("counted", volume_nl=volume_nl)
        assert balance(self.entries).in_container_nl == volume_nl

    @invariant()
    def nothing_is_lost(self) -> None:
        one = balance(self.entries)
        out = one.wasted_from_syringe_nl + one.explained_nl + one.delivered_least_nl + one.open_most_nl
        assert one.in_container_nl + out == one.opened_nl + one.miscounted_nl
        assert 0 <= one.open_least_nl <= one.open_most_nl
        assert one.in_container_nl >= 0


TestBalances = Balances.TestCase
TestBalances.settings = settings(max_examples=40, stateful_step_count=20)
