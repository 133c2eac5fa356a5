"""Makes the pictures of the window in ``docs/images`` from the running demo: a real engine on the simulated bench.

``python tools/screenshots.py`` starts an engine of its own (in a runtime directory of its own, so that no other engine
is touched), opens the window without a display, waits until the first infusion is well under way, takes the dark and
the light picture, stops the pump and ends the session. Needs fonts that fontconfig can find (Debian: fonts-dejavu).
"""

# ruff: noqa: INP001 - a script of the project, not a package
from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt6.QtCore import QSettings
from PyQt6.QtGui import QFontDatabase

from acquisition.client import EngineClient, EngineLost
from acquisition.messages import Finish, Stop
from acquisition.service import discovery
from acquisition.service.launch import EngineOptions, start_engine
from drivers.clock import NS_PER_S, SystemClock
from gui.app import application, open_window
from gui.link import ClientLink
from gui.window import MainWindow

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "amperfuse" / "data"
SIZE = (1600, 1000)
PATIENCE_S = 900.0


def main(words: list[str]) -> int:
    """Take the pictures; return 0, or 1 with a sentence when the demo did not get that far."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="where the PNG files go")
    parser.add_argument("--speed", type=float, default=20.0, help="engine seconds per second")
    parser.add_argument("--minutes", type=float, default=52.0, help="minutes into the session")
    given = parser.parse_args(words)
    application()
    if not QFontDatabase.families():
        sys.stderr.write("No fonts: text would be boxes. Install a font package, on Debian fonts-dejavu.\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        runtime = Path(folder) / "runtime"
        runtime.mkdir(mode=0o700)
        os.environ[discovery.RUNTIME_DIR_VARIABLE] = str(runtime)
        start_engine(
            EngineOptions(
                protocol=DATA / "demo-protocol.toml",
                rig=DATA / "demo-rig.toml",
                out=Path(folder),
                autostart=True,
                speed=given.speed,
                seed=1,
            )
        )
        try:
            return take(given.out, given.minutes * 60.0, Path(folder))
        finally:
            end_session()


class Silent:
    """A loudspeaker that nobody hears: a machine that only takes pictures need not have one, nor complain."""

    trouble = ""

    def play(self, priority: str) -> None:
        """Play nothing."""


def take(out: Path, at_s: float, folder: Path) -> int:
    """Watch the session up to ``at_s`` and save both pictures."""
    settings = QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)
    link = ClientLink("demo")
    window = open_window(link, settings=settings, player=Silent())
    window.resize(*SIZE)
    window.show()
    window.traces.choose_window(3)
    try:
        noted = False
        clock = SystemClock()
        end_ns = clock.now_ns() + round(PATIENCE_S * NS_PER_S)
        while window.mirror.session_s() < at_s:
            if clock.now_ns() > end_ns:
                sys.stderr.write(f"The demo did not get to {at_s:.0f} s.\n")
                return 1
            watch(clock, 0.1)
            if not noted and window.mirror.session_s() > at_s - 480.0:
                window.operator.note("whisking has stopped", window.mirror.engine_now_ns())
                noted = True
        out.mkdir(parents=True, exist_ok=True)
        save(window, clock, out / "window-dark.png")
        window.toggle_edition()
        window.traces.toggle_scale()
        show_difference(window)
        save(window, clock, out / "window-light.png")
        return 0
    finally:
        window.close()
        link.close()


def show_difference(window: MainWindow) -> None:
    """Show the first site less its sentinel, the second from its baseline, all of them smoothed."""
    first, _sentinel, second, *_more = window.traces.rows
    for key, clicks in ((first, 2), (second, 1)):
        for _click in range(clicks):
            window.traces.next_look(key)
    while window.traces.choice.filter != "mean 1 s":
        window.traces.next_filter()


def save(window: MainWindow, clock: SystemClock, path: Path) -> None:
    """Save what is on the screen."""
    watch(clock, 2.0)
    window.grab().save(str(path))
    sys.stdout.write(f"{path.name}: {window.width()} x {window.height()}\n")


def watch(clock: SystemClock, seconds: float) -> None:
    """Let the window live for a while."""
    end_ns = clock.now_ns() + round(seconds * NS_PER_S)
    while clock.now_ns() < end_ns:
        application().processEvents()
        clock.sleep_until_ns(clock.now_ns() + 5_000_000)


def end_session() -> None:
    """Stop the pump, end the engine, wait until it is gone."""
    record = discovery.find_engine()
    with EngineClient.connect(record) as client:
        client.request(Stop(request=0, reason="pictures are taken"), 20.0)
        client.request(Finish(request=0), 60.0)
        try:
            client.wait_for(lambda _state: False, 60.0)
        except EngineLost:
            return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
