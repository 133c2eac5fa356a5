"""The STOP button: always there, one press, no question, no focus; and what became of the press."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QKeyEvent, QKeySequence
from PyQt6.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from gui.presenters.stop import StopStatus
from gui.widgets.plain import PlainLabel, set_tooltip

STOP_KEYS = ("F12", "Ctrl+.")
"""Work from everywhere in the program, also while a note is being typed or a dialog wants an answer first."""


_OF_THE_KEYBOARD = Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.GroupSwitchModifier
"""Say where a key sits and which layout is on, not what a person means."""


class _StopKeys(QObject):
    """Hears the STOP keys before anything else of the program, under a modal dialog too, where shortcuts are dead."""

    def __init__(self, parent: QObject, pressed: Callable[[], None]) -> None:
        super().__init__(parent)
        self._pressed = pressed
        combinations = [QKeySequence(key)[0] for key in STOP_KEYS]
        self._keys = {(key.key().value, key.keyboardModifiers()) for key in combinations}
        application = QApplication.instance()
        if application is not None:
            application.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take a STOP key out of the stream of events; let all else pass."""
        if event is None or event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        if not self._is_stop(event):
            return False
        if not event.isAutoRepeat():
            self._pressed()
        return True

    def _is_stop(self, event: QKeyEvent) -> bool:
        modifiers = event.modifiers() & ~_OF_THE_KEYBOARD
        if event.key() == Qt.Key.Key_Period.value:  # on many keyboards (French, for one) the dot needs Shift
            modifiers &= ~Qt.KeyboardModifier.ShiftModifier
        return (event.key(), modifiers) in self._keys


class StopPanel(QWidget):
    """Button, keys and status line."""

    def __init__(self, pressed: Callable[[], None]) -> None:
        super().__init__()
        self.button = QPushButton()
        self.button.setObjectName("stop")
        self.button.setFixedHeight(104)
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.button.setAutoRepeat(False)
        # On press, not on release: a hand that slips off the button has still stopped the pump.
        self.button.pressed.connect(pressed)
        keys = " or ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in STOP_KEYS)
        title = PlainLabel("■  STOP", pixels=38, weight=800)
        self.keys = PlainLabel(f"key {keys}", pixels=14, weight=600)
        inside = QVBoxLayout(self.button)
        inside.setSpacing(0)
        for label in (title, self.keys):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            inside.addWidget(label)
        set_tooltip(self.button, "Stops every pump now. No question is asked. Recording goes on.")
        self.headline = PlainLabel(pixels=20, weight=700)
        self.detail = PlainLabel(pixels=13, weight=600)
        for label in (self.headline, self.detail):
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.button)
        layout.addWidget(self.headline)
        layout.addWidget(self.detail)
        self._stop_keys = _StopKeys(self, pressed)

    def show_status(self, status: StopStatus) -> None:
        """Show what became of STOP."""
        self.headline.show_text(status.headline, status.tone)
        self.headline.setVisible(bool(status.headline))
        self.detail.show_text(status.detail, status.tone)
