"""Makes the pictures of the window in ``docs/images`` from the running demo: a real engine on the simulated bench.

``python tools/screenshots.py [window|review]`` takes the pictures of the live window, of the window of a recording, or
both. For the live window it starts an engine of its own (in a runtime directory of its own, so that no other engine
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
from PyQt6.QtWidgets import QWidget

from acquisition.books.annotations import annotate
from acquisition.client import EngineClient, EngineLost
from acquisition.experiment.compile import load_experiment
from acquisition.experiment.presets import read_presets
from acquisition.messages import Finish, Stop
from acquisition.service import discovery
from acquisition.service.launch import EngineOptions, start_engine
from amperfuse.rehearsing import Wanted, rehearse_with_papers
from drivers.clock import NS_PER_S, SystemClock
from gui.app import application, open_window
from gui.link import ClientLink
from gui.review.app import open_review
from gui.window import MainWindow

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "amperfuse" / "data"
COHORT = ROOT / "examples" / "cohort"
SIZE = (1600, 1000)
PATIENCE_S = 900.0


def main(words: list[str]) -> int:
    """Take the pictures; return 0, or 1 with a sentence when the demo did not get that far."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="where the PNG files go")
    parser.add_argument("--speed", type=float, default=20.0, help="engine seconds per second")
    parser.add_argument("--minutes", type=float, default=52.0, help="minutes into the session")
    parser.add_argument("what", nargs="?", choices=("window", "review", "all"), default="all", help="which pictures")
    given = parser.parse_args(words)
    application()
    if not QFontDatabase.families():
        sys.stderr.write("No fonts: text would be boxes. Install a font package, on Debian fonts-dejavu.\n")
        return 1
    if given.what in ("review", "all"):
        take_review(given.out)
    if given.what == "review":
        return 0
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


def take_review(out: Path) -> None:
    """Rehearse one animal of the cohort in the examples, measure its recording in the window, save both pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder, clock = Path(name), SystemClock()
        experiment = load_experiment(COHORT / "ketamine.toml", COHORT / "rig.toml")
        names = (str(COHORT / "ejector.toml"),)
        wanted = Wanted(experiment, folder, seed=2, presets=read_presets(names), preset_names=names)
        session = rehearse_with_papers(wanted, lambda _done, _text: None).result.session_dir
        annotate(session, "cage opened", "Ada", clock.wall_ns(), start_s=5150.0, end_s=5210.0)
        settings = QSettings(str(folder / "review.ini"), QSettings.Format.IniFormat)
        window = open_review(session, "Ada", settings=settings)
        window.resize(*SIZE)
        window.show()
        while window.opened is None or not window.desk.card.isEnabled():
            watch(clock, 0.1)
        window.show_card(1)
        window.desk.card.measure()
        while window.results.found is None:
            watch(clock, 0.1)
        window.traces.look(window.traces.view.at(3300.0, 8900.0))
        window.traces.glass.point(6475.0)
        try:
            out.mkdir(parents=True, exist_ok=True)
            save(window, clock, out / "review-dark.png")
            window.results.show_table(1)
            window.results.responses.cellClicked.emit(4, 0)
            window.traces.glass.point(4820.0)
            window.toggle_edition()
            save(window, clock, out / "review-light.png")
        finally:
            window.close()


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


def save(window: QWidget, clock: SystemClock, path: Path) -> None:
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
