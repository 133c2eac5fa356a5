"""One working electrode: from concentrations at its surface to a current.

Knows sensitivity, film and enzyme lags, saturation, background, settling, drift and noise (science.md 4.1, 4.2).
Does not know why glutamate changes, when it is sampled, or what a potentiostat does with the current.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_devices.models.grid import OFFSETS_S, SAMPLES_PER_SECOND

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ElectrodeParameters:
    """A 15 x 333 um platinum site of a multielectrode array with m-PD; science.md 4.2."""

    sensitivity_a_per_um: float = 7e-12  # 2 to 15 pA/uM [D] 2.3
    apparent_km_um: float = 1500.0  # 1000 to 3000 [A]
    film_lag_s: float = 0.30  # T90 of both lags ~1 s [S]/[D]
    enzyme_lag_s: float = 0.15  # [S]/[D]
    selectivity_over_ascorbate: float = 300.0  # 20 to 2000 [U]
    background_a: float = 150e-12  # 20 to 500 pA [U]
    settling_fast_a: float = 2000e-12  # x0.3 to x3 [A]
    settling_fast_s: float = 120.0  # [A]
    settling_slow_a: float = 300e-12  # x0.3 to x3 [A]
    settling_slow_s: float = 1500.0  # [A]
    drift_fraction_per_h: float = -0.03  # of the background; +/-0.10 [A]
    drift_walk_a_per_sqrt_h: float = 5e-12  # [A]
    white_noise_a: float = 1.5e-12  # RMS at 10 Hz out, 0.5 to 5 pA [D] from LOD
    pink_noise_a: float = 1.5e-12  # RMS at 10 Hz out [A]
    polarised_from_v: float = 0.5  # [A] hydrogen peroxide oxidises from about here; not at +0.2 V [S] Batten 2018
    polarised_to_v: float = 0.8  # [A]


ARRAY_SITE = ElectrodeParameters()
WIRE = ElectrodeParameters(
    sensitivity_a_per_um=0.8e-9,  # 0.3 to 1.5 nA/uM [D]
    background_a=8e-9,  # 1 to 30 nA [U]
    settling_fast_a=2000e-12 * 10,  # [A] less than in proportion: an implanted wire was polarised hours ago (2.6 [U])
    settling_slow_a=300e-12 * 10,  # [A]
    drift_walk_a_per_sqrt_h=5e-12 * 53,  # [A] in proportion to the background
    white_noise_a=1.5e-12 * 10.7,  # [D] noise goes with the square root of the area [S]; areas from 2.3
    pink_noise_a=1.5e-12 * 10.7,  # [A]
)
WIRE_FROM_A_PER_UM = 0.1e-9
"""Sensitivities from here on mean a wire (0.3 to 1.5 nA/uM), below it an array site (2 to 15 pA/uM) [D]."""


class _Recursion(NamedTuple):
    """A linear filter over one second: ``out = of_input @ x + of_state @ s``, and the state after it."""

    of_input: Array
    of_state: Array
    state_of_input: Array
    state_of_state: Array


@lru_cache(maxsize=8)
def _lag_filter(lags_s: tuple[float, ...]) -> _Recursion:
    """Return first-order lags in series, their input held for one sample, as matrices over one second."""
    shares = -np.expm1(-1.0 / (SAMPLES_PER_SECOND * np.array(lags_s)))
    order = len(lags_s)
    carried = np.eye(order, SAMPLES_PER_SECOND + order, SAMPLES_PER_SECOND)  # each state as weights of (input, state)
    rows = []
    for sample in range(SAMPLES_PER_SECOND):
        feed = np.zeros(SAMPLES_PER_SECOND + order)
        feed[sample] = 1.0
        for stage in range(order):
            carried[stage] += shares[stage] * (feed - carried[stage])
            feed = carried[stage]
        rows.append(feed.copy())
    out = np.array(rows)
    split = SAMPLES_PER_SECOND
    return _Recursion(out[:, :split], out[:, split:], carried[:, :split], carried[:, split:])


PINK_TIMES_S = (0.03, 0.15, 0.75, 3.75, 18.75)
"""Correlation times, a factor of 5 apart: equal variances on them sum to 1/f within about 1 dB [A]."""


@lru_cache(maxsize=1)
def _pink_filter() -> tuple[Array, Array]:
    """Return weights (5, 50, 50) of unit kicks, and decay (5, 50) of the old state; every layer has variance one."""
    keep = np.exp(-1.0 / (SAMPLES_PER_SECOND * np.array(PINK_TIMES_S)))[:, None, None]
    steps = np.arange(SAMPLES_PER_SECOND)
    lag = steps[:, None] - steps[None, :]
    weights = np.where(lag >= 0, keep ** np.maximum(lag, 0), 0.0) * np.sqrt(1.0 - keep**2)
    return np.asarray(weights), np.asarray(keep[:, 0] ** (steps + 1))


@dataclass
class Electrode:
    """One site. Its own noise comes from its own generator; what sites share is handed in by the front end."""

    parameters: ElectrodeParameters
    rng: np.random.Generator
    sees_glutamate: bool
    gain: float = 1.0
    """Of everything but glutamate, relative to the glutamate site beside it: a sentinel's g."""
    _film: Array = field(init=False, repr=False)
    _pink: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._film = np.zeros(2)
        self._pink = self.rng.standard_normal(len(PINK_TIMES_S))

    def equilibrate(self, glutamate_um: float) -> None:
        """Fill the film to a steady concentration, as after a long time without looking."""
        self._film = np.full(2, glutamate_um)

    def film(self, glutamate_um: Array) -> Array:
        """Return what the enzyme layer sees of one second of tissue glutamate, uM; carries on from the last second."""
        lag = _lag_filter((self.parameters.film_lag_s, self.parameters.enzyme_lag_s))
        out: Array = lag.of_input @ glutamate_um + lag.of_state @ self._film
        self._film = lag.state_of_input @ glutamate_um + lag.state_of_state @ self._film
        return out

    def noise(self) -> Array:
        """Return the next second of white and pink noise, A."""
        p = self.parameters
        weights, decay = _pink_filter()
        kicks = self.rng.standard_normal((len(PINK_TIMES_S) + 1, SAMPLES_PER_SECOND))
        layers = np.matmul(weights, kicks[1:, :, None])[:, :, 0] + decay * self._pink[:, None]
        self._pink = layers[:, -1].copy()
        pink: Array = layers.sum(axis=0) * (p.pink_noise_a / len(PINK_TIMES_S) ** 0.5)
        return np.asarray(pink + p.white_noise_a * kicks[0])

    def glutamate_current(self, film_um: Array) -> Array:
        """Return the saturating response ``S*G/(1+G/Kapp)``, A."""
        p = self.parameters
        return np.asarray(p.sensitivity_a_per_um * film_um / (1.0 + film_um / p.apparent_km_um))


def settling_a(p: ElectrodeParameters, since_switched_s: float) -> Array:
    """Return one second of settling, starting this long after the potential came on, A."""
    fast = p.settling_fast_a * np.exp(-(since_switched_s + OFFSETS_S) / p.settling_fast_s)
    slow = p.settling_slow_a * np.exp(-(since_switched_s + OFFSETS_S) / p.settling_slow_s)
    return np.asarray(fast + slow)
