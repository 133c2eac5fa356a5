"""One site of a recording measured with settings of one's own: responses, their average, the effect, how firm it is.

Knows which of the measures belong together, and how they are written as a table. How a thing is measured is known to
``analysis.evoked`` and ``analysis.effect``; a report with the same settings says the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from math import isfinite, nan

import numpy as np
from numpy.typing import NDArray

from acquisition.safe_csv import Cell
from acquisition.signal.self_reference import Match
from analysis.effect import Effect
from analysis.evoked import Responses, stimuli_s
from analysis.measuring import NO_SENTINEL, Measuring
from analysis.report.findings import arrival_of
from analysis.responses.shape import Shape
from analysis.responses.windows import sample_interval_s, smoothed
from analysis.review import Recording
from analysis.site_reading import FIT, read_site
from analysis.site_trace import Site, sites

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """What one site says. Arrays of responses have shape (stimuli,); amplitudes are in ``unit``."""

    measuring: Measuring
    site: Site
    unit: str
    stimulus: str
    drug: str
    arrived_s: float
    """NaN where no drug arrived."""
    trace: tuple[Array, Array]
    """Time, s, and what was measured on, shape (n,) each."""
    responses: Responses
    """Whatever its names say, in ``unit``."""
    shapes: tuple[Shape, ...]
    """What picking tells of each."""
    relative_s: Array
    above: Array
    """Responses aligned, smoothed as for picking, their own baseline taken off, shape (stimuli, m)."""
    effects: Mapping[tuple[str, str], Effect]
    """By (measured, windows), the chosen windows first; empty without a drug that arrived."""
    tonic: Mapping[str, Effect]
    """After minus before by calibration, the one that counts first; empty without a drug that arrived."""
    matched: Match | None

    @property
    def is_after(self) -> NDArray[np.bool_]:
        """Return which responses came after the drug arrived; none where it never did."""
        return np.asarray(self.responses.onset_s >= self.arrived_s)

    @property
    def effect(self) -> Effect | None:
        """Return the effect in the chosen windows by the template fit; None without a drug that arrived."""
        return self.effects.get((FIT, next(iter(self.measuring.effect_windows))))

    def mean_and_sd(self, which: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Return mean and standard deviation of some of the aligned responses, shape (m,) each; NaN where none is."""
        some = self.above[which]
        there = np.isfinite(some)
        count = there.sum(axis=0)
        filled = np.where(there, some, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = filled.sum(axis=0) / count
            spread = np.sqrt((np.where(there, some - mean, 0.0) ** 2).sum(axis=0) / (count - 1))
        return mean, np.where(count > 1, spread, nan)


def remeasure(recording: Recording, stimulus: str, drug: str, measuring: Measuring) -> Measured:
    """Measure the one site that ``measuring`` names; ``drug`` is a pump, empty for no effect.

    Raises ValueError with a sentence for what is not in the recording.
    """
    if not measuring.channel:
        raise ValueError("choose a site to measure")
    (site,) = sites(recording, measuring)
    onsets_s = stimuli_s(recording, stimulus)
    if not len(onsets_s):
        raise ValueError(f"no mark {stimulus!r} is in the recording: there is no stimulus to measure at")
    arrived_s = arrival_of(recording, drug)
    read = read_site(recording, site, onsets_s, arrived_s, measuring)
    if len(read.trace[0]) < 3:
        raise ValueError(f'"{site.channel.name}" has no samples')
    return Measured(
        measuring=measuring,
        site=site,
        unit=site.unit,
        stimulus=stimulus,
        drug=drug,
        arrived_s=arrived_s,
        trace=read.trace,
        responses=read.responses,
        shapes=read.shapes,
        relative_s=read.relative_s,
        above=_above_baseline(read.relative_s, read.aligned, measuring),
        effects=read.effects,
        tonic=read.tonic,
        matched=site.match(),
    )


def _above_baseline(relative_s: Array, found: Array, measuring: Measuring) -> Array:
    first_s, last_s = measuring.window.baseline_s
    inside = (relative_s >= first_s) & (relative_s < last_s)
    there = np.isfinite(found[:, inside])
    count = there.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.where(there, found[:, inside], 0.0).sum(axis=1) / count
    width = round(measuring.smoothing_s / sample_interval_s(relative_s))
    return np.array([smoothed(one, width) - base for one, base in zip(found, level, strict=True)], np.float64)


def table(found: Measured, recording: Recording) -> Iterator[Sequence[Cell]]:
    """Yield the responses as rows of a table, its head first; each row tells how it was measured."""
    unit = found.unit.replace("µ", "u")
    shown = [one.name for one in fields(Shape)]
    heads = [_head(name, unit) for name in shown]
    how = _how(found, recording)
    yield ["no", "onset_s", "after_arrival", f"fitted_{unit}", "fit_r2", *heads, *how]
    got = found.responses
    for number, shape in enumerate(found.shapes):
        after = "" if not isfinite(found.arrived_s) else "yes" if found.is_after[number] else "no"
        numbers = (_cell(getattr(shape, name)) for name in shown)
        fit = (_cell(got.amplitude_um[number]), _cell(got.r2[number]))
        yield [number + 1, float(got.onset_s[number]), after, *fit, *numbers, *how.values()]


def _how(found: Measured, recording: Recording) -> dict[str, Cell]:
    """Return the columns that are alike in all rows."""
    measuring = found.measuring
    return {
        "session": recording.data.header.session_id,
        "origin": recording.data.header.mark.strip() or "measured",
        "channel": found.site.channel.name,
        "sentinel": NO_SENTINEL if found.site.sentinel is None else found.site.sentinel.name,
        "stimulus": found.stimulus,
        "drug_pump": found.drug,
        "arrived_s": _cell(found.arrived_s),
        "baseline_from_s": measuring.window.baseline_s[0],
        "baseline_to_s": measuring.window.baseline_s[1],
        "search_from_s": measuring.window.search_s[0],
        "search_to_s": measuring.window.search_s[1],
        "until_s": measuring.window.until_s,
        "direction": measuring.window.direction,
        "smoothing_s": measuring.smoothing_s,
    }


def _head(name: str, unit: str) -> str:
    if name in {"baseline", "baseline_sd", "amplitude", "blank"}:
        return f"{'picked' if name == 'amplitude' else name}_{unit}"
    return f"area_{unit}_s" if name == "area" else name


def _cell(value: float) -> Cell:
    return float(value) if isfinite(value) else None
