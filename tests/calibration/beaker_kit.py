"""A simulated calibration as two traces, and the truth about it: the beaker of science.md 2.4, many seeds at once.

The clean traces go through the simulator's whole front end once; noise of each seed comes from the simulator's own
noise model at the 10 Hz output. A test holds that both ways make the same samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from analysis.calibration.dilution import Addition
from sim_devices.models.beaker import Addition as Poured
from sim_devices.models.beaker import Beaker, BeakerParameters
from sim_devices.models.front_end import FrontEnd, Site
from sim_devices.models.noise import Noise, SiteNoise, white_a
from sim_devices.presets import shelf
from sim_devices.presets.sensor import SensorPreset

Floats = NDArray[np.float64]
S = 1_000_000_000
BEAKER_UL = 40_000.0
FAST = (
    ("ascorbate", 500.0, 20.0),
    *((("glutamate", 40.0, 20.0),) * 3),
    ("dopamine", 40.0, 2.0),
    ("peroxide", 40.0, 8.8),
)
"""Analyte, µL, mM; science.md 2.4."""
BASELINE_S, EACH_S = 310, 60
LENGTH_S = BASELINE_S + EACH_S * len(FAST)
TIMES_S = tuple(float(BASELINE_S + EACH_S * number) for number in range(len(FAST)))
ADDITIONS = [(at, Addition(name, ul, mm * 1000.0)) for at, (name, ul, mm) in zip(TIMES_S, FAST, strict=True)]
T_S: Floats = np.arange(LENGTH_S * 10) / 10


@dataclass(frozen=True)
class Truth:
    """What the simulated sensor is."""

    slope_a_per_um: float = 7e-12
    selectivity: float = 300.0
    sentinel_gain: float = 0.85
    """Sentinel over active, as the simulator has it."""


TRUTH = Truth()


def preset(km_um: float = 1e5, **noise: float) -> SensorPreset:
    """Return an array without noise but for what is named; saturation out of the way unless asked for."""
    still = shelf.sensor("array-noiseless")
    chemistry = still.chemistry.model_copy(update={"apparent_km_um": km_um})
    return still.model_copy(update={"chemistry": chemistry, "noise": still.noise.model_copy(update=noise)})


def traces(sensor: SensorPreset, seed: int = 1, gain: float = TRUTH.sentinel_gain) -> tuple[Floats, Floats]:
    """Return (active, sentinel) in A through the simulator's whole front end, 10 Hz."""
    beaker = Beaker(BeakerParameters())
    rngs = np.random.default_rng(seed).spawn(3)
    sites = {
        0: Site(TRUTH.slope_a_per_um, 1.0, SiteNoise(sensor.noise, rngs[0]), 1),
        1: Site(0.0, gain, SiteNoise(sensor.noise, rngs[1]), 2),
    }
    cell = FrontEnd(beaker, sensor, sites, rngs[2], ages=False)
    cell.set_cell(on=True, potential_v=0.7, now_ns=0)
    pours = dict(zip(TIMES_S, FAST, strict=True))
    rows = []
    for second in range(LENGTH_S):
        if second in pours:
            analyte, volume_ul, stock_mm = pours[second]
            beaker.add(Poured.model_validate(
                {"analyte": analyte, "volume_ul": volume_ul, "stock_mm": stock_mm}), second)  # fmt: skip
        rows += [[cell.current_a(site, (second * 10 + tenth) * S // 10) for site in (0, 1)] for tenth in range(10)]
    both = np.array(rows)
    return both[:, 0], both[:, 1]


@lru_cache(maxsize=4)
def clean(km_um: float = 1e5) -> tuple[Floats, Floats]:
    """Return the noise-free traces."""
    return traces(preset(km_um))


def drift_a(wait_min: float, rng: np.random.Generator) -> Floats:
    """Return what is left of one site's settling so long after the potential came on, drift and random walk, A."""
    b, t_s = shelf.sensor("array").background, T_S + 60.0 * wait_min
    left = b.settling_fast_a * np.exp(-t_s / b.settling_fast_s) + b.settling_slow_a * np.exp(-t_s / b.settling_slow_s)
    steady = b.background_a * b.drift_per_h * T_S / 3600.0
    walk = np.cumsum(rng.standard_normal(len(T_S))) * b.walk_a_per_sqrt_h * np.sqrt(0.1 / 3600.0)
    return np.asarray(left + steady + walk)


@lru_cache(maxsize=500)
def noise_a(noise: Noise, seed: int, site: int) -> Floats:
    """Return one site's noise at 10 Hz, A: white over 100 ms and 1/f."""
    source = SiteNoise(noise, np.random.default_rng((seed, site)))
    rows = []
    for _ in range(LENGTH_S):
        pink, charges = source.second()
        rows.append((pink + white_a(charges, 5))[4::5])
    return np.concatenate(rows)


ARRAY_NOISE = preset(white_a=1.5e-12, pink_a=1.5e-12).noise


def noisy(seed: int, white: float = 1.5e-12, pink: float = 1.5e-12) -> tuple[Floats, Floats]:
    """Return the traces of one seed with the array's noise."""
    model = preset(white_a=white, pink_a=pink).noise
    active, sentinel = clean()
    return active + noise_a(model, seed, 0), sentinel + noise_a(model, seed, 1)
