"""Chemyx Fusion syringe pumps; of those with two channels, one per driver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from drivers.capabilities import DriverOptions
from drivers.chemyx.driver import ChemyxPump
from drivers.chemyx.link import ChemyxLink
from drivers.chemyx.probes import probes
from drivers.chemyx.settings import OPTIONS, channel_of
from drivers.clock import Clock
from drivers.transport import TransportOpener

__all__ = ["ChemyxPump", "build"]


class _Factory:
    kind: Final[Literal["pump", "potentiostat"]] = "pump"
    options: Final[Mapping[str, str]] = OPTIONS

    probes = staticmethod(probes)

    def __call__(self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions) -> ChemyxPump:
        """Build the driver; opens nothing until ``connect`` or ``stop``."""
        return ChemyxPump(ChemyxLink(opener, url, clock, options, channel_of(options.settings)))


build: Final = _Factory()
