"""One controller behind several pumps of a simulated rig: the first one speaks for all of its lines.

Knows who is on which line. Does not know commands: the firmware does. Faults of the port are those of the pump that
was described first; a loss of power of any is one of the controller.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim_devices.firmware.wpi_micro4.firmware import Micro4Firmware
from sim_devices.firmware.wpi_micro4.options import Micro4Options
from sim_devices.interfaces import Firmware, Plunger


@dataclass
class Controller:
    """What the pumps on one port have in common."""

    firmware: Micro4Firmware | None = None

    def add(self, plunger: Plunger, options: Micro4Options) -> Firmware:
        """Put a syringe on its line and return what stands behind this pump."""
        if self.firmware is None:
            self.firmware = Micro4Firmware(plunger, options)
            return self.firmware
        self.firmware.channels[options.line - 1].motor.plunger = plunger
        return _FurtherLine(self.firmware)


@dataclass
class _FurtherLine:
    """A line of a controller that another pump of the rig speaks for. Implements ``Firmware``."""

    controller: Micro4Firmware

    def power_on(self, now_ns: int) -> None:
        self.controller.power_on(now_ns)

    def power_off(self, now_ns: int) -> None:
        self.controller.power_off(now_ns)

    def receive(self, data: bytes, now_ns: int) -> None:
        """Hear nothing: the controller has one ear."""

    def transmit(self, now_ns: int) -> bytes:
        del now_ns
        return b""

    def next_event_ns(self, now_ns: int) -> int | None:
        del now_ns
        return None
