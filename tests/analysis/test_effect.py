"""The effect of a drug in one animal: locked to its arrival, in either direction, with honest intervals."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.effect import EffectWindows, arrival_s, evoked_effect, sensitivity, tonic_effect
from analysis.review import Infusion

Array = NDArray[np.float64]
ONSETS_S = np.arange(0.0, 7200.0, 300.0)
ARRIVED_S = 3600.0


def amplitudes(ratio: float, seed: int, cv: float = 0.25) -> Array:
    rng = np.random.default_rng(seed)
    return np.where(ONSETS_S < ARRIVED_S, 2.0, 2.0 * ratio) * (1 + cv * rng.standard_normal(len(ONSETS_S)))


@pytest.mark.parametrize("ratio", [0.57, 1.0, 1.75])
def test_a_fall_and_a_rise_are_found_alike_and_exactly_without_noise(ratio: float) -> None:
    effect = evoked_effect(ONSETS_S, amplitudes(ratio, 1, cv=0.0), ARRIVED_S)
    assert effect.value == pytest.approx(ratio)
    assert effect.log_ratio == pytest.approx(np.log(ratio))
    assert (effect.n_before, effect.n_after) == (6, 4)


def test_windows_are_locked_to_the_arrival_and_not_to_the_start_of_the_pump() -> None:
    """12 µL at 2 µL/min into a line of 10 µL: the drug arrives five minutes after the start."""
    t_s = np.arange(0.0, 1200.0)
    given_ul = np.clip((t_s - 300.0) / 60.0 * 2.0, 0.0, 12.0)
    zero = np.zeros_like(t_s)
    infusion = Infusion(
        "p", "ketamine", 1.0, t_s, given_ul, given_ul, zero, np.maximum(given_ul - 10.0, 0.0), *[zero] * 3
    )
    assert arrival_s(infusion) == pytest.approx(300.0 + 300.0, abs=1.5)
    nothing = Infusion("p", "ketamine", 1.0, t_s, zero, zero, zero, zero, *[zero] * 3)
    assert np.isnan(arrival_s(nothing))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of 6 and 4 responses; many more, and other numbers of them: ``test_studentized``."""
    inside = 0
    for seed in range(100):
        effect = evoked_effect(ONSETS_S, amplitudes(0.57, seed), ARRIVED_S, seed=seed)
        inside += effect.low <= 0.57 <= effect.high
    assert 91 <= inside <= 99


def test_a_response_that_could_not_be_measured_is_left_out_and_counted() -> None:
    values = amplitudes(0.57, 1, cv=0.0)
    values[[8, 15]] = np.nan
    effect = evoked_effect(ONSETS_S, values, ARRIVED_S)
    assert effect.value == pytest.approx(0.57)
    assert (effect.n_before, effect.n_after) == (5, 3)


def test_without_responses_on_one_side_there_is_no_effect_to_tell() -> None:
    effect = evoked_effect(ONSETS_S, amplitudes(0.5, 1), -1e6)
    assert np.isnan(effect.value)
    assert np.isnan(effect.log_ratio)


def test_a_tonic_change_is_found_in_blocks_and_its_interval_is_not_that_of_samples() -> None:
    rng = np.random.default_rng(2)
    t_s = np.arange(0, 7200, 0.5)
    slow = np.repeat(rng.normal(0, 0.3, 120), 120)  # a minute's samples tell the same
    level = 3.3 + np.where(t_s > ARRIVED_S, -0.28, 0.0) + slow
    effect = tonic_effect(t_s, level, ARRIVED_S)
    assert effect.low < -0.28 < effect.high
    assert effect.high - effect.low > 0.1  # samples drawn singly would give a tenth of it
    assert (effect.n_before, effect.n_after) == (30, 20)


def test_the_result_is_shown_for_every_choice() -> None:
    measured = {"picked": amplitudes(0.57, 1) + 0.3, "fitted": amplitudes(0.57, 1)}
    choices = {"10-30 min": EffectWindows(), "20-40 min": EffectWindows(after_s=(1200.0, 2400.0))}
    found = sensitivity(ONSETS_S, measured, ARRIVED_S, choices)
    assert set(found) == {(m, c) for m in measured for c in choices}
    assert found["picked", "10-30 min"].value > found["fitted", "10-30 min"].value  # a floor hides a fall


def test_the_same_seed_gives_the_same_interval() -> None:
    one, other = (evoked_effect(ONSETS_S, amplitudes(0.57, 1), ARRIVED_S, seed=4) for _ in range(2))
    assert one == other


def test_windows_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="must end before"):
        EffectWindows(before_s=(-100.0, 10.0), after_s=(0.0, 100.0))
