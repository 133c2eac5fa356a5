"""New Era NE-1000 family and WPI Aladdin syringe pumps."""

from __future__ import annotations

from typing import Final, Literal

from drivers.capabilities import DriverOptions
from drivers.clock import Clock
from drivers.new_era.driver import NewEraPump
from drivers.new_era.link import PumpLink
from drivers.new_era.probes import probes
from drivers.shared_line import join
from drivers.transport import TransportOpener

__all__ = ["NewEraPump", "build"]


class _Factory:
    kind: Final[Literal["pump", "potentiostat"]] = "pump"
    shares_line: Final = True

    probes = staticmethod(probes)

    def __call__(self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions) -> NewEraPump:
        """Build the driver; opens nothing until ``connect`` or ``stop``."""
        return NewEraPump(PumpLink(join(opener, url, "new-era", options.address), url, clock, options))


build: Final = _Factory()
