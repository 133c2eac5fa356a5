"""A simulated instrument on a bare line in virtual time: no mouse, no other instrument, faults as functions.

Knows how to let a firmware model live between what is written and what is read. The model is anything with the shape of
``Firmware``; nothing here knows where it comes from or what its bytes mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from drivers.capabilities import DriverOptions
from drivers.clock import NS_PER_S, VirtualClock
from drivers.errors import PortLost, PortMissing
from drivers.transport import LineSettings

MS = NS_PER_S // 1000
URL = "test://line"


class Firmware(Protocol):
    """One instrument's bytes; all times in ns on the line's clock, calls in time order."""

    def power_on(self, now_ns: int) -> None:
        """Start, or start again after a power cycle."""
        ...

    def power_off(self, now_ns: int) -> None:
        """Lose power: motion and run state end at once."""
        ...

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take bytes from the host."""
        ...

    def transmit(self, now_ns: int) -> bytes:
        """Return every byte emitted up to ``now_ns`` and not yet returned."""
        ...

    def next_event_ns(self, now_ns: int) -> int | None:
        """Return when it would next emit something unasked; None for never."""
        ...


Filter = Callable[[bytes], list[tuple[float, bytes]]]
"""What becomes of a chunk from the device: (delay in s, bytes)."""


@dataclass
class FirmwareLine:
    """A simulated instrument on a line with faults. Opener and transport in one."""

    firmware: Firmware
    clock: VirtualClock = field(default_factory=VirtualClock)
    plugged: bool = True
    url: str = ""
    """The name under which it is plugged in, any other name leads nowhere; empty: whatever name is asked for."""
    baud: int | None = None
    """Line speed of the device; at any other one both sides hear noise. None: no such thing, as on USB."""
    from_device: Filter = lambda data: [(0.0, data)]
    to_device: Callable[[bytes], bytes] = lambda data: data
    sent: list[bytes] = field(default_factory=list)
    simulated: bool = True
    port: str = URL
    _arriving: list[tuple[int, bytes]] = field(default_factory=list)
    _closed: bool = False
    _opened_at: int = 0

    def __post_init__(self) -> None:
        self.firmware.power_on(self.clock.now_ns())
        self.clock.jump_ns(NS_PER_S)
        self.firmware.transmit(self.clock.now_ns())

    def options(self, **more: object) -> DriverOptions:
        """Return what a driver on this line is handed, changed by ``more``."""
        return DriverOptions(instrument="it", **more)  # type: ignore[arg-type]

    def open(self, url: str, settings: LineSettings) -> FirmwareLine:
        if not self.plugged or self.url not in ("", url):
            raise PortMissing("unplugged", port=url)
        self._closed, self._opened_at = False, settings.baud
        return self

    @property
    def hears_noise(self) -> bool:
        """Tell whether the host talks at another speed than the device."""
        return self.baud is not None and self._opened_at != self.baud

    def _check(self) -> None:
        if self._closed or not self.plugged:
            self._closed = True
            raise PortLost("unplugged", port=URL)

    def _pull(self) -> None:
        data = self.firmware.transmit(self.clock.now_ns())
        if data:
            for delay_s, part in self.from_device(_noise(data) if self.hears_noise else data):
                self._arriving.append((self.clock.now_ns() + round(delay_s * NS_PER_S), part))

    def _due(self) -> bytes:
        self._pull()
        if not self._arriving:
            return b""
        now_ns = self.clock.now_ns()
        due = b"".join(data for at, data in self._arriving if at <= now_ns)
        self._arriving = [(at, data) for at, data in self._arriving if at > now_ns]
        return due

    def write(self, data: bytes, timeout_s: float) -> None:
        self._check()
        self.sent.append(data)
        changed = self.to_device(_noise(data) if self.hears_noise else data)
        if changed:
            self.firmware.receive(changed, self.clock.now_ns())

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        self._check()
        deadline_ns = self.clock.now_ns() + round(timeout_s * NS_PER_S)
        while not (due := self._due()):
            now_ns = self.clock.now_ns()
            if now_ns >= deadline_ns:
                return b""
            event_ns = self.firmware.next_event_ns(now_ns)
            wake_ns = min(deadline_ns, *(at for at, _ in self._arriving)) if self._arriving else deadline_ns
            if event_ns is not None and event_ns > now_ns:
                wake_ns = min(wake_ns, event_ns)
            self.clock.sleep_until_ns(wake_ns)
        if len(due) > max_bytes:
            self._arriving.insert(0, (self.clock.now_ns(), due[max_bytes:]))
        return due[:max_bytes]

    def discard_input(self) -> bytes:
        self._check()
        return self._due()[:4096]

    def close(self) -> None:
        self._closed = True

    def pass_s(self, seconds: float) -> None:
        """Let time pass without anybody at the line."""
        self.clock.sleep_until_ns(self.clock.now_ns() + round(seconds * NS_PER_S))


def _noise(data: bytes) -> bytes:
    """What bytes become at the wrong speed: fewer, and others."""
    return bytes(byte | 0x80 for byte in data[::2])


@dataclass
class IdealPlunger:
    """A plunger without friction: it moves as it is driven. It remembers its past, for tests to compare with."""

    diameter_mm: float = 4.699
    _speed: float = 0.0
    _since_ns: int = 0
    _travelled: float = 0.0
    blocked: bool = False
    _past: list[tuple[int, float, float]] = field(default_factory=list)

    def drive(self, speed_mm_per_min: float, now_ns: int) -> None:
        self._travelled = self.travelled_mm(now_ns)
        self._speed, self._since_ns = speed_mm_per_min, now_ns
        self._past.append((now_ns, self._travelled, 0.0 if self.blocked else self._speed))

    def block(self, now_ns: int) -> None:
        """Hold it where it is."""
        self.drive(self._speed, now_ns)
        self.blocked = True
        self._past[-1] = (now_ns, self._travelled, 0.0)

    def was_ul(self, t_ns: int) -> float:
        """Return what had been pushed out at a time that has passed."""
        since_ns, travelled_mm, speed = self._at(t_ns)
        return float(np.pi * self.diameter_mm**2 / 4.0 * (travelled_mm + speed * (t_ns - since_ns) / NS_PER_S / 60.0))

    def moved_within(self, from_ns: int, to_ns: int) -> set[bool]:
        """Tell whether it moved, stood still, or both, within a time that has passed; just before it counts too."""
        speeds = {self._at(from_ns - 1)[2], *(speed for t_ns, _mm, speed in self._past if from_ns <= t_ns <= to_ns)}
        return {speed != 0.0 for speed in speeds}

    def _at(self, t_ns: int) -> tuple[int, float, float]:
        return next((past for past in reversed(self._past) if past[0] <= t_ns), (t_ns, 0.0, 0.0))

    def travelled_mm(self, now_ns: int) -> float:
        if self.blocked:
            return self._travelled
        return self._travelled + self._speed * (now_ns - self._since_ns) / NS_PER_S / 60.0

    def stalled(self, now_ns: int) -> bool:
        return self.blocked and self._speed != 0.0

    def moved_ul(self, now_ns: int) -> float:
        return float(np.pi * self.diameter_mm**2 / 4.0 * self.travelled_mm(now_ns))


@dataclass
class ConstantCell:
    """Electrodes with one constant current each."""

    currents_a: tuple[float, ...] = (1.2345e-9, -35e-12)
    on: bool = False
    potential_v: float = 0.0
    switched: list[bool] = field(default_factory=list)

    def set_cell(self, on: bool, potential_v: float, now_ns: int) -> None:
        if on != self.on:
            self.switched.append(on)
        self.on, self.potential_v = on, potential_v

    def current_a(self, electrode: int, t_ns: int, over_ns: int = 100_000_000) -> float:
        return self.currents_a[electrode]
