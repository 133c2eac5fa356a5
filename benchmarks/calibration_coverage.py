"""How often a calibration's intervals hold the truth when the sensor has not settled, drifts and saturates.

Not a test: 400 seeds, some minutes. The tests hold the nominal rate for a settled sensor and for the worst of these;
this tells all of them, for the array preset (science.md 4.2) after different waits. Run from the project's folder:
``python -m benchmarks.calibration_coverage [SEEDS]``.
"""

from __future__ import annotations

import sys

import numpy as np

from analysis.calibration.fit import fit_calibration
from tests.calibration.beaker_kit import ADDITIONS, ARRAY_NOISE, BEAKER_UL, T_S, TRUTH, clean, drift_a, noise_a


def row(name: str, seeds: int, wait_min: float | None, km_um: float) -> str:
    """Return one line of the table."""
    active, sentinel = clean(km_um)
    inside, gains, kms, off, half, passed = 0, 0, 0, [], [], 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        extra = [np.zeros(len(T_S)) if wait_min is None else drift_a(wait_min, rng) for _ in range(2)]
        found = fit_calibration(
            T_S, active + extra[0] + noise_a(ARRAY_NOISE, seed, 0), sentinel + extra[1] + noise_a(ARRAY_NOISE, seed, 1),
            BEAKER_UL, ADDITIONS,
        )  # fmt: skip
        slope, gain, km = found.slope_a_per_um, found.gain, found.apparent_km_um
        inside += slope.low <= TRUTH.slope_a_per_um <= slope.high
        gains += gain is not None and gain.low <= 1 / TRUTH.sentinel_gain <= gain.high
        kms += km is not None and km.low <= km_um <= km.high
        off.append(slope.value / TRUTH.slope_a_per_um - 1.0)
        half.append(0.5 * (slope.high - slope.low) / TRUTH.slope_a_per_um)
        passed += found.drift_share <= 0.02
    return (
        f"{name:<32} slope {inside / seeds:6.1%}  gain {gains / seeds:6.1%}  Kapp {kms / seeds:6.1%}  "
        f"bias {np.mean(off):+6.2%}  SD {np.std(off):5.2%}  half of the interval {np.median(half):5.2%}  "
        f"within the drift gate {passed / seeds:6.1%}"
    )


def main() -> None:
    """Print the table."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print(f"SIMULATED, {seeds} seeds; nominal 95 %")
    for km_um, said in ((1e5, "straight"), (1500.0, "Kapp 1500 uM"), (500.0, "Kapp 500 uM")):
        print(row(f"settled, {said}", seeds, None, km_um), flush=True)
        for wait in (30.0, 60.0, 120.0):
            print(row(f"array after {wait:g} min, {said}", seeds, wait, km_um), flush=True)


if __name__ == "__main__":
    main()
