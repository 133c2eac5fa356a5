"""The kinds of field that rig, protocol and limits files share: strict tables, names, texts, quantities with units.

Knows how a field is spelled. Does not know what it is for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from acquisition.experiment import quantities
from acquisition.experiment.problems import printable
from acquisition.experiment.quantities import Dimension

_NAME = re.compile(r"[a-z0-9_-]{1,40}", re.ASCII)


class Table(BaseModel):
    """A TOML table in which only the keys below may stand, each of exactly its type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def checked_name(text: str) -> str:
    """Return ``text`` if it can name an instrument everywhere (files, streams, command lines). Raises ValueError."""
    if not _NAME.fullmatch(text):
        raise ValueError(
            f'read "{printable(text)}"; a name is 1 to 40 of the letters a-z, digits, "-" and "_", for example "pump-1"'
        )
    return text


def _text(limit: int, *, lines: bool = False) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text) > limit:
            raise ValueError(f"this text has {len(text)} characters, at most {limit} are kept")
        if not (text.replace("\n", "") if lines else text).isprintable():
            raise ValueError(f'read "{printable(text)}"; control characters are not accepted')
        return text

    return check


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise ValueError(f'read "{printable(text)}"; write a day like "2026-11-23" (year-month-day)')
    return text


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("this is empty and must say something")
    return text


def _quantity(dimension: Dimension, *, zero: bool = False) -> BeforeValidator:
    def check(value: object) -> float:
        found = quantities.parse(value, dimension)
        if found == 0 and not (zero or dimension.signed):
            raise ValueError(f'read "{value}"; {dimension.name} must be above zero here')
        return found

    return BeforeValidator(check)


Name = Annotated[str, AfterValidator(checked_name)]
IsoDay = Annotated[str, AfterValidator(_day)]
ShortText = Annotated[str, AfterValidator(_text(200))]
SaidText = Annotated[str, AfterValidator(_text(200)), AfterValidator(_said)]
LongText = Annotated[str, AfterValidator(_text(4000, lines=True))]
SaidLongText = Annotated[str, AfterValidator(_text(4000, lines=True)), AfterValidator(_said)]
VolumeUl = Annotated[float, _quantity(quantities.VOLUME)]
VolumeOrZeroUl = Annotated[float, _quantity(quantities.VOLUME, zero=True)]
VolumeMlPerKg = Annotated[float, _quantity(quantities.VOLUME_PER_WEIGHT)]
RateUlPerMin = Annotated[float, _quantity(quantities.RATE)]
DurationS = Annotated[float, _quantity(quantities.DURATION)]
DurationOrZeroS = Annotated[float, _quantity(quantities.DURATION, zero=True)]
DoseMgPerKg = Annotated[float, _quantity(quantities.DOSE)]
ConcentrationMgPerMl = Annotated[float, _quantity(quantities.CONCENTRATION)]
MolarityUm = Annotated[float, _quantity(quantities.MOLARITY)]
MolarityOrZeroUm = Annotated[float, _quantity(quantities.MOLARITY, zero=True)]
WeightG = Annotated[float, _quantity(quantities.WEIGHT)]
MassMg = Annotated[float, _quantity(quantities.MASS)]
MassOrZeroMg = Annotated[float, _quantity(quantities.MASS, zero=True)]
TemperatureC = Annotated[float, _quantity(quantities.TEMPERATURE)]
LengthMm = Annotated[float, _quantity(quantities.LENGTH)]
PotentialV = Annotated[float, _quantity(quantities.POTENTIAL)]
CurrentA = Annotated[float, _quantity(quantities.CURRENT)]
DriftAPerMin = Annotated[float, _quantity(quantities.DRIFT)]
SensitivityAPerUm = Annotated[float, _quantity(quantities.SENSITIVITY)]
