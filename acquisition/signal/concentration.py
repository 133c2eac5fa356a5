"""From current to concentration, as far as one number can take it.

Knows the slope of a calibration and its interval. Does not know baselines, interferents or filters: what comes out is
*apparent* micromolar, the concentration that would explain the whole current, background included.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def apparent_um(
    current_a: NDArray[np.float64], sensitivity_a_per_um: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return current / sensitivity, any shape, µM; one sensitivity, or one per sample of a sensor that loses some.

    No baseline is subtracted; NaN stays NaN. Raises ValueError for a sensitivity of zero or one that is not a number:
    such a channel has no µM scale.
    """
    if not (np.isfinite(sensitivity_a_per_um) & (np.asarray(sensitivity_a_per_um) != 0.0)).all():
        raise ValueError(f"a sensitivity of {sensitivity_a_per_um} A/µM gives no concentration")
    return np.asarray(current_a, dtype=np.float64) / sensitivity_a_per_um


def um_band(
    current_a: NDArray[np.float64], slope_low_a_per_um: float, slope_high_a_per_um: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and highest concentration that the slope's interval leaves open, any shape, µM.

    The interval is that of the calibration (95 %); noise, drift and interferents are not in it. A change of current
    goes in as well as a current. Raises ValueError for an interval that is none or holds zero.
    """
    if not (np.isfinite(slope_high_a_per_um) and 0.0 < slope_low_a_per_um <= slope_high_a_per_um):
        raise ValueError(f"a slope of {slope_low_a_per_um} to {slope_high_a_per_um} A/µM gives no band")
    ends = apparent_um(current_a, slope_low_a_per_um), apparent_um(current_a, slope_high_a_per_um)
    return np.minimum(*ends), np.maximum(*ends)
