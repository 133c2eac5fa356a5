"""What lies over the lines: pointer, chosen stretch, annotations; and the mouse, which zooms, moves and chooses.

Knows pixels and seconds of one view. Does not know lines: it says what the hand did, and paints what it is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PyQt6.QtGui import QBrush, QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PyQt6.QtWidgets import QToolTip, QWidget

from gui.palette import Palette
from gui.presenters.review.tracks import AddedBar
from gui.presenters.review.view import ReviewView, clock, whole_view
from gui.theme import font

ZOOM_PER_NOTCH = 0.8
NOTCH = 120
CLICK_PX = 4
MOVES = Qt.MouseButton.MiddleButton | Qt.MouseButton.RightButton


@dataclass(frozen=True)
class Hand:
    """What the overlay tells."""

    look: Callable[[ReviewView], None]
    choose: Callable[[tuple[float, float] | None], None]
    """From and to; both alike for an instant."""
    point: Callable[[float | None], None]
    tell: Callable[[QPoint], str]
    """What stands at this place of the overlay, for a tooltip."""


class Overlay(QWidget):
    """A pane of glass over the plots."""

    def __init__(self, palette: Palette, hand: Hand) -> None:
        super().__init__()
        self._palette, self._hand = palette, hand
        self.view = whole_view(1.0)
        self.chosen: tuple[float, float] | None = None
        self.added: tuple[AddedBar, ...] = ()
        self.infusions_s: tuple[tuple[float, float, int], ...] = ()
        self.marks_s: tuple[float, ...] = ()
        self.bands: dict[str, tuple[float, float]] = {}
        """From and to of each channel's row, in pixels from the top; "" for all rows."""
        self.pointer_s: float | None = None
        self._pressed: tuple[float, Qt.MouseButton] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName("traces: wheel zooms, drag chooses a stretch, right button moves")

    def set_palette(self, palette: Palette) -> None:
        """Change colours."""
        self._palette = palette
        self.update()

    def seconds(self, x: float) -> float:
        """Return the time at a place."""
        return self.view.left_s + x / max(self.width(), 1) * self.view.width_s

    def place(self, at_s: float) -> float:
        """Return the place of a time."""
        return (at_s - self.view.left_s) / self.view.width_s * self.width()

    # -- hand -----------------------------------------------------------------------------------------------------

    def wheelEvent(self, a0: QWheelEvent | None) -> None:
        if a0 is None:
            return
        across, along = a0.angleDelta().x(), a0.angleDelta().y()
        sideways = across if abs(across) > abs(along) else 0
        if not sideways and a0.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            sideways = along
        if sideways:
            self._hand.look(self.view.moved(-0.1 * sideways / NOTCH))
        elif along:
            self._hand.look(self.view.zoomed(ZOOM_PER_NOTCH ** (along / NOTCH), self.seconds(a0.position().x())))
        a0.accept()

    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is not None:
            self._pressed = (self.seconds(a0.position().x()), a0.button())

    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is None:
            return
        at_s = self.seconds(a0.position().x())
        if self._pressed is not None and self._pressed[1] & MOVES:
            self._hand.look(self.view.moved_by(self._pressed[0] - at_s))
            return
        if self._pressed is not None:
            self._choose(self._pressed[0], at_s)
        self.point(at_s)

    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is not None and self._pressed is not None and self._pressed[1] is Qt.MouseButton.LeftButton:
            self._choose(self._pressed[0], self.seconds(a0.position().x()))
        self._pressed = None

    def _choose(self, first_s: float, second_s: float) -> None:
        low_s, high_s = sorted((min(max(first_s, 0.0), self.view.end_s), min(max(second_s, 0.0), self.view.end_s)))
        if self.place(high_s) - self.place(low_s) < CLICK_PX:
            high_s = low_s
        self._hand.choose((low_s, high_s))

    def leaveEvent(self, a0: QEvent | None) -> None:
        self.point(None)

    def point(self, at_s: float | None) -> None:
        """Move the pointer's line; repaint no more than where it was and is."""
        for moment_s in (self.pointer_s, at_s):
            if moment_s is not None:
                self.update(int(self.place(moment_s)) - 2, 0, 5, self.height())
        self.update(0, 0, self.width(), 20)
        self.pointer_s = at_s
        self._hand.point(at_s)

    def event(self, a0: QEvent | None) -> bool:
        if isinstance(a0, QHelpEvent) and a0.type() == QEvent.Type.ToolTip:
            QToolTip.showText(a0.globalPos(), self._hand.tell(a0.pos()), self)
            return True
        return super().event(a0)

    # -- paint ----------------------------------------------------------------------------------------------------

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setFont(font(12, 600))
        self._paint_infusions(painter)
        self._paint_marks(painter)
        for bar in self.added:
            self._paint_added(painter, bar)
        if self.chosen is not None:
            self._paint_chosen(painter, *self.chosen)
        if self.pointer_s is not None:
            painter.setPen(QPen(QColor(self._palette.text), 1, Qt.PenStyle.DotLine))
            x = self.place(self.pointer_s)
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.end()

    def _band(self, channel: str) -> tuple[float, float]:
        return self.bands.get(channel) or self.bands.get("") or (0.0, float(self.height()))

    def _paint_infusions(self, painter: QPainter) -> None:
        top, bottom = self._band("")
        for start_s, end_s, pump in self.infusions_s:
            color = QColor(self._palette.pumps[pump % len(self._palette.pumps)])
            color.setAlpha(26)
            painter.fillRect(
                QRectF(self.place(start_s), top, self.place(end_s) - self.place(start_s), bottom - top), color
            )

    def _paint_marks(self, painter: QPainter) -> None:
        color = QColor(self._palette.dim)
        color.setAlpha(110)
        painter.setPen(QPen(color, 1, Qt.PenStyle.DashLine))
        last = -9.0
        for at_s in self.marks_s:
            x = round(self.place(at_s)) + 0.5
            if 0 <= x <= self.width() and x - last >= 3.0:
                painter.drawLine(QPointF(x, 0), QPointF(x, self._band("")[1]))
                last = x

    def _paint_added(self, painter: QPainter, bar: AddedBar) -> None:
        left, right = self.place(bar.start_s), self.place(bar.end_s)
        if right < 0 or left > self.width():
            return
        top, bottom = self._band(bar.channel)
        color = QColor(self._palette.warn if bar.blank else self._palette.accent)
        if right - left < 1.5:
            painter.setPen(QPen(color, 1))
            painter.drawLine(QPointF(left, top), QPointF(left, bottom))
            return
        color.setAlpha(90 if bar.blank else 34)
        brush = QBrush(color, Qt.BrushStyle.BDiagPattern) if bar.blank else QBrush(color)
        painter.fillRect(QRectF(left, top, right - left, bottom - top), brush)

    def _paint_chosen(self, painter: QPainter, start_s: float, end_s: float) -> None:
        left, right = self.place(start_s), self.place(end_s)
        color = QColor(self._palette.accent)
        painter.setPen(QPen(color, 1))
        for x in (left, right):
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        fill = QColor(color)
        fill.setAlpha(46)
        painter.fillRect(QRectF(left, 0, right - left, self.height()), fill)
        text = clock(start_s) if end_s == start_s else f"{end_s - start_s:.2f} s"
        width = painter.fontMetrics().horizontalAdvance(text) + 10
        at = min(max((left + right - width) / 2, 0.0), self.width() - width)
        plate = QRectF(at, 1, width, 17)
        painter.fillRect(plate, QColor(self._palette.accent))
        painter.setPen(QColor(self._palette.surface))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)
