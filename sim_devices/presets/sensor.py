"""The sensor preset: every number of one kind of sensor. What they do stands in ``sim_devices.models``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim_devices.models.electrode import Background, Chemistry, Sentinel
from sim_devices.models.noise import Noise
from sim_devices.presets.parameter import Table


class SensorPreset(Table):
    """One kind of sensor: all sites that one potentiostat has in the tissue."""

    kind: Literal["sensor"]
    title: str
    based_on: str = ""
    chemistry: Chemistry = Field(default_factory=Chemistry)
    sentinel: Sentinel = Field(default_factory=Sentinel)
    background: Background = Field(default_factory=Background)
    noise: Noise = Field(default_factory=Noise)
