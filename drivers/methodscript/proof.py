"""Tells whether an instrument measures with what was asked: potential and interval, by what its packages say. Pure.

A script has no checksum and cannot be read back, so a byte that was lost on the way to the instrument shows only in
what comes of it. Knows the asked values and the told ones. Knows no lines, no ports, and of turns only that one begins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

POTENTIAL_V: Final = (1e-3, 2e-3)
"""What the told potential may be off by: volts, and a share of it. A converter has steps of up to half a millivolt, and
real captures are off by 0.14 mV (2.7)."""
_WRONG_MAX = 1  # in a row: one is a digit that broke on the way here
_OFF: Final = 0.35
"""Share of an interval by which a step of the instrument's time may be off: its timer is read when the script gets
there."""
_OFF_MAX = 5  # steps that are not one interval, before any that is: not even a bad line does that to a true one
_WATCHED = 100  # steps per turn; over more of them even a true interval may differ from the timer's by its last digit


@dataclass
class Proof:
    """One measurement. ``mismatch`` says what is not as asked, once that is certain; empty until then."""

    potential_v: float
    interval_s: float
    mismatch: str = field(default="", init=False)
    is_proven: bool = field(default=False, init=False)
    """A package of this turn was at the asked interval; none is handed out as good before."""
    is_watching: bool = field(default=True, init=False)
    """The turn is young: its steps of time are to be shown to ``see_time``."""
    lowest_v: float = field(init=False)
    """Of the potentials that are as asked."""
    highest_v: float = field(init=False)
    _wrong: int = field(default=0, init=False)
    _wrong_s: float | None = field(default=None, init=False)
    _last_s: float | None = field(default=None, init=False)
    _steps: int = field(default=0, init=False)
    _off: int = field(default=0, init=False)
    _has_stepped: bool = field(default=False, init=False)
    """Two samples of this turn were one interval apart."""
    _drift: float = field(default=0.0, init=False)
    _adrift: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        allowed_v = POTENTIAL_V[0] + POTENTIAL_V[1] * abs(self.potential_v)
        self.lowest_v, self.highest_v = self.potential_v - allowed_v, self.potential_v + allowed_v

    def begin_turn(self) -> None:
        """Forget the times of the turn before: they start again."""
        self.is_proven, self.is_watching = False, True
        self._last_s, self._steps, self._off, self._has_stepped = None, 0, 0, False
        self._drift, self._adrift = 0.0, 0

    def see_wrong_potential(self, told_v: float, time_s: float) -> None:
        """Take a package whose potential is not as asked; a doubled line counts once."""
        if time_s == self._wrong_s:
            return
        self._wrong_s = time_s
        self._wrong += 1
        if self._wrong > _WRONG_MAX:
            self.mismatch = self.mismatch or (
                f"the instrument applies {told_v:.6g} V, asked for were {self.potential_v:.6g} V"
            )

    def see_right_potential(self) -> None:
        """Forget a wrong one: it was a digit that broke on the way here."""
        self._wrong, self._wrong_s = 0, None

    def see_time(self, time_s: float) -> None:
        """Take the instrument's time of one package of this turn, in order. One that is no number says nothing.

        The first one comes an interval after the start, unless the timer began earlier or lines were lost.
        """
        last_s = self._last_s
        if not self.is_watching or not math.isfinite(time_s) or time_s == last_s:
            return
        self._last_s = time_s
        if last_s is None:
            self.is_proven = abs(time_s / self.interval_s - 1.0) <= _OFF
            return
        self._steps += 1
        self.is_watching = self._steps < _WATCHED
        step = (time_s - last_s) / self.interval_s
        intervals = max(round(step), 1)
        is_odd = abs(step - intervals) > _OFF
        self._drift = 0.0 if is_odd else self._drift + step - intervals
        self._adrift = self._adrift + 1 if abs(self._drift) > _OFF else 0
        self._has_stepped = self._has_stepped or (intervals == 1 and not is_odd)
        self._off += not self._has_stepped
        if self._off > _OFF_MAX or self._adrift > 1:
            self.mismatch = self.mismatch or (
                f"the instrument measures every {step * self.interval_s:.6g} s, asked for were {self.interval_s:.6g} s"
            )
        elif self._has_stepped:
            self.is_proven = True
