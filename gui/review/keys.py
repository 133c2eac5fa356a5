"""The keys of the window of a recording. A letter that is typed into a box is a letter."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtGui import QKeySequence, QShortcut

from gui.presenters.traces import WINDOWS

if TYPE_CHECKING:
    from gui.review.window import ReviewWindow

REPEATED = {"Left", "Right", "+", "=", "-", ".", ","}


def bind_keys(window: ReviewWindow) -> None:
    """Give the window its keys."""
    traces = window.traces
    keys: dict[str, Callable[[], object]] = {
        "Left": lambda: traces.look(traces.view.moved(-0.5)),
        "Right": lambda: traces.look(traces.view.moved(0.5)),
        "Home": lambda: traces.look(traces.view.moved_by(-traces.view.end_s)),
        "End": lambda: traces.look(traces.view.moved_by(traces.view.end_s)),
        "+": lambda: traces.look(traces.view.zoomed(0.5)),
        "=": lambda: traces.look(traces.view.zoomed(0.5)),
        "-": lambda: traces.look(traces.view.zoomed(2.0)),
        ".": partial(traces.step_to, back=False),
        ",": partial(traces.step_to, back=True),
        "Z": traces.zoom_to_chosen,
        "U": traces.toggle_scale,
        "Y": traces.toggle_fit,
        "N": window.annotate,
        "M": partial(window.show_card, 1),
        "Ctrl+Return": window.desk.card.measure,
        "T": window.toggle_edition,
        "F5": window.read,
        "Escape": window.let_go,
    }
    for place, (_name, length_s) in enumerate(WINDOWS):
        keys[str(place + 1)] = partial(traces.show_window, length_s)
    for key, action in keys.items():
        shortcut = QShortcut(QKeySequence(key), window)
        shortcut.setAutoRepeat(key in REPEATED)
        shortcut.activated.connect(action)
