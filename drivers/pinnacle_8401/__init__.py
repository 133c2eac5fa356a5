"""Pinnacle 8401-HR: four biosensor inputs, 2000 packets a second, recorded at 1 to 100 samples a second."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.capabilities import DriverOptions
from drivers.clock import Clock
from drivers.pinnacle_8401.driver import PinnaclePotentiostat
from drivers.pinnacle_8401.link import PodLink
from drivers.pinnacle_8401.preamps import CHANNELS
from drivers.pinnacle_8401.probes import probes
from drivers.pinnacle_8401.settings import CHANNEL_OPTIONS, OPTIONS, parse_options
from drivers.transport import TransportOpener

__all__ = ["PinnaclePotentiostat", "build"]


@dataclass(frozen=True)
class _Factory:
    kind: Literal["pump", "potentiostat"] = "potentiostat"
    electrodes: tuple[str, ...] = CHANNELS
    options: dict[str, str] = field(default_factory=lambda: dict(OPTIONS))
    channel_options: dict[str, str] = field(default_factory=lambda: dict(CHANNEL_OPTIONS))

    warning: str = (
        "nobody has tried the driver pinnacle-8401 on a real instrument, and the vendor's documents leave the sign of "
        "the current and 4 % of its size open; check both with a resistor before an animal depends on them"
    )
    probes = staticmethod(probes)

    def __call__(self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions) -> PinnaclePotentiostat:
        """Build the driver; opens nothing until ``connect`` or ``stop``. Raises NotEncodable for a bad option."""
        return PinnaclePotentiostat(PodLink(opener, url, clock, options), parse_options(options.settings))


build: Final = _Factory()
