"""The whole recording in one strip, and where in it the view lies; a click or a drag looks there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QWidget

from gui.palette import Palette
from gui.presenters.review.lines import ChannelLine
from gui.presenters.review.tracks import Tracks
from gui.presenters.review.view import ReviewView, whole_view
from gui.presenters.traces import fitted
from gui.theme import font
from gui.widgets.review.track import BESIDE_PX

HEIGHT_PX = 44
LEAST_VIEW_PX = 6.0


class Overview(QWidget):
    """Paints the first glutamate site, infusions and the frame of the view."""

    def __init__(self, palette: Palette, look: Callable[[ReviewView], None]) -> None:
        super().__init__()
        self._palette, self._look = palette, look
        self._channel: ChannelLine | None = None
        self._tracks = Tracks((), ())
        self.view = whole_view(1.0)
        self._held_px: float | None = None
        self.setFixedHeight(HEIGHT_PX)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.setAccessibleName("the whole recording; the frame is what is seen above")

    def set_palette(self, palette: Palette) -> None:
        """Change colours."""
        self._palette = palette
        self.update()

    def show_recording(self, channel: ChannelLine | None, tracks: Tracks) -> None:
        """Show this recording."""
        self._channel, self._tracks = channel, tracks
        self.update()

    def show_view(self, view: ReviewView) -> None:
        """Show where the view lies."""
        self.view = view
        self.update()

    def _x(self, at_s: float) -> float:
        return BESIDE_PX + at_s / self.view.end_s * (self.width() - BESIDE_PX)

    def _frame(self) -> QRectF:
        left, right = self._x(self.view.left_s), self._x(self.view.right_s)
        short = max(LEAST_VIEW_PX - (right - left), 0.0)
        return QRectF(left - short / 2, 1.5, right - left + short, HEIGHT_PX - 3.0)

    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is None:
            return
        frame = self._frame()
        inside = frame.left() <= a0.position().x() <= frame.right()
        self._held_px = a0.position().x() - frame.center().x() if inside else 0.0
        self.mouseMoveEvent(a0)

    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is not None and self._held_px is not None:
            middle = a0.position().x() - self._held_px - BESIDE_PX
            middle_s = middle / max(self.width() - BESIDE_PX, 1) * self.view.end_s
            self._look(self.view.at(middle_s - self.view.width_s / 2, middle_s + self.view.width_s / 2))

    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        self._held_px = None

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font(12))
        painter.setPen(QColor(self._palette.dim))
        side = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(QRectF(0, 0, BESIDE_PX - 8, HEIGHT_PX), side, "Whole recording")
        whole = QRectF(BESIDE_PX, 1, self.width() - BESIDE_PX, HEIGHT_PX - 2)
        painter.fillRect(whole, QColor(self._palette.raised))
        for start_s, end_s, pump in self._tracks.infusions_s:
            color = QColor(self._palette.pumps[pump % len(self._palette.pumps)])
            color.setAlpha(70)
            left = self._x(start_s)
            painter.fillRect(QRectF(left, 1, max(self._x(end_s) - left, 1.0), HEIGHT_PX - 2), color)
        self._paint_line(painter)
        shade = QColor(self._palette.ground)
        shade.setAlpha(150)
        frame = self._frame()
        painter.fillRect(QRectF(whole.left(), 1, frame.left() - whole.left(), HEIGHT_PX - 2), shade)
        painter.fillRect(QRectF(frame.right(), 1, whole.right() - frame.right(), HEIGHT_PX - 2), shade)
        painter.setPen(QPen(QColor(self._palette.accent), 1.5))
        painter.drawRoundedRect(frame, 2, 2)
        painter.end()

    def _paint_line(self, painter: QPainter) -> None:
        if self._channel is None:
            return
        pixels = max(self.width() - BESIDE_PX, 1)
        t_s, value = self._channel.line.line(0.0, self.view.end_s, pixels)
        low, high, _cut_off = fitted(value, trimmed=True)
        if not high > low:
            return
        painter.setPen(QPen(QColor(self._palette.dim), 1))
        y = np.clip(HEIGHT_PX - 6 - (value - low) / (high - low) * (HEIGHT_PX - 12), 3, HEIGHT_PX - 3)
        x = BESIDE_PX + t_s / self.view.end_s * pixels
        holes = np.flatnonzero(~np.isfinite(y)).tolist()
        for first, last in zip([-1, *holes], [*holes, len(y)], strict=True):
            points = [
                QPointF(a, b) for a, b in zip(x[first + 1 : last].tolist(), y[first + 1 : last].tolist(), strict=True)
            ]
            painter.drawPolyline(QPolygonF(points))
