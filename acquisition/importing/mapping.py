"""The mapping: what the columns of another system's text are, written by a person as TOML.

Knows keys, units and what may stand together. Reads no recording. A column becomes INSTRUMENT.CHANNEL in amperes;
whether anything was simulated must be said, because nobody can see it in a column of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from acquisition.experiment.fields import (
    CurrentA,
    DurationS,
    LongText,
    Name,
    PotentialV,
    SaidText,
    SensitivityAPerUm,
    Table,
)
from acquisition.experiment.problems import (
    Problem,
    RefusedInput,
    Source,
    printable,
    read_toml,
    relative_path,
    validated,
)
from acquisition.experiment.protocol import SubjectTable, subject_spelling_problems
from acquisition.importing.text_table import ColumnName, TextLook
from acquisition.plan import ChannelRole
from drivers.clock import NS_PER_S

A_PER_UNIT = {"A": 1.0, "mA": 1e-3, "uA": 1e-6, "nA": 1e-9, "pA": 1e-12}
S_PER_UNIT = {"h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
CONCENTRATION = "uM"
_MICRO = str.maketrans({"\u00b5": "u", "\u03bc": "u"})


def _started(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1970 < found.year < 2200:
        raise ValueError(
            f'read "{printable(text)}"; write day, time and the difference to UTC, like "2026-03-02T14:05:00+01:00"'
        )
    return text


def _unit(text: str) -> str:
    plain = text.translate(_MICRO)
    if plain not in (*A_PER_UNIT, CONCENTRATION):
        raise ValueError(f'read "{printable(text)}", expected one of {", ".join((*A_PER_UNIT, CONCENTRATION))}')
    return plain


TimeUnit = Literal["h", "min", "s", "ms", "us"]


class RecordingTable(Table):
    """What was recorded, when, by what."""

    name: SaidText
    system: SaidText
    """The system that recorded it, as a person calls it."""
    started: Annotated[str, AfterValidator(_started)]
    """Of second 0 of the file's times."""
    simulated: bool
    description: LongText = ""

    @property
    def started_wall_ns(self) -> int:
        """Return the beginning, UTC in ns since 1970."""
        return round(datetime.fromisoformat(self.started).timestamp() * 1_000_000) * 1000


class TimeTable(Table):
    """When a sample was taken: by a column, or one interval after the one before."""

    interval: DurationS
    column: ColumnName | None = None
    unit: TimeUnit = "s"


class ChannelTable(Table):
    """One column of currents, or of concentrations that a slope makes currents again."""

    name: Name
    column: ColumnName
    unit: Annotated[str, AfterValidator(_unit)]
    role: ChannelRole
    range: CurrentA
    sensitivity: SensitivityAPerUm | None = None
    flags: ColumnName | None = None
    """A column of quality flags as this program exports them."""


class PotentiostatTable(Table):
    """The columns that one instrument gave."""

    potential: PotentialV
    channels: Annotated[list[ChannelTable], Field(min_length=1, max_length=100)]


class WhereTable(Table):
    """Takes only rows in which a column says a certain word."""

    column: ColumnName
    says: SaidText


class MarksTable(Table):
    """Marks: a column of the same file, or a file of their own."""

    column: ColumnName
    file: SaidText | None = None
    """Beside the mapping."""
    time: ColumnName | None = None
    unit: TimeUnit = "s"
    where: WhereTable | None = None
    text: TextLook | None = None
    """Layout of the file of marks; without it that of the recording."""


class _File(Table):
    recording: RecordingTable
    subject: SubjectTable
    text: TextLook = Field(default_factory=TextLook)
    time: TimeTable
    potentiostats: Annotated[dict[Name, PotentiostatTable], Field(min_length=1, max_length=16)]
    marks: MarksTable | None = None


@dataclass(frozen=True)
class Mapping:
    """A mapping file, read."""

    file: _File
    source: Source
    marks_path: Path | None
    """Of the file of marks, where there is one."""

    @property
    def interval_ns(self) -> int:
        """Return the interval of the samples."""
        return round(self.file.time.interval * NS_PER_S)


def load_mapping(path: Path) -> Mapping:
    """Read a mapping. Raises RefusedInput with everything that is wrong in it."""
    values, source = read_toml(path)
    file = validated(_File, values, source)
    problems = list(_problems(file, source))
    marks_path = None
    if file.marks is not None and file.marks.file is not None:
        try:
            marks_path = path.parent / relative_path(file.marks.file)
        except ValueError as error:
            problems.append(source.problem(("marks", "file"), f"{error}."))
    if problems:
        raise RefusedInput(problems)
    return Mapping(file, source, marks_path)


def _problems(file: _File, source: Source) -> Iterator[Problem]:
    yield from subject_spelling_problems(file.subject, source)
    yield from _text_problems(file.text, ("text",), source)
    if round(file.time.interval * NS_PER_S) < 1:
        yield source.problem(("time", "interval"), "an interval is at least 1 ns.")
    for instrument, table in file.potentiostats.items():
        seen: set[str] = set()
        for number, channel in enumerate(table.channels):
            at = ("potentiostats", instrument, "channels", number)
            if channel.name in seen:
                yield source.problem((*at, "name"), f'two channels of {instrument} are called "{channel.name}".')
            seen.add(channel.name)
            if channel.unit == CONCENTRATION and channel.sensitivity is None:
                yield source.problem((*at, "sensitivity"), "needed to make amperes of uM: the slope it was made with.")
    yield from _marks_problems(file, source)


def _text_problems(look: TextLook, at: tuple[str, ...], source: Source) -> Iterator[Problem]:
    if look.delimiter == "comma" and look.decimal == "comma":
        yield source.problem((*at, "decimal"), "a comma cannot both part columns and stand before decimals.")


def _marks_problems(file: _File, source: Source) -> Iterator[Problem]:
    marks = file.marks
    if marks is None:
        return
    if marks.text is not None:
        yield from _text_problems(marks.text, ("marks", "text"), source)
    if marks.file is None:
        for key in ("time", "where", "text"):
            if getattr(marks, key) is not None:
                yield source.problem(
                    ("marks", key), "this goes with a file of marks; here they are a column of the samples."
                )
    elif marks.time is None:
        yield source.problem(("marks", "time"), "this is missing: which column of the file of marks is the time?")
