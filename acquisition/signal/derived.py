"""From what was recorded to what is looked at: sentinel off, smoothed, baseline off, in this order.

Knows the order and nothing else: each step is a module of its own. The same recipe serves the live trace, fed piece by
piece, and a whole recording afterwards. Amperes in, amperes out; what is recorded stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from acquisition.signal.baseline import RunningBaseline
from acquisition.signal.filters import NONE, DisplayFilter, FilterSpec
from acquisition.signal.self_reference import self_referenced

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """What is done to a channel. ``gain`` None: no sentinel is subtracted; ``baseline_s`` None: no baseline."""

    gain: float | None = None
    filter: FilterSpec = NONE
    baseline_s: float | None = None


@dataclass
class Derivation:
    """One recipe on its way through one channel; ``interval_s`` is the distance of its samples, s.

    Raises ValueError for a filter that does not work at this distance.
    """

    recipe: Recipe
    interval_s: float
    baseline: RunningBaseline | None = field(init=False)
    _filter: DisplayFilter = field(init=False, repr=False)

    def __post_init__(self) -> None:
        over_s = self.recipe.baseline_s
        self.baseline = None if over_s is None else RunningBaseline(over_s)
        self._filter = DisplayFilter(self.recipe.filter, self.interval_s)

    def add(self, t_s: Floats, current_a: Floats, sentinel_a: Floats | None = None) -> Floats:
        """Return the next values, shape (n,), A. Raises ValueError where a sentinel is wanted and there is none."""
        if self.recipe.gain is not None:
            if sentinel_a is None:
                raise ValueError("a sentinel is to be subtracted and there is none")
            current_a = self_referenced(_known(current_a), _known(sentinel_a), self.recipe.gain)
        smooth_a = self._filter.add(t_s, current_a)
        return smooth_a if self.baseline is None else np.asarray(smooth_a - self.baseline.add(t_s, smooth_a))


def derived(
    t_s: Floats, current_a: Floats, recipe: Recipe, interval_s: float, sentinel_a: Floats | None = None
) -> Floats:
    """Return a whole recording as the screen had it, shape (n,), A."""
    return Derivation(recipe, interval_s).add(t_s, current_a, sentinel_a)


def _known(values: Floats) -> Floats:
    """Return the values with NaN for what is not finite: infinity less infinity says nothing."""
    return np.where(np.isfinite(values), values, np.nan)
