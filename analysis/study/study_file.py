"""The study file, ``study.toml``: the question, the groups and what each is given, and what is fixed before any.

Knows how a study is written down and what contradicts itself in there. It holds no sequence and no seed: who gets what
stands in the sealed folder alone (``analysis.study.sealed``). Does not know recordings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from acquisition.books.places import same_name
from acquisition.books.seals import STUDY_ID, Solution
from acquisition.experiment.fields import (
    ConcentrationMgPerMl,
    LongText,
    Name,
    SaidLongText,
    SaidText,
    ShortText,
    Table,
    WeightG,
)
from acquisition.experiment.problems import (
    Problem,
    RefusedInput,
    Source,
    did_you_mean,
    read_toml,
    relative_path,
    validated,
)
from analysis.evoked import Readout
from analysis.readout_file import ReadoutTable, readout_of, stretch_problems

FILE_NAME = "study.toml"
MAX_GROUPS = 20
MAX_ANIMALS = 500
OTHER = "other"
"""How an exclusion begins that no criterion of the file foresaw; no criterion may have this id."""
BARRELS = "ABCDEF"
"""What is added to an animal's code on each of its syringes, where it has several blinded ones."""
Awareness = Literal["blinded", "not blinded"]
Few = Annotated[int, Field(ge=1, le=50)]
Spread = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]


class StudyTable(Table):
    """Which study it is, and where its files are."""

    id: str = ""
    name: SaidText
    question: SaidLongText
    investigators: Annotated[list[SaidText], Field(min_length=1, max_length=50)]
    licence: SaidText
    registered: ShortText = ""
    protocol: SaidText
    rig: SaidText
    sessions: SaidText = "sessions"


class DesignTable(Table):
    """How animals come into groups (ARRIVE 1, 2, 4)."""

    animals_per_group: Annotated[int, Field(ge=1, le=MAX_ANIMALS)]
    groups_per_block: Few = 1
    control: SaidText
    unit: SaidText = "one animal"
    sample_size: LongText = ""
    confounders: LongText = ""


class BlindedTable(Table):
    """A pump whose syringe nobody at the bench knows."""

    pump: Name


class SyringeTable(Table):
    """What is in a blinded syringe. Without a drug it is the vehicle alone."""

    drug: Name | None = None
    form: Name | None = None
    concentration: ConcentrationMgPerMl | None = None
    vehicle: SaidText

    @property
    def solution(self) -> Solution:
        """Return what is in the syringe, as it is sealed."""
        return Solution(self.drug or "", self.form or "", self.concentration)


class GroupTable(Table):
    """A group and what its animals get from each blinded pump."""

    name: SaidText
    description: LongText = ""
    syringes: dict[Name, SyringeTable]

    @property
    def solutions(self) -> dict[str, Solution]:
        """Return what is in the syringe of each blinded pump, as it is sealed."""
        return {pump: syringe.solution for pump, syringe in self.syringes.items()}


class OutcomeTable(Table):
    """What is measured (ARRIVE 6, 7); how it is read stands in ``[readout]``."""

    primary: SaidLongText
    secondary: LongText = ""
    analysis: LongText = ""


class ExclusionTable(Table):
    """A reason to leave an animal out that was fixed before (ARRIVE 3a)."""

    id: Name
    criterion: SaidText


class BlindingTable(Table):
    """Who was aware of the groups (ARRIVE 5)."""

    allocation: Awareness
    conduct: Awareness
    assessment: Awareness
    analysis: Awareness
    who_knows: SaidText


class AnimalsTable(Table):
    """The animals (ARRIVE 8)."""

    species: Name
    strain: SaidText
    sex: Literal["M", "F", "both"]
    age: SaidText
    weight: WeightG
    source: LongText = ""
    inclusion: LongText = ""
    housing: LongText = ""


class WelfareTable(Table):
    """What is done for the animals (ARRIVE 9, 16)."""

    procedures: LongText = ""
    anaesthesia: LongText = ""
    analgesia: LongText = ""
    refinement: LongText = ""
    expected_adverse_events: LongText = ""
    humane_endpoints: Annotated[list[SaidText], Field(max_length=50)] = Field(default_factory=list)
    checked: ShortText = ""
    action: LongText = ""


class PowerTable(Table):
    """What the number of animals was chosen for, and what a mouse is like; see ``analysis.study.power``."""

    ratio: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
    wanted: Annotated[float, Field(gt=0, lt=1)] = 0.8
    responses_before: Few = 5
    responses_after: Few = 5
    within_cv: Spread = 0.25
    effect_sd: Spread = 0.15
    amplitude_um: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 2.0
    between_cv: Spread = 0.35
    noise_um: Spread = 0.3


class StudyFile(Table):
    """The whole file."""

    study: StudyTable
    design: DesignTable
    blinded: Annotated[list[BlindedTable], Field(min_length=1, max_length=len(BARRELS))]
    groups: Annotated[list[GroupTable], Field(min_length=2, max_length=MAX_GROUPS)]
    readout: ReadoutTable
    outcome: OutcomeTable
    exclusions: Annotated[list[ExclusionTable], Field(max_length=50)] = Field(default_factory=list)
    blinding: BlindingTable
    animals: AnimalsTable
    welfare: WelfareTable = Field(default_factory=WelfareTable)
    power: PowerTable | None = None


@dataclass(frozen=True)
class Study:
    """A study file, read, in its folder. ``file`` has the tables as they were written."""

    folder: Path
    file: StudyFile
    source: Source = field(compare=False)

    @property
    def study_id(self) -> str:
        """Return the id that ``amperfuse study new`` wrote; empty before."""
        return self.file.study.id

    @property
    def groups(self) -> tuple[GroupTable, ...]:
        """Return the groups in the order of the file."""
        return tuple(self.file.groups)

    @property
    def control(self) -> str:
        """Return the name of the group that the others are compared with."""
        return self.file.design.control

    @property
    def readout(self) -> Readout:
        """Return how the outcome is read from a recording; its first stretch is the primary one."""
        return readout_of(self.file.readout)

    @property
    def template(self) -> Path:
        """Return the protocol that every animal's is made from."""
        return self.folder / self.file.study.protocol

    @property
    def rig(self) -> Path:
        """Return the rig of every session."""
        return self.folder / self.file.study.rig

    @property
    def sessions(self) -> Path:
        """Return the folder of the recordings."""
        return self.folder / self.file.study.sessions

    def group(self, name: str) -> GroupTable:
        """Return the group called ``name``. Raises KeyError."""
        found = {group.name: group for group in self.file.groups}
        return found[name]

    def barrels(self, code: str) -> dict[str, str]:
        """Return what stands on the syringe of each blinded pump of the animal with this code.

        Two syringes of one animal have two codes: a sealed text opens for its own only, and they cannot be swapped.
        """
        pumps = [one.pump for one in self.file.blinded]
        if len(pumps) == 1:
            return {pumps[0]: code}
        return {pump: f"{code}{letter}" for pump, letter in zip(pumps, BARRELS, strict=False)}

    def criterion(self, criterion_id: str) -> str | None:
        """Return the sentence of an exclusion criterion; None for one that the file does not have."""
        found = {one.id: one.criterion for one in self.file.exclusions}
        return found.get(criterion_id)


def load_study(folder: Path) -> Study:
    """Read the study file in a folder. Raises RefusedInput with everything that is wrong in it."""
    values, source = read_toml(folder / FILE_NAME)
    file = validated(StudyFile, values, source)
    if problems := list(_problems(file, source)):
        raise RefusedInput(problems)
    return Study(folder, file, source)


def _problems(file: StudyFile, source: Source) -> Iterator[Problem]:
    if ("study", "id") in source.lines and not STUDY_ID.fullmatch(file.study.id):
        yield source.problem(("study", "id"), 'this is no id; "amperfuse study new" writes it: leave it out.')
    for key in ("protocol", "rig", "sessions"):
        try:
            relative_path(getattr(file.study, key))
        except ValueError as error:
            yield source.problem(("study", key), f"{error}.")
    pumps = [one.pump for one in file.blinded]
    for number, pump in enumerate(pumps):
        if pump in pumps[:number]:
            yield source.problem(("blinded", number, "pump"), "this pump is blinded twice.")
    yield from _group_problems(file, source)
    yield from stretch_problems(file.readout, source)
    ids = [one.id for one in file.exclusions]
    for number, one in enumerate(ids):
        if one == OTHER or one in ids[:number]:
            why = f'"{OTHER}" is for what nobody foresaw' if one == OTHER else "two criteria have this id"
            yield source.problem(("exclusions", number, "id"), f"{why}; give it another.")


def _syringe_problems(file: StudyFile, number: int, source: Source) -> Iterator[Problem]:
    """Say what is wrong with the syringes of one group: each blinded pump has one, and no other pump."""
    syringes, pumps = file.groups[number].syringes, [one.pump for one in file.blinded]
    here = ("groups", number, "syringes")
    for pump in pumps:
        if pump not in syringes:
            yield source.problem(here, f'say what this group gets from the blinded pump "{pump}".')
    for pump, syringe in syringes.items():
        if pump not in pumps:
            hint = did_you_mean(pump, pumps)
            yield source.problem((*here, pump), f"no blinded pump has this name.{hint}")
        if syringe.drug is None and (syringe.form is not None or syringe.concentration is not None):
            yield source.problem((*here, pump, "drug"), "a concentration or a form needs the name of the drug.")
        if syringe.drug is not None and syringe.concentration is None:
            sentence = 'a drug needs its concentration, for example "2 mg/mL".'
            yield source.problem((*here, pump, "concentration"), sentence)


def _group_problems(file: StudyFile, source: Source) -> Iterator[Problem]:
    names = [group.name for group in file.groups]
    for number, group in enumerate(file.groups):
        here = ("groups", number)
        if same_name(group.name) in map(same_name, names[:number]):
            yield source.problem((*here, "name"), "two groups have this name.")
        yield from _syringe_problems(file, number, source)
    if file.design.control not in names:
        hint = did_you_mean(file.design.control, names)
        yield source.problem(("design", "control"), f"no group has this name.{hint}")
    if (total := file.design.animals_per_group * len(names)) > MAX_ANIMALS:
        yield source.problem(("design", "animals_per_group"), f"these are {total} animals; at most {MAX_ANIMALS}.")
