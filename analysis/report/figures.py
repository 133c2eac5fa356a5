"""Figures of a session's report: aligned responses with their average, and their size over time.

Knows how findings are drawn. Colours are those of Okabe and Ito. Changes and decides nothing.
"""

from __future__ import annotations

import warnings

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.plot import BLUE, GREY, INK, ORANGE, STYLE, VERMILLION
from analysis.report.findings import Findings, PairFindings

CAPTION = (
    "Left: every response aligned to its stimulus, before (blue) and after (vermillion) the drug arrived; lines are "
    "means. Right: size of each response by the template fit, and the blank beside it (grey)."
)


def responses_figure(findings: Findings) -> Figure | None:
    """Return the figure, one row per pair of sites; None when there is nothing to draw."""
    drawn = [pair for pair in findings.pairs if pair.responses is not None and pair.average_um is not None]
    if not drawn:
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 2.8 * len(drawn)), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(drawn), 2, squeeze=False, width_ratios=(1.0, 1.4))
        for row, pair in zip(grid, drawn, strict=True):
            _draw_aligned(row[0], pair, findings)
            _draw_sizes(row[1], pair, findings)
    return figure


def _mean(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return the mean of what is a number; NaN where nothing is, as before a stimulus at the very first sample."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmean(values, axis=axis), np.float64)


def _draw_aligned(axis: Axes, pair: PairFindings, findings: Findings) -> None:
    assert pair.responses is not None  # noqa: S101 - narrows a type; the caller has looked
    assert pair.average_um is not None  # noqa: S101 - the same
    assert pair.average_t_s is not None  # noqa: S101 - the same
    baseline = _mean(np.where(pair.average_t_s < 0, pair.average_um, np.nan), axis=1)[:, None]
    above_um = pair.average_um - baseline
    after = pair.responses.onset_s >= findings.arrived_s  # nothing is after a NaN
    for which, colour, name in ((~after, BLUE, "before"), (after, VERMILLION, "after")):
        some = above_um[which]
        if not len(some):
            continue
        axis.plot(pair.average_t_s, some.T, color=colour, alpha=0.15, linewidth=0.6)
        axis.plot(pair.average_t_s, _mean(some, axis=0), color=colour, linewidth=1.6, label=f"{name}, n = {len(some)}")
    axis.axvline(0.0, color=INK, linewidth=0.6, linestyle=":")
    axis.set_xlabel("after the stimulus (s)")
    axis.set_ylabel(f"{pair.channel}\nabove baseline (µM)")
    axis.legend(loc="upper right")


def _draw_sizes(axis: Axes, pair: PairFindings, findings: Findings) -> None:
    found = pair.responses
    assert found is not None  # noqa: S101 - narrows a type; the caller has looked
    minutes = found.onset_s / 60.0
    axis.plot(minutes, found.blank_um, "x", color=GREY, markersize=4, label="blank")
    axis.plot(minutes, found.amplitude_um, "o-", color=BLUE, markersize=4, linewidth=0.8, label="response")
    if np.isfinite(findings.arrived_s):
        axis.axvline(findings.arrived_s / 60.0, color=ORANGE, linewidth=1.4, label=f"{findings.drug} arrives")
    axis.axhline(0.0, color=GREY, linewidth=0.6)
    axis.set_xlabel("minute of the session")
    axis.set_ylabel("amplitude (µM)")
    axis.legend(loc="best")
