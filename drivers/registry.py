"""Finds drivers, simulated instruments and benches by name, through entry points: outside packages can add some.

Knows the groups and the signatures behind them; imports nothing until it is asked for.

- ``amperfuse.drivers``: ``build(opener, url, clock, options) -> SyringePump | Potentiostat`` plus attributes
  ``kind`` ("pump" or "potentiostat").
- ``amperfuse.simulators``: a firmware model, see ``sim_devices.interfaces``.
- ``amperfuse.benches``: ``build(clock, world, seed, faults) -> Bench`` (a TransportOpener with ``truth()``).
- ``amperfuse.presets``: what can be simulated by name, see ``Presets``.
- ``amperfuse.servers``: ``serve(name, *, pty, tcp, seed, faults, announce, stop)``: lets others use a simulator.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal, Protocol

from drivers.capabilities import DriverOptions, Potentiostat, SyringePump
from drivers.clock import Clock
from drivers.probing import Probes, no_probes
from drivers.transport import TransportOpener

DRIVERS = "amperfuse.drivers"
SIMULATORS = "amperfuse.simulators"
BENCHES = "amperfuse.benches"
PRESETS = "amperfuse.presets"
SERVERS = "amperfuse.servers"


class UnknownName(LookupError):
    """No installed package offers an instrument of this name."""


class DriverFactory(Protocol):
    """Builds a driver; opens no port until ``connect``. Raises NotEncodable for a value that a setting cannot have.

    Further attributes, where the default does not fit:
    ``simulator``: name of its simulated twin (default: the driver's own);
    ``electrodes``: names of a potentiostat's working electrodes (default: only "we1"; empty: ``checked`` decides);
    ``shares_line``: several of them may be on one port, with an address each (default: no);
    ``ports``: (fewest, most) serial ports of one instrument (default: (1, 1)); ``url`` holds all, separated by a blank;
    ``options``, ``channel_options``: keys of its own settings with a line on each (default: none);
    ``warning``: what every plan that uses it says, for a driver that is not to be trusted yet (default: nothing);
    ``probes``: how its instruments are found, see ``drivers.probing`` (default: they cannot be looked for).
    """

    kind: Literal["pump", "potentiostat"]

    def __call__(
        self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions
    ) -> SyringePump | Potentiostat: ...


class Bench(TransportOpener, Protocol):
    """A simulated world with instruments in it. ``open`` gives a line to one of them."""

    def truth(self) -> Mapping[str, Any]:
        """Return what really happened (true volumes, true glutamate); for tests and the rehearsal report only."""
        ...

    def delivered_ul(self, pump: str) -> float:
        """Return what has really left the syringe of a pump by now, uL; for tests and campaigns only."""
        ...

    def lost_bytes(self) -> int:
        """Return how many bytes were lost because nobody read them, on all lines; for tests and campaigns only."""
        ...

    def mark(self, text: str) -> None:
        """Hear that the session came to a mark: in its scenario, people may do something then."""
        ...

    def described(self) -> str:
        """Return all that is simulated beside the instruments, as TOML: seed, scenario, animal, sensors."""
        ...


class Presets(Protocol):
    """Animals, sensors and scenarios that can be simulated, by name."""

    SCHEMAS: Mapping[str, type[Any]]
    """What a preset of each kind may hold: a pydantic model."""

    def names(self) -> Mapping[str, str]:
        """Return the kind ("animal", "sensor", "scenario") of every preset that there is, by name."""
        ...

    def load(self, name: str) -> Any:
        """Return a preset, checked. Raises ValueError."""
        ...

    def merged(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values of a preset laid over those of the one it is based on. Raises ValueError."""
        ...

    def as_toml(self, preset: Any) -> str:
        """Return every value of a preset with unit, range, mark and meaning beside it."""
        ...


class BenchFactory(Protocol):
    """Builds a simulated world; see ``sim_devices.bench`` for the keys of ``world``."""

    def __call__(self, clock: Clock, world: Mapping[str, Any], seed: int, faults: Sequence[str]) -> Bench: ...


class Server(Protocol):
    """Serves a simulated instrument on a pseudo-terminal or TCP port until ``stop`` is set or a signal ends it."""

    def __call__(
        self,
        name: str,
        *,
        pty: Path | None,
        tcp: str | None,
        seed: int,
        faults: Sequence[str],
        announce: Callable[[str], None],
        stop: threading.Event,
        truth: Path | None = None,
    ) -> None: ...


def names(group: str) -> list[str]:
    """Return the names that installed packages offer in ``group``, sorted."""
    return sorted({entry.name for entry in entry_points(group=group)})


@functools.cache  # looking through all installed packages takes longer than a short rehearsal
def _load(group: str, name: str) -> Any:
    found: list[EntryPoint] = [entry for entry in entry_points(group=group) if entry.name == name]
    if not found:
        raise UnknownName(f"{group} offers no {name!r}; installed: {', '.join(names(group)) or 'none'}")
    return found[0].load()


def driver(name: str) -> DriverFactory:
    """Return the driver factory called ``name``. Raises UnknownName."""
    factory: DriverFactory = _load(DRIVERS, name)
    return factory


def twin(driver_name: str) -> str:
    """Return the name of the simulated instrument that a driver is rehearsed on. Raises UnknownName."""
    return str(getattr(driver(driver_name), "simulator", driver_name))


@dataclass(frozen=True)
class DriverTraits:
    """What a driver's factory says about its instruments."""

    electrodes: tuple[str, ...]
    ports: tuple[int, int]
    options: Mapping[str, str]
    channel_options: Mapping[str, str]
    probes: Probes
    shares_line: bool
    warning: str


def traits(factory: DriverFactory) -> DriverTraits:
    """Return what a factory says about its instruments, with the defaults for what it leaves out."""
    return DriverTraits(
        electrodes=tuple(getattr(factory, "electrodes", ("we1",))),
        ports=tuple(getattr(factory, "ports", (1, 1))),
        options=dict(getattr(factory, "options", {})),
        channel_options=dict(getattr(factory, "channel_options", {})),
        probes=getattr(factory, "probes", no_probes),
        shares_line=bool(getattr(factory, "shares_line", False)),
        warning=str(getattr(factory, "warning", "")),
    )


def simulator(name: str) -> Any:
    """Return the firmware model called ``name``. Raises UnknownName."""
    return _load(SIMULATORS, name)


def bench(name: str = "bench") -> BenchFactory:
    """Return the factory of the simulated world. Raises UnknownName."""
    factory: BenchFactory = _load(BENCHES, name)
    return factory


def presets(name: str = "shelf") -> Presets:
    """Return what can be simulated by name. Raises UnknownName."""
    shelf: Presets = _load(PRESETS, name)
    return shelf


def server(name: str = "serve") -> Server:
    """Return what serves a simulated instrument to other programs. Raises UnknownName."""
    serve: Server = _load(SERVERS, name)
    return serve
