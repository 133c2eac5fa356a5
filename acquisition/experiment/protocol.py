"""The protocol file: the animal, what is in which pump, and the steps, repeats unrolled.

Knows what a protocol file means by itself. Does not know the rig, the limits, nor what a pump can do: that is
``acquisition.experiment.compile``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from acquisition.experiment.beaker import AddTable, Beaker, BeakerTable, beaker_problems, mark_of
from acquisition.experiment.fields import (
    DoseMgPerKg,
    DriftAPerMin,
    DurationS,
    LongText,
    Name,
    RateUlPerMin,
    SaidText,
    ShortText,
    Table,
    VolumeMlPerKg,
    VolumeUl,
    WeightG,
)
from acquisition.experiment.problems import Problem, RefusedInput, Source, read_toml, validated
from acquisition.experiment.pump_use import PumpTable, PumpUse, pump_problems, pump_use
from acquisition.experiment.toml_lines import Key
from acquisition.experiment.watch_tables import ArmingTable, SteadyTable, Watches, WatchTable
from acquisition.experiment.weighing import NO_ANIMAL
from acquisition.plan import Subject

MAX_STEPS = 10_000
AMOUNTS = ("volume", "volume_per_kg", "dose")
_AGE = re.compile(r"P[0-9]+[DWMY]", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class InfuseTable(Table):
    """One infusion: volume, volume per body weight or dose, at a rate or over a duration (R05)."""

    pump: Name
    volume: VolumeUl | None = None
    volume_per_kg: VolumeMlPerKg | None = None
    dose: DoseMgPerKg | None = None
    rate: RateUlPerMin | None = None
    duration: DurationS | None = None
    label: ShortText = ""

    @property
    def amount(self) -> str:
        """Return the key that says how much."""
        return next((key for key in AMOUNTS if getattr(self, key) is not None), AMOUNTS[0])


class StableTable(Table):
    """A baseline to be waited for."""

    channel: SaidText
    slope: DriftAPerMin
    over: DurationS
    at_most: DurationS
    label: ShortText = ""


class RepeatTable(Table):
    """Steps that are done several times."""

    times: Annotated[int, Field(ge=1, le=MAX_STEPS)]
    steps: Annotated[list[StepTable], Field(min_length=1)]


class StepTable(Table):
    """One step: exactly one of its seven kinds."""

    infuse: InfuseTable | None = None
    wait: DurationS | None = None
    wait_until_stable: StableTable | None = None
    wait_for_operator: SaidText | None = None
    mark: SaidText | None = None
    add: AddTable | None = None
    repeat: RepeatTable | None = None
    label: ShortText = ""


RepeatTable.model_rebuild()  # it names StepTable, which only now exists


class _ProtocolTable(Table):
    name: SaidText
    description: LongText = ""


class SubjectTable(Table):
    """The animal; what must be given of it depends on what is done to it."""

    id: SaidText
    species: Name
    sex: Literal["M", "F", "U"] = "U"
    age: ShortText = ""
    weight: WeightG | None = None
    weighed: ShortText = ""
    description: LongText = ""

    def as_subject(self) -> Subject:
        """Return it as the plan keeps it; a weight that nobody gave is 0."""
        return Subject(self.id, self.species, self.sex, self.age, self.weight or 0.0, self.weighed, self.description)


class _Override(Table):
    limit: Name
    by: SaidText
    reason: SaidText


class _File(Table):
    protocol: _ProtocolTable
    subject: SubjectTable
    pumps: dict[str, PumpTable] = Field(default_factory=dict)
    calibration: BeakerTable | None = None
    steps: Annotated[list[StepTable], Field(min_length=1)]
    watches: Watches = Field(default_factory=list)
    arming: ArmingTable = Field(default_factory=ArmingTable)
    soft_limit_overrides: list[_Override] = Field(default_factory=list)


@dataclass(frozen=True)
class Override:
    """Who allows one soft limit to be exceeded, and why."""

    limit_id: str
    by: str
    reason: str


@dataclass(frozen=True)
class FlatStep:
    """One step after unrolling, with the place in the file it came from. ``round_text`` is " (2 of 3)" in a repeat."""

    table: StepTable
    path: tuple[Key, ...]
    round_text: str
    added: AddTable | None = None
    """On the mark of an addition: what was pipetted."""


@dataclass(frozen=True)
class Protocol:
    """A protocol file, read."""

    name: str
    description: str
    subject: Subject
    pumps: tuple[PumpUse, ...]
    steps: tuple[FlatStep, ...]
    overrides: tuple[Override, ...]
    source: Source = field(compare=False)
    beaker: Beaker | None = None
    """What is calibrated, where the protocol is a calibration."""
    watches: tuple[WatchTable, ...] = ()
    steady: tuple[SteadyTable, ...] = ()
    """Baselines that must be steady before a start."""


def load_protocol(path: Path) -> Protocol:
    """Read a protocol file. Raises RefusedInput with everything that is wrong in it."""
    values, source = read_toml(path)
    file = validated(_File, values, source)
    problems = [
        *_subject_problems(file.subject, source),
        *pump_problems(file.pumps, file.subject.species, source),
        *_step_problems(file.steps, ("steps",), source),
        *beaker_problems(file.calibration, file.subject.species, list(_adds(file.steps, ("steps",))), source),
    ]
    total = _count(file.steps)
    if total > MAX_STEPS:
        problems.append(source.problem(("steps",), f"these are {total} steps with all repeats; at most {MAX_STEPS}."))
    if problems:
        raise RefusedInput(problems)
    steps = tuple(_flat(file.steps, ("steps",), "", [add for _, add in _adds(file.steps, ("steps",))]))
    return Protocol(
        name=file.protocol.name,
        description=file.protocol.description,
        subject=file.subject.as_subject(),
        pumps=tuple(pump_use(name, table) for name, table in file.pumps.items()),
        steps=steps,
        overrides=tuple(Override(o.limit, o.by, o.reason) for o in file.soft_limit_overrides),
        source=source,
        beaker=_beaker(file.calibration, steps),
        watches=tuple(file.watches),
        steady=tuple(file.arming.steady),
    )


def _beaker(table: BeakerTable | None, steps: Sequence[FlatStep]) -> Beaker | None:
    if table is None:
        return None
    added = tuple((number, step.added) for number, step in enumerate(steps, start=1) if step.added is not None)
    return Beaker(table.probe, table.phase, table.beaker, added)


def _count(steps: Sequence[StepTable]) -> int:
    return sum(step.repeat.times * _count(step.repeat.steps) if step.repeat else 3 if step.add else 1 for step in steps)


def _adds(steps: Sequence[StepTable], path: tuple[Key, ...]) -> Iterator[tuple[tuple[Key, ...], AddTable]]:
    """Yield every addition in the file with its place; one in a repeat as often as it is done."""
    for number, step in enumerate(steps):
        if step.add is not None:
            yield (*path, number), step.add
        if step.repeat is not None:
            below = list(_adds(step.repeat.steps, (*path, number, "repeat", "steps")))
            yield from below * min(step.repeat.times, MAX_STEPS // max(1, len(below)))


def _flat(
    steps: Sequence[StepTable], path: tuple[Key, ...], round_text: str, adds: Sequence[AddTable]
) -> Iterator[FlatStep]:
    for number, step in enumerate(steps):
        here = (*path, number)
        if step.add is not None:
            yield FlatStep(StepTable(wait_for_operator=step.add.told), here, round_text)
            yield FlatStep(StepTable(mark=mark_of(step.add, adds)), here, "", step.add)
            yield FlatStep(StepTable(label=f"{step.add.analyte} plateau").model_copy(update={"wait": step.add.plateau}),
                           here, round_text)  # fmt: skip
            continue
        if step.repeat is None:
            yield FlatStep(step, here, round_text)
            continue
        for turn in range(step.repeat.times):
            text = f"{round_text} ({turn + 1} of {step.repeat.times})"
            yield from _flat(step.repeat.steps, (*here, "repeat", "steps"), text, adds)


def subject_spelling_problems(subject: SubjectTable, source: Source) -> Iterator[Problem]:
    """Yield what is not written as it must be."""
    if subject.age and not _AGE.fullmatch(subject.age):
        yield source.problem(("subject", "age"), 'write the age like "P12W" (weeks), "P90D" (days) or "P4M" (months).')
    if subject.weighed and not _is_date(subject.weighed):
        yield source.problem(("subject", "weighed"), 'write the day of weighing like "2026-11-23" (year-month-day).')


def _subject_problems(subject: SubjectTable, source: Source) -> Iterator[Problem]:
    yield from subject_spelling_problems(subject, source)
    if subject.species == NO_ANIMAL:
        return
    for key in ("weight", "weighed", "age"):
        if not getattr(subject, key):
            yield source.problem(("subject", key), "this is missing and must be given for an animal.")


def _is_date(text: str) -> bool:
    try:
        return _DATE.fullmatch(text) is not None and date.fromisoformat(text) is not None
    except ValueError:
        return False


def _step_problems(steps: Sequence[StepTable], path: tuple[Key, ...], source: Source) -> Iterator[Problem]:
    kinds = ("infuse", "wait", "wait_until_stable", "wait_for_operator", "mark", "add", "repeat")
    for number, step in enumerate(steps):
        here = (*path, number)
        given = [kind for kind in kinds if getattr(step, kind) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            yield source.problem(here, f"a step is exactly one of {', '.join(kinds)}; this one has {said}.")
        elif step.label and given[0] not in ("infuse", "wait"):
            yield source.problem(
                (*here, "label"), "only infuse and wait have a label; the text of the others is theirs."
            )
        if step.wait_until_stable is not None and step.wait_until_stable.at_most < step.wait_until_stable.over:
            yield source.problem(
                (*here, "wait_until_stable", "at_most"),
                "this is shorter than the stretch (over) that must be steady; it could never be reached.",
            )
        if step.infuse is not None:
            yield from _infuse_problems(step, here, source)
        if step.repeat is not None:
            yield from _step_problems(step.repeat.steps, (*here, "repeat", "steps"), source)


def _infuse_problems(step: StepTable, here: tuple[Key, ...], source: Source) -> Iterator[Problem]:
    infuse = step.infuse
    if infuse is None:
        return
    for keys in (AMOUNTS, ("rate", "duration")):
        given = [key for key in keys if getattr(infuse, key) is not None]
        if len(given) != 1:
            found = ("neither is given", "", "both are given", "all are given")[len(given)]
            choice = f"{', '.join(keys[:-1])} or {keys[-1]}"
            yield source.problem(
                (*here, "infuse", keys[0]), f"give either {choice}; {found}, and the rest is computed."
            )
    if step.label and infuse.label:
        yield source.problem((*here, "label"), "the label is given twice, in the step and in infuse.")
