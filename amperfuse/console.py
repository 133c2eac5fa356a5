"""How the program talks on a terminal: results on standard output, everything else on standard error, no tracebacks.

Knows colours, escaping (what devices, files and other programs wrote is never sent raw to a terminal) and how an
error becomes one sentence and an exit code. Knows no command.
"""

from __future__ import annotations

import functools
import os
import traceback
from collections.abc import Callable
from typing import ParamSpec

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from acquisition.service.exit_codes import ExitCode
from acquisition.service.failures import explain
from amperfuse.plain_text import safe

DEBUG_VARIABLE = "AMPERFUSE_DEBUG"
P = ParamSpec("P")


class Ended(Exception):
    """A command ends with this sentence and code; nothing went wrong in the program."""

    def __init__(self, text: str, code: ExitCode) -> None:
        super().__init__(text)
        self.code = code


def say(text: str = "", style: str = "") -> None:
    """Print a result to standard output, escaped, unwrapped."""
    Console(highlight=False, soft_wrap=True).print(safe(text, lines=True), style=style or None, markup=False)


def tell(text: str, style: str = "") -> None:
    """Print something that is not a result to standard error, escaped, unwrapped."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        safe(text, lines=True), style=style or None, markup=False
    )


def progress_bar(*, eta: bool = False) -> Progress:
    """Return a progress bar on standard error; draws nothing where that is not a terminal. ``eta``: time left, too."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        *([TextColumn("left:"), TimeRemainingColumn()] if eta else []),
        TextColumn("{task.fields[note]}", markup=False),
        console=console,
        disable=not console.is_terminal,
    )


def for_people(command: Callable[P, None]) -> Callable[P, None]:
    """Turn whatever a command raises into a sentence on standard error and a documented exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except typer.Exit:
            raise
        except Ended as ended:
            tell(str(ended), style="bold red")
            raise typer.Exit(ended.code) from None
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - last place before the terminal
            raise typer.Exit(_report(error)) from None

    return run


def _report(error: BaseException) -> ExitCode:
    if os.environ.get(DEBUG_VARIABLE):
        tell("".join(traceback.format_exception(error)))
    failure = explain(error)
    if failure is not None:
        tell(failure.text, style="bold red")
        return failure.code
    if isinstance(error, OSError) and error.strerror:
        tell(f"{error.strerror}: {error.filename}" if error.filename else error.strerror, style="bold red")
        return ExitCode.INTERNAL_ERROR
    tell(
        f"A mistake in Amperfuse: {type(error).__name__}: {error}\n"
        f"Please report it with the text that {DEBUG_VARIABLE}=1 adds when you run this command again.",
        style="bold red",
    )
    return ExitCode.INTERNAL_ERROR
