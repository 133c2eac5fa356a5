"""One calibration, computed: plateaus, slopes, noise, detection limit, selectivity, linearity, response time, gain.

Knows the definitions (science.md 2.4). Does not know files, what is good enough (``gates``), nor whose probe it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan

import numpy as np
from numpy.typing import NDArray

from analysis.calibration.dilution import ANALYTES, Addition, concentrations_um
from analysis.calibration.levels import LevelFit, fit_levels
from analysis.calibration.plateaus import Baseline, Plateau, PlateauSettings, baseline, before, find_plateaus
from analysis.calibration.regression import Estimate, r_squared, ratio
from analysis.calibration.steps import linear_to_um, response_time_s, step_slopes

Floats = NDArray[np.float64]

LOD_SIGMAS = 3.0
"""Detection limit = 3 SD of the baseline over the slope (science.md 2.4, IUPAC's k = 3)."""
GLUTAMATE = ANALYTES.index("glutamate")
STEPS_OF_A_CURVE = 3
"""Glutamate steps from which an enzyme that saturates can be told from a straight line."""
SEEN_SIGMAS = 10.0
"""A slope of fewer standard errors is too weak to have a shape [A]; such a site fails its gates anyway."""
FEWEST_BEFORE = 4
"""Levels without any addition (the first plateau is one) below which a drift cannot be told from noise."""


@dataclass(frozen=True)
class SiteFit:
    """What one electrode answers to each analyte."""

    plateaus: tuple[Plateau, ...]
    baseline: Baseline
    line: LevelFit
    """Straight, or saturating in glutamate: ``saturates`` says which."""
    analytes: tuple[str, ...]
    """Columns of ``line``: those that were added."""
    concentrations_um: Floats
    """Exact, shape (plateaus, analytes)."""
    levels_a: Floats
    """Of the plateaus, the baseline's drift taken off, shape (plateaus,)."""

    def slope(self, analyte: str) -> Estimate | None:
        """Return A/µM with its interval; None for what was not added."""
        return self.line.estimate(self.analytes.index(analyte)) if analyte in self.analytes else None

    @property
    def drift(self) -> Estimate | None:
        """Return the drift at the end of the baseline, A/s; None where the baseline is too short to tell."""
        return self.line.drift

    @property
    def saturates(self) -> bool:
        """Tell whether the slope for glutamate is the one near zero of a saturating curve, or that of a line."""
        return self.line.saturating is not None

    @property
    def r2(self) -> float:
        """Return R² of current against glutamate, over the glutamate steps, what else changed taken off."""
        rows, x, y = self.glutamate_points()
        return r_squared(x, y) if len(rows) else nan

    def glutamate_points(self) -> tuple[NDArray[np.int64], Floats, Floats]:
        """Return (plateau numbers, µM, A) of the glutamate steps and the plateau before them.

        Currents are corrected for the dilution of everything else to what stood at the first of them.
        """
        column = self.analytes.index("glutamate")
        x = self.concentrations_um[:, column]
        rises = np.flatnonzero(np.diff(x) > 0)
        rows = np.unique(np.concatenate([rises, rises + 1])).astype(np.int64)
        others = np.delete(self.concentrations_um, column, axis=1)
        slopes = np.delete(self.line.coefficients[1 : 1 + len(self.analytes)], column)
        return rows, x[rows], self.levels_a[rows] - (others[rows] - others[rows[0]]) @ slopes


@dataclass(frozen=True)
class Result:
    """A calibration of a glutamate site, with its sentinel where there is one. Intervals are 95 %."""

    active: SiteFit
    sentinel: SiteFit | None
    slope_a_per_um: Estimate
    lod_um: float
    r2: float
    apparent_km_um: Estimate | None
    """Where the answer is half of what a straight line would give, µM; open upwards where no bend can be told. None:
    the slope is that of a straight line over all steps, and an enzyme that saturates would not show in its interval."""
    step_slopes_a_per_um: tuple[float, ...]
    """Of each glutamate step alone."""
    linear_to_um: float
    """Highest calibrated concentration up to which every step is answered within 10 % of the slope; NaN: none."""
    selectivity: Estimate | None
    """Slope for glutamate over slope for ascorbate; open upwards where ascorbate is not seen at all."""
    dopamine_share: Estimate | None
    """Slope for dopamine over slope for glutamate."""
    crosstalk: Estimate | None
    """The sentinel's slope for glutamate over the active site's."""
    gain: Estimate | None
    """The active site's answer to peroxide over the sentinel's: what the sentinel is multiplied with before it is
    subtracted (``acquisition.signal.self_reference``). Its inverse is the sentinel:active ratio."""
    response_s: float
    """10 to 90 % of the glutamate steps, median, s; the stirrer's time is in it."""
    drift_share: float
    """What the baseline's drift, which is taken off, adds over the glutamate steps, as a part of their rise; NaN where
    the baseline is too short to tell."""

    def ascorbate_offset_um(self, ascorbate_um: float) -> Estimate | None:
        """Return the glutamate that so much ascorbate is taken for, µM (science.md 2.4 [D]: [AA] / selectivity)."""
        if self.selectivity is None:
            return None
        parts = [ascorbate_um / s if s else np.inf for s in
                 (self.selectivity.value, self.selectivity.high, self.selectivity.low)]  # fmt: skip
        return Estimate(*(float(part) for part in parts))


def fit_site(  # noqa: PLR0917 - a trace, a beaker, and how to read it
    t_s: Floats,
    current_a: Floats,
    beaker_ul: float,
    additions: Sequence[tuple[float, Addition]],
    settings: PlateauSettings,
    windows: Mapping[int, tuple[float, float]],
    *,
    may_saturate: bool,
) -> SiteFit:
    """Return one electrode's fit; ``additions`` are (time, addition); times in s, currents in A. Raises ValueError."""
    times_s = [at for at, _ in additions]
    plateaus = find_plateaus(t_s, current_a, times_s, settings, windows)
    missing = [one.number for one in plateaus if not one.samples]
    if missing:
        raise ValueError(f"plateau {missing[0]} has no samples: choose another window, or leave the calibration")
    whole_um = concentrations_um(beaker_ul, [one for _, one in additions])
    used = [column for column in range(len(ANALYTES)) if whole_um[:, column].any()]
    if GLUTAMATE not in used:
        raise ValueError("no glutamate was added, so there is no slope")
    chosen_um, steps = whole_um[:, used], int(np.count_nonzero(np.diff(whole_um[:, GLUTAMATE]) > 0))
    if steps < 2:
        raise ValueError("one glutamate step cannot give a line and say how sure it is; add glutamate more often")
    quiet = baseline(t_s, current_a, times_s[0], settings)
    earlier = before(t_s, current_a, plateaus[0], settings)
    line = _explained(plateaus, earlier, chosen_um, used.index(GLUTAMATE),
                      may_saturate=may_saturate and steps >= STEPS_OF_A_CURVE)  # fmt: skip
    levels_a = np.array([one.level_a for one in plateaus]) - line.drift_part[len(earlier[0]) :]
    return SiteFit(plateaus, quiet, line, tuple(ANALYTES[column] for column in used), chosen_um, levels_a)


def _explained(
    plateaus: Sequence[Plateau],
    earlier: tuple[Floats, Floats],
    chosen_um: Floats,
    glutamate: int,
    *,
    may_saturate: bool,
) -> LevelFit:
    """Return the fit of all levels, those before the first plateau too; time zero is the middle of that plateau."""
    t_s = np.array([*earlier[0], *(0.5 * (one.start_s + one.end_s) for one in plateaus)])
    levels_a = np.array([*earlier[1], *(one.level_a for one in plateaus)])
    all_um = np.vstack([np.zeros((len(earlier[0]), chosen_um.shape[1])), chosen_um])
    since_s = t_s - t_s[len(earlier[0])] if len(earlier[0]) + 1 >= FEWEST_BEFORE else None
    line = fit_levels(all_um, levels_a, since_s)
    slope = line.estimate(glutamate)
    if not may_saturate or slope.value * line.quantile < SEEN_SIGMAS * (slope.high - slope.value):
        return line
    return fit_levels(all_um, levels_a, since_s, saturating=glutamate)


def fit_calibration(  # noqa: PLR0917 - two traces, a beaker, and how to read it
    t_s: Floats,
    active_a: Floats,
    sentinel_a: Floats | None,
    beaker_ul: float,
    additions: Sequence[tuple[float, Addition]],
    settings: PlateauSettings | None = None,
    windows: Mapping[int, tuple[float, float]] | None = None,
) -> Result:
    """Return the calibration of a glutamate site: arrays of shape (n,), s since the session began and A.

    ``windows`` move plateaus of both sites, (start, end) s by number. Raises ValueError with what is missing.
    """
    settings, windows = settings or PlateauSettings(), windows or {}
    active = fit_site(t_s, active_a, beaker_ul, additions, settings, windows, may_saturate=True)
    sentinel = None
    if sentinel_a is not None:
        sentinel = fit_site(t_s, sentinel_a, beaker_ul, additions, settings, windows, may_saturate=False)
    slope = active.line.estimate(active.analytes.index("glutamate"))
    rows, x_um, y_a = active.glutamate_points()
    rise_a = slope.value * float(np.ptp(x_um))
    over_s = active.plateaus[rows[-1]].end_s - active.plateaus[rows[0]].end_s
    positive = slope.value > 0.0
    return Result(
        active=active,
        sentinel=sentinel,
        slope_a_per_um=slope,
        lod_um=LOD_SIGMAS * active.baseline.noise_sd_a / slope.value if positive else nan,
        r2=active.r2,
        apparent_km_um=_km(active.line.bend),
        step_slopes_a_per_um=step_slopes(x_um, y_a),
        linear_to_um=linear_to_um(x_um, y_a, slope.value),
        selectivity=_within(active, "glutamate", "ascorbate"),
        dopamine_share=_within(active, "dopamine", "glutamate"),
        crosstalk=_between(sentinel, active, "glutamate"),
        gain=_between(active, sentinel, "peroxide"),
        response_s=response_time_s(t_s, active_a, active.plateaus, rows[1:], [at for at, _ in additions]),
        drift_share=abs(active.drift.value) * over_s / rise_a if positive and active.drift is not None else nan,
    )


def _km(bend: Estimate | None) -> Estimate | None:
    """Return the apparent Km from its inverse; what may as well be a straight line is open upwards."""
    if bend is None:
        return None
    return Estimate(*(1.0 / end if end > 0.0 else inf for end in (bend.value, bend.high, bend.low)))


def _within(site: SiteFit, above: str, below: str) -> Estimate | None:
    """Return the ratio of two slopes of one site."""
    if above not in site.analytes or below not in site.analytes:
        return None
    at = [1 + site.analytes.index(above), 1 + site.analytes.index(below)]
    values, covariance = site.line.coefficients[at], site.line.covariance[np.ix_(at, at)]
    return ratio(float(values[0]), float(values[1]), covariance, site.line.quantile)


def _between(above: SiteFit | None, below: SiteFit | None, analyte: str) -> Estimate | None:
    """Return the ratio of the slopes of two sites for one analyte; their errors are taken for independent [A]."""
    if above is None or below is None or analyte not in above.analytes:
        return None
    at = 1 + above.analytes.index(analyte)
    variances = np.diag([above.line.covariance[at, at], below.line.covariance[at, at]])
    return ratio(float(above.line.coefficients[at]), float(below.line.coefficients[at]), variances,
                 max(above.line.quantile, below.line.quantile))  # fmt: skip
