"""Reading a limits file: rows become numbers with one unit each, or the file is refused.

Knows the format. The shipped file is read the same way as one that a laboratory wrote.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from acquisition.experiment import quantities
from acquisition.experiment.fields import DurationS, LongText, Name, SaidText, ShortText, Table, WeightG
from acquisition.experiment.limits import SEALED_CONTENT, Bound, LimitRow, Limits, Quantity, WeightLimits
from acquisition.experiment.problems import Problem, RefusedInput, Source, parse_toml, read_toml, validated
from acquisition.experiment.quantities import QuantityError
from acquisition.plan import Route

SHIPPED = "limits_mouse.toml"
CHECKS_OF_THE_PROGRAM = ("weight-range", "weighing-age", "unprimed-line", SEALED_CONTENT)
"""Soft limits that stand in no row; they can be overridden by these names."""

_DIMENSIONS = {
    "rate": (quantities.RATE, quantities.RATE_PER_WEIGHT),
    "infusion_volume": (quantities.VOLUME, quantities.VOLUME_PER_WEIGHT),
    "total_volume": (quantities.VOLUME, quantities.VOLUME_PER_WEIGHT),
    "dose_rate": (quantities.DOSE_RATE,),
    "total_dose": (quantities.DOSE,),
}


class _LimitsTable(Table):
    name: SaidText
    species: SaidText
    description: LongText = ""


class _Weight(Table):
    soft_min: WeightG
    soft_max: WeightG
    hard_min: WeightG
    hard_max: WeightG
    max_age: DurationS
    source: SaidText
    mark: SaidText


class _Drug(Table):
    forms: dict[Name, Annotated[float, Field(gt=0, allow_inf_nan=False)]]


class _Row(Table):
    id: Name
    quantity: Quantity
    routes: Annotated[list[Route], Field(min_length=1)]
    drug: ShortText = ""
    window: DurationS | Literal["lifetime"] | None = None
    soft: SaidText
    hard: SaidText
    source: SaidText
    mark: SaidText


class _File(Table):
    limits: _LimitsTable
    weight: _Weight
    drugs: dict[Name, _Drug] = Field(default_factory=dict)
    rows: Annotated[list[_Row], Field(min_length=1)]


def load_limits(path: Path | None) -> Limits:
    """Read a limits file, or the shipped one for None. Raises RefusedInput with everything that is wrong in it."""
    if path is not None:
        values, source = read_toml(path)
    else:
        values, source = parse_toml(files("acquisition.experiment").joinpath("data", SHIPPED).read_bytes(), SHIPPED)
    file = validated(_File, values, source)
    problems: list[Problem] = list(_weight_problems(file.weight, source))
    rows: list[LimitRow] = []
    for number, table in enumerate(file.rows):
        if table.id in CHECKS_OF_THE_PROGRAM or any(row.limit_id == table.id for row in rows):
            problems.append(source.problem(("rows", number, "id"), f'"{table.id}" is there twice.'))
        if table.window is not None and not table.quantity.startswith("total"):
            problems.append(source.problem(("rows", number, "window"), "only a total is summed over a window."))
        soft, hard = (_bound(table, number, key, source, problems) for key in ("soft", "hard"))
        if soft and hard and (soft.per_kg != hard.per_kg or soft.value > hard.value):
            problems.append(
                source.problem(("rows", number, "soft"), "soft and hard need units of one kind, and soft <= hard.")
            )
        if soft and hard:
            rows.append(
                LimitRow(
                    table.id,
                    table.quantity,
                    tuple(table.routes),
                    table.drug,
                    math.inf if table.window == "lifetime" else table.window,
                    soft,
                    hard,
                    table.source,
                    table.mark,
                )
            )
    if problems:
        raise RefusedInput(problems)
    weight = WeightLimits(
        file.weight.soft_min,
        file.weight.soft_max,
        file.weight.hard_min,
        file.weight.hard_max,
        file.weight.max_age,
        file.weight.source,
    )
    forms = {name: dict(drug.forms) for name, drug in file.drugs.items()}
    return Limits(
        file.limits.name, file.limits.species, weight, tuple(rows), forms, source.sha256, path is None, source
    )


def _bound(table: _Row, number: int, key: str, source: Source, problems: list[Problem]) -> Bound | None:
    text = getattr(table, key)
    dimensions = _DIMENSIONS[table.quantity]
    fault = ""
    for dimension in dimensions:
        try:
            value = quantities.parse(text, dimension)
        except QuantityError as error:
            fault = fault or str(error)
        else:
            if value > 0:
                return Bound(value, dimension is not quantities.RATE and dimension is not quantities.VOLUME, text)
            fault = "a limit is above zero"
    also = f' or {dimensions[1].name}, for example "{dimensions[1].example}"' if len(dimensions) > 1 else ""
    problems.append(source.problem(("rows", number, key), f"{fault}{also}."))
    return None


def _weight_problems(weight: _Weight, source: Source) -> Iterator[Problem]:
    if not weight.hard_min <= weight.soft_min < weight.soft_max <= weight.hard_max:
        yield source.problem(("weight",), "expected hard_min <= soft_min < soft_max <= hard_max.")
