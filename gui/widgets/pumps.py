"""Pump cards: one per pump, state word first, every number with the age of the reply it came from."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QFrame, QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from gui.palette import Palette
from gui.presenters.pumps import PumpCard
from gui.presenters.text import Tone
from gui.theme import font
from gui.widgets.plain import ElidedLabel, PlainLabel, row, set_tooltip

BIG_PX, SMALL_PX, FACT_PX = 180, 100, 25
"""Height of a card without its facts, large and small, and of a fact: more is shown the more room there is."""
LEAST_FACTS_IF_BIG = 2


class ProgressBar(QWidget):
    """Confirmed volume solid, estimated volume pale, of the target armed in the pump."""

    def __init__(self, palette: Palette, color: str) -> None:
        super().__init__()
        self._palette, self._color = palette, color
        self._confirmed = self._estimated = 0.0
        self._old = False
        self.setFixedHeight(10)

    def set_colors(self, palette: Palette, color: str) -> None:
        """Change colours."""
        self._palette, self._color = palette, color
        self.update()

    def show_shares(self, confirmed: float, estimated: float, *, old: bool) -> None:
        """Show both shares, 0..1; grey when they are old."""
        if (confirmed, estimated, old) != (self._confirmed, self._estimated, self._old):
            self._confirmed, self._estimated, self._old = confirmed, estimated, old
            self.update()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        color_now = self._palette.dim if self._old else self._color
        pale = QColor(color_now)
        pale.setAlpha(110)
        for share, color in (
            (1.0, QColor(self._palette.edge)),
            (self._estimated, pale),
            (self._confirmed, QColor(color_now)),
        ):
            if share > 0:
                painter.setBrush(color)
                painter.drawRoundedRect(QRectF(0, 0, max(self.width() * share, 6), self.height()), 4, 4)
        painter.end()


class PumpWidget(QFrame):
    """One pump."""

    def __init__(self, palette: Palette, place: int) -> None:
        super().__init__()
        self._place = place
        self.setProperty("card", True)  # noqa: FBT003 - Qt's property takes any value
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.name = PlainLabel(pixels=15, weight=600)
        self.subtitle = ElidedLabel(tone="dim")
        self.symbol = PlainLabel(pixels=26, weight=700)
        self.word = PlainLabel(pixels=26, weight=700)
        self.word.setWordWrap(True)
        self.since = PlainLabel(pixels=13, weight=600)
        self.since.setWordWrap(True)
        self.delivered = PlainLabel(pixels=40, weight=600)
        self.target = PlainLabel(pixels=17, tone="dim")
        self.bar = ProgressBar(palette, palette.pumps[place % len(palette.pumps)])
        self.warning = PlainLabel(weight=600, tone="warn")
        self.warning.setWordWrap(True)
        self.age = PlainLabel(pixels=12)
        self._facts: list[tuple[PlainLabel, PlainLabel]] = []
        self._small = False
        self._facts_shown: int | None = None
        self._grid = QGridLayout()
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)
        self._lay_out()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(6)
        head = row(self.name)
        head.addWidget(self.subtitle, 1)
        layout.addLayout(head)
        self._state = row(self.symbol, spacing=10)
        self._state.addWidget(self.word, 1)
        layout.addLayout(self._state)
        layout.addWidget(self.since)
        self.target.setContentsMargins(0, 0, 0, 4)
        self._amount = row(self.delivered)
        self._amount.addWidget(self.target, 1, Qt.AlignmentFlag.AlignBottom)
        layout.addLayout(self._amount)
        layout.addWidget(self.bar)
        layout.addSpacing(4)
        layout.addLayout(self._grid)
        layout.addWidget(self.warning)
        layout.addWidget(self.age)

    def set_palette(self, palette: Palette) -> None:
        """Change colours."""
        self.bar.set_colors(palette, palette.pumps[self._place % len(palette.pumps)])

    def fit(self, room_px: int | None) -> None:
        """Take as much room as there is for this card, None for all it wants. What is left out is in the tooltip."""
        small = room_px is not None and room_px < BIG_PX + LEAST_FACTS_IF_BIG * FACT_PX
        base_px = SMALL_PX if small else BIG_PX
        self._facts_shown = None if room_px is None else max((room_px - base_px) // FACT_PX, 0)
        if small == self._small:
            return
        self._small = small
        for part in (self.symbol, self.word):
            part.setFont(font(18 if small else 26, 700))
        self.delivered.setFont(font(24 if small else 40, 600))
        self.target.setFont(font(13 if small else 17))
        amount = self._state if small else self._amount
        amount.addWidget(self.delivered)
        amount.addWidget(self.target, 0 if small else 1, Qt.AlignmentFlag.AlignBottom)
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(*((14, 6, 14, 6) if small else (16, 12, 16, 12)))
            layout.setSpacing(4 if small else 6)

    def show_card(self, card: PumpCard) -> None:
        """Show the presenter's texts; what is stale is grey, bar and a state word that would look alive too (R52)."""
        number: Tone = "dim" if card.stale else "normal"
        self.name.show_text(card.name)
        self.subtitle.show_text(card.subtitle)
        self.symbol.show_text(card.symbol, card.tone)
        self.word.show_text(card.word, card.tone)
        self.since.show_text(card.since, card.tone)
        self.since.setVisible(bool(card.since))
        self.delivered.show_text(card.delivered, number)
        self.target.show_text(card.target)
        self.bar.show_shares(card.progress, card.progress_estimated, old=card.stale)
        for place, (caption, value) in enumerate(card.facts):
            if place == len(self._facts):
                self._facts.append((PlainLabel(tone="dim"), PlainLabel(pixels=15, weight=600)))
                self._grid.addWidget(self._facts[place][0], place, 0)
                self._grid.addWidget(self._facts[place][1], place, 1, Qt.AlignmentFlag.AlignRight)
            self._facts[place][0].show_text(caption)
            self._facts[place][1].show_text(value, number)
            for part in self._facts[place]:
                part.setVisible(self._facts_shown is None or place < self._facts_shown)
        hidden = card.facts[len(card.facts) if self._facts_shown is None else self._facts_shown :]
        set_tooltip(self, " · ".join(f"{caption}: {value}" for caption, value in hidden))
        self.warning.show_text(card.warning)
        self.warning.setVisible(bool(card.warning))
        self.age.show_text(card.age, "warn" if card.stale else "dim")

    def fact(self, caption: str) -> str:
        """Return the value shown beside ``caption``."""
        return next(value.text() for label, value in self._facts if label.text() == caption)
