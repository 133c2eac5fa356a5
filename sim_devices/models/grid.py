"""The physics grid: everything slow moves once a second, everything a converter can see fifty times a second.

Knows two step lengths and the ramps between grid points. Does not know any physics.
"""

from __future__ import annotations

import numpy as np

SECOND_NS = 1_000_000_000
"""Step of drug, transients, drift and ascorbate."""
SAMPLES_PER_SECOND = 50
SAMPLE_NS = SECOND_NS // SAMPLES_PER_SECOND
"""Currents are held for 20 ms; a front end sampled faster sees each value more than once [A]."""
OFFSETS_S = np.arange(SAMPLES_PER_SECOND) / SAMPLES_PER_SECOND
"""Times of a second's samples after its start, shape (50,); also the ramp from one grid point to the next."""
