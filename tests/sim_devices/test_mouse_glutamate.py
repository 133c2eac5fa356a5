"""Glutamate around the sensors."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sim_devices.mouse.glutamate import Ascorbate, AscorbateParameters, ExtracellularGlutamate, GlutamateParameters

QUIET = GlutamateParameters(transients_per_min=0.0)


def brain(
    parameters: GlutamateParameters, seed: int = 1, seconds: int = 3600, m: float = 1.0
) -> ExtracellularGlutamate:
    tissue = ExtracellularGlutamate(parameters, np.random.default_rng(seed))
    for _ in range(seconds):
        tissue.extend(m)
    return tissue


def trace(tissue: ExtracellularGlutamate) -> NDArray[np.float64]:
    return np.concatenate([tissue.during(second) for second in range(tissue.seconds)])


def test_at_rest_it_is_the_basal_level() -> None:
    assert trace(brain(QUIET)) == pytest.approx(3.3)


def test_ketamine_at_its_strongest_moves_the_basal_level_by_only_8_5_percent() -> None:
    """Only a fifth of it is neuronal: science.md 4.5, key consequence."""
    level_um = brain(QUIET, m=0.57).during(3599)[-1]

    assert level_um / 3.3 - 1 == pytest.approx(-0.085, abs=0.002)


def test_a_change_of_release_shows_one_second_late_and_without_a_step() -> None:
    tissue = brain(QUIET, seconds=10)
    tissue.extend(0.5)
    tissue.extend(0.5)

    assert tissue.during(10) == pytest.approx(3.3)
    assert tissue.during(11)[0] == pytest.approx(3.3)
    assert tissue.during(11)[25] == pytest.approx(3.3 - 0.33 / 2)
    assert tissue.during(12)[0] == pytest.approx(3.3 - 0.33)


def test_transients_come_about_once_a_minute_and_are_0_3_to_1_5_um_high() -> None:
    above_um = trace(brain(GlutamateParameters(), seconds=4 * 3600)) - 3.3
    jumps_um = np.diff(above_um)
    onsets_um = jumps_um[jumps_um > 0.2]

    assert 180 < len(onsets_um) < 300
    assert 0.28 < onsets_um.min() < 0.4
    assert 1.3 < onsets_um.max() <= 1.5
    assert above_um.min() >= 0


def test_transients_shrink_with_release() -> None:
    without, with_drug = (trace(brain(GlutamateParameters(), m=m)) for m in (1.0, 0.5))

    excess, drugged_excess = without - 3.3, with_drug - (3.3 - 0.33)
    assert drugged_excess[60 * 50 :] == pytest.approx(0.5 * excess[60 * 50 :], abs=1e-9)


def test_it_is_the_same_however_and_in_whichever_order_it_is_asked() -> None:
    forward, backward = brain(GlutamateParameters(), seconds=600), brain(GlutamateParameters(), seconds=600)

    asked_backward = [backward.during(second) for second in reversed(range(600))]

    assert np.array_equal(trace(forward), np.concatenate(asked_backward[::-1]))


def test_another_seed_gives_other_transients() -> None:
    assert not np.array_equal(trace(brain(GlutamateParameters(), 1)), trace(brain(GlutamateParameters(), 2)))


def test_ascorbate_wanders_slowly_around_its_basal_level() -> None:
    ascorbate = Ascorbate(AscorbateParameters(), np.random.default_rng(3))
    levels_um = np.array([ascorbate.at(second) for second in range(24 * 3600)])

    assert levels_um.mean() == pytest.approx(250, abs=20)
    assert levels_um.std() == pytest.approx(50, rel=0.3)
    assert levels_um.min() >= 150
    assert np.abs(np.diff(levels_um)).max() < 20
