"""How often a calibration's intervals hold the truth when the sensor has not settled, drifts and saturates.

Not a test: 2,000 seeds, some minutes. The tests hold the nominal rate for a settled sensor with a straight line; this
tells what is left of it for the array preset (science.md 4.2) after different waits. Run from the project's folder:
``python -m benchmarks.calibration_coverage [SEEDS]``.
"""

from __future__ import annotations

import sys

import numpy as np

from analysis.calibration.fit import fit_calibration
from sim_devices.presets import shelf
from tests.calibration.beaker_kit import ADDITIONS, BEAKER_UL, T_S, TRUTH, clean, noise_a, preset

BACKGROUND = shelf.sensor("array").background
NOISE = preset(white_a=1.5e-12, pink_a=1.5e-12).noise


def drift_a(wait_min: float, rng: np.random.Generator) -> np.ndarray:
    """Return settling that is left after a wait, drift and random walk of one site, A."""
    b, t_s = BACKGROUND, T_S + 60.0 * wait_min
    left = b.settling_fast_a * np.exp(-t_s / b.settling_fast_s) + b.settling_slow_a * np.exp(-t_s / b.settling_slow_s)
    steady = b.background_a * b.drift_per_h * T_S / 3600.0
    walk = np.cumsum(rng.standard_normal(len(T_S))) * b.walk_a_per_sqrt_h * np.sqrt(0.1 / 3600.0)
    return np.asarray(left + steady + walk)


def row(name: str, seeds: int, wait_min: float | None, km_um: float = 1e5) -> str:
    """Return one line of the table."""
    active, sentinel = clean(km_um)
    inside, gains, off, passed = 0, 0, [], 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        extra = [np.zeros(len(T_S)) if wait_min is None else drift_a(wait_min, rng) for _ in range(2)]
        found = fit_calibration(
            T_S, active + extra[0] + noise_a(NOISE, seed, 0), sentinel + extra[1] + noise_a(NOISE, seed, 1),
            BEAKER_UL, ADDITIONS,
        )  # fmt: skip
        slope, gain = found.slope_a_per_um, found.gain
        inside += slope.low <= TRUTH.slope_a_per_um <= slope.high
        gains += gain is not None and gain.low <= 1 / TRUTH.sentinel_gain <= gain.high
        off.append(slope.value / TRUTH.slope_a_per_um - 1.0)
        passed += found.drift_share <= 0.02
    return (
        f"{name:<34} slope {inside / seeds:6.1%}  gain {gains / seeds:6.1%}  bias {np.mean(off):+6.2%}  "
        f"SD {np.std(off):5.2%}  within the drift gate {passed / seeds:6.1%}"
    )


def main() -> None:
    """Print the table."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print(f"SIMULATED, {seeds} seeds; nominal 95 %")
    print(row("settled, straight", seeds, None))
    for wait in (30.0, 60.0, 120.0):
        print(row(f"array after {wait:g} min, straight", seeds, wait))
    print(row("array after 60 min, Kapp 1500 uM", seeds, 60.0, 1500.0))


if __name__ == "__main__":
    main()
