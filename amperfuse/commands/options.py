"""Options that several commands share, with one wording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_OUT = Path("sessions")

Protocol = Annotated[
    Path, typer.Argument(metavar="PROTOCOL", help="The protocol: animal, solutions, steps (TOML).", show_default=False)
]
Rig = Annotated[
    Path, typer.Option("--rig", metavar="RIG", help="The rig: instruments, channels, syringes, limits (TOML).")
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the session's folder is made.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of everything random in the simulation.")]
