"""One channel as somebody wants to look at it: less its sentinel, smoothed, from its baseline; never what is recorded.

Knows how to follow the recorded samples of the window's store in pieces small enough for a frame, however far it has to
catch up after somebody chose another filter. The arithmetic is ``acquisition.signal.derived``. No Qt.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, nan

import numpy as np

from acquisition.signal.derived import Derivation, Recipe
from acquisition.signal.match_watch import MatchWatch
from acquisition.signal.pyramid import Floats, MinMaxPyramid
from acquisition.signal.self_reference import Match

JUDGED_EVERY_S = 5.0


@dataclass(frozen=True)
class Present:
    """What is at the right end of a derived trace. Amperes; NaN where there is nothing."""

    current_a: float = nan
    baseline_a: float = nan
    match: Match | None = None


@dataclass
class DerivedTrace:
    """``pyramid`` holds the line in seconds and amperes. It begins where the store still has every sample."""

    recipe: Recipe
    interval_s: float
    pyramid: MinMaxPyramid = field(default_factory=MinMaxPyramid, init=False)
    _derivation: Derivation = field(init=False, repr=False)
    _watch: MatchWatch = field(init=False, repr=False)
    _last_s: float = field(default=-inf, init=False)
    _last_a: float = field(default=nan, init=False)
    _judged_s: float = field(default=-inf, init=False)
    _match: Match | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._derivation = Derivation(self.recipe, self.interval_s)
        self._watch = MatchWatch(self.interval_s)

    def catch_up(self, active: MinMaxPyramid, sentinel: MinMaxPyramid | None, most: int) -> int:
        """Take at most ``most`` samples that are recorded and not in yet; return how many those were."""
        t_s, current_a = active.after(self._last_s, most)
        if not len(t_s):
            return 0
        beside_a = None
        if sentinel is not None:
            beside_a = _at(t_s, *sentinel.after(self._last_s, most))
            self._watch.add(t_s, current_a, beside_a)
        shown_a = self._derivation.add(t_s, current_a, beside_a)
        holes = np.isnan(shown_a)
        again = holes & np.concatenate(([bool(np.isnan(self._last_a))], holes[:-1]))
        self.pyramid.append(t_s[~again], shown_a[~again])  # a long hole is one hole
        self._last_s, self._last_a = float(t_s[-1]), float(shown_a[-1])
        return len(t_s)

    def present(self, not_before_s: float) -> Present:
        """Return the newest values, where they are not older than that, and the match so far."""
        baseline = self._derivation.baseline
        if self.recipe.gain is not None and self._last_s >= self._judged_s + JUDGED_EVERY_S:
            self._match, self._judged_s = self._watch.quality(self.recipe.gain), self._last_s
        if self._last_s < not_before_s:
            return Present(match=self._match)
        return Present(self._last_a, nan if baseline is None else baseline.level, self._match)


def _at(t_s: Floats, beside_s: Floats, beside_a: Floats) -> Floats:
    """Return the sentinel's values at the times of the site; NaN where it has none."""
    if np.array_equal(t_s, beside_s):
        return beside_a
    found = np.full(len(t_s), nan)
    if len(beside_s):
        place = np.minimum(np.searchsorted(beside_s, t_s), len(beside_s) - 1)
        same = beside_s[place] == t_s
        found[same] = beside_a[place[same]]
    return found
