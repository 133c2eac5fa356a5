"""A set-up made of two names: a driver as it is registered, and the line to its instrument.

Knows how to put any installed driver on any line, simulated or real, and what of an instrument cannot be known or done
without a person. A real line is touched only with what the person has agreed to. Knows no family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import numpy as np

from drivers import registry
from drivers.capabilities import (
    AmperometrySettings,
    DriverOptions,
    ElectrodeSettings,
    OptionValue,
    Potentiostat,
    PumpProgram,
    SyringePump,
    WireRecord,
)
from drivers.clock import Clock, SystemClock
from drivers.compliance.simulated import ConstantCell, FirmwareLine, IdealPlunger
from drivers.serial_port import SerialOpener
from drivers.transport import TransportOpener

_PROGRAM = PumpProgram(diameter_mm=4.699, rate_ul_per_min=50.0, target_ul=20.0)
_LATENCY_S = 0.001  # one way through a USB serial adapter
_CURRENTS_A = (1.2345e-9, -35e-12, 12e-9, 0.4e-9) * 4


class NeedsAPerson(Exception):
    """On real hardware nobody but a person can do or know this; the test is skipped."""


@dataclass(frozen=True)
class Chosen:
    """What the person asked for."""

    driver: str
    device: str
    address: int = 0
    baud: int | None = None
    settings: Mapping[str, OptionValue] = field(default_factory=dict)
    program: PumpProgram = _PROGRAM
    potential_v: float = 0.6
    interval_s: float = 0.1
    range_a: float = 100e-9
    resistor_ohm: float | None = None
    """What is connected to the first electrode of a real potentiostat."""
    may_move: bool = False
    """The person agreed to a real pump moving: water in the syringe, the line in a beaker."""

    @property
    def simulated(self) -> bool:
        """Tell whether the instrument is made of software."""
        return self.device.startswith("sim://")


@dataclass
class _Line:
    """The line, the clock, and a count of what was sent."""

    chosen: Chosen
    physics: object
    clock: Clock = field(init=False)
    firmware_line: FirmwareLine | None = field(default=None, init=False)
    _opener: TransportOpener = field(init=False)
    _sent: int = field(default=0, init=False)
    _drivers: list[SyringePump | Potentiostat] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        if self.chosen.simulated:
            parts = urlsplit(self.chosen.device)
            build = registry.simulator(parts.netloc)
            options = dict(parse_qsl(parts.query, keep_blank_values=True))
            firmware = build("it", self.physics, options, np.random.default_rng(1))
            line = FirmwareLine(firmware, from_device=lambda data: [(_LATENCY_S, data)])
            self.firmware_line, self._opener, self.clock = line, line, line.clock
        else:
            self.clock = SystemClock()
            self._opener = SerialOpener(self.clock)

    def build(self) -> SyringePump | Potentiostat:
        """Return a new driver; the ones before are closed."""
        for old in self._drivers:
            old.close()
        chosen = self.chosen
        options = DriverOptions(
            instrument="it",
            address=chosen.address,
            on_wire=self._count,
            baud=chosen.baud,
            settings=chosen.settings,
        )
        built = registry.driver(chosen.driver)(self._opener, chosen.device, self.clock, options)
        self._drivers.append(built)
        return built

    def _count(self, record: WireRecord) -> None:
        self._sent += len(record.data) if record.direction == "out" else 0

    def sent(self) -> int:
        """Return how many bytes were sent."""
        return self._sent

    def simulated(self, what: str) -> FirmwareLine:
        """Return the simulated line. Raises NeedsAPerson on a real one."""
        if self.firmware_line is None:
            raise NeedsAPerson(f"{what} takes a person at the instrument")
        return self.firmware_line

    def unplug(self) -> None:
        """Pull the cable."""
        self.simulated("pulling the cable").plugged = False

    def plug(self) -> None:
        """Put the cable back."""
        self.simulated("putting the cable back").plugged = True

    def make_safe(self) -> None:
        """Stop the instrument and release the port; after each test, whatever became of it."""
        if not self._drivers:
            return
        self.plug() if self.firmware_line is not None else None
        last = self.build()
        try:
            last.stop()
        finally:
            last.close()


class ChosenPump(_Line):
    """Implements ``PumpSetUp``."""

    def __init__(self, chosen: Chosen) -> None:
        if not chosen.simulated and not chosen.may_move:
            raise NeedsAPerson("a real pump moves in these tests; allow it with --may-move (water, line in a beaker)")
        self._plunger = IdealPlunger(diameter_mm=chosen.program.diameter_mm)
        super().__init__(chosen, self._plunger)

    def driver(self) -> SyringePump:
        built = self.build()
        if not isinstance(built, SyringePump):
            raise TypeError(f"driver {self.chosen.driver!r} says it drives a pump but cannot do all that one must")
        return built

    def program(self) -> PumpProgram:
        return self.chosen.program

    def moved_ul(self) -> float:
        line = self.simulated("measuring the true volume")
        line.firmware.transmit(line.clock.now_ns())
        return self._plunger.moved_ul(line.clock.now_ns())

    def power_cycle(self) -> None:
        line = self.simulated("switching the power")
        line.firmware.power_off(line.clock.now_ns())
        line.pass_s(1.0)
        line.firmware.power_on(line.clock.now_ns())


class ChosenPotentiostat(_Line):
    """Implements ``PotentiostatSetUp``; measures at the first working electrode that the driver names."""

    def __init__(self, chosen: Chosen) -> None:
        self._cell = ConstantCell(_CURRENTS_A)
        super().__init__(chosen, self._cell)

    def driver(self) -> Potentiostat:
        built = self.build()
        if not isinstance(built, Potentiostat):
            raise TypeError(f"driver {self.chosen.driver!r} says it drives a potentiostat but cannot do all one must")
        return built

    def settings(self) -> AmperometrySettings:
        chosen = self.chosen
        electrode = registry.traits(registry.driver(chosen.driver)).electrodes[0]
        return AmperometrySettings(
            chosen.potential_v, chosen.interval_s, (ElectrodeSettings("glutamate", electrode, chosen.range_a),)
        )

    def current_a(self, channel: int) -> float:
        if self.firmware_line is not None:
            return self._cell.currents_a[channel]
        if self.chosen.resistor_ohm is None:
            raise NeedsAPerson("the true current is not known; connect a resistor and say so with --resistor-ohm")
        return self.chosen.potential_v / self.chosen.resistor_ohm

    def cell_on(self) -> bool:
        line = self.simulated("seeing whether the cell is on")
        line.firmware.transmit(line.clock.now_ns())
        return self._cell.on and self._cell.potential_v != 0.0
