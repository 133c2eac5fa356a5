"""The plan as a painted strip with a moving now-line."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QPointF, QRectF, Qt
from PyQt6.QtGui import QBrush, QColor, QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QFrame, QToolTip, QVBoxLayout, QWidget

from acquisition.messages import EngineState
from gui.palette import Palette
from gui.presenters.text import duration
from gui.presenters.timeline import Block, Timeline, timeline
from gui.theme import font
from gui.widgets.plain import ElidedLabel, PlainLabel, row, set_tooltip

STRIP_PX = 40
TICKS_PX = 18


class TimelineStrip(QWidget):
    """Paints blocks: infusions in the pump's colour, waits grey, questions hatched, marks as diamonds."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette = palette
        self._pumps: dict[str, int] = {}
        self.shown: Timeline | None = None
        self.setFixedHeight(STRIP_PX + TICKS_PX + 4)

    def set_palette(self, palette: Palette) -> None:
        """Change colours."""
        self._palette = palette
        self.update()

    def show_timeline(self, shown: Timeline, pumps: dict[str, int]) -> None:
        """Show this layout."""
        if shown != self.shown:
            self.shown, self._pumps = shown, pumps
            self.update()

    def event(self, a0: QEvent | None) -> bool:
        if isinstance(a0, QHelpEvent) and a0.type() == QEvent.Type.ToolTip:
            block = self.block_at(a0.pos().x())
            set_tooltip(self, block.tooltip if block else "")
            QToolTip.showText(a0.globalPos(), self.toolTip(), self)
            return True
        return super().event(a0)

    def block_at(self, x: float) -> Block | None:
        """Return the block at this place."""
        blocks = self.shown.blocks if self.shown else ()
        return next((b for b in blocks if b.left_px <= x < b.left_px + b.width_px), None)

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font(13, 600))
        blocks = self.shown.blocks if self.shown else ()
        tick_free_from = 0.0
        for block in blocks:
            self._paint_block(painter, block)
            tick_free_from = self._paint_tick(painter, block, tick_free_from)
        if self.shown is not None and self.shown.now_px is not None:
            self._paint_now(painter, self.shown.now_px)
        painter.end()

    def _paint_block(self, painter: QPainter, block: Block) -> None:
        box = QRectF(block.left_px + 0.5, 5.0, max(block.width_px - 1.5, 1.5), STRIP_PX - 5.0)
        color = self._color(block)
        fill = QColor(color)
        fill.setAlpha({"running": 255, "pending": 110, "done": 60}.get(block.state, 30))
        painter.setPen(QPen(QColor(color), 2 if block.state == "running" else 1))
        if block.kind == "mark":
            middle, half = box.center(), 5.0
            painter.setBrush(QColor(color))
            offsets = ((0.0, -half), (half, 0.0), (0.0, half), (-half, 0.0))
            painter.drawPolygon(QPolygonF([QPointF(middle.x() + dx, middle.y() + dy) for dx, dy in offsets]))
            return
        painter.setBrush(QBrush(fill))
        painter.drawRoundedRect(box, 3, 3)
        if block.kind in ("operator", "stable"):
            painter.setBrush(QBrush(QColor(color), Qt.BrushStyle.BDiagPattern))
            painter.drawRoundedRect(box, 3, 3)
        if block.state in {"aborted", "missed"}:
            painter.setPen(QPen(QColor(self._palette.alarm), 2))
            painter.drawLine(box.topLeft(), box.bottomRight())
            painter.drawLine(box.bottomLeft(), box.topRight())
        self._paint_label(painter, block, box)

    def _paint_label(self, painter: QPainter, block: Block, box: QRectF) -> None:
        text = f"✓ {block.label}" if block.state == "done" else block.label
        room = box.width() - 12
        metrics = painter.fontMetrics()
        if room < 22:
            return
        if metrics.horizontalAdvance(text) > room:
            text = str(block.number) if room < 60 else metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(room))
        bright = block.state == "running" and block.kind == "infuse"
        ink = self._palette.surface if bright else self._palette.dim if block.state == "done" else self._palette.text
        painter.setPen(QColor(ink))
        painter.drawText(box.adjusted(6, 0, -6, 0), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)

    def _paint_tick(self, painter: QPainter, block: Block, free_from: float) -> float:
        text = duration(block.start_s)
        painter.setFont(font(11))
        width = painter.fontMetrics().horizontalAdvance(text)
        if block.left_px >= free_from and block.left_px + width <= self.width():
            painter.setPen(QColor(self._palette.dim))
            painter.drawText(QPointF(block.left_px + 1, STRIP_PX + TICKS_PX - 4.0), text)
            free_from = block.left_px + width + 14
        painter.setFont(font(13, 600))
        return free_from

    def _paint_now(self, painter: QPainter, x: float) -> None:
        painter.setPen(QPen(QColor(self._palette.text), 2))
        painter.drawLine(QPointF(x, 2), QPointF(x, STRIP_PX + 4.0))
        painter.setBrush(QColor(self._palette.text))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawPolygon(QPolygonF([QPointF(x - 6, 0), QPointF(x + 6, 0), QPointF(x, 8)]))

    def _color(self, block: Block) -> str:
        if block.kind == "infuse":
            place = self._pumps.get(block.pump, 0)
            return self._palette.pumps[place % len(self._palette.pumps)]
        return {"operator": self._palette.warn, "stable": self._palette.warn, "mark": self._palette.accent}.get(
            block.kind, self._palette.dim
        )


class TimelinePanel(QFrame):
    """Headline, clock and strip."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - Qt's property takes any value
        self.headline = ElidedLabel(pixels=15, weight=600)
        self.clock = PlainLabel(pixels=15, weight=600, tone="dim")
        self.strip = TimelineStrip(palette)
        head = row()
        head.addWidget(self.headline, 1)
        head.addWidget(self.clock)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 16, 4)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.strip)

    def show_state(self, state: EngineState, now_ns: int) -> None:
        """Lay the plan out for the present width and show it."""
        shown = timeline(state, now_ns, float(self.strip.width()))
        self.headline.show_text(shown.headline)
        self.clock.show_text(shown.clock)
        self.strip.show_timeline(shown, {pump.name: place for place, pump in enumerate(state.pumps)})
