"""The clients and simulators of the labmcp family, without the server for language models that they are made for.

Knows how to import them (their server needs some fifty packages), and how to put one of our drivers on one of their
simulators. ``driver`` and ``simulator`` of each instrument, ``labmcp`` and its TCP line are what tests use.
"""

from __future__ import annotations

from drivers.transport import LineSettings
from tests.sim_devices.stand_ins import stood_in

with stood_in("fastmcp", "mcp"):
    import labmcp
    from labmcp.transports.serial import SerialTransport
    from labmcp.transports.tcp import TCPTransport
    from labmcp_keithley_smu import driver as keithley
    from labmcp_new_era import driver as new_era
    from labmcp_new_era import simulator as new_era_simulator
    from labmcp_palmsens import driver as palmsens
    from labmcp_palmsens import simulator as palmsens_simulator

__all__ = [
    "SerialTransport",
    "TheirLine",
    "keithley",
    "new_era",
    "new_era_simulator",
    "over_tcp",
    "palmsens",
    "palmsens_simulator",
]


def over_tcp(endpoint: str, *, sends: str, hears: str) -> labmcp.Transport:
    """Return their line to a served simulator; ``sends`` and ``hears`` end what goes and comes."""
    host, _, port = endpoint.rpartition(":")
    return TCPTransport(host, int(port), write_termination=sends, read_termination=hears)


class TheirLine:
    """Opener and line to one of their simulators, for one of our drivers."""

    simulated = True
    port = "labmcp"

    def __init__(self, simulator: object, *, sends: str = "\n", hears: str = "\n") -> None:
        self._line = labmcp.SimulatedTransport(simulator, write_termination=sends, read_termination=hears)

    def open(self, url: str, settings: LineSettings) -> TheirLine:
        return self

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        return bytes(self._line._read(max_bytes, timeout_s))

    def write(self, data: bytes, timeout_s: float) -> None:
        self._line._write(data)

    def discard_input(self) -> bytes:
        return self.read(4096, 0.001)

    def close(self) -> None:
        pass
