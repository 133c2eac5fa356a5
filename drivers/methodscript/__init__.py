"""PalmSens MethodSCRIPT potentiostats: EmStat Pico, Sensit, EmStat4, Nexus, MultiEmStat4 with a port per channel."""

from __future__ import annotations

from typing import Final, Literal

from drivers.capabilities import DriverOptions
from drivers.clock import Clock
from drivers.errors import NotEncodable
from drivers.methodscript.driver import MethodScriptPotentiostat
from drivers.methodscript.link import FLOW_CONTROLS, ScriptLink
from drivers.methodscript.multi import PORTS_MAX, MultiScriptPotentiostat
from drivers.methodscript.probes import probes
from drivers.transport import TransportOpener

__all__ = ["MethodScriptPotentiostat", "MultiScriptPotentiostat", "build"]


class _Factory:
    kind: Final[Literal["pump", "potentiostat"]] = "potentiostat"
    simulator: Final = "emstat"
    electrodes: Final = ("we1", "we2", *(f"ch{number}" for number in range(1, PORTS_MAX + 1)))
    """Of an instrument with one port; channels of one with more."""
    ports: Final = (1, PORTS_MAX)
    options: Final = {
        "flow_control": "auto, none, xon-xoff or rts-cts; auto: XON/XOFF at all baud rates but 921600",
        "channel_sync": "true: channel 1 starts the others of its instrument (from one source only); default false",
    }

    probes = staticmethod(probes)

    def __call__(
        self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions
    ) -> MethodScriptPotentiostat | MultiScriptPotentiostat:
        """Build the driver for one port, or several separated by blanks; opens nothing until ``connect`` or ``stop``.

        Raises NotEncodable for a bad setting.
        """
        flow_control = options.settings.get("flow_control", FLOW_CONTROLS[0])
        if flow_control not in FLOW_CONTROLS:
            raise NotEncodable(f"flow_control is one of {', '.join(FLOW_CONTROLS)}, not {flow_control!r}")
        synchronise = options.settings.get("channel_sync", False)
        if not isinstance(synchronise, bool):
            raise NotEncodable(f"channel_sync is true or false, not {synchronise!r}")
        urls = url.split()
        if len(urls) > 1:
            ports = tuple(one_port(opener, each, clock, options) for each in urls)
            return MultiScriptPotentiostat(ports, clock, options, synchronise)
        if synchronise:
            raise NotEncodable("channel_sync is of an instrument with several ports")
        return one_port(opener, url, clock, options)


def one_port(opener: TransportOpener, url: str, clock: Clock, options: DriverOptions) -> MethodScriptPotentiostat:
    """Build the driver of an instrument with one port, or of one channel."""
    return MethodScriptPotentiostat(ScriptLink(opener, url, clock, options))


build: Final = _Factory()
