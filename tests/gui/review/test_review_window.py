"""The window of a recording by hand: look, choose, annotate. Nothing of the recording ever changes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acquisition.books.annotations import NAME, annotate, read_annotations
from acquisition.recording.journal import JOURNAL_NAME
from tests.analysis.session_kit import GAP

if TYPE_CHECKING:
    from gui.review.window import ReviewWindow
    from tests.gui.review.conftest import ReviewBench


def test_a_recording_is_shown_whole_and_says_that_it_is_simulated(review: ReviewBench, recorded: Path) -> None:
    window = review.open(recorded)
    assert "SIMULATED" in window.strip.text
    assert window.strip.isVisible()
    assert [row.name.text() for row in window.traces.channels] == ["glu", "null"]
    assert [row.name.text() for row in window.traces.pumps] == ["drug"]
    assert window.traces.view.left_s == 0.0
    assert window.traces.view.right_s == pytest.approx(2400.0, abs=1.0)
    assert not window.head.problem.isVisible()


def test_the_wheel_zooms_where_the_pointer_is_and_a_drag_of_the_right_button_moves(
    review: ReviewBench, recorded: Path
) -> None:
    window = review.open(recorded)
    glass = window.traces.glass
    third = glass.width() / 3
    at_s = glass.seconds(third)
    turn_wheel(review, window, third, 120 * 5)
    assert window.traces.view.width_s == pytest.approx(2400.0 * 0.8**5, rel=1e-3)
    assert glass.seconds(third) == pytest.approx(at_s, abs=2.0)
    before = window.traces.view
    drag(review, window, 300, 200, right=True)
    moved_s = window.traces.view.left_s - before.left_s
    assert moved_s == pytest.approx(100 * before.width_s / glass.width(), rel=0.05)


def test_the_gap_is_not_drawn_over_in_the_window(review: ReviewBench, recorded: Path) -> None:
    window = review.open(recorded)
    window.traces.look(window.traces.view.at(880, 960))
    window.traces.draw()
    t_s, _value = window.traces.channels[0].curve.getData()
    assert not ((t_s > GAP[0] / 10) & (t_s < GAP[1] / 10 - 0.01)).any()


def test_what_the_hand_chooses_stands_in_the_boxes(review: ReviewBench, recorded: Path) -> None:
    window = review.open(recorded)
    glass = window.traces.glass
    drag(review, window, 100, 300)
    first, second = window.traces.chosen or (0.0, 0.0)
    assert first == pytest.approx(glass.seconds(100), abs=3.0)
    assert second == pytest.approx(glass.seconds(300), abs=3.0)
    assert window.card.end.text() != ""
    drag(review, window, 100, 101)
    assert window.card.end.text() == ""
    review.hands.key(window, "Escape")
    assert window.card.start.text() == ""


def test_a_stretch_that_is_typed_is_chosen_without_a_mouse(review: ReviewBench, recorded: Path) -> None:
    window = review.open(recorded)
    review.hands.focus(window, window.card.start)
    review.hands.type(window.card.start, "10:00")
    review.hands.key(window.card.start, "Return")
    assert window.traces.chosen == (600.0, 600.0)
    review.hands.type(window.card.end, "10:30")
    review.hands.key(window.card.end, "Return")
    assert window.traces.chosen == (600.0, 630.0)
    window.card.end.setText("9:00")
    review.hands.key(window.card.end, "Return")
    assert window.traces.chosen == (600.0, 630.0)


def test_an_annotation_is_added_to_the_book_and_shown_and_the_recording_stays_as_it_was(
    review: ReviewBench, session: Path
) -> None:
    before = hashlib.sha256((session / JOURNAL_NAME).read_bytes()).hexdigest()
    window = review.open(session)
    window.traces.choose((100.0, 110.0))
    window.card.text.setText("cable touched")
    window.card.blank.setChecked(True)
    review.hands.click(window.card.add_button)
    (made,) = read_annotations(session)
    assert (made.start_s, made.end_s, made.text, made.by, made.blank) == (100.0, 110.0, "cable touched", "Ada", True)
    assert made.wall_ns == 7_000_000_000
    assert [bar.number for bar in window.traces.added] == [1]
    assert "cable touched" in text_of(window, 0)
    assert window.card.text.text() == ""
    assert hashlib.sha256((session / JOURNAL_NAME).read_bytes()).hexdigest() == before


def test_a_withdrawal_is_an_entry_more(review: ReviewBench, session: Path) -> None:
    annotate(session, "cable", "Bo", 1, start_s=5, end_s=6)
    window = review.open(session)
    window.card.list.setCurrentRow(0)
    window.card.text.setText("it was a response")
    review.hands.click(window.card.withdraw_button)
    assert [one.withdraws for one in read_annotations(session)] == [None, 1]
    assert window.traces.added == ()
    assert window.card.list.count() == 2


def test_what_another_program_adds_is_shown_at_the_next_look(review: ReviewBench, session: Path) -> None:
    window = review.open(session)
    assert window.card.list.count() == 0
    annotate(session, "by the command line", "Bo", 1, start_s=5)
    window.look_again()
    assert "by the command line" in text_of(window, 0)


def test_a_book_that_was_changed_is_said_and_the_recording_is_shown_all_the_same(
    review: ReviewBench, session: Path
) -> None:
    annotate(session, "cable", "Bo", 1, start_s=5)
    (session / NAME).write_bytes((session / NAME).read_bytes().replace(b"cable", b"table"))
    window = review.open(session)
    assert "cannot be trusted" in window.card.answer.text()
    assert len(window.traces.channels) == 2
    window.card.text.setText("more")
    window.traces.choose((1.0, 1.0))
    review.hands.click(window.card.add_button)
    assert "Nothing was added" in window.card.answer.text()


def test_a_folder_without_a_recording_is_said_in_a_sentence(review: ReviewBench, tmp_path: Path) -> None:
    window = review.open(tmp_path)
    assert "cannot be read" in window.head.problem.text()
    assert window.head.problem.isVisible()


def test_letters_typed_into_a_box_are_letters(review: ReviewBench, recorded: Path) -> None:
    window = review.open(recorded)
    review.hands.focus(window, window.card.text)
    review.hands.type(window.card.text, "tuny 1.5")
    assert window.card.text.text() == "tuny 1.5"
    assert window.traces.scale == "current"


def test_keys_look_around(review: ReviewBench, recorded: Path) -> None:
    window = review.open(recorded)
    glass = window.traces.glass
    review.hands.key(glass, "3")
    assert window.traces.view.width_s == 300.0
    review.hands.key(glass, "Home")
    review.hands.key(glass, "Right")
    assert window.traces.view.left_s == 150.0
    review.hands.key(glass, "U")
    assert window.traces.scale == "apparent"
    review.hands.key(glass, "Home")
    review.hands.key(glass, ".")
    assert window.traces.chosen == (700.0, 700.0)
    assert window.traces.view.left_s < 700.0 < window.traces.view.right_s


def test_every_control_can_be_reached_by_tab_and_has_a_name_and_all_text_is_plain(
    review: ReviewBench, recorded: Path
) -> None:
    from PyQt6.QtCore import Qt  # noqa: PLC0415 - only where Qt is
    from PyQt6.QtWidgets import QAbstractButton, QComboBox, QLineEdit  # noqa: PLC0415 - the same

    window = review.open(recorded)
    parts: list[Any] = [*window.findChildren(QAbstractButton), *window.findChildren(QComboBox)]
    parts += [part for part in window.findChildren(QLineEdit) if part.isVisible()]
    parts = [part for part in parts if part.isVisible()]
    assert [part for part in parts if not (part.accessibleName() or part.text())] == []
    assert [part for part in parts if not part.focusPolicy() & Qt.FocusPolicy.TabFocus] == []
    assert review.hands.are_plain(window)


def text_of(window: ReviewWindow, row: int) -> str:
    item = window.card.list.item(row)
    return item.text() if item is not None else ""


def drag(review: ReviewBench, window: ReviewWindow, first: int, last: int, *, right: bool = False) -> None:
    from PyQt6.QtCore import QPoint, Qt  # noqa: PLC0415 - only where Qt is
    from PyQt6.QtTest import QTest  # noqa: PLC0415 - the same

    hands: Any = QTest
    held = Qt.MouseButton.RightButton if right else Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    hands.mousePress(window.traces.glass, held, none, QPoint(first, 50))
    for x in ((first + last) // 2, last):
        hands.mouseMove(window.traces.glass, QPoint(x, 50))
        review.settle()
        window.traces.draw()
    hands.mouseRelease(window.traces.glass, held, none, QPoint(last, 50))
    review.settle()
    window.traces.draw()


def turn_wheel(review: ReviewBench, window: ReviewWindow, x: float, eighths: int) -> None:
    from PyQt6.QtCore import QPoint, QPointF, Qt  # noqa: PLC0415 - only where Qt is
    from PyQt6.QtGui import QWheelEvent  # noqa: PLC0415 - the same

    at, none = QPointF(x, 50), QPoint(0, 0)
    inverted = False
    event = QWheelEvent(
        at,
        at,
        none,
        QPoint(0, eighths),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        inverted,
    )
    review.hands.app.sendEvent(window.traces.glass, event)
    window.traces.draw()
    review.settle()
