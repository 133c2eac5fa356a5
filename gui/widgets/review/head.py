"""The top of the window of a recording: which it is, and what is wrong with it."""

from __future__ import annotations

from PyQt6.QtWidgets import QFrame, QVBoxLayout

from gui.presenters.review.head import Head
from gui.widgets.plain import ElidedLabel, PlainLabel, row


class HeadBar(QFrame):
    """Name, facts, and a line in a colour of its own where the recording is not whole."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - Qt's property takes any value
        self.name = ElidedLabel(pixels=17, weight=700)
        self.about = ElidedLabel(tone="dim")
        self.problem = PlainLabel(pixels=15, weight=600, tone="warn")
        self.problem.setWordWrap(True)
        self.problem.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 16, 8)
        layout.setSpacing(2)
        line = row(spacing=20)
        line.addWidget(self.name, 2)
        line.addWidget(self.about, 3)
        layout.addLayout(line)
        layout.addWidget(self.problem)

    def show_reading(self, folder: str) -> None:
        """Say that the recording is being read."""
        self.about.show_text(f"reading {folder} …")

    def show_head(self, head: Head) -> None:
        """Show which recording it is."""
        self.name.show_text(head.name)
        self.about.show_text(head.about)
        self.show_problem(head.problem)

    def show_problem(self, text: str) -> None:
        """Say what is wrong, or nothing."""
        self.problem.show_text(f"▲ {text}" if text else "")
        self.problem.setVisible(bool(text))
