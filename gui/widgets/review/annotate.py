"""The card on which something is said about the recording, and the list of what was said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
)

from gui.palette import Palette
from gui.presenters.review.annotations import (
    ALL_CHANNELS,
    AnnotationLine,
    Draft,
    read_draft,
    read_withdrawal,
)
from gui.presenters.review.view import clock, read_clock
from gui.presenters.text import Tone, plain
from gui.theme import font
from gui.widgets.notes import NameBox
from gui.widgets.plain import PlainLabel, button, row, set_tooltip
from gui.widgets.review.choice import Choice
from gui.widgets.review.toolbar import reachable

MOST_CHARACTERS = 2000


@dataclass(frozen=True)
class AnnotateActions:
    """What the card asks for."""

    add: Callable[[Draft], None]
    show: Callable[[AnnotationLine], None]
    choose: Callable[[tuple[float, float]], None]
    """Is told what stretch was typed."""


class AnnotateCard(QFrame):
    """From, to, channel, text, name; below it everything that was added so far."""

    def __init__(self, palette: Palette, actions: AnnotateActions) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - Qt's property takes any value
        self._palette, self._actions = palette, actions
        self._lines: tuple[AnnotationLine, ...] = ()
        self._channels: tuple[str, ...] = ()
        self.start = box("from", "h:mm:ss.s", 40)
        self.end = box("to; empty for a moment", "h:mm:ss.s", 40)
        for part in (self.start, self.end):
            part.editingFinished.connect(self._typed)
        self.channel = Choice("channel that it is about")
        self.blank = QCheckBox("An artefact: do not measure this stretch")
        self.blank.setFont(font(13))
        set_tooltip(self.blank, "Its samples stay in the recording; whoever measures leaves the stretch out.")
        self.text = box("what there is to say", "What there is to say (key N)", MOST_CHARACTERS)
        self.text.returnPressed.connect(self.add)
        self.by = NameBox("Your name", "An annotation is somebody's.")
        self.by.setAccessibleName("your name")
        self.add_button = reachable(button("Add annotation", "Key: Enter in the text", main=True), "add annotation")
        self.add_button.clicked.connect(self.add)
        self.withdraw_button = reachable(
            button("Withdraw chosen", "Says that the chosen one does not hold; the text above says why. Both stay."),
            "withdraw the chosen annotation",
        )
        self.withdraw_button.clicked.connect(self.withdraw)
        self.answer = PlainLabel(tone="dim")
        self.answer.setWordWrap(True)
        self.list = QListWidget()
        self.list.setFont(font(13))
        self.list.setWordWrap(True)
        self.list.setAccessibleName("annotations, newest first")
        self.list.currentRowChanged.connect(self._show_chosen)
        self._lay_out()

    def _lay_out(self) -> None:
        form = QGridLayout()
        form.setHorizontalSpacing(8)
        form.setVerticalSpacing(6)
        form.addWidget(PlainLabel("From", tone="dim"), 0, 0)
        times = row(self.start, PlainLabel("to", tone="dim"), self.end)
        form.addLayout(times, 0, 1)
        form.addWidget(PlainLabel("About", tone="dim"), 1, 0)
        form.addWidget(self.channel, 1, 1)
        form.addWidget(PlainLabel("Text", tone="dim"), 2, 0)
        form.addWidget(self.text, 2, 1)
        form.addWidget(PlainLabel("Name", tone="dim"), 3, 0)
        form.addWidget(self.by, 3, 1)
        form.addWidget(self.blank, 4, 0, 1, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 10)
        layout.setSpacing(8)
        how = PlainLabel("Drag over the traces for a stretch, click for a moment.", tone="dim")
        how.setWordWrap(True)
        layout.addWidget(how)
        layout.addLayout(form)
        layout.addLayout(row(self.add_button, 1, self.withdraw_button))
        layout.addWidget(self.answer)
        layout.addWidget(self.list, 1)

    def show_channels(self, names: Sequence[str]) -> None:
        """Offer these channels."""
        self._channels = tuple(names)
        self.channel.clear()
        self.channel.addItems([ALL_CHANNELS, *(plain(name) for name in names)])

    def show_chosen(self, chosen: tuple[float, float] | None) -> None:
        """Put what the hand chose into the boxes."""
        self.start.setText("" if chosen is None else clock(chosen[0], 2))
        self.end.setText("" if chosen is None or chosen[1] == chosen[0] else clock(chosen[1], 2))

    def show_lines(self, lines: tuple[AnnotationLine, ...]) -> None:
        """Show the list."""
        self._lines = lines
        chosen = self._chosen()
        self.list.blockSignals(True)  # noqa: FBT003 - Qt's own
        self.list.clear()
        for line in lines:
            item = QListWidgetItem(line.text)
            item.setForeground(QColor(self._palette.text if line.stands else self._palette.dim))
            self.list.addItem(item)
        if chosen is not None:
            place = next((k for k, line in enumerate(lines) if line.number == chosen.number), -1)
            self.list.setCurrentRow(place)
        self.list.blockSignals(False)  # noqa: FBT003 - Qt's own

    def set_palette(self, palette: Palette) -> None:
        """Change colours."""
        self._palette = palette
        self.show_lines(self._lines)

    def tell(self, text: str, tone: Tone) -> None:
        """Say what became of it."""
        self.answer.show_text(text, tone)

    def added(self) -> None:
        """Empty the card for the next one; the name stays."""
        self.text.clear()
        self.blank.setChecked(False)

    def add(self) -> None:
        """Ask for what was typed to be added, or say what is missing."""
        place = self.channel.currentIndex() - 1
        channel = self._channels[place] if 0 <= place < len(self._channels) else ""
        try:
            draft = read_draft(
                self.start.text(), self.end.text(), self.text.text(), self.by.text(), channel,
                blank=self.blank.isChecked(),
            )  # fmt: skip
        except ValueError as error:
            self.tell(f"Not added: {error}.", "warn")
            return
        self._actions.add(draft)

    def withdraw(self) -> None:
        """Ask for the chosen one to be withdrawn, or say what is missing."""
        try:
            draft = read_withdrawal(self._chosen(), self.text.text(), self.by.text())
        except ValueError as error:
            self.tell(f"Not withdrawn: {error}.", "warn")
            return
        self._actions.add(draft)

    def _typed(self) -> None:
        """Choose the stretch that was typed, so that it is seen before anything is said about it."""
        try:
            start_s = read_clock(self.start.text())
            end_s = read_clock(self.end.text()) if self.end.text().strip() else start_s
        except ValueError:
            return  # said when it is to be added
        if start_s <= end_s:
            self._actions.choose((start_s, end_s))

    def _chosen(self) -> AnnotationLine | None:
        place = self.list.currentRow()
        return self._lines[place] if 0 <= place < len(self._lines) else None

    def _show_chosen(self, place: int) -> None:
        if 0 <= place < len(self._lines):
            self._actions.show(self._lines[place])


def box(name: str, placeholder: str, longest: int) -> QLineEdit:
    """Return a box for one line of text."""
    made = QLineEdit()
    made.setFont(font(13))
    made.setMaxLength(longest)
    made.setPlaceholderText(placeholder)
    made.setAccessibleName(name)
    made.setAlignment(Qt.AlignmentFlag.AlignLeft)
    return made
