"""Which model of the older Harvard protocol answers, and whether its target can be proved (pumps.md b2). Queries only.

The unit of a target differs by 1000 between models. A model that can be asked for its target, and prints it with a
unit, can be used for infusing; any other cannot, whatever its commands are called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from drivers.errors import DeviceRefused
from drivers.harvard_22 import codec
from drivers.harvard_22.link import Harvard22Link, Refused

NO_TARGET_QUERY = (
    "this pump can set a target volume and has no command that tells it: a target meant in uL and taken as mL would "
    "be 1000 times the dose, and nothing could be checked before it flows. No infusion is started with it. Use a pump "
    "that tells its target (PHD 2000, or a newer one with the driver harvard-ultra), or run this one by hand"
)
NO_TARGET_UNIT = (
    "this pump tells its target as a bare number: whether it means uL or mL cannot be seen, and they differ by 1000. "
    "No infusion is started with it. Weigh what it delivers for a known target, without an animal; if it was mL, say "
    'so in the rig file: options = { target_unit = "ml" }'
)


@dataclass(frozen=True)
class Model:
    """What was found out about a pump without changing anything."""

    version: str
    tells_target: bool
    has_auto_fill: bool


def find(link: Harvard22Link, version: str, *, urgent: bool = False) -> Model:
    """Ask for what only a PHD 2000 knows. Raises ExchangeError, PortError."""

    def answers(command: str, parse: Callable[[codec.Lines], object | None]) -> bool:
        try:
            link.ask(command, parse, urgent=urgent)
        except Refused:
            return False
        return True

    tells_target = answers("TGT", codec.parse_volume) and answers("MOD", parse_mode)
    link.star_is_still = tells_target and version.upper().startswith("PHD")
    return Model(version, tells_target, tells_target and answers("AF", parse_switch))


def parse_mode(lines: codec.Lines) -> str | None:
    """Return the mode: only in VOLUME does the pump stop at its target [D]."""
    return codec.parse_word(lines, codec.MODES)


def parse_direction(lines: codec.Lines) -> str | None:
    """Return the direction."""
    return codec.parse_word(lines, codec.DIRECTIONS)


def parse_switch(lines: codec.Lines) -> str | None:
    """Return ON or OFF."""
    return codec.parse_word(lines, codec.SWITCH)


def check_can_prove(link: Harvard22Link, model: Model) -> None:
    """Raise DeviceRefused, before anything is written, if no target of this pump can be verified."""
    if not model.tells_target:
        raise link.error(DeviceRefused, NO_TARGET_QUERY, "TGT")
