"""Harvard Apparatus and KDS pumps with the "Ultra" command set: 11 Elite, PHD Ultra, Pico, Nanomite, Legato."""

from __future__ import annotations

from typing import Final, Literal

from drivers.capabilities import DriverOptions
from drivers.clock import Clock
from drivers.harvard_ultra.driver import HarvardUltraPump
from drivers.harvard_ultra.link import PumpLink
from drivers.harvard_ultra.probes import probes
from drivers.transport import TransportOpener

__all__ = ["HarvardUltraPump", "build"]


class _Factory:
    kind: Final[Literal["pump", "potentiostat"]] = "pump"

    probes = staticmethod(probes)

    def __call__(self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions) -> HarvardUltraPump:
        """Build the driver; opens nothing until ``connect`` or ``stop``."""
        return HarvardUltraPump(PumpLink(opener, url, clock, options))


build: Final = _Factory()
