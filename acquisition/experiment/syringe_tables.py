"""The tables of the syringe files, key by key: the shipped one, and a person's own entries and weighings.

Knows names and types of keys. What values may stand together is checked in ``acquisition.experiment.syringes``.
"""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - "date" is the name of a key
from typing import Annotated

from pydantic import AfterValidator, Field

from acquisition.experiment.fields import (
    LengthMm,
    MassMg,
    MassOrZeroMg,
    Name,
    SaidText,
    ShortText,
    Table,
    TemperatureC,
    VolumeUl,
)

MAX_WEIGHINGS = 100
_ID_LENGTH = 60


def _iso_date(text: str) -> str:
    try:
        if len(text) == len("2026-01-31"):
            return Date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise ValueError(f'read "{text[:20]}"; write a date as "2026-01-31"')


IsoDate = Annotated[ShortText, AfterValidator(_iso_date)]


class AlsoTable(Table):
    """What another source prints."""

    inner_diameter: LengthMm
    source: SaidText
    mark: SaidText


class Row(Table):
    """A row of the shipped table."""

    id: Annotated[SaidText, Field(max_length=_ID_LENGTH)]
    maker: SaidText
    volume: VolumeUl
    inner_diameter: LengthMm
    scale: LengthMm | None = None
    plastic: bool
    source: SaidText
    date: IsoDate
    mark: SaidText
    note: ShortText = ""
    also: list[AlsoTable] = Field(default_factory=list)


class ShippedFile(Table):
    """The shipped table."""

    syringes: list[Row]


class OwnRow(Table):
    """An entry of one's own: its scale is measured, so that it can be checked against itself."""

    id: Name
    maker: SaidText
    volume: VolumeUl
    inner_diameter: LengthMm
    scale: LengthMm
    plastic: bool
    source: SaidText
    date: IsoDate
    by: SaidText
    note: ShortText = ""
    also: list[AlsoTable] = Field(default_factory=list)


class CorrectionRow(Table):
    """What one individual syringe delivered, weighed."""

    id: Name
    syringe: SaidText
    pump_diameter: LengthMm
    commanded: VolumeUl
    temperature: TemperatureC
    masses: Annotated[list[MassMg], Field(max_length=MAX_WEIGHINGS)]
    evaporated: MassOrZeroMg = 0.0
    effective_diameter: LengthMm
    date: IsoDate
    by: SaidText
    note: ShortText = ""


class OwnFile(Table):
    """A person's own file."""

    syringes: list[OwnRow] = Field(default_factory=list)
    corrections: list[CorrectionRow] = Field(default_factory=list)
