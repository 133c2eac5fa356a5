"""The plot of a session: glutamate, infusion and dose on one clock, ready for a lab book or a paper.

Knows how a recording is drawn on paper (matplotlib, without a display). Changes and decides nothing. Colours are
those of Okabe and Ito, told apart by colour-blind readers too, and every line also differs in style or position.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from acquisition.events import EventKind
from acquisition.recording.session_data import InfusionData, SessionData, StreamData
from acquisition.signal.concentration import apparent_um
from analysis.dose import dose_factor
from analysis.spelled import spelled
from analysis.steps import StepSpan, step_spans
from analysis.subject_words import weight_text
from analysis.traces import envelope, medians, with_breaks

BLUE, VERMILLION, GREEN, ORANGE, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#6B7280"
ROLE_COLOURS = {"glutamate": BLUE, "sentinel": GREY, "other": GREEN}
SMOOTH_S = 10.0
"""Width of the running median drawn over the raw trace; for the eye only, nothing stored is filtered."""
INK, PAPER_GREY = "#111827", "#e5e7eb"
STEP_COLOURS = {"infuse": ORANGE, "wait": PAPER_GREY, "stable": SKY, "operator": SKY, "mark": GREY}
SETTLING = 1 / 6
"""First part of a recording that does not set the scale."""
CAPTION = (
    f"band: every sample; line: {SMOOTH_S:g} s median; dotted: mark or note; red: alarm; hatched: not finished; "
    "the first sixth does not set the scale"
)
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": "#1f2937",
    "axes.edgecolor": "#4b5563",
    "xtick.color": "#4b5563",
    "ytick.color": "#4b5563",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}


def save_plot(data: SessionData, path: Path) -> None:
    """Draw a session and save it; the suffix of ``path`` (png, pdf, svg) gives the format. Raises OSError."""
    figure = session_figure(data)
    figure.savefig(path, dpi=160)


def session_figure(data: SessionData) -> Figure:
    """Return the figure of a session: steps, one panel per channel, infusion rate, cumulative dose. Time in minutes."""
    channels = [(stream, number) for stream in data.streams.values() for number in range(len(stream.spec.channels))]
    pumps = list(data.infusions.values())
    with mpl.rc_context(STYLE):
        heights = [0.32, *[1.5] * len(channels), *[1.0, 0.8] * len(pumps)]
        height_in = 1.3 + 1.05 * sum(heights)
        below_title = ConstrainedLayoutEngine(rect=(0, 0, 1, 1 - 0.6 / height_in))
        figure = Figure(figsize=(9.6, height_in), layout=below_title)
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)
        axes: list[Axes] = list(grid[:, 0])
        spans = step_spans(data)
        _draw_steps(axes[0], spans, data)
        for axis, (stream, number) in zip(axes[1:], channels, strict=False):
            _draw_channel(axis, stream, number, data)
        for place, infusion in enumerate(pumps):
            _draw_rate(axes[1 + len(channels) + 2 * place], infusion, data)
            _draw_dose(axes[2 + len(channels) + 2 * place], infusion, data)
        for axis in axes[1:]:
            _draw_marks(axis, spans, data)
        axes[-1].set_xlabel(f"time since start of the session (min)\n{CAPTION}")
        axes[-1].set_xlim(0, max(_end_min(data), 1e-3))
        figure.align_ylabels(axes[1:])
        _draw_title(figure, data)
    return figure


def _minutes(t_ns: NDArray[np.int64] | int, data: SessionData) -> NDArray[np.float64]:
    return (np.asarray(t_ns, dtype=np.float64) - data.header.started_ns) / 60e9


def _end_min(data: SessionData) -> float:
    ends = [int(stream.t_ns[-1]) for stream in data.streams.values() if len(stream.t_ns)]
    ends += [int(infusion.t_ns[-1]) for infusion in data.infusions.values() if len(infusion.t_ns)]
    ends += [event.t_ns for event in data.events]
    return max((float(_minutes(end, data)) for end in ends), default=0.0)


def _draw_title(figure: Figure, data: SessionData) -> None:
    plan = data.header.plan
    subject = plan["subject"]
    details = [
        f"subject {subject['subject_id']}",
        str(subject["species"]),
        weight_text(subject),
        f"session {data.header.session_id}",
        f"plan {data.header.plan_sha256[:12]}",
    ]
    height_in = figure.get_size_inches()[1]
    name = spelled(str(plan["name"])).replace("$", r"\$")
    figure.text(
        0.012, 1 - 0.1 / height_in, name, ha="left", va="top", fontsize=12, fontweight="bold", color=INK,
        in_layout=False,
    )  # fmt: skip
    about = spelled("  ·  ".join(details)).replace("$", r"\$")
    figure.text(
        0.012, 1 - 0.36 / height_in, about, ha="left", va="top", fontsize=8, color="#4b5563", in_layout=False
    )  # fmt: skip
    if data.header.mark:
        figure.text(
            0.985, 1 - 0.14 / height_in, data.header.mark.strip(), ha="right", va="top", fontsize=12, fontweight="bold",
            color="white", in_layout=False,
            bbox={"facecolor": VERMILLION, "edgecolor": "none", "boxstyle": "round,pad=0.35"},
        )  # fmt: skip
    if data.header.simulated:
        figure.text(
            0.5, 0.5, "SIMULATED", ha="center", va="center", fontsize=80, color="#000000", alpha=0.045,
            rotation=28, fontweight="bold", in_layout=False,
        )  # fmt: skip


def _draw_steps(axis: Axes, spans: Sequence[StepSpan], data: SessionData) -> None:
    end_min = _end_min(data)
    for span in spans:
        start = float(_minutes(span.start_ns, data))
        width = float(_minutes(span.end_ns, data)) - start if span.end_ns is not None else end_min - start
        if span.kind == "mark":
            axis.plot([start], [0.5], marker="v", color=INK, markersize=4, clip_on=False)
            continue
        hatch = "////" if span.state != "done" else None
        colour = STEP_COLOURS.get(span.kind, PAPER_GREY)
        axis.barh(0.5, width, left=start, height=1.0, color=colour, edgecolor="white", linewidth=0.8, hatch=hatch)
        if width > 0.045 * end_min:
            letters = max(3, int(width / max(end_min, 1e-9) * 120))
            text = span.label if len(span.label) <= letters else span.label[: letters - 1] + "…"
            axis.text(start + width / 2, 0.5, text, ha="center", va="center", fontsize=7, color=INK, clip_on=True)
    axis.set_ylim(0, 1)
    axis.set_yticks([])
    axis.set_ylabel("plan", rotation=0, ha="right", va="center")
    for spine in axis.spines.values():
        spine.set_visible(False)
    axis.tick_params(bottom=False, labelbottom=False)


def _draw_channel(axis: Axes, stream: StreamData, number: int, data: SessionData) -> None:
    spec = stream.spec
    sensitivity = spec.sensitivity_a_per_um[number]
    values = stream.current_a[:, number]
    if sensitivity:
        values, unit = apparent_um(values, sensitivity), "apparent µM"
    else:
        values, unit = values * 1e9, "nA"
        if spec.roles[number] == "glutamate":
            said: dict[str, Any] = {"transform": axis.transAxes, "va": "top", "ha": "right", "fontsize": 7}
            axis.text(0.996, 0.97, "no valid calibration: stays in nA", color=GREY, **said)
    colour = ROLE_COLOURS.get(spec.roles[number], GREEN)
    t_min, values = with_breaks(_minutes(stream.t_ns, data), values, stream.index, stream.epoch)
    low, high, middle_min = envelope(t_min, values)
    axis.fill_between(middle_min, low, high, color=colour, alpha=0.25, linewidth=0)
    smooth_min, smooth = medians(t_min, values, SMOOTH_S / 60.0)
    axis.plot(smooth_min, smooth, color=colour, linewidth=0.9)
    axis.set_ylabel(f"{spec.channels[number]}\n({unit})")
    corner: dict[str, Any] = {"transform": axis.transAxes, "va": "top", "fontsize": 7.5, "fontweight": "bold"}
    axis.text(0.004, 0.97, spec.roles[number], color=colour, **corner)
    if sensitivity:
        per_um = sensitivity * 1e9
        scales = (partial(np.multiply, per_um), partial(np.multiply, 1 / per_um))
        amperes = axis.secondary_yaxis("right", functions=scales)
        amperes.set_ylabel("nA", color=GREY)
        amperes.spines["right"].set_visible(False)
    _limits(axis, values)


def _limits(axis: Axes, values: NDArray[np.float64]) -> None:
    """Scale the axis to what comes after the electrode's settling, which would flatten everything else."""
    settled = values[int(len(values) * SETTLING) :]
    finite = settled[np.isfinite(settled)]
    if len(finite) == 0:
        axis.text(0.5, 0.5, "no samples", transform=axis.transAxes, ha="center", va="center", color=GREY)
        return
    low, high = np.quantile(finite, [0.001, 0.999])
    margin = 0.12 * (high - low) or abs(high) * 0.1 or 1e-3
    axis.set_ylim(low - margin, high + margin)


def _draw_rate(axis: Axes, infusion: InfusionData, data: SessionData) -> None:
    t_min = _minutes(infusion.t_ns, data)
    confirmed, commanded = infusion.confirmed_ul_per_min, infusion.commanded_ul_per_min
    axis.fill_between(
        t_min, confirmed, step="post", color=ORANGE, alpha=0.4, linewidth=0, label="confirmed by the pump"
    )
    axis.step(t_min, commanded, where="post", color=INK, linewidth=0.8, linestyle="--", label="commanded")
    axis.plot(t_min, infusion.at_animal_ul_per_min, color=VERMILLION, linewidth=1.2, label="estimated at the animal")
    axis.set_ylabel(f"{infusion.pump}\n(µL/min)")
    axis.set_ylim(0, 1.1 * max(float(commanded.max(initial=0.0)), float(confirmed.max(initial=0.0)), 1e-6))
    axis.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0.0)


def _draw_dose(axis: Axes, infusion: InfusionData, data: SessionData) -> None:
    t_min = _minutes(infusion.t_ns, data)
    factor, unit = dose_factor(data, infusion.pump)
    confirmed = infusion.confirmed_ul * factor
    axis.step(t_min, infusion.commanded_ul * factor, where="post", color=INK, linewidth=0.8, linestyle="--")
    axis.plot(t_min, confirmed, color=ORANGE, linewidth=1.4)
    worst = confirmed + infusion.uncertain_ul * factor
    axis.fill_between(t_min, confirmed, worst, color=ORANGE, alpha=0.3, linewidth=0)
    axis.plot(t_min, infusion.at_animal_ul * factor, color=VERMILLION, linewidth=1.2)
    axis.set_ylabel(f"cumulative\n({unit})")
    axis.set_ylim(bottom=0)


def _draw_marks(axis: Axes, spans: Sequence[StepSpan], data: SessionData) -> None:
    for span in spans:
        if span.kind == "infuse":
            end_ns = span.end_ns if span.end_ns is not None else span.start_ns
            edges = float(_minutes(span.start_ns, data)), float(_minutes(end_ns, data))
            axis.axvspan(*edges, color=ORANGE, alpha=0.07, linewidth=0)
    for event in data.events:
        if event.kind in (EventKind.MARK, EventKind.NOTE):
            axis.axvline(float(_minutes(event.t_ns, data)), color=INK, linewidth=0.6, linestyle=":")
        elif event.kind is EventKind.ALARM:
            axis.axvline(float(_minutes(event.t_ns, data)), color=VERMILLION, linewidth=0.7, alpha=0.7)
