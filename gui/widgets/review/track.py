"""Below the lines, painted: the plan as it was run, what happened, and what people added later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QBrush, QColor, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from gui.palette import Palette
from gui.presenters.review.tracks import AddedBar, Moment, StepBar, Tracks
from gui.presenters.review.view import ReviewView
from gui.theme import font
from gui.widgets.channel_row import AXIS_PX, HEAD_PX

LANE_PX = 24
LANES = ("Plan", "Events", "Added later")
BESIDE_PX = HEAD_PX + AXIS_PX
NEAR_PX = 6


@dataclass(frozen=True)
class Shown:
    """What is painted."""

    view: ReviewView
    tracks: Tracks
    added: tuple[AddedBar, ...]


class EventTrack(QWidget):
    """Three lanes on the time axis of the lines above."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette = palette
        self.shown: Shown | None = None
        self.setFixedHeight(LANE_PX * len(LANES) + 4)
        self.setAccessibleName("plan, events and annotations on the time axis")

    def set_palette(self, palette: Palette) -> None:
        """Change colours."""
        self._palette = palette
        self.update()

    def show_all(self, shown: Shown) -> None:
        """Show this."""
        self.shown = shown
        self.update()

    def told_at(self, x: float, y: float) -> str:
        """Return what stands at a place, for the tooltip; empty where nothing does."""
        if self.shown is None:
            return ""
        lane = int(y) // LANE_PX
        at_s, near_s = self._second(x), NEAR_PX * self._per_px()
        if lane == 0:
            found: list[str] = [one.told for one in self.shown.tracks.steps if one.start_s <= at_s < one.end_s]
        elif lane == 1:
            found = [one.told for one in self.shown.tracks.moments if abs(one.t_s - at_s) <= near_s]
        else:
            added = self.shown.added
            found = [one.told for one in added if one.start_s - near_s <= at_s <= one.end_s + near_s]
        return "\n".join(found[:12])

    def _per_px(self) -> float:
        return self.shown.view.width_s / max(self.width() - BESIDE_PX, 1) if self.shown else 1.0

    def _second(self, x: float) -> float:
        return self.shown.view.left_s + (x - BESIDE_PX) * self._per_px() if self.shown else 0.0

    def _x(self, at_s: float) -> float:
        view = self.shown.view if self.shown else ReviewView(1.0, 0.0, 1.0)
        return BESIDE_PX + (at_s - view.left_s) / self._per_px()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font(12))
        painter.setPen(QColor(self._palette.dim))
        for lane, name in enumerate(LANES):
            box = QRectF(0, lane * LANE_PX, BESIDE_PX - 8, LANE_PX)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
        painter.setClipRect(QRectF(BESIDE_PX, 0, self.width() - BESIDE_PX, self.height()))
        if self.shown is not None:
            for step in self.shown.tracks.steps:
                self._paint_step(painter, step)
            self._paint_moments(painter, self.shown.tracks.moments)
            for bar in self.shown.added:
                self._paint_added(painter, bar)
        painter.end()

    def _box(self, start_s: float, end_s: float, lane: int) -> QRectF | None:
        """Return the place of a bar, cut to what is seen, so that its text is seen; None when nothing is."""
        left, right = max(self._x(start_s), BESIDE_PX - 4.0), min(self._x(end_s), self.width() + 4.0)
        if self._x(end_s) < BESIDE_PX or left > self.width():
            return None
        return QRectF(left + 0.5, lane * LANE_PX + 3.0, max(right - left - 1.0, 2.0), LANE_PX - 6.0)

    def _paint_step(self, painter: QPainter, step: StepBar) -> None:
        box = self._box(step.start_s, step.end_s, 0)
        if box is None:
            return
        color = QColor(self._palette.dim)
        if step.kind == "infuse":
            color = QColor(self._palette.pumps[step.pump_place % len(self._palette.pumps)])
        elif step.kind in ("operator", "stable"):
            color = QColor(self._palette.warn)
        fill = QColor(color)
        fill.setAlpha(110 if step.kind == "infuse" else 40)
        painter.setPen(QPen(color, 1))
        painter.setBrush(fill)
        painter.drawRoundedRect(box, 3, 3)
        if step.state != "done":
            painter.setBrush(QBrush(QColor(self._palette.alarm), Qt.BrushStyle.BDiagPattern))
            painter.drawRoundedRect(box, 3, 3)
        self._write(painter, box, step.label, self._palette.text)

    def _paint_moments(self, painter: QPainter, moments: Sequence[Moment]) -> None:
        """Paint signs; their words where there is room before the next one."""
        view = self.shown.view if self.shown else None
        seen = [one for one in moments if view is not None and view.left_s <= one.t_s <= view.right_s]
        metrics = painter.fontMetrics()
        last: tuple[float, str] | None = None
        for place, one in enumerate(seen):
            x = self._x(one.t_s)
            if last is not None and x - last[0] < 2.0 and one.kind == last[1]:
                continue
            last = (x, one.kind)
            painter.setPen(QColor(self._palette.tone(one.tone)))
            width = metrics.horizontalAdvance(one.sign)
            baseline = LANE_PX + 17.0
            painter.drawText(QPointF(x - width / 2, baseline), one.sign)
            right = self._x(seen[place + 1].t_s) - 8 if place + 1 < len(seen) else float(self.width())
            room = int(right - x - width / 2 - 6)
            if room > 30:
                painter.setPen(QColor(self._palette.dim))
                text = metrics.elidedText(one.text, Qt.TextElideMode.ElideRight, min(room, 260))
                painter.drawText(QPointF(x + width / 2 + 4, baseline), text)

    def _paint_added(self, painter: QPainter, bar: AddedBar) -> None:
        box = self._box(bar.start_s, bar.end_s, 2)
        if box is None:
            return
        color = QColor(self._palette.warn if bar.blank else self._palette.accent)
        fill = QColor(color)
        fill.setAlpha(60)
        painter.setPen(QPen(color, 1))
        painter.setBrush(QBrush(color, Qt.BrushStyle.BDiagPattern) if bar.blank else fill)
        painter.drawRoundedRect(box, 2, 2)
        words = QRectF(box.right() + 4, box.top(), 240.0, box.height())
        self._write(painter, words if box.width() < 60 else box, bar.text, self._palette.text)

    def _write(self, painter: QPainter, box: QRectF, text: str, color: str) -> None:
        room = int(box.width()) - 10
        if room < 20:
            return
        painter.setPen(QColor(color))
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(box.adjusted(5, 0, -5, 0), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
