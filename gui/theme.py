"""Type of the window, and how a widget gets the colour of a meaning. Knows no state."""

from __future__ import annotations

from PyQt6.QtGui import QFont, QFontDatabase
from PyQt6.QtWidgets import QWidget

from gui.presenters.text import Tone

FAMILIES = ("Inter", "Segoe UI", "SF Pro Text", "Helvetica Neue", "Noto Sans", "Roboto", "Open Sans", "DejaVu Sans")
"""First one that is installed; nothing is shipped."""


def family() -> str:
    """Return the first of ``FAMILIES`` that this machine has; Qt's own choice when it has none."""
    installed = set(QFontDatabase.families())
    return next((name for name in FAMILIES if name in installed), QFont().defaultFamily())


def font(pixels: int, weight: int = 400) -> QFont:
    """Return the window's typeface with figures of equal width, so that numbers do not dance."""
    result = QFont(family())
    result.setPixelSize(pixels)
    result.setWeight(QFont.Weight(weight))
    if hasattr(result, "setFeature"):  # Qt 6.7 and later
        result.setFeature(QFont.Tag("tnum"), 1)
    return result


def set_lit(widget: QWidget, *, lit: bool) -> None:
    """Put a flashing frame into its bright or dark half; does nothing when it is in it already."""
    if bool(widget.property("lit")) != lit:
        widget.setProperty("lit", lit)
        style = widget.style()
        if style is not None:
            style.unpolish(widget)
            style.polish(widget)


def set_tone(widget: QWidget, tone: Tone) -> None:
    """Give a label the colour of a meaning; does nothing when it has it already."""
    if widget.property("tone") != tone:
        widget.setProperty("tone", tone)
        style = widget.style()
        if style is not None:
            style.unpolish(widget)
            style.polish(widget)
