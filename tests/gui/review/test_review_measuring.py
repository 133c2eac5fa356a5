"""Measuring in the window of a recording: the boxes, what came of them, the table, the report; nothing holds it up."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acquisition.books.annotations import annotate, read_annotations
from analysis import measuring
from analysis.remeasure import Measured, remeasure
from analysis.review import Recording
from gui.presenters.review import measuring as shown_measuring
from gui.presenters.review import results
from gui.presenters.review.lines import lines
from gui.presenters.review.measuring import Chosen, usual
from gui.presenters.review.tracks import tracks
from gui.review.measure import measure, offer
from gui.review.session import Opened
from gui.review.work import ThreadWorker
from tests.analysis.halved_kit import EVIL, recording

if TYPE_CHECKING:
    from gui.review.window import ReviewWindow
    from tests.gui.review.conftest import ReviewBench


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return recording(tmp_path_factory.mktemp("halved"))


@pytest.fixture
def window(review: ReviewBench, halved: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReviewWindow:
    """The recording whose truth is known, at a folder of the test's own."""
    here = Recording(tmp_path, halved.data)
    found = lines(here)
    opened = Opened(here, found, tracks(here, found.end_s))
    monkeypatch.setattr("gui.review.window.open_session", lambda _folder: opened)
    return review.open(tmp_path)


# -- words -------------------------------------------------------------------------------------------------------------


def test_what_is_offered_is_what_a_report_would_take(halved: Recording) -> None:
    found = offer(halved)
    assert found.stimuli == (("KCl", 20),)
    assert usual(found) == Chosen("KCl", "drug", "stat.glu", "stat.null")
    assert measure(halved, usual(found)).measuring == measuring.Measuring("stat.glu", "stat.null")
    assert shown_measuring.NO_SENTINEL == measuring.NO_SENTINEL
    assert tuple(value for value, _text in shown_measuring.DIRECTIONS) == measuring.DIRECTIONS


def test_the_effect_is_one_line_and_the_doubts_stand_below_it(halved: Recording) -> None:
    found = measure(halved, usual(offer(halved)))
    text, tone = results.headline(found)
    assert re.search(r"after / before = 0\.5\d \(95 %: 0\.\d\d to 0\.\d\d\), n = 4 after, 6 before$", text)
    assert tone == "normal"
    assert results.doubts(found) == []
    alone = remeasure(halved, "KCl", "drug", measuring.Measuring("stat.null", "none"))
    said = " ".join(results.doubts(alone))
    assert "nA" in said
    assert "no sentinel" in said


def test_a_result_that_hangs_on_a_window_says_so(halved: Recording) -> None:
    found = measure(halved, usual(offer(halved)))
    key = next(iter(found.effects))
    turned = {**found.effects, key: replace(found.effects[key], low=0.9, high=1.1)}
    assert not results.hangs_on_a_window(found)
    assert results.hangs_on_a_window(replace(found, effects=turned))


def test_the_tables_have_a_blank_beside_each_response_and_a_row_for_each_window(halved: Recording) -> None:
    found = measure(halved, usual(offer(halved)))
    cells = results.response_cells(found)
    assert len(cells.rows) == 20
    assert {len(row) for row in cells.rows} == {len(cells.heads)} == {len(cells.tips)}
    blank = cells.heads.index("blank")
    assert cells.rows[2][blank] == f"{found.shapes[2].blank:.2f}".replace("-", "−")
    assert cells.marked[0] == 10
    firm = results.effect_cells(found)
    assert [row[0] for row in firm.rows] == list(found.measuring.effect_windows)
    assert firm.heads == ("windows", "template fit", "picked", "picked, mean of 3 s", "n")


def test_without_a_drug_there_are_responses_and_no_effect(halved: Recording) -> None:
    found = measure(halved, replace(usual(offer(halved)), drug=""))
    assert "no pump was chosen" in results.headline(found)[0]
    assert results.effect_cells(found).rows == ()
    assert results.tonic(found) == ""


# -- hands -------------------------------------------------------------------------------------------------------------


def test_measuring_shows_effect_table_charts_and_what_was_measured_on(
    review: ReviewBench, window: ReviewWindow
) -> None:
    assert not window.results.isVisible()
    review.hands.key(window.traces.glass, "M")
    review.hands.click(window.desk.card.measure_button)
    review.settle()
    assert window.results.isVisible()
    assert "= 0.5" in window.results.headline.text()
    assert window.results.responses.rowCount() == 20
    assert window.traces.channels[0].name.text() == "glu − null"
    assert window.traces.channels[0].unit.text() == "in µM"
    assert len(window.results.average.item.items) > 4
    review.hands.click(window.desk.card.measure_button)
    window.traces.draw()
    assert [row.name.text() for row in window.traces.channels] == ["glu − null", "glu", "null"]


def test_a_row_of_the_table_leads_to_its_response(review: ReviewBench, window: ReviewWindow) -> None:
    window.desk.card.measure()
    window.results.responses.cellClicked.emit(3, 0)
    found = window.results.found
    assert found is not None
    onset_s = float(found.responses.onset_s[3])
    assert window.traces.chosen == (onset_s, onset_s + 15.0)
    assert window.traces.view.left_s < onset_s - 10.0
    assert window.traces.view.width_s == pytest.approx(210.0)


def test_other_settings_give_another_result_and_as_usual_brings_the_first_back(
    review: ReviewBench, window: ReviewWindow
) -> None:
    card = window.desk.card
    card.after[1].setText("15")
    card.measure()
    assert result(window).measuring.effect.after_s == (600.0, 900.0)
    review.hands.click(card.reset)
    card.measure()
    assert result(window).measuring.effect.after_s == (600.0, 1800.0)


def test_what_cannot_be_is_a_sentence_and_the_last_result_stays(review: ReviewBench, window: ReviewWindow) -> None:
    card = window.desk.card
    card.measure()
    first = window.results.found
    card.search[0].setText("soon")
    card.measure()
    assert "is no stretch" in card.answer.text()
    assert card.measure_button.isEnabled()
    assert window.results.found is first


def test_the_table_is_saved_where_a_person_says(review: ReviewBench, window: ReviewWindow, tmp_path: Path) -> None:
    card = window.desk.card
    assert not card.save.isEnabled()
    card.measure()
    review.hands.click(card.save)
    assert review.proposed == [str(tmp_path / "responses-stat.glu.csv")]
    assert list(tmp_path.glob("*.csv")) == []
    review.save_to = str(tmp_path / "mine.csv")
    review.hands.click(card.save)
    text = (tmp_path / "mine.csv").read_text(encoding="utf-8-sig")
    assert len(list(csv.DictReader(text.splitlines()))) == 20
    review.save_to = str(tmp_path / "gone" / "mine.csv")
    review.hands.click(card.save)
    assert "No such file" in card.answer.text()


def test_the_report_is_written_with_what_stands_in_the_boxes_and_opened(
    review: ReviewBench, window: ReviewWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    def write(*words: object) -> list[Path]:
        asked.append(words)
        return [tmp_path / "report.html", tmp_path / "report.pdf"]

    monkeypatch.setattr("analysis.report.files.write_report", write)
    card = window.desk.card
    card.until.setText("45")
    review.hands.click(card.report)
    assert asked[0][1:4] == (tmp_path, "KCl", "drug")
    assert isinstance(asked[0][4], measuring.Measuring)
    assert asked[0][4].window.until_s == 45.0
    review.hands.click(card.open_report)
    assert review.pages == [str(tmp_path / "report.html")]


def test_a_stretch_that_is_blanked_after_measuring_asks_for_measuring_again(
    review: ReviewBench, window: ReviewWindow, tmp_path: Path
) -> None:
    window.desk.card.measure()
    annotate(tmp_path, "only a remark", "Bo", 1, start_s=5)
    window.look_again()
    assert "Measure" not in window.desk.card.answer.text()
    annotate(tmp_path, "cable", "Bo", 2, start_s=440, end_s=470, blank=True)
    window.look_again()
    assert "press Measure" in window.desk.card.answer.text()
    window.desk.card.measure()
    assert "1 response could not be measured" in window.results.doubts.text()


def test_the_window_goes_on_while_something_is_measured(review: ReviewBench, window: ReviewWindow) -> None:
    review.worker.held = []
    window.desk.card.measure()
    assert "measuring" in window.desk.card.answer.text()
    assert not window.desk.card.measure_button.isEnabled()
    review.hands.key(window.traces.glass, "3")
    assert window.traces.view.width_s == 300.0
    (job,) = review.worker.held
    job()
    assert window.results.found is not None


def test_what_a_person_or_a_file_said_is_shown_as_text(
    review: ReviewBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = recording(tmp_path, name=EVIL)
    found = lines(evil)
    monkeypatch.setattr("gui.review.window.open_session", lambda _f: Opened(evil, found, tracks(evil, found.end_s)))
    window = review.open(tmp_path)
    window.desk.card.measure()
    assert review.hands.are_plain(window)
    assert not [text for text in review.hands.texts(window) if "\x1b" in text]
    assert "<script>" in window.head.name.text()


# -- worker ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def thread() -> Iterator[ThreadWorker]:
    made = ThreadWorker()
    yield made
    made.close()


def test_jobs_run_one_after_the_other_and_their_errors_are_sentences(
    thread: ThreadWorker, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong() -> None:
        raise ValueError("the window ends before it begins")

    def broken() -> None:
        raise ZeroDivisionError

    told: list[str] = []
    thread.submit(lambda: 1, lambda found: told.append(f"done {found}"), told.append)
    thread.submit(wrong, told.append, told.append)
    thread.submit(broken, told.append, told.append)
    thread.submit(lambda: Path("/no/such/file").read_bytes(), told.append, told.append)
    thread.close()  # waits for the thread; what it still has to tell is dropped
    thread.poll()
    assert told == []
    again = ThreadWorker()
    for job in (lambda: 1, wrong, broken, lambda: Path("/no/such/file").read_bytes()):
        again.submit(job, lambda found: told.append(f"done {found}"), told.append)
    again._jobs.put(None)
    again._thread.join()
    again.poll()
    assert told[:2] == ["done 1", "the window ends before it begins"]
    assert "a mistake in Amperfuse" in told[2]
    assert told[3] == "No such file or directory: /no/such/file"
    assert "ZeroDivisionError" in capsys.readouterr().err


def result(window: ReviewWindow) -> Measured:
    found = window.results.found
    assert found is not None
    return found


def test_an_annotation_does_not_wait_for_a_report(review: ReviewBench, window: ReviewWindow, tmp_path: Path) -> None:
    review.worker.held = []
    window.desk.card.report.click()
    assert len(review.worker.held) == 1
    window.traces.choose((100.0, 110.0))
    window.card.text.setText("cable touched")
    window.card.add()
    assert [one.text for one in read_annotations(tmp_path)] == ["cable touched"]
    assert [bar.text for bar in window.traces.added] == ["cable touched"]
