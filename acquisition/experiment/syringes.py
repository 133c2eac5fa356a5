"""Syringes: inner diameter and volume by name, each row checked against itself (R14), with who says so and since when.

Knows the shipped table, files of people's own entries and weighings, and what a person must be told about a row. Does
not know pumps. The arithmetic of weighings is ``acquisition.experiment.gravimetry``'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from acquisition.experiment.gravimetry import Weighed, beyond_bound, weighed
from acquisition.experiment.problems import (
    Problem,
    RefusedInput,
    Source,
    did_you_mean,
    parse_toml,
    read_toml,
    validated,
)
from acquisition.experiment.syringe_tables import CorrectionRow, OwnFile, OwnRow, Row, ShippedFile

SCALE_TOLERANCE = 0.03
"""R14: volume, diameter and length of the scale of one syringe agree within 3 %."""
PLAUSIBLE_SCALE_MM = (30.0, 130.0)
"""[A] Length of the graduation of any laboratory syringe; those of the table with a known diameter have 40 to 110 mm.
Used where no scale is published; a diameter typed in cm, or twice too large, falls outside."""
_TYPING = 0.0005
"""How far the effective diameter written in a correction may be from what its weighings give."""
PLASTIC = "a plastic barrel varies by 5 % (ISO 7886-2)"


@dataclass(frozen=True)
class Printed:
    """One diameter as somebody prints it."""

    diameter_mm: float
    source: str
    mark: str


@dataclass(frozen=True)
class Correction:
    """A weighing of one individual syringe."""

    of: str
    """The row that the individual belongs to."""
    nominal_mm: float
    weighed: Weighed
    dated: str
    by: str
    note: str

    @property
    def text(self) -> str:
        """Return it in one sentence, for plan, record and summary."""
        found = self.weighed
        return (
            f"gravimetric correction of {self.of}: {self.nominal_mm:g} mm becomes {found.effective_diameter_mm:g} mm "
            f"({found.count} weighings, mean {found.delivered_ul:.5g} uL, spread {found.spread:.1%}; {self.dated}, "
            f"{self.by}){f'; {self.note}' if self.note else ''}"
        )


@dataclass(frozen=True)
class Syringe:
    """One row: the inner diameter fixes how far the plunger moves for a volume, so it must be right."""

    syringe_id: str
    maker: str
    volume_ul: float
    diameter_mm: float
    """What the pump is told: as printed, or as weighed."""
    scale_mm: float | None
    """Length of the graduation; None where nobody publishes it."""
    plastic: bool
    source: str
    dated: str
    """When the row was taken from its source, or measured (ISO date)."""
    by: str
    """Who wrote it; empty for the shipped table."""
    mark: str
    note: str
    also: tuple[Printed, ...] = ()
    """What other sources print for the same syringe."""
    correction: Correction | None = None

    @property
    def printed(self) -> tuple[Printed, ...]:
        """Return every diameter that somebody prints, the table's own first."""
        return (Printed(self.diameter_mm, self.source, self.mark), *self.also)

    def chosen(self, diameter_mm: float) -> Syringe:
        """Return the row with another of its printed diameters. Raises ValueError where nobody prints it."""
        for one in self.printed:
            if math.isclose(one.diameter_mm, diameter_mm, rel_tol=1e-9):
                others = tuple(other for other in self.printed if other is not one)
                return replace(self, diameter_mm=one.diameter_mm, source=one.source, mark=one.mark, also=others)
        there = ", ".join(f"{one.diameter_mm:g} mm ({one.source})" for one in self.printed)
        raise ValueError(f"nobody prints {diameter_mm:g} mm for {self.syringe_id}; printed are: {there}")

    def remarks(self, *, was_chosen: bool = False) -> list[str]:
        """Return what a person must know who uses it. ``was_chosen``: one of several diameters was named on purpose."""
        told = [self.note] if self.note else []
        for other in self.also:
            more = (other.diameter_mm / self.diameter_mm) ** 2 - 1.0
            how = "was chosen" if was_chosen else "is used; choose with diameter, or weigh a delivery"
            told.append(
                f"sources disagree: {self.source} prints {self.diameter_mm:g} mm {self.mark} and this {how}; "
                f"{other.source} prints {other.diameter_mm:g} mm {other.mark}: "
                f"if that is right, the dose is {more:+.1%}"
            )
        if self.correction is not None:
            told.append(self.correction.text)
        elif self.plastic:
            told.append(PLASTIC)
        return told


@dataclass(frozen=True)
class Library:
    """The shipped table and, beside it, the entries of one file of a person's own."""

    rows: Mapping[str, Syringe]
    source: Source | None = None
    """None: no file of one's own."""


def scale_mm(volume_ul: float, diameter_mm: float) -> float:
    """Return how long the scale of a barrel must be, mm: V / (pi d^2 / 4); 1 uL is 1 mm^3."""
    return volume_ul / (math.pi * diameter_mm**2 / 4.0)


def fault(volume_ul: float, diameter_mm: float, known_scale_mm: float | None = None) -> str:
    """Return why diameter and volume cannot belong to one syringe; empty if they can (R14)."""
    needed = scale_mm(volume_ul, diameter_mm)
    low, high = PLAUSIBLE_SCALE_MM
    if known_scale_mm is not None:
        low, high = known_scale_mm * (1 - SCALE_TOLERANCE), known_scale_mm * (1 + SCALE_TOLERANCE)
    if low <= needed <= high:
        return ""
    return (
        f"a barrel of {diameter_mm:g} mm inner diameter would need a scale of {needed:.4g} mm for "
        f"{volume_ul:g} uL; {low:.4g} to {high:.4g} mm is possible; check diameter and volume"
    )


@cache
def shipped() -> dict[str, Syringe]:
    """Return the shipped table by id. Raises RefusedInput if a row contradicts itself."""
    return load(files("acquisition.experiment").joinpath("data/syringes.toml").read_bytes())


def load(data: bytes, name: str = "syringes.toml") -> dict[str, Syringe]:
    """Return the syringes of a table in the shipped form. Raises RefusedInput."""
    values, source = parse_toml(data, name)
    found: dict[str, Syringe] = {}
    problems: list[Problem] = []
    for number, row in enumerate(validated(ShippedFile, values, source).syringes):
        problems += _add(row, number, "", source, found)
    if problems:
        raise RefusedInput(problems)
    return found


def library(path: Path | None) -> Library:
    """Return the shipped table, with the entries of a person's own file beside it. Raises RefusedInput.

    A name of the shipped table cannot be taken; a correction may be of a shipped row or of one of the same file.
    """
    return Library(shipped()) if path is None else _with_own(*read_toml(path))


def with_entry(path: Path | None, entry: str) -> Library:
    """Return what the library would be with ``entry`` (TOML) at the end of the file. Raises RefusedInput."""
    before = "" if path is None else read_toml(path)[1].text
    return _with_own(*parse_toml(f"{before}\n{entry}\n".encode(), "the new entry" if path is None else str(path)))


def _with_own(values: dict[str, Any], source: Source) -> Library:
    file = validated(OwnFile, values, source)
    found = dict(shipped())
    problems: list[Problem] = []
    for number, row in enumerate(file.syringes):
        problems += _add(row, number, row.by, source, found)
    uncorrected = dict(found)
    for number, correction in enumerate(file.corrections):
        problems += _correct(correction, number, source, uncorrected, found)
    if problems:
        raise RefusedInput(problems)
    return Library(found, source)


def _add(row: Row | OwnRow, number: int, by: str, source: Source, found: dict[str, Syringe]) -> list[Problem]:
    path = ("syringes", number)
    problems = []
    if wrong := fault(row.volume, row.inner_diameter, row.scale):
        problems.append(source.problem((*path, "inner_diameter"), f"{wrong}."))
    also = tuple(Printed(other.inner_diameter, other.source, other.mark) for other in row.also)
    for place, other in enumerate(also):
        if wrong := fault(row.volume, other.diameter_mm, row.scale):
            problems.append(source.problem((*path, "also", place, "inner_diameter"), f"{wrong}."))
    if row.id in found:
        problems.append(source.problem((*path, "id"), f'"{row.id}" is taken already; choose another name.'))
    mark = row.mark if isinstance(row, Row) else "[own]"
    found[row.id] = Syringe(
        row.id, row.maker, row.volume, row.inner_diameter, row.scale, row.plastic, row.source, row.date, by, mark,
        row.note, also,
    )  # fmt: skip
    return problems


def _correct(
    row: CorrectionRow, number: int, source: Source, known: Mapping[str, Syringe], found: dict[str, Syringe]
) -> list[Problem]:
    base = known.get(row.syringe)
    if base is None:
        text = f'"{row.syringe}" is no syringe of the table or of this file.' + did_you_mean(row.syringe, list(known))
        return [source.problem(("corrections", number, "syringe"), text)]
    try:
        result = weighed(row.pump_diameter, row.commanded, row.masses, row.temperature, row.evaporated)
    except ValueError as error:
        return [source.problem(("corrections", number, "masses"), f"{error}.")]
    key, wrong = _wrong_correction(row, base, result)
    if row.id in found:
        key, wrong = "id", f'"{row.id}" is taken already; choose another name.'
    correction = Correction(row.syringe, base.diameter_mm, result, row.date, row.by, row.note)
    found[row.id] = replace(
        base, syringe_id=row.id, diameter_mm=result.effective_diameter_mm, source="weighed", mark="[own]",
        dated=row.date, by=row.by, note="", also=(), correction=correction,
    )  # fmt: skip
    return [source.problem(("corrections", number, key), wrong)] if wrong else []


def _wrong_correction(row: CorrectionRow, base: Syringe, result: Weighed) -> tuple[str, str]:
    """Return which key cannot be right, and why; empty where all can be."""
    if row.commanded > base.volume_ul:
        return "commanded", f"{row.syringe} holds only {base.volume_ul:g} uL."
    if abs(row.effective_diameter / result.effective_diameter_mm - 1.0) > _TYPING:
        given = f"{row.effective_diameter:g} mm is written"
        return "effective_diameter", f"the weighings give {result.effective_diameter_mm:g} mm, {given}."
    return "effective_diameter", beyond_bound(result.effective_diameter_mm, base.diameter_mm)
