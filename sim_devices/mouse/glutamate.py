"""Extracellular glutamate at the sensor: basal level, spontaneous transients, and what the drug leaves of them.

Knows G(t) of science.md 4.1. Does not know drugs (it is told M, release as a fraction of normal), sensors or pumps.
The drug acts with a lag of one grid step (1 s): within second k the level runs from M at k-1 to M at k, so that no
second depends on what a pump may still be told during it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim_devices.models.grid import OFFSETS_S


@dataclass(frozen=True)
class GlutamateParameters:
    """Mouse prefrontal cortex, awake; science.md 4.3."""

    basal_um: float = 3.3  # 1 to 6 [S] Hascup 2008
    neuronal_fraction: float = 0.20  # 0.15 to 0.5 [S] TTX -20 %
    transients_per_min: float = 1.0  # 1 to 5 [U]
    transient_min_um: float = 0.3  # [U]
    transient_max_um: float = 1.5  # [U]
    decay_min_s: float = 2.0  # [U]
    decay_max_s: float = 5.0  # [U]


@dataclass(frozen=True)
class _Transient:
    onset_s: float
    amplitude_um: float
    """Without drug; release scales it by M at its onset."""
    decay_s: float


@dataclass
class ExtracellularGlutamate:
    """Glutamate around every sensor of this mouse, second by second. Times are seconds since the world's start."""

    parameters: GlutamateParameters
    rng: np.random.Generator
    _multipliers: list[float] = field(default_factory=lambda: [1.0], init=False, repr=False)
    """M at 0, 1, 2, ... s."""
    _transients: list[_Transient] = field(default_factory=list, init=False, repr=False)
    _onsets_s: list[float] = field(default_factory=list, init=False, repr=False)
    _drawn_until_s: float = field(default=0.0, init=False, repr=False)

    @property
    def seconds(self) -> int:
        """Return how many seconds of drug effect are known."""
        return len(self._multipliers) - 1

    def extend(self, multiplier: float) -> None:
        """Take M at the end of one more second."""
        self._multipliers.append(multiplier)

    def multiplier_at(self, t_s: float) -> float:
        """Return the M that acts at ``t_s``: one second late, and straight between grid points."""
        second = int(t_s)
        if second == 0:
            return 1.0
        before, after = self._multipliers[second - 1], self._multipliers[second]
        return before + (after - before) * (t_s - second)

    def during(self, second: int) -> NDArray[np.float64]:
        """Return the concentration at the 50 samples of ``second``, uM; needs M at its start."""
        p = self.parameters
        before, after = (self._multipliers[second - 1], self._multipliers[second]) if second else (1.0, 1.0)
        fixed_um = p.basal_um * (1.0 - p.neuronal_fraction)
        level = fixed_um + p.basal_um * p.neuronal_fraction * (before + (after - before) * OFFSETS_S)
        for transient in self._active(second):
            age_s = second - transient.onset_s + OFFSETS_S
            amplitude_um = transient.amplitude_um * self.multiplier_at(transient.onset_s)
            level += np.where(age_s >= 0, amplitude_um * np.exp(-np.maximum(age_s, 0.0) / transient.decay_s), 0.0)
        return level

    def _active(self, second: int) -> list[_Transient]:
        """Return those begun before the end of ``second`` and not yet faded (12 time constants)."""
        self._draw_until(second + 1)
        first = bisect_left(self._onsets_s, second - 12.0 * self.parameters.decay_max_s)
        return self._transients[first : bisect_left(self._onsets_s, second + 1)]

    def _draw_until(self, end_s: float) -> None:
        """Extend the Poisson train past ``end_s``; it is the same train however it is asked for."""
        p = self.parameters
        while self._drawn_until_s < end_s and p.transients_per_min > 0:
            self._drawn_until_s += float(self.rng.exponential(60.0 / p.transients_per_min))
            amplitude_um = float(self.rng.uniform(p.transient_min_um, p.transient_max_um))
            decay_s = float(self.rng.uniform(p.decay_min_s, p.decay_max_s))
            self._transients.append(_Transient(self._drawn_until_s, amplitude_um, decay_s))
            self._onsets_s.append(self._drawn_until_s)


@dataclass(frozen=True)
class AscorbateParameters:
    """Ascorbate in the same tissue; a slow wander that both sites see."""

    basal_um: float = 250.0  # 150 to 1000 [S] BMC Neurosci 2007 8:32
    wander_sd_um: float = 50.0  # [A]
    wander_time_s: float = 600.0  # [A]
    lowest_um: float = 150.0  # [S] lower end of the range
    highest_um: float = 1000.0  # [S] upper end, reached with arousal


@dataclass
class Ascorbate:
    """Ascorbate concentration on the seconds' grid, a mean-reverting random walk."""

    parameters: AscorbateParameters
    rng: np.random.Generator
    _deviations_um: list[float] = field(default_factory=lambda: [0.0], init=False, repr=False)

    def at(self, second: int) -> float:
        """Return the concentration at the start of ``second``, uM."""
        p = self.parameters
        keep = math.exp(-1.0 / p.wander_time_s)
        kick_um = p.wander_sd_um * math.sqrt(1.0 - keep * keep)
        while len(self._deviations_um) <= second:
            self._deviations_um.append(keep * self._deviations_um[-1] + kick_um * float(self.rng.standard_normal()))
        return min(p.highest_um, max(p.lowest_um, p.basal_um + self._deviations_um[second]))
