"""Sorts what a driver tells of its samples into groups small enough for one event each.

Knows that a fact of one channel begins with its name and a dot, and how much one event of the NWB file holds. Knows no
driver and no fact.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from drivers.capabilities import OptionValue

GROUP_BYTES = 380
"""Of JSON; the NWB file holds 400 bytes of an event's numbers."""


def fact_groups(facts: Mapping[str, OptionValue]) -> Iterator[tuple[str, dict[str, OptionValue]]]:
    """Yield (channel or "", facts): those of the whole instrument first, each group within GROUP_BYTES.

    A single fact that is longer than that has a group of its own.
    """
    channels = sorted({key.partition(".")[0] for key in facts if "." in key})
    for channel in ("", *channels):
        group: dict[str, OptionValue] = {}
        for key, value in facts.items():
            if (key.partition(".")[0] if "." in key else "") != channel:
                continue
            if group and len(json.dumps({**group, key: value})) > GROUP_BYTES:
                yield channel, group
                group = {}
            group[key] = value
        if group:
            yield channel, group
