"""The ``constant`` test while it runs: when it samples, at which potential, what lines it prints (3.3, 3.4).

Knows its own time. Does not know commands. Many samples are made in one go when somebody asks for them, so hours of
virtual time cost only their samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim_devices.firmware.rodeostat import numbers
from sim_devices.firmware.rodeostat.cell import Cell

MS = 1_000_000
_AT_ONCE = 10_000  # samples made in one go: bounds memory over hours


@dataclass
class Parameters:
    """What ``setParam`` sets; volts and milliseconds."""

    quietValue: float = 0.0  # noqa: N815 - the names on the wire
    quietTime: int = 0  # noqa: N815
    value: float = 0.0
    duration: int = 1000

    @property
    def total_ms(self) -> int:
        """Return the length of the test."""
        return self.quietTime + self.duration


@dataclass
class Run:
    """One run of the test."""

    parameters: Parameters
    period_ms: int
    start_ns: int
    le_before_i: bool = False
    _printed: int = field(default=0, init=False)
    _at_value: bool = field(default=False, init=False)

    @property
    def end_ns(self) -> int:
        """Return when it is over."""
        return self.start_ns + self.parameters.total_ms * MS

    def next_ns(self) -> int:
        """Return when it next prints something."""
        return min(self.start_ns + (self._printed + 1) * self.period_ms * MS, self.end_ns)

    def until(self, now_ns: int, cell: Cell) -> list[str]:
        """Return the samples up to and including ``now_ns``, as text; call in order of time."""
        out: list[str] = []
        quiet_ms = self.parameters.quietTime
        if not self._at_value:
            quiet_end_ns = self.start_ns + quiet_ms * MS
            out += self._samples(min(now_ns, quiet_end_ns - 1), cell)
            if now_ns < quiet_end_ns:
                return out
            cell.set_volt(self.parameters.value, quiet_end_ns)
            self._at_value = True
        return out + self._samples(min(now_ns, self.end_ns), cell)

    def _samples(self, now_ns: int, cell: Cell) -> list[str]:
        out: list[str] = []
        due = max((now_ns - self.start_ns) // (self.period_ms * MS), 0)
        while self._printed < due:
            upto = min(due, self._printed + _AT_ONCE)
            numbers_ = range(self._printed + 1, upto + 1)
            step_ns = self.period_ms * MS
            times_ns = range(self.start_ns + numbers_[0] * step_ns, self.start_ns + upto * step_ns + 1, step_ns)
            currents_ua, limited = cell.measure_ua(times_ns)
            volt = numbers.text(cell.volt_v)
            period_ms = self.period_ms
            for n, current, at_rail in zip(numbers_, numbers.texts(currents_ua), limited, strict=True):
                if not at_rail:
                    out.append(f'{{"t":{n * period_ms},"v":{volt},"i":{current}}}\r\n')
                elif self.le_before_i:
                    out.append(f'{{"t":{n * period_ms},"v":{volt},"le":true,"i":{current}}}\r\n')
                else:
                    out.append(f'{{"t":{n * period_ms},"v":{volt},"i":{current},"le":true}}\r\n')
            self._printed = upto
        return out
