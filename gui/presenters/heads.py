"""What stands beside a trace: name, present value, what is special about it, what is wrong with it.

Knows in which order these matter. Does not know where a trace lies on the screen (``gui.presenters.traces``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from acquisition.messages import ChannelView
from gui.derived_trace import Present
from gui.presenters.displays import MEASURED, Display, band_half_um, match_words
from gui.presenters.text import NOTHING, Tone, plain
from gui.presenters.traces import AxisUnit, Scale, axis_unit

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
        role=" · ".join(part for part in (display.taken_off, plain(channel.role), plain(channel.instrument)) if part),
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
