"""How the traces are looked at: which stretch of time, which unit, which range, which ticks.

All times here are seconds since the start of the session. A µM axis is *apparent* µM: current divided by the
sensitivity in the rig file, with no baseline taken off; channels without a sensitivity stay in amperes and say so.
What a channel is shown as (``gui.presenters.displays``) comes on top.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from acquisition.messages import ChannelView
from gui.derived_trace import Present
from gui.presenters.displays import MEASURED, Display, band_half_um, match_words
from gui.presenters.text import NOTHING, Tone, plain, stamp

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

FLAG_TIMING, FLAG_OVERLOAD, FLAG_UNDERLOAD, FLAG_NEAR_LIMIT, FLAG_NOT_A_NUMBER, FLAG_OTHER_RANGE = 1, 2, 4, 8, 16, 32
"""The bits of drivers.capabilities.SampleFlag, which the screen may not import; a test holds them together."""
_FLAG_WORDS: tuple[tuple[int, str, Tone], ...] = (
    (FLAG_OVERLOAD, "▲ OVERLOAD", "alarm"),
    (FLAG_NOT_A_NUMBER, "✕ NO VALUE", "alarm"),
    (FLAG_NEAR_LIMIT, "▲ near limit", "warn"),
    (FLAG_OTHER_RANGE, "▲ other range", "warn"),
    (FLAG_UNDERLOAD, "▽ far below range", "dim"),
    (FLAG_TIMING, "▲ timing", "warn"),
)


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


@dataclass(frozen=True)
class ChannelHead:
    """The texts beside one trace."""

    name: str
    role: str
    value: str
    unit: str
    remark: str
    """What is special about the value or its axis."""
    flag: str
    flag_tone: Tone
    gaps: str
    look: str = MEASURED.button
    """What the trace is shown as."""
    detail: str = ""
    """Whole sentences, for the tooltip."""


def channel_head(
    channel: ChannelView,
    unit: AxisUnit,
    scale: Scale,
    *,
    old: bool,
    cut_off: bool = False,
    display: Display = MEASURED,
    present: Present | None = None,
) -> ChannelHead:
    """Return what stands beside the trace; a value that is old or has no line behind it is not shown as present.

    ``present`` is the right end of the trace where it is not shown as measured.
    """
    measured = channel.last_current_a
    known = measured is not None and math.isfinite(measured) and not old and channel.link == "online"
    current = (measured if present is None else present.current_a) if known else None
    if current is not None and not math.isfinite(current):
        current = None
    own = unit if current is None else axis_unit(channel, scale, abs(current), delta=display.delta)
    band = _band(current, channel, own)
    remarks = (
        "apparent" if own.text.startswith("apparent") else "",
        "no sensitivity" if scale == "apparent" and not channel.sensitivity_a_per_um else "",
        f"axis in {unit.text}" if unit.text != own.text else "",
        band,
        _from_baseline(channel, scale, present) if display.delta and not old else "",
        "not filtered" if display.unfiltered else "",
    )
    matched, match_tone, match_detail = match_words(None if old or present is None else present.match)
    flag, tone = _first_flag(_flag(channel), (matched, match_tone), cut_off=cut_off)
    return ChannelHead(
        name=plain(channel.name),
        role=" · ".join(part for part in (display.gain_from, plain(channel.role), plain(channel.instrument)) if part),
        value=NOTHING if current is None else figures(current * own.per_a, signed=display.delta),
        unit=own.text.removeprefix("apparent ").removeprefix("Δ "),
        remark=" · ".join(part for part in remarks if part),
        flag=flag,
        flag_tone=tone,
        gaps="" if not channel.gaps else f"{channel.gaps} gap{'s' if channel.gaps > 1 else ''}",
        look=display.button,
        detail=" ".join(part for part in (display.detail, _BAND if band else "", match_detail) if part),
    )


_BAND = "±: what the 95 % interval of the calibration's slope leaves open; noise, drift and interferents come on top."


def _from_baseline(channel: ChannelView, scale: Scale, present: Present | None) -> str:
    if present is None or not math.isfinite(present.baseline_a):
        return "baseline not known yet"
    unit = axis_unit(channel, scale, abs(present.baseline_a))
    return f"from {figures(present.baseline_a * unit.per_a)} {unit.text.removeprefix('apparent ')}"


def _band(current: float | None, channel: ChannelView, unit: AxisUnit) -> str:
    """Say how far the interval of the slope reaches, with as many digits as the value has."""
    half = band_half_um(current, channel) if current is not None and unit.text.endswith("µM") else None
    return "" if half is None or current is None else f"±{half:.{_places(current * unit.per_a)}f}"


def _first_flag(own: tuple[str, Tone], match: tuple[str, Tone], *, cut_off: bool) -> tuple[str, Tone]:
    """Return the worst of what the instrument says, a sentinel that does not match, a trace cut off by its axis."""
    if own[0] and own[1] != "dim":
        return own
    if match[1] == "warn":
        return match
    if cut_off:
        return "↕ beyond the axis", "warn"
    return own if own[0] else match


def figures(value: float, *, signed: bool = False) -> str:
    """Return a value beside a trace with as many digits as the eye can use."""
    return f"{value:{'+' if signed else ''}.{_places(value)}f}".replace("-", "−")


def _places(value: float) -> int:
    size = abs(value)
    return 3 if size < 1 else 2 if size < 100 else 1


def _flag(channel: ChannelView) -> tuple[str, Tone]:
    if channel.link == "lost":
        return "✕ LINE LOST", "alarm"
    if channel.link == "connecting":
        return "… connecting", "busy"
    return flag_text(channel.flags)


def flag_text(flags: int) -> tuple[str, Tone]:
    """Return the worst that a sample's flags say, and its tone; empty where they say nothing."""
    for bit, word, tone in _FLAG_WORDS:
        if flags & bit:
            return word, tone
    return "", "dim"
