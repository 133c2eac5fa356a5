"""The figure of a cohort: the effect in every animal of every arm, and its course in time. Ready for a paper.

Knows how a summary is drawn. Groups differ in marker and filling, treatments in colour (Okabe and Ito) and place, so
nothing is told by colour alone. Decides and measures nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from analysis.cohort.animal import AnimalReading
from analysis.cohort.summary import ArmSummary
from analysis.evoked import EffectStretch
from analysis.plot import BLUE, GREEN, INK, ORANGE, PAPER_GREY, SKY, STYLE, VERMILLION
from analysis.spelled import spelled

MM = 1 / 25.4
WIDTH_IN, HEIGHT_IN = 183 * MM, 150 * MM
"""Two columns of most journals."""
PURPLE, DARK = "#CC79A7", "#4b5563"
COLOURS = (VERMILLION, BLUE, GREEN, ORANGE, PURPLE, SKY)
"""Of the treatments, in order; the control is dark grey."""
MARKERS = ("o", "s", "^", "D")
TICKS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
BESIDE = 0.76
"""What all groups at one treatment take of its place."""
APART = 0.045
EFFECT_PAD, COURSE_PAD = 6, 13
"""From a panel to its title, points; the infusions stand between."""
DPI = 300

Array = NDArray[np.float64]


def save_figure(
    animals: Sequence[AnimalReading], arms: Sequence[ArmSummary], stretch: EffectStretch, control: str, path: Path
) -> None:
    """Draw a cohort and save it as PDF and PNG, ``path`` without its ending. The same cohort, the same bytes.

    ``arms``: those of ``stretch``. Raises OSError.
    """
    figure = cohort_figure(animals, arms, stretch, control)
    said = "SIMULATED cohort: no animal, no instrument"
    figure.savefig(path.with_suffix(".png"), dpi=DPI, metadata={"Description": said, "Software": "amperfuse"})
    figure.savefig(path.with_suffix(".pdf"), metadata={"Title": said, "CreationDate": None})


def cohort_figure(
    animals: Sequence[AnimalReading],
    arms: Sequence[ArmSummary],
    stretch: EffectStretch,
    control: str,
    *,
    simulated: bool = True,
) -> Figure:
    """Return the figure: effects above, one course per group below. Without a ``control`` all treatments are alike."""
    treatments = list(dict.fromkeys(arm.treatment for arm in arms))
    groups = list(dict.fromkeys(arm.group for arm in arms))
    others = [treatment for treatment in treatments if treatment != control]
    colours = ({control: DARK} if control else {}) | {one: COLOURS[at % len(COLOURS)] for at, one in enumerate(others)}
    with mpl.rc_context({**STYLE, "font.size": 7.5, "legend.fontsize": 7}):
        figure = Figure(
            figsize=(WIDTH_IN, HEIGHT_IN), layout=ConstrainedLayoutEngine(rect=(0, 0, 1, 0.97), h_pad=0.06, w_pad=0.06)
        )
        FigureCanvasAgg(figure)
        above, below = figure.subfigures(2, 1, height_ratios=[1.0, 1.05], squeeze=False)[:, 0]
        effects = above.subplots()
        _draw_effects(effects, arms, colours, stretch)
        courses = below.subplots(1, len(groups), sharex=True, sharey=True, squeeze=False)[0]
        for axes, group in zip(courses, groups, strict=True):
            _draw_courses(axes, [one for one in animals if one.group == group], colours, stretch)
            axes.set_title(_plain(group), fontsize=8, loc="left", pad=COURSE_PAD)
        courses[0].set_ylabel("evoked glutamate\n(% of own baseline)")
        handles = [_key(treatment, colours) for treatment in treatments]
        below.legend(handles=handles, loc="outside lower center", ncols=min(5, len(handles)), handlelength=1.6)
        for axes, letter in zip((effects, *courses), "abcdefgh", strict=False):
            up = COURSE_PAD if axes is not effects else EFFECT_PAD
            axes.annotate(
                letter,
                (0, 1),
                (-14, up),
                "axes fraction",
                "offset points",
                fontsize=10,
                fontweight="bold",
                va="baseline",
            )
        if simulated:
            _draw_mark(figure)
    return figure


def _draw_mark(figure: Figure) -> None:
    figure.text(
        0.992, 0.985, "SIMULATED", ha="right", va="top", fontsize=9, fontweight="bold", color="white", in_layout=False,
        bbox={"facecolor": VERMILLION, "edgecolor": "none", "boxstyle": "round,pad=0.3"},
    )  # fmt: skip


def _draw_effects(
    axes: Axes,
    arms: Sequence[ArmSummary],
    colours: dict[str, str],
    stretch: EffectStretch,
) -> None:
    treatments = list(dict.fromkeys(arm.treatment for arm in arms))
    groups = list(dict.fromkeys(arm.group for arm in arms))
    axes.axhline(1.0, color=DARK, linewidth=0.7, linestyle=(0, (4, 3)), zorder=0)
    for arm in arms:
        side = groups.index(arm.group) - (len(groups) - 1) / 2
        at = treatments.index(arm.treatment) + BESIDE / len(groups) * side
        _draw_arm(axes, arm, at, MARKERS[groups.index(arm.group) % len(MARKERS)], colours[arm.treatment])
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator(list(TICKS)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{100 * ratio:g}"))
    shown = [
        value
        for arm in arms
        for value in (*np.exp(arm.log_ratios), arm.effect.low, arm.effect.high)
        if np.isfinite(value)
    ]
    if shown:
        axes.set_ylim(min(0.4, min(shown) / 1.1), max(2.2, max(shown) * 1.1))
    axes.set_ylabel("evoked glutamate after treatment\n(% of own baseline, log scale)")
    axes.set_xticks(range(len(treatments)), [_folded(treatment) for treatment in treatments])
    axes.tick_params(axis="x", length=0, labelcolor=INK)
    axes.set_xlim(-0.6, len(treatments) - 0.4)
    axes.set_title(
        f"{_plain(stretch.label)}: {_stretch_text(stretch)} after treatment; {_count(arms)}", fontsize=8, loc="left"
    )
    if len(groups) > 1:
        axes.legend(handles=[_group_key(group, at) for at, group in enumerate(groups)], loc="upper left", ncols=1)


def _draw_arm(axes: Axes, arm: ArmSummary, at: float, marker: str, colour: str) -> None:
    """Draw every animal, and beside them the mean with its interval."""
    ratios = np.exp(np.sort(np.array(arm.log_ratios, np.float64)))
    apart = APART * (np.arange(len(ratios)) % 3 - 1)  # neighbours in size do not hide each other
    face = colour if marker == MARKERS[0] else "white"
    axes.plot(
        at - 0.06 + apart, ratios, marker, color=colour, markerfacecolor=face, markersize=3.6, markeredgewidth=0.8,
        alpha=0.85, linestyle="none",
    )  # fmt: skip
    mean, low, high = arm.effect.ratio, arm.effect.low, arm.effect.high
    if np.isfinite(mean):
        axes.plot([at + 0.03, at + 0.15], [mean, mean], color=INK, linewidth=1.6, solid_capstyle="butt", zorder=3)
    if np.isfinite(low):
        axes.plot([at + 0.09, at + 0.09], [low, high], color=INK, linewidth=0.9, zorder=3)


def _draw_courses(
    axes: Axes, animals: Sequence[AnimalReading], colours: dict[str, str], stretch: EffectStretch
) -> None:
    axes.axhline(100.0, color=DARK, linewidth=0.7, linestyle=(0, (4, 3)), zorder=0)
    axes.axvspan(stretch.after_s / 60, stretch.until_s / 60, color=PAPER_GREY, alpha=0.6, linewidth=0, zorder=-1)
    present = [one for one in colours if any(animal.treatment == one for animal in animals)]
    for order, treatment in enumerate(present):
        t_min, mean, error = _course([animal for animal in animals if animal.treatment == treatment])
        shift_min = 0.35 * (order - (len(present) - 1) / 2)
        axes.errorbar(
            t_min + shift_min, mean, error, color=colours[treatment], marker=_marker(treatment, colours), markersize=3,
            linewidth=1.0, elinewidth=0.6, capsize=0, markeredgewidth=0,
        )  # fmt: skip
    _draw_infusion(axes, 0.0, "treatment", "left")
    firsts_min = [(a.reading.first_s - a.reading.drug_s) / 60 for a in animals if np.isfinite(a.reading.first_s)]
    if firsts_min and (first_min := float(np.median(firsts_min))) < -1.0:
        _draw_infusion(axes, first_min, "pretreatment", "right")
    axes.set_xlabel("time from treatment (min)")


def _draw_infusion(axes: Axes, at_min: float, text: str, align: str) -> None:
    place: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False, "color": INK}
    axes.plot([at_min], [1.0], marker="v", markersize=4.5, **place)
    axes.text(at_min + (1.3 if align == "left" else -1.3), 1.005, text, fontsize=6.5, ha=align, va="bottom", **place)


def _course(animals: Sequence[AnimalReading]) -> tuple[Array, Array, Array]:
    """Return (min from the drug, mean, standard error) of the animals' responses in % of their baseline, shape (n,)."""
    usable = [one for one in animals if one.reading.baseline_um > 0]
    if not usable:
        return np.empty(0), np.empty(0), np.empty(0)
    longest = max(len(one.reading.responses.onset_s) for one in usable)
    times, sizes = np.full((2, len(usable), longest), np.nan)
    for row, one in enumerate(usable):
        found = one.reading.responses
        times[row, : len(found.onset_s)] = (found.onset_s - one.reading.drug_s) / 60
        sizes[row, : len(found.onset_s)] = 100 * found.amplitude_um / one.reading.baseline_um
    with catch_warnings():
        simplefilter("ignore", RuntimeWarning)  # a stimulus that no animal answered measurably has no mean
        number = np.isfinite(sizes).sum(axis=0)
        return np.nanmean(times, axis=0), np.nanmean(sizes, axis=0), np.nanstd(sizes, axis=0, ddof=1) / np.sqrt(number)


def _key(treatment: str, colours: dict[str, str]) -> Line2D:
    return Line2D(
        [], [], color=colours[treatment], marker=_marker(treatment, colours), markersize=3.5, label=_plain(treatment)
    )


def _marker(treatment: str, colours: dict[str, str]) -> str:
    return ("o", "s", "^", "D", "v", "P", "X")[list(colours).index(treatment) % 7]


def _group_key(group: str, at: int) -> Line2D:
    face = DARK if at == 0 else "white"
    style: dict[str, Any] = {"color": DARK, "markerfacecolor": face, "markersize": 4, "linestyle": "none"}
    return Line2D([], [], marker=MARKERS[at % len(MARKERS)], label=_plain(group), **style)


def _folded(text: str) -> str:
    """Return a treatment's name on two lines where it has two parts."""
    return _plain(text).replace(" + ", "\n+ ")


def _plain(text: str) -> str:
    """Return foreign text that is no formula to who draws it, and has no sign that does not print."""
    return spelled(text).replace("$", r"\$")


def _stretch_text(stretch: EffectStretch) -> str:
    return f"{stretch.after_s / 60:g} to {stretch.until_s / 60:g} min"


def _count(arms: Sequence[ArmSummary]) -> str:
    counts = sorted({arm.effect.n for arm in arms})
    many = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"n = {many} animals per arm"
