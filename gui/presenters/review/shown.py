"""The texts and marks beside the lines of a recording: what stands at the moment under the pointer.

Knows numbers, units and words. Does not know pixels, but for how wide one is in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gui.presenters.heads import figures, flag_text
from gui.presenters.review.lines import ChannelLine, FlaggedRun, PumpLine, TraceLine
from gui.presenters.text import NOTHING, Tone, digits, plain
from gui.presenters.traces import AxisUnit

MOST_BARS = 4000


@dataclass(frozen=True)
class ChannelTexts:
    """What stands beside a trace."""

    name: str
    role: str
    value: str
    unit: str
    remark: str
    tone: Tone


@dataclass(frozen=True)
class PumpTexts:
    """What stands beside the rates of a pump."""

    name: str
    solution: str
    rate: str
    unit: str
    given: str


def channel_texts(
    channel: ChannelLine, unit: AxisUnit, at_s: float | None, *, cut_off: bool, fault: str = ""
) -> ChannelTexts:
    """Return the texts of a channel; the value is the sample's own, not a smoothed one. ``fault`` is of the filter."""
    instrument, _, name = channel.name.partition(".")
    value = math.nan if at_s is None else channel.line.at(at_s, 1.5 * channel.interval_s) * unit.per_a
    remark: str
    tone: Tone
    remark, tone = ("", "dim") if at_s is None else flag_text(channel.flags_at(at_s))
    if not remark and at_s is not None and not math.isfinite(value):
        remark, tone = "no sample here", "warn"
    if not remark and fault:
        remark, tone = f"not filtered: {fault}", "warn"
    if not remark and cut_off:
        remark, tone = "↕ beyond the axis", "warn"
    if not remark:
        remark, tone = _whole(channel)
    return ChannelTexts(
        name=plain(name),
        role=plain(channel.role) if channel.fixed else f"{plain(channel.role)} · {plain(instrument)}",
        value="" if at_s is None else figures(value) if math.isfinite(value) else NOTHING,
        unit=f"in {unit.text}" if at_s is None else unit.text,
        remark=remark,
        tone=tone,
    )


def _whole(channel: ChannelLine) -> tuple[str, Tone]:
    """Say what is wrong with a channel anywhere in the recording."""
    parts = [f"{channel.gaps} gap{'s' if channel.gaps > 1 else ''}"] if channel.gaps else []
    if channel.flagged:
        parts.append(f"{len(channel.flagged)} stretch{'es' if len(channel.flagged) > 1 else ''} flagged")
    if not channel.sensitivity_a_per_um and channel.role == "glutamate":
        parts.append("not calibrated")
    return " · ".join(parts), "warn" if parts else "dim"


def pump_texts(pump: PumpLine, at_s: float | None) -> PumpTexts:
    """Return the texts of a pump: rate at the animal, and what had reached it, at a moment; without one, in all."""
    if at_s is None:
        arrived = pump.arrived_ul.value
        total_ul = float(arrived[-1]) if len(arrived) else 0.0
        return PumpTexts(plain(pump.name), plain(pump.solution), "", "in µL/min", f"in all {_dose(pump, total_ul)}")
    now, total_ul = _last_before(pump.at_animal, at_s), _last_before(pump.arrived_ul, at_s)
    given = f"so far {_dose(pump, total_ul)}"
    return PumpTexts(plain(pump.name), plain(pump.solution), digits(now), "µL/min arriving", given)


def _last_before(line: TraceLine, at_s: float) -> float:
    """Return the value of the last row at or before a moment; rates hold until the next row."""
    row = int(np.searchsorted(line.t_s, at_s, side="right")) - 1
    return float(line.value[row]) if row >= 0 else 0.0


def _dose(pump: PumpLine, volume_ul: float) -> str:
    if pump.dose_unit == "µL":
        return f"{digits(volume_ul)} µL"
    return f"{digits(volume_ul)} µL, {digits(volume_ul * pump.dose_per_ul)} {pump.dose_unit}"


def flag_bars(flagged: tuple[FlaggedRun, ...], left_s: float, right_s: float, least_s: float) -> dict[str, list[float]]:
    """Return bars over the flagged samples in view, as times in pairs by tone; each at least ``least_s`` long.

    Bars that touch become one, so that many flagged samples cost no more than there are pixels.
    """
    bars: dict[str, list[float]] = {}
    for run in flagged:
        if run.end_s < left_s or run.start_s > right_s:
            continue
        tone = flag_text(run.flags)[1]
        found = bars.setdefault(tone, [])
        if found and run.start_s <= found[-1] + least_s:
            found[-1] = max(found[-1], run.end_s, run.start_s + least_s)
        elif len(found) < MOST_BARS:
            found += [run.start_s, max(run.end_s, run.start_s + least_s)]
    return bars
