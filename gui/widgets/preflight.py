"""The panel of the pre-flight: every line that stands in the way, with its button; a name under each (R31)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import QRegularExpression
from PyQt6.QtGui import QRegularExpressionValidator
from PyQt6.QtWidgets import QFrame, QLineEdit, QVBoxLayout, QWidget

from gui.layout import scrolled
from gui.presenters.preflight import PreflightCard, PreflightRow, volume_ul
from gui.theme import font
from gui.widgets.notes import NameBox
from gui.widgets.plain import PlainLabel, button, row, set_tooltip

MARK_PX = 110
HEAD_PX = 64
SHARE = 0.55
"""Of the window's height, at most: what was recorded so far stays in view."""


@dataclass(frozen=True)
class PreflightActions:
    """What the buttons do; the name comes from the panel."""

    check: Callable[[], None]
    accept: Callable[[str, str], None]
    """Line, name."""
    move: Callable[[str, str], None]
    """Pump, name."""
    read: Callable[[str, float, str], None]
    """Pump, what was seen in uL, name."""


class PreflightLine(QWidget):
    """One line."""

    def __init__(self, shown: PreflightRow, actions: PreflightActions, name: Callable[[], str]) -> None:
        super().__init__()
        self.row = shown
        self._actions, self._name = actions, name
        self.mark = PlainLabel(weight=700)
        self.mark.setFixedWidth(MARK_PX)
        self.what = PlainLabel(weight=600)
        self.todo = PlainLabel(pixels=12, tone="dim")
        for label in (self.what, self.todo):
            label.setWordWrap(True)
        self.sign = button("Accept")
        self.sign.clicked.connect(lambda: self._signed(lambda by: actions.accept(self.row.item_id, by)))
        self.displace = button(
            "Line is off: move 2 mm", "The line is in a waste vessel, not on the animal. Watch the plunger."
        )
        self.displace.clicked.connect(lambda: self._signed(lambda by: actions.move(self.row.scale_pump, by)))
        self.seen = QLineEdit()
        self.seen.setFont(font(13))
        self.seen.setFixedWidth(90)
        self.seen.setPlaceholderText("seen, µL")
        self.seen.setValidator(QRegularExpressionValidator(QRegularExpression(r"[0-9]{0,6}(\.[0-9]{0,4})?"), self))
        set_tooltip(self.seen, "By how much the volume on the barrel changed. Enter keeps it.")
        self.seen.returnPressed.connect(self._entered)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(self.what)
        texts.addWidget(self.todo)
        layout = row(self.mark)
        layout.addLayout(texts, 1)
        for part in (self.displace, self.seen, self.sign):
            layout.addWidget(part)
        self.setLayout(layout)
        self.show_row(shown)

    def show_row(self, shown: PreflightRow) -> None:
        """Show what is new of the same line."""
        self.row = shown
        self.mark.show_text(shown.mark, shown.tone)
        self.what.show_text(shown.what)
        self.todo.show_text(" ".join(text for text in (shown.so_what, shown.do_what) if text))
        self.sign.setText(shown.button)
        self.sign.setVisible(bool(shown.button))
        self.displace.setVisible(bool(shown.scale_pump))
        self.seen.setVisible(bool(shown.scale_pump))

    def _signed(self, act: Callable[[str], None]) -> None:
        name = self._name()
        if name:
            act(name)

    def _entered(self) -> None:
        seen = volume_ul(self.seen.text())
        if seen is not None:
            self._signed(lambda by: self._actions.read(self.row.scale_pump, seen, by))
            self.seen.clearFocus()


class PreflightPanel(QFrame):
    """The list, while the session is ready and the plan not started."""

    def __init__(self, actions: PreflightActions) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - Qt's property takes any value
        self._actions = actions
        self.lines: list[PreflightLine] = []
        self.headline = PlainLabel(pixels=15, weight=600)
        self.hint = PlainLabel(tone="warn", weight=600)
        self.name = NameBox(
            "Your name, for what you tick and accept", "It stands in the record under every line you sign."
        )
        self.name.setFixedWidth(290)
        self.name.textChanged.connect(lambda: self.hint.show_text(""))
        self.check = button("Run checks", "STOP to every pump, then silence until its watchdog expires. Nothing moves.")
        self.check.clicked.connect(actions.check)
        self.fine = PlainLabel(pixels=12, tone="dim")
        self.fine.setWordWrap(True)
        self._scroll, self._rows = scrolled("cards", spacing=6)
        self._rows.addWidget(self.fine)
        self._rows.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 8, 14, 8)
        layout.addLayout(row(self.headline, 1, self.hint, self.name, self.check))
        layout.addWidget(self._scroll, 1)
        self.hide()

    def show_card(self, card: PreflightCard | None, window_px: int) -> None:
        """Show the list; the same lines keep their widgets, so that a button can be hit and a number typed."""
        self.setVisible(card is not None)
        if card is None:
            return
        self.headline.show_text(card.headline)
        self.fine.show_text(card.fine)
        if [line.row.item_id for line in self.lines] == [shown.item_id for shown in card.rows]:
            for line, shown in zip(self.lines, card.rows, strict=True):
                line.show_row(shown)
        else:
            self._rebuild(card.rows)
        viewport = self._scroll.viewport()
        width_px = viewport.width() if viewport is not None else 0
        wanted_px = self._rows.heightForWidth(width_px) + HEAD_PX
        self.setFixedHeight(min(wanted_px, round(SHARE * window_px)))

    def _rebuild(self, rows: tuple[PreflightRow, ...]) -> None:
        kept = {line.row.item_id: line for line in self.lines}
        self.lines = [kept.pop(new.item_id) if new.item_id in kept else self._new(new) for new in rows]
        for gone in kept.values():
            self._rows.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        for place, line in enumerate(self.lines):
            self._rows.insertWidget(place, line)
            line.show_row(rows[place])

    def _new(self, shown: PreflightRow) -> PreflightLine:
        return PreflightLine(shown, self._actions, self._named)

    def _named(self) -> str:
        if not self.name.name:
            self.hint.show_text("Write your name first.")
            self.name.setFocus()
        return self.name.name
