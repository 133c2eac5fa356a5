"""Who plays the calls of alarms: Qt's sound effects where they are, otherwise the system's bell.

Knows the sound card as far as Qt does. Does not know alarms. QtMultimedia needs system libraries that not every machine
has, so it is imported only here and only when asked for; without it, or without a device, ``trouble`` says so (R48).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, get_args

from PyQt6.QtCore import QTimer, QUrl
from PyQt6.QtWidgets import QApplication

from acquisition.messages import Priority
from gui.tones import STARTS_S, wav

if TYPE_CHECKING:
    from PyQt6.QtMultimedia import QSoundEffect

BELL_HINT = "the system's bell is used, which may be silent"


class Player(Protocol):
    """What the window needs to be heard."""

    @property
    def trouble(self) -> str:
        """Return why nobody may hear anything, as far as can be known; empty when there is a device."""
        ...

    def play(self, priority: Priority) -> None:
        """Begin a call. Returns at once and never raises."""
        ...


class Bell:
    """The system's bell, in the rhythm of the call."""

    def __init__(self, why: str) -> None:
        self.trouble = f"{why}; {BELL_HINT}"

    def play(self, priority: Priority) -> None:
        for start_s in STARTS_S[priority]:
            QTimer.singleShot(round(start_s * 1000), QApplication.beep)


class Effects:
    """Qt's sound effects. A device that goes or comes while the window is open is noticed."""

    def __init__(self) -> None:
        from PyQt6.QtMultimedia import QMediaDevices, QSoundEffect  # noqa: PLC0415 - may be missing on this machine

        self._devices = QMediaDevices()
        self._make = QSoundEffect
        self._folder = tempfile.TemporaryDirectory(prefix="amperfuse-sound-")
        self._bell = Bell("no sound device")
        self._effects: dict[Priority, QSoundEffect] = {}
        self._devices.audioOutputsChanged.connect(self._load)
        self._load()

    def _load(self) -> None:
        """Make the effects anew: one that was made without a device stays mute."""
        for priority in get_args(Priority):
            path = Path(self._folder.name) / f"{priority}.wav"
            if not path.exists():
                path.write_bytes(wav(priority))
            effect = self._make()
            effect.setSource(QUrl.fromLocalFile(str(path)))
            effect.setVolume(1.0)
            self._effects[priority] = effect

    @property
    def trouble(self) -> str:
        if self._devices.defaultAudioOutput().isNull():
            return self._bell.trouble
        failed = any(effect.status() is self._make.Status.Error for effect in self._effects.values())
        return f"the sound device plays nothing; {BELL_HINT}" if failed else ""

    def play(self, priority: Priority) -> None:
        if self.trouble:
            self._bell.play(priority)
            return
        for effect in self._effects.values():
            effect.stop()
        self._effects[priority].play()


def make_player() -> Player:
    """Return what this machine has to play with."""
    try:
        return Effects()
    except (ImportError, OSError) as error:
        return Bell(f"no sound on this machine ({error})")
