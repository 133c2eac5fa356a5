"""What came of measuring: the effect in one line, the average of the responses, their sizes, and two tables."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QFrame,
    QPushButton,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from gui.palette import Palette
from gui.presenters.review.results import Cells, doubts, effect_cells, headline, response_cells, tonic
from gui.theme import font
from gui.widgets.plain import ElidedLabel, PlainLabel, button, row
from gui.widgets.review.charts import AverageChart, SizesChart
from gui.widgets.review.toolbar import reachable

if TYPE_CHECKING:
    from analysis.remeasure import Measured


class ResultsCard(QFrame):
    """``on_row`` is told which response a person looks for."""

    def __init__(self, palette: Palette, on_row: Callable[[int], None]) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - Qt's property takes any value
        self._palette, self._on_row = palette, on_row
        self.found: Measured | None = None
        self.headline = ElidedLabel(pixels=15, weight=700)
        self.tonic = ElidedLabel(pixels=12, tone="dim")
        self.doubts = PlainLabel(pixels=12, weight=600, tone="warn")
        self.doubts.setWordWrap(True)
        self.average = AverageChart(palette)
        self.sizes = SizesChart(palette)
        self.responses = cells_table("responses, one row each; Enter shows it above")
        self.effects = cells_table("effect by window and way of measuring")
        self.responses.cellClicked.connect(lambda place, _column: self._on_row(place))
        self.responses.cellActivated.connect(lambda place, _column: self._on_row(place))
        self.tables = QStackedWidget()
        self.tables.addWidget(self.responses)
        self.tables.addWidget(self.effects)
        self.tabs = QButtonGroup(self)
        tab_row = row(spacing=2)
        for place, name in enumerate(("Responses", "How firm the effect is")):
            part = tab(name)
            part.setChecked(place == 0)
            part.clicked.connect(partial(self.show_table, place))
            self.tabs.addButton(part, place)
            tab_row.addWidget(part)
        tab_row.addStretch(1)
        right = QVBoxLayout()
        right.setSpacing(2)
        right.addLayout(tab_row)
        right.addWidget(self.tables, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 16, 8)
        layout.setSpacing(2)
        layout.addWidget(self.headline)
        layout.addWidget(self.doubts)
        layout.addWidget(self.tonic)
        body = row(spacing=12)
        body.addWidget(self.average, 4)
        body.addWidget(self.sizes, 5)
        body.addLayout(right, 11)
        layout.addLayout(body, 1)

    def show_table(self, place: int, _checked: bool = True) -> None:
        """Show the responses, or how firm the effect is."""
        self.tables.setCurrentIndex(place)
        part = self.tabs.button(place)
        if part is not None:
            part.setChecked(True)

    def show_found(self, found: Measured) -> None:
        """Show what came of measuring."""
        self.found = found
        self.headline.show_text(*headline(found))
        self.tonic.show_text(tonic(found))
        said = doubts(found)
        self.doubts.show_text("▲ " + " · ".join(said) if said else "")
        self.doubts.setVisible(bool(said))
        self.average.show_found(found)
        self.sizes.show_found(found)
        self._fill()

    def _fill(self) -> None:
        if self.found is not None:
            fill_table(self.responses, response_cells(self.found), self._palette)
            fill_table(self.effects, effect_cells(self.found), self._palette)

    def set_palette(self, palette: Palette) -> None:
        """Change colours."""
        self._palette = palette
        self.average.set_palette(palette)
        self.sizes.set_palette(palette)
        self._fill()


def tab(name: str) -> QPushButton:
    """Return a button that shows one of several things."""
    part = reachable(button(name), name)
    part.setCheckable(True)
    part.setProperty("tab", True)  # noqa: FBT003 - Qt's property takes any value
    return part


def cells_table(name: str) -> QTableWidget:
    """Return a table that is read, not written."""
    made = QTableWidget()
    made.setAccessibleName(name)
    made.setFont(font(12))
    made.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    made.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    made.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    made.setTabKeyNavigation(False)
    made.setShowGrid(False)
    made.setMinimumHeight(60)
    for header in (made.verticalHeader(), made.horizontalHeader()):
        if header is not None:
            header.setFont(font(12))
            header.setHighlightSections(False)
    side = made.verticalHeader()
    if side is not None:
        side.hide()
        side.setDefaultSectionSize(22)
    return made


def fill_table(made: QTableWidget, cells: Cells, palette: Palette) -> None:
    """Show these cells; marked rows are in the colour of what came after."""
    made.setColumnCount(len(cells.heads))
    made.setRowCount(len(cells.rows))
    for column, (text, tip) in enumerate(zip(cells.heads, cells.tips, strict=True)):
        head = QTableWidgetItem(text)
        head.setToolTip(tip)
        made.setHorizontalHeaderItem(column, head)
    for place, texts in enumerate(cells.rows):
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            right = Qt.AlignmentFlag.AlignRight if column or len(texts) > 6 else Qt.AlignmentFlag.AlignLeft
            item.setTextAlignment(right | Qt.AlignmentFlag.AlignVCenter)
            item.setForeground(QColor(palette.traces[0] if place in cells.marked else palette.text))
            made.setItem(place, column, item)
    made.resizeColumnsToContents()
