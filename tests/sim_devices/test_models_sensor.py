"""One site: response, lag, saturation, settling, ageing; white and 1/f noise, hum, glitches."""

from typing import Any

import numpy as np
import pytest

from sim_devices.models.electrode import Background, Chemistry, Film, response, sensitivity_left, settling_a
from sim_devices.models.noise import Glitches, Hum, Noise, SiteNoise, white_a, windows_of

QUIET = Noise(white_a=0.0, pink_a=0.0, hum_a=0.0)


def near(value: Any, rel: float = 1e-6) -> Any:
    """Compare currents: pytest's own absolute tolerance of 1e-12 is a picoampere."""
    return pytest.approx(value, rel=rel, abs=1e-18)


def noise_a(noise: Noise, seconds: int, windows: int, seed: int = 2) -> np.ndarray:
    site = SiteNoise(noise, np.random.default_rng(seed))
    rows = []
    for _ in range(seconds):
        pink_a, charges_c = site.second()
        rows.append(pink_a + white_a(charges_c, windows))
    return np.concatenate(rows)


def test_a_large_concentration_saturates_with_the_apparent_km() -> None:
    assert response(np.array([0.0, 1.0, 1500.0]), 1500.0) == pytest.approx([0.0, 1.0, 750.0], rel=0.001)


def test_the_film_answers_a_step_to_90_percent_in_about_a_second() -> None:
    film = Film(0.30, 0.15)

    answer = np.concatenate([film.seen(np.ones(50)) for _ in range(5)])

    assert np.argmax(answer > 0.9) / 50 == pytest.approx(1.0, abs=0.2)
    t_s = (np.arange(250) + 1) / 50
    exact = 1 - (0.30 * np.exp(-t_s / 0.30) - 0.15 * np.exp(-t_s / 0.15)) / (0.30 - 0.15)
    assert answer == pytest.approx(exact, abs=0.03)
    assert answer[-1] == pytest.approx(1.0, abs=1e-6)


def test_the_film_carries_on_across_seconds() -> None:
    tissue_um = np.random.default_rng(5).uniform(0, 5, 150)
    film, inner, enzyme, expected = Film(0.30, 0.15), 0.0, 0.0, []
    for level_um in tissue_um:
        inner += (1 - np.exp(-0.02 / 0.30)) * (level_um - inner)
        enzyme += (1 - np.exp(-0.02 / 0.15)) * (inner - enzyme)
        expected.append(enzyme)

    answer = np.concatenate([film.seen(tissue_um[start : start + 50]) for start in (0, 50, 100)])

    assert answer == pytest.approx(expected, abs=1e-12)


def test_settling_begins_at_2_3_na_and_is_nearly_gone_after_an_hour() -> None:
    b = Background()

    assert settling_a(b, 0.0) == near(2.3e-9)
    assert settling_a(b, 120.0) == near(2e-9 / np.e + 0.3e-9 * np.exp(-0.08))
    assert settling_a(b, 3600.0) < 0.03e-9


def test_sensitivity_is_lost_mostly_early_on_the_first_day_and_slowly_later() -> None:
    c = Chemistry(first_day_loss=0.3, later_loss_per_day=0.05)
    left = [sensitivity_left(c, hours * 3600.0) for hours in (0, 6, 24, 48, 24 * 60)]

    assert left[0] == 1.0
    assert 0.7 < left[1] < 0.85
    assert left[2:] == pytest.approx([0.7, 0.65, 0.0])


@pytest.mark.parametrize("scale", [1.0, 10.7])
def test_noise_has_the_size_that_detection_limits_give_at_the_10_hz_output(scale: float) -> None:
    """1.5 pA white and 1.5 pA pink make 2.1 pA RMS (science.md 2.3)."""
    found_a = noise_a(Noise(white_a=1.5e-12 * scale, pink_a=1.5e-12 * scale), 1800, 5)[::5]

    assert found_a.std() == near(2.12e-12 * scale, rel=0.08)


def test_white_noise_rises_linearly_with_bandwidth() -> None:
    white = Noise(pink_a=0.0)
    rms_a = {windows: float(noise_a(white, 600, windows)[::windows].std()) for windows in (1, 5, 50)}

    assert rms_a[5] == near(1.5e-12, rel=0.05)
    assert rms_a[1] / rms_a[5] == near(5.0, rel=0.05)
    assert rms_a[5] / rms_a[50] == near(10.0, rel=0.1)


def test_five_samples_of_20_ms_average_to_the_sample_of_100_ms() -> None:
    white = Noise(pink_a=0.0)
    short_a, long_a = noise_a(white, 200, 1), noise_a(white, 200, 5)

    assert short_a.reshape(-1, 5).mean(axis=1) == pytest.approx(long_a[4::5], abs=1e-18)


def test_its_slow_part_is_pink() -> None:
    """Power falls as 1/f: ten times per decade, between 0.02 and 2 Hz."""
    noise = noise_a(Noise(white_a=0.0), 3600, 5, seed=3) / 1.5e-12
    power = np.mean([np.abs(np.fft.rfft(part)) ** 2 for part in noise.reshape(36, -1)], axis=0)
    frequency_hz = np.fft.rfftfreq(5000, 0.02)
    used = (frequency_hz > 0.02) & (frequency_hz < 2)

    slope, _ = np.polyfit(np.log10(frequency_hz[used]), np.log10(power[used]), 1)

    assert slope == pytest.approx(-1.0, abs=0.2)


def hum_a(hz: int, seconds: int, rate: int, wander_hz: float = 0.05) -> np.ndarray:
    """Return the mains of 20 pA as points at ``rate`` per second, without any filter."""
    hum = Hum(Noise.model_validate({"mains_hz": hz, "hum_wander_hz": wander_hz}), np.random.default_rng(4))
    found = []
    for _ in range(seconds):
        hum.advance()
        found += [hum.point_a(at * 1_000_000_000 // rate) for at in range(rate)]
    return np.array(found)


@pytest.mark.parametrize("hz", [50, 60])
def test_selftest_4_a_boxcar_of_100_ms_leaves_less_than_1_percent_of_the_hum(hz: int) -> None:
    raw_a = hum_a(hz, 60, 1000)

    boxcar_a = raw_a.reshape(-1, 100).mean(axis=1)

    assert np.abs(raw_a).max() == near(20e-12, rel=0.01)
    assert np.abs(boxcar_a).max() < 0.01 * 20e-12


@pytest.mark.parametrize("hz", [50, 60])
def test_selftest_4_without_it_hum_at_10_samples_per_second_is_a_slow_wave(hz: int) -> None:
    """A mains error of 0.05 Hz becomes a wave of 20 s or so, of full size, that looks like glutamate."""
    samples_a = hum_a(hz, 600, 10)

    assert np.ptp(samples_a) > 30e-12
    assert np.abs(np.diff(samples_a)).max() < 2e-12


@pytest.mark.parametrize(("hz", "windows"), [(50, 5), (60, 5), (60, 1)])
def test_what_an_integrating_instrument_sees_of_the_hum_is_the_mean_of_it(hz: int, windows: int) -> None:
    noise = Noise.model_validate({"mains_hz": hz, "white_a": 0.0})
    hum = Hum(noise, np.random.default_rng(4))
    fine_a = []
    for _ in range(3):
        hum.advance()
        fine_a += [hum.point_a(at * 1_000_000 + 500_000) for at in range(1000)]
    length = 20 * windows

    seen_a = np.asarray(hum.over_a(windows))

    means_a = [np.mean(fine_a[2000 + 20 * at - length : 2000 + 20 * at]) for at in range(50)]
    assert seen_a == pytest.approx(means_a, abs=0.3e-12)
    assert np.abs(means_a).max() < (0.2e-12 if windows == 5 else 5e-12)


def test_glitches_put_the_current_at_a_rail_or_to_nothing_for_0_2_to_5_s() -> None:
    glitches = Glitches(QUIET.model_copy(update={"glitches_per_h": 60.0}), np.random.default_rng(5))
    currents_a = np.concatenate([glitches.apply(np.full(50, 1e-10), second) for second in range(3600)])

    edges = np.flatnonzero(np.diff(currents_a))
    assert set(currents_a) == {1e-10, 1e-6, -1e-6, 0.0}
    assert 60 <= len(edges) <= 160
    off = currents_a != 1e-10
    assert 0.02 < off.mean() < 0.09


def test_no_glitch_unless_it_is_asked_for() -> None:
    glitches = Glitches(QUIET, np.random.default_rng(5))

    assert glitches.apply(np.ones(50), 10**6).tolist() == [1.0] * 50


@pytest.mark.parametrize(("over_ns", "windows"), [(0, 1), (16_667_000, 1), (20_000_000, 1), (10**8, 5), (10**10, 50)])
def test_integration_times_are_kept_between_20_ms_and_a_second(over_ns: int, windows: int) -> None:
    assert windows_of(over_ns) == windows


@pytest.mark.parametrize(
    ("white_pa", "pink_pa", "blank_um", "mean_um"), [(1, 1, 0.20, 2.02), (2, 2, 0.43, 2.16), (4, 3, 0.66, 2.30)]
)
def test_selftest_3_blank_windows_return_the_floor_of_peak_picking(
    white_pa: float, pink_pa: float, blank_um: float, mean_um: float
) -> None:
    """science.md 2.7: 7 pA/uM, 1 s smoothing, the maximum of 15 s over a baseline of 10 s; a true peak of 2.0 uM.

    The reference's white noise has no memory; ours, drawn as charge, averages out better over 1 s, hence the margin.
    """
    noise = Noise(white_a=white_pa * 1e-12, pink_a=pink_pa * 1e-12)
    windows_um = noise_a(noise, 200 * 30, 5)[4::5].reshape(200, 300) / 7e-12
    t_s = np.arange(200) / 10
    event_um = np.concatenate((np.zeros(100), (np.exp(-t_s / 8.0) - np.exp(-t_s / 1.5)) / 0.5521 * 2.0))

    def peaks(rows_um: np.ndarray) -> np.ndarray:
        smooth = np.array([np.convolve(row, np.ones(10) / 10, "same") for row in rows_um])
        return np.asarray(smooth[:, 100:250].max(axis=1) - smooth[:, 5:95].mean(axis=1))

    assert peaks(windows_um).mean() == pytest.approx(blank_um, rel=0.25)
    assert peaks(windows_um + event_um).mean() == pytest.approx(mean_um, abs=0.1)
