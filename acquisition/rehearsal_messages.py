"""What a rehearsal in a process of its own says to the program that started it: one JSON object a line.

Knows the two messages and their bytes. Unknown fields and longer lines are refused, whoever wrote them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

MAX_LINE_BYTES = 1024 * 1024


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RehearsalProgress(_Line):
    """How far it is, 0 to 1."""

    type: Literal["progress"] = "progress"
    progress: float = Field(ge=0.0, le=1.0)
    text: str


class RehearsalVerdict(_Line):
    """The last line: go or no go."""

    type: Literal["verdict"] = "verdict"
    go: bool
    reasons: tuple[str, ...]
    page: str
    """Path of the report's page."""


_LINE: TypeAdapter[RehearsalProgress | RehearsalVerdict] = TypeAdapter(
    Annotated[RehearsalProgress | RehearsalVerdict, Field(discriminator="type")]
)


def as_line(message: RehearsalProgress | RehearsalVerdict) -> str:
    """Return a message as a line."""
    return message.model_dump_json() + "\n"


def from_line(line: bytes) -> RehearsalProgress | RehearsalVerdict:
    """Return the message of a line. Raises ValueError."""
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"a line of {len(line)} bytes")
    return _LINE.validate_json(line)
