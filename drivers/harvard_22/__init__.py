"""EXPERIMENTAL: older Harvard syringe pumps (22, PHD 22/2000, 11, 11 Plus, 33, OEM).

Only a pump that tells its target, with its unit, is ever started; the others can be watched and stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from drivers.capabilities import DriverOptions
from drivers.clock import Clock
from drivers.errors import NotEncodable
from drivers.harvard_22.driver import Harvard22Pump
from drivers.harvard_22.link import Harvard22Link
from drivers.harvard_22.probes import probes
from drivers.transport import TransportOpener

__all__ = ["Harvard22Pump", "build"]


class _Factory:
    kind: Final[Literal["pump", "potentiostat"]] = "pump"
    options: Final[Mapping[str, str]] = {
        "target_unit": '"ml": what a target means that is told without a unit; only after weighing what was delivered',
    }
    warning: Final = (
        "the driver harvard-22 is experimental: units differ by 1000 between models of this protocol, and nobody has "
        "tried it on a real pump; weigh what it delivers before an animal depends on it"
    )
    probes = staticmethod(probes)

    def __call__(self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions) -> Harvard22Pump:
        """Build the driver; opens nothing until ``connect`` or ``stop``. Raises NotEncodable for a wrong setting."""
        unit = options.settings.get("target_unit", "")
        if unit not in ("", "ml"):
            raise NotEncodable('the option target_unit can only be "ml": targets are sent in mL', port=url)
        return Harvard22Pump(Harvard22Link(opener, url, clock, options), str(unit))


build: Final = _Factory()
"""The factory behind the entry point ``harvard-22``."""
