"""The evoked read-out on traces whose truth is known, and arms made of such readings."""

from __future__ import annotations

import io
from math import exp, log, nan

import numpy as np
import pytest

from analysis.cohort.animal import AnimalReading
from analysis.cohort.figure import cohort_figure
from analysis.cohort.summary import summarise
from analysis.effect import Effect
from analysis.evoked import WINDOW, EffectStretch, Reading, Responses, measured
from tests.analysis.response_accuracy import event

T_S = np.arange(0.0, 1200.0, 0.1)
ONSETS_S = np.arange(100.0, 1100.0, 100.0)


def trace(sizes_um: list[float], noise_um: float = 0.0) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return glutamate with one response of each size, on a drifting level."""
    shape = event(np.arange(0.0, 90.0, 0.1))
    values = 20.0 - 0.002 * T_S + noise_um * np.random.default_rng(3).standard_normal(len(T_S))
    for onset_s, size_um in zip(ONSETS_S, sizes_um, strict=True):
        first = round(onset_s * 10)
        values[first : first + len(shape)] += size_um * shape
    return np.asarray(values)


@pytest.mark.parametrize("factor", [0.57, 1.0, 1.33])
def test_each_response_is_measured_against_its_own_baseline_whatever_comes_of_it(factor: float) -> None:
    sizes_um = [2.0] * 5 + [2.0 * factor] * 5

    found = measured(T_S, trace(sizes_um, noise_um=0.1), ONSETS_S, WINDOW)

    after = found.amplitude_um[5:].mean() / found.amplitude_um[:5].mean()
    assert after == pytest.approx(factor, rel=0.03)
    assert found.amplitude_um[:5].mean() == pytest.approx(2.0, rel=0.03)
    assert (found.r2 > 0.8).all()


def test_a_response_in_a_gap_has_no_number_and_the_others_keep_theirs() -> None:
    values = trace([2.0] * 10)
    values[2990:3300] = nan

    found = measured(T_S, values, ONSETS_S, WINDOW)

    assert np.flatnonzero(np.isnan(found.amplitude_um)).tolist() == [2]
    assert np.nanmean(found.amplitude_um) == pytest.approx(2.0, rel=0.02)


def test_picking_keeps_its_floor_beside_it() -> None:
    found = measured(T_S, trace([2.0, 2.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0], noise_um=0.5), ONSETS_S, WINDOW)

    assert abs(found.amplitude_um[5:].mean()) < 0.1
    assert found.picked_um[5:].mean() > 0.25
    assert found.blank_um.mean() == pytest.approx(found.picked_um[5:].mean(), abs=0.15)


@pytest.mark.parametrize("onsets_s", [[], [5000.0]])
def test_without_a_stimulus_in_the_recording_nothing_is_told(onsets_s: list[float]) -> None:
    found = measured(T_S, trace([2.0] * 10), np.array(onsets_s), WINDOW)

    assert len(found.amplitude_um) == len(onsets_s)
    assert np.isnan(found.amplitude_um).all()


def animal(treatment: str, number: int, log_ratio: float) -> AnimalReading:
    none = np.empty(0)
    ratio = exp(log_ratio) if np.isfinite(log_ratio) else nan
    effect = {"late": Effect(ratio, nan, nan, 6, 6)}
    reading = Reading(Responses(none, none, none, none, none), 0.0, 1.0, 2.0, effect)
    return AnimalReading(f"{treatment}-{number}", "normal", treatment, number, "", "finished", reading)


def test_an_arm_is_the_mean_of_its_animals_and_one_without_a_ratio_is_counted_as_left_out() -> None:
    values = {"vehicle": [0.0, 0.1, -0.1], "ketamine": [-0.5, -0.6, -0.7, nan]}
    animals = [animal(treatment, n, value) for treatment, them in values.items() for n, value in enumerate(them)]

    vehicle, ketamine = summarise(animals, "vehicle")

    assert log(ketamine.effect.ratio) == pytest.approx(-0.6)
    assert (ketamine.effect.n, ketamine.left_out, vehicle.left_out) == (3, 1, 0)
    assert log(ketamine.effect.high) == pytest.approx(-0.6 + 4.303 * 0.1 / 3**0.5, abs=1e-3)  # t table, 2 degrees
    assert vehicle.against_control is None
    assert ketamine.against_control is not None
    assert log(ketamine.against_control.ratio) == pytest.approx(-0.6)


def test_one_animal_in_an_arm_has_a_ratio_and_no_interval() -> None:
    vehicle, ketamine = summarise([animal("vehicle", 1, 0.0), animal("ketamine", 1, -0.5)], "vehicle")

    assert log(ketamine.effect.ratio) == pytest.approx(-0.5)
    assert np.isnan(ketamine.effect.low)
    assert ketamine.against_control is None
    assert vehicle.effect.n == 1


def test_a_name_from_a_file_is_drawn_as_text_and_no_formula() -> None:
    animals = [animal(treatment, n, -0.1 * n) for treatment in ("vehicle", r"$\frac{") for n in range(3)]
    stretch = EffectStretch("late $x", 60.0, 120.0)

    figure = cohort_figure(animals, summarise(animals, "vehicle"), stretch, "vehicle")

    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg")
    assert r"$\frac{" in drawn.getvalue().decode()
    assert "n = 3 animals per arm" in drawn.getvalue().decode()
    assert "<!-- SIMULATED -->" in drawn.getvalue().decode()
