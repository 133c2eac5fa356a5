"""Marks of another system, from a file of their own: when, and what it says. Knows no samples."""

from __future__ import annotations

from typing import NamedTuple

from acquisition.experiment.problems import Problem, RefusedInput, printable
from acquisition.importing.mapping import S_PER_UNIT, Mapping, MarksTable
from acquisition.importing.text_table import TextTable, open_table

MAX_MARKS = 200_000
MAX_LABEL = 200
MAX_PROBLEMS = 10
MAX_T_S = 366 * 24 * 3600.0
"""No recording is longer than a year, nor begins one before its start."""


class ImportedMark(NamedTuple):
    """One mark."""

    t_ns: int
    label: str


def t_ns_of(value: float, unit: str) -> int:
    """Return a time in ns. Raises ValueError for none and for one that no recording has."""
    t_s = value * S_PER_UNIT[unit]
    if not abs(t_s) <= MAX_T_S:
        raise ValueError("is no time of a recording: it is empty, or more than a year away from its start")
    return round(t_s * 1e9)


def read_marks(mapping: Mapping) -> tuple[list[ImportedMark], str]:
    """Return the marks of the mapping's file of marks in order, and the file's SHA-256. Raises RefusedInput."""
    marks = mapping.file.marks
    if marks is None or marks.time is None or mapping.marks_path is None:
        return [], ""
    with open_table(mapping.marks_path, marks.text or mapping.file.text) as table:
        places = _places(mapping, marks, table)
        found = sorted(_marks(marks, table, places), key=lambda mark: mark.t_ns)
        return found, table.digest.hexdigest()


def _places(mapping: Mapping, marks: MarksTable, table: TextTable) -> dict[str, int]:
    """Return where the columns of the file of marks are. Raises RefusedInput."""
    wanted = {"time": marks.time, "column": marks.column, "where": marks.where.column if marks.where else None}
    places, problems = {}, []
    for key, column in wanted.items():
        try:
            if column is not None:
                places[key] = table.column(column)
        except ValueError as error:
            problems.append(mapping.source.problem(("marks", key), str(error)))
    if problems:
        raise RefusedInput(problems)
    return places


def _marks(marks: MarksTable, table: TextTable, places: dict[str, int]) -> list[ImportedMark]:
    """Return the marks as the file has them. Raises RefusedInput with up to ten bad rows."""
    found: list[ImportedMark] = []
    problems: list[Problem] = []
    for line, cells in table.rows():
        filled = cells + [""] * (1 + max(places.values()) - len(cells))
        label = filled[places["column"]]
        if not label or (marks.where is not None and filled[places["where"]] != marks.where.says):
            continue
        try:
            found.append(ImportedMark(t_ns_of(table.look.number(filled[places["time"]]), marks.unit), label_of(label)))
        except ValueError as error:
            problems.append(table.problem(line, "time", f"{error}."))
        if len(found) > MAX_MARKS:
            problems.append(table.problem(line, "", f"there are more than {MAX_MARKS} marks."))
            break
        if len(problems) >= MAX_PROBLEMS:
            break
    if problems:
        raise RefusedInput(problems)
    return found


def label_of(cell: str) -> str:
    """Return what a mark says, of printable characters."""
    return printable(cell, MAX_LABEL)
