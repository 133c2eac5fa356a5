"""One site: response, lag, saturation, noise."""

import numpy as np
import pytest

from sim_devices.models.electrode import ARRAY_SITE, WIRE, Electrode, ElectrodeParameters, settling_a


def site(seed: int = 1, parameters: ElectrodeParameters = ARRAY_SITE) -> Electrode:
    return Electrode(parameters, np.random.default_rng(seed), sees_glutamate=True)


def test_a_small_concentration_gives_seven_picoamperes_per_micromolar() -> None:
    current_a = site().glutamate_current(np.array([0.0, 1.0]))

    assert current_a[1] - current_a[0] == pytest.approx(7e-12, rel=0.001)


def test_a_large_one_saturates_with_the_apparent_km() -> None:
    current_a = site().glutamate_current(np.array([1500.0]))

    assert current_a[0] == pytest.approx(7e-12 * 1500 / 2)


def test_the_film_answers_a_step_to_90_percent_in_about_a_second() -> None:
    electrode = site()

    answer = np.concatenate([electrode.film(np.ones(50)) for _ in range(5)])

    assert np.argmax(answer > 0.9) / 50 == pytest.approx(1.0, abs=0.2)
    t_s = (np.arange(250) + 1) / 50
    exact = 1 - (0.30 * np.exp(-t_s / 0.30) - 0.15 * np.exp(-t_s / 0.15)) / (0.30 - 0.15)
    assert answer == pytest.approx(exact, abs=0.03)
    assert answer[-1] == pytest.approx(1.0, abs=1e-6)


def test_the_film_carries_on_across_seconds() -> None:
    rng = np.random.default_rng(5)
    tissue_um = rng.uniform(0, 5, 150)
    electrode = site()
    film, enzyme, expected = 0.0, 0.0, []
    for level_um in tissue_um:
        film += (1 - np.exp(-0.02 / 0.30)) * (level_um - film)
        enzyme += (1 - np.exp(-0.02 / 0.15)) * (film - enzyme)
        expected.append(enzyme)

    answer = np.concatenate([electrode.film(tissue_um[start : start + 50]) for start in (0, 50, 100)])

    assert answer == pytest.approx(expected, abs=1e-12)


def test_an_equilibrated_film_does_not_move() -> None:
    electrode = site()
    electrode.equilibrate(3.3)

    assert electrode.film(np.full(50, 3.3)) == pytest.approx(3.3)


@pytest.mark.parametrize(("parameters", "rms_a"), [(ARRAY_SITE, 2.12e-12), (WIRE, 22.7e-12)])
def test_noise_has_the_default_size(parameters: ElectrodeParameters, rms_a: float) -> None:
    """1.5 pA white and 1.5 pA pink make 2.1 pA RMS, the figure that the detection limits give (science.md 2.3)."""
    electrode = site(2, parameters)
    noise_a = np.concatenate([electrode.noise() for _ in range(1800)])[::5]

    assert noise_a.std() == pytest.approx(rms_a, rel=0.08)


def test_its_slow_part_is_pink() -> None:
    """Power falls as 1/f: ten times per decade, between 0.02 and 2 Hz."""
    parameters = ElectrodeParameters(white_noise_a=0.0)
    electrode = site(3, parameters)
    noise = np.concatenate([electrode.noise() for _ in range(3600)]) / 1.5e-12
    power = np.mean([np.abs(np.fft.rfft(part)) ** 2 for part in noise.reshape(36, -1)], axis=0)
    frequency_hz = np.fft.rfftfreq(5000, 0.02)
    used = (frequency_hz > 0.02) & (frequency_hz < 2)

    slope, _ = np.polyfit(np.log10(frequency_hz[used]), np.log10(power[used]), 1)

    assert slope == pytest.approx(-1.0, abs=0.2)


def test_settling_begins_at_2_3_na_and_is_nearly_gone_after_an_hour() -> None:
    assert settling_a(ARRAY_SITE, 0.0)[0] == pytest.approx(2.3e-9)
    assert settling_a(ARRAY_SITE, 120.0)[0] == pytest.approx(2e-9 / np.e + 0.3e-9 * np.exp(-0.08))
    assert settling_a(ARRAY_SITE, 3600.0)[0] < 0.03e-9
