"""The figure of a rehearsal: the plan as planned and as run, and the predicted levels under it, on one clock.

Knows how facts and course are drawn on paper; decides nothing. Colours as in ``analysis.plot``.
"""

from __future__ import annotations

from collections.abc import Callable

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analysis.plot import BLUE, GREEN, INK, PAPER_GREY, STEP_COLOURS, STYLE, VERMILLION
from analysis.rehearsal.course import Course
from analysis.rehearsal.facts import AlarmFact, RehearsalReport, StepFact

CAPTION = (
    "Above: planned and as run (hatched: not finished; red line: alarm of high or medium priority). Below: what the "
    "simulated animal held."
)
_MINUTE = 60.0


def report_figure(report: RehearsalReport, course: Course) -> Figure:
    """Return the figure; time in minutes on the plan's clock. Without an animal only the two bars of the plan."""
    levels = len(course.t_s) > 0
    heights = [0.34, 0.34, *([1.2, 1.2] if levels else [])]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 0.9 + 1.15 * sum(heights)), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)
        axes: list[Axes] = list(grid[:, 0])
        _bar(axes[0], report.steps, lambda step: (step.planned_start_s, step.planned_end_s), "planned")
        end_s = report.ran_s or 0.0
        _bar(axes[1], report.steps, lambda step: _as_run(step, end_s), "as run")
        for axis in axes[1:]:
            _alarms(axis, report.alarms)
        if levels:
            _drug(axes[2], course)
            _glutamate(axes[3], course)
        axes[-1].set_xlabel("time on the plan's clock (min)")
        axes[-1].set_xlim(0, max(report.planned_s, end_s, 1.0) / _MINUTE)
        figure.align_ylabels(axes[2:])
    return figure


def _as_run(step: StepFact, end_s: float) -> tuple[float, float] | None:
    if step.started_s is None:
        return None
    return step.started_s, step.ended_s if step.ended_s is not None else max(end_s, step.started_s)


def _bar(
    axis: Axes, steps: tuple[StepFact, ...], span: Callable[[StepFact], tuple[float, float] | None], title: str
) -> None:
    ends = [found[1] for step in steps if (found := span(step)) is not None]
    whole_s = max([*ends, 1.0])
    for step in steps:
        found = span(step)
        if found is None:
            continue
        left, width = found[0] / _MINUTE, (found[1] - found[0]) / _MINUTE
        if step.kind == "mark":
            axis.plot([left], [0.5], marker="v", color=INK, markersize=3.5, clip_on=False)
            continue
        hatch = "////" if title == "as run" and step.state != "done" else None
        axis.barh(
            0.5,
            width,
            left=left,
            height=1.0,
            color=STEP_COLOURS.get(step.kind, PAPER_GREY),
            edgecolor="white",
            hatch=hatch,
        )
        letters = int(width * _MINUTE / whole_s * 110)
        if letters >= 4:
            label = step.label if len(step.label) <= letters else step.label[: letters - 1] + "…"
            axis.text(
                left + width / 2, 0.5, label, ha="center", va="center", fontsize=7, color=INK, parse_math=False,
                clip_on=True,
            )  # fmt: skip
    axis.set_ylim(0, 1)
    axis.set_yticks([])
    axis.set_ylabel(title, rotation=0, ha="right", va="center")
    for spine in axis.spines.values():
        spine.set_visible(False)
    axis.tick_params(bottom=False, labelbottom=False)


def _alarms(axis: Axes, alarms: tuple[AlarmFact, ...]) -> None:
    for alarm in alarms:
        if alarm.priority != "low" and alarm.first_s >= 0:
            axis.axvline(alarm.first_s / _MINUTE, color=VERMILLION, linewidth=0.9)


def _drug(axis: Axes, course: Course) -> None:
    minutes = course.t_s / _MINUTE
    axis.plot(minutes, course.columns["plasma_mg_per_l"], color=VERMILLION, linewidth=1.2, label="plasma, mg/L")
    axis.plot(
        minutes, course.columns["brain_mg_per_kg"], color=BLUE, linewidth=1.2, linestyle="--", label="brain, mg/kg"
    )
    axis.set_ylabel("ketamine")
    axis.set_ylim(bottom=0)
    axis.legend(loc="upper left", ncols=2)


def _glutamate(axis: Axes, course: Course) -> None:
    minutes = course.t_s / _MINUTE
    axis.plot(minutes, course.columns["tonic_glutamate_um"], color=GREEN, linewidth=1.2, label="tonic glutamate, µM")
    axis.set_ylabel("glutamate\n(µM)")
    release = axis.twinx()
    release.plot(
        minutes, course.columns["release"], color=INK, linewidth=1.0, linestyle=":", label="neuronal release, of normal"
    )
    release.set_ylim(0, 1.15 * max(1.0, float(course.columns["release"].max())))
    release.set_ylabel("release")
    lines = [*axis.get_lines()[-1:], *release.get_lines()]
    axis.legend(handles=lines, loc="lower left", ncols=2)
