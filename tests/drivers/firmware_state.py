"""The whole state of a simulated instrument as plain values, so that two of them can be compared.

Left out are input and output buffers, which a question passes through, and what cannot be compared (functions, running
generators); what these do shows in the physics and in what is sent.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Mapping
from types import FunctionType, GeneratorType, MethodType
from typing import Any

import numpy as np

BUFFERS = {
    "_line": "input", "_command": "input", "_packet": "input", "_last_byte_ns": "input", "_too_long": "input",
    "_waiting": "input",
    "_out": "output",
    "_deaf_until_ns": "a refusal makes an EmStat deaf for 50 ms", "_lines_out": "counts replies",
}  # fmt: skip


def state(thing: Any, ignore: frozenset[str] = frozenset()) -> Any:
    """Return the state of an object as nested plain values."""
    return _state(thing, ignore, set())


def _state(thing: Any, ignore: frozenset[str], above: set[int]) -> Any:
    if thing is None or isinstance(thing, bool | int | float | str | bytes | bytearray | enum.Enum):
        return _plain(thing)
    if isinstance(thing, FunctionType | MethodType | GeneratorType | type) or id(thing) in above:
        return None
    if isinstance(thing, np.random.Generator):
        return str(thing.bit_generator.state)
    inside = above | {id(thing)}
    if isinstance(thing, list | tuple | deque | np.ndarray):
        return [_state(value, ignore, inside) for value in thing]
    if isinstance(thing, set | frozenset):
        return sorted(map(str, thing))
    return {name: _state(value, ignore, inside) for name, value in _fields(thing, ignore).items()}


def _plain(thing: Any) -> Any:
    if isinstance(thing, float):
        return f"{thing:.9g}"  # sums made in other portions differ in their last digits
    return bytes(thing) if isinstance(thing, bytearray) else thing


def _fields(thing: Any, ignore: frozenset[str]) -> dict[str, Any]:
    if isinstance(thing, Mapping):
        return {str(key): value for key, value in thing.items()}
    slots = {name: getattr(thing, name, None) for name in getattr(type(thing), "__slots__", ())}
    fields = {**getattr(thing, "__dict__", {}), **slots}
    return {name: value for name, value in fields.items() if name not in BUFFERS and name not in ignore}
