"""Records of calibrations as they are filed, made by hand: whoever reads them needs no beaker."""

from __future__ import annotations

from typing import Any

from acquisition.books.probes import CalibrationRecord, FiledCalibration, Interval, VerdictRecord

DAY_NS = 86_400 * 10**9
FAST = (
    ("ascorbate", 500.0, 2e4),
    *((("glutamate", 40.0, 2e4),) * 3),
    ("dopamine", 40.0, 2e3),
    ("peroxide", 40.0, 8.8e3),
)
LEVELS_PA = (150.0, 155.8, 292.2, 424.6, 553.2, 553.0, 613.0)


def interval(value: float, share: float = 0.02) -> Interval:
    """Return a value with so much of it on both sides."""
    return Interval(value=value, low=value * (1.0 - share), high=value * (1.0 + share))


def record(*, slope_a_per_um: float = 7e-12, passed: bool = True, **changed: Any) -> CalibrationRecord:
    """Return the record of a site with a slope of 7 pA/µM, an apparent Km of 1500 µM and a gain of 1.18."""
    exact = (246.9, 19.73, 39.43, 59.08, 1.97, 8.65)
    values: dict[str, Any] = {
        "version": 1, "probe": "R2-0417", "site": "glu", "phase": "before", "simulated": False, "session": "beaker-1",
        "session_fingerprint": "a1" * 32, "protocol_sha256": "b" * 64, "measured_wall_ns": DAY_NS, "by": "Ada",
        "software": "amperfuse test", "potential_v": 0.7, "beaker_ul": 4e4,
        "additions": [{"analyte": a, "volume_ul": v, "stock_um": s, "t_s": 310.0 + 60 * n, "exact_um": exact[n],
                       "nominal_um": exact[n]} for n, (a, v, s) in enumerate(FAST)],
        "windows": [{"number": n, "start_s": 285.0 + 60 * n, "end_s": 305.0 + 60 * n, "level_a": level * 1e-12,
                     "sentinel_level_a": 1.2e-10, "flat": True, "found": True} for n, level in enumerate(LEVELS_PA)],
        "slope_a_per_um": interval(slope_a_per_um), "apparent_km_um": interval(1500.0, 0.3),
        "step_slopes_a_per_um": (6.91e-12, 6.72e-12, 6.54e-12), "noise_sd_a": 2e-12, "drift_a_per_s": 0.0,
        "lod_um": 0.86, "r2": 0.9998, "linear_to_um": 59.08, "selectivity": interval(300.0), "ascorbate_um": 250.0,
        "ascorbate_offset_um": interval(0.83), "dopamine_share": interval(0.001), "crosstalk": interval(0.001),
        "gain": interval(1.18), "response_s": 3.6, "drift_share": 0.001, "gates": "the program's proposals",
        "verdicts": (VerdictRecord(gate="slope_min", found="7 pA/µM", limit="≥ 3 pA/µM", passed=passed),),
        "valid_for_s": 7 * 86_400.0,
    }  # fmt: skip
    return CalibrationRecord(**{**values, **changed})


def filed(number: int = 1, **changed: Any) -> FiledCalibration:
    """Return such a record as it lies in its book."""
    return FiledCalibration(number=number, wall_ns=number, record=record(**changed))
