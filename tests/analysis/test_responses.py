"""Numbers of evoked responses against events whose truth is known: science.md 4.7 (self-test 3) and 2.7."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from analysis.responses.shape import measure
from analysis.responses.template import Template, fit_amplitude, fit_duration, learn_template
from analysis.responses.windows import ResponseWindow, aligned, blanked, smoothed
from tests.analysis.response_accuracy import AMPLITUDE_UM, LEVELS_PA, WINDOW, Trial, event, rows, trial

T_S = np.arange(-400, 601) / 10


@cache
def noisy(level: int) -> dict[str, list[float]]:
    """Return {what: [truth, mean, spread]} of 150 events at one level of noise."""
    return {what: line for what, *line in rows(made(level))}


@cache
def made(level: int) -> Trial:
    """Measure once for all tests."""
    return trial(LEVELS_PA[level], 150, seed=7)


def test_a_clean_event_of_2_um_gives_its_amplitude_and_t80() -> None:
    """science.md 4.7, self-test 3."""
    shape = measure(T_S, 3.3 + AMPLITUDE_UM * event(T_S), WINDOW)
    assert 1.97 <= shape.amplitude <= 2.0
    assert shape.t80_s == pytest.approx(14.5, abs=0.15)
    assert shape.baseline == pytest.approx(3.3)
    assert shape.blank == pytest.approx(0.0, abs=1e-9)
    assert shape.decay_r2 > 0.99


def test_a_single_exponential_gives_back_its_decay_constant_and_half_time() -> None:
    """Where the truth is a formula: k1 = 1/8 per s, T50 = 8 ln 2, T80 = 8 ln 5, area 8."""
    trace = np.where(T_S >= 0, np.exp(-np.maximum(T_S, 0) / 8.0), 0.0)
    shape = measure(T_S, trace, WINDOW, smoothing_s=0.0)
    assert shape.decay_per_s == pytest.approx(1 / 8, rel=1e-9)
    assert shape.t50_s == pytest.approx(8 * np.log(2), abs=0.01)
    assert shape.t80_s == pytest.approx(8 * np.log(5), abs=0.01)
    assert shape.area == pytest.approx(8.0, rel=0.01)


def test_a_response_downwards_is_measured_when_asked_for_and_its_sign_is_kept() -> None:
    trace = 5.0 - 2.0 * event(T_S)
    assert measure(T_S, trace, ResponseWindow(direction="down")).amplitude == pytest.approx(-1.98, abs=0.02)
    assert measure(T_S, trace, ResponseWindow(direction="either")).t80_s == pytest.approx(14.5, abs=0.15)
    assert measure(T_S, trace, ResponseWindow(direction="up")).amplitude == pytest.approx(0.0, abs=0.1)
    template = learn_template(T_S[T_S >= -10], np.array([trace[T_S >= -10]]))
    assert fit_amplitude(T_S, trace, template, WINDOW).amplitude == pytest.approx(-2.0, abs=0.03)


@pytest.mark.parametrize(("level", "floor_um"), [(0, 0.20), (1, 0.43), (2, 0.66)])
def test_an_empty_window_shows_the_floor_of_picking(level: int, floor_um: float) -> None:
    """science.md 2.7 [D-sim] has 0.20, 0.43 and 0.66 µM; its 1/f noise is another one, so within a quarter."""
    _, mean_um, _ = noisy(level)["picked blank"]
    assert mean_um == pytest.approx(floor_um, rel=0.25)


@pytest.mark.parametrize("level", range(3))
@pytest.mark.parametrize("what", ["amplitude", "t80_s", "blank"])
def test_the_template_fit_is_nearer_to_the_truth_than_picking_and_spreads_less(level: int, what: str) -> None:
    true, picked_mean, picked_sd = noisy(level)[f"picked {what}"]
    true_fitted, fitted_mean, fitted_sd = noisy(level)[f"fitted {what}"]
    of_means = fitted_sd / 150**0.5
    assert abs(fitted_mean - true_fitted) < abs(picked_mean - true) + of_means
    assert abs(fitted_mean - true_fitted) < 3 * of_means + 0.02 * true_fitted
    if what != "blank":  # a floor spreads little: it is always there
        assert fitted_sd < picked_sd * (1.0 if level else 1.05)  # with hardly any noise both are the noise


def test_nothing_of_a_gap_or_a_blanked_artefact_is_measured() -> None:
    """A spike of 50 µM at the ejection is blanked; the record keeps it, the numbers do not see it."""
    trace = 2.0 * event(T_S)
    trace[(T_S >= 0) & (T_S <= 0.3)] = 50.0
    shown = blanked(T_S, trace, [(0.0, 0.3)])
    assert trace.max() == 50.0
    assert measure(T_S, shown, WINDOW).amplitude == pytest.approx(1.98, abs=0.02)
    template = learn_template(T_S[T_S >= -10], np.array([shown[T_S >= -10]]))
    assert fit_amplitude(T_S, shown, template, WINDOW).amplitude == pytest.approx(2.0, abs=0.03)


def test_a_response_that_is_not_there_is_nan_and_no_number() -> None:
    shown = blanked(T_S, 2.0 * event(T_S), [(-1.0, 60.0)])
    template = Template(0.0, (0.3, 1.5, 8.0))
    assert np.isnan(measure(T_S, shown, WINDOW).amplitude)
    assert np.isnan(fit_amplitude(T_S, shown, template, WINDOW).amplitude)
    assert np.isnan(measure(T_S[T_S > -5], shown[T_S > -5], WINDOW).amplitude)  # half a baseline is none
    assert all(np.isnan(fit_duration(T_S[:5], shown[:5], template, WINDOW)))


def test_aligned_responses_stay_empty_in_gaps_and_beyond_the_recording() -> None:
    t_s = np.delete(np.arange(0, 100, 0.1), slice(300, 320))
    relative_s, found = aligned(t_s, np.ones_like(t_s), [25.0, 95.0], -5.0, 10.0)
    assert found.shape == (2, len(relative_s))
    missing_s = relative_s[np.isnan(found[0])]
    assert missing_s.min() == pytest.approx(5.0)
    assert missing_s.max() == pytest.approx(6.9)
    assert np.isnan(found[1][relative_s > 5.0]).all()
    assert np.nanmax(found) == np.nanmin(found) == 1.0


def test_smoothing_has_no_delay_and_does_not_bridge_a_gap() -> None:
    spike = np.zeros(101)
    spike[50] = 1.0
    assert np.flatnonzero(smoothed(spike, 5)).tolist() == [48, 49, 50, 51, 52]
    spike[20:40] = np.nan
    assert np.isnan(smoothed(spike, 5)[23:37]).all()


@pytest.mark.parametrize("taus_s", [(0.3, 1.5, 8.0), (1.5, 1.5, 8.0), (2.0, 2.0, 2.0)])
def test_a_template_is_1_at_its_peak_and_a_fifth_at_t80_even_with_equal_time_constants(
    taus_s: tuple[float, ...],
) -> None:
    template = Template(0.2, (taus_s[0], taus_s[1], taus_s[2]))
    peak_s = template.t_peak_s
    assert float(template.values(np.array(peak_s))) == pytest.approx(1.0, abs=1e-6)
    assert template.values(np.linspace(0, 60, 6001)).max() <= 1.0 + 1e-6
    assert float(template.values(np.array(peak_s + template.t80_s))) == pytest.approx(0.2, abs=1e-6)


def test_windows_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="begins and ends before the search window"):
        ResponseWindow(baseline_s=(-5.0, 1.0))
