"""Harvard Apparatus and KDS pumps with the "Ultra" command set: 11 Elite, PHD Ultra, Pico, Nanomite, Legato."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from drivers.capabilities import DriverOptions
from drivers.clock import Clock
from drivers.harvard_ultra.driver import HarvardUltraPump
from drivers.harvard_ultra.link import PumpLink
from drivers.harvard_ultra.probes import probes
from drivers.harvard_ultra.settings import OPTIONS, UltraSettings
from drivers.transport import TransportOpener

__all__ = ["HarvardUltraPump", "build"]


class _Factory:
    kind: Final[Literal["pump", "potentiostat"]] = "pump"
    options: Final[Mapping[str, str]] = OPTIONS

    probes = staticmethod(probes)

    def __call__(self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions) -> HarvardUltraPump:
        """Build the driver; opens nothing until ``connect`` or ``stop``."""
        return HarvardUltraPump(PumpLink(opener, url, clock, options), UltraSettings.read(options.settings))


build: Final = _Factory()
