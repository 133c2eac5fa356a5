"""How the traces are looked at, kept from one window to the next: settings are a file, and believed only as far as they
make sense.
"""

from __future__ import annotations

import json

from PyQt6.QtCore import QSettings

from acquisition.signal.filters import FILTERS
from gui.looks import ViewChoice
from gui.presenters.displays import Look
from gui.presenters.traces import WINDOWS, Scale


def remember(settings: QSettings, choice: ViewChoice) -> None:
    """Write a choice down."""
    place = next(k for k, (_name, length) in enumerate(WINDOWS) if length == choice.window_s)
    settings.setValue("window", place)
    settings.setValue("scale", choice.scale)
    settings.setValue("filter", choice.filter)
    settings.setValue("looks", json.dumps({key: [look.sentinel, look.delta] for key, look in choice.looks.items()}))


def remembered(settings: QSettings) -> ViewChoice:
    """Return what was written down; anything else is as in a first window."""
    place = int(settings.value("window", 2))
    scale: Scale = "apparent" if settings.value("scale") == "apparent" else "current"
    name = str(settings.value("filter", "none"))
    return ViewChoice(
        WINDOWS[place % len(WINDOWS)][1], scale, name if name in FILTERS else "none", _looks(settings.value("looks"))
    )


def _looks(text: object) -> dict[str, Look]:
    try:
        found = json.loads(str(text))
    except ValueError:
        return {}
    looks = {}
    for key, value in found.items() if isinstance(found, dict) else ():
        match value:
            case [str(sentinel), bool(delta)]:
                looks[str(key)] = Look(sentinel, delta)
    return looks
