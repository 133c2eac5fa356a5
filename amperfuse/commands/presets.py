"""``presets``: which animals, sensors and scenarios can be simulated, and every number of one of them."""

from __future__ import annotations

from typing import Annotated

import typer

from acquisition.experiment.presets import read_presets
from amperfuse.console import for_people, say
from drivers import registry


@for_people
def presets(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Show this one, or a TOML file of your own: every number with unit, range and mark."
        ),
    ] = None,
) -> None:
    """List what can be simulated: animals, sensors, scenarios. With a NAME, print it as TOML, ready to be changed."""
    shelf = registry.presets()
    if name is not None:
        ((kind, given),) = read_presets([name]).items()
        preset = shelf.load(given) if isinstance(given, str) else shelf.SCHEMAS[kind].model_validate(given)
        say(f'# SIMULATED. "{name}" with all it is based on. [S] source, [D] derived, [A] assumed, [U] unverified.')
        say(shelf.as_toml(preset).rstrip())
        return
    width = max(map(len, shelf.names()))
    for each, kind in shelf.names().items():
        say(f"{kind:<8}  {each:<{width}}  {shelf.load(each).title}")
