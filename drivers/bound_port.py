"""Binds a rig's entry to an adapter instead of to a name: ``usb:0403:6015/A50285BI``, wherever that is plugged in now.

A name such as ``/dev/ttyUSB0`` or ``COM3`` goes to whoever is plugged in first; after a replug it may be another
instrument. Knows how such a binding is written, which port has it at this moment, and what to say when none or several
have. Opens nothing and lists nothing itself. Forms:

- ``usb:VID:PID/SERIAL``: the adapter with this serial number;
- ``usb:VID:PID/SERIAL#N``: interface N of an adapter that makes several ports;
- ``usb:VID:PID@LOCATION``: whatever sits in this USB socket, for adapters without a serial number. Weaker: another
  adapter of the same kind in the same socket passes for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from drivers.errors import PortError, PortLost, PortMissing
from drivers.transport import Transport

SCHEME: Final = "usb:"
FORM: Final = "usb:VID:PID/SERIAL, for example usb:0403:6015/A50285BI; `amperfuse ports` prints it for each port"
_SAFE: Final = "-._~+,()"
_BOUND = re.compile(
    r"usb:([0-9A-F]{4}:[0-9A-F]{4})(?:/((?:[\w.~+,()-]|%[0-9A-F]{2})+)(?:#([0-9]{1,3}))?|@([\w.:-]+))", re.ASCII
)
_INTERFACE = re.compile(r":[0-9x]+\.([0-9]{1,3})$")
_MOVES = re.compile(r"/dev/tty(?:USB|ACM|XRUSB)[0-9]+|COM[0-9]+|/dev/(?:cu|tty)\.usb(?:modem|serial-)[0-9]*", re.ASCII)


@dataclass(frozen=True)
class PortInfo:
    """A serial port of this machine. Texts come from the device and are escaped; empty where it has none."""

    path: str
    description: str
    usb_id: str
    """``VID:PID`` in hexadecimal."""
    serial_number: str
    manufacturer: str
    location: str = ""
    """The USB socket, as the system names it; ``...:1.N`` where the adapter makes several ports."""

    @property
    def interface(self) -> int | None:
        """Return which of its adapter's ports it is, None where there is only one or the system does not say."""
        found = _INTERFACE.search(self.location)
        return int(found[1]) if found else None


@dataclass(frozen=True)
class Binding:
    """A parsed binding; either ``serial_number`` or ``location`` says something."""

    usb_id: str
    serial_number: str
    interface: int | None
    location: str

    def fits(self, port: PortInfo) -> bool:
        """Tell whether a port is the one."""
        if port.usb_id != self.usb_id:
            return False
        if self.location:
            return port.location == self.location
        return port.serial_number == self.serial_number and self.interface in (None, port.interface)


def is_bound(url: str) -> bool:
    """Tell whether a URL is a binding, well written or not."""
    return url.lower().startswith(SCHEME)


def parse(url: str) -> Binding:
    """Return the binding that a URL writes. Raises ValueError: there is one way to write each."""
    found = _BOUND.fullmatch(url)
    if found is None:
        raise ValueError(f"a binding to an adapter is written {FORM}; letters of VID:PID are capitals")
    serial_number = unquote(found[2] or "")
    if found[2] is not None and quote(serial_number, safe=_SAFE) != found[2]:
        raise ValueError(f"the serial number in it is written {quote(serial_number, safe=_SAFE)}")
    return Binding(found[1], serial_number, int(found[3]) if found[3] else None, found[4] or "")


def binding_url(port: PortInfo, ports: Sequence[PortInfo]) -> str:
    """Return the strongest binding by which ``port`` alone is found among ``ports``; "" if there is none."""
    candidates = []
    if port.usb_id and port.serial_number:
        candidates.append(f"{SCHEME}{port.usb_id}/{quote(port.serial_number, safe=_SAFE)}")
        if port.interface is not None:
            candidates.append(f"{candidates[0]}#{port.interface}")
    if port.usb_id and port.location:
        candidates.append(f"{SCHEME}{port.usb_id}@{port.location}")
    for url in candidates:
        if _BOUND.fullmatch(url) and [other for other in ports if parse(url).fits(other)] == [port]:
            return url
    return ""


def resolve(url: str, ports: Sequence[PortInfo]) -> str:
    """Return the path of the port that a binding means now. Raises PortMissing, PortError (several fit)."""
    try:
        binding = parse(url)
    except ValueError as error:
        raise PortMissing(str(error), port=url) from error
    fitting = [port for port in ports if binding.fits(port)]
    if len(fitting) == 1:
        return fitting[0].path
    if fitting:
        raise PortError(
            f"several ports are this adapter: {', '.join(port.path for port in fitting)}; which one is meant? "
            "`amperfuse ports` prints a binding for each",
            port=url,
        )
    there = ", ".join(
        f"{port.path} ({f'{port.usb_id} {port.serial_number}'.strip() or 'no USB adapter'})" for port in ports
    )
    raise PortMissing(f"no adapter like this is plugged in; there is: {there or 'no serial port at all'}", port=url)


def open_bound(url: str, ports: Callable[[], Sequence[PortInfo]], open_path: Callable[[str], Transport]) -> Transport:
    """Open the port that a binding means now, and look again: by then it may have been replugged. Raises PortError."""
    path = resolve(url, ports())
    line = open_path(path)
    try:
        now_path = resolve(url, ports())
    except PortError:
        line.close()
        raise
    if now_path != path:
        line.close()
        raise PortLost(f"the adapter moved from {path} to {now_path} while it was opened; try again", port=url)
    return line


def changes_on_replug(url: str) -> bool:
    """Tell whether a URL is a name that goes to whichever adapter is plugged in next."""
    return _MOVES.fullmatch(url) is not None
