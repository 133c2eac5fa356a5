"""Alarm banners: in the flow of the window, so that nothing can cover them (R49); there are no dialogs at all."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from gui.presenters.alarms import SHOWN, AlarmRow, more_text
from gui.widgets.plain import PlainLabel, button, set_tooltip


class AlarmBanner(QFrame):
    """One alarm; ``brief`` puts what it means into the tooltip, to leave room for the rest of the window."""

    def __init__(self, row: AlarmRow, acknowledge: Callable[[str], None], *, brief: bool) -> None:
        super().__init__()
        self.row = row
        self.setObjectName(f"alarm_{row.priority.lower()}")
        self.what = PlainLabel(row.what, pixels=17, weight=700, tone=row.tone)
        self.meaning = PlainLabel(row.so_what, pixels=13)
        self.todo = PlainLabel(f"→ {row.do_what}", pixels=15, weight=600)
        for label in (self.what, self.meaning, self.todo):
            label.setWordWrap(True)
        texts = QVBoxLayout()
        texts.setSpacing(1)
        for label in (self.what, self.todo) if brief else (self.what, self.meaning, self.todo):
            texts.addWidget(label)
        set_tooltip(self, row.so_what)
        self.acknowledge = button("Acknowledge", "I have seen this. It stays on the screen while its cause is there.")
        self.acknowledge.setVisible(row.can_acknowledge)
        self.acknowledge.clicked.connect(lambda: acknowledge(row.alarm_id))
        self.when = PlainLabel(row.when, pixels=12, tone="dim")
        side = QVBoxLayout()
        side.addWidget(self.when)
        side.addWidget(self.acknowledge)
        corner = QWidget()
        corner.setFixedWidth(74)
        badge = QVBoxLayout(corner)
        badge.setContentsMargins(0, 0, 0, 0)
        badge.setSpacing(0)
        badge.addWidget(PlainLabel(row.symbol, pixels=26, weight=700, tone=row.tone))
        badge.addWidget(PlainLabel(row.priority, pixels=12, weight=700, tone=row.tone))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 5, 14, 5)
        layout.setSpacing(16)
        layout.addWidget(corner)
        layout.addLayout(texts, 1)
        layout.addLayout(side)


class AlarmList(QWidget):
    """The first few alarms; the rest is counted."""

    def __init__(self, acknowledge: Callable[[str], None]) -> None:
        super().__init__()
        self._acknowledge = acknowledge
        self._rows: tuple[AlarmRow, ...] | None = None
        self.banners: list[AlarmBanner] = []
        self.more = PlainLabel(weight=600, tone="warn")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        self._layout.addWidget(self.more)

    def show_rows(self, rows: tuple[AlarmRow, ...]) -> None:
        """Show these alarms; nothing is rebuilt while they stay the same, so that a button can be hit."""
        if rows == self._rows:
            return
        self._rows = rows
        for banner in self.banners:
            self._layout.removeWidget(banner)
            banner.hide()
            banner.deleteLater()
        self.banners = [AlarmBanner(row, self._acknowledge, brief=place > 0) for place, row in enumerate(rows[:SHOWN])]
        for place, banner in enumerate(self.banners):
            self._layout.insertWidget(place, banner)
        text = more_text(rows)
        self.more.show_text(text)
        self.more.setVisible(bool(text))
        self.setVisible(bool(rows))
