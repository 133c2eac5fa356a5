"""What a recording says of its animal, in words that paper, page and plot share. Knows the plan's subject, no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def weight_text(subject: Mapping[str, Any]) -> str:
    """Return the weight in g with its day. A weight of 0 is one that nobody gave."""
    if not subject["weight_g"]:
        return "weight not given"
    return f"{subject['weight_g']:g} g on {subject['weighed_on'] or 'a day not given'}"
