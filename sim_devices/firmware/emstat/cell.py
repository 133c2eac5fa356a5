"""The measuring side of a simulated potentiostat: mode, potential, cell switch, current ranges, status flags.

Turns the current that really flows into what the converter reports. Knows no text and no time but what it is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from sim_devices.firmware.emstat.families import NEAR_LIMIT_ABOVE, UNDERLOAD_BELOW, Family
from sim_devices.interfaces import ElectrodeFrontEnd

NOT_ALLOWED_POTENTIAL, BAD_ARGUMENT, WRONG_MODE_NUMBER = 0x000F, 0x0007, 0x0021
NOT_POLY, NOT_IN_MODE, NO_CHANNEL, NO_RANGING = 0x0022, 0x0023, 0x002F, 0x0084

ELECTRODE = {"ba": 0, "bb": 1}
POLY_MODE = 5
_TIMING, _OVERLOAD, _UNDERLOAD, _NEAR_LIMIT = 1, 2, 4, 8


class RunTimeError(Exception):
    """The instrument refuses an instruction while the script runs."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code:04X}")
        self.code = code


@dataclass
class Ranging:
    """Current range of one electrode: where it is and how far it may wander, as indices into the family's table."""

    index: int
    low: int
    high: int


class _Scale(NamedTuple):
    """What a converter does in one range."""

    limit_a: float
    """Beyond it: overload."""
    under_a: float
    """Below it: underload."""
    near_a: float
    step_a: float
    metadata: tuple[str, ...]
    """What stands behind a value, by status."""


@dataclass
class Cell:
    """State of one potentiostat channel with its second working electrode."""

    family: Family
    front_end: ElectrodeFrontEnd
    quantise: bool = True
    noise: str = ""
    usable_ranges: bool = False
    says_range: bool = True
    range_above: bool = False
    on: bool = False
    potential_v: float = 0.0
    integration_ns: int = 100_000_000
    """What one point is the mean of: the interval of the loop [A]."""
    mode: int | None = None
    bipot: bool = False
    poly: bool = False
    """Second electrode by the commands before version 1.8: channel 1 in mode 5."""
    _channel: int = 0
    _ranging: list[Ranging] = field(init=False)

    def __post_init__(self) -> None:
        self._scales = [self._scale(index) for index in range(len(self.family.ranges))]
        self._forget_ranges()

    def _forget_ranges(self) -> None:
        last = len(self.family.ranges) - 1
        self._ranging = [Ranging(last, last, last), Ranging(last, last, last)]

    def power_up(self, now_ns: int) -> None:
        """Come up with the cell off and nothing set."""
        self.mode, self.bipot, self.poly, self._channel, self.potential_v = None, False, False, 0, 0.0
        self._forget_ranges()
        self.switch(on=False, now_ns=now_ns)

    def set_mode(self, mode: int) -> None:
        """Choose the pgstat mode; bipot and ranges are cleared by it, not those of channel 1 (the older form)."""
        if self._channel == 1:
            if mode != POLY_MODE:
                raise RunTimeError(WRONG_MODE_NUMBER)
            self.poly = True
            return
        if mode not in self.family.potential_v:
            raise RunTimeError(WRONG_MODE_NUMBER)
        self.mode, self.bipot = mode, False
        kept = self._ranging[1]
        self._forget_ranges()
        if self.poly:
            self._ranging[1] = kept

    def set_bipot(self, mode: int) -> None:
        """Measure the second working electrode: mode 1, at a fixed potential versus the reference.

        The other mode (offset to the first electrode) is [INF] in the reference and not simulated.
        """
        if self.mode is None:
            raise RunTimeError(NOT_IN_MODE)
        if mode != 1:
            raise RunTimeError(BAD_ARGUMENT)
        self.bipot = True

    def set_bipot_potential(self, potential_v: float) -> None:
        """Check the second electrode's potential; the simulated tissue knows one potential for both [A]."""
        if not self.bipot:
            raise RunTimeError(NOT_POLY)
        self._check_potential(potential_v)

    def set_channel(self, channel: int) -> None:
        """Choose the channel; the second one is the second electrode in the older form."""
        if channel not in ((0, 1) if self.family.bipot else (0,)):
            raise RunTimeError(NO_CHANNEL)
        self._channel = channel

    def set_poly_mode(self, mode: int) -> None:
        """Choose what the second electrode's potential refers to: 0 the reference. The other (1, offset) is [1S]."""
        if self._channel != 1 or not self.poly:
            raise RunTimeError(NOT_POLY)
        if mode != 0:
            raise RunTimeError(BAD_ARGUMENT)

    def set_range(self, kind: str, full_scale_a: float) -> None:
        """Use the smallest range that holds this current, and no other until auto-ranging is allowed."""
        ranging = self._of(kind)
        ranging.index = ranging.low = ranging.high = self._index(full_scale_a)

    def set_autoranging(self, kind: str, low_a: float, high_a: float) -> None:
        """Let the range wander between two; equal ones fix it."""
        if kind not in ELECTRODE:  # potential ranging has nothing to choose here
            return
        ranging = self._of(kind)
        ranging.low, ranging.high = sorted((self._index(low_a), self._index(high_a)))
        ranging.index = min(max(ranging.index, ranging.low), ranging.high)

    def set_potential(self, potential_v: float, now_ns: int) -> None:
        """Set the potential versus the reference electrode; the tissue knows one potential for both electrodes [A]."""
        if self._channel == 1:
            low_v, high_v = self.family.potential_v[2]
            if not low_v <= potential_v <= high_v:
                raise RunTimeError(NOT_ALLOWED_POTENTIAL)
            return
        self._check_potential(potential_v)
        if potential_v != self.potential_v:
            self.potential_v = potential_v
            if self.on:
                self.front_end.set_cell(True, potential_v, now_ns)  # noqa: FBT003 - signature of the protocol

    def switch(self, *, on: bool, now_ns: int) -> None:
        """Connect or disconnect the cell."""
        if on and self.mode is None:
            raise RunTimeError(NOT_IN_MODE)
        self.on = on
        self.front_end.set_cell(on, self.potential_v, now_ns)

    def measure(self, kind: str, t_ns: int, *, late: bool = False) -> tuple[float, str]:
        """Return one current in amperes and its metadata; ``late``: its timing was not met."""
        electrode = ELECTRODE[kind]
        if electrode == 1 and not (self.bipot or self.poly):
            raise RunTimeError(NOT_POLY)
        ranging = self._ranging[electrode]
        scale = self._scales[ranging.index]
        current_a = self.front_end.current_a(electrode, t_ns, self.integration_ns)
        size_a = abs(current_a)
        status = 0
        if size_a > scale.limit_a:
            status = _OVERLOAD
            current_a = scale.limit_a if current_a > 0 else -scale.limit_a
            ranging.index = min(ranging.index + 1, ranging.high)
        elif size_a < scale.under_a:
            status = _UNDERLOAD
            ranging.index = max(ranging.index - 1, ranging.low)
        elif size_a > scale.near_a:
            status = _NEAR_LIMIT
        if late:
            status |= _TIMING
        if self.quantise:
            current_a = round(current_a / scale.step_a) * scale.step_a
        return current_a, scale.metadata[status]

    def _scale(self, index: int) -> _Scale:
        code, nominal_a = self.family.ranges[min(index + self.range_above, len(self.family.ranges) - 1)]
        limit_a = nominal_a * self.family.overload_at
        said = f",2{code:02X}" if self.says_range else ""
        metadata = tuple(f",1{status:X}{said}{self.noise}" for status in range(16))
        step_a = nominal_a * self.family.resolution
        return _Scale(limit_a, nominal_a * UNDERLOAD_BELOW, limit_a * NEAR_LIMIT_ABOVE, step_a, metadata)

    def _of(self, kind: str) -> Ranging:
        if kind not in ELECTRODE:
            raise RunTimeError(NO_RANGING)
        if kind == "bb" and not self.bipot:
            raise RunTimeError(NOT_POLY)
        return self._ranging[1 if self._channel == 1 else ELECTRODE[kind]]

    def _index(self, full_scale_a: float) -> int:
        usable = min(self.family.overload_at, 1.0) if self.usable_ranges else 1.0
        for index, (_code, nominal_a) in enumerate(self.family.ranges):
            if nominal_a * usable >= abs(full_scale_a) * (1 - 1e-9):
                return index
        raise RunTimeError(BAD_ARGUMENT)

    def _check_potential(self, potential_v: float) -> None:
        if self.mode is None:
            raise RunTimeError(NOT_IN_MODE)
        low_v, high_v = self.family.potential_v[self.mode]
        if not low_v <= potential_v <= high_v:
            raise RunTimeError(NOT_ALLOWED_POTENTIAL)
