"""Lines for driver tests on virtual time: scripted bytes that must all be used; simulated firmware from the suites."""

from __future__ import annotations

from dataclasses import dataclass, field

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
