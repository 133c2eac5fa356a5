"""The simulated world as a ``TransportOpener``: instruments found by name, wired to one mouse, reached by URL.

Knows which instrument is behind which URL and lets all of them live in one order of time. Does not know bytes or
physics. No real port is ever opened: the URL of a real port being rehearsed leads to its simulated twin.

``sim://SIMULATOR[/NAME][?OPTION=VALUE&...]``: options ``seed`` (of its faults), ``fault`` (may repeat), ``sensor`` (of
a potentiostat), ``animal`` and ``scenario`` (of the whole world, so one each) are the bench's, all others the
firmware's. A ``sim://`` URL that the world does not describe makes an instrument on the default
syringe or electrodes of the same world, or with ``chain=0,1`` one of each address on the same line (NAME-0, NAME-1).
A potentiostat with several ports is one simulated device per port, see ``sim_devices.ports``: a fault of ``striatum``
happens to all of them, one of ``striatum.2`` to the second.

Instruments of the world with one URL and different addresses are a daisy chain: each hears everything. A fault that
names one of them is its own (its power, its plunger, its answers); ``unplug`` always takes the port, whoever it names.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivers.clock import Clock
from drivers.errors import PortBusy, PortMissing
from drivers.transport import LineSettings
from sim_devices import catalogue
from sim_devices.bench_faults import at_marks, check_names, concerns, impossible, keep_possible
from sim_devices.catalogue import BENCH_OPTIONS, addresses_of, can_chain, kind_of, parsed_url, seed_of
from sim_devices.faults import FaultSpec, InstrumentFaults, parse_fault
from sim_devices.instrument import Instrument
from sim_devices.line import HOST_BUFFER_BYTES, NEVER_NS, SimulatedPort, Wire
from sim_devices.models.description import ELECTRODES
from sim_devices.models.people import same_mark
from sim_devices.models.world import World
from sim_devices.ports import one_port_each
from sim_devices.presets.chosen import asked_for, chosen

LONGEST_LAG_NS = 600 * 1_000_000_000
"""Nobody falls behind by more: an animal does not remember for ever (``sim_devices.mouse.history``)."""
_DEFAULTS = {"pumps": ("pump", "new-era"), "potentiostats": ("potentiostat", "emstat")}


@dataclass(frozen=True)
class _Wanted:
    """An instrument to be built."""

    name: str
    url: str
    kind: str
    simulator: str
    options: Sequence[tuple[str, str]]
    part_of: str = ""
    """The instrument of several ports that this is one port of."""

    @property
    def address(self) -> str:
        """Return its address on its line."""
        return next((value for key, value in self.options if key == "address"), "0")


class SimBench:
    """Instruments, one mouse, one order of time. Use from several threads is safe; VirtualClock wants one thread."""

    simulated = True

    def __init__(self, clock: Clock, world: Mapping[str, Any], seed: int, faults: Sequence[str]) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self._seed = seed
        self._begin_ns = clock.now_ns()
        world = one_port_each(world)
        self._world = World(chosen(world), seed, self._begin_ns)
        self._backplanes: dict[str, Any] = {}
        own = self._world.scenario.faults if self._world.scenario else ()
        self._faults = [parse_fault(text) for text in (*faults, *own)]
        self._at_marks = at_marks(self._world.scenario)
        self._instruments: dict[str, Instrument] = {}
        self._chains: dict[int, list[Instrument]] = {}
        """Who is on each line, by the identity of its lane to the host."""
        self._some_look_on = False
        self._acting: list[Instrument] = []
        """Those that live in one order of time; all others only look on, and live when somebody turns to them."""
        self._all_came_to_ns = self._begin_ns
        self._next_ns = NEVER_NS
        """When something next happens with one of these."""
        self._wanted: dict[str, _Wanted] = {}
        for group, (kind, simulator) in _DEFAULTS.items():
            for name, description in world.get(group, {}).items():
                self._describe(name, kind, str(description.get("simulator") or simulator), description)
        marked = (spec for _mark, spec in self._at_marks)
        check_names((*self._faults, *marked), self._instruments, self._backplanes.keys())

    # --- TransportOpener -----------------------------------------------------------------------------------

    def open(self, url: str, settings: LineSettings) -> SimulatedPort:
        with self.lock:
            now_ns = self.clock.now_ns()
            self._advance_all(now_ns)
            chain = self._at(url) or self._stand_alone(url, now_ns)
            names = " and ".join(instrument.name for instrument in chain)
            if not all(instrument.plugged for instrument in chain):
                raise PortMissing(f"there is no port for {names}: it is unplugged", port=url)
            if any(instrument.port is not None and not instrument.port.lost for instrument in chain):
                raise PortBusy(f"the port of {names} is open already; one program at a time", port=url)
            port = SimulatedPort(url, chain[0].wire, self)
            chain[0].wire.flush_input()
            for instrument in chain:
                instrument.wire.baud = settings.baud
                instrument.port = port
            return port

    def truth(self) -> dict[str, Any]:
        """Return what really happened; for tests and the rehearsal's report only."""
        with self.lock:
            now_ns = self.clock.now_ns()
            self._advance_all(now_ns)
            lines = {i.name: {"overflow_bytes": i.wire.overflow_bytes} for i in self._instruments.values()}
            return {**self._world.truth(now_ns), "lines": lines}

    def delivered_ul(self, pump: str) -> float:
        """Return what has left the syringe of a pump by now, uL: ``truth`` moves the whole mouse for it."""
        with self.lock:
            now_ns = self.clock.now_ns()
            self.advance(now_ns)
            return self._world.plunger(pump).delivered_ul(now_ns)

    def lost_bytes(self) -> int:
        """Return how many bytes were lost because the host did not read them, on all lines."""
        with self.lock:
            self.advance(self.clock.now_ns())
            return sum(instrument.wire.overflow_bytes for instrument in self._instruments.values())

    def given_ul(self) -> tuple[int, dict[str, float]]:
        """Return the time, and what has left the syringe of every pump by then, uL."""
        with self.lock:
            now_ns = self.clock.now_ns()
            self.advance(now_ns)
            return now_ns, self._world.given_ul(now_ns)

    def mark(self, text: str) -> None:
        """Hear that the session came to a mark, now: the scenario may say what people do then."""
        with self.lock:
            now_ns = self.clock.now_ns()
            self._world.mark(text, now_ns)
            due = [spec for mark, spec in self._at_marks if same_mark(mark, text)]
            self._at_marks = [pair for pair in self._at_marks if pair[1] not in due]
            for spec in due:
                self._begin_fault(spec, now_ns)

    def described(self) -> str:
        """Return all that is simulated beside the instruments, as TOML: seed, scenario, animal, sensors."""
        with self.lock:
            return self._world.described()

    def _begin_fault(self, spec: FaultSpec, now_ns: int) -> None:
        self.advance(now_ns)
        for name, instrument in self._instruments.items():
            if concerns(spec, name, self._wanted[name].part_of) and not impossible(spec, instrument):
                instrument.faults.add(spec, now_ns)
                instrument.refresh(now_ns)
        self._note_next()

    # --- Hub -----------------------------------------------------------------------------------------------

    def advance(self, now_ns: int, wire: Wire | None = None) -> None:
        """Let everything happen that is due, in order of time over all instruments that act on something.

        The one whose turn it is lives on in one go until another's turn comes: what a pump does at a moment is done
        before any current of a later moment is computed. A potentiostat at this ``wire`` that only looks on follows
        when all of them have come to now, in one go too; one at another wire is not asked to. Nobody can tell: plungers
        and animal remember what was, and its firmware says when each piece of its output left.
        """
        while now_ns - self._all_came_to_ns > LONGEST_LAG_NS:
            self._bring_all_to(self._all_came_to_ns + LONGEST_LAG_NS)
        if now_ns >= self._next_ns:  # seldom, and asked several times in every exchange
            self._live_in_turns(now_ns)
        if wire is not None and self._some_look_on:
            for instrument in self._behind(wire):
                if instrument.looks_on:
                    instrument.live_until(now_ns)

    def _live_in_turns(self, now_ns: int) -> None:
        while now_ns >= self._next_ns:
            first: Instrument | None = None
            first_ns = second_ns = now_ns + 1
            for instrument in self._acting:
                due_ns = instrument.due_ns
                if due_ns < first_ns:
                    first, first_ns, second_ns = instrument, due_ns, first_ns
                elif due_ns < second_ns:
                    second_ns = due_ns
            if first is not None:
                first.live_until(max(first_ns, second_ns - 1))
            self._note_next()

    def _advance_all(self, now_ns: int) -> None:
        self.advance(now_ns)
        self._bring_all_to(now_ns)

    def _bring_all_to(self, now_ns: int) -> None:
        self._live_in_turns(now_ns)
        self._all_came_to_ns = now_ns
        for instrument in self._instruments.values():
            if instrument.looks_on:
                instrument.live_until(now_ns)

    def _note_next(self) -> None:
        """Note when something next happens with one that acts; called after any instrument has changed."""
        self._next_ns = min([instrument.due_ns for instrument in self._acting], default=NEVER_NS)

    def _note_who_acts(self) -> None:
        """Sort out who only looks on: one that moves nothing, starts no other, and changes places with nobody."""
        swaps = any(spec.kind == "swap" for i in self._instruments.values() for spec in i.faults.specs)
        for name, instrument in self._instruments.items():
            joined = (self._wanted[name].part_of or instrument.url) in self._backplanes
            instrument.looks_on = instrument.plunger is None and instrument.says_when and not joined and not swaps
        self._acting = [instrument for instrument in self._instruments.values() if not instrument.looks_on]
        self._some_look_on = len(self._acting) < len(self._instruments)
        self._note_next()

    def due_ns(self, wire: Wire) -> int:
        chain = self._chains[id(wire.to_host)]
        return chain[0].due_ns if len(chain) == 1 else min([instrument.due_ns for instrument in chain])

    def sent(self, wire: Wire, data: bytes, now_ns: int) -> None:
        for instrument in self._behind(wire):
            instrument.take_from_host(data, now_ns)
            instrument.refresh(now_ns)
        self._note_next()

    def closed(self, wire: Wire) -> None:
        for instrument in self._behind(wire):
            instrument.port = None

    def _behind(self, wire: Wire) -> list[Instrument]:
        return self._chains[id(wire.to_host)]

    def _at(self, url: str) -> list[Instrument]:
        return [instrument for instrument in self._instruments.values() if instrument.url == url]

    # --- building ------------------------------------------------------------------------------------------

    def _describe(self, name: str, kind: str, simulator: str, description: Mapping[str, Any]) -> None:
        url = str(description.get("url") or f"sim://{simulator}/{name}")
        options = [("address", str(description["address"]))] if description.get("address") else []
        fitting = getattr(catalogue.simulator(simulator), "options_of", None)  # of the described model
        options += fitting(description).items() if fitting is not None else ()
        in_url = [o for o in parsed_url(url)[2] if o[0] != "chain"] if url.startswith("sim://") else []
        part_of = str(description.get("part_of", ""))
        wanted = _Wanted(name, url, kind, simulator, [*options, *in_url], part_of)
        for other in self._at(url):
            if not (can_chain(simulator) and self._wanted[other.name].simulator == simulator):
                raise ValueError(f"{name} and {other.name} have the same port {url}; give each its own")
            if self._wanted[other.name].address == wanted.address:
                raise ValueError(f"{name} and {other.name} have the same port {url} and the same address")
        self._add(wanted, self._begin_ns)

    def _stand_alone(self, url: str, now_ns: int) -> list[Instrument]:
        if not url.startswith("sim://"):
            known = ", ".join(sorted({i.url for i in self._instruments.values()})) or "none"
            raise PortMissing(f"this simulated bench has no port {url!r}; it has: {known}", port=url)
        try:
            simulator, name, options = parsed_url(url)
            kind = kind_of(simulator)
            rest = [option for option in options if option[0] != "chain"]
            self._world.choose(asked_for([url]))
            addresses = addresses_of(simulator, [value for key, value in options if key == "chain"])
            for address in addresses:
                own = self._free_name(f"{name or simulator}-{address}")
                self._add(_Wanted(own, url, kind, simulator, [("address", address), *rest]), now_ns)
            if not addresses:
                self._add(_Wanted(self._free_name(name or simulator), url, kind, simulator, rest), now_ns)
        except ValueError as error:
            raise PortMissing(str(error), port=url) from error
        return self._at(url)

    def _free_name(self, wanted: str) -> str:
        taken = {instrument.name for instrument in self._instruments.values()}
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted}-{number}"
        return name

    def _add(self, wanted: _Wanted, now_ns: int) -> None:
        name = wanted.name
        own_faults = [parse_fault(value) for key, value in wanted.options if key == "fault"]
        seed = next((seed_of(value) for key, value in wanted.options if key == "seed"), self._seed)
        firmware_options = {key: value for key, value in wanted.options if key not in BENCH_OPTIONS}
        plunger = self._world.plunger(name) if wanted.kind == "pump" else None
        build_firmware = catalogue.simulator(wanted.simulator)
        electrodes = tuple(getattr(build_firmware, "electrodes", ELECTRODES))
        sensor = dict(wanted.options).get("sensor", "")
        physics = plunger if plunger is not None else self._world.front_end(name, electrodes, sensor)
        specs = [spec for spec in self._faults if concerns(spec, wanted.name, wanted.part_of)] + own_faults
        before = self._at(wanted.url)
        instrument = Instrument(
            name,
            wanted.url,
            build_firmware(
                name,
                physics,
                firmware_options,
                _generator(seed, name, "firmware"),
                **self._common(wanted, build_firmware),
            ),
            InstrumentFaults(specs, now_ns, _generator(seed, name, "faults")),
            plunger,
            before[0].wire.branch() if before else self._wire(build_firmware),
        )
        instrument.swap = functools.partial(self._swap, name)
        keep_possible(instrument, own_faults)
        instrument.firmware.power_on(now_ns)
        instrument.refresh(now_ns)
        if name in self._instruments:
            raise ValueError(f"two instruments of this world are called {name}")
        self._instruments[name] = instrument
        self._wanted[name] = wanted
        self._note_who_acts()
        self._chains.setdefault(id(instrument.wire.to_host), []).append(instrument)
        for member in self._at(wanted.url):
            member.chained = bool(before)

    def _common(self, wanted: _Wanted, build_firmware: Any) -> dict[str, Any]:
        """Return what joins the devices behind the ports of one instrument, or several on one, if there is such."""
        has_one = hasattr(build_firmware, "backplane")
        if wanted.part_of and not has_one:
            raise ValueError(f"{wanted.part_of}: a simulated {wanted.simulator} has one port")
        if not has_one or not (wanted.part_of or can_chain(wanted.simulator)):
            return {}
        whole = wanted.part_of or wanted.url
        if whole not in self._backplanes:
            self._backplanes[whole] = build_firmware.backplane()
        return {"backplane": self._backplanes[whole]}

    def _wire(self, build_firmware: Any) -> Wire:
        """Return a line; what the host's buffer holds is real time, so it grows with a clock that runs faster."""
        faster = max(1.0, float(getattr(self.clock, "rate", 1.0)))
        return Wire(round(HOST_BUFFER_BYTES * faster), own_baud=getattr(build_firmware, "own_baud", None))

    def _swap(self, name: str, other_name: str) -> None:
        """Let two instruments change ports: each is what answers at the other's URL from now on."""
        one, other = self._instruments[name], self._instruments[other_name]
        for unplugged in (one, other):
            unplugged.unplug()
            unplugged.plugged = True
        one.url, other.url = other.url, one.url
        one.wire.own_baud, other.wire.own_baud = other.wire.own_baud, one.wire.own_baud


def _generator(seed: int, name: str, part: str) -> np.random.Generator:
    """Return a generator of its own for each part of each instrument: another instrument changes nobody's chances."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(f"{name}/{part}".encode())))


def build(clock: Clock, world: Mapping[str, Any], seed: int, faults: Sequence[str]) -> SimBench:
    """Build a simulated bench; entry point ``bench`` of ``amperfuse.benches``.

    ``world`` describes ``subject``, ``pumps`` and ``potentiostats`` (keys: see ``sim_devices.models.world``; here
    ``url``, ``simulator``, ``address``). Raises ValueError for impossible values, unknown simulators or bad faults.
    """
    return SimBench(clock, world, seed, faults)
