"""The buttons above the lines: how much is seen, in which unit, how the axes fit, which mean is drawn over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QPushButton

from acquisition.signal.filters import FILTERS, FilterSpec
from gui.presenters.review.view import ReviewView, clock
from gui.presenters.text import duration
from gui.presenters.traces import WINDOWS, Scale
from gui.widgets.plain import ElidedLabel, button, row, set_tooltip, wide_enough
from gui.widgets.review.choice import Choice


class StepTo(Protocol):
    """Looks at the next event, or the one before."""

    def __call__(self, *, back: bool) -> None: ...


@dataclass(frozen=True)
class ToolbarActions:
    """What the buttons do."""

    window: Callable[[float | None], None]
    scale: Callable[[], None]
    fit: Callable[[], None]
    filter: Callable[[int], None]
    step_to: StepTo


class ReviewToolbar(QHBoxLayout):
    """One row."""

    def __init__(self, actions: ToolbarActions) -> None:
        super().__init__()
        self.setSpacing(4)
        self.windows: list[QPushButton] = []
        for place, (name, length_s) in enumerate(WINDOWS):
            what = "the whole recording" if length_s is None else name
            part = reachable(button(name, f"Show {what}. Key: {place + 1}"), f"show {what}")
            part.setCheckable(True)
            part.clicked.connect(partial(self._choose, actions.window, length_s))
            self.windows.append(part)
            self.addWidget(part)
        self.addSpacing(10)
        self.unit = reachable(button("Scale: current"), "unit of the axes")
        set_tooltip(
            self.unit,
            "Current, or apparent µM: current divided by the sensitivity in the rig file. No baseline is subtracted, "
            "so the background current counts as concentration. Key: U",
        )
        self.unit.clicked.connect(actions.scale)
        self.fit = reachable(button("Fit: trimmed"), "range of the axes")
        set_tooltip(
            self.fit,
            "Trimmed: the axis leaves out the outermost hundredth at either end of what is in view and, when twice as "
            "much is in view, the first sixth of the recording, in which electrodes settle; the trace then says so. "
            "All: it holds everything. Key: Y",
        )
        self.fit.clicked.connect(actions.fit)
        self.back = reachable(button("◂ Event", "The event before. Key: , (comma)"), "event before")
        self.ahead = reachable(button("▸", "The next event. Key: . (full stop)"), "next event")
        self.back.clicked.connect(partial(self._step, actions.step_to, back=True))
        self.ahead.clicked.connect(partial(self._step, actions.step_to, back=False))
        self.filter = Choice("filter whose line is drawn over the samples", 11)
        self.filter.addItems([f"Filter: {name}" for name in FILTERS])
        set_tooltip(
            self.filter,
            "A filter of the live window, drawn over the samples and moved back by its delay. For the eye only: "
            "nothing is measured on it.",
        )
        self.filter.activated.connect(actions.filter)
        wide_enough(self.unit, "Scale: apparent µM")
        for shown in (self.unit, self.fit, self.filter):
            self.addWidget(shown)
        self.addSpacing(10)
        self.addLayout(row(self.back, self.ahead, spacing=2))
        self.addSpacing(10)
        self.hint = ElidedLabel(tone="dim")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.addWidget(self.hint, 1)

    @staticmethod
    def _choose(window: Callable[[float | None], None], length_s: float | None, _checked: bool) -> None:
        window(length_s)

    @staticmethod
    def _step(step_to: StepTo, _checked: bool, *, back: bool) -> None:
        step_to(back=back)

    def show_state(self, view: ReviewView, scale: Scale, shown: FilterSpec, *, trimmed: bool) -> None:
        """Show how the lines are looked at."""
        for part, (_name, length_s) in zip(self.windows, WINDOWS, strict=True):
            wanted_s = view.end_s if length_s is None else length_s
            part.setChecked(abs(view.width_s - wanted_s) < 1e-6)
        self.unit.setText("Scale: current" if scale == "current" else "Scale: apparent µM")
        self.fit.setText("Fit: trimmed" if trimmed else "Fit: all")
        place = list(FILTERS.values()).index(shown)
        if self.filter.currentIndex() != place:
            self.filter.setCurrentIndex(place)
        length = f"{view.width_s:.2f} s" if view.width_s < 10 else duration(view.width_s)
        self.hint.show_text(f"{clock(view.left_s)} to {clock(view.right_s)} · {length}")


def reachable(part: QPushButton, name: str) -> QPushButton:
    """Let the Tab key reach a button, and a screen reader name it."""
    part.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    part.setAccessibleName(name)
    return part
