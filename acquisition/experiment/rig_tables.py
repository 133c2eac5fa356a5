"""The tables of a rig file, key by key.

Knows names and types of keys. What values may stand together is checked in ``acquisition.experiment.rig_checks``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from acquisition.experiment.fields import (
    CurrentA,
    DurationOrZeroS,
    DurationS,
    LengthMm,
    LongText,
    Name,
    PotentialV,
    SaidText,
    SensitivityAPerUm,
    ShortText,
    Table,
    VolumeOrZeroUl,
    VolumeUl,
)
from acquisition.plan import ChannelRole


class RigTable(Table):
    """Names the rig."""

    name: SaidText
    description: LongText = ""
    limits: SaidText | None = None


class InstrumentTable(Table):
    """Any instrument: who drives it, on which port, who it must be."""

    driver: SaidText
    url: SaidText
    model: ShortText = ""
    serial_number: ShortText = ""


class PumpTable(InstrumentTable):
    """One pump with its syringe."""

    address: Annotated[int, Field(ge=0, le=99)] = 0
    syringe: SaidText | None = None
    diameter: LengthMm | None = None
    syringe_volume: VolumeUl | None = None
    watchdog: DurationOrZeroS = 5.0
    line_dead_volume: VolumeOrZeroUl


class ChannelTable(Table):
    """One working electrode."""

    name: Name
    electrode: Literal["we1", "we2"]
    role: ChannelRole
    range: CurrentA
    sensitivity: SensitivityAPerUm | None = None


class PotentiostatTable(InstrumentTable):
    """One potentiostat with its channels."""

    potential: PotentialV
    interval: DurationS
    channels: Annotated[list[ChannelTable], Field(min_length=1)]


class RigFile(Table):
    """The whole file."""

    rig: RigTable
    pumps: dict[str, PumpTable] = Field(default_factory=dict)
    potentiostats: dict[str, PotentiostatTable] = Field(default_factory=dict)
