"""IO Rodeo Rodeostat: one channel, JSON lines, hardware 0.1 and 0.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from drivers.capabilities import DriverOptions
from drivers.clock import Clock
from drivers.rodeostat.driver import RodeostatPotentiostat
from drivers.rodeostat.family import SignRule
from drivers.rodeostat.link import RodeostatLink
from drivers.transport import TransportOpener

__all__ = ["RodeostatPotentiostat", "build", "build_as_printed", "build_negated"]


@dataclass(frozen=True)
class _Factory:
    sign_rule: SignRule
    kind: Literal["pump", "potentiostat"] = "potentiostat"
    simulator: Final = "rodeostat"

    def __call__(
        self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions
    ) -> RodeostatPotentiostat:
        """Build the driver; opens nothing until ``connect`` or ``stop``."""
        return RodeostatPotentiostat(RodeostatLink(opener, url, clock, options), self.sign_rule)


build: Final = _Factory("by-hardware")
build_as_printed: Final = _Factory("as-printed")
build_negated: Final = _Factory("negated")
"""Three names in a rig file, for the sign of the current is not certain: see ``drivers.rodeostat.family``."""
