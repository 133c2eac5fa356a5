"""Extracellular glutamate at the sensor: tonic, spontaneous and evoked, and what the drug leaves of each.

Knows G(t) of science.md 4.1. Does not know drugs (it is told M, release as a fraction of normal), sensors or pumps.
Whatever acts, acts one second late: within second k the level runs from M at k-1 to M at k, so that no second depends
on what a pump may still be told during it. For ejected potassium that second stands for its way to the sensor [A].
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from sim_devices.models.grid import OFFSETS_S
from sim_devices.mouse.history import KEPT_S, History
from sim_devices.presets.parameter import Table, number

_Event = TypeVar("_Event")
_AT_ONCE = 256
FADED = 12.0
"""Time constants after which nothing is left to be seen."""


class Glutamate(Table):
    """Mouse prefrontal cortex, awake; science.md 4.3."""

    basal_um: float = number(3.3, 0.5, 60.0, "uM", "S", "tonic level; Hascup 2008, awake mouse PFC")
    basal_scale: float = number(1.0, 1.0, 2.0, "1", "A", "of the tonic level in a depression-like animal")
    neuronal_fraction: float = number(
        0.20, 0.0, 0.6, "1", "S", "of the tonic level; TTX -20 % in mice, 40-50 % in rats"
    )
    transients_per_min: float = number(1.0, 0.0, 10.0, "1/min", "U", "spontaneous transients")
    transient_low_um: float = number(0.3, 0.0, 10.0, "uM", "U", "smallest transient")
    transient_high_um: float = number(1.5, 0.0, 10.0, "uM", "U", "largest transient")
    transient_decay_low_s: float = number(2.0, 0.2, 30.0, "s", "U", "shortest decay")
    transient_decay_high_s: float = number(5.0, 0.2, 30.0, "s", "U", "longest decay")
    evoked_um: float = number(2.0, 0.0, 20.0, "uM", "S", "peak after the reference ejection; Mattinson 2011, rat PrL")
    evoked_scale: float = number(1.0, 1.0, 2.0, "1", "A", "of evoked release in a depression-like animal")
    evoked_cv: float = number(0.25, 0.0, 1.0, "1", "A", "spread of evoked peaks within an animal")
    evoked_rise_s: float = number(1.5, 0.1, 10.0, "s", "A", "rise of evoked release")
    evoked_decay_s: float = number(8.0, 1.0, 60.0, "s", "A", "decay of evoked release")
    run_down: float = number(0.01, 0.0, 0.05, "1", "A", "of evoked release with every ejection")
    ejected_nmol: float = number(12.0, 0.1, 500.0, "nmol", "U", "K+ of the reference ejection: 100 nL of 120 mM")

    @model_validator(mode="after")
    def _rises_before_it_decays(self) -> Glutamate:
        if not self.evoked_decay_s > self.evoked_rise_s:
            raise ValueError("evoked_decay_s must be longer than evoked_rise_s")
        return self


@dataclass(frozen=True)
class _Transient:
    onset_s: float
    amplitude_um: float
    """Without drug; release scales it by M at its onset."""
    decay_s: float


@dataclass(frozen=True)
class _Evoked:
    onset_s: float
    amplitude_um: float
    """At the peak of one that is released at once, drug included."""
    length_s: float
    """Released evenly over so long; 0: at once."""


class ExtracellularGlutamate:
    """Glutamate around every sensor of this animal, second by second. Times are seconds since the world's start."""

    def __init__(self, parameters: Glutamate, rng: np.random.Generator, evoked_rng: np.random.Generator) -> None:
        p = self.parameters = parameters
        self._evoked_rng = evoked_rng
        self._multipliers = History(1.0)
        self._swings_um = History(0.0)
        self._train = _Train(p, rng)
        self._evoked: list[_Evoked] = []
        self._onsets_s: list[float] = []
        self._ejections = 0
        self._ejecting_until_s = -math.inf
        self._this_um = 0.0
        self._peak = _peak(p.evoked_rise_s, p.evoked_decay_s)

    @property
    def seconds(self) -> int:
        """Return how many seconds of drug effect are known."""
        return len(self._multipliers) - 1

    def extend(self, multiplier: float, swing_um: float) -> None:
        """Take M and the sleep-wake swing at the end of one more second."""
        self._multipliers.append(multiplier)
        self._swings_um.append(swing_um)

    def evoke(self, onset_s: float, size: float, length_s: float = 0.0) -> None:
        """Release after a depolarisation of this size (1: the reference ejection), which must lie in the future.

        What follows the one before without a pause belongs to the same ejection.
        """
        p = self.parameters
        if onset_s > self._ejecting_until_s:
            ejection_um = p.evoked_um * p.evoked_scale * (1.0 - p.run_down) ** self._ejections
            spread = math.sqrt(math.log1p(p.evoked_cv**2))
            chance = float(self._evoked_rng.standard_normal())
            self._this_um = ejection_um * math.exp(spread * chance - 0.5 * spread**2)
            self._ejections += 1
        self._ejecting_until_s = onset_s + length_s
        amplitude_um = size * self._this_um * self._multipliers.last
        self._evoked.append(_Evoked(onset_s, amplitude_um, length_s))
        self._onsets_s.append(onset_s)
        _forget(self._evoked, self._onsets_s, onset_s - KEPT_S)

    def multiplier_at(self, t_s: float) -> float:
        """Return the M that acts at ``t_s``: one second late, and straight between grid points."""
        second = int(t_s)
        if second == 0:
            return 1.0
        before, after = self._multipliers[second - 1], self._multipliers[second]
        return before + (after - before) * (t_s - second)

    def tonic_um(self, second: int) -> float:
        """Return the level beneath all transients and evoked release at a second that is known, uM."""
        p = self.parameters
        basal_um = p.basal_um * p.basal_scale
        fixed_um, neuronal_um = basal_um * (1.0 - p.neuronal_fraction), basal_um * p.neuronal_fraction
        return fixed_um + neuronal_um * self._multipliers[second] + self._swings_um[second]

    def during(self, second: int) -> NDArray[np.float64]:
        """Return the concentration at the 50 samples of ``second``, uM; needs M at its start. Never below zero."""
        start_um, end_um = self.tonic_um(max(0, second - 1)), self.tonic_um(second)
        level = start_um + (end_um - start_um) * OFFSETS_S
        for transient in self._train.active(second):
            age_s = second - transient.onset_s + OFFSETS_S
            amplitude_um = transient.amplitude_um * self.multiplier_at(transient.onset_s)
            level += np.where(age_s >= 0, amplitude_um * np.exp(-np.maximum(age_s, 0.0) / transient.decay_s), 0.0)
        if self._onsets_s:
            self._add_evoked(level, second)
        return np.maximum(level, 0.0)

    def _add_evoked(self, level: NDArray[np.float64], second: int) -> None:
        p = self.parameters
        first = bisect_left(self._onsets_s, second - 1 - FADED * p.evoked_decay_s)
        for evoked in self._evoked[first : bisect_left(self._onsets_s, second + 1)]:
            age_s = second - evoked.onset_s + OFFSETS_S
            shape = _released(age_s, evoked.length_s, p.evoked_decay_s) - _released(
                age_s, evoked.length_s, p.evoked_rise_s
            )
            level += evoked.amplitude_um / self._peak * shape


class _Train:
    """The Poisson train of spontaneous transients: the same train however it is asked for."""

    def __init__(self, parameters: Glutamate, rng: np.random.Generator) -> None:
        self._p, self._rng = parameters, rng
        self._transients: list[_Transient] = []
        self._onsets_s: list[float] = []
        self._drawn_until_s = 0.0

    def active(self, second: int) -> list[_Transient]:
        """Return those begun before the end of ``second`` and not yet faded."""
        self._draw_until(second + 1)
        first = bisect_left(self._onsets_s, second - FADED * self._p.transient_decay_high_s)
        return self._transients[first : bisect_left(self._onsets_s, second + 1)]

    def _draw_until(self, end_s: float) -> None:
        p = self._p
        while self._drawn_until_s < end_s and p.transients_per_min > 0:
            self._drawn_until_s += float(self._rng.exponential(60.0 / p.transients_per_min))
            amplitude_um = float(self._rng.uniform(p.transient_low_um, p.transient_high_um))
            decay_s = float(self._rng.uniform(p.transient_decay_low_s, p.transient_decay_high_s))
            self._transients.append(_Transient(self._drawn_until_s, amplitude_um, decay_s))
            self._onsets_s.append(self._drawn_until_s)
            _forget(self._transients, self._onsets_s, self._drawn_until_s - KEPT_S)


def _forget(events: list[_Event], onsets_s: list[float], before_s: float) -> None:
    """Drop what began so long ago that nobody asks for it any more; not at once, but before it is much."""
    if len(onsets_s) > _AT_ONCE and onsets_s[_AT_ONCE] < before_s:
        del events[:_AT_ONCE], onsets_s[:_AT_ONCE]


def _peak(rise_s: float, decay_s: float) -> float:
    """Return the largest value of ``exp(-t/decay) - exp(-t/rise)``."""
    at_s = math.log(decay_s / rise_s) * rise_s * decay_s / (decay_s - rise_s)
    return math.exp(-at_s / decay_s) - math.exp(-at_s / rise_s)


def _released(age_s: NDArray[np.float64], length_s: float, tau_s: float) -> NDArray[np.float64]:
    """Return what is left of one unit put in evenly over ``length_s`` and decaying with ``tau_s``."""
    if not length_s:
        return np.where(age_s >= 0, np.exp(-np.maximum(age_s, 0.0) / tau_s), 0.0)
    inside = np.clip(age_s, 0.0, length_s)
    after = np.maximum(age_s - length_s, 0.0)
    return np.asarray(-np.expm1(-inside / tau_s) * np.exp(-after / tau_s) * (tau_s / length_s))
