"""The measuring side of a simulated Rodeostat: potential, electrode switches, ranges, converter.

Turns the current that really flows into what the converter reports, in microamperes. Knows no text and no time but
what it is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim_devices.firmware.rodeostat.options import ADC_BITS, RodeostatOptions
from sim_devices.interfaces import ElectrodeFrontEnd

ELECTRODES = ("Ref", "Ctr", "Wrk")


@dataclass
class Cell:
    """State of the analog side."""

    options: RodeostatOptions
    front_end: ElectrodeFrontEnd
    volt_v: float = 0.0
    curr_range: str = field(init=False)
    volt_range: str = field(init=False)
    auto_connect: bool = field(default=True, init=False)
    connected: dict[str, bool] = field(init=False)

    def __post_init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.curr_range = next(iter(self.options.ranges_ua))
        self.volt_range = next(iter(self.options.volt_ranges))
        self.volt_v = 0.0
        self.auto_connect = True
        self.connected = dict.fromkeys(ELECTRODES, not self.has_switches)

    @property
    def has_switches(self) -> bool:
        """Tell whether the electrodes can be disconnected."""
        return self.options.hardware == "0.2"

    def power(self, *, on: bool, now_ns: int) -> None:
        """Come up, or go down, with nothing set."""
        self._forget()
        if not on:
            self.connected = dict.fromkeys(ELECTRODES, False)
        self._apply(now_ns)

    def set_volt(self, volt_v: float, now_ns: int) -> None:
        """Set the potential; beyond the range it is the range's [I]."""
        limit_v = self.options.volt_ranges[self.volt_range]
        self.volt_v = min(max(volt_v, -limit_v), limit_v)
        self._apply(now_ns)

    def connect(self, electrode: str, now_ns: int, *, connected: bool) -> None:
        """Switch one electrode, or ``All``."""
        for name in ELECTRODES if electrode == "All" else (electrode,):
            self.connected[name] = connected
        self._apply(now_ns)

    def begin_test(self, extreme_v: float, now_ns: int) -> None:
        """Choose the voltage range by the test's extreme potential; connect, where that is automatic."""
        ranges = self.options.volt_ranges
        self.volt_range = next((name for name, v in ranges.items() if abs(extreme_v) <= v), [*ranges][-1])
        if self.has_switches and self.auto_connect:
            self.connect("All", now_ns, connected=True)

    def end_test(self, now_ns: int) -> None:
        """Go to 0 V, and disconnect where that is automatic; a test that was not running ends alike."""
        self.volt_v = 0.0
        if self.has_switches and self.auto_connect:
            self.connect("All", now_ns, connected=False)
        self._apply(now_ns)

    def _apply(self, now_ns: int) -> None:
        self.front_end.set_cell(all(self.connected.values()), self.volt_v, now_ns)

    def measure_ua(self, times_ns: range) -> tuple[list[float], list[bool]]:
        """Return the printed currents, and whether the converter was at a rail, at each of these times."""
        full_ua = self.options.ranges_ua[self.curr_range]
        sign = -1.0 if self.options.negated else 1.0
        flowing = all(self.connected.values())
        current_a = self.front_end.current_a
        currents_ua = [sign * current_a(0, t_ns) * 1e6 if flowing else 0.0 for t_ns in times_ns]
        limited = [not -full_ua < current_ua < full_ua for current_ua in currents_ua]
        step_ua = 2.0 * full_ua / 2 ** ADC_BITS[self.options.board] if self.options.quantise else 0.0
        return [_converted(current_ua, full_ua, step_ua) for current_ua in currents_ua], limited


def _converted(current_ua: float, full_ua: float, step_ua: float) -> float:
    current_ua = min(max(current_ua, -full_ua), full_ua)
    return round(current_ua / step_ua) * step_ua if step_ua else current_ua
