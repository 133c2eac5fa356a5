"""Asks a MethodSCRIPT instrument who it is and what it can do (potentiostats.md 2.3).

Knows the questions and their answers. Starts nothing; a measurement that still runs is aborted, because nobody can be
identified while it does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from drivers.errors import DeviceRefused, DriverError, GarbledReply, ReplyTimeout, WrongInstrument
from drivers.methodscript.family import Family, family
from drivers.methodscript.features import Features, features
from drivers.methodscript.link import ScriptLink
from drivers.methodscript.package import capability_bits
from drivers.text import printable

_NAME = re.compile(rb"t([A-Za-z0-9_]{6})(\d*)#")
_CHANNEL = re.compile(r"CH(\d{3})")


@dataclass(frozen=True)
class Who:
    """One instrument, or one channel of an instrument with a port per channel."""

    family: Family
    features: Features
    firmware: str
    serial_number: str
    multi_serial_number: str
    """Of the instrument that this is a channel of; empty where it does not say."""
    channel: int | None
    """Which of its channels this is, where the serial number tells."""

    @property
    def instrument(self) -> str:
        """Return what channels of the same instrument have in common."""
        return self.multi_serial_number or _CHANNEL.sub("", self.serial_number)


def find(link: ScriptLink) -> Who:
    """Open the line, with the settings in which the instrument hears, and ask who it is.

    Raises PortError, ExchangeError, WrongInstrument.
    """
    name = _find_name(link)
    found = _NAME.match(name)
    kind = family(found[1].decode()) if found else None
    if found is None or kind is None:
        told = "in its bootloader; switch it off and on again" if name.startswith(b"tespbl") else printable(name)
        raise WrongInstrument(
            f"answers, but as {told!r}: no MethodSCRIPT potentiostat this program knows", port=link.url
        )
    serial_number = printable(_ask_optional(link, "i")[1:])
    multi = printable(_ask_optional(link, "m")[1:]) if kind.is_multi else ""
    commands, script_commands = capability_bits(_ask_optional(link, "CC")), capability_bits(_ask_optional(link, "CM"))
    version = _ask_optional(link, "v")
    firmware = found[2].decode() + (f" (MethodSCRIPT {printable(version[1:])})" if version else "")
    numbered = _CHANNEL.search(serial_number)
    channel = int(numbered[1]) if numbered else None
    return Who(kind, features(kind, version, commands, script_commands), firmware, serial_number, multi, channel)


def _find_name(link: ScriptLink) -> bytes:
    failure: DriverError | None = None
    for settings in link.candidates():
        link.open(settings)
        for synchronise_first in (False, True):
            try:
                if synchronise_first:
                    link.synchronise()
                name = link.ask("t")
                link.lines(0.1)  # the second line of the answer
            except (ReplyTimeout, GarbledReply, DeviceRefused) as error:
                failure = error if failure is None or error.partial else failure
            else:
                return name
    link.close()
    if failure is not None and failure.partial:
        raise WrongInstrument(
            "something answers on this port, but no MethodSCRIPT potentiostat", port=link.url, partial=failure.partial
        )
    raise ReplyTimeout("no potentiostat answers; is it connected and on?", port=link.url, command="t")


def _ask_optional(link: ScriptLink, command: str) -> bytes:
    try:
        return link.ask(command)
    except DeviceRefused:  # older firmware does not know every question
        return b""
