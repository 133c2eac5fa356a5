"""The note box: a note belongs to the moment at which its writer began, not to the moment of Enter. And a name box."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QRegularExpression
from PyQt6.QtGui import QFocusEvent, QRegularExpressionValidator
from PyQt6.QtWidgets import QLineEdit

from acquisition.messages import MAX_SAID
from gui.theme import font
from gui.widgets.plain import set_tooltip

MOST_CHARACTERS = 10_000


class NameBox(QLineEdit):
    """Takes a person's name: what decides something is a person, and what has digits is a number (R04)."""

    def __init__(self, placeholder: str, tooltip: str) -> None:
        super().__init__()
        self.setFont(font(13))
        self.setMaxLength(MAX_SAID)
        self.setValidator(QRegularExpressionValidator(QRegularExpression(r"\D*"), self))
        self.setPlaceholderText(placeholder)
        set_tooltip(self, tooltip)
        self.returnPressed.connect(self.clearFocus)

    @property
    def name(self) -> str:
        """Return what was typed; empty when nothing was."""
        return self.text().strip()


class NoteBox(QLineEdit):
    """One line. ``engine_now`` is asked when the box is opened (focus, or first key when it was emptied)."""

    def __init__(self, engine_now: Callable[[], int], commit: Callable[[str, int], None]) -> None:
        super().__init__()
        self._engine_now, self._commit = engine_now, commit
        self.opened_ns: int | None = None
        self.setFont(font(15))
        self.setMaxLength(MOST_CHARACTERS)
        self.setPlaceholderText("Note  (key N; Enter keeps it at the time you began)")
        set_tooltip(self, "The note gets the time at which you opened this box. Enter keeps it, Esc drops it.")
        self.textEdited.connect(self._edited)
        self.returnPressed.connect(self._entered)

    def focusInEvent(self, a0: QFocusEvent | None) -> None:
        super().focusInEvent(a0)
        if not self.text():
            self.opened_ns = self._engine_now()

    def drop(self) -> None:
        """Forget what is in the box and leave it."""
        self.clear()
        self.opened_ns = None
        self.clearFocus()

    def _edited(self, text: str) -> None:
        if not text:
            self.opened_ns = None
        elif self.opened_ns is None:
            self.opened_ns = self._engine_now()

    def _entered(self) -> None:
        text = self.text().strip()
        if text:
            self._commit(text, self.opened_ns if self.opened_ns is not None else self._engine_now())
        self.drop()
