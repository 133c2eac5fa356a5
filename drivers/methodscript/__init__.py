"""PalmSens MethodSCRIPT potentiostats: EmStat Pico, Sensit, EmStat4, Nexus."""

from __future__ import annotations

from typing import Final, Literal

from drivers.capabilities import DriverOptions
from drivers.clock import Clock
from drivers.errors import NotEncodable
from drivers.methodscript.driver import MethodScriptPotentiostat
from drivers.methodscript.link import FLOW_CONTROLS, ScriptLink
from drivers.methodscript.probes import probes
from drivers.transport import TransportOpener

__all__ = ["MethodScriptPotentiostat", "build"]


class _Factory:
    kind: Final[Literal["pump", "potentiostat"]] = "potentiostat"
    simulator: Final = "emstat"
    electrodes: Final = ("we1", "we2")
    options: Final = {
        "flow_control": "auto, none, xon-xoff or rts-cts; auto: XON/XOFF at all baud rates but 921600",
    }

    probes = staticmethod(probes)

    def __call__(
        self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions
    ) -> MethodScriptPotentiostat:
        """Build the driver; opens nothing until ``connect`` or ``stop``. Raises NotEncodable for a bad setting."""
        flow_control = options.settings.get("flow_control", FLOW_CONTROLS[0])
        if flow_control not in FLOW_CONTROLS:
            raise NotEncodable(f"flow_control is one of {', '.join(FLOW_CONTROLS)}, not {flow_control!r}")
        return MethodScriptPotentiostat(ScriptLink(opener, url, clock, options))


build: Final = _Factory()
