"""``ports``, ``identify`` and ``sim``: what is plugged in, who answers, and an instrument made of software."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer

from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.options import Seed
from amperfuse.console import Ended, for_people, safe, say, tell
from drivers import registry
from drivers.capabilities import DriverOptions, Identity
from drivers.clock import SystemClock
from drivers.errors import DriverError, PortError
from drivers.serial_port import SerialOpener, list_ports


@for_people
def ports() -> None:
    """List the serial ports of this computer. Opens none of them."""
    found = list_ports()
    for port in found:
        details = [port.description, port.usb_id, port.serial_number, port.manufacturer]
        say("  ".join([port.path, *(detail for detail in details if detail)]))
    if not found:
        tell("This computer has no serial port. Plug the adapter in; on Linux you may have to join the group dialout.")


@for_people
def identify(
    url: Annotated[str, typer.Argument(help="A device path, COM port, or URL (sim://new-era, socket://HOST:PORT).")],
    address: Annotated[int, typer.Option(min=0, max=99, help="Address of a pump on a shared line.")] = 0,
) -> None:
    """Ask who is on a port. Sends only questions that change nothing."""
    clock, opener = SystemClock(), SerialOpener(SystemClock())
    failures: list[str] = []
    for name in registry.names(registry.DRIVERS):
        tell(f"asking as {name} ...")
        device = registry.driver(name)(opener, url, clock, DriverOptions(instrument="identify", address=address))
        try:
            identity = device.connect()
        except PortError:
            raise
        except DriverError as error:
            failures.append(f"  {name}: {error}")
        else:
            if opener.is_simulated_url(url):
                say("SIMULATED instrument")
            say(identity_text(identity))
            return
        finally:
            device.close()
    raise Ended("\n".join(["No known instrument answers there.", *failures]), ExitCode.INSTRUMENT)


def identity_text(identity: Identity) -> str:
    """Return an identity in lines for people."""
    return "\n".join(
        f"{name}: {value or 'the device does not say'}"
        for name, value in (
            ("family", identity.family),
            ("model", identity.model),
            ("firmware", identity.firmware),
            ("serial number", identity.serial_number),
        )
    )


@for_people
def sim(
    name: Annotated[str, typer.Argument(help="new-era, emstat, or what an installed package adds.")],
    pty: Annotated[Path | None, typer.Option(metavar="PATH", help="Make a pseudo-terminal with a link here.")] = None,
    tcp: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Listen here; port 0 takes a free one.")] = None,
    seed: Seed = 1,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="SPEC", help="KIND@START[+DURATION], e.g. drop@30s. May be repeated.")
    ] = None,
) -> None:
    """Serve a simulated instrument to any program, until Ctrl-C. Prints 'ready ENDPOINT'."""
    if (pty is None) == (tcp is None):
        raise Ended("Give either --pty PATH or --tcp HOST:PORT.", ExitCode.REFUSED_INPUT)
    tell(f"SIMULATED {name}, until Ctrl-C")
    try:
        registry.server()(
            name,
            pty=pty,
            tcp=tcp,
            seed=seed,
            faults=tuple(fault or ()),
            announce=lambda endpoint: print(f"ready {safe(endpoint)}", flush=True),  # noqa: T201 - other programs read it
            stop=threading.Event(),
        )
    except (ValueError, OSError) as error:
        raise Ended(str(error), ExitCode.REFUSED_INPUT) from error
