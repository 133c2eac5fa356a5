"""Numbers of one response as the literature reports them, picked from the smoothed trace.

Knows amplitude, rise, decay and area. Does not know where a response comes from. Picking a maximum has a positive
floor: even an empty window has one. That floor stands beside each amplitude (``blank``), and the template fit
(``template``) does without it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf, nan

import numpy as np
from numpy.typing import NDArray

from analysis.responses.windows import ResponseWindow, sample_interval_s, smoothed

Array = NDArray[np.float64]

SMOOTHING_S = 1.0
"""Width of the centred mean before picking, s; the one that science.md 2.7 [D-sim] tells the floor for."""
DECAY_FIT = (0.8, 0.2)
"""The decay constant is fitted where the response falls from this to that part of its amplitude [A]."""


@dataclass(frozen=True)
class Shape:
    """One response; NaN where it cannot be told. In the unit of the trace (µM or A) and seconds."""

    baseline: float
    baseline_sd: float
    """Of the unsmoothed samples."""
    amplitude: float
    """Largest departure from the baseline in the search window and direction, with its sign."""
    t_peak_s: float
    """After the onset."""
    rise_10_90_s: float
    t50_s: float
    """From the peak to half of it."""
    t80_s: float
    """From the peak until 80 % of it is gone."""
    decay_per_s: float
    """First-order decay constant k1."""
    decay_r2: float
    area: float
    """Above the baseline from the onset to the end of the window; unit times s."""
    snr: float
    """Amplitude over the SD of the smoothed baseline."""
    blank: float
    """What the same picking finds in an equal window before the stimulus, where nothing happened."""


def measure(t_s: Array, values: Array, window: ResponseWindow, smoothing_s: float = SMOOTHING_S) -> Shape:
    """Return the numbers of the response at ``t_s`` = 0; both arrays have shape (n,), evenly spaced but for gaps.

    For the blank, samples from ``-window.blank_reach_s`` on are needed; without them it is NaN. A recording without a
    baseline or without a sample in the search window gives NaN throughout.
    """
    interval_s = sample_interval_s(t_s)
    smooth = smoothed(values, round(smoothing_s / interval_s))
    blank = _pick(t_s + window.blank_shift_s, values, smooth, window)
    found = _pick(t_s, values, smooth, window)
    if found is None:
        numbers = dict.fromkeys((field.name for field in fields(Shape)), nan)
        return Shape(**{**numbers, "blank": nan if blank is None else blank.amplitude})
    rises = (smooth - found.baseline) * np.sign(found.amplitude or 1.0)
    size = abs(found.amplitude)
    decay_per_s, decay_r2 = _decay(t_s, rises, size, found.t_peak_s, window.until_s)
    return Shape(
        baseline=found.baseline,
        baseline_sd=found.baseline_sd,
        amplitude=found.amplitude,
        t_peak_s=found.t_peak_s,
        rise_10_90_s=_rise(t_s, rises, size, found.t_peak_s, window.search_s[0]),
        t50_s=_fallen_to(t_s, rises, 0.5 * size, found.t_peak_s, window.until_s),
        t80_s=_fallen_to(t_s, rises, 0.2 * size, found.t_peak_s, window.until_s),
        decay_per_s=decay_per_s,
        decay_r2=decay_r2,
        area=_area(t_s, values - found.baseline, window),
        snr=size / found.smooth_sd if found.smooth_sd > 0 else inf if size else nan,
        blank=nan if blank is None else blank.amplitude,
    )


@dataclass(frozen=True)
class _Peak:
    baseline: float
    baseline_sd: float
    smooth_sd: float
    amplitude: float
    t_peak_s: float


def _pick(t_s: Array, values: Array, smooth: Array, window: ResponseWindow) -> _Peak | None:
    """Return the largest departure from the baseline; None without a baseline or a window to search."""
    in_baseline = (t_s >= window.baseline_s[0]) & (t_s < window.baseline_s[1]) & np.isfinite(values)
    in_search = (t_s >= window.search_s[0]) & (t_s <= window.search_s[1]) & np.isfinite(smooth)
    if np.count_nonzero(in_baseline) < 3 or not in_search.any() or t_s[0] > window.baseline_s[0]:
        return None
    baseline = float(np.mean(values[in_baseline]))
    departures = smooth[in_search] - baseline
    at = int(np.argmax({"up": departures, "down": -departures, "either": np.abs(departures)}[window.direction]))
    return _Peak(
        baseline=baseline,
        baseline_sd=float(np.std(values[in_baseline], ddof=1)),
        smooth_sd=float(np.nanstd(smooth[in_baseline], ddof=1)),
        amplitude=float(departures[at]),
        t_peak_s=float(t_s[in_search][at]),
    )


def _rise(t_s: Array, rises: Array, size: float, t_peak_s: float, from_s: float) -> float:
    """Return the time from the last crossing of 10 % before the peak to the first of 90 % after that, s."""
    part = (t_s >= from_s) & (t_s <= t_peak_s) & np.isfinite(rises)
    t, y = t_s[part], rises[part]
    below = np.flatnonzero(y < 0.1 * size)
    if not len(below) or below[-1] + 1 >= len(y):
        return nan
    t10_s = _crossing(t, y, int(below[-1]), 0.1 * size)
    above = np.flatnonzero(y[below[-1] :] >= 0.9 * size)
    if not len(above) or above[0] == 0:
        return nan
    return _crossing(t, y, int(below[-1] + above[0] - 1), 0.9 * size) - t10_s


def _fallen_to(t_s: Array, rises: Array, level: float, t_peak_s: float, until_s: float) -> float:
    """Return the time from the peak to the first sample at or below the level, interpolated, s."""
    part = (t_s >= t_peak_s) & (t_s <= until_s) & np.isfinite(rises)
    t, y = t_s[part], rises[part]
    below = np.flatnonzero(y <= level)
    if not len(below) or below[0] == 0:
        return nan
    return _crossing(t, y, int(below[0] - 1), level) - t_peak_s


def _crossing(t: Array, y: Array, before: int, level: float) -> float:
    """Return where the line from sample ``before`` to the next one meets the level."""
    step = float(y[before + 1] - y[before])
    part = (level - float(y[before])) / step if step else 0.0
    return float(t[before]) + part * float(t[before + 1] - t[before])


def _decay(t_s: Array, rises: Array, size: float, t_peak_s: float, until_s: float) -> tuple[float, float]:
    """Return (k1 per s, R²) of a straight line through the logarithm of the falling part; NaN where it has none."""
    high, low = DECAY_FIT
    first_s = t_peak_s + _fallen_to(t_s, rises, high * size, t_peak_s, until_s)
    last_s = t_peak_s + _fallen_to(t_s, rises, low * size, t_peak_s, until_s)
    part = (t_s >= first_s) & (t_s <= last_s) & np.isfinite(rises) & (rises > 0)
    if np.count_nonzero(part) < 3:
        return nan, nan
    t, logs = t_s[part], np.log(rises[part])
    slope, intercept = np.polyfit(t, logs, 1)
    spread = float(np.sum((logs - logs.mean()) ** 2))
    left = float(np.sum((logs - (slope * t + intercept)) ** 2))
    return float(-slope), 1.0 - left / spread if spread else nan


def _area(t_s: Array, above: Array, window: ResponseWindow) -> float:
    """Return the area from the onset to the end; NaN when samples are missing at either end, gaps are bridged."""
    part = (t_s >= window.search_s[0]) & (t_s <= window.until_s) & np.isfinite(above)
    interval_s = sample_interval_s(t_s)
    t = t_s[part]
    if len(t) < 3 or t[0] > window.search_s[0] + 2 * interval_s or t[-1] < window.until_s - 2 * interval_s:
        return nan
    return float(np.trapezoid(above[part], t))
