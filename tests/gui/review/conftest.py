"""A window of a recorded session, with hands; whatever a worker does is done at once."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gui.review.work import attempt
from tests.analysis.session_kit import write_session

if TYPE_CHECKING:
    from gui.review.window import ReviewWindow
    from tests.gui.bench import Bench


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty minutes of two channels with a gap, an infusion, a note, an alarm; written once, never changed."""
    folder = tmp_path_factory.mktemp("recorded") / "session"
    write_session(folder)
    return folder


@pytest.fixture
def session(recorded: Path, tmp_path: Path) -> Path:
    """A copy of it, to write beside."""
    return Path(shutil.copytree(recorded, tmp_path / "session"))


class AtOnce:
    """Runs each job in ``submit``; ``held`` keeps them until the test lets go."""

    def __init__(self) -> None:
        self.held: list[Callable[[], None]] | None = None
        self.closed = False

    def submit(self, job: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        def run() -> None:
            found, why = attempt(job)
            failed(why) if why else done(found)

        if self.held is None:
            run()
        else:
            self.held.append(run)

    def poll(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


@dataclass
class ReviewBench:
    """Opens windows of recordings."""

    hands: Bench
    worker: AtOnce = field(default_factory=AtOnce)
    book_worker: AtOnce = field(default_factory=AtOnce)
    opened: list[ReviewWindow] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    proposed: list[str] = field(default_factory=list)
    save_to: str = ""

    def ask_save(self, proposed: str) -> str:
        self.proposed.append(proposed)
        return self.save_to

    def open(self, folder: Path) -> ReviewWindow:
        from PyQt6.QtCore import QSettings  # noqa: PLC0415 - only where Qt is

        from gui.review.window import ReviewParts, ReviewWindow  # noqa: PLC0415 - the same

        settings = QSettings(str(self.hands.settings_file), QSettings.Format.IniFormat)
        window = ReviewWindow(
            ReviewParts(
                folder,
                self.worker,
                self.book_worker,
                settings,
                lambda: 7_000_000_000,
                self.ask_save,
                self.pages.append,
                "Ada",
            )
        )
        for timer in window._timers:
            timer.stop()  # the test is the timer
        window.resize(1400, 900)
        window.show()
        self.settle()
        window.traces.draw()
        self.settle()
        self.opened.append(window)
        return window

    def settle(self) -> None:
        self.hands.app.processEvents()

    def close(self) -> None:
        for window in self.opened:
            window.close()
            window.deleteLater()
        self.settle()


@pytest.fixture
def review(bench: Bench) -> Iterator[ReviewBench]:
    made = ReviewBench(bench)
    assert sys.excepthook is not sys.__excepthook__  # of the bench: a fault in any slot fails the test
    yield made
    made.close()
