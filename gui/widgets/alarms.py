"""Alarm banners: in the flow of the window, so that nothing can cover them (R49); there are no dialogs at all."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from gui.presenters.alarms import LOOK, SHOWN, AlarmRow, more_text
from gui.presenters.sound import TEST_TEXT, is_lit, pause_text
from gui.theme import set_lit
from gui.widgets.plain import ElidedLabel, PlainLabel, button, row, set_tooltip, wide_enough


class AlarmBanner(QFrame):
    """One alarm; ``brief`` puts what it means into the tooltip, to leave room for the rest of the window."""

    def __init__(self, shown: AlarmRow, acknowledge: Callable[[str], None], *, brief: bool) -> None:
        super().__init__()
        self.row = shown
        self.setObjectName(f"alarm_{shown.priority.lower()}")
        self.what = PlainLabel(pixels=17, weight=700, tone=shown.tone)
        self.meaning = PlainLabel(pixels=13)
        self.todo = PlainLabel(pixels=15, weight=600)
        self.when = PlainLabel(pixels=12, tone="dim")
        for label in (self.what, self.meaning, self.todo):
            label.setWordWrap(True)
        texts = QVBoxLayout()
        texts.setSpacing(1)
        for label in (self.what, self.todo) if brief else (self.what, self.meaning, self.todo):
            texts.addWidget(label)
        self.acknowledge = button("Acknowledge", "I have seen this. It stays on the screen while its cause is there.")
        self.acknowledge.clicked.connect(lambda: acknowledge(self.row.alarm_id))
        side = QVBoxLayout()
        side.addWidget(self.when)
        side.addWidget(self.acknowledge)
        corner = QWidget()
        corner.setFixedWidth(74)
        badge = QVBoxLayout(corner)
        badge.setContentsMargins(0, 0, 0, 0)
        badge.setSpacing(0)
        badge.addWidget(PlainLabel(shown.symbol, pixels=26, weight=700, tone=shown.tone))
        badge.addWidget(PlainLabel(shown.priority, pixels=12, weight=700, tone=shown.tone))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 5, 14, 5)
        layout.setSpacing(16)
        layout.addWidget(corner)
        layout.addLayout(texts, 1)
        layout.addLayout(side)
        self.show_row(shown)

    def show_row(self, shown: AlarmRow) -> None:
        """Show what is new of the same alarm: its count, its detail, that it was acknowledged."""
        self.row = shown
        self.what.show_text(shown.what)
        self.meaning.show_text(shown.so_what)
        self.todo.show_text(f"→ {shown.do_what}")
        self.when.show_text(shown.when)
        set_tooltip(self, shown.so_what)
        self.acknowledge.setVisible(shown.can_acknowledge)

    def flash(self, ticks_ns: int) -> None:
        """Show the bright or the dark half of a flash."""
        set_lit(self, lit=is_lit(self.row.urgency, ticks_ns, seen=not self.row.can_acknowledge))


class AlarmTest(QFrame):
    """What can be seen and should be heard while the alarms are tested; beside the note box, where it moves nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("alarm_test")
        signs = [PlainLabel(f"{symbol} {word}", weight=700, tone=tone) for symbol, word, tone in LOOK.values()]
        self.text = ElidedLabel(TEST_TEXT, weight=600)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 2, 10, 2)
        for sign in signs:
            layout.addWidget(sign)
        layout.addWidget(self.text, 1)
        self.hide()


class AlarmList(QWidget):
    """The first few alarms; the rest is counted. Below them the pause of the sound, when there is something to hear."""

    def __init__(self, acknowledge: Callable[[str], None], pause: Callable[[], None]) -> None:
        super().__init__()
        self._acknowledge = acknowledge
        self._rows: tuple[AlarmRow, ...] | None = None
        self.banners: list[AlarmBanner] = []
        self.more = PlainLabel(weight=600, tone="warn")
        self.pause = button("", "No alarm sounds for two minutes, in no window; a new one ends the pause. Key: S")
        wide_enough(self.pause, pause_text(0.0), pause_text(100.0))
        self.pause.clicked.connect(pause)
        self._foot = QWidget()
        self._foot.setLayout(row(self.more, 1, self.pause))
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._layout.addWidget(self._foot)

    def show_rows(self, rows: tuple[AlarmRow, ...]) -> None:
        """Show these alarms; nothing is rebuilt while they are the same ones, so that a button can be hit."""
        if rows == self._rows:
            return
        shown = rows[:SHOWN]
        if [row.alarm_id for row in shown] == [banner.row.alarm_id for banner in self.banners]:
            for banner, new in zip(self.banners, shown, strict=True):
                banner.show_row(new)
        else:
            self._rebuild(shown)
        self._rows = rows
        self.more.show_text(more_text(rows))

    def show_pause(self, left_s: float, *, offered: bool) -> None:
        """Count the pause down; the button is there while there is anything to hear, or a pause to end."""
        text = pause_text(left_s)
        if self.pause.text() != text:
            self.pause.setText(text)
        self._foot.setVisible(offered or left_s > 0 or bool(self.more.text()))
        self.setVisible(bool(self.banners) or not self._foot.isHidden())

    def flash(self, ticks_ns: int) -> None:
        """Let the banners flash that nobody has acknowledged."""
        for banner in self.banners:
            banner.flash(ticks_ns)

    def _rebuild(self, shown: tuple[AlarmRow, ...]) -> None:
        for banner in self.banners:
            self._layout.removeWidget(banner)
            banner.hide()
            banner.deleteLater()
        self.banners = [AlarmBanner(new, self._acknowledge, brief=place > 0) for place, new in enumerate(shown)]
        for place, banner in enumerate(self.banners):
            self._layout.insertWidget(place, banner)
