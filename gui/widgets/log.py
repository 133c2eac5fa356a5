"""The event log: plain text, bounded, newest at the bottom, with a simple filter."""

from __future__ import annotations

from collections.abc import Iterable

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QTextCharFormat, QTextCursor
from PyQt6.QtWidgets import QComboBox, QFrame, QPlainTextEdit, QVBoxLayout

from acquisition.messages import EventNotice
from gui.presenters.log import FILTERS, log_line, passes
from gui.theme import Palette, font
from gui.widgets.plain import PlainLabel, row

LINES_KEPT = 2000


class EventLog(QFrame):
    """Shows events; keeps none: the mirror does."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - Qt's property takes any value
        self._palette = palette
        self.session_started_ns = 0
        self.filter = QComboBox()
        self.filter.addItems(list(FILTERS))
        self.filter.setFont(font(12))
        self.filter.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setMaximumBlockCount(LINES_KEPT)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(font(13))
        metrics = self.text.fontMetrics()
        self.text.setTabStopDistance(metrics.horizontalAdvance("connection   "))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 12, 8)
        layout.setSpacing(2)
        layout.addLayout(row(PlainLabel("Events", weight=600), 1, self.filter))
        layout.addWidget(self.text, 1)

    def set_palette(self, palette: Palette, events: Iterable[EventNotice]) -> None:
        """Change colours; lines are written again."""
        self._palette = palette
        self.rewrite(events)

    def rewrite(self, events: Iterable[EventNotice]) -> None:
        """Show these events only, oldest first, as far as the filter lets them through."""
        self.text.clear()
        self.append(sorted(events, key=lambda event: event.t_ns))

    def append(self, events: Iterable[EventNotice]) -> None:
        """Add events at the bottom; stays there unless somebody scrolled away."""
        bar = self.text.verticalScrollBar()
        at_end = bar is None or bar.value() >= bar.maximum() - 2
        cursor = QTextCursor(self.text.document())
        cursor.beginEditBlock()
        for event in events:
            if passes(event, self.filter.currentText()):
                self._write(cursor, event)
        cursor.endEditBlock()
        if bar is not None and at_end:
            bar.setValue(bar.maximum())

    def _write(self, cursor: QTextCursor, event: EventNotice) -> None:
        line = log_line(event, self.session_started_ns)
        cursor.movePosition(QTextCursor.MoveOperation.End)
        document = self.text.document()
        if document is not None and not document.isEmpty():
            cursor.insertBlock()
        for part, color in (
            (f"{line.when}\t", self._palette.dim),
            (f"{line.kind}\t", self._palette.tone(line.tone)),
            (line.text, self._palette.text),
        ):
            style = QTextCharFormat()
            style.setForeground(QColor(color))
            cursor.insertText(part, style)
