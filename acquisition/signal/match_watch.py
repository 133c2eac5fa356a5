"""How well a sentinel matches its site over the last half hour, while the recording runs.

Knows the two currents thinned to ten means a second, of a bounded stretch. The judgement itself is
``self_reference.match``, as in the analysis. Does not know screens or calibrations.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from acquisition.signal.filters import JUMP
from acquisition.signal.self_reference import Match, match

Floats = NDArray[np.float64]

OVER_S = 1800.0
"""Long enough that something moves both sites in a mouse that is awake: arousal swings in 10 to 30 min [A]."""
MEAN_S = 0.1
STEP_S = 10.0
"""Between the means that ``match`` compares."""


@dataclass
class MatchWatch:
    """The last ``over_s`` of two sites, ``interval_s`` between samples; a gap is one NaN."""

    interval_s: float
    over_s: float = OVER_S
    _means: Floats = field(init=False, repr=False)
    """Shape (2, n): active, sentinel."""
    _open: Floats = field(default_factory=lambda: np.empty((2, 0)), init=False, repr=False)
    _last_s: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._means = np.empty((2, 0))

    @property
    def _per_mean(self) -> int:
        return max(round(MEAN_S / self.interval_s), 1)

    @property
    def mean_s(self) -> float:
        """Return the time between two means, s."""
        return self._per_mean * self.interval_s

    def add(self, t_s: Floats, active_a: Floats, sentinel_a: Floats) -> None:
        """Take samples of the same times, shape (n,), A."""
        if not len(t_s):
            return
        before = t_s[0] if self._last_s is None else self._last_s
        gaps = np.flatnonzero(np.diff(t_s, prepend=before) > JUMP * self.interval_s)
        self._last_s = float(t_s[-1])
        both = np.stack((active_a, sentinel_a))
        both = np.insert(np.where(np.isfinite(both), both, np.nan), gaps, np.nan, axis=1)
        both = np.concatenate((self._open, both), axis=1)
        whole = both.shape[1] // self._per_mean * self._per_mean
        self._open = both[:, whole:]
        new = both[:, :whole].reshape(2, -1, self._per_mean).mean(axis=2)
        # whole steps leave at the front, so that the steps that stay are cut where they were cut before
        means = np.concatenate((self._means, new), axis=1)
        per_step = self._per_step
        spare = max(means.shape[1] - round(self.over_s / self.mean_s), 0)
        self._means = means[:, (spare + per_step - 1) // per_step * per_step :]

    @property
    def _per_step(self) -> int:
        return max(round(STEP_S / self.mean_s), 1)

    def quality(self, gain: float) -> Match:
        """Return how well ``gain`` matches the two over the stretch that is kept; noise is that of the means."""
        return match(self._means[0], self._means[1], gain, self._per_step)
