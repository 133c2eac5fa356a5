"""What an instrument's clock gains against the host's: a line through the earliest arrivals, derived, with a version.

Knows that a sample can arrive late and never early: of all pairs (recorded time of a sample, host time at which it was
read) the lower envelope is the clock, what lies above is the way. Recorded times are ``t0 + index * interval`` within
an epoch, so a line through them is one through the counter. Changes no raw number. Does not know files.

Method: of the lower convex hull the edge over the mean time, the line below all points with the least sum of distances
(Moon, Skelly, Towsley, INFOCOM 1999). Its uncertainty comes from how far the earliest arrival of each of up to 32
stretches lies above it: jitter that is left, and a crystal that wanders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MODEL_VERSION = 1
"""Rises with every change that gives other numbers for the same recording."""
UNSEEN_NS = 17_000_000
"""By what even the earliest arrivals may all be late, which no line shows: 16 ms of an FTDI latency timer at its
default [V], and a frame of USB [A]."""
_BREAK_NS = 1e9
"""A step of the delays that stays is a clock that stood still, the instrument's or the host's [A]."""
_MOST_DRIFT_NS_PER_S = 1e6
"""Crystals are off by 20 to 100 ppm; beyond 1000 ppm it is a step [A]."""
_NO_CLOCK = 0.1
"""Off by a tenth: not a clock, but a recording that was tampered with or holds another interval than it says."""
_THINNINGS = 6
"""Passes of numpy that drop what lies on or above the chord of its neighbours: of jitter, nearly all."""
_RESOLUTION_NS = 2.0
"""Whole nanoseconds of two times."""
_STRETCHES = 32
_LEAST_STRETCHES = 8
_LEAST_PAIRS = 10 * _LEAST_STRETCHES

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClockLine:
    """One clock without a step: samples of one epoch whose recorded time is in ``first_ns`` to ``last_ns``.

    ``corrected = t + offset_ns + slope * (t - first_ns)``, t the recorded time.
    """

    epoch: int
    first_ns: int
    last_ns: int
    offset_ns: float
    slope: float
    """Seconds of the host per second of the instrument, less one."""
    slope_uncertainty: float
    """A bound: with jitter alone about ten times what the fit scatters by; a crystal that wanders needs it."""
    residual_ns: float
    """What nine of ten stretches' earliest arrivals stay below, above the line."""
    unseen_ns: float
    """What a constant delay may shift all times of this line by, to too late or, beyond UNSEEN_NS, to too early."""

    @property
    def ppm(self) -> float:
        """Return what the instrument's clock gains on the host's, parts per million."""
        return (1.0 / (1.0 + self.slope) - 1.0) * 1e6

    @property
    def ppm_uncertainty(self) -> float:
        """Return the bound of the error of ``ppm``."""
        return self.slope_uncertainty * 1e6

    def shift_ns(self, t_ns: Ints) -> Floats:
        """Return what to add to recorded times, shape (n,)."""
        return self.offset_ns + self.slope * (t_ns - self.first_ns).astype(np.float64)

    def uncertainty_ns(self, t_ns: int) -> float:
        """Return within how many ns of the truth the corrected time of a sample is."""
        from_middle_ns = abs(t_ns - (self.first_ns + self.last_ns) / 2)
        return self.unseen_ns + self.residual_ns + self.slope_uncertainty * from_middle_ns


def device_clock(t_ns: Ints, received_ns: Ints, epoch: Ints) -> tuple[ClockLine, ...]:
    """Return the lines of one stream in the order of recording; all arrays have shape (n,).

    Takes every sample, or the first and last of each block. What is too short for a line (fewer than 80 blocks between
    two steps of a clock) has none.
    """
    last_of_block = np.ones(len(t_ns), bool)
    # one read can bring what lies on both sides of a step
    last_of_block[:-1] = (np.diff(received_ns) != 0) | (np.diff(epoch) != 0) | (np.diff(t_ns) > _BREAK_NS)
    t, received, number = t_ns[last_of_block], received_ns[last_of_block], epoch[last_of_block]
    first_of_epoch = np.flatnonzero(np.diff(epoch, prepend=-1))  # an epoch is never negative
    lines = []
    for which, part in enumerate(np.split(np.arange(len(t)), np.flatnonzero(np.diff(number)) + 1)):
        if len(part) < _LEAST_PAIRS or np.any(np.diff(t[part]) <= 0):
            continue
        start_ns = int(t_ns[first_of_epoch[which]])
        x = (t[part] - start_ns) / 1e9
        y = (received[part] - t[part]).astype(np.float64)
        for piece in np.split(np.arange(len(part)), _steps(x, y)):
            first_ns = start_ns if piece[0] == 0 else int(t[part[piece[0] - 1]]) + 1
            line = _line(x[piece], y[piece], start_ns, first_ns, int(number[part[0]]))
            lines += [line] if line else []
    return tuple(lines)


def corrected_ns(t_ns: Ints, epoch: Ints, lines: Sequence[ClockLine]) -> Ints:
    """Return recorded times as the clock's lines have them, shape (n,); never one earlier than the one before.

    A sample without a line keeps its recorded time.
    """
    corrected = t_ns.copy()
    for line in lines:
        mine = (epoch == line.epoch) & (t_ns >= line.first_ns) & (t_ns <= line.last_ns)
        corrected[mine] += np.rint(line.shift_ns(t_ns[mine])).astype(np.int64)
    # lines of two epochs meet within their uncertainties, so one may begin before the other has ended
    return np.maximum.accumulate(corrected) if len(corrected) else corrected


def best(lines: Sequence[ClockLine]) -> ClockLine | None:
    """Return the line that knows its ppm best, of all starts of one instrument; None without a line."""
    return min(lines, key=lambda line: line.slope_uncertainty, default=None)


def _steps(x: Floats, y: Floats) -> Ints:
    """Return where delays step by more than a second and never come back as far as a drifting clock could explain."""
    up = y - _MOST_DRIFT_NS_PER_S * x
    down = y + _MOST_DRIFT_NS_PER_S * x
    later = np.minimum.accumulate(up[::-1])[::-1][1:]
    before = np.minimum.accumulate(down)[:-1]
    stood_still = (later - up[:-1] > _BREAK_NS) & (np.diff(y) > _BREAK_NS)
    leapt = (before - down[1:] > _BREAK_NS) & (np.diff(y) < -_BREAK_NS)
    return np.flatnonzero(stood_still | leapt) + 1


def _line(x: Floats, y: Floats, start_ns: int, first_ns: int, epoch: int) -> ClockLine | None:
    """``x``: recorded time since ``start_ns`` of the epoch, s; ``y``: delay of each block, ns."""
    if len(x) < _LEAST_PAIRS:
        return None
    corners = _lower_hull(x, y)
    edge = int(np.clip(np.searchsorted(x[corners], x.mean()), 1, len(corners) - 1))
    left, right = corners[edge - 1], corners[edge]
    slope = (y[right] - y[left]) / (x[right] - x[left])  # ns per s
    if abs(slope) > _NO_CLOCK * 1e9:
        return None
    above = y - y[left] - slope * (x - x[left])
    stretch = np.minimum((x - x[0]) / (x[-1] - x[0]) * min(_STRETCHES, len(x) // 10), _STRETCHES - 1).astype(np.int64)
    starts = np.flatnonzero(np.diff(stretch, prepend=-1))
    if len(starts) < _LEAST_STRETCHES:
        return None
    residual_ns = float(np.quantile(np.minimum.reduceat(above, starts), 0.9)) + _RESOLUTION_NS
    middles = np.add.reduceat(x, starts) / np.diff(starts, append=len(x))
    spread_s = float(np.sqrt(np.sum((middles - middles.mean()) ** 2)))
    offset_ns = float(y[left] + slope * ((first_ns - start_ns) / 1e9 - x[left]))
    # What a driver places before the earliest arrival it has a reason for: a filter's delay, the time of the start.
    kept_ns = max(offset_ns, 0.0) if first_ns == start_ns else 0.0
    return ClockLine(
        epoch=epoch,
        first_ns=first_ns,
        last_ns=start_ns + round(x[-1] * 1e9),
        offset_ns=offset_ns - kept_ns,
        slope=float(slope) / 1e9,
        slope_uncertainty=2.0 * residual_ns / spread_s / 1e9,
        residual_ns=residual_ns,
        unseen_ns=max(kept_ns, float(UNSEEN_NS)),
    )


def _lower_hull(x: Floats, y: Floats) -> list[int]:
    """Return the corners of the lower convex hull, from left to right (Andrew's monotone chain)."""
    kept = np.arange(len(x))
    for _ in range(_THINNINGS):
        a, b = np.diff(x[kept]), np.diff(y[kept])
        kept = kept[np.concatenate([[True], b[1:] * a[:-1] > b[:-1] * a[1:], [True]])]
    corners: list[int] = []
    for new in kept.tolist():
        while len(corners) > 1:
            left, middle = corners[-2], corners[-1]
            if (y[middle] - y[left]) * (x[new] - x[middle]) < (y[new] - y[middle]) * (x[middle] - x[left]):
                break
            corners.pop()
        corners.append(new)
    return corners
