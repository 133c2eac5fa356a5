"""One working electrode's chemistry: from concentrations at its surface to a current.

Knows sensitivity, film and enzyme lags, saturation, what interferes, background, settling and ageing (science.md 4.1,
4.2). Does not know why concentrations change, noise, when it is sampled, or what a potentiostat does with the current.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_devices.models.grid import SAMPLES_PER_SECOND
from sim_devices.presets.parameter import Table, number

Array = NDArray[np.float64]


class Chemistry(Table):
    """A 15 x 333 um platinum site of a multielectrode array with m-PD; science.md 4.2."""

    sensitivity_a_per_um: float = number(7e-12, 0.0, 2e-9, "A/uM", "D", "glutamate; 2-15 pA/uM, wires 0.3-1.5 nA/uM")
    sensitivity_cv: float = number(0.0, 0.0, 0.5, "1", "A", "spread between sites whose slope the rig does not give")
    apparent_km_um: float = number(1500.0, 100.0, 1e5, "uM", "A", "apparent Km; linear to 200 uM [S]")
    film_lag_s: float = number(0.30, 0.02, 10.0, "s", "S", "diffusion through film and coating; T90 about 1 s")
    enzyme_lag_s: float = number(0.15, 0.02, 10.0, "s", "S", "enzyme layer; T90 about 1 s")
    selectivity_over_ascorbate: float = number(300.0, 1.0, 1e9, "1", "U", "slope for glutamate over that for ascorbate")
    dopamine_share: float = number(0.0, 0.0, 3.0, "1", "S", "slope for dopamine over that for glutamate; 0 with m-PD")
    peroxide_share: float = number(1.5, 0.0, 10.0, "1", "A", "slope for H2O2 over that for glutamate, all sites")
    q10: float = number(1.7, 1.0, 3.0, "1", "A", "enzyme activity per 10 degC")
    first_day_loss: float = number(0.15, 0.0, 0.6, "1", "U", "sensitivity lost in the first day in tissue; 0 to 0.3")
    later_loss_per_day: float = number(0.02, 0.0, 0.2, "1/d", "U", "lost per day after that; 0 to 0.05")
    polarised_from_v: float = number(0.5, 0.0, 1.0, "V", "A", "H2O2 oxidises from here; not at +0.2 V [S] Batten 2018")
    polarised_to_v: float = number(0.8, 0.0, 1.5, "V", "A", "up to here")


class Sentinel(Table):
    """The site without enzyme beside it."""

    gain: float = number(1.0, 0.5, 1.5, "1", "A", "of all but glutamate, over that of the glutamate site; 0.8 to 1.2")
    gain_sd: float = number(0.08, 0.0, 0.3, "1", "A", "spread of that gain between sensors; kept within 0.2 of it")
    crosstalk: float = number(0.0, 0.0, 1.0, "1", "A", "glutamate it sees all the same; 0 to 0.05")

    def drawn_gain(self, rng: np.random.Generator) -> float:
        """Return the gain of one sensor."""
        return self.gain + min(0.2, max(-0.2, self.gain_sd * float(rng.standard_normal())))


class Background(Table):
    """Current without any of the analytes."""

    background_a: float = number(150e-12, 0.0, 1e-7, "A", "U", "20-500 pA sites, 1-30 nA wires")
    per_degree: float = number(0.02, 0.0, 0.2, "1/degC", "A", "change with temperature, as a share")
    settling_fast_a: float = number(2000e-12, 0.0, 1e-6, "A", "A", "settling after the potential comes on, fast part")
    settling_fast_s: float = number(120.0, 1.0, 3600.0, "s", "A", "its time constant")
    settling_slow_a: float = number(300e-12, 0.0, 1e-6, "A", "A", "slow part; makes an hour's wait natural")
    settling_slow_s: float = number(1500.0, 60.0, 1e5, "s", "A", "its time constant")
    drift_per_h: float = number(-0.03, -0.5, 0.5, "1/h", "A", "of the background; up to 0.10 either way")
    walk_a_per_sqrt_h: float = number(5e-12, 0.0, 1e-8, "A/sqrt(h)", "A", "random walk")


class _Recursion(NamedTuple):
    """A linear filter over one second: ``out = of_input @ x + of_state @ s``, and the state after it."""

    of_input: Array
    of_state: Array
    state_of_input: Array
    state_of_state: Array


@lru_cache(maxsize=16)
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


class Film:
    """Film and enzyme layer: two first-order lags in series, one second at a time. Sites of one sensor share it."""

    def __init__(self, film_lag_s: float, enzyme_lag_s: float) -> None:
        self._lag = _lag_filter((film_lag_s, enzyme_lag_s))
        self._state = np.zeros(2)

    def equilibrate(self, glutamate_um: float) -> None:
        """Fill to a steady concentration, as after a long time without looking."""
        self._state = np.full(2, glutamate_um)

    def seen(self, glutamate_um: Array) -> Array:
        """Return what the enzyme sees of one second of tissue glutamate, uM; carries on from the last second."""
        lag, state = self._lag, self._state
        out: Array = lag.of_input @ glutamate_um + lag.of_state @ state
        self._state = lag.state_of_input @ glutamate_um + lag.state_of_state @ state
        return out


def response(seen_um: Array, apparent_km_um: float) -> Array:
    """Return ``G/(1+G/Kapp)``: what a slope is multiplied with, uM."""
    return np.asarray(seen_um / (1.0 + seen_um * (1.0 / apparent_km_um)))


def sensitivity_left(c: Chemistry, in_tissue_s: float) -> float:
    """Return the share of sensitivity left after so long in tissue: most of the first day's loss comes early."""
    days = max(0.0, in_tissue_s) / 86400.0
    first = c.first_day_loss * -math.expm1(-5.0 * days) / -math.expm1(-5.0) if days < 1.0 else c.first_day_loss
    return max(0.0, 1.0 - first - c.later_loss_per_day * max(0.0, days - 1.0))


def settling_a(b: Background, since_switched_s: float) -> float:
    """Return the settling so long after the potential came on, A."""
    fast = b.settling_fast_a * math.exp(-since_switched_s / b.settling_fast_s)
    return fast + b.settling_slow_a * math.exp(-since_switched_s / b.settling_slow_s)
