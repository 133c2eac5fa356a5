"""The SIMULATED strip, the top bar and the banner of a lost engine."""

from __future__ import annotations

from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from gui.palette import Palette
from gui.presenters.header import Header
from gui.theme import font
from gui.widgets.plain import ElidedLabel, PlainLabel, set_tooltip


class SimulatedStrip(QWidget):
    """A striped band across the whole window: nobody takes a rehearsal for an experiment, or the other way round."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette = palette
        self._text = ""
        self.setFixedHeight(26)
        self.hide()

    @property
    def text(self) -> str:
        """Return what the strip says; empty when it is not shown."""
        return self._text

    def set_palette(self, palette: Palette) -> None:
        """Change colours."""
        self._palette = palette
        self.update()

    def show_text(self, text: str) -> None:
        """Show the strip with this text, or hide it when there is none."""
        if text != self._text:
            self._text = text
            self.setVisible(bool(text))
            self.update()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(self._palette.simulated_ground))
        painter.setPen(QPen(QColor(self._palette.simulated_stripe), 9))
        for x in range(-40, self.width() + 40, 26):
            painter.drawLine(x, self.height() + 6, x + self.height() + 12, -6)
        painter.setFont(font(13, 700))
        width = painter.fontMetrics().horizontalAdvance(self._text) + 48
        plate = QRect((self.width() - width) // 2, 0, width, self.height())
        painter.fillRect(plate, QColor(self._palette.simulated_ground))
        painter.setPen(QColor(self._palette.simulated_text))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, self._text)
        painter.end()


class LostBanner(QFrame):
    """Says that everything on the screen is old, since when, and what to do with one's hands."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("lost")
        self.label = PlainLabel(pixels=17, weight=700, tone="alarm")
        self.label.setWordWrap(True)
        layout = QHBoxLayout(self)
        layout.addWidget(PlainLabel("✕", pixels=24, weight=700, tone="alarm"))
        layout.addWidget(self.label, 1)
        self.hide()

    def show_text(self, text: str) -> None:
        """Show the banner, or hide it when there is nothing to say."""
        self.label.show_text(text)
        self.setVisible(bool(text))


class TopBar(QFrame):
    """Session, phase, clock, recorder, connection."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - Qt's property takes any value
        self.setFixedHeight(64)
        self.phase = PlainLabel(pixels=22, weight=700)
        self.phase_text = ElidedLabel(tone="dim")
        self.elapsed = PlainLabel(pixels=30, weight=600)
        self.plan = ElidedLabel(pixels=15, weight=600)
        self.session = ElidedLabel(tone="dim")
        self.recorder = PlainLabel(pixels=15, weight=600)
        self.recorder_detail = PlainLabel(pixels=12, tone="dim")
        self.connection = PlainLabel(pixels=15, weight=600)
        self.clock = PlainLabel(pixels=12, tone="dim")
        self.watch = PlainLabel(pixels=15, weight=600)
        self.watch_detail = ElidedLabel(tone="dim")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 6, 16, 6)
        layout.setSpacing(28)
        layout.addWidget(self.elapsed)
        layout.addLayout(_pair(self.phase, self.phase_text), 3)
        layout.addLayout(_pair(self.plan, self.session), 5)
        layout.addLayout(_pair(self.watch, self.watch_detail))
        layout.addLayout(_pair(self.recorder, self.recorder_detail))
        layout.addLayout(_pair(self.connection, self.clock))
        set_tooltip(self.elapsed, "Time since recording started, hours : minutes : seconds")

    def show_header(self, header: Header) -> None:
        """Show the presenter's texts."""
        self.phase.show_text(header.phase, header.phase_tone)
        self.phase_text.show_text(header.phase_text)
        self.elapsed.show_text(header.elapsed)
        self.plan.show_text(header.plan)
        self.session.show_text(header.session)
        self.recorder.show_text(header.recorder, header.recorder_tone)
        self.recorder_detail.show_text(header.recorder_detail)
        self.connection.show_text(header.connection, header.connection_tone)
        self.clock.show_text(header.clock)
        self.watch.show_text(header.watch, header.watch_tone)
        self.watch_detail.show_text(header.watch_detail)


def _pair(upper: PlainLabel, lower: PlainLabel) -> QVBoxLayout:
    layout = QVBoxLayout()
    layout.setSpacing(0)
    layout.addWidget(upper)
    layout.addWidget(lower)
    return layout
