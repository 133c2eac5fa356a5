"""What one site says of its stimuli and of a drug: measured once, for a report and for a window alike.

Knows which measures belong together, and that a result is shown beside those of other choices. Knows no direction in
which a drug should act, and words nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.effect import Effect, evoked_effect, sensitivity, tonic_effect
from analysis.evoked import Responses, measured, picked
from analysis.measuring import Measuring
from analysis.responses.shape import SMOOTHING_S, Shape
from analysis.responses.windows import aligned
from analysis.review import Recording
from analysis.site_trace import Site, Trace, site_traces

Array = NDArray[np.float64]
FIT = "template fit"
OTHER_SMOOTHING_S = 3.0
"""A result that hangs on the mean before picking is none."""


@dataclass(frozen=True)
class SiteReading:
    """Arrays of responses have shape (stimuli,); values are in the site's unit, whatever the names say."""

    trace: Trace
    """What was measured on."""
    responses: Responses
    shapes: tuple[Shape, ...]
    """What picking tells of each."""
    relative_s: Array
    aligned: Array
    """All responses on one grid, shape (stimuli, m)."""
    effects: Mapping[tuple[str, str], Effect]
    """By (measured, windows), the chosen windows first; other calibrations in these alone. Empty without a drug."""
    tonic: Mapping[str, Effect]
    """After minus before in the chosen windows, by calibration, the one that counts first; empty without a drug."""


def read_site(recording: Recording, site: Site, onsets_s: Array, arrived_s: float, measuring: Measuring) -> SiteReading:
    """Measure a site at stimuli, s, shape (stimuli,), and around a drug's arrival, s; NaN: none arrived.

    Raises ValueError when site and sentinel are not of one time.
    """
    traces, window = site_traces(recording, site), measuring.window
    trace = next(iter(traces.values()))
    responses = measured(*trace, onsets_s, window, measuring.smoothing_s)
    empty = not len(onsets_s) or len(trace[0]) < 3
    relative_s, found = (
        (np.empty(0), np.empty((len(onsets_s), 0)))
        if empty
        else aligned(*trace, list(onsets_s), window.baseline_s[0], window.until_s)
    )
    arrived = bool(np.isfinite(arrived_s))
    return SiteReading(
        trace=trace,
        responses=responses,
        shapes=() if empty else picked(*trace, onsets_s, window, measuring.smoothing_s),
        relative_s=relative_s,
        aligned=found,
        effects=_effects(traces, responses, arrived_s, measuring) if arrived and not empty else {},
        tonic={said: tonic_effect(*one, arrived_s, measuring.effect) for said, one in traces.items()}
        if arrived and len(trace[0])
        else {},
    )


def _effects(
    traces: Mapping[str, Trace], responses: Responses, arrived_s: float, measuring: Measuring
) -> dict[tuple[str, str], Effect]:
    """Return the effect by way of measuring and windows; by the other calibrations in the chosen windows alone."""
    trace, onsets_s, window = next(iter(traces.values())), responses.onset_s, measuring.window
    other_s = OTHER_SMOOTHING_S if measuring.smoothing_s != OTHER_SMOOTHING_S else SMOOTHING_S
    otherwise = picked(*trace, onsets_s, window, other_s)
    ways = {
        FIT: responses.amplitude_um,
        "picked": responses.picked_um,
        f"picked, mean of {other_s:g} s": np.array([shape.amplitude for shape in otherwise]),
    }
    found = sensitivity(onsets_s, ways, arrived_s, measuring.effect_windows)
    chosen = next(iter(measuring.effect_windows))
    for said, one in list(traces.items())[1:]:
        amplitude = measured(*one, onsets_s, window, measuring.smoothing_s).amplitude_um
        found[f"{FIT}, {said}", chosen] = evoked_effect(onsets_s, amplitude, arrived_s, measuring.effect)
    return found
