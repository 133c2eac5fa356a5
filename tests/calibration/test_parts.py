"""Dilution, plateaus, least squares, ratios and gates of a calibration, each alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, stats

from acquisition.experiment.problems import RefusedInput
from analysis.calibration.dilution import ANALYTES, Addition, concentrations_um, nominal_um
from analysis.calibration.fit import fit_calibration
from analysis.calibration.gates import SOURCES, Gates, judge, load_gates
from analysis.calibration.levels import fit_levels
from analysis.calibration.plateaus import PlateauSettings, find_plateaus
from analysis.calibration.regression import r_squared, ratio
from tests.calibration.beaker_kit import (
    ADDITIONS,
    BEAKER_UL,
    T_S,
    TIMES_S,
    Floats,
    clean,
    noise_a,
    noisy,
    preset,
    traces,
)  # fmt: skip


def test_the_exact_concentrations_are_those_of_science_md_2_4() -> None:
    exact = concentrations_um(BEAKER_UL, [one for _, one in ADDITIONS])
    glutamate, ascorbate = exact[:, ANALYTES.index("glutamate")], exact[:, ANALYTES.index("ascorbate")]
    assert glutamate[2:5] == pytest.approx([19.73, 39.43, 59.08], abs=0.01)
    assert ascorbate[1] == pytest.approx(246.9, abs=0.1)
    assert np.all(np.diff(ascorbate[1:]) < 0)
    assert nominal_um(BEAKER_UL, [one for _, one in ADDITIONS])[2:5, 0] == pytest.approx([20, 40, 60])


@pytest.mark.parametrize(
    "wrong", [Addition("glutamate", 0.0, 1.0), Addition("glutamat", 1.0, 1.0), Addition("glutamate", 1.0, -1.0)]
)
def test_an_addition_that_cannot_be_is_refused_by_its_number(wrong: Addition) -> None:
    with pytest.raises(ValueError, match="addition 2"):
        concentrations_um(BEAKER_UL, [Addition("buffer", 10.0, 0.0), wrong])


def test_the_fast_noise_of_many_seeds_is_the_front_ends_own() -> None:
    """The kit adds noise to clean traces; the simulator's whole front end gives the same spread."""
    noise = preset(white_a=1.5e-12, pink_a=1.5e-12)
    whole = traces(noise, 3)[0] - clean()[0]
    added = noise_a(noise.noise, 3, 0)
    assert whole.std() == pytest.approx(added.std(), rel=0.15)
    assert np.diff(whole).std() == pytest.approx(np.diff(added).std(), rel=0.05)


def test_a_touched_cable_inside_a_window_moves_its_level_by_nothing_that_counts() -> None:
    active, _ = noisy(1)
    before = find_plateaus(T_S, active, TIMES_S)
    touched = active.copy()
    at = int((before[2].start_s + 3) * 10)
    touched[at : at + 8] += 400e-12
    after = find_plateaus(T_S, touched, TIMES_S, windows={2: (before[2].start_s, before[2].end_s)})
    assert abs(after[2].level_a - before[2].level_a) < 0.2e-12


def test_a_pipette_that_came_before_the_mark_moves_the_window_back_to_where_it_was_flat() -> None:
    active, _ = clean()
    late = [*TIMES_S[:2], TIMES_S[2] + 12.0, *TIMES_S[3:]]  # the second glutamate was in 12 s before it was told
    found = find_plateaus(T_S, active, late)
    assert found[2].flat
    assert found[2].end_s <= TIMES_S[2] + 2.0
    exact = find_plateaus(T_S, active, TIMES_S)
    assert found[2].level_a == pytest.approx(exact[2].level_a, rel=0.002, abs=1e-15)


def test_a_window_that_a_person_sets_is_used_and_told() -> None:
    active, _ = noisy(2)
    moved = find_plateaus(T_S, active, TIMES_S, windows={3: (450.0, 460.0)})
    assert (moved[3].start_s, moved[3].end_s, moved[3].found) == (450.0, 460.0, False)
    assert moved[3].level_a == pytest.approx(float(np.mean(active[4500:4600])), abs=0.3e-12)


def test_a_current_that_never_stands_still_is_said_to_be_not_flat() -> None:
    active, _ = clean()
    found = find_plateaus(T_S, active + 2e-12 * np.maximum(0.0, T_S - TIMES_S[0]), TIMES_S)
    assert [one.flat for one in found[1:]] == [False] * len(TIMES_S)


def test_a_steady_drift_is_taken_off_and_a_baseline_too_short_for_it_is_told() -> None:
    active, _ = clean()
    drifting = active - 0.02e-12 * T_S
    found = fit_calibration(T_S, drifting, None, BEAKER_UL, ADDITIONS)
    assert found.active.drift is not None
    assert found.active.drift.value == pytest.approx(-0.02e-12, rel=1e-3, abs=0)
    assert found.slope_a_per_um.value == pytest.approx(7e-12, rel=0.001, abs=0)
    late = TIMES_S[0] - 60 <= T_S
    short = fit_calibration(T_S[late], drifting[late], None, BEAKER_UL, ADDITIONS)
    assert np.isnan(short.drift_share)
    assert "drift_share_max" in _failed(short, Gates())


def test_missing_samples_leave_a_plateau_of_what_is_there() -> None:
    active, _ = clean()
    there = (T_S < 460) | (T_S > 472)
    found = find_plateaus(T_S[there], active[there], TIMES_S)
    assert found[3].level_a == pytest.approx(find_plateaus(T_S, active, TIMES_S)[3].level_a, rel=1e-3, abs=1e-16)


def test_additions_too_close_to_read_between_are_refused() -> None:
    active, _ = clean()
    with pytest.raises(ValueError, match="after addition 1"):
        find_plateaus(T_S, active, [310.0, 330.0])


def test_the_straight_line_is_that_of_scipys_linregress() -> None:
    rng = np.random.default_rng(1)
    x = np.array([0.0, 19.7, 39.4, 59.1])
    y = 150e-12 + 7e-12 * x + rng.normal(0, 1e-12, 4)
    ours, theirs = fit_levels(x[:, None], y), stats.linregress(x, y)
    half = stats.t.ppf(0.975, 2) * theirs.stderr
    assert ours.estimate(0).value == pytest.approx(theirs.slope, rel=1e-9, abs=0)
    assert ours.estimate(0).high - ours.estimate(0).value == pytest.approx(half, rel=1e-9, abs=0)
    assert r_squared(x, y) == pytest.approx(theirs.rvalue**2, rel=1e-12)


def test_several_analytes_and_the_band_are_those_of_statsmodels_ols() -> None:
    x = concentrations_um(BEAKER_UL, [one for _, one in ADDITIONS])
    y = np.random.default_rng(2).normal(0, 1.0, len(x)) + 150 + x @ [7.0, 0.02, 0.1, 10.0]
    ours, theirs = fit_levels(x, y), sm.OLS(y, sm.add_constant(x)).fit()
    at = np.array([[30.0, 240.0, 0.0, 0.0]])
    frame = theirs.get_prediction(np.column_stack([[1.0], at])).conf_int(alpha=0.05)
    assert ours.coefficients == pytest.approx(theirs.params, rel=1e-8)
    assert ours.covariance == pytest.approx(theirs.cov_params(), rel=1e-6)
    assert [float(end[0]) for end in ours.band(at)[1:]] == pytest.approx(frame[0].tolist(), rel=1e-8)


def before_and_after(seed: int) -> tuple[Floats, Floats, Floats]:
    """Return (concentrations, levels, s) of fifteen levels before the first addition and six after it."""
    added = concentrations_um(BEAKER_UL, [one for _, one in ADDITIONS])
    x = np.vstack([np.zeros((14, 4)), added])
    t_s = np.concatenate([np.arange(-280.0, 1.0, 20.0), 60.0 * np.arange(1, 7)])
    y = np.random.default_rng(seed).normal(0, 1.0, len(x)) + 150 + x @ [7.0, 0.02, 0.1, 10.0] - 0.01 * t_s
    return x, y, t_s


def test_with_drift_and_a_known_slow_noise_it_is_statsmodels_gls() -> None:
    x, y, t_s = before_and_after(3)
    since_min = (t_s - t_s[0]) / 60.0
    noise = np.eye(len(y)) + 0.8 * np.minimum.outer(since_min, since_min)
    ours = fit_levels(x, y, t_s, slow_noise={0.8: 1.0}, drift_times_s=(np.inf,))
    theirs = sm.GLS(y, np.column_stack([np.ones(len(y)), x, t_s]), sigma=noise).fit()
    assert ours.coefficients == pytest.approx(theirs.params, rel=1e-7)
    assert ours.covariance == pytest.approx(theirs.cov_params(), rel=1e-6, abs=1e-12)
    assert ours.degrees_of_freedom == theirs.df_resid


def test_the_saturating_curve_is_that_of_scipys_curve_fit() -> None:
    rng = np.random.default_rng(4)
    x = np.linspace(0.0, 200.0, 12)
    y = 150.0 + 7.0 * x / (1.0 + x / 800.0) + rng.normal(0, 2.0, len(x))
    ours = fit_levels(x[:, None], y, saturating=0)
    found, covariance = optimize.curve_fit(lambda g, b, s, bend: b + s * g / (1.0 + bend * g), x, y, [100, 5, 1e-3])
    assert ours.coefficients == pytest.approx(found, rel=1e-6)
    assert ours.covariance == pytest.approx(covariance, rel=1e-3)
    t = stats.t.ppf(0.975, 9)
    assert ours.bend is not None
    assert ours.bend.high == pytest.approx(found[2] + t * covariance[2, 2] ** 0.5, rel=1e-3)


def test_the_limit_of_detection_is_iupacs_three_sd_of_the_blank_over_the_slope() -> None:
    """ICH Q2(R1) 6.3 writes 3.3 sigma / slope [U]; science.md 2.4 has 3, and the report says which."""
    active, _ = noisy(4)
    found = fit_calibration(T_S, active, None, BEAKER_UL, ADDITIONS)
    blank = (TIMES_S[0] - 125.0 <= T_S) & (TIMES_S[0] - 5.0 > T_S)
    line = stats.linregress(T_S[blank], active[blank])
    sd_a = np.std(active[blank] - line.intercept - line.slope * T_S[blank], ddof=2)
    assert found.lod_um == pytest.approx(3.0 * sd_a / found.slope_a_per_um.value, rel=1e-9)


def test_a_drift_that_dies_away_is_not_taken_for_glutamate() -> None:
    x, _, t_s = before_and_after(5)
    y = 150 + x @ [7.0, 0.02, 0.1, 10.0] + 30.0 * np.exp(-t_s / 1200.0)
    straight = fit_levels(x, y, t_s, slow_noise={0.0: 1.0}, drift_times_s=(np.inf,))
    found = fit_levels(x, y, t_s)
    assert abs(found.estimate(0).value - 7.0) < 0.1 * abs(straight.estimate(0).value - 7.0)
    assert found.drift is not None
    assert found.drift.value == pytest.approx(-30.0 / 1200.0, rel=0.05)


def test_what_two_kinds_of_drift_say_differently_is_part_of_the_interval() -> None:
    """The law of total variance, with the weight of each that the mean of both shows."""
    x, y, t_s = before_and_after(6)
    goes_on, dies, both = (
        fit_levels(x, y, t_s, slow_noise={0.0: 1.0}, drift_times_s=times)
        for times in ((np.inf,), (300.0,), (np.inf, 300.0))
    )
    a, b, mean = (one.coefficients[1] for one in (goes_on, dies, both))
    weight = (mean - b) / (a - b)
    assert 0.05 < weight < 0.95
    within = weight * goes_on.covariance[1, 1] + (1 - weight) * dies.covariance[1, 1]
    assert both.covariance[1, 1] == pytest.approx(within + weight * (1 - weight) * (a - b) ** 2, rel=1e-6)


def test_fiellers_interval_is_the_set_of_ratios_that_a_t_test_does_not_reject() -> None:
    """Against its definition, point by point: r is inside when a - r b is within t standard errors of zero."""
    a, b, covariance, t = 5.0, 2.0, np.array([[0.2, 0.05], [0.05, 0.1]]), 2.5
    found = ratio(a, b, covariance, t)
    r = np.linspace(0, 10, 100_001)
    spread = covariance[0, 0] - 2 * r * covariance[0, 1] + r**2 * covariance[1, 1]
    inside = r[(a - r * b) ** 2 <= t**2 * spread]
    assert (found.low, found.high) == pytest.approx((inside[0], inside[-1]), abs=2e-4)


def test_a_ratio_over_what_cannot_be_told_from_zero_is_open_upwards() -> None:
    found = ratio(7.0, 0.01, np.diag([0.01, 0.01]), 4.3)
    assert found.high == np.inf
    assert 10 < found.low < 20


def test_every_default_of_the_gates_says_where_it_is_from() -> None:
    names = {*Gates().gates.model_fields_set, *type(Gates().gates).model_fields, "valid_for", "ascorbate"}
    assert set(SOURCES) == names
    assert all(text.startswith(("[S]", "[D]", "[A]", "[U]", "[P]")) for text in SOURCES.values())


def test_a_good_probe_passes_and_each_fault_fails_the_gate_that_is_meant_for_it() -> None:
    active, sentinel = noisy(5)
    good = fit_calibration(T_S, active, sentinel, BEAKER_UL, ADDITIONS)
    assert [one for one in judge(good, Gates()) if not one.passed] == []
    weak = fit_calibration(T_S, active * 0.3, sentinel * 0.3, BEAKER_UL, ADDITIONS)
    assert "slope_min" in _failed(weak, Gates())
    unmatched = fit_calibration(T_S, active, sentinel * 0.5, BEAKER_UL, ADDITIONS)
    assert _failed(unmatched, Gates()) == ["gain_max"]
    loud = fit_calibration(T_S, *noisy(5, white=5e-12), BEAKER_UL, ADDITIONS)
    assert "lod_max" in _failed(loud, Gates())
    drifting = fit_calibration(T_S, active - 0.1e-12 * T_S, sentinel, BEAKER_UL, ADDITIONS)
    assert "drift_share_max" in _failed(drifting, Gates())
    alone = judge(fit_calibration(T_S, active, None, BEAKER_UL, ADDITIONS), Gates())
    assert [one.gate for one in alone if one.passed is None] == ["crosstalk_max", "gain_min", "gain_max"]


def _failed(result: object, gates: Gates) -> list[str]:
    return [one.gate for one in judge(result, gates) if one.passed is False]  # type: ignore[arg-type]


def test_gates_are_a_labs_own_and_strict(tmp_path: Path) -> None:
    path = tmp_path / "gates.toml"
    path.write_text('name = "ours"\nvalid_for = "72 h"\n[gates]\nslope_min = "5 pA/uM"\nlod_max = "500 nM"\n', "utf-8")
    own = load_gates(path)
    assert (own.gates.slope_min, own.gates.lod_max, own.valid_for) == (5e-12, 0.5, 72 * 3600.0)
    path.write_text('[gates]\nslope_mim = "5 pA/uM"\n', "utf-8")
    with pytest.raises(RefusedInput, match="slope_min"):
        load_gates(path)
    assert replace(PlateauSettings(), length_s=10.0).length_s == 10.0
