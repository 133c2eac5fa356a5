"""The event log: plain text, bounded, newest at the bottom, with a simple filter."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PyQt6.QtGui import QColor, QResizeEvent, QTextCharFormat, QTextCursor
from PyQt6.QtWidgets import QButtonGroup, QFrame, QPlainTextEdit, QVBoxLayout

from acquisition.messages import EventNotice
from gui.palette import Palette
from gui.presenters.log import FILTERS, log_line, passes
from gui.theme import font
from gui.widgets.plain import PlainLabel, button, row

LINES_KEPT = 2000


class EventLog(QFrame):
    """Shows events; keeps none: the mirror does."""

    def __init__(self, palette: Palette, all_events: Callable[[], Iterable[EventNotice]]) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - Qt's property takes any value
        self._palette, self._all_events = palette, all_events
        self.session_started_ns = 0
        self.chosen = next(iter(FILTERS))
        self.filters = QButtonGroup(self)
        head = row(PlainLabel("Events", pixels=15, weight=600), 1, spacing=4)
        for place, name in enumerate(FILTERS):
            part = button(name)
            part.setFont(font(12))
            part.setCheckable(True)
            part.setChecked(name == self.chosen)
            self.filters.addButton(part, place)
            head.addWidget(part)
        self.filters.idClicked.connect(self._choose)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setMaximumBlockCount(LINES_KEPT)
        self.text.setFont(font(13))
        metrics = self.text.fontMetrics()
        self.text.setTabStopDistance(metrics.horizontalAdvance("connection   "))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 12, 8)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self.text, 1)

    def set_palette(self, palette: Palette) -> None:
        """Change colours; lines are written again."""
        self._palette = palette
        self.rewrite()

    def _choose(self, place: int) -> None:
        self.chosen = list(FILTERS)[place]
        self.rewrite()

    def rewrite(self) -> None:
        """Show all events again, oldest first, as far as the filter lets them through."""
        self.text.clear()
        self.append(sorted(self._all_events(), key=lambda event: event.t_ns))

    def append(self, events: Iterable[EventNotice]) -> None:
        """Add events at the bottom; stays there unless somebody scrolled away."""
        bar = self.text.verticalScrollBar()
        at_end = bar is None or bar.value() >= bar.maximum() - 1
        cursor = QTextCursor(self.text.document())
        cursor.beginEditBlock()
        for event in events:
            if passes(event, self.chosen):
                self._write(cursor, event)
        cursor.endEditBlock()
        if at_end:
            self._show_end()

    def _show_end(self) -> None:
        bar = self.text.verticalScrollBar()
        if bar is not None:
            bar.setValue(bar.maximum())

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        super().resizeEvent(a0)
        self._show_end()

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
