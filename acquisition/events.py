"""Events: everything that happens and is not a sample. The vocabulary that log, screen and recording share.

Knows the names of event kinds and the shape of an event. Does not know where events are kept or shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

Scalar = str | int | float | bool | None
NO_DATA: Mapping[str, Scalar] = MappingProxyType({})


class EventKind(Enum):
    """One table in the recording per kind."""

    SESSION = "session"
    """Opened, closed, interrupted, recovered."""
    INTENT = "intent"
    """What the engine is about to make a pump do; on disk before the command goes out."""
    PUMP = "pump"
    """What a pump confirmed: programmed, started, target reached, stopped, alarm, front panel."""
    STEP = "step"
    """A step of the protocol started, finished, skipped, aborted."""
    MARK = "mark"
    """A mark of the protocol or the operator."""
    NOTE = "note"
    """Free text of the operator; ``data['opened_ns']`` is when the box was opened."""
    ALARM = "alarm"
    """Raised, cleared, acknowledged."""
    GAP = "gap"
    """Samples that are missing, with instrument, first index, count."""
    CONNECTION = "connection"
    """An instrument identified, lost, found again."""
    SETTING = "setting"
    """A setting as read back from an instrument."""
    OPERATOR = "operator"
    """A command of a person: start, stop, continue, acknowledge."""
    WIRE = "wire"
    """Raw bytes of a pump exchange."""
    SYSTEM = "system"
    """Recorder, archiver, clock, disk."""


@dataclass(frozen=True)
class Event:
    """Something that happened at ``t_ns`` (host monotonic), said in one plain sentence, with numbers in ``data``."""

    kind: EventKind
    t_ns: int
    wall_ns: int
    source: str
    """Who says it: "conductor", "recorder", "operator", or an instrument's name in the rig."""
    text: str
    data: Mapping[str, Scalar] = field(default_factory=lambda: NO_DATA)
