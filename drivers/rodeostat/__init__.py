"""IO Rodeo Rodeostat: one channel, JSON lines, hardware 0.1 and 0.2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.capabilities import DriverOptions
from drivers.clock import Clock
from drivers.errors import NotEncodable
from drivers.rodeostat.driver import RodeostatPotentiostat
from drivers.rodeostat.family import SIGNS
from drivers.rodeostat.link import RodeostatLink
from drivers.rodeostat.probes import probes
from drivers.transport import TransportOpener

__all__ = ["RodeostatPotentiostat", "build"]


@dataclass(frozen=True)
class _Factory:
    kind: Literal["pump", "potentiostat"] = "potentiostat"
    options: Mapping[str, str] = field(
        default_factory=lambda: {
            "sign": "as-printed (default), or negated, where the firmware was built for the other hardware"
        }
    )
    probes = staticmethod(probes)

    def __call__(
        self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions
    ) -> RodeostatPotentiostat:
        """Build the driver; opens nothing until ``connect`` or ``stop``. Raises NotEncodable."""
        sign = options.settings.get("sign", "as-printed")
        if sign not in SIGNS:
            raise NotEncodable(f"sign is one of {', '.join(SIGNS)}, not {sign!r}")
        return RodeostatPotentiostat(RodeostatLink(opener, url, clock, options), SIGNS[str(sign)])


build: Final = _Factory()
