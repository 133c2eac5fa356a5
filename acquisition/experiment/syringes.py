"""Syringes: inner diameter and volume by name, from the shipped table, each checked against itself (R14).

Knows the table and the arithmetic of a barrel. Does not know pumps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from acquisition.experiment.fields import LengthMm, SaidText, ShortText, Table, VolumeUl
from acquisition.experiment.problems import RefusedInput, parse_toml, validated

SCALE_TOLERANCE = 0.03
"""R14: volume, diameter and length of the scale of one syringe agree within 3 %."""
PLAUSIBLE_SCALE_MM = (30.0, 130.0)
"""[A] Length of the graduation of any laboratory syringe; those of the table with a known diameter have 40 to 110 mm.
Used where no scale is published; a diameter typed in cm, or twice too large, falls outside."""


@dataclass(frozen=True)
class Syringe:
    """One row: the inner diameter fixes how far the plunger moves for a volume, so it must be right."""

    syringe_id: str
    volume_ul: float
    diameter_mm: float
    plastic: bool
    source: str
    mark: str
    note: str


class _Row(Table):
    id: ShortText
    maker: SaidText
    volume: VolumeUl
    inner_diameter: LengthMm
    scale: LengthMm | None = None
    plastic: bool
    source: SaidText
    mark: SaidText
    note: ShortText = ""


class _File(Table):
    syringes: list[_Row]


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
    """Return the syringes of a table. Raises RefusedInput."""
    values, source = parse_toml(data, name)
    problems = []
    found: dict[str, Syringe] = {}
    for number, row in enumerate(validated(_File, values, source).syringes):
        if wrong := fault(row.volume, row.inner_diameter, row.scale):
            problems.append(source.problem(("syringes", number, "inner_diameter"), f"{wrong}."))
        if row.id in found:
            problems.append(source.problem(("syringes", number, "id"), f'"{row.id}" stands here twice.'))
        found[row.id] = Syringe(
            row.id, row.volume, row.inner_diameter, row.plastic, f"{row.maker}: {row.source}", row.mark, row.note
        )
    if problems:
        raise RefusedInput(problems)
    return found
