"""A filed calibration drawn from its record alone, for reports of sessions that rest on it.

Knows what a record holds: levels of plateaus, slope, ratios, verdicts. The trace lies in the calibration's own session,
which whoever reads a report need not have. Computes nothing but what the record says of its levels.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from acquisition.books.probes import CalibrationRecord
from analysis.calibration.dilution import Addition, concentrations_um
from analysis.calibration.text import day
from analysis.plot import BLUE, GREY, INK, ORANGE, STYLE, VERMILLION
from analysis.spelled import spelled

Floats = NDArray[np.float64]

CAPTION = (
    "Calibrations that the session was recorded with, drawn from their records. Left: level of each plateau (blue: "
    "glutamate site, grey: sentinel, orange: not flat), dotted: additions. Right: glutamate steps, drift and other "
    "analytes taken off, with the slope and its 95 % interval."
)


def records_figure(records: Sequence[CalibrationRecord]) -> Figure | None:
    """Return the figure, one row per calibration; None for none."""
    if not records:
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 2.7 * len(records)), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(records), 2, squeeze=False, width_ratios=(1.4, 1.0))
        for row, record in zip(grid, records, strict=True):
            _draw_levels(row[0], record)
            _draw_steps(row[1], record)
    return figure


def glutamate_points(record: CalibrationRecord) -> tuple[Floats, Floats]:
    """Return (µM, A) of the glutamate steps and the plateau before them, drift and what else was there taken off."""
    um = concentrations_um(record.beaker_ul, [Addition(a.analyte, a.volume_ul, a.stock_um) for a in record.additions])
    glutamate, ascorbate, dopamine = um[:, 0], um[:, 1], um[:, 2]
    middles_s = np.array([0.5 * (one.start_s + one.end_s) for one in record.windows])
    levels_a = np.array([one.level_a for one in record.windows])
    levels_a = levels_a - (record.drift_a_per_s or 0.0) * (middles_s - middles_s[0])
    slope = record.slope_a_per_um.value or 0.0
    if record.selectivity is not None and record.selectivity.value:
        levels_a = levels_a - slope / record.selectivity.value * ascorbate
    if record.dopamine_share is not None and record.dopamine_share.value:
        levels_a = levels_a - slope * record.dopamine_share.value * dopamine
    rises = np.flatnonzero(np.diff(glutamate) > 0)
    rows = np.unique(np.concatenate([rises, rises + 1]))
    return glutamate[rows], levels_a[rows]


def _scale(record: CalibrationRecord) -> tuple[float, str]:
    return (1e9, "nA") if max(one.level_a for one in record.windows) >= 1e-9 else (1e12, "pA")


def _draw_levels(axis: Axes, record: CalibrationRecord) -> None:
    scale, unit = _scale(record)
    for one in record.windows:
        t_min = [one.start_s / 60, one.end_s / 60]
        axis.plot(t_min, [one.level_a * scale] * 2, color=BLUE if one.flat else ORANGE, lw=3.2, solid_capstyle="butt")
        if one.sentinel_level_a is not None:
            axis.plot(t_min, [one.sentinel_level_a * scale] * 2, color=GREY, lw=3.2, solid_capstyle="butt")
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.22 * (high - low))
    for added in record.additions:
        axis.axvline(added.t_s / 60, color=INK, lw=0.6, ls=":")
        axis.annotate(spelled(added.analyte), (added.t_s / 60, 1.0), xytext=(3, -2), textcoords="offset points",
                      xycoords=("data", "axes fraction"), va="top", fontsize=6.5, parse_math=False)  # fmt: skip
    mark = "SIMULATED " if record.simulated else ""
    title = f"{mark}{spelled(record.probe)}, site {spelled(record.site)}, {record.phase} the animal, {day(record)}"
    axis.set_title(title, loc="left", fontsize=8, color=VERMILLION if mark else INK, parse_math=False)
    axis.set_xlabel("minute of the calibration")
    axis.set_ylabel(f"current ({unit})")


def _draw_steps(axis: Axes, record: CalibrationRecord) -> None:
    scale, unit = _scale(record)
    x_um, y_a = glutamate_points(record)
    slope, km = record.slope_a_per_um, record.apparent_km_um
    across = np.linspace(0.0, float(x_um.max()) * 1.05, 60)
    bend = 1.0 / km.value if km is not None and km.value else 0.0
    shape = across / (1.0 + bend * across)
    start_a = float(np.mean(y_a - (slope.value or 0.0) * x_um / (1.0 + bend * x_um)))
    ends = [(start_a + (end or 0.0) * shape) * scale for end in (slope.low, slope.high)]
    axis.fill_between(across, ends[0], ends[1], color=BLUE, alpha=0.2, lw=0)
    axis.plot(across, (start_a + (slope.value or 0.0) * shape) * scale, color=BLUE, lw=1.2)
    axis.plot(x_um, y_a * scale, "o", color=INK, ms=4)
    axis.set_xlabel("glutamate, exact (µM)")
    axis.set_ylabel(f"current ({unit})")
