"""The size of a response from all of its samples: a template of its shape, fitted to each one.

Knows a shape (three exponentials) and how it is found in the average of many responses. The amplitude of one response
is then linear in its samples: without bias, and zero on average where nothing happened, unlike a picked maximum
(science.md 2.7 [D-sim]). Does not know stimuli or sessions, nor in which direction a response should point.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import nan

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, least_squares, minimize_scalar

from analysis.responses.windows import ResponseWindow

Array = NDArray[np.float64]

START = (0.2, 0.3, 1.5, 8.0)
"""Delay and three time constants, s, from which the search starts; science.md 4.2 and 4.3 [A]. The data decide."""
BOUNDS = ((-1.0, 0.02, 0.05, 0.5), (10.0, 5.0, 20.0, 120.0))
STRETCH = (0.3, 3.0)
"""How much shorter or longer than the template one response may be."""
APART = 1.02
"""Time constants closer than this factor are drawn apart: equal ones would divide by zero."""
FALLS_WITHIN = 20.0
"""Longest time constants until a response is surely below a fifth of its peak."""


@dataclass(frozen=True)
class Template:
    """The shape of a response: peak 1, beginning ``delay_s`` after the onset.

    A release that decays, seen through two first-order lags (diffusion, the sensor): three exponentials whose weights
    follow from ``taus_s``, in any order.
    """

    delay_s: float
    taus_s: tuple[float, float, float]

    def values(self, t_s: Array, stretch: float = 1.0, shift_s: float = 0.0) -> Array:
        """Return the shape at times after the onset, any array shape."""
        return self.unscaled(t_s, stretch, shift_s) / self._peak[1]

    def unscaled(self, t_s: Array, stretch: float = 1.0, shift_s: float = 0.0) -> Array:
        """Return the shape with whatever peak it has: a fit that scales it anyway need not look for that."""
        return self._raw(np.maximum((t_s - self.delay_s - shift_s) / stretch, 0.0))

    @property
    def t_peak_s(self) -> float:
        """Return when the shape is at its peak, s after the onset."""
        return self.delay_s + self._peak[0]

    @cached_property
    def t80_s(self) -> float:
        """Return the time from the peak until 80 % of it is gone, s."""
        peak_s, top = self._peak
        late_s = peak_s + FALLS_WITHIN * max(self.taus_s)
        return float(brentq(lambda x: float(self._raw(np.array(x))) / top - 0.2, peak_s, late_s)) - peak_s

    @cached_property
    def _peak(self) -> tuple[float, float]:
        """Return (time after the delay, height before scaling)."""
        found = minimize_scalar(lambda x: -float(self._raw(np.array(x))), bounds=(0.0, sum(self.taus_s) * 2.0))
        return float(found.x), -float(found.fun)

    def _raw(self, x: Array) -> Array:
        return np.asarray(sum(weight * np.exp(-x / tau_s) for tau_s, weight in self._terms))

    @cached_property
    def _terms(self) -> tuple[tuple[float, float], ...]:
        taus_s = sorted(self.taus_s)
        for number in (1, 2):
            taus_s[number] = max(taus_s[number], taus_s[number - 1] * APART)
        others = [[other for other in taus_s if other != tau_s] for tau_s in taus_s]
        return tuple((tau, tau / ((tau - one) * (tau - two))) for tau, (one, two) in zip(taus_s, others, strict=True))


@dataclass(frozen=True)
class Fit:
    """A template fitted to one response, in the unit of the trace; NaN where too few samples are there."""

    amplitude: float
    baseline: float
    drift_per_s: float
    """Slope of the baseline under the response."""
    r2: float
    residual_sd: float


def learn_template(t_s: Array, responses: Array) -> Template:
    """Return the shape that fits the average of ``responses``, shape (number, n), at ``t_s`` after the onset, (n,).

    The average is over the responses that have a value there. Raises ValueError when nothing can be averaged.
    """
    there = np.isfinite(responses).any(axis=0)
    if np.count_nonzero(there) < 10:
        raise ValueError("there are too few samples around the stimuli to learn the shape of a response from")
    t = t_s[there]
    average = np.nanmean(responses[:, there], axis=0)

    def miss(parameters: Array) -> Array:
        return _solve(_columns(t, _template(parameters).unscaled(t)), average)[1]

    found = least_squares(miss, START, bounds=BOUNDS, x_scale=(0.3, 0.3, 1.0, 5.0))
    return _template(found.x)


def fit_amplitude(t_s: Array, values: Array, template: Template, window: ResponseWindow) -> Fit:
    """Return amplitude, baseline and drift of one response by linear least squares; arrays of shape (n,)."""
    part = (t_s >= window.baseline_s[0]) & (t_s <= window.until_s) & np.isfinite(values)
    columns = _columns(t_s[part], template.values(t_s[part]))
    # with the peak itself blanked or in a gap the amplitude would be a guess
    seen = np.ptp(columns[:, 0]) > 0.5 if len(columns) else False
    if len(columns) < 10 or not seen or t_s[part][0] >= template.delay_s:
        return Fit(nan, nan, nan, nan, nan)
    solution, left = _solve(columns, values[part])
    spread = float(np.sum((values[part] - values[part].mean()) ** 2))
    return Fit(
        amplitude=float(solution[0]),
        baseline=float(solution[1]),
        drift_per_s=float(solution[2]),
        r2=1.0 - float(np.sum(left**2)) / spread if spread else nan,
        residual_sd=float(np.std(left, ddof=3)),
    )


def fit_duration(t_s: Array, values: Array, template: Template, window: ResponseWindow) -> tuple[float, float]:
    """Return (peak after the onset, T80), s, of one response: the template shifted and stretched until it fits best.

    Only for responses that stand out of the noise: an empty window has a best fit too, which means nothing.
    """
    part = (t_s >= window.baseline_s[0]) & (t_s <= window.until_s) & np.isfinite(values)
    if np.count_nonzero(part) < 10:
        return nan, nan
    t, y = t_s[part], values[part]

    def miss(parameters: Array) -> Array:
        return _solve(_columns(t, template.values(t, float(parameters[0]), float(parameters[1]))), y)[1]

    reach_s = 0.5 * (window.search_s[1] - window.search_s[0])
    scale = float(np.std(y)) or 1.0
    found = least_squares(lambda p: miss(p) / scale, (1.0, 0.0), bounds=((STRETCH[0], -2.0), (STRETCH[1], reach_s)))
    stretch, shift_s = float(found.x[0]), float(found.x[1])
    peak_s = template.delay_s + shift_s + stretch * (template.t_peak_s - template.delay_s)
    return peak_s, stretch * template.t80_s


def _template(parameters: Array) -> Template:
    delay_s, *taus_s = (float(p) for p in parameters)
    return Template(delay_s, (taus_s[0], taus_s[1], taus_s[2]))


def _columns(t: Array, shape: Array) -> Array:
    return np.column_stack((shape, np.ones_like(t), t))


def _solve(columns: Array, y: Array) -> tuple[Array, Array]:
    """Return the least-squares solution and what is left over."""
    solution = np.asarray(np.linalg.lstsq(columns, y, rcond=None)[0], np.float64)
    return solution, np.asarray(y - columns @ solution)
