"""The cohort file: which simulated animals get which protocol, how many of each, and what is read from the recordings.

Knows what a cohort file means, that each arm can be compiled, and which seed an animal has. Runs nothing, and knows no
drug: what an arm is called is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from acquisition.experiment.compile import Experiment, load_experiment
from acquisition.experiment.fields import LongText, SaidText, Table
from acquisition.experiment.presets import read_presets
from acquisition.experiment.problems import (
    Problem,
    RefusedInput,
    Source,
    did_you_mean,
    printable,
    read_toml,
    relative_path,
    validated,
)
from acquisition.experiment.toml_lines import Key
from analysis.evoked import Readout
from analysis.readout_file import ReadoutTable, readout_of, readout_problems, stretch_problems
from drivers import registry

MAX_ARMS = 50
MAX_ANIMALS = 500
LONGEST_SLUG = 60


class _CohortTable(Table):
    name: SaidText
    description: LongText = ""
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    animals_per_arm: Annotated[int, Field(ge=1, le=MAX_ANIMALS)]
    control: SaidText
    scenario: SaidText | None = None


class _ArmTable(Table):
    group: SaidText
    treatment: SaidText
    animal: SaidText
    protocol: SaidText
    rig: SaidText


class _File(Table):
    cohort: _CohortTable
    readout: ReadoutTable
    arms: Annotated[list[_ArmTable], Field(min_length=1, max_length=MAX_ARMS)]


@dataclass(frozen=True)
class Arm:
    """Animals of one kind that get one protocol on one rig."""

    group: str
    treatment: str
    experiment: Experiment
    presets: Mapping[str, Any]

    @property
    def label(self) -> str:
        """Return what it is called."""
        return f"{self.treatment}, {self.group}"


@dataclass(frozen=True)
class Animal:
    """One animal of an arm. ``number`` counts from 1 within the arm."""

    arm: Arm
    number: int
    seed: int

    @property
    def name(self) -> str:
        """Return what its folder is called."""
        slug = re.sub(r"[^a-z0-9]+", "-", f"{self.arm.group} {self.arm.treatment}".lower()).strip("-")
        return f"{slug[:LONGEST_SLUG]}-{self.number:02d}"


@dataclass(frozen=True)
class Cohort:
    """A cohort file, read, with every arm compiled."""

    name: str
    seed: int
    animals_per_arm: int
    control: str
    arms: tuple[Arm, ...]
    readout: Readout
    source: Source = field(compare=False)

    def animals(self) -> tuple[Animal, ...]:
        """Return all animals, the first of every arm before the second of any."""
        numbers = range(1, self.animals_per_arm + 1)
        return tuple(Animal(arm, n, animal_seed(self.seed, arm.label, n)) for n in numbers for arm in self.arms)


def animal_seed(cohort_seed: int, arm: str, number: int) -> int:
    """Return the seed of one animal: of this arm and number alone, whatever other arms and animals there are."""
    sequence = np.random.SeedSequence(cohort_seed, spawn_key=(number, *arm.encode()))
    return int(sequence.generate_state(1)[0])


def load_cohort(path: Path) -> Cohort:
    """Read a cohort file and all files it names. Raises RefusedInput with everything that is wrong in them."""
    values, source = read_toml(path)
    file = validated(_File, values, source)
    problems = list(_wrong_by_itself(file, source))
    arms: list[Arm] = []
    for number in range(len(file.arms)):
        try:
            arms.append(_arm(file, number, path.parent, source))
        except RefusedInput as refused:
            problems += refused.problems
    if problems:
        raise RefusedInput(tuple(dict.fromkeys(problems)))  # arms share files: each problem is told once
    return Cohort(
        name=file.cohort.name,
        seed=file.cohort.seed,
        animals_per_arm=file.cohort.animals_per_arm,
        control=file.cohort.control,
        arms=tuple(arms),
        readout=readout_of(file.readout),
        source=source,
    )


def _wrong_by_itself(file: _File, source: Source) -> Iterator[Problem]:
    """Say what contradicts itself within the cohort file."""
    yield from stretch_problems(file.readout, source)
    names: dict[str, int] = {}
    for number, arm in enumerate(file.arms):
        slug = re.sub(r"[^a-z0-9]+", "-", f"{arm.group} {arm.treatment}".lower())[:LONGEST_SLUG]
        if slug in names:
            sentence = (
                f"arm {names[slug] + 1} has the same group and treatment, or one that its folder cannot tell apart."
            )
            yield source.problem(("arms", number, "treatment"), sentence)
        names.setdefault(slug, number)
    for group in dict.fromkeys(arm.group for arm in file.arms):
        given = [arm.treatment for arm in file.arms if arm.group == group]
        if file.cohort.control not in given:
            hint = did_you_mean(file.cohort.control, given)
            sentence = f'no arm of the group "{printable(group)}" has this treatment.{hint}'
            yield source.problem(("cohort", "control"), sentence)


def _arm(file: _File, number: int, folder: Path, source: Source) -> Arm:
    """Return one arm, compiled; raises RefusedInput with what is wrong in it and its files."""
    table = file.arms[number]
    here: tuple[Key, ...] = ("arms", number)
    protocol, rig = (_beside(folder, getattr(table, key), (*here, key), source) for key in ("protocol", "rig"))
    experiment = load_experiment(protocol, rig)
    presets = {"animal": _preset("animal", table.animal, folder, (*here, "animal"), source)}
    if file.cohort.scenario is not None:
        presets["scenario"] = _preset("scenario", file.cohort.scenario, folder, ("cohort", "scenario"), source)
    where = {"rig": (*here, "rig"), "protocol": (*here, "protocol")}
    if problems := list(readout_problems(file.readout, experiment, where, source)):
        raise RefusedInput(problems)
    return Arm(table.group, table.treatment, experiment, presets)


def _beside(folder: Path, text: str, path: tuple[Key, ...], source: Source) -> Path:
    try:
        return folder / relative_path(text)
    except ValueError as error:
        raise RefusedInput([source.problem(path, f"{error}.")]) from None


def _preset(kind: str, word: str, folder: Path, path: tuple[Key, ...], source: Source) -> Any:
    """Return a preset of this kind: its name, or the values of a file beside the cohort file."""
    if word.endswith(".toml"):
        chosen = read_presets([str(_beside(folder, word, path, source))])
        if kind not in chosen:
            raise RefusedInput([source.problem(path, f"this file is the preset of a {next(iter(chosen))}.")])
        return chosen[kind]
    known = [name for name, its_kind in registry.presets().names().items() if its_kind == kind]
    if word not in known:
        hint = f"{did_you_mean(word, known)} A file of your own ends in .toml."
        raise RefusedInput([source.problem(path, f'there is no {kind} preset "{printable(word)}".{hint}')])
    return word
