"""The window of a recording as a program: makes the Qt application, asks for a folder where none was named.

The only place here that reads the machine's clock, through Qt. The command line calls ``main``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QDateTime, QSettings
from PyQt6.QtWidgets import QFileDialog

from gui.app import ORGANISATION, application, open_page
from gui.review.window import ReviewParts, ReviewWindow
from gui.review.work import ThreadWorker, Worker


def main(session: Path, author: str, argv: Sequence[str] = ()) -> int:
    """Show the recording of a session until its window is closed; return Qt's exit code."""
    app = application(argv)
    window = open_review(session, author)
    window.show()
    return app.exec()


def ask_for_folder(start: Path, argv: Sequence[str] = ()) -> Path | None:
    """Let a person choose the folder of a session; None when nothing was chosen."""
    application(argv)
    chosen = QFileDialog.getExistingDirectory(None, "Open a recording: choose the folder of a session", str(start))
    return Path(chosen) if chosen else None


def _ask_save(proposed: str) -> str:
    where, _kind = QFileDialog.getSaveFileName(None, "Save the table of responses", proposed, "Tables (*.csv)")
    return where


def open_review(
    session: Path, author: str, *, worker: Worker | None = None, settings: QSettings | None = None
) -> ReviewWindow:
    """Return the window, not yet shown; for the screenshots, benchmarks and tests as well."""
    application()
    return ReviewWindow(
        ReviewParts(
            session=session,
            worker=ThreadWorker() if worker is None else worker,
            book_worker=ThreadWorker() if worker is None else worker,
            settings=QSettings(ORGANISATION, "window") if settings is None else settings,
            wall_ns=lambda: QDateTime.currentMSecsSinceEpoch() * 1_000_000,
            ask_save=_ask_save,
            open_page=open_page,
            author=author,
        )
    )
