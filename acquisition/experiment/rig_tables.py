"""The tables of a rig file, key by key.

Knows names and types of keys. What values may stand together is checked in ``acquisition.experiment.rig_checks``.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from acquisition.experiment.fields import (
    CurrentA,
    DurationOrZeroS,
    DurationS,
    IsoDay,
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

Options = dict[str, ShortText | bool | int | float]
"""Settings that only the driver understands; which keys there are, its factory says."""


class RigTable(Table):
    """Names the rig."""

    name: SaidText
    description: LongText = ""
    limits: SaidText | None = None
    syringes: SaidText | None = None
    calibration_max_age: DurationS = 7 * 24 * 3600.0
    """[P]: an older one must be accepted by name before a start."""


class InstrumentTable(Table):
    """Any instrument: who drives it, on which port, who it must be."""

    driver: SaidText
    model: ShortText = ""
    serial_number: ShortText = ""
    baud: Annotated[int, Field(ge=110, le=4_000_000)] | None = None
    options: Options = Field(default_factory=dict)


class PumpTable(InstrumentTable):
    """One pump with its syringe."""

    url: SaidText
    address: Annotated[int, Field(ge=0, le=99)] = 0
    syringe: SaidText | None = None
    diameter: LengthMm | None = None
    syringe_volume: VolumeUl | None = None
    watchdog: DurationOrZeroS = 5.0
    line_dead_volume: VolumeOrZeroUl


class ChannelTable(Table):
    """One working electrode."""

    name: Name
    electrode: SaidText
    role: ChannelRole
    range: CurrentA
    sensitivity: SensitivityAPerUm | None = None
    calibrated: IsoDay | None = None
    probe: SaidText | None = None
    """The probe whose valid calibration gives the slope."""
    site: Name | None = None
    """Its site, where that is not named as the channel."""
    sentinel: Name | None = None
    """The sentinel of this glutamate site; where the instrument has one alone, that one."""
    options: Options = Field(default_factory=dict)


class PotentiostatTable(InstrumentTable):
    """One potentiostat with its channels."""

    url: SaidText | Annotated[list[SaidText], Field(min_length=1, max_length=16)]
    potential: PotentialV
    interval: DurationS
    channels: Annotated[list[ChannelTable], Field(min_length=1)]

    @property
    def ports(self) -> list[str]:
        """Return its ports, in order of its electrodes where there are several."""
        return [self.url] if isinstance(self.url, str) else self.url


class RigFile(Table):
    """The whole file."""

    rig: RigTable
    pumps: dict[str, PumpTable] = Field(default_factory=dict)
    potentiostats: dict[str, PotentiostatTable] = Field(default_factory=dict)
