"""One parameter of the simulation: a number with its unit, its range and a mark that says how far to trust it.

Marks: S from a public source, D derived from such numbers, A a modelling assumption, U unverified. Knows no physics.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Mark = Literal["S", "D", "A", "U"]


class Table(BaseModel):
    """A TOML table in which only the keys below may stand, each of exactly its type and within its range."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def number(  # noqa: PLR0917 - reads as a row of a table
    default: float, low: float, high: float, unit: str, mark: Mark, says: str
) -> Any:
    """Return a field for a number from ``low`` to ``high`` in ``unit``; ``says`` names what it is, and its source."""
    return Field(default=default, ge=low, le=high, description=says, json_schema_extra={"unit": unit, "mark": mark})


def choice(default: Any, mark: Mark, says: str) -> Any:
    """Return a field for a word, a text or a list of words."""
    return Field(default=default, description=says, json_schema_extra={"unit": "", "mark": mark})


@dataclass(frozen=True)
class Parameter:
    """One row of the reference table."""

    path: str
    value: object
    unit: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    mark: str
    says: str

    @property
    def range_text(self) -> str:
        """Return the range as people write it."""
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}"
        return ", ".join(self.choices)


def parameters(table: BaseModel, at: str = "") -> Iterator[Parameter]:
    """Yield every marked parameter of a table and of the tables in it, in the order of the file."""
    for name, field in type(table).model_fields.items():
        value = getattr(table, name)
        if isinstance(value, BaseModel):
            yield from parameters(value, f"{at}{name}.")
            continue
        extra = field.json_schema_extra
        if not isinstance(extra, dict) or "mark" not in extra:
            continue
        bounds = {key: getattr(rule, key) for rule in field.metadata for key in ("ge", "le") if hasattr(rule, key)}
        choices = get_args(field.annotation) if not bounds else ()
        yield Parameter(
            path=f"{at}{name}",
            value=value,
            unit=str(extra["unit"]),
            low=bounds.get("ge"),
            high=bounds.get("le"),
            choices=tuple(word for word in choices if isinstance(word, str)),
            mark=str(extra["mark"]),
            says=field.description or "",
        )
