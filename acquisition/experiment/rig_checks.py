"""What cannot be right in a rig file although every key by itself is: names, ports, syringes, watchdogs.

Knows what may stand together. Opens no port and reads no file.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from acquisition.experiment.fields import checked_name
from acquisition.experiment.problems import Problem, Source, did_you_mean, printable
from acquisition.experiment.rig_tables import ChannelTable, PotentiostatTable, PumpTable, RigFile
from acquisition.experiment.syringes import Syringe, fault
from acquisition.experiment.toml_lines import Key
from drivers import bound_port, registry
from drivers.replay import SCHEME, replay_path

WATCHDOG_RANGE_S = (1, 255)
"""What a New Era pump can hold [M]; 0 wants none."""
_DEVICE = re.compile(r"/(?!/)[\w./:@+-]+|COM[0-9]{1,3}", re.ASCII)
"""A path from the root (never //host/share, which would be a network path), or a Windows port."""


def rig_problems(file: RigFile, source: Source, known: Mapping[str, Syringe]) -> list[Problem]:
    """Return everything that is wrong with a rig file although each key for itself is right. ``known``: syringes."""
    return [*_names(file, source), *_ports(file, source), *_syringes(file, source, known), *_watchdogs(file, source)]


def _names(file: RigFile, source: Source) -> Iterator[Problem]:
    if not file.pumps and not file.potentiostats:
        yield source.problem((), "the rig has no instruments; add [pumps.NAME] or [potentiostats.NAME].")
    for kind, names in (("pumps", file.pumps), ("potentiostats", file.potentiostats)):
        for name in names:
            try:
                checked_name(name)
            except ValueError as error:
                yield source.problem((kind, name), f"{error}.")
    for name in file.pumps.keys() & file.potentiostats.keys():
        yield source.problem(("potentiostats", name), f'"{name}" is also the name of a pump; names are used once.')
    channels: set[str] = set()
    for name, potentiostat in file.potentiostats.items():
        electrodes: set[str] = set()
        for number, channel in enumerate(potentiostat.channels):
            path = ("potentiostats", name, "channels", number)
            if channel.name in channels:
                yield source.problem((*path, "name"), f'channel "{channel.name}" is there twice; names are used once.')
            if channel.electrode in electrodes:
                yield source.problem((*path, "electrode"), f'electrode "{channel.electrode}" is used twice on {name}.')
            yield from _probe(channel, path, source)
            yield from _sentinel(channel, potentiostat, path, source)
            channels.add(channel.name)
            electrodes.add(channel.electrode)


def _probe(channel: ChannelTable, path: tuple[Key, ...], source: Source) -> Iterator[Problem]:
    if channel.probe and (channel.sensitivity is not None or channel.calibrated is not None):
        sentence = "a probe's slope and day come from its history; leave out sensitivity and calibrated."
        yield source.problem((*path, "probe"), sentence)
    if channel.site and not channel.probe:
        yield source.problem((*path, "site"), "a site belongs to a probe; name the probe too.")


def _sentinel(
    channel: ChannelTable, potentiostat: PotentiostatTable, path: tuple[Key, ...], source: Source
) -> Iterator[Problem]:
    if channel.sentinel is None:
        return
    beside = [other.name for other in potentiostat.channels if other.role == "sentinel"]
    if channel.role != "glutamate":
        yield source.problem((*path, "sentinel"), "only a glutamate site has a sentinel.")
    elif channel.sentinel not in beside:
        hint = did_you_mean(channel.sentinel, beside) or f" Its sentinels: {', '.join(beside) or 'none'}."
        text = f'"{channel.sentinel}" is no channel of this instrument with the role "sentinel".{hint}'
        yield source.problem((*path, "sentinel"), text)


def _ports(file: RigFile, source: Source) -> Iterator[Problem]:
    seen: dict[str, tuple[str, str, int]] = {}
    for name, pump in file.pumps.items():
        path = ("pumps", name, "url")
        yield from (source.problem(path, text) for text in _url_faults(pump.url, pump=True))
        yield from (source.problem(path, text) for text in _wrong_twin(pump.url, pump.driver, "pump"))
        other = seen.get(pump.url)
        if other is not None and other[1] != pump.driver:
            yield source.problem(path, f"this port is also that of {other[0]}, which has another driver.")
        elif other is not None:
            yield from (source.problem(path, text) for text in _no_chain(pump, file.pumps[other[0]], other[0]))
        clash = [n for n, p in file.pumps.items() if (p.url, p.address) == (pump.url, pump.address) and n != name]
        if clash and list(file.pumps).index(clash[0]) < list(file.pumps).index(name):
            yield source.problem(path, f"{clash[0]} has the same port and address; pumps of one chain need addresses.")
        seen.setdefault(pump.url, (name, pump.driver, pump.address))
    for name, potentiostat in file.potentiostats.items():
        path = ("potentiostats", name, "url")
        for url in potentiostat.ports:
            yield from (source.problem(path, text) for text in _url_faults(url, pump=False))
            yield from (source.problem(path, text) for text in _wrong_twin(url, potentiostat.driver, "potentiostat"))
            if url in seen:
                yield source.problem(path, f"this port is also that of {seen[url][0]}; one port, one instrument.")
            seen.setdefault(url, (name, potentiostat.driver, 0))


def _no_chain(pump: PumpTable, first: PumpTable, first_name: str) -> Iterator[str]:
    """Say why two pumps of one driver cannot be on one port."""
    if (
        pump.driver in registry.names(registry.DRIVERS)
        and not registry.traits(registry.driver(pump.driver)).shares_line
    ):
        yield f'this port is also that of {first_name}; "{pump.driver}" needs a port for each pump.'
    if pump.baud != first.baud:
        yield f"{first_name} is on the same line with another baud; pumps of one chain share it."


def _url_faults(url: str, *, pump: bool) -> Iterator[str]:
    """Say what is wrong with a URL. A network line to a drug pump is open to anybody on the network (X10)."""
    if any(character.isspace() for character in url):
        yield (
            f'read "{printable(url)}"; a port such as "/dev/serial/by-id/..." has no blanks in it. Several '
            "ports of one instrument are a list."
        )
        return
    if url.startswith(SCHEME) or "://" not in url:
        yield from _local_faults(url)
        return
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        yield f'read "{printable(url)}"; this is not a URL.'
        return
    scheme = url.partition("://")[0]  # as written: "SIM://" would open a simulated port that does not look like one
    if scheme not in ("sim", "socket", "rfc2217"):
        yield f'"{printable(scheme)}://" is not offered here; use a device path, sim://, replay://, socket:// or rfc2217://.'
    elif not host:
        yield f'read "{printable(url)}"; a name is missing after {parts.scheme}://.'
    elif pump and parts.scheme != "sim" and not _is_loopback(host):
        yield (
            f"a pump on the network ({printable(host)}) could be driven by anybody there, so it is refused; connect it "
            "to this computer, or tunnel the line to 127.0.0.1."
        )


def _local_faults(url: str) -> Iterator[str]:
    """Say what is wrong with a recording, a binding to an adapter, or the name of a port of this computer."""
    try:
        if url.startswith(SCHEME):
            replay_path(url)
        elif bound_port.is_bound(url):
            bound_port.parse(url)
        elif not _DEVICE.fullmatch(url):
            yield (
                f'read "{printable(url)}"; write a port such as "usb:0403:6015/A50285BI", "/dev/serial/by-id/..." or '
                '"COM3", or sim://NAME.'
            )
    except ValueError as error:
        yield f'read "{printable(url)}"; {error}.'


def _wrong_twin(url: str, driver: str, kind: str) -> Iterator[str]:
    """Say that a simulated port is the twin of another driver. A simulator of somebody else's is nobody's twin."""
    drivers = registry.names(registry.DRIVERS)
    simulator = urlsplit(url).hostname if url.startswith("sim://") else None
    if simulator is None or driver not in drivers or registry.driver(driver).kind != kind:
        return  # a driver of the wrong kind is told of where the plan is made
    if simulator == registry.twin(driver):
        return
    if simulator in {registry.twin(other) for other in drivers}:
        yield f'"{printable(simulator)}" is not what the driver "{driver}" talks to; write sim://{registry.twin(driver)}.'


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _syringes(file: RigFile, source: Source, known: Mapping[str, Syringe]) -> Iterator[Problem]:
    for name, pump in file.pumps.items():
        own = pump.diameter is not None and pump.syringe_volume is not None
        if (pump.syringe is None and not own) or (pump.syringe is not None and pump.syringe_volume is not None):
            yield source.problem(
                ("pumps", name), "say which syringe is in it: either syringe, or both diameter and syringe_volume."
            )
        elif pump.syringe is None:
            if wrong := _own_syringe_fault(pump):
                yield source.problem(("pumps", name, "diameter"), f"{wrong}.")
        elif pump.syringe not in known:
            yield source.problem(
                ("pumps", name, "syringe"),
                f'"{printable(pump.syringe)}" is not in the table.' + did_you_mean(pump.syringe, list(known)),
            )
        elif pump.diameter is not None:
            try:
                known[pump.syringe].chosen(pump.diameter)
            except ValueError as error:
                yield source.problem(("pumps", name, "diameter"), f"{error}.")


def _own_syringe_fault(pump: PumpTable) -> str:
    if pump.diameter is None or pump.syringe_volume is None:
        return ""
    return fault(pump.syringe_volume, pump.diameter)


def _watchdogs(file: RigFile, source: Source) -> Iterator[Problem]:
    low, high = WATCHDOG_RANGE_S
    for name, pump in file.pumps.items():
        whole = pump.watchdog == round(pump.watchdog)
        if pump.watchdog != 0 and not (whole and low <= pump.watchdog <= high):
            yield source.problem(
                ("pumps", name, "watchdog"), f'a watchdog is {low} to {high} whole seconds, for example "5 s".'
            )
