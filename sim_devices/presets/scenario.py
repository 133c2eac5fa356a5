"""The scenario preset: which animal with which sensor, and what people do to it beside what the pumps do.

Knows the tables. An event happens at a time of the session or when the protocol comes to a mark of this text.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sim_devices.models.beaker import Addition, BeakerParameters
from sim_devices.presets.parameter import Table, choice, number

Route = Literal["iv_bolus", "ip", "sc", "im", "intracerebral"]


class _Event(Table):
    """When something happens: exactly one of time and mark."""

    at_min: float | None = Field(default=None, ge=0.0, le=1e5)
    mark: str = ""
    every_min: float | None = Field(default=None, gt=0.0, le=1e5)
    times: int = Field(default=1, ge=1, le=10_000)

    @model_validator(mode="after")
    def _one_of_both(self) -> _Event:
        if (self.at_min is None) == (not self.mark):
            raise ValueError('say when: either at_min = 30 or mark = "the text of a mark in the protocol"')
        if (self.every_min is None) != (self.times == 1):
            raise ValueError("what is repeated needs both every_min and times")
        return self

    def times_s(self) -> list[float]:
        """Return the times of what does not wait for a mark, s."""
        if self.at_min is None:
            return []
        return [60.0 * (self.at_min + n * (self.every_min or 0.0)) for n in range(self.times)]


class Injection(_Event):
    """An injection by hand; vehicle has no drug, and the hand is felt all the same."""

    drug: str = ""
    dose_mg_per_kg: float = number(0.0, 0.0, 1000.0, "mg/kg", "U", "dose")
    route: Route = "ip"


class Stimulus(_Event):
    """A depolarisation that no pump gives."""

    size: float = number(1.0, 0.0, 20.0, "1", "A", "relative to the reference ejection")


class TimedAddition(Addition, _Event):
    """An addition to the beaker."""


class Calibration(BeakerParameters):
    """A beaker in the animal's place."""

    additions: tuple[TimedAddition, ...] = ()


class FaultAtMark(Table):
    """An instrument's fault whose START counts from a mark of the protocol: a person begins when a person likes."""

    mark: str = Field(min_length=1)
    fault: str = choice("", "A", "written as for rehearse --fault, with a time")


class Lesson(Table):
    """What a person who practises is told: before, and what there was to notice and to do only afterwards."""

    task: str = Field(min_length=1)
    notice: tuple[str, ...] = Field(min_length=1)
    do: tuple[str, ...] = Field(min_length=1)


class ScenarioPreset(Table):
    """What is simulated, as a whole."""

    kind: Literal["scenario"]
    title: str
    based_on: str = ""
    animal: str = choice("awake-mouse", "A", "name of an animal preset")
    sensor: str = choice("", "A", "name of a sensor preset; empty: array site or wire, as the rig's slopes suggest")
    injections: tuple[Injection, ...] = ()
    stimuli: tuple[Stimulus, ...] = ()
    beaker: Calibration | None = None
    faults: tuple[str, ...] = choice((), "A", "instruments' faults, written as for rehearse --fault")
    faults_at_marks: tuple[FaultAtMark, ...] = ()
    not_primed: tuple[str, ...] = choice((), "A", "pumps whose line is empty whatever the protocol says")
    lesson: Lesson | None = None
