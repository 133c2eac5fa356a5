"""Which filter the traces are drawn through, and how late that makes them."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtWidgets import QVBoxLayout, QWidget

from acquisition.signal.filters import FILTERS
from gui.widgets.plain import ElidedLabel, button, row, wide_enough


class FilterBox(QWidget):
    """A button that goes through the filters, and a line on the delay. No menu: its first click beside is lost, and
    that click could be STOP.
    """

    def __init__(self, chosen: Callable[[], None]) -> None:
        super().__init__()
        self.button = button(
            "Filter: none",
            "What is drawn, never what is recorded: every channel through the same filter, late by what stands below. "
            "Marks and infusions are drawn when they were. Key: L",
        )
        wide_enough(self.button, *(f"Filter: {name}" for name in FILTERS))
        self.button.clicked.connect(chosen)
        self.delay = ElidedLabel(pixels=12, tone="dim")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 8, 0)
        layout.setSpacing(1)
        layout.addLayout(row(self.button, 1))
        layout.addWidget(self.delay)

    def show_filter(self, name: str, delay: str) -> None:
        """Show the name and the delay."""
        self.button.setText(f"Filter: {name}")
        self.delay.show_text(delay)
