"""Lines for driver tests on virtual time: scripted bytes that must all be used; simulated firmware from the suites."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from drivers.capabilities import OptionValue, PumpProgram, SyringePump
from drivers.clock import NS_PER_S, VirtualClock
from drivers.compliance.simulated import MS, URL, ConstantCell, Filter, FirmwareLine, IdealPlunger
from drivers.transport import LineSettings
from sim_devices.interfaces import Firmware

__all__ = [
    "MS",
    "URL",
    "ChainFirmware",
    "ConstantCell",
    "Filter",
    "FirmwareLine",
    "IdealPlunger",
    "ScriptedLine",
    "Step",
    "step",
]


@dataclass
class Step:
    """Bytes the driver must write, and what comes back when (delay in s, bytes)."""

    expect: bytes
    replies: tuple[tuple[float, bytes], ...] = ()


def step(expect: bytes, *replies: bytes | tuple[float, bytes]) -> Step:
    return Step(expect, tuple(r if isinstance(r, tuple) else (0.005, r) for r in replies))


@dataclass
class ScriptedLine:
    """A line that plays a script, byte for byte; ``done`` fails if anything is left unwritten or unread."""

    steps: list[Step]
    clock: VirtualClock = field(default_factory=VirtualClock)
    written: bytes = b""
    simulated: bool = True
    port: str = URL
    _arriving: list[tuple[int, bytes]] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)

    def open(self, url: str, settings: LineSettings) -> ScriptedLine:
        self.opened.append(settings.baud)
        return self

    def write(self, data: bytes, timeout_s: float) -> None:
        self.written += data
        while data:
            assert self.steps, f"nothing more should be written, but {data!r} was"
            head = self.steps[0].expect
            size = min(len(head), len(data))
            assert data[:size] == head[:size], f"written {data!r}, expected {head!r}"
            data = data[size:]
            if size < len(head):
                self.steps[0].expect = head[size:]
                return
            for delay_s, reply in self.steps.pop(0).replies:
                self._arriving.append((self.clock.now_ns() + round(delay_s * NS_PER_S), reply))
            self._arriving.sort(key=lambda item: item[0])

    def _due(self) -> bytes:
        now_ns = self.clock.now_ns()
        due = b"".join(data for at, data in self._arriving if at <= now_ns)
        self._arriving = [(at, data) for at, data in self._arriving if at > now_ns]
        return due

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        due = self._due()
        if not due:
            deadline_ns = self.clock.now_ns() + round(timeout_s * NS_PER_S)
            self.clock.sleep_until_ns(min([deadline_ns, *(at for at, _ in self._arriving)]))
            due = self._due()
        if len(due) > max_bytes:
            self._arriving.insert(0, (self.clock.now_ns(), due[max_bytes:]))
        return due[:max_bytes]

    def discard_input(self) -> bytes:
        return self._due()[:4096]

    def close(self) -> None:
        pass

    def done(self) -> None:
        assert not self.steps, f"never written: {self.steps[0].expect!r}"
        assert not self._arriving, f"never read: {self._arriving!r}"


@dataclass
class ChainFirmware:
    """Several instruments on one line: each hears everything, what they say goes one after the other."""

    members: list[Firmware]

    def power_on(self, now_ns: int) -> None:
        for member in self.members:
            member.power_on(now_ns)

    def power_off(self, now_ns: int) -> None:
        for member in self.members:
            member.power_off(now_ns)

    def receive(self, data: bytes, now_ns: int) -> None:
        for member in self.members:
            member.receive(data, now_ns)

    def transmit(self, now_ns: int) -> bytes:
        return b"".join(member.transmit(now_ns) for member in self.members)

    def next_event_ns(self, now_ns: int) -> int | None:
        times = [t for member in self.members if (t := member.next_event_ns(now_ns)) is not None]
        return min(times, default=None)


P = TypeVar("P", bound=SyringePump)


class PumpBench(Generic[P]):
    """One driver on one simulated pump, and the means to watch and to disturb both. A ``PumpSetUp`` of the compliance.

    ``simulated`` and ``factory`` are the two entry points of a family; ``options`` those of its simulator.
    """

    def __init__(
        self,
        simulated: Callable[..., Firmware],
        factory: Callable[..., P],
        options: Mapping[str, str],
        settings: Mapping[str, OptionValue] | None = None,
        plunger: IdealPlunger | None = None,
    ) -> None:
        self.factory, self.options, self.settings = factory, dict(options), dict(settings or {})
        self.plunger = plunger or IdealPlunger()
        self.line = FirmwareLine(simulated("pump", self.plunger, self.options, np.random.default_rng(1)))
        self.clock = self.line.clock

    def driver(self, url: str = URL, **more: Any) -> P:
        address = int(self.options.get("address", "0"))
        return self.factory(
            self.line, url, self.clock, self.line.options(**{"address": address, "settings": self.settings, **more})
        )

    def program(self) -> PumpProgram:
        return PumpProgram(diameter_mm=4.699, rate_ul_per_min=50.0, target_ul=20.0)

    def moved_ul(self) -> float:
        self.line.firmware.transmit(self.clock.now_ns())
        return self.plunger.moved_ul(self.clock.now_ns())

    def sent(self) -> int:
        return sum(map(len, self.line.sent))

    def power_cycle(self) -> None:
        self.line.firmware.power_off(self.clock.now_ns())
        self.line.pass_s(1.0)
        self.line.firmware.power_on(self.clock.now_ns())

    def unplug(self) -> None:
        self.line.plugged = False

    def plug(self) -> None:
        self.line.plugged = True

    def by_hand(self, raw: bytes) -> None:
        """Let the pump do something that the driver did not send."""
        self.line.firmware.receive(raw, self.clock.now_ns())
        self.line.firmware.transmit(self.clock.now_ns())
