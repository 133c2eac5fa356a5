"""The figure of a calibration: the trace with its additions and plateaus, the line with its band, the verdict.

Knows how it is drawn (matplotlib, without a display). Computes nothing.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from acquisition.books.probes import CalibrationRecord
from analysis.calibration.plateaus import Plateau
from analysis.calibration.session import Calibrated, CalibrationSession, currents
from analysis.calibration.text import day, slope_text
from analysis.plot import BLUE, GREY, INK, ORANGE, STYLE, VERMILLION
from analysis.traces import envelope

SHOWN_BEFORE_S = 120.0
"""Of the baseline; the hour of settling before it would hide the steps."""


def save_figure(session: CalibrationSession, one: Calibrated, record: CalibrationRecord, paths: list[Path]) -> None:
    """Draw one channel's calibration; the suffix of each path (png, pdf) gives its format. Raises OSError."""
    figure = calibration_figure(session, one, record)
    for path in paths:
        figure.savefig(path, dpi=160)


def calibration_figure(session: CalibrationSession, one: Calibrated, record: CalibrationRecord) -> Figure:
    """Return the figure of one channel."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 6.6), layout=ConstrainedLayoutEngine(rect=(0, 0, 1, 0.93)))
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(2, 2, height_ratios=[1.25, 1], width_ratios=[1.1, 1])
        _draw_trace(figure.add_subplot(grid[0, :]), session, one)
        _draw_line(figure.add_subplot(grid[1, 0]), one)
        _draw_verdicts(figure.add_subplot(grid[1, 1]), record)
        mark = "SIMULATED  " if record.simulated else ""
        figure.text(0.012, 0.975, f"{mark}Calibration of {record.probe}, site {record.site}, {record.phase} the animal",
                    fontsize=12, weight="bold", va="center", color=VERMILLION if mark else INK)  # fmt: skip
        figure.text(0.012, 0.945, f"{day(record)}, session {record.session}, {record.potential_v * 1e3:g} mV",
                    fontsize=8, va="center", color=GREY)  # fmt: skip
    return figure


def _draw_trace(axis: Axes, session: CalibrationSession, one: Calibrated) -> None:
    start_s = session.additions[0][0] - SHOWN_BEFORE_S
    plateaus = one.result.active.plateaus
    highest_a = max(plateau.level_a for plateau in plateaus)
    scale, unit = (1e9, "nA") if highest_a >= 1e-9 else (1e12, "pA")
    levels = [plateau.level_a * scale for plateau in plateaus]
    lines = [(one.channel, BLUE, "glutamate site", plateaus)]
    if one.sentinel is not None and one.result.sentinel is not None:
        lines.append((one.sentinel, GREY, "sentinel", one.result.sentinel.plateaus))
        levels += [plateau.level_a * scale for plateau in one.result.sentinel.plateaus]
    for channel, colour, label, found in lines:
        part = channel.t_s >= start_s
        low, high, t_min = envelope(channel.t_s[part] / 60, currents(channel)[part] * scale)
        axis.fill_between(t_min, low, high, color=colour, alpha=0.35, lw=0.6, label=label)
        for plateau in found:
            _draw_plateau(axis, plateau, scale, colour)
    span = max(levels) - min(levels)
    axis.set_ylim(min(levels) - 0.08 * span, max(levels) + 0.30 * span)
    for t_s, addition in session.additions:
        axis.axvline(t_s / 60, color=INK, lw=0.6, ls=":")
        axis.annotate(f"{addition.analyte}\n{addition.volume_ul:g} µL", (t_s / 60, 1.0), xytext=(3, -2),
                      xycoords=("data", "axes fraction"), textcoords="offset points", va="top", fontsize=7)  # fmt: skip
    axis.set_xlim(start_s / 60, float(one.channel.t_s[-1]) / 60)
    axis.set_xlabel("time since start of the session (min); thick: plateaus as read, orange: not flat")
    axis.set_ylabel(f"current ({unit})")
    axis.legend(loc="center left")


def _draw_plateau(axis: Axes, plateau: Plateau, scale: float, colour: str) -> None:
    shown = colour if plateau.flat else ORANGE
    axis.plot(
        [plateau.start_s / 60, plateau.end_s / 60], [plateau.level_a * scale] * 2, color=shown, lw=3.2,
        solid_capstyle="butt",
    )  # fmt: skip
    axis.axvspan(plateau.start_s / 60, plateau.end_s / 60, color=colour, alpha=0.05, lw=0)


def _draw_line(axis: Axes, one: Calibrated) -> None:
    site = one.result.active
    rows, x_um, y_a = site.glutamate_points()
    column = site.analytes.index("glutamate")
    across = np.linspace(0.0, float(x_um.max()) * 1.05, 50)
    at = np.repeat(site.concentrations_um[rows[0]][None, :], len(across), axis=0)
    at[:, column] = across
    line, low, high = site.line.band(at)
    scale, unit = (1e9, "nA") if abs(y_a).max() >= 1e-9 else (1e12, "pA")
    axis.fill_between(across, low * scale, high * scale, color=BLUE, alpha=0.2, lw=0, label="95 % band")
    axis.plot(across, line * scale, color=BLUE, lw=1.2)
    axis.plot(x_um, y_a * scale, "o", color=INK, ms=4.5, label="plateaus, drift and dilution of the rest taken off")
    axis.set_xlabel("glutamate, exact (µM)")
    axis.set_ylabel(f"current ({unit})")
    axis.legend(loc="upper left")


def _draw_verdicts(axis: Axes, record: CalibrationRecord) -> None:
    axis.set_axis_off()
    offset = record.ascorbate_offset_um
    at_rest = (
        f"\n{record.ascorbate_um:g} µM ascorbate look like {offset.value:.2g} µM glutamate"
        if offset and offset.value
        else ""
    )
    axis.text(
        0, 1.0, f"slope {slope_text(record.slope_a_per_um)}{at_rest}", transform=axis.transAxes, va="top", fontsize=8
    )
    for number, verdict in enumerate(record.verdicts):
        y = 0.82 - 0.066 * number
        word = {True: "passed", False: "FAILED", None: "–"}[verdict.passed]
        weight = "bold" if verdict.passed is False else "normal"
        colour = VERMILLION if verdict.passed is False else INK
        for x, text in ((0.0, word), (0.14, verdict.gate), (0.50, verdict.found), (0.76, verdict.limit)):
            axis.text(x, y, text, transform=axis.transAxes, va="top", fontsize=7.5, weight=weight, color=colour)
