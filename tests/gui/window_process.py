"""A window in a process of its own, for tests that kill or block it. Prints what it shows; never decides anything.

python -m tests.gui.window_process SETTINGS          show the window until killed
python -m tests.gui.window_process SETTINGS FILE     the same, then hang in a busy loop until FILE exists
"""

from __future__ import annotations

import sys
from pathlib import Path

from PyQt6.QtCore import QSettings, QTimer

from drivers.clock import NS_PER_S, SystemClock
from gui.app import application, open_window
from gui.link import ClientLink

BLOCKED_S = 5.0
"""The busy loop lasts at least so long."""


def main(words: list[str]) -> int:
    """Show the window on this user's engine, and say so once it shows an infusing pump."""
    app = application()
    settings = QSettings(words[0], QSettings.Format.IniFormat)
    window = open_window(ClientLink("tester"), settings=settings)
    window.show()
    watch = QTimer()

    def look() -> None:
        shown = [pump.word.text() for pump in window.pumps.values()]
        if shown != ["INFUSING"]:
            return
        watch.stop()
        say("infusing")
        for file in words[1:]:
            block(Path(file))
            say("free")

    watch.timeout.connect(look)
    watch.start(20)
    return app.exec()


def say(word: str) -> None:
    """Tell the test."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def block(until: Path) -> None:
    """Keep the interpreter busy, as a runaway slot would: no event is handled."""
    clock = SystemClock()
    end_ns = clock.now_ns() + round(BLOCKED_S * NS_PER_S)
    while clock.now_ns() < end_ns or not until.exists():
        sum(range(1000))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
