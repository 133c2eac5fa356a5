"""The mouse's pharmacology against the reference's table and against an independent integrator."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from sim_devices.mouse.pharmacology import AdenosineFeedback, KetamineKinetics, Pharmacology

TABLE_4_5 = {5: 0.90, 10: 0.72, 15: 0.64, 20: 0.60, 30: 0.57, 60: 0.63, 90: 0.82, 120: 0.96}
"""Minute: fraction of evoked amplitude after 10 mg/kg i.p.; science.md 4.5 [D-sim], printed to two digits."""


def after_ip(mg_per_kg: float, minutes: float, step_s: float = 1.0) -> Pharmacology:
    mouse = Pharmacology(step_s)
    mouse.step(mg_per_kg, 0.0)
    for _ in range(round(minutes * 60 / step_s) - 1):
        mouse.step(0.0, 0.0)
    return mouse


@pytest.mark.parametrize(("minute", "expected"), TABLE_4_5.items())
def test_10_mg_per_kg_ip_follows_the_table_of_the_reference(minute: int, expected: float) -> None:
    assert after_ip(10.0, minute).multiplier == pytest.approx(expected, abs=0.006)


def test_plasma_and_brain_levels_are_those_of_the_reference() -> None:
    mouse = Pharmacology()
    mouse.step(10.0, 0.0)
    plasma = []
    for _ in range(179 * 60):
        mouse.step(0.0, 0.0)
        plasma.append(mouse.plasma_mg_per_l)

    assert max(plasma) == pytest.approx(1.7, abs=0.05)
    assert (np.argmax(plasma) + 2) / 60 == pytest.approx(2.8, abs=0.1)
    assert after_ip(10.0, 6).brain_mg_per_kg == pytest.approx(3.0, abs=0.05)
    assert after_ip(10.0, 30).brain_mg_per_kg == pytest.approx(1.3, abs=0.05)
    assert mouse.brain_mg_per_kg == pytest.approx(0.007, abs=0.0005)


def test_no_drug_leaves_release_as_it_was_to_the_last_bit() -> None:
    mouse = Pharmacology()

    assert {mouse.step(0.0, 0.0) for _ in range(3600)} == {1.0}


def test_an_infusion_agrees_with_an_independent_integrator() -> None:
    k, a = KetamineKinetics(), AdenosineFeedback()
    rate_mg_per_kg_min, end_min = 0.25, 40.0

    def slope(t_min: float, y: np.ndarray) -> list[float]:
        central, peripheral, brain, effect, fold = y
        plasma = central / k.central_volume_l_per_kg
        exchange = k.exchange_l_per_min_kg * (plasma - peripheral / k.peripheral_volume_l_per_kg)
        drive = effect**2 / (0.6**2 + effect**2)
        return [
            (rate_mg_per_kg_min if t_min < end_min else 0.0) - k.clearance_l_per_min_kg * plasma - exchange,
            exchange,
            k.brain_entry_per_min * (k.brain_to_plasma * plasma - brain),
            k.effect_delay_per_min * (brain - effect),
            (1 + 4 * drive - fold) / 8.0,
        ]

    before = solve_ivp(slope, (0, end_min), [0, 0, 0, 0, 1], rtol=1e-9, atol=1e-12)
    after = solve_ivp(slope, (end_min, 90), before.y[:, -1], rtol=1e-9, atol=1e-12)
    mouse = Pharmacology()
    for second in range(90 * 60):
        mouse.step(0.0, rate_mg_per_kg_min / 60 if second < end_min * 60 else 0.0)

    _, _, brain, effect, fold = after.y[:, -1]
    assert mouse.brain_mg_per_kg == pytest.approx(brain, rel=1e-6)
    assert mouse.effect_mg_per_kg == pytest.approx(effect, rel=1e-6)
    assert mouse.fold == pytest.approx(fold, rel=1e-5)
    assert mouse.multiplier == pytest.approx(a.release_multiplier(fold), rel=1e-5)


def test_the_step_length_does_not_matter() -> None:
    fine, coarse = Pharmacology(0.1), Pharmacology(1.0)
    for _ in range(20 * 60):
        coarse.step(0.005, 0.002)
        for _ in range(10):
            fine.step(0.0005, 0.0002)

    assert coarse.plasma_mg_per_l == pytest.approx(fine.plasma_mg_per_l, rel=1e-9)
    assert coarse.multiplier == pytest.approx(fine.multiplier, rel=1e-5)


def test_half_of_an_intraperitoneal_dose_reaches_the_blood_and_all_of_an_intravenous_one() -> None:
    by_depot, by_blood = Pharmacology(), Pharmacology()
    exposure = {"ip": 0.0, "iv": 0.0}
    by_depot.step(10.0, 0.0)
    by_blood.step(0.0, 10.0)
    for _ in range(10 * 3600):
        by_depot.step(0.0, 0.0)
        by_blood.step(0.0, 0.0)
        exposure["ip"] += by_depot.plasma_mg_per_l / 60
        exposure["iv"] += by_blood.plasma_mg_per_l / 60

    assert exposure["iv"] == pytest.approx(10.0 / 0.10, rel=0.02)  # AUC = dose / clearance
    assert exposure["ip"] == pytest.approx(exposure["iv"] / 2, rel=0.02)


def test_a1_receptors_blocked_at_rest_would_raise_release_by_a_third() -> None:
    feedback = AdenosineFeedback()

    assert feedback.release_multiplier(0.0) == pytest.approx(1.33, abs=0.01)
