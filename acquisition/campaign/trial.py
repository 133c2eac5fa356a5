"""One trial as data: an experiment, its faults and what a person does meanwhile. Made from a seed, kept as JSON.

Knows how a trial is written down, so that a failing one replays and can be shrunk. Does not know how it is drawn, how
it is run or what is wrong with what comes out.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Family = Literal["new-era", "harvard-ultra", "chemyx", "harvard-22", "wpi-micro4"]
SensorFamily = Literal["methodscript", "rodeostat", "scpi-smu", "pinnacle-8401"]
Deed = Literal[
    "stop", "start", "continue", "finish", "recorder-hangs", "disk-full", "book-full", "machine-sleeps",
    "write-error", "file-locked", "disk-slow", "clock-forward", "clock-back", "program-error", "engine-dies",
]  # fmt: skip
FAMILIES: tuple[Family, ...] = get_args(Family)
SENSORS: tuple[SensorFamily, ...] = get_args(SensorFamily)
MAX_JSON_BYTES = 100_000


@dataclass(frozen=True)
class Act:
    """What a person does at a time, or what befalls the computer, and for how long."""

    t_s: float
    deed: Deed
    for_s: float = 0.0


@dataclass(frozen=True)
class Infusion:
    """One infuse step."""

    volume_ul: float
    rate_ul_per_min: float

    @property
    def lasting_s(self) -> float:
        """Return how long it takes."""
        return 60.0 * self.volume_ul / self.rate_ul_per_min


@dataclass(frozen=True)
class Trial:
    """Everything that decides how a trial goes."""

    seed: int
    family: Family
    watchdog_s: int
    maintenance: bool
    sensor: bool
    infusions: tuple[Infusion, ...]
    faults: tuple[str, ...]
    acts: tuple[Act, ...] = ()
    sensor_family: SensorFamily = "methodscript"

    @property
    def planned_ul(self) -> float:
        """Return the volume of all infusions."""
        return sum(infusion.volume_ul for infusion in self.infusions)

    def to_json(self) -> str:
        """Return the trial as text that ``from_json`` reads back."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _ActFile(_Strict):
    t_s: Annotated[float, Field(ge=0, le=3600)]
    deed: Deed
    for_s: Annotated[float, Field(ge=0, le=3600)] = 0.0


class _InfusionFile(_Strict):
    volume_ul: Annotated[float, Field(gt=0, le=1000)]
    rate_ul_per_min: Annotated[float, Field(gt=0, le=1000)]


class _TrialFile(_Strict):
    seed: Annotated[int, Field(ge=0)]
    family: Family
    watchdog_s: Annotated[int, Field(ge=0, le=255)]
    maintenance: bool
    sensor: bool
    infusions: Annotated[list[_InfusionFile], Field(min_length=1, max_length=20)]
    faults: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=50)]
    acts: Annotated[list[_ActFile], Field(max_length=50)]
    sensor_family: SensorFamily = "methodscript"


def from_json(text: str) -> Trial:
    """Read a trial. Raises ValueError that says what is wrong."""
    if len(text) > MAX_JSON_BYTES:
        raise ValueError(f"this is larger than {MAX_JSON_BYTES} bytes and no trial")
    try:
        found: dict[str, Any] = _TrialFile.model_validate_json(text).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"this is no trial of a campaign: {place}: {first['msg']}") from error
    found["infusions"] = tuple(Infusion(**infusion) for infusion in found["infusions"])
    found["acts"] = tuple(Act(**act) for act in found["acts"])
    found["faults"] = tuple(found["faults"])
    return Trial(**found)
