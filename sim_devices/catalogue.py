"""Simulated instruments by name, and what a ``sim://`` URL asks for.

Knows installed packages and the text of URLs. Does not know worlds, lines or time.
"""

from __future__ import annotations

import functools
from importlib.metadata import entry_points
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from drivers.errors import PortMissing
from sim_devices.presets.chosen import PRESET_OPTIONS

SIMULATORS = "amperfuse.simulators"
BENCH_OPTIONS = ("fault", "seed", *PRESET_OPTIONS)
"""Options of a ``sim://`` URL that no firmware sees."""


def names() -> list[str]:
    """Return the names of all installed simulated instruments, sorted."""
    return sorted({entry.name for entry in entry_points(group=SIMULATORS)})


@functools.cache  # looking through all installed packages takes longer than a short rehearsal
def simulator(name: str) -> Any:
    """Return what builds the firmware of this simulated instrument. Raises ValueError for a name that there is not."""
    for entry in entry_points(group=SIMULATORS):
        if entry.name == name:
            return entry.load()
    raise ValueError(f"there is no simulated instrument {name!r}; installed: {', '.join(names()) or 'none'}")


def kind_of(name: str) -> str:
    """Return "pump" or "potentiostat". Raises ValueError."""
    kind = getattr(simulator(name), "kind", None)
    if kind not in ("pump", "potentiostat"):
        raise ValueError(f"simulator {name!r} does not say whether it is a pump or a potentiostat (build.kind)")
    return str(kind)


def can_chain(name: str) -> bool:
    """Tell whether instruments of this kind can share a line (``build.chains``)."""
    return bool(getattr(simulator(name), "chains", False))


def addresses_of(name: str, chain: list[str]) -> list[str]:
    """Return the addresses that ``chain=0,1`` asks for, none without it. Raises ValueError."""
    if not chain:
        return []
    addresses = chain[-1].split(",")
    if not can_chain(name):
        raise ValueError(f"simulated {name} cannot be chained; one port, one instrument")
    if len(set(addresses)) < len(addresses) or not all(a.isascii() and a.isdigit() for a in addresses):
        raise ValueError(f"chain is a list of different addresses such as 0,1, not {chain[-1]!r}")
    return addresses


def seed_of(text: str) -> int:
    """Return a seed as it is written. Raises ValueError."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"seed is a whole number from 0 up, not {text!r}")
    return int(text)


def url_seed(url: str) -> int:
    """Return the seed that a sim:// URL asks for, 0 if it asks for none. Raises PortMissing."""
    try:
        return next((seed_of(value) for key, value in parsed_url(url)[2] if key == "seed"), 0)
    except ValueError as error:
        raise PortMissing(str(error), port=url) from error


def parsed_url(url: str) -> tuple[str, str, list[tuple[str, str]]]:
    """Return (simulator, name or "", options) of a sim:// URL. Raises ValueError."""
    # urlsplit lowers nothing but the scheme here; "+" in a fault's duration must survive, so it is escaped first
    parts = urlsplit(url)
    options = parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True)
    if not parts.netloc:
        raise ValueError(f"{url!r} names no simulated instrument; write sim://NAME, e.g. sim://new-era")
    return unquote(parts.netloc), unquote(parts.path.strip("/")), options
