"""Turns the text options of a simulated instrument (from a URL or a rig) into a typed dataclass.

Knows field types only; which options exist, and why, is said by each instrument's own dataclass.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


@functools.cache  # reading a class's hints anew takes longer than building the whole instrument
def type_hints(cls: type[Any]) -> dict[str, Any]:
    """Return the types of a dataclass's fields."""
    return get_type_hints(cls)


def parse_options(cls: type[T], text: Mapping[str, str], instrument: str) -> T:
    """Return ``cls`` with the given fields replaced; raise ValueError that names the option and what it accepts."""
    hints = type_hints(cls)  # type: ignore[arg-type] # a class is hashable, whatever T is
    known = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type] # T is always a dataclass
    values = {}
    for name, raw in text.items():
        key = name.replace("-", "_")
        if key not in known:
            raise ValueError(f"simulated {instrument} has no option {name!r}; it has: {', '.join(sorted(known))}")
        values[key] = _convert(hints[key], raw, f"option {name!r} of simulated {instrument}")
    return cls(**values)


def _convert(kind: object, raw: str, what: str) -> object:
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        if raw not in choices:
            raise ValueError(f"{what} is one of {', '.join(map(str, choices))}, not {raw!r}")
        return raw
    if kind is bool:
        lowered = raw.lower()
        if lowered not in _TRUE + _FALSE:
            raise ValueError(f"{what} is 1 or 0, not {raw!r}")
        return lowered in _TRUE
    if kind in (int, float):
        try:
            return int(raw) if kind is int else float(raw)
        except ValueError:
            raise ValueError(f"{what} is a number, not {raw!r}") from None
    return raw
