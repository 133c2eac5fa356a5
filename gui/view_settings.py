"""How the traces are looked at, kept from one window to the next: settings are a file, and believed only as far as they
make sense.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from PyQt6.QtCore import QSettings

from acquisition.signal.filters import FILTERS
from gui.presenters.displays import LOOKS, Look
from gui.presenters.traces import WINDOWS, Scale


@dataclass(frozen=True)
class ViewChoice:
    """What a person chose. ``looks`` by "INSTRUMENT.CHANNEL"; channels that are not in there are shown as measured."""

    window_s: float | None = 300.0
    scale: Scale = "current"
    filter: str = "none"
    looks: Mapping[str, Look] = field(default_factory=dict)


def remember(settings: QSettings, choice: ViewChoice) -> None:
    """Write a choice down."""
    place = next(k for k, (_name, length) in enumerate(WINDOWS) if length == choice.window_s)
    settings.setValue("window", place)
    settings.setValue("scale", choice.scale)
    settings.setValue("filter", choice.filter)
    settings.setValue("looks", json.dumps(dict(choice.looks)))


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
    known = {look: look for look in LOOKS}
    return {str(k): known[v] for k, v in found.items() if v in known} if isinstance(found, dict) else {}
