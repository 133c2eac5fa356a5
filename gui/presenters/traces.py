"""How the traces are looked at: which stretch of time, which unit, which range, which ticks.

All times here are seconds since the start of the session. A µM axis is *apparent* µM: current divided by the
sensitivity in the rig file, with no baseline taken off; channels without a sensitivity stay in amperes and say so.
What a channel is shown as (``gui.presenters.displays``) comes on top, what stands beside it is in ``heads``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from gui.presenters.text import stamp

Scale = Literal["current", "apparent"]
WINDOWS: tuple[tuple[str, float | None], ...] = (
    ("10 s", 10.0),
    ("1 min", 60.0),
    ("5 min", 300.0),
    ("30 min", 1800.0),
    ("2 h", 7200.0),
    ("All", None),
)
"""Name and length; None is the whole session."""
SHORTEST_SESSION_S = 60.0
LEAST_SPAN_A = 1e-12
"""The y axis never zooms in further than this many amperes, so that noise does not look like signal. Our choice."""
LEAST_SPAN_UM = 0.1


@dataclass(frozen=True)
class TimeView:
    """What stretch is on the screen. ``right_s`` None follows the present."""

    window_s: float | None = 300.0
    right_s: float | None = None

    @property
    def live(self) -> bool:
        """Tell whether the view follows the present."""
        return self.right_s is None

    def span(self, now_s: float) -> tuple[float, float]:
        """Return (from, to) in session seconds."""
        if self.window_s is None:
            return 0.0, max(now_s, SHORTEST_SESSION_S)
        right = now_s if self.right_s is None else self.right_s
        right = max(right, self.window_s)
        return right - self.window_s, right

    def frozen(self, now_s: float) -> TimeView:
        """Return the same stretch, standing still."""
        return replace(self, right_s=self.span(now_s)[1]) if self.live else self

    def moved(self, windows: float, now_s: float) -> TimeView:
        """Return the view moved by a part of its length; reaching the present makes it live again."""
        if self.window_s is None:
            return self
        right = self.span(now_s)[1] + windows * self.window_s
        return replace(self, right_s=None if right >= now_s else max(right, self.window_s))


@dataclass(frozen=True)
class AxisUnit:
    """How a channel's amperes become the numbers of its axis."""

    text: str
    per_a: float
    """Axis units per ampere."""
    least_span: float


class HasSensitivity(Protocol):
    """A channel, live or recorded."""

    @property
    def sensitivity_a_per_um(self) -> float | None:
        """Return its slope; None without a calibration."""
        ...


def axis_unit(channel: HasSensitivity, scale: Scale, largest_a: float, *, delta: bool = False) -> AxisUnit:
    """Return the unit for a channel whose largest visible current, or ``delta`` from a baseline, is ``largest_a``."""
    sensitivity, mark = channel.sensitivity_a_per_um, "Δ " if delta else ""
    if scale == "apparent" and sensitivity:
        return AxisUnit("Δ µM" if delta else "apparent µM", 1.0 / sensitivity, LEAST_SPAN_UM)
    for limit, text, per_a in ((1e-9, "pA", 1e12), (1e-6, "nA", 1e9), (1e-3, "µA", 1e6)):
        if not largest_a >= limit:
            return AxisUnit(mark + text, per_a, LEAST_SPAN_A * per_a)
    return AxisUnit(f"{mark}mA", 1e3, LEAST_SPAN_A * 1e3)


def fitted(values: NDArray[np.float64], *, trimmed: bool) -> tuple[float, float, bool]:
    """Return lowest and highest value to fit into view, and whether some lie outside.

    Trimmed leaves out the outermost hundredth at either end, so that an artefact, or the first
    moments of an electrode, do not flatten the rest; that something is cut off is said beside the trace.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return math.nan, math.nan, False
    low, high = float(finite.min()), float(finite.max())
    if not trimmed:
        return low, high, False
    inner_low, inner_high = (float(edge) for edge in np.percentile(finite, (1, 99)))
    room = 0.5 * (inner_high - inner_low)
    kept_low, kept_high = max(low, inner_low - room), min(high, inner_high + room)
    return kept_low, kept_high, kept_low > low or kept_high < high


def value_range(lowest: float, highest: float, least_span: float) -> tuple[float, float]:
    """Return the y range for what is visible, with some air; a flat line lies in the middle."""
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        return -least_span, least_span
    span = max(highest - lowest, least_span)
    middle = (lowest + highest) / 2
    return middle - 0.6 * span, middle + 0.6 * span


def steadied(shown: tuple[float, float] | None, wanted: tuple[float, float]) -> tuple[float, float]:
    """Return the range to show: grows at once, shrinks only when half of it would be empty."""
    if shown is None or wanted[0] < shown[0] or wanted[1] > shown[1]:
        return wanted
    return wanted if wanted[1] - wanted[0] < 0.5 * (shown[1] - shown[0]) else shown


_NICE_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


def time_ticks(t_from: float, t_to: float, most: int = 10) -> list[tuple[float, str]]:
    """Return positions and labels of the time axis: session time, hh:mm:ss."""
    span = t_to - t_from
    step = next((s for s in _NICE_S if span / s <= most), _NICE_S[-1])
    first = math.ceil(t_from / step)
    return [(float(k * step), stamp(k * step)) for k in range(first, math.floor(t_to / step) + 1)]


def value_ticks(low: float, high: float, most: int = 7) -> list[tuple[float, str]]:
    """Return positions and labels of a y axis: steps of 1, 2 or 5 times a power of ten, no more digits than needed."""
    span = high - low
    if not span > 0:
        return []
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(m * power for m in (1, 2, 5, 10, 20) if span / (m * power) <= most)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step), math.floor(high / step)
    return [(k * step, f"{k * step:.{places}f}".replace("-", "−")) for k in range(first, last + 1)]
