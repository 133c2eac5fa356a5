"""What goes into a recording, as values, and the door through which the engine hands it over.

Knows the kinds of record and what each promises. Does not know the journal's bytes or HDF5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from acquisition.events import Event
from acquisition.messages import RecorderView
from drivers.capabilities import SampleBlock

INTENT_OUTCOMES = frozenset({"target reached", "ended early", "not run", "not sent"})
"""``data["what"]`` of an event that settles the open intent of its source (a pump). An intent that nothing settles may
have been delivered (R54)."""


class InfusionRow(NamedTuple):
    """One look at one pump's infusion: what was ordered, what the pump confirmed, what has reached the animal."""

    pump: str
    t_ns: int
    commanded_ul_per_min: float
    confirmed_ul_per_min: float
    at_animal_ul_per_min: float
    """Estimate: confirmed flow that has passed the line's dead volume."""
    commanded_ul: float
    """Sums over the session."""
    confirmed_ul: float
    uncertain_ul: float
    """Worst case beyond ``confirmed_ul``."""
    at_animal_ul: float


@dataclass(frozen=True)
class StreamSpec:
    """One potentiostat's samples, described before the first one arrives (schema before data)."""

    instrument: str
    channels: tuple[str, ...]
    roles: tuple[str, ...]
    sensitivity_a_per_um: tuple[float | None, ...]
    interval_s: float
    potential_v: float
    range_a: tuple[float, ...]


@dataclass(frozen=True)
class SessionHeader:
    """The first record: who, what, with which files, on which clock."""

    session_id: str
    simulated: bool
    started_ns: int
    started_wall_ns: int
    software: str
    plan_sha256: str
    plan: Mapping[str, Any]
    """``dataclasses.asdict`` of the Plan."""
    streams: tuple[StreamSpec, ...]
    pumps: tuple[str, ...]
    seed: int | None = None
    imported: str = ""
    """Which file of which other system it was made of; empty where this program recorded it."""

    @property
    def mark(self) -> str:
        """Return what must stand before whatever is told of this session; empty where it was measured here."""
        return ("SIMULATED " if self.simulated else "") + ("IMPORTED " if self.imported else "")


class RecordSink(Protocol):
    """The engine's side of the recording. Bounded and lossless; every call is cheap except ``commit``."""

    def samples(self, block: SampleBlock) -> int:
        """Take a block; return the sequence number of its record."""
        ...

    def event(self, event: Event) -> int:
        """Take an event; return the sequence number of its record."""
        ...

    def infusion(self, row: InfusionRow) -> None:
        """Take one row of an infusion."""
        ...

    def commit(self, event: Event, timeout_s: float) -> None:
        """Take an event and return when it is on the disk (fdatasync). Raises RecordingFailed if it is not."""
        ...

    def progress(self) -> int:
        """Return a number that rises with every acknowledged write; the earned keep-alive looks at it."""
        ...

    def strain(self) -> tuple[str, float]:
        """Return why it fails now (empty: it does not), and how full its memory for what waits is, 0 to 1."""
        ...

    def view(self) -> RecorderView:
        """Return how the recording is doing, for people."""
        ...


class RecordingFailed(Exception):
    """The disk did not take a record: what, why, and what to do about it."""
