"""From a world whose potentiostats may have several ports to one in which everything has one: a part per port.

Knows how ports and electrodes of one instrument belong together. Builds nothing and opens nothing.

Of ``striatum`` with four ports become ``striatum.1`` to ``striatum.4``. Electrode ``chK`` is the first one of port K;
the parts keep what the whole array has in common: its kind of electrode and its shared drift.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def one_port_each(world: Mapping[str, Any]) -> dict[str, Any]:
    """Return the world with each potentiostat of several ports (``url`` with blanks) taken apart, the rest as it was.

    A part's own keys: ``part_of``, ``port`` (from 1), ``ports``, ``array`` (all channels of the instrument).
    """
    potentiostats: dict[str, Any] = {}
    for name, described in world.get("potentiostats", {}).items():
        urls = str(described.get("url") or "").split()
        if len(urls) < 2:
            potentiostats[name] = described
        else:
            potentiostats.update(_parts(name, described, urls))
    return {**world, "potentiostats": potentiostats}


def _parts(name: str, described: Mapping[str, Any], urls: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    array = list(described.get("channels") or ())
    for port, url in enumerate(urls, start=1):
        here = [{k: v for k, v in c.items() if k != "electrode"} for c in array if c.get("electrode") == f"ch{port}"]
        part = {"url": url, "channels": here, "array": array, "part_of": name, "port": port, "ports": len(urls)}
        yield f"{name}.{port}", {**described, **part}
