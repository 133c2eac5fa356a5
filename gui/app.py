"""The window as a program: makes the Qt application, shows the window, returns when it is closed.

The only place that reads the machine's clock for the screen, through Qt. The command line calls ``main``.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from types import TracebackType

import pyqtgraph as pg
from PyQt6.QtCore import QDateTime, QElapsedTimer, QProcess, QSettings, QUrl
from PyQt6.QtGui import QDesktopServices, QGuiApplication
from PyQt6.QtWidgets import QApplication

from acquisition.signal.filters import load
from gui.history import ReadHistory, read_journal
from gui.link import ClientLink, EngineLink
from gui.presenters.unfinished import LookForUnfinished
from gui.rehearser import ProcessRehearser
from gui.sound import Player, make_player
from gui.theme import font
from gui.window import MainWindow, WindowParts

ORGANISATION = "amperfuse"
_KEPT: list[QApplication] = []
"""PyQt deletes an application that nobody holds."""


def main(argv: Sequence[str] = (), *, operator: str = "", unfinished: LookForUnfinished = tuple) -> int:
    """Open the window on this user's engine, wait for one if there is none; return when the window is closed.

    ``argv`` goes to Qt (for example ``-platform offscreen``), ``unfinished`` tells which sessions ended badly. The
    engine goes on as before.
    """
    application(argv)
    link = ClientLink(operator)
    try:
        return run_window(link, unfinished=unfinished)
    finally:
        link.close()


def run_window(
    link: EngineLink,
    *,
    read_history: ReadHistory = read_journal,
    settings: QSettings | None = None,
    unfinished: LookForUnfinished = tuple,
) -> int:
    """Show the window on ``link`` until it is closed; return Qt's exit code."""
    app = application()
    window = open_window(link, read_history=read_history, settings=settings, unfinished=unfinished)
    window.show()
    threading.Thread(target=load, name="load-filters").start()
    return app.exec()


def open_window(
    link: EngineLink,
    *,
    read_history: ReadHistory = read_journal,
    settings: QSettings | None = None,
    player: Player | None = None,
    unfinished: LookForUnfinished = tuple,
) -> MainWindow:
    """Return the window, not yet shown; for the screenshots and tests as well. Needs ``application`` first.

    ``player`` sounds the alarms; by default what this machine has.
    """
    elapsed = QElapsedTimer()
    elapsed.start()
    return MainWindow(
        WindowParts(
            link=link,
            read_history=read_history,
            settings=settings if settings is not None else QSettings(ORGANISATION, "window"),
            ticks_ns=elapsed.nsecsElapsed,
            time_of_day=lambda ago_s: QDateTime.currentDateTime().addSecs(-round(ago_s)).toString("HH:mm:ss"),
            player=player if player is not None else make_player(),
            rehearser=ProcessRehearser(),
            open_page=open_page,
            copy_text=_copy,
            open_review=_open_review,
            unfinished=unfinished,
        )
    )


def open_page(path: str) -> None:
    """Show a file on this computer in the program that the system has for it."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(path))


def _open_review(folder: str) -> str:
    """Start the window of recordings as a program of its own; return why it could not be started."""
    words = ["-m", "amperfuse", "review", *([folder] if folder else [])]
    started, _number = QProcess.startDetached(sys.executable, words)
    return "" if started else "The window of recordings cannot be started; in a terminal: amperfuse review"


def _copy(text: str) -> None:
    clipboard = QGuiApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)


def application(argv: Sequence[str] = ()) -> QApplication:
    """Return the one QApplication of this process, made on first use."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    app = QApplication(["amperfuse", *argv])
    _KEPT.append(app)
    app.setApplicationName("Amperfuse")
    QGuiApplication.setDesktopFileName("amperfuse")
    app.setStyle("Fusion")
    app.setFont(font(13))
    pg.setConfigOptions(antialias=False, useOpenGL=False)
    sys.excepthook = _report_and_go_on(sys.excepthook)
    return app


def _report_and_go_on(
    before: Callable[[type[BaseException], BaseException, TracebackType | None], object],
) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    """Return a hook that prints a fault of the window: PyQt would end the process, and with it the STOP button."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, Exception):
            before(kind, error, trace)
            return
        sys.stderr.write("Fault in the window; the engine is not affected and the window goes on:\n")
        sys.stderr.write("".join(traceback.format_exception(kind, error, trace)))

    return hook
