"""Which animal and scenario the URLs of a bench ask for: there is one of each, whichever instrument names it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

OF_THE_WORLD = ("animal", "scenario")
PRESET_OPTIONS = (*OF_THE_WORLD, "sensor")
"""Options of a ``sim://`` URL that choose a preset; a sensor is the potentiostat's own."""


def asked_for(urls: Iterable[str]) -> dict[str, str]:
    """Return animal and scenario as these URLs name them. Raises ValueError where two disagree."""
    found: dict[str, str] = {}
    for url in urls:
        if not url.startswith("sim://"):
            continue
        for key, value in parse_qsl(urlsplit(url).query.replace("+", "%2B")):
            if key in OF_THE_WORLD and found.setdefault(key, value) != value:
                raise ValueError(f"one instrument's URL asks for {key}={found[key]}, another's for {key}={value}")
    return found


def chosen(world: Mapping[str, Any]) -> dict[str, Any]:
    """Return a described world with what its URLs ask for; what is chosen for the whole world goes before it."""
    described = (one for group in ("pumps", "potentiostats") for one in world.get(group, {}).values())
    return {**asked_for(str(one.get("url") or "") for one in described), **world}
