"""A box to choose from, with an arrow in the window's own colours: the system's looks out of place beside the rest."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QPalette, QPolygonF
from PyQt6.QtWidgets import QComboBox

from gui.theme import font
from gui.widgets.plain import set_tooltip

ARROW_PX = 4.0


class Choice(QComboBox):
    """Takes no more room than it is given; a long text is cut and stands whole in the list."""

    def __init__(self, name: str, least_letters: int = 8) -> None:
        super().__init__()
        self.setFont(font(13))
        self.setAccessibleName(name)
        self.setMinimumContentsLength(least_letters)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        set_tooltip(self, name[0].upper() + name[1:])

    def paintEvent(self, e: QPaintEvent | None) -> None:
        super().paintEvent(e)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        group = QPalette.ColorGroup.Normal if self.isEnabled() else QPalette.ColorGroup.Disabled
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(group, QPalette.ColorRole.Text))
        x, y = self.width() - 14.0, self.height() / 2 - 1.5
        corners = (QPointF(x - ARROW_PX, y), QPointF(x + ARROW_PX, y), QPointF(x, y + ARROW_PX + 1))
        painter.drawPolygon(QPolygonF(corners))
        painter.end()
