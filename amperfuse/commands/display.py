"""Whether a window can be opened here, and what to do if not.

Knows the questions to ask before Qt is loaded: Qt ends the whole process, without an exception, when it misses a
display or a system library.
"""

from __future__ import annotations

import os
import signal
from importlib import import_module

from acquisition.service.exit_codes import ExitCode
from amperfuse.console import Ended
from drivers import os_support
from gui.presenters.unfinished import LookForUnfinished


def why_no_window() -> str | None:
    """Return why no window can be opened here, for people; None if one can."""
    chosen = os.environ.get("QT_QPA_PLATFORM", "")
    if not chosen and not os_support.has_display():
        return "There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set)."
    if chosen.partition(":")[0] not in ("offscreen", "minimal", "vnc"):
        missing = os_support.missing_display_libraries()
        if missing is not None:
            return missing
    try:
        import_module("PyQt6.QtWidgets")
        import_module("pyqtgraph")
    except ImportError as error:
        return os_support.missing_library_hint(error) or f"The window cannot be loaded: {error}"
    return None


def need_window(instead: str) -> None:
    """End the command with the reason and what works without a window, if none can be opened."""
    reason = why_no_window()
    if reason is not None:
        raise Ended(f"{reason}\n{instead}", ExitCode.MISSING_LIBRARY)


def open_window(operator: str = "", unfinished: LookForUnfinished = tuple) -> int:
    """Show the window until it is closed; return its exit code. The engine goes on.

    ``unfinished`` tells which sessions ended badly.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C closes the window at once; Qt's loop would not notice it
    code: int = import_module("gui.app").main((), operator=operator, unfinished=unfinished)
    return code
