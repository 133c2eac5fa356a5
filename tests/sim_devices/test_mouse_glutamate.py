"""Glutamate around the sensors: tonic, spontaneous, evoked."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sim_devices.models.electrode import Film
from sim_devices.mouse.glutamate import ExtracellularGlutamate, Glutamate

QUIET = Glutamate(transients_per_min=0.0)
STEADY = Glutamate(transients_per_min=0.0, evoked_cv=0.0, run_down=0.0)


def brain(parameters: Glutamate, seed: int = 1, seconds: int = 3600, m: float = 1.0) -> ExtracellularGlutamate:
    tissue = ExtracellularGlutamate(parameters, np.random.default_rng(seed), np.random.default_rng([seed, 1]))
    for _ in range(seconds):
        tissue.extend(m, 0.0)
    return tissue


def trace(tissue: ExtracellularGlutamate, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
    return np.concatenate([tissue.during(second) for second in range(start, tissue.seconds if stop is None else stop)])


def test_at_rest_it_is_the_basal_level() -> None:
    assert trace(brain(QUIET)) == pytest.approx(3.3)


def test_ketamine_at_its_strongest_moves_the_basal_level_by_only_8_5_percent() -> None:
    """Only a fifth of it is neuronal: science.md 4.5, key consequence."""
    level_um = brain(QUIET, m=0.57).during(3599)[-1]

    assert level_um / 3.3 - 1 == pytest.approx(-0.085, abs=0.002)


def test_a_change_of_release_shows_one_second_late_and_without_a_step() -> None:
    tissue = brain(QUIET, seconds=10)
    tissue.extend(0.5, 0.0)
    tissue.extend(0.5, 0.0)

    assert tissue.during(10) == pytest.approx(3.3)
    assert tissue.during(11)[0] == pytest.approx(3.3)
    assert tissue.during(11)[25] == pytest.approx(3.3 - 0.33 / 2)
    assert tissue.during(12)[0] == pytest.approx(3.3 - 0.33)


def test_transients_come_about_once_a_minute_and_are_0_3_to_1_5_um_high() -> None:
    above_um = trace(brain(Glutamate(), seconds=4 * 3600)) - 3.3
    jumps_um = np.diff(above_um)
    onsets_um = jumps_um[jumps_um > 0.2]

    assert 180 < len(onsets_um) < 300
    assert 0.28 < onsets_um.min() < 0.4
    assert 1.3 < onsets_um.max() <= 1.5
    assert above_um.min() >= 0


def test_transients_shrink_with_release() -> None:
    without, with_drug = (trace(brain(Glutamate(), m=m)) for m in (1.0, 0.5))

    excess, drugged_excess = without - 3.3, with_drug - (3.3 - 0.33)
    assert drugged_excess[60 * 50 :] == pytest.approx(0.5 * excess[60 * 50 :], abs=1e-9)


def test_it_is_the_same_however_and_in_whichever_order_it_is_asked() -> None:
    forward, backward = brain(Glutamate(), seconds=600), brain(Glutamate(), seconds=600)

    asked_backward = [backward.during(second) for second in reversed(range(600))]

    assert np.array_equal(trace(forward), np.concatenate(asked_backward[::-1]))


def test_another_seed_gives_other_transients() -> None:
    assert not np.array_equal(trace(brain(Glutamate(), 1)), trace(brain(Glutamate(), 2)))


def test_selftest_3_a_clean_evoked_event_of_2_um_peaks_at_3_7_s_and_has_a_t80_of_14_5_s_after_the_sensor() -> None:
    """science.md 4.3, 4.7: 1.97 to 2.0 uM through both lags of the sensor; T80 from the peak."""
    tissue = brain(STEADY, seconds=10)
    tissue.evoke(10.0, 1.0)
    for _ in range(60):
        tissue.extend(1.0, 0.0)
    film = Film(0.30, 0.15)
    film.equilibrate(3.3)

    seen_um = np.concatenate([film.seen(tissue.during(second)) for second in range(10, 60)]) - 3.3

    peak = int(seen_um.argmax())
    t80 = peak + int(np.argmax(seen_um[peak:] < 0.2 * seen_um.max()))
    assert 1.97 <= seen_um.max() <= 2.0
    assert trace(tissue, 10, 60).max() - 3.3 == pytest.approx(2.0, abs=0.001)
    assert peak / 50 == pytest.approx(3.7, abs=0.15)
    assert (t80 - peak) / 50 == pytest.approx(14.5, abs=0.1)


def test_evoked_release_is_what_the_drug_leaves_of_it() -> None:
    peaks = []
    for m in (1.0, 0.57):
        tissue = brain(STEADY, seconds=10, m=m)
        rest_um = float(tissue.during(9)[0])
        tissue.evoke(10.0, 1.0)
        for _ in range(40):
            tissue.extend(m, 0.0)
        peaks.append(trace(tissue, 10, 40).max() - rest_um)

    assert peaks[1] / peaks[0] == pytest.approx(0.57)


def test_evoked_release_runs_down_by_one_percent_per_ejection_and_varies_by_a_quarter() -> None:
    def peaks(parameters: Glutamate, n: int) -> NDArray[np.float64]:
        tissue = brain(parameters, seconds=1)
        found = []
        for _ in range(n):
            start = tissue.seconds + 1
            tissue.evoke(float(start), 1.0)
            for _ in range(121):
                tissue.extend(1.0, 0.0)
            found.append(trace(tissue, start, start + 20).max() - 3.3)
        return np.array(found)

    worn = peaks(STEADY.model_copy(update={"run_down": 0.01}), 11)
    varied = peaks(STEADY.model_copy(update={"evoked_cv": 0.25}), 200)

    assert worn / worn[0] == pytest.approx(0.99 ** np.arange(11), abs=1e-4)
    assert varied.std() / varied.mean() == pytest.approx(0.25, abs=0.05)
    assert varied.mean() == pytest.approx(2.0, rel=0.06)


def test_an_ejection_over_seconds_is_one_event_with_the_same_amount_released() -> None:
    at_once, slowly = brain(STEADY, seconds=10), brain(STEADY, seconds=10)
    at_once.evoke(10.0, 1.0)
    for second in range(4):
        slowly.evoke(10.0 + second, 0.25, 1.0)
    for tissue in (at_once, slowly):
        for _ in range(200):
            tissue.extend(1.0, 0.0)

    area = [float((trace(tissue, 10, 200) - 3.3).sum()) for tissue in (at_once, slowly)]
    assert area[0] == pytest.approx(area[1], rel=0.01)
    assert trace(slowly, 10, 60).max() < trace(at_once, 10, 60).max()


def test_evoked_release_that_decays_faster_than_it_rises_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than evoked_rise_s"):
        Glutamate(evoked_rise_s=8.0, evoked_decay_s=2.0)
