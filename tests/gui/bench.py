"""A window on a fake engine, and hands for it. Imports Qt: only the fixture in conftest loads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QEvent, QSettings, Qt
from PyQt6.QtGui import QKeyEvent, QKeySequence
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QAbstractButton, QApplication, QDialog, QLabel, QLineEdit, QPlainTextEdit, QWidget

from gui.app import application, open_window
from gui.history import HistoryItem
from gui.link import ClientLink
from gui.presenters.unfinished import Unfinished
from gui.window import MainWindow, WindowParts
from tests.gui.fakes import FakeLink, FakePlayer, FakeRehearser

HANDS: Any = QTest
"""PyQt6's stubs describe its static methods as methods."""


@dataclass
class Bench:
    """Opens windows, moves their clock, presses their buttons, reads their texts."""

    settings_file: Path
    link: FakeLink = field(default_factory=FakeLink)
    ticks_ns: int = 0
    player: FakePlayer = field(default_factory=FakePlayer)
    rehearser: FakeRehearser = field(default_factory=FakeRehearser)
    opened: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)
    reviews: list[str] = field(default_factory=list)
    review_problem: str = ""
    unfinished: tuple[Unfinished, ...] = ()
    windows: list[MainWindow] = field(default_factory=list)
    links: list[ClientLink] = field(default_factory=list)
    app: QApplication = field(default_factory=application)

    def open_review(self, folder: str) -> str:
        self.reviews.append(folder)
        return self.review_problem

    def open(self, history: Callable[[Path], Iterator[HistoryItem]] | None = None) -> MainWindow:
        window = MainWindow(
            WindowParts(
                link=self.link,
                read_history=history or (lambda _dir: iter((0,))),
                settings=QSettings(str(self.settings_file), QSettings.Format.IniFormat),
                ticks_ns=lambda: self.ticks_ns,
                time_of_day=lambda ago_s: f"12:00:00 minus {ago_s:.0f}",
                player=self.player,
                rehearser=self.rehearser,
                open_page=self.opened.append,
                copy_text=self.copied.append,
                open_review=self.open_review,
                unfinished=lambda: self.unfinished,
            )
        )
        window._timer.stop()  # the test is the timer
        window.resize(1400, 900)
        window.show()
        window.activateWindow()
        self.app.processEvents()
        self.windows.append(window)
        return window

    def open_on_engine(self) -> MainWindow:
        """Open the real thing: on the engine of the runtime directory, with its own timer and journal."""
        link = ClientLink("tester")
        self.links.append(link)
        settings = QSettings(str(self.settings_file), QSettings.Format.IniFormat)
        window = open_window(link, settings=settings, player=self.player)
        window.show()
        window.activateWindow()
        self.windows.append(window)
        return window

    def hear(self, window: MainWindow, *reports: Any) -> None:
        """Let the engine say this, and show it, history read to its end."""
        self.link.incoming += reports
        for _attempt in range(2000):
            window.tick()
            if not window.feed.store.loading:
                break
        window.tick()
        self.app.processEvents()

    def click(self, widget: QWidget) -> None:
        HANDS.mouseClick(widget, Qt.MouseButton.LeftButton)

    def press_down(self, widget: QWidget) -> None:
        """Press a mouse button and do not let go."""
        HANDS.mousePress(widget, Qt.MouseButton.LeftButton)

    def key(self, widget: QWidget, key: str) -> None:
        combination = QKeySequence(key)[0]
        HANDS.keyClick(widget, combination.key(), combination.keyboardModifiers())

    def raw_key(self, widget: QWidget, name: str, modifiers: str) -> None:
        """Press a key as a keyboard of another country reports it; without a name, one that nobody knows."""
        held = Qt.KeyboardModifier.NoModifier
        for modifier in modifiers.split("|"):
            held |= Qt.KeyboardModifier[modifier]
        number = Qt.Key[name].value if name else 0
        self.app.sendEvent(widget, QKeyEvent(QEvent.Type.KeyPress, number, held))

    def hold(self, widget: QWidget, key: str, repeats: int) -> None:
        """Hold a key down: one press, and as many repeated ones."""
        combination = QKeySequence(key)[0]
        for number in range(repeats + 1):
            event = QKeyEvent(QEvent.Type.KeyPress, combination.key(), combination.keyboardModifiers(), "", number > 0)
            self.app.sendEvent(widget, event)

    def modal_dialog(self, window: MainWindow) -> tuple[QDialog, QLineEdit]:
        """Open a dialog that wants an answer before anything else, with a field that has the focus."""
        dialog = QDialog(window)
        dialog.setWindowModality(Qt.WindowModality.ApplicationModal)
        field = QLineEdit(dialog)
        dialog.show()
        self.focus(dialog, field)
        return dialog, field

    def type(self, widget: QWidget, text: str) -> None:
        HANDS.keyClicks(widget, text)

    def focus(self, window: QWidget, widget: QWidget) -> None:
        window.activateWindow()
        widget.setFocus()
        self.app.processEvents()

    def texts(self, window: QWidget) -> list[str]:
        """Return every text that can be seen."""
        found = [label.text() for label in window.findChildren(QLabel) if label.isVisible()]
        found += [part.text() for part in window.findChildren(QAbstractButton) if part.isVisible()]
        return found + [part.toPlainText() for part in window.findChildren(QPlainTextEdit)]

    def hints(self, window: QWidget) -> list[str]:
        """Return what is told beside the texts: when a mouse rests there, and to those who do not see."""
        parts = [window, *window.findChildren(QWidget)]
        return [text for part in parts for text in (part.toolTip(), part.accessibleName()) if text]

    def is_wholly_seen(self, label: QLabel) -> bool:
        """Tell whether nothing cuts this text off: neither its own size nor what scrolls or lies around it."""
        wanted = label.sizeHint()
        fits = label.width() >= wanted.width() or label.wordWrap()
        whole = label.visibleRegion().boundingRect() == label.rect()
        return label.isVisible() and whole and fits and label.height() >= label.fontMetrics().height()

    def labels(self, window: QWidget) -> list[QLabel]:
        return window.findChildren(QLabel)

    def are_plain(self, window: QWidget) -> bool:
        return all(label.textFormat() == Qt.TextFormat.PlainText for label in self.labels(window))

    def modal_windows(self) -> list[QWidget]:
        return [widget for widget in self.app.topLevelWidgets() if widget.isModal()]

    def close(self) -> None:
        for window in self.windows:
            window.close()
            window.deleteLater()
        self.windows.clear()
        for link in self.links:
            link.close()
        self.links.clear()
        self.app.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        self.app.processEvents()
