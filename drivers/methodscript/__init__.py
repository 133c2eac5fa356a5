"""PalmSens MethodSCRIPT potentiostats: EmStat Pico, EmStat4 and relatives."""

from __future__ import annotations

from typing import Final, Literal

from drivers.capabilities import DriverOptions
from drivers.clock import Clock
from drivers.methodscript.driver import MethodScriptPotentiostat
from drivers.methodscript.link import ScriptLink
from drivers.methodscript.probes import probes
from drivers.transport import TransportOpener

__all__ = ["MethodScriptPotentiostat", "build"]


class _Factory:
    kind: Final[Literal["pump", "potentiostat"]] = "potentiostat"
    simulator: Final = "emstat"
    electrodes: Final = ("we1", "we2")

    probes = staticmethod(probes)

    def __call__(
        self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions
    ) -> MethodScriptPotentiostat:
        """Build the driver; opens nothing until ``connect`` or ``stop``."""
        return MethodScriptPotentiostat(ScriptLink(opener, url, clock, options))


build: Final = _Factory()
