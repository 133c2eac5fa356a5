"""What happened when: steps, marks, notes, alarms and gaps of a recording, and what people added later.

Knows which of a session's events a reader looks for, and their signs. Does not know pixels. All text is made plain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from acquisition.books.annotations import Annotation
from analysis.review import Happening, Recording
from gui.presenters.review.view import clock
from gui.presenters.text import NS_PER_S, Tone, duration, plain

SIGNS = {"mark": "♦", "note": "✎", "alarm": "▲", "gap": "◌"}
TONES: dict[str, Tone] = {"mark": "normal", "note": "busy", "alarm": "alarm", "gap": "warn"}


@dataclass(frozen=True)
class Moment:
    """One sign on the track of events."""

    t_s: float
    kind: str
    text: str

    @property
    def sign(self) -> str:
        """Return the sign of its kind."""
        return SIGNS[self.kind]

    @property
    def tone(self) -> Tone:
        """Return the meaning of its colour."""
        return TONES[self.kind]

    @property
    def told(self) -> str:
        """Return time and text in one line."""
        return f"{clock(self.t_s)}  {self.sign} {self.text}"


@dataclass(frozen=True)
class StepBar:
    """One step of the plan as it was run."""

    start_s: float
    end_s: float
    kind: str
    label: str
    state: str
    pump_place: int
    """Of the pump in the plan; its colour. 0 for what is no infusion."""

    @property
    def told(self) -> str:
        """Return the step in one line."""
        lasted = duration(self.end_s - self.start_s)
        return f"{self.label} · {self.state} · {clock(self.start_s, 0)}, {lasted} long"


@dataclass(frozen=True)
class AddedBar:
    """One annotation that stands."""

    number: int
    start_s: float
    end_s: float
    channel: str
    text: str
    blank: bool

    @property
    def told(self) -> str:
        """Return the annotation in one line."""
        what = "not measured: " if self.blank else ""
        return f"{self.number}  {clock(self.start_s)}  {what}{self.text}"


@dataclass(frozen=True)
class Tracks:
    """Everything below the lines."""

    steps: tuple[StepBar, ...]
    moments: tuple[Moment, ...]
    """In order of time."""

    @property
    def infusions_s(self) -> tuple[tuple[float, float, int], ...]:
        """Return from, to and place of the pump of every infusion."""
        return tuple((one.start_s, one.end_s, one.pump_place) for one in self.steps if one.kind == "infuse")


def tracks(recording: Recording, end_s: float) -> Tracks:
    """Return steps and moments; a step that has not ended reaches to the end of the recording."""
    found = [*_moments(recording), *_gaps(recording)]
    return Tracks(tuple(_steps(recording, end_s)), tuple(sorted(found, key=lambda one: one.t_s)))


def _steps(recording: Recording, end_s: float) -> Iterator[StepBar]:
    plan: Any = recording.plan
    pumps = {pump["name"]: place for place, pump in enumerate(plan["pumps"])}
    pump_of = {int(step["number"]): pumps.get(step.get("pump", ""), 0) for step in plan["steps"]}
    for step in recording.steps:
        if step.kind != "mark":
            until_s = end_s if step.end_s is None else step.end_s
            yield StepBar(step.start_s, until_s, step.kind, plain(step.label), step.state, pump_of.get(step.number, 0))


def _moments(recording: Recording) -> Iterator[Moment]:
    started_ns = recording.data.header.started_ns
    for one in recording.happenings:
        if one.kind == "alarm" and one.data.get("change", "raised") != "raised":
            continue
        if one.kind in ("mark", "note", "alarm"):
            yield Moment(_when(one, started_ns), one.kind, plain(one.text))


def _when(one: Happening, started_ns: int) -> float:
    """Return the time of a happening; of a note the moment at which its writer began."""
    opened_ns = one.data.get("opened_ns")
    return (opened_ns - started_ns) / NS_PER_S if one.kind == "note" and isinstance(opened_ns, int) else one.t_s


def _gaps(recording: Recording) -> Iterator[Moment]:
    seen: set[str] = set()
    for name, channel in recording.channels.items():
        instrument = name.partition(".")[0]
        if instrument in seen:  # its channels are sampled together
            continue
        seen.add(instrument)
        for row in channel.breaks.tolist():
            missing_s = float(channel.t_s[row + 1] - channel.t_s[row])
            yield Moment(float(channel.t_s[row]), "gap", f"{plain(instrument)}: no samples for {missing_s:.1f} s")


def added_bars(annotations: Sequence[Annotation]) -> tuple[AddedBar, ...]:
    """Return the annotations that were not withdrawn, nor only withdraw another."""
    gone = {one.withdraws for one in annotations}
    return tuple(
        AddedBar(one.number, one.start_s, one.end_s, one.channel, plain(one.text), one.blank)
        for one in annotations
        if one.number not in gone and one.withdraws is None
    )


def next_moment(moments: Sequence[Moment], at_s: float, *, back: bool) -> Moment | None:
    """Return the next moment after ``at_s``, or the last one before it; None where there is none."""
    if back:
        return next((one for one in reversed(moments) if one.t_s < at_s - 1e-3), None)
    return next((one for one in moments if one.t_s > at_s + 1e-3), None)
