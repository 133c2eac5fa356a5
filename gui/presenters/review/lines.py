"""The lines of a recording as the screen needs them: every sample when zoomed in, lowest and highest otherwise.

Knows channels, gaps, flags and pumps' rates as lines over seconds. Does not know pixels' colours, nor files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from acquisition.signal.filters import FilterSpec, filtered
from acquisition.signal.pyramid import Floats, MinMaxPyramid
from analysis.dose import dose_factor
from analysis.review import Channel, Infusion, Recording
from gui.presenters.traces import LEAST_SPAN_UM, AxisUnit

EVERY_SAMPLE_UP_TO = 16
"""Samples per pixel below which all of them are drawn: a bucket of the pyramid holds as many."""
KEPT = 65_536
"""Rows that a pyramid keeps of its finest level; the samples themselves are there anyway."""
FED = 16_384
ALL_BUCKETS = 1 << 40
BEFORE_S = 1e-6
"""A gap stands so long before the first sample after it: later than the last one before."""


@dataclass(frozen=True)
class TraceLine:
    """``t_s`` rises, NaN in ``value`` parts the line. Both of shape (n,)."""

    t_s: Floats
    value: Floats

    @cached_property
    def _pyramid(self) -> MinMaxPyramid:
        made = MinMaxPyramid(raw_kept=KEPT, first_level_kept=ALL_BUCKETS)
        for first in range(0, len(self.t_s), FED):
            made.append(self.t_s[first : first + FED], self.value[first : first + FED])
        return made

    def line(self, left_s: float, right_s: float, pixels: int) -> tuple[Floats, Floats]:
        """Return (t, value) for a plot ``pixels`` wide, one point past each edge; NaN at gaps."""
        first = max(int(np.searchsorted(self.t_s, left_s)) - 1, 0)
        last = int(np.searchsorted(self.t_s, right_s, side="right")) + 1
        if last - first <= EVERY_SAMPLE_UP_TO * pixels:
            return self.t_s[first:last], self.value[first:last]
        return self._pyramid.line(left_s, right_s, pixels)

    def at(self, at_s: float, within_s: float) -> float:
        """Return the value of the nearest sample; NaN when none is that near."""
        after = int(np.searchsorted(self.t_s, at_s))
        near = [row for row in (after - 1, after) if 0 <= row < len(self.t_s)]
        best = min(near, key=lambda row: abs(float(self.t_s[row]) - at_s), default=None)
        return float(self.value[best]) if best is not None and abs(self.t_s[best] - at_s) <= within_s else float("nan")

    def filtered(self, spec: FilterSpec, interval_s: float) -> TraceLine:
        """Return the line as the live window's filter has it, moved back by the filter's delay."""
        value = filtered(self.t_s, self.value, spec, interval_s)
        return TraceLine(self.t_s - spec.delay_s(interval_s), value)


@dataclass(frozen=True)
class FlaggedRun:
    """Samples in a row that carry the same flags."""

    start_s: float
    end_s: float
    flags: int


@dataclass(frozen=True)
class ChannelLine:
    """One electrode."""

    name: str
    """INSTRUMENT.CHANNEL."""
    role: str
    sensitivity_a_per_um: float | None
    interval_s: float
    line: TraceLine
    """Amperes."""
    flagged: tuple[FlaggedRun, ...]
    gaps: int
    fixed: AxisUnit | None = None
    """Unit of a line that is not in amperes."""
    _smooth: dict[FilterSpec, TraceLine] = field(default_factory=dict, repr=False)

    def smoothed(self, spec: FilterSpec) -> TraceLine | None:
        """Return the line through a filter, kept for the next time; None for no filter, or one that cannot work."""
        if spec.kind == "none" or spec.fault(self.interval_s):
            return None
        if spec not in self._smooth:
            self._smooth.clear()
            self._smooth[spec] = self.line.filtered(spec, self.interval_s)
        return self._smooth[spec]

    def flags_at(self, at_s: float) -> int:
        """Return the flags of the samples around a moment."""
        near_s = self.interval_s / 2
        return next((r.flags for r in self.flagged if r.start_s - near_s <= at_s <= r.end_s + near_s), 0)


@dataclass(frozen=True)
class PumpLine:
    """One pump: rates in µL/min, volumes in µL."""

    name: str
    solution: str
    commanded: TraceLine
    confirmed: TraceLine
    at_animal: TraceLine
    given_ul: TraceLine
    """Confirmed."""
    arrived_ul: TraceLine
    dose_per_ul: float
    dose_unit: str
    most_ul_per_min: float


@dataclass(frozen=True)
class Lines:
    """Everything that is drawn as a line."""

    channels: tuple[ChannelLine, ...]
    pumps: tuple[PumpLine, ...]
    end_s: float


def lines(recording: Recording) -> Lines:
    """Return the lines of a recording; pyramids are made when they are first needed."""
    channels = tuple(_channel(one) for one in recording.channels.values())
    pumps = tuple(_pump(one, *dose_factor(recording.data, one.pump)) for one in recording.infusions.values())
    ends = [float(one.t_s[-1]) for one in _all(recording) if len(one.t_s)]
    ends += [one.t_s for one in recording.happenings[-1:]]
    return Lines(channels, pumps, max(ends, default=0.0))


def _all(recording: Recording) -> Iterable[Channel | Infusion]:
    yield from recording.channels.values()
    yield from recording.infusions.values()


def measured_line(
    name: str, of: ChannelLine, breaks: NDArray[np.int64], trace: tuple[Floats, Floats], unit: str
) -> ChannelLine:
    """Return what was measured on as a line of its own, in its unit; ``trace`` as the site has its samples."""
    line = _parted(trace[0], trace[1], breaks)
    axis = AxisUnit(unit, 1.0, LEAST_SPAN_UM if unit == "µM" else 1e-3)
    return ChannelLine(f"measured.{name}", "as measured", None, of.interval_s, line, (), 0, axis)


def _parted(t_s: Floats, value: Floats, breaks: NDArray[np.int64]) -> TraceLine:
    """Return a line with a NaN wherever samples are missing."""
    after = breaks + 1
    return TraceLine(np.insert(t_s, after, t_s[after] - BEFORE_S), np.insert(value, after, np.nan))


def _channel(one: Channel) -> ChannelLine:
    return ChannelLine(
        name=one.name,
        role=one.role,
        sensitivity_a_per_um=one.sensitivity_a_per_um,
        interval_s=one.interval_s,
        line=_parted(one.t_s, one.current_a, one.breaks),
        flagged=flagged_runs(one.t_s, one.flags),
        gaps=len(one.breaks),
    )


def flagged_runs(t_s: Floats, flags: NDArray[np.uint8]) -> tuple[FlaggedRun, ...]:
    """Return the stretches of samples in a row with the same flags; both arrays of shape (n,)."""
    at = np.flatnonzero(flags)
    if not len(at):
        return ()
    new = np.flatnonzero((np.diff(at) != 1) | (np.diff(flags[at].astype(np.int16)) != 0)) + 1
    firsts, lasts = at[np.concatenate(([0], new))], at[np.concatenate((new - 1, [len(at) - 1]))]
    return tuple(
        FlaggedRun(float(t_s[first]), float(t_s[last]), int(flags[first]))
        for first, last in zip(firsts, lasts, strict=True)
    )


def _pump(one: Infusion, dose_per_ul: float, dose_unit: str) -> PumpLine:
    solution = one.drug or "no drug"
    if one.concentration_mg_per_ml is not None:
        solution += f" {one.concentration_mg_per_ml:g} mg/mL"
    rates = (one.commanded_ul_per_min, one.confirmed_ul_per_min, one.at_animal_ul_per_min)
    finite = [float(np.nanmax(rate)) for rate in rates if np.isfinite(rate).any()]
    return PumpLine(
        name=one.pump,
        solution=solution,
        commanded=_changes(one.t_s, rates[0]),
        confirmed=_changes(one.t_s, rates[1]),
        at_animal=_changes(one.t_s, rates[2]),
        given_ul=TraceLine(one.t_s, one.confirmed_ul),
        arrived_ul=TraceLine(one.t_s, one.at_animal_ul),
        dose_per_ul=dose_per_ul,
        dose_unit=dose_unit,
        most_ul_per_min=max(finite, default=0.0),
    )


def _changes(t_s: Floats, value: Floats) -> TraceLine:
    """Return a line without the rows that say the same as both their neighbours."""
    if len(value) < 3:
        return TraceLine(t_s, value)
    differs = np.diff(value) != 0
    kept = np.concatenate(([True], differs[:-1] | differs[1:], [True]))
    return TraceLine(t_s[kept], value[kept])
