"""``ports``, ``identify`` and ``scan``: what is plugged in and who answers, without changing anything in anybody.

Knows which ports may be touched: the one that was named, those that were named, or those of which a person at the
terminal has said so. No other port is ever opened.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from acquisition.experiment.rig_draft import FoundInstrument, rig_text
from acquisition.service.exit_codes import ExitCode
from amperfuse.console import Ended, for_people, say, tell
from amperfuse.plain_text import safe
from drivers import os_support, registry
from drivers.bound_port import PortInfo, binding_url, resolve
from drivers.clock import SystemClock
from drivers.errors import DriverError, NotEncodable, PortBusy
from drivers.finding import LONGEST_S, Finder, Found
from drivers.serial_port import SerialOpener, list_ports

Family = Annotated[
    list[str] | None,
    typer.Option("--family", metavar="NAME", help="Ask as this driver would, also what is not harmless to others."),
]
Baud = Annotated[int | None, typer.Option("--baud", metavar="N", min=110, help="The only line speed to try.")]
_QUIET = "Questions are chosen to change nothing in any instrument known here; what else is on a port is up to you."


@for_people
def ports() -> None:
    """List the serial ports of this computer, and how a rig binds to them. Opens none of them."""
    found = list_ports()
    for port in found:
        details = [port.description, port.usb_id, port.serial_number, port.manufacturer]
        bound = binding_url(port, found)
        say("  ".join([port.path, *(detail for detail in details if detail), *([f"url = {bound}"] if bound else [])]))
    if not found:
        tell("This computer has no serial port. Plug the adapter in; on Linux you may have to join the group dialout.")


@for_people
def identify(
    url: Annotated[str, typer.Argument(help="A device path, COM port, usb: binding, or URL (sim://, socket://).")],
    address: Annotated[int, typer.Option(min=0, max=99, help="Address of a pump on a shared line.")] = 0,
    family: Family = None,
    baud: Baud = None,
) -> None:
    """Ask who is on a port. Sends only questions that change nothing."""
    asking = Asking.of(family, address, baud)
    tell(f"listening, then asking, for at most {LONGEST_S:.0f} s ...")
    say(asking.text(url, asking.ask(url)))


@for_people
def scan(
    port: Annotated[
        list[str] | None, typer.Option("--port", metavar="PORT", help="A port that may be asked. May be repeated.")
    ] = None,
    all_usb: Annotated[
        bool, typer.Option("--all-usb", help="All USB serial ports of this computer may be asked.")
    ] = False,
    family: Family = None,
    baud: Baud = None,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="FILE", help="Write the rig entries into this new file.")
    ] = None,
) -> None:
    """Ask on several ports who is there, and write the rig entries. Touches only ports you have named or confirmed."""
    listed = list_ports()
    if write is not None and write.exists():
        raise Ended(f"{safe(str(write))} is there already and is not touched; name a new file.", ExitCode.REFUSED_INPUT)
    asking = Asking.of(family, 0, baud)
    found = []
    for url in _allowed(listed, port or [], all_usb=all_usb):
        answer = _ask_one(asking, url, listed)
        if answer is not None:
            found.append(answer)
    if not found:
        raise Ended("No instrument was found.", ExitCode.INSTRUMENT)
    text = rig_text(found)
    if write is None:
        say("\n" + text)
        return
    try:
        with write.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Ended(f"{safe(str(write))} was not written: {error.strerror}.", ExitCode.REFUSED_INPUT) from error
    tell(f"written: {safe(str(write))}")


def _allowed(listed: Sequence[PortInfo], named: Sequence[str], *, all_usb: bool) -> list[str]:
    """Return the ports that may be touched. Raises Ended when nobody has allowed any."""
    usb = [port for port in listed if port.usb_id]
    if named:
        return list(dict.fromkeys([*named, *(port.path for port in usb if all_usb)]))
    if all_usb:
        tell(f"All {len(usb)} USB serial ports of this computer will be asked. {_QUIET}")
        return [port.path for port in usb]
    if usb and _somebody_is_there():
        tell(_QUIET)
        return [port.path for port in usb if typer.confirm(f"May {_name(port)} be asked?", default=False, err=True)]
    there = "".join(f"\n  {_name(port)}" for port in listed) or "\n  none"
    raise Ended(
        f"No port was touched: say which may be asked, with --port PORT or --all-usb. There are:{there}",
        ExitCode.REFUSED_INPUT,
    )


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def _name(port: PortInfo) -> str:
    return safe(" ".join(text for text in (port.path, port.description, port.serial_number) if text))


def _ask_one(asking: Asking, url: str, listed: Sequence[PortInfo]) -> FoundInstrument | None:
    """Ask on one port, say what came of it, and return the instrument, bound to its adapter where it has one."""
    tell(f"{url}: listening, then asking, for at most {LONGEST_S:.0f} s ...")
    try:
        found = asking.ask(url)
    except PortBusy as error:
        say(f"{url}: held by another program, and left alone ({error.message})")
        return None
    except DriverError as error:
        say(f"{url}: {error}")
        return None
    say(f"{url}:\n{asking.text(url, found)}")
    here = next((port for port in listed if port.path == url), None)
    factory = registry.driver(found.family)
    return FoundInstrument(
        driver=found.family,
        kind=factory.kind,
        url=(binding_url(here, listed) if here is not None else "") or url,
        identity=found.finding.identity,
        address=found.finding.address,
        baud=None if "://" in url else found.baud,
        electrodes=registry.traits(factory).electrodes,
    )


@dataclass(frozen=True)
class Asking:
    """How is asked: by whom, and as which families."""

    finder: Finder
    opener: SerialOpener

    @classmethod
    def of(cls, families: Sequence[str] | None, address: int, baud: int | None) -> Asking:
        """Prepare to ask as these families, or as all. Raises UnknownName."""
        clock = SystemClock()
        opener = SerialOpener(clock)
        names = families or registry.names(registry.DRIVERS)
        probes = {name: registry.traits(registry.driver(name)).probes for name in names}
        return cls(Finder(opener, clock, probes, named=bool(families), address=address, baud=baud), opener)

    def ask(self, url: str) -> Found:
        """Return who is there. Raises DriverError, Ended."""
        path = resolve(url, list_ports()) if url.startswith("usb:") else url
        holders = [] if "://" in path else os_support.holders(Path(path))
        if holders:
            raise PortBusy(f"another program has it open ({', '.join(holders)})", port=url)
        try:
            return self.finder.find(url)
        except NotEncodable as error:
            raise Ended(f"{error.message}.", ExitCode.REFUSED_INPUT) from error

    def text(self, url: str, found: Found) -> str:
        """Return what was found in lines for people."""
        identity = found.finding.identity
        told = {
            "family": identity.family,
            "model": identity.model,
            "firmware": identity.firmware,
            "serial number": identity.serial_number,
            "address": str(found.finding.address) if found.finding.address else None,
            "baud": None if "://" in url else str(found.baud),
        }
        lines = [f"{name}: {value or 'the device does not say'}" for name, value in told.items() if value is not None]
        simulated = ["SIMULATED instrument"] if self.opener.is_simulated_url(url) else []
        return "\n".join([*simulated, *lines, *(f"note: {note}" for note in found.finding.notes)])
