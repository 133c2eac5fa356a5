"""Start, Continue, Mark, Finish: one click each, with what it will do written above; Finish asks for a second click."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QFrame, QVBoxLayout, QWidget

from gui.presenters.controls import Controls
from gui.widgets.notes import NameBox
from gui.widgets.plain import PlainLabel, button, row, set_tooltip

SECOND_CLICK_WITHIN_MS = 4000


@dataclass(frozen=True)
class ControlActions:
    """What the buttons do."""

    start: Callable[[str], None]
    """Gets the name of who decides that nobody has to watch; empty for nobody."""
    go_on: Callable[[int], None]
    leave_out: Callable[[int], None]
    mark: Callable[[], None]
    finish: Callable[[], None]


class ControlPanel(QFrame):
    """The card with the buttons."""

    def __init__(self, actions: ControlActions, rehearsal: QWidget) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - Qt's property takes any value
        self._actions = actions
        self._step = 0
        self.headline = PlainLabel(pixels=15, weight=600)
        self.headline.setWordWrap(True)
        self.lines = PlainLabel(tone="dim")
        self.lines.setWordWrap(True)
        self.answer = PlainLabel(weight=600)
        self.answer.setWordWrap(True)
        self.answer.hide()
        self.start = button("▶ Start plan", "Starts the plan written above.", main=True)
        self.start.clicked.connect(lambda: actions.start(self.unattended_by.name))
        self.unattended_by = NameBox(
            "Unattended? Name of who decides it",
            "Empty: no experimental infusion starts while no window lives. With a name they start all the same: if the "
            "animal is unwell or a line is loose, nobody sees it.",
        )
        self.go_on = button("▶ Continue", "Goes on with the plan.", main=True)
        self.go_on.clicked.connect(lambda: actions.go_on(self._step))
        self.leave_out = button("Leave it out", "The infusion counts as missed; the plan goes on after it.")
        self.leave_out.clicked.connect(lambda: actions.leave_out(self._step))
        self.mark = button("Mark", "Writes a mark at this moment. Key: M")
        self.mark.clicked.connect(actions.mark)
        self.finish = button("Finish")
        self.finish.clicked.connect(self._finish_clicked)
        self._armed = QTimer(self)
        self._armed.setSingleShot(True)
        self._armed.setInterval(SECOND_CLICK_WITHIN_MS)
        self._armed.timeout.connect(self._disarm)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(6)
        for label in (self.headline, self.lines, self.answer):
            layout.addWidget(label)
        layout.addWidget(rehearsal)
        layout.addWidget(self.unattended_by)
        buttons = row()
        for part in (self.start, self.go_on, self.leave_out, self.mark, self.finish):
            buttons.addWidget(part, 1)
        layout.addLayout(buttons)

    def show_controls(self, controls: Controls) -> None:
        """Offer what is possible now."""
        self._step = controls.continue_step
        self.headline.show_text(controls.headline)
        self.headline.setVisible(bool(controls.headline))
        self.lines.show_text("\n".join(controls.lines))
        self.lines.setVisible(bool(controls.lines))
        self.start.setVisible(controls.can_start)
        self.start.setEnabled(not controls.why_not_start)
        set_tooltip(self.start, controls.why_not_start or "Starts the plan written above.")
        self.unattended_by.setVisible(controls.can_start)
        self.go_on.setVisible(controls.can_continue)
        self.leave_out.setVisible(controls.can_skip)
        self.mark.setEnabled(controls.can_mark)
        self.finish.setEnabled(controls.can_finish)
        if not controls.can_finish:
            self._disarm()
        set_tooltip(self.finish, controls.why_not_finish or "Ends recording, closes the files, ends the engine.")

    def show_answer(self, text: str, *, ok: bool) -> None:
        """Show the engine's answer to the last command; refusals stay until the next answer."""
        self.answer.show_text("" if ok else f"✕ {text}", "normal" if ok else "alarm")
        self.answer.setVisible(not ok)

    def _finish_clicked(self) -> None:
        if self._armed.isActive():
            self._disarm()
            self._actions.finish()
            return
        self._armed.start()
        self.finish.setText("Really finish?")

    def _disarm(self) -> None:
        self._armed.stop()
        self.finish.setText("Finish")
