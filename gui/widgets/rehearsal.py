"""The part of the control card that rehearses the loaded plan: one button, how far it is, GO or NO GO, the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from gui.presenters.rehearsal import RehearsalCard
from gui.widgets.plain import PlainLabel, button, row

STEPS = 1000


@dataclass(frozen=True)
class RehearsalActions:
    """What the buttons do."""

    start: Callable[[], None]
    cancel: Callable[[], None]
    open_page: Callable[[str], None]
    """Path of the page."""


class RehearsalPart(QWidget):
    """Hidden while nothing can be rehearsed."""

    def __init__(self, actions: RehearsalActions) -> None:
        super().__init__()
        self._actions = actions
        self._card: RehearsalCard | None = None
        self.headline = PlainLabel(weight=600)
        self.headline.setWordWrap(True)
        self.reasons = PlainLabel(pixels=12)
        self.reasons.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setRange(0, STEPS)
        self.bar.setTextVisible(False)
        self.act = button("Rehearse", "Runs this plan on simulated instruments in a process of its own. Nothing moves.")
        self.act.clicked.connect(self._pressed)
        self.report = button("Open report", "Opens the page of this rehearsal in the browser.")
        self.report.clicked.connect(self._open)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(4)
        for part in (self.headline, self.reasons, self.bar):
            layout.addWidget(part)
        layout.addLayout(row(self.act, self.report, 1))
        self.hide()

    def show_card(self, card: RehearsalCard | None) -> None:
        """Show how it stands."""
        self._card = card
        self.setVisible(card is not None)
        if card is None:
            return
        self.headline.show_text(card.headline, card.tone)
        self.reasons.show_text("\n".join(f"· {line}" for line in card.lines))
        self.reasons.setVisible(bool(card.lines))
        self.bar.setVisible(card.running)
        self.bar.setValue(round(card.progress * STEPS))
        self.act.setText(card.button)
        self.report.setVisible(bool(card.page))

    def _pressed(self) -> None:
        if self._card is not None:
            (self._actions.cancel if self._card.running else self._actions.start)()

    def _open(self) -> None:
        if self._card is not None and self._card.page:
            self._actions.open_page(self._card.page)
