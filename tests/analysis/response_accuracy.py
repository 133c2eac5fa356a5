"""How far the numbers of evoked responses are from the truth: picked from the trace, and by the template fit.

``python -m tests.analysis.response_accuracy [--events 400] [--figure docs/images/response-accuracy.png]`` prints mean
and spread of each number at three levels of noise, and draws them. The events are those of science.md 4.3 behind the
lags of 4.2, the noise that of the simulated site, 10 Hz, 7 pA/µM. Knows the truth; the code under test does not.
"""

# ruff: noqa: T201 - a command that prints

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.responses.shape import Shape, measure
from analysis.responses.template import Fit, Template, fit_amplitude, fit_duration, learn_template
from analysis.responses.windows import ResponseWindow
from sim_devices.models.noise import Noise, SiteNoise, white_a

Array = NDArray[np.float64]
HZ = 10
SENSITIVITY_A_PER_UM = 7e-12
AMPLITUDE_UM = 2.0
LEVELS_PA = ((1.0, 1.0), (2.0, 2.0), (4.0, 3.0))
"""White and 1/f noise, pA RMS at 10 Hz, as in science.md 2.7."""
WINDOW = ResponseWindow()
FIRST_S, LAST_S = -WINDOW.blank_reach_s - 1.0, WINDOW.until_s


def event(t_s: Array) -> Array:
    """Return a clean evoked response, peak 1, as the sensor shows it: 1.5 and 8 s behind lags of 0.30 and 0.15 s."""
    step_s = 0.001
    fine_s = np.arange(0.0, t_s[-1] + 1.0, step_s)
    shape = np.exp(-fine_s / 8.0) - np.exp(-fine_s / 1.5)
    shape /= shape.max()
    for lag_s in (0.30, 0.15):
        answer = np.exp(-fine_s[: round(10 * lag_s / step_s)] / lag_s)
        shape = np.convolve(shape, answer / answer.sum())[: len(fine_s)]
    return np.asarray(np.interp(t_s, fine_s, shape, left=0.0), np.float64)


def noise_um(level_pa: tuple[float, float], length: int, rng: np.random.Generator) -> Array:
    """Return noise of one simulated site, µM, shape (length,), 10 Hz of 100 ms each."""
    white_pa, pink_pa = level_pa
    site = SiteNoise(Noise(white_a=white_pa * 1e-12, pink_a=pink_pa * 1e-12), rng)
    seconds = [site.second() for _ in range(-(-length // HZ))]
    pink_a = np.concatenate([pink.reshape(HZ, -1).mean(axis=1) for pink, _ in seconds])
    fast_a = np.concatenate([white_a(charges, 5)[4::5] for _, charges in seconds])
    return np.asarray((pink_a + fast_a)[:length] / SENSITIVITY_A_PER_UM)


@dataclass(frozen=True)
class Trial:
    """All events of one level of noise, measured both ways; the template is learnt from the noisy events alone."""

    level_pa: tuple[float, float]
    picked: tuple[Shape, ...]
    fitted: tuple[Fit, ...]
    fitted_blank: tuple[Fit, ...]
    t80_fitted_s: Array
    template: Template


def trial(level_pa: tuple[float, float], events: int, seed: int, amplitude_um: float = AMPLITUDE_UM) -> Trial:
    """Return how events of one size come out at one level of noise."""
    t_s = np.arange(round(FIRST_S * HZ), round(LAST_S * HZ) + 1) / HZ
    clean_um = 3.3 + amplitude_um * event(t_s)
    rng = np.random.default_rng(seed)
    traces_um = np.array([clean_um + noise_um(level_pa, len(t_s), rng) for _ in range(events)])
    template = learn_template(t_s[t_s >= WINDOW.baseline_s[0]], traces_um[:, t_s >= WINDOW.baseline_s[0]])
    before = WINDOW.blank_shift_s
    return Trial(
        level_pa,
        picked=tuple(measure(t_s, trace, WINDOW) for trace in traces_um),
        fitted=tuple(fit_amplitude(t_s, trace, template, WINDOW) for trace in traces_um),
        fitted_blank=tuple(
            fit_amplitude(*_blank(t_s + before, trace, before), template, WINDOW) for trace in traces_um
        ),
        t80_fitted_s=np.array([fit_duration(t_s, trace, template, WINDOW)[1] for trace in traces_um[: events // 2]]),
        template=template,
    )


def _blank(t_s: Array, trace_um: Array, before_s: float) -> tuple[Array, Array]:
    """Return the stretch before the stimulus as if the stimulus had come earlier: no sample of the response in it."""
    empty = t_s < before_s
    return t_s[empty], trace_um[empty]


def rows(made: Trial) -> list[tuple[str, float, float, float]]:
    """Return (what, truth, mean, spread) of every number."""
    truth = _truth()
    table = [
        (f"picked {name}", truth[name], *_spread([getattr(shape, name) for shape in made.picked]))
        for name in ("amplitude", "t_peak_s", "rise_10_90_s", "t50_s", "t80_s", "area", "blank")
    ]
    table.append(("fitted amplitude", truth["amplitude"], *_spread([fit.amplitude for fit in made.fitted])))
    table.append(("fitted blank", 0.0, *_spread([fit.amplitude for fit in made.fitted_blank])))
    table.append(("fitted t80_s", truth["t80_s"], *_spread(list(made.t80_fitted_s))))
    return table


def _truth() -> dict[str, float]:
    t_s = np.arange(-400, 601) / HZ
    clean = measure(t_s, AMPLITUDE_UM * event(t_s), WINDOW, smoothing_s=0.0)
    return {**vars(clean), "blank": 0.0}


def _spread(values: list[float]) -> tuple[float, float]:
    return float(np.nanmean(values)), float(np.nanstd(values, ddof=1))


def draw(trials: list[Trial], path: Path) -> None:
    """Save the figure of the docs: amplitude, blank and T80, picked and fitted, against the truth."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - only to draw
    from matplotlib.figure import Figure  # noqa: PLC0415 - the same

    figure = Figure(figsize=(9.0, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = (
        ("amplitude (µM)", "picked amplitude", "fitted amplitude"),
        ("nothing there (µM)", "picked blank", "fitted blank"),
        ("T80 (s)", "picked t80_s", "fitted t80_s"),
    )
    for axes, (title, picked, fitted) in zip(figure.subplots(1, 3), panels, strict=True):
        tables = [{what: line for what, *line in rows(made)} for made in trials]
        at = np.arange(len(trials), dtype=float)
        for offset, what, colour, label in (
            (-0.12, picked, "#d55e00", "picked"),
            (0.12, fitted, "#0072b2", "template fit"),
        ):
            means, spreads = ([table[what][column] for table in tables] for column in (1, 2))
            axes.errorbar(at + offset, means, spreads, fmt="o", color=colour, capsize=3, label=label)
        axes.axhline(tables[0][picked][0], color="black", lw=1, ls="--", label="truth")
        axes.set_title(title, fontsize=10)
        axes.set_xticks(at, [f"{white:g} + {pink:g}" for white, pink in LEVELS_PA])
        axes.set_xlim(-0.5, len(trials) - 0.5)
        axes.set_xlabel("white + 1/f noise (pA RMS)")
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[1].legend(frameon=False, fontsize=9, loc="upper left")
    figure.suptitle(f"SIMULATED: {len(trials[0].picked)} evoked responses of 2 µM each; mean ± SD", fontsize=10)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Print the table, and draw it if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--figure", type=Path)
    asked = parser.parse_args()
    trials = [trial(level_pa, asked.events, asked.seed) for level_pa in LEVELS_PA]
    for made in trials:
        print(f"\n{made.level_pa[0]:g} pA white + {made.level_pa[1]:g} pA 1/f, template {made.template}")
        print(f"{'':22}{'truth':>8}{'mean':>8}{'SD':>8}")
        for what, true, mean, spread in rows(made):
            print(f"{what:22}{true:8.2f}{mean:8.2f}{spread:8.2f}")
    if asked.figure:
        draw(trials, asked.figure)


if __name__ == "__main__":
    main()
