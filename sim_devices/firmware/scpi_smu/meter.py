"""The analog side of a simulated source-measure unit: output, compliance, conversions, and a reading as it is printed.

Turns the current that really flows into the numbers of a reading. Knows no lines and no headers but those it is handed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sim_devices.firmware.scpi_smu import settings as at
from sim_devices.firmware.scpi_smu.options import SmuOptions
from sim_devices.firmware.scpi_smu.settings import OVERDRIVE, Refused, Settings
from sim_devices.interfaces import ElectrodeFrontEnd

S = 1_000_000_000
OVERFLOW = 9.9e37
NOT_AVAILABLE = 9.91e37
STEPS_PER_RANGE = 1e5
"""Resolution: 10 aA on the 1 pA range of a 6430, 10 fA on 1 nA (5)."""
CONVERSIONS_WITH_AUTOZERO = 3
ELEMENTS = ("VOLTage", "CURRent", "RESistance", "TIME", "STATus")
ELEMENTS_6517B = ("READing", "UNITs", "TSTamp", "STATus")
CLOCK_WRAPS_S = 100_000.0
_GRID_NS = 20_000_000  # a current is looked at this often within a conversion


@dataclass
class Meter:
    """State of the analog side."""

    options: SmuOptions
    front_end: ElectrodeFrontEnd
    settings: Settings
    is_on: bool = field(default=False, init=False)
    elements: tuple[str, ...] = field(init=False)
    clock_zero_ns: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.choose(None)

    @property
    def all_elements(self) -> tuple[str, ...]:
        """Return what a reading may consist of, in the order in which it is printed."""
        return ELEMENTS if self.options.is_source_meter else ELEMENTS_6517B

    def choose(self, names: set[str] | None) -> None:
        """Print these elements from now on (short names), in the order that is fixed; None: all of them."""
        short = tuple(at.short(name) for name in self.all_elements)
        self.elements = tuple(name for name in short if names is None or name in names)

    def reset(self, now_ns: int) -> None:
        """Do what ``*RST`` does here."""
        self.choose(None)
        self.switch(on=False, now_ns=now_ns)

    def power(self, *, on: bool, now_ns: int) -> None:
        """Come up or go down."""
        self.clock_zero_ns = now_ns - round(self.options.on_for_s * S)
        self.choose(None)
        self.is_on = False
        if on:
            self.apply(now_ns)
        else:
            self.front_end.set_cell(on=False, potential_v=0.0, now_ns=now_ns)

    def switch(self, *, on: bool, now_ns: int) -> None:
        """Switch the output."""
        self.is_on = on
        self.apply(now_ns)

    def apply(self, now_ns: int) -> None:
        """Bring the cell to what is set. Off means 0 V, unless the output is disconnected by its relay (manual)."""
        if self.is_on:
            self.front_end.set_cell(on=True, potential_v=self.settings.number(at.VOLT), now_ns=now_ns)
        else:
            held_at_zero = self.options.is_source_meter and self.settings.word(at.OFF_MODE) != "HIMP"
            self.front_end.set_cell(held_at_zero, 0.0, now_ns)

    # --- reading -------------------------------------------------------------------------------------------

    def duration_ns(self) -> int:
        """Return how long a reading takes."""
        conversions = CONVERSIONS_WITH_AUTOZERO if self.settings.is_on(at.AUTOZERO) else 1
        return round((self.options.overhead_s + conversions * self._integration_s) * S)

    @property
    def _integration_s(self) -> float:
        return self.settings.number(at.NPLC) / self.options.mains_hz

    def read(self, begun_ns: int) -> str:
        """Return a reading that began at ``begun_ns`` and is over. Raises Refused."""
        if self.options.is_source_meter and not self.is_on:
            raise Refused(803, "Not permitted with OUTPUT off")
        length_ns = self.duration_ns() - round(self.options.overhead_s * S)
        middle_ns = begun_ns + length_ns // 2
        current_a, status = self._measured(middle_ns)
        values = {
            "VOLT": self.settings.number(at.VOLT),
            "CURR": current_a,
            "READ": current_a,
            "RES": NOT_AVAILABLE,
            "TIME": round((middle_ns - self.clock_zero_ns) / S % CLOCK_WRAPS_S, 3),
            "STAT": float(status),
        }
        if self.options.is_source_meter:
            return ",".join(f"{values[name]:+.6E}" for name in self.elements)
        return ",".join(self._element_6517b(name, current_a, middle_ns) for name in self.elements if name != "UNIT")

    def _element_6517b(self, name: str, current_a: float, t_ns: int) -> str:
        """Return one element as a 6517B prints it [MEM]."""
        units = "UNIT" in self.elements
        if name == "READ":
            status = ("O" if current_a == OVERFLOW else "N") if "STAT" in self.elements else ""
            return f"{current_a:+.5E}{status}" + ("ADC" if units else "")
        if name == "TST":
            return f"{(t_ns - self.clock_zero_ns) / S:+.6f}" + ("secs" if units else "")
        return f"+{0:05d}" + ("RDNG#" if units else "")

    def _measured(self, middle_ns: int) -> tuple[float, int]:
        if self.settings.is_on(at.ZERO_CHECK):
            return NOT_AVAILABLE, 0
        range_a = self.settings.number(at.CURRENT_RANGE)
        true_a = self._integrated_a(middle_ns)
        status = 1 << 14 | 1 << 12 | 1 << 10 | 1 << 2  # V-source, I-measure, auto-ohms, front terminals
        limit_a = abs(self.settings.number(at.COMPLIANCE)) or math.inf
        if abs(true_a) > limit_a:
            true_a, status = math.copysign(limit_a, true_a), status | 1 << 3
        if self.settings.is_on(at.CURRENT_AUTO):
            return true_a, status
        if abs(true_a) > range_a * OVERDRIVE:
            return OVERFLOW, status | 1 << 16 | 1
        if not self.options.quantise:
            return true_a, status
        step_a = range_a / STEPS_PER_RANGE
        return round(true_a / step_a) * step_a, status

    def is_limiting(self, now_ns: int) -> bool:
        """Return whether the compliance limits the current now."""
        limit_a = abs(self.settings.number(at.COMPLIANCE)) or math.inf
        return self.is_on and abs(self.front_end.current_a(0, now_ns)) > limit_a

    def _integrated_a(self, middle_ns: int) -> float:
        """Return the mean current of one conversion, hum included as far as it does not cancel."""
        if not self.is_on:
            return 0.0
        half_ns = round(self._integration_s * S / 2)
        looks = max(2 * half_ns // _GRID_NS, 1)
        step_ns = 2 * half_ns // looks
        first_ns = middle_ns - half_ns + step_ns // 2
        currents = [self.front_end.current_a(0, first_ns + number * step_ns, _GRID_NS) for number in range(looks)]
        return math.fsum(currents) / looks + self._hum_a(middle_ns, half_ns)

    def _hum_a(self, middle_ns: int, half_ns: int) -> float:
        if not self.options.hum_a or not half_ns:
            return 0.0
        angle = math.pi * self.options.hum_hz * 2 * half_ns / S
        phase = 2 * math.pi * self.options.hum_hz * (middle_ns / S % 1.0)
        return self.options.hum_a * math.sin(angle) / angle * math.sin(phase)
