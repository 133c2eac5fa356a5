"""The beaker on the stirrer, and what a calibration in it gives: self-test 1."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from sim_devices.models.beaker import Addition, Beaker, BeakerParameters
from sim_devices.models.front_end import FrontEnd, Site
from sim_devices.models.noise import SiteNoise
from sim_devices.presets import shelf
from sim_devices.presets.sensor import SensorPreset

S = 1_000_000_000
FAST = (
    ("ascorbate", 500.0, 20.0),
    *((("glutamate", 40.0, 20.0),) * 3),
    ("dopamine", 40.0, 2.0),
    ("peroxide", 40.0, 8.8),
)
"""The additions of science.md 2.4 into 40 mL: analyte, uL, mM."""


def near(value: Any, rel: float = 1e-6) -> Any:
    """Compare currents: pytest's own absolute tolerance of 1e-12 is a picoampere."""
    return pytest.approx(value, rel=rel, abs=1e-18)


def test_an_addition_dilutes_what_was_there() -> None:
    """Exact: 247 uM of ascorbate, and 19.73, 39.43, 59.08 uM of glutamate after it, not 20, 40, 60."""
    beaker = Beaker(BeakerParameters())
    found = []
    for analyte, volume_ul, stock_mm in FAST[:4]:
        beaker.add(Addition.model_validate({"analyte": analyte, "volume_ul": volume_ul, "stock_mm": stock_mm}), 1)
        found.append(beaker.concentrations_um())

    assert found[0]["ascorbate"] == pytest.approx(246.9, abs=0.1)
    assert [step["glutamate"] for step in found[1:]] == pytest.approx([19.73, 39.43, 59.08], abs=0.01)
    assert found[3]["ascorbate"] < found[0]["ascorbate"]


def test_buffer_only_dilutes() -> None:
    beaker = Beaker(BeakerParameters(volume_ml=10.0))
    beaker.add(Addition(analyte="glutamate", volume_ul=100.0, stock_mm=1.0), 1)
    before_um = beaker.concentrations_um()["glutamate"]
    beaker.add(Addition(analyte="buffer", volume_ul=10_100.0, stock_mm=0.0), 2)

    assert beaker.concentrations_um()["glutamate"] == pytest.approx(before_um / 2)


def test_mixing_takes_the_stirrers_time() -> None:
    beaker = Beaker(BeakerParameters(stirring_s=1.5))
    beaker.add(Addition(analyte="glutamate", volume_ul=40.0, stock_mm=20.0), 10)
    level_um = np.concatenate([beaker.during(second).glutamate_um for second in range(8, 40)])
    final_um = beaker.concentrations_um()["glutamate"]

    assert level_um[:100].max() == 0.0
    assert level_um[100 + 75] == pytest.approx(final_um * (1 - np.exp(-1)), rel=1e-6)
    assert level_um[-1] == pytest.approx(final_um, rel=1e-6)


def calibration(preset: SensorPreset, gain: float, seed: int = 1) -> tuple[np.ndarray, list[dict[str, float]]]:
    """Return currents (seconds x 10, 2) and true concentrations of a calibration: a minute for each addition."""
    beaker = Beaker(BeakerParameters())
    rngs = np.random.default_rng(seed).spawn(3)
    slope = preset.chemistry.sensitivity_a_per_um
    sites = {
        0: Site(slope, 1.0, SiteNoise(preset.noise, rngs[0]), 1),
        1: Site(0.0, gain, SiteNoise(preset.noise, rngs[1]), 2),
    }
    cell = FrontEnd(beaker, preset, sites, rngs[2], ages=False)
    cell.set_cell(on=True, potential_v=0.7, now_ns=0)
    rows, concentrations = [], [beaker.concentrations_um()]
    for number, step in enumerate((None, *FAST)):
        if step is not None:
            values = dict(zip(("analyte", "volume_ul", "stock_mm"), step, strict=True))
            beaker.add(Addition.model_validate(values), number * 60)
            concentrations.append(beaker.concentrations_um())
        rows += [[cell.current_a(e, (number * 600 + t) * S // 10) for e in (0, 1)] for t in range(600)]
    return np.array(rows), concentrations


def plateaus(currents_a: np.ndarray) -> np.ndarray:
    return np.asarray(currents_a.reshape(-1, 600, 2)[:, 300:].mean(axis=1))


def slope_of(levels_a: np.ndarray, levels_um: Sequence[float]) -> float:
    return float(np.polyfit(levels_um, levels_a, 1)[0])


@pytest.mark.parametrize("gain", [0.85, 1.1])
def test_selftest_1_a_noise_free_calibration_returns_sensitivity_selectivity_and_gain_within_1_percent(
    gain: float,
) -> None:
    """science.md 4.7; with the dilution-corrected concentrations. Saturation at Kapp 1500 uM is kept out of it."""
    preset = shelf.sensor("array-noiseless")
    linear = preset.chemistry.model_copy(update={"apparent_km_um": 1e5})
    currents_a, true_um = calibration(preset.model_copy(update={"chemistry": linear}), gain)

    level_a = plateaus(currents_a)
    ascorbate_um = [step["ascorbate"] for step in true_um]
    slope = slope_of(level_a[1:5, 0], [step["glutamate"] for step in true_um][1:5])
    selectivity = slope / slope_of(level_a[:2, 0], ascorbate_um[:2])
    peroxide_step_a = level_a[6] - level_a[5]

    assert slope == near(7e-12, rel=0.01)
    assert selectivity == pytest.approx(300.0, rel=0.01)
    glutamate_fall_a = 7e-12 * (true_um[6]["glutamate"] - true_um[5]["glutamate"])  # the last addition dilutes it too
    assert peroxide_step_a[1] / (peroxide_step_a[0] - glutamate_fall_a) == near(gain, rel=0.01)


def test_selftest_1_concentrations_that_are_not_corrected_for_dilution_miss_by_more() -> None:
    currents_a, true_um = calibration(shelf.sensor("array-noiseless"), 1.0)
    level_a = plateaus(currents_a)[1:5, 0]

    corrected, nominal = (
        slope_of(level_a, um) for um in ([s["glutamate"] for s in true_um][1:5], [0.0, 20.0, 40.0, 60.0])
    )

    assert nominal < 0.99 * corrected


def test_selftest_1_the_limit_of_detection_with_noise_is_within_20_percent_of_what_went_in() -> None:
    """Three times the SD of the baseline over the slope; 1.5 pA white and 1.5 pA pink are 2.1 pA."""
    preset = shelf.sensor("array-noiseless")
    noise = preset.noise.model_copy(update={"white_a": 1.5e-12, "pink_a": 1.5e-12})
    found = []
    for seed in range(8):
        currents_a, true_um = calibration(preset.model_copy(update={"noise": noise}), 1.0, seed)
        slope = slope_of(plateaus(currents_a)[1:5, 0], [step["glutamate"] for step in true_um][1:5])
        found.append(3 * currents_a[:600, 0].std() / slope)

    assert np.mean(found) == near(3 * 2.12e-12 / 7e-12, rel=0.2)
