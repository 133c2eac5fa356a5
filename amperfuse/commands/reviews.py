"""``review``: a recording in a window of its own, in a process of its own."""

from __future__ import annotations

import getpass
import signal
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from acquisition.recording.journal import JOURNAL_NAME
from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.display import need_window
from amperfuse.commands.options import DEFAULT_OUT, stand_behind_an_engine
from amperfuse.commands.sessions import must_be_session
from amperfuse.console import Ended, for_people, tell


@for_people
def review(
    session: Annotated[
        Path,
        typer.Argument(
            metavar="[SESSION]",
            help="The folder of a session; of a folder above it you choose one.",
            show_default=False,
        ),
    ] = DEFAULT_OUT,
) -> None:
    """Look through a recording, add annotations, measure responses with other settings. Changes no recording."""
    need_window("'amperfuse report' and 'amperfuse annotate' work without a window.")
    stand_behind_an_engine()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C closes the window at once; Qt's loop would not notice it
    window = import_module("gui.review.app")
    chosen: Path | None = session
    if not (session / JOURNAL_NAME).is_file() and (session.is_dir() or session == DEFAULT_OUT):
        chosen = window.ask_for_folder(session.absolute() if session.is_dir() else Path.cwd())
    if chosen is None:
        raise Ended("No session was chosen.", ExitCode.REFUSED_INPUT)
    must_be_session(chosen)
    tell("Nothing that happens in this window reaches a pump or an engine.")
    code: int = window.main(chosen, getpass.getuser())
    if code:
        raise typer.Exit(code)
