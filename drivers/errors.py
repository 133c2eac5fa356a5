"""What can go wrong on a wire, as a tree. Each error carries port, command and the bytes that did arrive.

    DriverError
    ├── PortError               the line itself
    │   ├── PortMissing         no such port
    │   ├── PortBusy            another program holds it
    │   └── PortLost            it was there and went away (unplugged, cut)
    │       └── ReplayDiverged  a transcript is replayed and the talk is not the recorded one
    ├── ExchangeError           the line is there, the talk failed; the state of the device is unknown
    │   ├── ReplyTimeout        no whole reply within the deadline
    │   ├── GarbledReply        bytes that are not a valid reply
    │   ├── ForeignTraffic      a reply nobody here asked for: another program, or a late answer
    │   └── Interrupted         given up on purpose because a STOP overtakes it
    │       └── LineTaken       ... the STOP of another pump on the same line
    ├── DeviceRefused           the device answered, and said no
    ├── DeviceAlarm             the device reports an alarm (stall, watchdog, ...)
    │   └── DeviceReset         it has lost power or was reset: all run state is gone
    ├── WrongInstrument         something else answers on this port
    ├── ReadbackMismatch        a setting reads back as something else than was sent
    └── NotEncodable            refused before anything was sent: the device could not hold this value

Knows nothing of animals and data: what an error means for them is said by the caller.
"""

from __future__ import annotations


class DriverError(Exception):
    """Say what happened on which port, during which command, and what had arrived until then."""

    def __init__(self, message: str, *, port: str = "", command: str = "", partial: bytes = b"") -> None:
        super().__init__(message)
        self.message = message
        self.port = port
        self.command = command
        self.partial = partial

    def __str__(self) -> str:
        parts = [self.message]
        if self.port:
            parts.append(f"port {self.port}")
        if self.command:
            parts.append(f"command {self.command!r}")
        if self.partial:
            parts.append(f"received {self.partial[:64]!r}")
        return "; ".join(parts)


class PortError(DriverError):
    """The line itself failed."""


class PortMissing(PortError):
    """There is no such port."""


class PortBusy(PortError):
    """Another program, or another instrument of this rig, holds the port."""


class PortLost(PortError):
    """The port was there and went away."""


class ReplayDiverged(PortLost):
    """What was written is not what the transcript says; the replayed line is of no use from here on."""


class ExchangeError(DriverError):
    """The talk failed; after an action the state of the device is unknown."""


class ReplyTimeout(ExchangeError):
    """No whole reply came within the deadline."""


class GarbledReply(ExchangeError):
    """What came is not a valid reply."""


class ForeignTraffic(ExchangeError):
    """A reply came that nobody here asked for."""


class Interrupted(ExchangeError):
    """The exchange was given up because a STOP overtakes it."""


class LineTaken(Interrupted):
    """The exchange gave way to another pump on the same line; a question may be asked again."""


class DeviceRefused(DriverError):
    """The device answered and refused; nothing changed in it."""


class DeviceAlarm(DriverError):
    """The device reports an alarm."""


class DeviceReset(DeviceAlarm):
    """The device was reset or lost power: all of its run state is gone."""


class WrongInstrument(DriverError):
    """Something else than expected answers on this port."""


class ReadbackMismatch(DriverError):
    """A setting reads back as something else than was sent."""


class NotEncodable(DriverError):
    """The device could not hold this value; nothing was sent."""
