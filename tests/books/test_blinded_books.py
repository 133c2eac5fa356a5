"""Books and blinded syringes: what was given counts in every later session, and no page tells what it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acquisition.books import animal as animals
from acquisition.books import containers, contents, sessions, sheet
from acquisition.books.animal import AnimalBook, history
from acquisition.books.chain import Book, BookUnwritable
from acquisition.books.container_check import check_filled_from
from acquisition.books.containers import ContainerBook, ContainerRefused
from acquisition.books.places import BOOKS_DIR_VARIABLE, book_place, seal_key_place
from acquisition.books.run_books import open_logs
from acquisition.books.seals import SealUnopened, Solution
from acquisition.books.unblindings import KIND, Unblinding, unblindings
from acquisition.client import EngineClient
from acquisition.experiment.exposure import Exposure, earlier, excesses
from acquisition.plan import PumpSetup
from acquisition.service import unblinding
from acquisition.service.discovery import RUNTIME_DIR_VARIABLE
from acquisition.service.unblinding import sealed_texts, unblind_code
from amperfuse.cli import app
from drivers.capabilities import PumpProgram
from drivers.clock import NS_PER_S
from tests.engine.kit import LIMITS, PUMP
from tests.experiment.blinded_kit import CODE, STUDY, VEHICLE, blind, blinded_pump, ketamine, sealed, tells
from tests.experiment.conftest import Bench
from tests.process.test_unfinished import Killed

PROGRAM = PumpProgram(4.699, 2.0, 62.5)
OPEN = replace(PUMP, drug_form="hydrochloride", concentration_mg_per_ml=10.0)
NOW = Exposure(1, OPEN, 0.0, 600.0, 25.0, 0.1)  # 10 mg/kg of the open drug
HOUR_NS = 3600 * NS_PER_S
DAY = date(2026, 11, 26)
DRUG = ketamine(10.0)
"""62.5 uL of it are 25 mg/kg."""


@pytest.fixture(autouse=True)
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(BOOKS_DIR_VARIABLE, str(tmp_path / "books"))
    monkeypatch.setenv(RUNTIME_DIR_VARIABLE, str(tmp_path / "run"))  # nobody's running engine is told anything
    return tmp_path / "books"


def blinded(content: Solution, container: str = "") -> PumpSetup:
    return blinded_pump(PUMP, content, container)


def pages(folder: Path) -> Iterator[str]:
    """Yield the text of every file of the books but the key."""
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".key":
            yield path.read_text(encoding="utf-8")


def too_much(now_wall_ns: int = HOUR_NS) -> list[bool]:
    """Say what an open session, an hour later, is refused for; True: for what is sealed."""
    found = excesses(LIMITS, 25.0, [*earlier(history("m1", now_wall_ns), 0.0), NOW], hard=True)
    return [excess.sealed for excess in found]


@pytest.mark.parametrize(("content", "refused"), [(DRUG, [True]), (VEHICLE, [])])
def test_R54_R08_what_a_blinded_syringe_gave_counts_in_the_next_session(
    books: Path, content: Solution, refused: list[bool]
) -> None:
    book = AnimalBook.open("m1", "s1", 25.0)
    number = book.intend(blinded(content), 1, PROGRAM, wall_ns=0)
    assert too_much() == refused, "an intent counts with its whole target"
    book.settle(number, 62.5, 0.0, wall_ns=1)
    book.close()
    assert too_much() == refused
    assert not any(tells(page) for page in pages(books))
    seal_key_place(STUDY).unlink()
    contents.opened_once.cache_clear()
    with pytest.raises(SealUnopened, match="is not on this computer"):
        too_much()


def test_R28_R08_what_it_gave_by_its_own_keys_or_after_a_crash_counts_too(books: Path) -> None:
    pump = blinded(DRUG)
    book = AnimalBook.open("m1", "s1", 25.0)
    book.unordered(pump, 30.0, wall_ns=0)
    book.close()
    assert too_much() == []
    animals.unordered_after_a_crash("m1", "s1", pump, 32.5, 1)
    assert too_much() == [True]
    assert not any(tells(page) for page in pages(books))


def test_R53_what_is_found_after_a_crash_tells_nothing_and_is_booked_as_what_it_is(books: Path, tmp_path: Path) -> None:
    killed = Killed(tmp_path, 60.0, pump=blinded(DRUG))
    done = killed.reconcile()
    (dose,) = history("m1", killed.clock.wall_ns())
    assert (dose.code, dose.drug) == (CODE, "blinded K7Q")
    assert dose.volume_ul > 2.0
    assert "blinded" in (killed.session_dir / "session.journal").read_text(encoding="latin-1")
    assert not any(tells(text) for text in (done.text(), *pages(books)))


def test_doses_are_listed_by_the_label() -> None:
    book = AnimalBook.open("m1", "s1", 25.0)
    book.settle(book.intend(blinded(DRUG), 1, PROGRAM, wall_ns=0), 62.5, 0.0, wall_ns=1)
    book.close()
    told = CliRunner().invoke(app, ["doses", "m1"])
    assert "62.5 µL blinded K7Q, iv_infusion" in told.output
    assert not tells(told.output)


# ---- the container --------------------------------------------------------------------------------------------------


def sealed_log(content: Solution = DRUG, code: str = CODE, expires: date = date(2027, 1, 1)) -> None:
    containers.open_sealed(
        code, code, sealed(content, code), 500.0, lot="batch-1", expires=expires, by="Anna", wall_ns=1
    )


def test_the_log_of_a_blinded_syringe_tells_no_substance_and_counts_like_any_other(books: Path) -> None:
    sealed_log()
    containers.add(CODE, "drawn", 100.0, by="Anna", wall_ns=2, animal="m1", purpose="P-1")
    pump = blinded(DRUG, container=CODE)
    logs = open_logs([pump], "s1", DAY)
    log = logs[pump.name]
    log.settle(log.intend(pump.name, "m1", 62.5, 3), 62.5, 0.0, 4)
    log.close()
    entries = containers.entries_of(CODE)
    told = [sheet.as_csv(entries), sheet.as_html(entries), *pages(books)]
    told += [CliRunner().invoke(app, ["container", *words]).output for words in (["list"], ["show", CODE])]
    assert "blinded K7Q" in told[1]
    assert "62.5" in told[0]
    for text in told:
        assert not tells(text.replace("Substance (mg)", ""))


@pytest.mark.parametrize(
    ("log", "pump", "words"),
    [
        (ketamine(5.0), blinded, "is not what is sealed in the protocol"),
        (VEHICLE, blinded, "is not what is sealed in the protocol"),
        (None, blinded, "is not sealed: whoever reads it"),
        (DRUG, lambda _content: replace(OPEN, container=CODE), "the protocol says openly what is in"),
        (DRUG, lambda content: replace(blinded(content), code="M2P", sealed=sealed(content, "M2P")), "is that of K7Q"),
    ],
)
def test_a_syringe_from_another_container_is_refused_without_a_word_of_what_is_in_either(
    log: Solution | None, pump: object, words: str
) -> None:
    if log is None:
        label = containers.Label(CODE, "ketamine", "hydrochloride", "III", 10.0, "L7", date(2027, 3, 31), "Dr. Berg")
        containers.open_container(label, 500.0, by="Anna", wall_ns=1)
    else:
        sealed_log(log)
    setup = replace(pump(DRUG), container=CODE)  # type: ignore[operator]
    with pytest.raises(ContainerRefused, match=words) as refused:
        open_logs([setup], "s1", DAY)
    assert not tells(str(refused.value))


def test_an_expired_container_is_refused_and_a_sealed_one_is_not_diluted() -> None:
    sealed_log(expires=date(2026, 1, 1))
    with pytest.raises(ContainerRefused, match="expired"):
        check_filled_from(containers.label_of(containers.entries_of(CODE)), blinded(DRUG, CODE), DAY)
    with pytest.raises(ContainerRefused, match="is not diluted"):
        containers.dilute(CODE, "D-1", 10.0, 10.0, lot="", expires=date(2026, 1, 1), by="Anna", wall_ns=2)


def test_a_seal_that_does_not_open_begins_no_log() -> None:
    with pytest.raises(ContainerRefused, match="was made for another syringe"):
        containers.open_sealed("M2P", "M2P", sealed(DRUG), 500.0, lot="b", expires=DAY, by="Anna", wall_ns=1)
    with pytest.raises(ContainerRefused, match="no log"):
        ContainerBook.open("M2P", "s1")


def test_the_log_is_begun_from_the_protocol(bench: Bench) -> None:
    blind(bench, DRUG).experiment()
    words = ["container", "open-sealed", str(bench.folder / "protocol.toml"), "500 uL", "--pump", "p1"]
    told = CliRunner().invoke(app, [*words, "--lot", "batch-1", "--expires", "2027-01-01", "--by", "Anna"])
    assert "K7Q: 500 µL of blinded K7Q" in told.output
    assert containers.label_of(containers.entries_of(CODE)).substance == "blinded K7Q"
    bench.edit(f'code = "{CODE}"', f'code = "{CODE}"\ncontainer = "ketamine-1"')
    assert bench.problem().field == "pumps.p1.container"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


# ---- opening one ----------------------------------------------------------------------------------------------------


def opened(content: Solution = DRUG, by: str = "Bo", reason: str = "apnoea", **more: object) -> unblinding.Unblinded:
    return unblind_code(CODE, sealed(content), by, reason, 7, **more)  # type: ignore[arg-type]


def test_who_opened_which_syringe_when_and_why_is_written_and_what_was_in_it_is_not(books: Path) -> None:
    notes: list[str] = []

    def tell(text: str) -> str:
        notes.append(text)
        return ""

    found = opened(tell_session=tell)
    assert found.text == "K7Q holds ketamine hydrochloride, 10 mg/mL."
    assert found.troubles == ()
    assert unblindings(STUDY) == (Unblinding(CODE, "Bo", "apnoea", 7),)
    assert notes == ["UNBLINDED K7Q by Bo: apnoea"]
    assert not any(tells(page) for page in (*pages(books), *notes, repr(found)))
    assert opened(VEHICLE).text == "K7Q holds the vehicle: no drug."


@pytest.mark.parametrize(("by", "reason"), [("", "apnoea"), ("Bo", "  ")])
def test_nobody_opens_one_without_a_name_and_a_reason(by: str, reason: str) -> None:
    with pytest.raises(ValueError, match="for a reason"):
        opened(by=by, reason=reason)
    assert unblindings(STUDY) == ()


def test_what_cannot_be_written_keeps_nobody_from_the_answer_and_is_said() -> None:
    held = Book(*book_place(KIND, STUDY)).open()
    found = opened(tell_session=lambda _text: "it hung up")
    held.close()
    assert "ketamine" in found.text
    assert [trouble[:11] for trouble in found.troubles] == ["NOT WRITTEN", "The running"]


def test_a_session_that_holds_the_animals_book_keeps_nobody_waiting() -> None:
    book = AnimalBook.open("m1", "s1", 25.0)
    book.intend(blinded(DRUG), 1, PROGRAM, wall_ns=0)
    with pytest.raises(BookUnwritable):
        AnimalBook.open("m1", "s2", 25.0)
    told = CliRunner().invoke(app, ["unblind", "k7q", "--by", "Bo", "--reason", "apnoea"])
    assert (told.exit_code, "K7Q holds ketamine hydrochloride, 10 mg/mL." in told.output) == (0, True)
    assert [one.by for one in unblindings(STUDY)] == ["Bo"]
    book.close()


def test_name_and_reason_are_asked_for_and_a_code_that_nobody_knows_opens_nothing(bench: Bench) -> None:
    protocol = ["--protocol", str(bench.folder / "protocol.toml")]
    blind(bench, VEHICLE).experiment()
    told = CliRunner().invoke(app, ["unblind", CODE, *protocol], input="Bo\nthe study is over\n")
    assert "K7Q holds the vehicle" in told.output
    assert [one.reason for one in unblindings(STUDY)] == ["the study is over"]
    assert CliRunner().invoke(app, ["unblind", "ZZZ", *protocol, "--by", "Bo", "--reason", "x"]).exit_code == 2
    assert sealed_texts("ZZZ") == ()
    seal_key_place(STUDY).unlink()
    contents.opened_once.cache_clear()
    told = CliRunner().invoke(app, ["unblind", CODE, *protocol, "--by", "Bo", "--reason", "x"])
    assert (told.exit_code, "is not on this computer" in told.output) == (2, True)


def test_a_syringe_of_another_study_that_does_not_open_keeps_nobody_from_the_answer() -> None:
    """The code was used in two studies; the key of the other one is not here."""
    book = AnimalBook.open("m1", "s1", 25.0)
    other = replace(blinded(DRUG), sealed=sealed(VEHICLE, study="elsewhere1"))
    for pump in (other, blinded(DRUG)):
        book.intend(pump, 1, PROGRAM, wall_ns=0)
    book.close()
    seal_key_place("elsewhere1").unlink()
    contents.opened_once.cache_clear()
    told = CliRunner().invoke(app, ["unblind", CODE, "--by", "Bo", "--reason", "apnoea"])
    assert told.exit_code == 0
    assert "K7Q holds ketamine hydrochloride, 10 mg/mL." in told.output
    assert "is not on this computer" in told.output
    assert "name the session or the protocol" in told.output


def test_no_defect_of_book_or_engine_comes_before_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*_args: object, **_more: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(unblinding, "note_unblinding", defect)
    monkeypatch.setattr(EngineClient, "connect", defect)
    found = opened()
    assert "ketamine" in found.text
    assert [trouble[:11] for trouble in found.troubles] == ["NOT WRITTEN", "The running"]


def test_a_session_that_was_cut_short_before_anything_was_given_is_found_too(tmp_path: Path) -> None:
    sessions.opened("s1", tmp_path / "gone", "m1", (blinded(DRUG),), 0)
    assert sealed_texts(CODE) == (sessions.unfinished()[0].pumps[0].sealed,)
