"""The banner of sessions that ended badly. Only a person's answer takes it away, given where pumps are asked."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtWidgets import QFrame, QVBoxLayout, QWidget

from gui.presenters.sound import is_lit
from gui.presenters.unfinished import LookForUnfinished, Unfinished, more_text
from gui.theme import set_lit
from gui.widgets.plain import ElidedLabel, PlainLabel, button, row, set_tooltip


class UnfinishedBanner(QFrame):
    """One session. It flashes until somebody says that it was seen, and stands there shorter from then on."""

    def __init__(
        self, shown: Unfinished, more: str, look_again: Callable[[], None], copy: Callable[[str], None]
    ) -> None:
        super().__init__()
        self.shown = shown
        self.is_seen = False
        self.setObjectName("alarm_high")
        self.what = PlainLabel(shown.what, pixels=17, weight=700, tone="alarm")
        self.meaning = PlainLabel(shown.so_what)
        self.todo = PlainLabel(f"→ {shown.do_what}", pixels=15, weight=600)
        self.command = PlainLabel(shown.command, pixels=15, weight=700)
        for label in (self.what, self.meaning, self.todo, self.command):
            label.setWordWrap(True)
        self.copy = button("Copy command", "Puts the command on the clipboard; paste it into a terminal.")
        self.copy.clicked.connect(lambda: copy(shown.command))
        self.again = button(
            "Look again", "After the command: the banner goes when a person has answered for the session."
        )
        self.again.clicked.connect(look_again)
        self.seen = button(
            "I have seen this", "It stops flashing and stays until a person has answered for the session."
        )
        self.seen.clicked.connect(self.note_seen)
        self.more = ElidedLabel(weight=700, tone="alarm")
        texts = QVBoxLayout()
        texts.setSpacing(1)
        for label in (self.what, self.meaning, self.todo, self.command, self.more):
            texts.addWidget(label)
        side = QVBoxLayout()
        side.addLayout(row(self.copy, self.again))
        side.addWidget(self.seen)
        side.addStretch(1)
        mark = PlainLabel("◆", pixels=26, weight=700, tone="alarm")
        mark.setFixedWidth(36)
        layout = row(mark, spacing=16)
        layout.setContentsMargins(14, 5, 14, 5)
        layout.addLayout(texts, 1)
        layout.addLayout(side)
        self.setLayout(layout)
        self.show_more(more)

    def show_more(self, more: str) -> None:
        """Name the others that wait."""
        self.more.show_text(more)
        self.more.setVisible(bool(more))

    def note_seen(self) -> None:
        """Stop flashing, and leave room for the rest of the window."""
        self.is_seen = True
        self.meaning.hide()
        self.todo.hide()
        self.seen.hide()
        set_tooltip(self, f"{self.shown.so_what} {self.shown.do_what}")

    def flash(self, ticks_ns: int) -> None:
        """Show the bright or the dark half of a flash."""
        set_lit(self, lit=is_lit("high", ticks_ns, seen=self.is_seen))


class UnfinishedPart(QWidget):
    """The place of the banner: of the oldest session that waits, and the names of the others."""

    def __init__(self, look: LookForUnfinished, copy: Callable[[str], None]) -> None:
        super().__init__()
        self._look, self._copy = look, copy
        self.banner: UnfinishedBanner | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.look_again()

    def look_again(self) -> None:
        """Ask which sessions wait for a person now, and show them."""
        waiting = self._look()
        first = waiting[0] if waiting else None
        if self.banner is not None and self.banner.shown != first:
            self._layout.removeWidget(self.banner)
            self.banner.hide()
            self.banner.deleteLater()
            self.banner = None
        if first is not None and self.banner is None:
            self.banner = UnfinishedBanner(first, more_text(waiting), self.look_again, self._copy)
            self._layout.addWidget(self.banner)
        elif self.banner is not None:
            self.banner.show_more(more_text(waiting))
        self.setVisible(self.banner is not None)

    def flash(self, ticks_ns: int) -> None:
        """Let the banner flash until somebody has seen it."""
        if self.banner is not None:
            self.banner.flash(ticks_ns)
