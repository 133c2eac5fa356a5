"""Labels, buttons and tooltips that show text as it is: nothing from a device or a file is ever read as markup (X7)."""

from __future__ import annotations

import html

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QResizeEvent, QShowEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from gui.presenters.text import Tone, plain
from gui.theme import font, set_tone


class PlainLabel(QLabel):
    """A label for plain text only, that repaints only when its text changes."""

    def __init__(self, text: str = "", *, pixels: int = 13, weight: int = 400, tone: Tone = "normal") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setOpenExternalLinks(False)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self.setFont(font(pixels, weight))
        self.show_text(text, tone)

    def show_text(self, text: str, tone: Tone | None = None) -> None:
        """Show ``text``, control characters spelled out, in the colour of ``tone``."""
        shown = "\n".join(plain(line) for line in text.split("\n"))
        if shown != self.text():
            self.setText(shown)
        if tone is not None:
            set_tone(self, tone)


class ElidedLabel(PlainLabel):
    """A plain label for text that may be longer than its place: it may be squeezed, the tooltip has it all."""

    def __init__(self, text: str = "", *, pixels: int = 13, weight: int = 400, tone: Tone = "normal") -> None:
        self._whole = ""
        super().__init__(text, pixels=pixels, weight=weight, tone=tone)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_text(self, text: str, tone: Tone | None = None) -> None:
        self._whole = text
        shown = plain(text)
        if self.isVisible():
            shown = self.fontMetrics().elidedText(shown, Qt.TextElideMode.ElideRight, self.width())
        super().show_text(shown, tone)
        set_tooltip(self, text)

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        super().resizeEvent(a0)
        self.show_text(self._whole)

    def showEvent(self, a0: QShowEvent | None) -> None:
        super().showEvent(a0)
        self.show_text(self._whole)


def set_tooltip(widget: QWidget, text: str) -> None:
    """Give a widget a tooltip of plain text; Qt would guess at markup otherwise."""
    wanted = f"<span>{html.escape(plain(text))}</span>" if text else ""
    if widget.toolTip() != wanted:
        widget.setToolTip(wanted)


def button(text: str, tooltip: str = "", *, main: bool = False) -> QPushButton:
    """Return a push button that never takes the keyboard from the note box."""
    result = QPushButton(text)
    result.setFont(font(13, 600 if main else 400))
    result.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    result.setProperty("main", main)
    set_tooltip(result, tooltip)
    return result


def quiet_button(text: str, tooltip: str = "") -> QPushButton:
    """Return a button that looks like a line of small print: for what stands beside every trace."""
    result = button(text, tooltip)
    result.setFont(font(12))
    result.setProperty("quiet", True)  # noqa: FBT003 - Qt's property takes any value
    return result


def wide_enough(part: QPushButton, *texts: str) -> None:
    """Keep a button wide enough for every text it will ever show, so that its neighbours stand still."""
    shown = part.text()
    for text in texts:
        part.setText(text)
        part.setMinimumWidth(max(part.minimumWidth(), part.sizeHint().width() + 12))
    part.setText(shown)


def row(*parts: QWidget | int, spacing: int = 8) -> QHBoxLayout:
    """Return widgets side by side; a number is a stretch."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for part in parts:
        if isinstance(part, int):
            layout.addStretch(part)
        else:
            layout.addWidget(part)
    return layout
