"""Where to look around a stimulus: which seconds are baseline, which may hold the response, and what is blanked.

Knows stretches of time relative to an onset. Does not know peaks, instruments or sessions. A sample is never deleted:
blanking is an annotation, and what it covers is NaN to whoever measures (science.md 2.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Direction = Literal["up", "down", "either"]


@dataclass(frozen=True)
class ResponseWindow:
    """Stretches around a stimulus, s after its onset; each is (first, last).

    The blank window is as long as the search window and lies before the stimulus, with a baseline of its own before
    it: what is measured there is what noise alone gives (science.md 2.7 [D-sim]).
    """

    baseline_s: tuple[float, float] = (-10.0, 0.0)
    search_s: tuple[float, float] = (0.0, 15.0)
    until_s: float = 60.0
    """End of the response: decay and area are looked for up to here."""
    direction: Direction = "up"
    """Where a response points: evoked glutamate goes up. "either" takes the larger departure, with a larger floor."""
    blank_gap_s: float = 1.0
    """From the end of the blank's search window to the baseline of the real one."""

    def __post_init__(self) -> None:
        """Refuse windows that contradict each other. Raises ValueError."""
        if not self.baseline_s[0] < self.baseline_s[1] <= self.search_s[0] < self.search_s[1] <= self.until_s:
            raise ValueError(
                "a response needs a baseline that begins and ends before the search window, and an end after it: "
                f"baseline {self.baseline_s}, search {self.search_s}, until {self.until_s} s"
            )

    @property
    def blank_shift_s(self) -> float:
        """Return by how much the blank's onset lies before the real one, s."""
        return self.search_s[1] - self.baseline_s[0] + self.blank_gap_s

    @property
    def blank_reach_s(self) -> float:
        """Return how far before the onset samples are needed for the blank window, s."""
        return self.blank_shift_s - self.baseline_s[0]


def blanked(t_s: Array, values: Array, stretches: Sequence[tuple[float, float]]) -> Array:
    """Return values, shape (n,), with NaN in every stretch (first, last) of ``t_s``; the input stays as it is."""
    shown = np.array(values, dtype=np.float64)
    for first_s, last_s in stretches:
        shown[(t_s >= first_s) & (t_s <= last_s)] = np.nan
    return shown


def sample_interval_s(t_s: Array) -> float:
    """Return the interval of evenly spaced samples, s; gaps are allowed. Raises ValueError for fewer than 3 samples."""
    if len(t_s) < 3:
        raise ValueError("fewer than 3 samples have no sample interval")
    return float(np.median(np.diff(t_s)))


def aligned(t_s: Array, values: Array, onsets_s: Sequence[float], first_s: float, last_s: float) -> tuple[Array, Array]:
    """Return (time after onset, shape (m,); values, shape (onsets, m)) on one grid of the recording's own interval.

    Between two neighbouring samples the value is interpolated; beyond the recording, in a gap (more than one and a half
    intervals) and beside a NaN it is NaN.
    """
    interval_s = sample_interval_s(t_s)
    numbers = np.arange(round(first_s / interval_s), round(last_s / interval_s) + 1)
    relative_s = np.asarray(numbers * interval_s, np.float64)
    at_s = np.asarray(onsets_s, float)[:, None] + relative_s
    found = np.interp(at_s, t_s, values, left=np.nan, right=np.nan)
    after = np.clip(np.searchsorted(t_s, at_s), 1, len(t_s) - 1)
    in_gap = t_s[after] - t_s[after - 1] > 1.5 * interval_s
    exact = np.isclose(t_s[after], at_s) | np.isclose(t_s[after - 1], at_s)
    found[in_gap & ~exact] = np.nan
    return relative_s, np.asarray(found, np.float64)


def smoothed(values: Array, samples: int) -> Array:
    """Return the centred mean over ``samples`` (made odd) neighbours, shape kept; NaN counts as missing.

    A stretch of which fewer than half is there gives NaN. No delay: this is for measuring afterwards, not for a screen.
    """
    width = max(1, samples | 1)
    if width == 1:
        return np.array(values, dtype=np.float64)
    there = np.isfinite(values)
    kernel = np.ones(width)
    count = np.convolve(there.astype(float), kernel, "same")
    total = np.convolve(np.where(there, values, 0.0), kernel, "same")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count * 2.0 > width, total / count, np.nan)
