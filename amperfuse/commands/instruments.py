"""``sim``: an instrument made of software, for any program."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer

from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.options import Seed
from amperfuse.console import Ended, for_people, tell
from amperfuse.plain_text import safe
from drivers import registry


@for_people
def sim(  # noqa: PLR0917 - typer gives them by name
    name: Annotated[
        str, typer.Argument(help="An instrument, with options: new-era, 'emstat?model=nexus'. A wrong name lists all.")
    ],
    pty: Annotated[Path | None, typer.Option(metavar="PATH", help="Make a pseudo-terminal with a link here.")] = None,
    tcp: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Listen here; port 0 takes a free one.")] = None,
    seed: Seed = 1,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="SPEC", help="KIND@START[+DURATION], e.g. drop@30s. May be repeated.")
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A new file for what really leaves the syringes, to compare with what they say."
        ),
    ] = None,
) -> None:
    """Serve a simulated instrument to any program, until Ctrl-C. Prints 'ready ENDPOINT'."""
    if (pty is None) == (tcp is None):
        raise Ended("Give either --pty PATH or --tcp HOST:PORT.", ExitCode.REFUSED_INPUT)
    tell(f"SIMULATED {name}, until Ctrl-C")
    try:
        registry.server()(
            name,
            pty=pty,
            tcp=tcp,
            seed=seed,
            faults=tuple(fault or ()),
            announce=lambda endpoint: print(f"ready {safe(endpoint)}", flush=True),  # noqa: T201 - other programs read it
            stop=threading.Event(),
            truth=truth,
        )
    except (ValueError, OSError) as error:
        raise Ended(str(error), ExitCode.REFUSED_INPUT) from error
