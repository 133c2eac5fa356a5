"""Keithley 2400, 6430 and 6517B as bench amperometers: one channel, two electrodes, SCPI over RS-232, polled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.capabilities import DriverOptions
from drivers.clock import Clock
from drivers.scpi_smu.driver import SmuPotentiostat
from drivers.scpi_smu.family import OPTIONS, parse_options
from drivers.scpi_smu.link import SmuLink
from drivers.scpi_smu.probes import probes
from drivers.transport import TransportOpener

__all__ = ["SmuPotentiostat", "build"]


@dataclass(frozen=True)
class _Factory:
    kind: Literal["pump", "potentiostat"] = "potentiostat"
    options: Mapping[str, str] = field(default_factory=lambda: dict(OPTIONS))
    probes = staticmethod(probes)

    def __call__(self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions) -> SmuPotentiostat:
        """Build the driver; opens nothing until ``connect`` or ``stop``. Raises NotEncodable."""
        return SmuPotentiostat(SmuLink(opener, url, clock, options, parse_options(options)))


build: Final = _Factory()
