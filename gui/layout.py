"""Where the parts of the window lie. Knows sizes and order, not what is shown."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

SIDE_PX = 400
LOG_PX = 168
SHORT_LOG_PX = 110
SHORT_BELOW_PX = 850
"""A lower window shows fewer lines of the log and more of the traces."""
CARD_GAP_PX = 8
LEAST_TRACES_PX = 180


def column(*parts: QWidget | QHBoxLayout, stretched: QWidget | None = None, spacing: int = 8) -> QVBoxLayout:
    """Return parts one below the other; ``stretched`` takes what is left."""
    layout = QVBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part, 1 if part is stretched else 0)
        else:
            layout.addLayout(part)
    return layout


def cards() -> tuple[QScrollArea, QVBoxLayout]:
    """Return a place for any number of pump cards; it scrolls, so that STOP below it never does."""
    scroll, layout = scrolled("cards")
    layout.addStretch(1)
    return scroll, layout


def scrolled(name: str, spacing: int = 8) -> tuple[QScrollArea, QVBoxLayout]:
    """Return a column without a frame that scrolls up and down when it is too long."""
    inside = QWidget()
    inside.setObjectName(name)
    layout = column(spacing=spacing)
    inside.setLayout(layout)
    scroll = QScrollArea()
    scroll.setWidget(inside)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return scroll, layout


def whole(strip: QWidget, banners: tuple[QWidget, ...], left: QVBoxLayout, right: QVBoxLayout) -> QWidget:
    """Return the window's content: strip across the top, banners, traces and log at the left, pumps and STOP right."""
    side = QWidget()
    side.setFixedWidth(SIDE_PX)
    side.setLayout(right)
    middle = QHBoxLayout()
    middle.setSpacing(8)
    middle.addLayout(left, 1)
    middle.addWidget(side)
    body = QWidget()
    body.setObjectName("body")
    inside = column(*banners)
    inside.setContentsMargins(10, 10, 10, 10)
    inside.addLayout(middle, 1)
    body.setLayout(inside)
    outer = QWidget()
    outer.setLayout(column(strip, body, stretched=body, spacing=0))
    return outer
