"""Ketamine, its metabolites and the antagonists: against the reference's table and an independent solution."""

from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

from sim_devices.models.plunger import SyringeParameters
from sim_devices.models.world import World
from sim_devices.mouse.animal import Animal, Arrivals, Substance
from sim_devices.mouse.kinetics import Entry
from sim_devices.mouse.linear import exponential
from sim_devices.presets import shelf
from tests.sim_devices.equations import Doses, during, solved

MEAN = shelf.animal("mean-mouse")
TABLE_4_5 = {5: 0.90, 10: 0.72, 15: 0.64, 20: 0.60, 30: 0.57, 60: 0.63, 90: 0.82, 120: 0.96}
"""Minute: fraction of evoked amplitude after 10 mg/kg i.p.; science.md 4.5 [D-sim], printed to two digits."""
S = 1_000_000_000
MIN = 60 * S
AREA_MM2 = SyringeParameters().area_mm2


def animal(preset: str = "mean-mouse", seed: int = 1) -> Animal:
    return Animal(shelf.animal(preset), 25.0, lambda part: np.random.default_rng([seed, *part.encode()]))


def live(one: Animal, minutes: float) -> Animal:
    for _ in range(round(minutes * 60)):
        one.advance(Arrivals())
    return one


def give(one: Animal, *doses: tuple[Substance, float], entry: Entry = "depot") -> Animal:
    arrived = Arrivals()
    for substance, dose in doses:
        arrived.add(substance, entry, dose)
    one.advance(arrived)
    return one


def release(one: Animal) -> float:
    return float(one.truth(float(one.seconds))["multiplier"])


def test_10_mg_per_kg_ip_follows_the_table_of_the_reference() -> None:
    mouse = give(animal(), ("ketamine", 10.0))

    found = {}
    for minute in TABLE_4_5:
        live(mouse, minute - mouse.seconds / 60 + 1 / 60)
        found[minute] = release(mouse)

    assert found == pytest.approx(TABLE_4_5, abs=0.006)


ARMS: dict[str, tuple[tuple[tuple[Substance, float], ...], float]] = {
    "vehicle": ((), 1.00),
    "ketamine": ((("ketamine", 10.0),), 0.57),
    "ketamine + AMPA antagonist": ((("ketamine", 10.0), ("ampa", 10.0)), 1.00),
    "ketamine + A1 antagonist": ((("ketamine", 10.0), ("a1", 3.0)), 1.33),
    "A1 antagonist alone": ((("a1", 3.0),), 1.33),
    "HNK": ((("hnk", 10.0),), 0.65),
    "ketamine + NMDA-receptor block": ((("ketamine", 10.0), ("nmda", 0.3)), 1.00),
}


@pytest.mark.parametrize("preset", ["mean-mouse", "depressed-mouse"])
def test_selftest_5_the_drug_arms_reproduce_the_table_from_the_same_seed(preset: str) -> None:
    """science.md 4.5 and 4.7; the antagonists are given 15 min before. Depression changes levels, not directions."""
    found = {}
    for arm, (doses, _) in ARMS.items():
        mouse = animal(preset)
        give(mouse, *(d for d in doses if d[0] in ("ampa", "a1", "nmda")))
        live(mouse, 15)
        found[arm] = release(live(give(mouse, *(d for d in doses if d[0] in ("ketamine", "hnk"))), 30))

    if preset == "mean-mouse":
        expected = {arm: m for arm, (_, m) in ARMS.items()}
        assert found == pytest.approx(expected, abs=0.05)
        for arm in ("vehicle", "ketamine", "ketamine + AMPA antagonist", "A1 antagonist alone"):
            assert found[arm] == pytest.approx(expected[arm], abs=0.01), arm
    assert found["vehicle"] == 1.0
    assert found["ketamine"] < 0.75
    assert found["ketamine + AMPA antagonist"] == pytest.approx(1.0, abs=0.01)
    assert found["ketamine + A1 antagonist"] > 1.25


def test_selftest_5_depression_raises_the_level_and_evoked_release() -> None:
    normal, depressed = shelf.animal("awake-mouse").glutamate, shelf.animal("depressed-mouse").glutamate

    assert depressed.basal_um * depressed.basal_scale / (normal.basal_um * normal.basal_scale) == pytest.approx(1.3)
    assert depressed.evoked_scale / normal.evoked_scale == pytest.approx(1.4)


def test_the_competing_finding_raises_release_at_10_to_30_mg_per_kg_and_little_at_50() -> None:
    peaks = {}
    for dose in (10.0, 20.0, 30.0, 50.0, 200.0):
        mouse = give(animal("ketamine-raises-glutamate"), ("ketamine", dose))
        seen = [release(live(mouse, 2)) for _ in range(30)]
        peaks[dose] = float(np.mean(seen[3:15]))

    assert min(peaks[d] for d in (10.0, 20.0, 30.0)) > 1.3
    assert peaks[200.0] < peaks[50.0] < max(peaks.values())


def test_plasma_and_brain_levels_are_those_of_the_reference() -> None:
    mouse = give(animal(), ("ketamine", 10.0))
    levels = {0: mouse.truth(0.0)}
    for second in range(1, 180 * 60):
        mouse.advance(Arrivals())
        if second % 6 == 0:
            levels[second] = mouse.truth(0.0)

    plasma = {s: level["plasma_mg_per_l"] for s, level in levels.items()}
    hnk = {s: level["hnk_plasma_mg_per_l"] for s, level in levels.items()}
    assert max(plasma.values()) == pytest.approx(1.7, abs=0.05)
    assert max(plasma, key=lambda s: plasma[s]) / 60 == pytest.approx(2.8, abs=0.1)
    assert levels[360]["brain_mg_per_kg"] == pytest.approx(3.0, abs=0.05)
    assert levels[1800]["brain_mg_per_kg"] == pytest.approx(1.3, abs=0.05)
    assert levels[10794]["brain_mg_per_kg"] == pytest.approx(0.007, abs=0.0005)
    assert max(hnk.values()) == pytest.approx(0.3, abs=0.02)
    assert max(hnk, key=lambda s: hnk[s]) / 60 == pytest.approx(39, abs=1)


def test_no_drug_leaves_release_as_it_was_to_the_last_bit() -> None:
    mouse = animal()

    assert {release(live(mouse, 1)) for _ in range(60)} == {1.0}


def test_ten_nanograms_in_the_cortex_act_and_ten_in_the_blood_do_not() -> None:
    """10 ng per side were effective in rats [S]: 4e-4 mg per kg of a mouse of 25 g."""
    cortex = live(give(animal(), ("ketamine", 4e-4), entry="cortex"), 30)
    blood = live(give(animal(), ("ketamine", 4e-4), entry="blood"), 30)

    assert release(cortex) < 0.9
    assert release(blood) > 0.999


def test_half_of_an_intraperitoneal_dose_reaches_the_blood_and_all_of_an_intravenous_one() -> None:
    exposure: dict[str, float] = {}
    entries: tuple[Entry, ...] = ("depot", "blood")
    for entry in entries:
        mouse = give(animal("anaesthetised-mouse"), ("ketamine", 10.0), entry=entry)
        clearance = mouse.preset.kinetics.clearance_l_per_min_kg
        levels = [live(mouse, 0.5).truth(0.0)["plasma_mg_per_l"] for _ in range(600)]
        exposure[entry] = float(np.sum(levels)) * 0.5 * clearance

    assert exposure["blood"] == pytest.approx(10.0, rel=0.06)  # AUC = dose / clearance
    assert exposure["depot"] == pytest.approx(5.0, rel=0.06)


# ---- against an independent solution of the equations ---------------------------------------------------------------


def described(**pump: Any) -> World:
    given = {"drug": "ketamine", "concentration_mg_per_ml": 2.0, "route": "iv_infusion", "loaded_ul": 600.0}
    return World({"animal": "mean-mouse", "pumps": {"k": given | pump}}, 1)


def drive(world: World, ul_per_min: float, t_s: float) -> None:
    world.plunger("k").drive(ul_per_min / AREA_MM2, round(t_s * S))


def agrees(world: World, doses: Doses, minutes: float, rel: float) -> None:
    truth = world.truth(round((minutes * 60 + 1) * S))  # M acts one second late, levels are those of the second reached
    expected = solved(MEAN, doses, minutes)
    after = solved(MEAN, doses, minutes + 1 / 60)
    assert truth["multiplier"] == pytest.approx(expected["M"], rel=rel)
    assert truth["brain_mg_per_kg"] == pytest.approx(after["brain"], rel=rel)
    assert truth["effect_mg_per_kg"] == pytest.approx(after["effect"], rel=rel)
    assert truth["hnk_brain_mg_per_kg"] == pytest.approx(after["hnk_brain"], rel=rel)
    assert truth["adenosine_fold"] == pytest.approx(after["fold"], rel=rel)


RATE = 10.0 * 2.0 / 25.0
"""10 uL/min of 2 mg/mL into 25 g: mg/kg/min."""


@pytest.mark.parametrize(("route", "kind"), [("iv_infusion", "iv"), ("ip", "ip"), ("sc", "sc")])
def test_an_infusion_agrees_with_an_independent_integrator(route: str, kind: str) -> None:
    world = described(route=route)
    drive(world, 10.0, 60)
    drive(world, 0.0, 660)

    agrees(world, Doses(**{kind: during(RATE, 1, 11)}, breaks_min=(1, 11)), 40, 1e-6)


def test_an_infusion_that_is_stopped_half_way_acts_by_what_arrived() -> None:
    world = described()
    drive(world, 10.0, 60)
    drive(world, 0.0, 360)

    agrees(world, Doses(iv=during(RATE, 1, 6), breaks_min=(1, 6)), 20, 1e-6)


def test_an_infusion_stopped_within_a_second_agrees_as_well() -> None:
    """A second's drug counts as if it had come evenly: a shift of less than half a second, against minutes."""
    world = described()
    drive(world, 10.0, 60.3)
    drive(world, 0.0, 361.7)

    agrees(world, Doses(iv=during(RATE, 60.3 / 60, 361.7 / 60), breaks_min=(60.3 / 60, 361.7 / 60)), 20, 1e-4)


def test_a_stall_acts_by_what_arrived() -> None:
    world = described()
    drive(world, 10.0, 60)
    world.plunger("k").block(200 * S)
    world.plunger("k").unblock(300 * S)
    drive(world, 0.0, 660)

    agrees(
        world,
        Doses(iv=lambda t: during(RATE, 1, 200 / 60)(t) + during(RATE, 5, 11)(t), breaks_min=(1, 200 / 60, 5, 11)),
        30,
        1e-6,
    )


def test_an_unprimed_line_acts_late_by_its_dead_volume_and_less_by_it() -> None:
    world = described(primed=False, dead_volume_ul=30.0)
    drive(world, 10.0, 60)
    drive(world, 0.0, 660)

    agrees(world, Doses(iv=during(RATE, 4, 11), breaks_min=(4, 11)), 30, 1e-6)


def test_a_syringe_that_runs_empty_acts_by_what_was_in_it() -> None:
    world = described(loaded_ul=50.0)
    drive(world, 10.0, 60)

    agrees(world, Doses(iv=during(RATE, 1, 6), breaks_min=(1, 6)), 30, 1e-6)


def test_antagonists_agree_with_an_independent_integrator() -> None:
    """Small doses, so that occupancy is neither none nor all."""
    mouse = animal()
    arrived = Arrivals()
    arrived.add("ketamine", "depot", 10.0)
    arrived.add("ampa", "depot", 0.15)
    arrived.add("a1", "depot", 0.02)
    mouse.advance(arrived)
    live(mouse, 30 - 1 / 60)

    once = during(60.0, 0, 1 / 60)
    expected = solved(
        MEAN,
        Doses(
            ip=lambda t: 10 * once(t), ampa=lambda t: 0.15 * once(t), a1=lambda t: 0.02 * once(t), breaks_min=(1 / 60,)
        ),
        30,
    )
    live(mouse, 1 / 60)
    assert 0.3 < expected["M"] < 1.2
    assert release(mouse) == pytest.approx(expected["M"], rel=1e-5)


def test_a_cortical_dose_agrees_with_an_independent_integrator() -> None:
    mouse = animal()
    give(mouse, ("ketamine", 4e-4), entry="cortex")
    live(mouse, 20)

    once = during(4e-4 * 60.0, 0, 1 / 60)
    expected = solved(MEAN, Doses(cortex=once, breaks_min=(1 / 60,)), 20)
    assert release(mouse) == pytest.approx(expected["M"], rel=1e-5)


def test_the_exponential_of_a_matrix_is_that_of_scipy() -> None:
    matrix = np.random.default_rng(1).normal(size=(7, 7)) * 3

    assert exponential(matrix) == pytest.approx(expm(matrix), rel=1e-11, abs=1e-12)


@pytest.mark.parametrize(
    ("drug", "substance"),
    [
        ("ketamine hydrochloride", "ketamine"),
        ("(2R,6R)-HNK", "hnk"),
        ("NBQX", "ampa"),
        ("dpcpx", "a1"),
        ("MK-801", "nmda"),
        ("KCl 120 mM", "potassium"),
        ("vehicle", ""),
        ("", ""),
    ],
)
def test_a_protocols_drug_is_known_by_its_name(drug: str, substance: str) -> None:
    assert animal().substance(drug) == substance
