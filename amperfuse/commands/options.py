"""Options that several commands share, with one wording."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from acquisition.messages import MAX_SAID
from acquisition.service.exit_codes import ExitCode
from amperfuse.console import Ended
from amperfuse.plain_text import safe

DEFAULT_OUT = Path("sessions")
BEHIND_AN_ENGINE = 10
"""Niceness of what runs beside an engine that records."""


def writable(out: Path) -> Path:
    """Refuse, before anything is started, a folder in which no session can be made."""
    there = next(place for place in (out.absolute(), *out.absolute().parents) if place.exists())
    if not there.is_dir():
        raise typer.BadParameter(f"{safe(str(there))} is a file; sessions need a folder.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"nothing can be written in {safe(str(there))}; choose another folder.")
    return out


Protocol = Annotated[
    Path, typer.Argument(metavar="PROTOCOL", help="The protocol: animal, solutions, steps (TOML).", show_default=False)
]
Rig = Annotated[
    Path, typer.Option("--rig", metavar="RIG", help="The rig: instruments, channels, syringes, limits (TOML).")
]
Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Where the session's folder is made.", callback=writable)
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of everything random in the simulation.")]


def said(text: str, option: str) -> str:
    """Return what a person said for an option, such as a name. Raises Ended when that is nothing printable."""
    found = text.strip()
    if not found or len(found) > MAX_SAID or not found.isprintable():
        raise Ended(f"{option} must say something, in at most {MAX_SAID} printable characters.", ExitCode.REFUSED_INPUT)
    return found


def stand_behind_an_engine() -> None:
    """Let this process take second place to an engine that records on the same computer."""
    if hasattr(os, "nice"):
        os.nice(BEHIND_AN_ENGINE)
