"""The seams inside the simulated world: firmware to line, firmware to physics, world description.

Bytes know no physics and physics knows no bytes; this file is where they meet.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable


class Firmware(Protocol):
    """One instrument's bytes. All times are the bench's clock in ns; calls come in time order, from one thread."""

    def power_on(self, now_ns: int) -> None:
        """Start, or start again after a power cycle (settings in non-volatile memory survive)."""
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
        """Return when, after ``now_ns``, it would next emit something unasked (a sample, an alarm); None for never."""
        ...


@runtime_checkable
class Bursting(Protocol):
    """Firmware that sends so much that it matters when each piece left: a host's clock is fitted to it."""

    def bursts(self, now_ns: int) -> list[tuple[int, bytes]]:
        """Return what ``transmit`` would, in pieces, each with the time at which it left."""
        ...


@runtime_checkable
class Disturbable(Protocol):
    """Firmware in which something can go wrong on purpose (kinds and values: ``sim_devices.faults``)."""

    disturbances: frozenset[str]
    """The kinds that it can show."""

    def disturb(self, kind: str, value: str, now_ns: int, *, begins: bool) -> None:
        """Begin or end one of its ``disturbances``."""
        ...


class Plunger(Protocol):
    """The mechanics that a pump's firmware moves. The firmware believes a diameter; the true syringe is in here."""

    def drive(self, speed_mm_per_min: float, now_ns: int) -> None:
        """Move with this speed from now on; positive infuses, zero stands still."""
        ...

    def travelled_mm(self, now_ns: int) -> float:
        """Return net travel since the start, mm; less than driven while stalled."""
        ...

    def stalled(self, now_ns: int) -> bool:
        """Tell whether the drive turns without moving (occlusion, end of the syringe)."""
        ...


class ElectrodeFrontEnd(Protocol):
    """The analog side of a potentiostat: what current flows into its working electrodes."""

    def set_cell(self, on: bool, potential_v: float, now_ns: int) -> None:
        """Switch the cell, and set the potential versus reference."""
        ...

    def current_a(self, electrode: int, t_ns: int, over_ns: int = 100_000_000) -> float:
        """Return the current of a working electrode (0, 1, ...), A, with noise, integrated over ``over_ns`` before
        ``t_ns``; 0: at that moment, without any filter. Times never go back.
        """
        ...
