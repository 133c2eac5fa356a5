"""From current to concentration, as far as one number can take it.

Knows the slope of a calibration. Does not know baselines, interferents or filters: what comes out is *apparent*
micromolar, the concentration that would explain the whole current, background included.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def apparent_um(current_a: NDArray[np.float64], sensitivity_a_per_um: float) -> NDArray[np.float64]:
    """Return current / sensitivity, any shape, µM. No baseline is subtracted; NaN stays NaN.

    Raises ValueError for a sensitivity of zero or one that is not a number: such a channel has no µM scale.
    """
    if not np.isfinite(sensitivity_a_per_um) or sensitivity_a_per_um == 0.0:
        raise ValueError(f"a sensitivity of {sensitivity_a_per_um} A/µM gives no concentration")
    return np.asarray(current_a, dtype=np.float64) / sensitivity_a_per_um
