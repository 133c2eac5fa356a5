"""The note box: a note belongs to the moment at which its writer began, not to the moment of Enter."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtGui import QFocusEvent
from PyQt6.QtWidgets import QLineEdit

from gui.theme import font
from gui.widgets.plain import set_tooltip

MOST_CHARACTERS = 10_000


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
