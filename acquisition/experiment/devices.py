"""From a set-up of the plan to what a driver is handed: its options and the measurement it shall run.

Knows which number of the plan goes where in the drivers' contract. Builds no driver and opens no port.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from acquisition.plan import PotentiostatSetup
from drivers.capabilities import (
    AbortCheck,
    AmperometrySettings,
    DriverOptions,
    ElectrodeSettings,
    OptionValue,
    WireRecord,
)


class Configured(Protocol):
    """What the set-ups of pumps and potentiostats have in common."""

    @property
    def name(self) -> str: ...
    @property
    def baud(self) -> int | None: ...
    @property
    def expected_model(self) -> str: ...
    @property
    def options(self) -> Mapping[str, OptionValue]: ...


def driver_options(
    setup: Configured,
    *,
    abort: AbortCheck = lambda: False,
    on_wire: Callable[[WireRecord], None] = lambda _record: None,
    on_foreign: Callable[[bytes], None] = lambda _stray: None,
) -> DriverOptions:
    """Return what a driver of this instrument is handed besides its line."""
    return DriverOptions(
        instrument=setup.name,
        address=getattr(setup, "address", 0),  # only pumps have one
        abort=abort,
        on_wire=on_wire,
        on_foreign=on_foreign,
        model=setup.expected_model,
        baud=setup.baud,
        settings=setup.options,
    )


def amperometry(setup: PotentiostatSetup) -> AmperometrySettings:
    """Return the measurement that the rig describes."""
    electrodes = tuple(ElectrodeSettings(c.name, c.electrode, c.range_a, c.options) for c in setup.channels)
    return AmperometrySettings(setup.potential_v, setup.interval_s, electrodes)
