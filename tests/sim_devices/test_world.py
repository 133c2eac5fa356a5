"""The closed loop: what the pump really delivered reaches the mouse, changes its glutamate, and so the current."""

import tomllib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim_devices.models.plunger import SyringeParameters
from sim_devices.models.world import World
from sim_devices.presets import shelf

S = 1_000_000_000
MIN = 60 * S
AREA_MM2 = SyringeParameters().area_mm2
KETAMINE = {"drug": "ketamine", "concentration_mg_per_ml": 2.0, "route": "ip", "primed": True, "loaded_ul": 600.0}


def near(value: Any, rel: float = 1e-6) -> Any:
    """Compare currents: pytest's own absolute tolerance of 1e-12 is a picoampere."""
    return pytest.approx(value, rel=rel, abs=1e-18)


def world(seed: int = 4, *, weight_g: float = 25.0, start_ns: int = 0, **pump: Any) -> World:
    described = {
        "animal": "mean-mouse",
        "subject": {"weight_g": weight_g},
        "pumps": {"ketamine": KETAMINE | pump},
        "potentiostats": {
            "p1": {"channels": [{"electrode": "we1", "role": "glutamate"}, {"electrode": "we2", "role": "sentinel"}]}
        },
    }
    return World(described, seed, start_ns)


def infuse(
    bench: World, volume_ul: float, start_ns: int, pump: str = "ketamine", rate_ul_per_min: float = 125.0
) -> None:
    bench.plunger(pump).drive(rate_ul_per_min / AREA_MM2, start_ns)
    bench.plunger(pump).drive(0.0, start_ns + round(volume_ul / rate_ul_per_min * MIN))


def multipliers(bench: World, minutes: int) -> list[float]:
    return [bench.truth(m * MIN)["multiplier"] for m in range(minutes + 1)]


def currents(bench: World, electrode: int, seconds: int, start_ns: int = 0) -> NDArray[np.float64]:
    cell = bench.front_end("p1")
    cell.set_cell(on=True, potential_v=0.7, now_ns=start_ns)
    return np.array([cell.current_a(electrode, start_ns + t * S // 10) for t in range(seconds * 10)])


def test_ten_mg_per_kg_from_the_pump_lowers_release_as_the_reference_says() -> None:
    """0.25 mg for 25 g: 125 uL at 2 mg/mL in one minute; science.md 3.3 and 4.5."""
    bench = world()
    infuse(bench, 125.0, 0)

    found = {m: bench.truth(MIN // 2 + m * MIN) for m in (10, 20, 30, 60, 120)}

    assert found[10]["pumps"]["ketamine"]["mg_per_kg"] == pytest.approx(10.0)
    expected = {10: 0.72, 20: 0.60, 30: 0.57, 60: 0.63, 120: 0.96}
    assert {m: truth["multiplier"] for m, truth in found.items()} == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    "harmless",
    [
        {"drug": "vehicle"},
        {"drug": ""},
        {"drug": None, "concentration_mg_per_ml": None},
        {"concentration_mg_per_ml": 0.0},
        {"route": "bench"},
    ],
)
def test_what_is_not_systemic_ketamine_has_no_effect(harmless: dict[str, Any]) -> None:
    bench = world(**harmless)
    infuse(bench, 125.0, 0)

    assert set(multipliers(bench, 60)) == {1.0}


def test_a_pump_that_was_told_to_infuse_and_stalled_has_no_effect() -> None:
    bench = world()
    bench.plunger("ketamine").block(0)
    infuse(bench, 125.0, 0)

    assert set(multipliers(bench, 60)) == {1.0}
    assert bench.truth(60 * MIN)["pumps"]["ketamine"]["true_delivered_ul"] == 0.0


def test_half_a_delivery_has_the_effect_of_half_the_dose() -> None:
    stalled_half_way, asked_for_half, full = world(), world(), world()
    for bench in (stalled_half_way, full):
        bench.plunger("ketamine").drive(125.0 / AREA_MM2, 0)
        bench.plunger("ketamine").drive(0.0, MIN) if bench is full else bench.plunger("ketamine").block(MIN // 2)
    infuse(asked_for_half, 62.5, 0)

    assert multipliers(stalled_half_way, 60) == pytest.approx(multipliers(asked_for_half, 60))
    assert min(multipliers(full, 60)) < min(multipliers(asked_for_half, 60)) - 0.03


def test_a_wider_syringe_than_believed_delivers_the_square_of_it() -> None:
    bench = world(true_diameter_mm=2 * 4.699)
    infuse(bench, 100.0, 0)

    truth = bench.truth(10 * MIN)["pumps"]["ketamine"]

    assert truth["true_delivered_ul"] == pytest.approx(400.0)
    assert truth["mg_per_kg"] == pytest.approx(32.0)


def test_the_vehicle_of_an_unprimed_line_delays_the_drug_by_3_7_min() -> None:
    bench = world(primed=False, dead_volume_ul=37.0, route="iv_infusion")
    bench.plunger("ketamine").drive(10.0 / AREA_MM2, 0)

    seconds = np.arange(200, 260)
    levels = [bench.truth(int(s) * S) for s in seconds]

    first = next(s for s, truth in zip(seconds, levels, strict=True) if truth["plasma_mg_per_l"] > 1e-9)
    assert first == 223  # 3.7 min are 222 s; the drug of a second is in the blood at its end
    assert levels[-1]["pumps"]["ketamine"]["true_delivered_ul"] == pytest.approx(10.0 * 259 / 60)
    assert levels[-1]["pumps"]["ketamine"]["true_at_animal_ul"] == near(10.0 * 259 / 60 - 37.0)


def test_two_pumps_feed_one_mouse() -> None:
    described = {"pumps": {"a": KETAMINE, "b": KETAMINE}}
    both, one = World(described, 1), World(described, 1)
    infuse(both, 62.5, 0, "a")
    infuse(both, 62.5, 0, "b")
    infuse(one, 125.0, 0, "a", rate_ul_per_min=250.0)

    assert both.truth(30 * MIN)["multiplier"] == pytest.approx(one.truth(30 * MIN)["multiplier"])


def test_a_lighter_mouse_gets_more_per_kilogram() -> None:
    bench = world(weight_g=20.0)
    infuse(bench, 125.0, 0)

    assert bench.truth(2 * MIN)["pumps"]["ketamine"]["mg_per_kg"] == pytest.approx(12.5)


def test_the_drug_shows_in_the_current_of_the_glutamate_site_only() -> None:
    """-8.5 % of 3.3 uM at 7 pA/uM: about 2 pA, to be seen only because both worlds have the same noise."""
    drugged, vehicle = world(), world(drug="vehicle")
    infuse(drugged, 125.0, 0)
    infuse(vehicle, 125.0, 0)

    glutamate_site_a = currents(drugged, 0, 1800) - currents(vehicle, 0, 1800)
    cells = drugged.front_end("p1"), vehicle.front_end("p1")
    sentinel_a = [[cell.current_a(1, t * S) for t in range(1800, 2400)] for cell in cells]

    assert np.median(glutamate_site_a[-600:]) == near(-2.0e-12, rel=0.1)
    assert abs(glutamate_site_a[:600]).max() < 0.3e-12
    assert sentinel_a[0] == sentinel_a[1]


def test_the_same_seed_gives_the_same_currents_to_the_last_bit_and_another_seed_others() -> None:
    first, again, other = (currents(world(seed), 0, 120) for seed in (4, 4, 5))

    assert np.array_equal(first, again)
    assert not np.isin(first, other).any()


def test_currents_do_not_depend_on_who_asks_how_often_or_in_which_turn() -> None:
    """A pump heard of late, a truth asked often, electrodes in turn or one after another: the same experiment."""
    straight, fussy = world(), world()
    infuse(straight, 125.0, 10 * S)
    infuse(fussy, 125.0, 10 * S)
    fussy.front_end("p2").set_cell(on=True, potential_v=0.6, now_ns=0)
    fussy.front_end("p1").set_cell(on=True, potential_v=0.7, now_ns=0)
    fussy_a = []
    for tick in range(3000):
        t_ns = tick * S // 10
        if tick % 7 == 0:
            fussy.truth(t_ns)
            fussy.front_end("p2").current_a(tick % 2, t_ns)
            fussy.plunger("ketamine").travelled_mm(t_ns)
        value = fussy.front_end("p1").current_a(0, t_ns)
        fussy.front_end("p1").current_a(1, t_ns + 1)
        fussy_a.append(value)

    assert np.array_equal(currents(straight, 0, 300), fussy_a)
    assert straight.truth(300 * S)["multiplier"] == fussy.truth(300 * S)["multiplier"] < 1.0


def test_asking_ahead_of_a_command_does_not_change_what_the_command_does() -> None:
    """The potentiostat may be asked about t before the pump is told something at t; never the other way round."""
    asked, not_asked = world(), world()
    for bench in (asked, not_asked):
        bench.front_end("p1").set_cell(on=True, potential_v=0.7, now_ns=0)
    for tick in range(1, 601):
        asked.front_end("p1").current_a(0, tick * S // 10)
    for bench in (asked, not_asked):
        infuse(bench, 125.0, 60 * S)

    assert asked.front_end("p1").current_a(0, 30 * MIN) == not_asked.front_end("p1").current_a(0, 30 * MIN)


def test_drug_of_a_command_heard_late_is_not_lost() -> None:
    prompt, late = world(), world()
    infuse(prompt, 125.0, 10 * S)
    late.truth(12 * S)
    infuse(late, 125.0, 10 * S)

    assert late.truth(30 * MIN)["multiplier"] == pytest.approx(prompt.truth(30 * MIN)["multiplier"], abs=1e-4)
    assert late.truth(30 * MIN)["pumps"] == prompt.truth(30 * MIN)["pumps"]


def test_a_stop_heard_late_takes_back_what_the_mouse_had_not_really_got() -> None:
    prompt, late = world(route="iv_infusion"), world(route="iv_infusion")
    infuse(prompt, 125.0, 0)
    late.plunger("ketamine").drive(125.0 / AREA_MM2, 0)
    late.truth(70 * S)
    late.plunger("ketamine").drive(0.0, 60 * S)

    assert late.truth(30 * MIN)["plasma_mg_per_l"] == pytest.approx(prompt.truth(30 * MIN)["plasma_mg_per_l"], rel=0.01)
    assert late.truth(30 * MIN)["pumps"] == prompt.truth(30 * MIN)["pumps"]


def test_another_instrument_changes_nobodys_noise() -> None:
    alone = World({"potentiostats": {"p1": {}}}, 4)
    in_company = World({"potentiostats": {"p0": {}, "p1": {}, "p2": {}}, "pumps": {"k": KETAMINE}}, 4)

    first_a = currents(alone, 0, 60)

    assert np.array_equal(first_a, currents(in_company, 0, 60))
    in_company.front_end("p2").set_cell(on=True, potential_v=0.7, now_ns=61 * S)
    assert in_company.front_end("p2").current_a(0, 62 * S) != in_company.front_end("p1").current_a(0, 62 * S)


def test_a_world_may_begin_at_any_reading_of_the_clock() -> None:
    at_zero, at_uptime = world(), world(start_ns=10**15)

    assert np.array_equal(currents(at_zero, 0, 30), currents(at_uptime, 0, 30, 10**15))
    assert at_uptime.truth(10**15 + 30 * S) == at_zero.truth(30 * S)


def test_an_empty_description_gives_a_working_bench() -> None:
    bench = World({}, 0)
    bench.plunger("any").drive(1.0, 0)
    cell = bench.front_end("any")
    cell.set_cell(on=True, potential_v=0.7, now_ns=0)

    assert cell.current_a(0, S) > 1e-9
    assert cell.current_a(0, S) != cell.current_a(1, S)
    assert bench.truth(MIN)["pumps"]["any"]["true_delivered_ul"] == pytest.approx(AREA_MM2)


def test_a_sensitivity_of_nanoamperes_means_a_wire_and_each_glutamate_site_has_its_own() -> None:
    channels = [
        {"electrode": "we1", "role": "glutamate", "sensitivity_a_per_um": 0.5e-9},
        {"electrode": "we2", "role": "glutamate", "sensitivity_a_per_um": 1.0e-9},
    ]
    cell = World({"potentiostats": {"p": {"channels": channels}}}, 1).front_end("p")

    assert cell.sensor.background == shelf.sensor("wire").background
    assert [cell.sites[e].sensitivity_a_per_um for e in (0, 1)] == [0.5e-9, 1.0e-9]


def test_sentinels_differ_in_gain_within_the_range_of_the_reference() -> None:
    gains = [World({}, seed).front_end("p").sites[1].gain for seed in range(100)]

    assert 0.8 <= min(gains) < 0.9
    assert 1.1 < max(gains) <= 1.2
    assert np.std(gains) == near(0.08, rel=0.3)
    assert {World({}, seed).front_end("p").sites[0].gain for seed in range(5)} == {1.0}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"subject": {"weight_g": 0}}, "weigh 0"),
        ({"pumps": {"k": {"true_diameter_mm": -1}}}, "diameter"),
        ({"pumps": {"k": {"syringe_volume_ul": 100, "loaded_ul": 200}}}, "cannot hold 200"),
        ({"potentiostats": {"p": {"channels": [{"electrode": "we3"}]}}}, "we3"),
    ],
)
def test_an_impossible_world_is_refused(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        World(wrong, 0).front_end("p")


def test_a_front_end_has_as_many_electrodes_as_its_instrument_and_nothing_flows_where_none_is_connected() -> None:
    given = {"potentiostats": {"p": {"channels": [{"electrode": "c", "role": "glutamate"}]}}}
    cell = World(given, 0).front_end("p", ("a", "b", "c", "d"))
    cell.set_cell(on=True, potential_v=0.7, now_ns=0)

    assert [cell.current_a(electrode, S) == 0.0 for electrode in range(4)] == [True, True, False, True]
    with pytest.raises(ValueError, match="no electrode 'c'; this has we1, we2"):
        World(given, 0).front_end("p")


def test_an_infusion_of_vehicle_is_felt_by_the_animal_and_by_both_sites() -> None:
    """Wakabayashi and Kiyatkin 2012: the app must always run vehicle infusions."""
    infused, left_alone = world(drug="vehicle", route="iv_infusion"), world()
    infuse(infused, 125.0, 60 * S)

    ascorbate_um = [[bench.truth(t * S)["ascorbate_um"] for t in (59, 62, 120)] for bench in (infused, left_alone)]
    sentinel_a = currents(infused, 1, 180) - currents(left_alone, 1, 180)

    assert ascorbate_um[0][0] == ascorbate_um[1][0]
    assert ascorbate_um[0][2] > ascorbate_um[1][2] + 100
    assert np.median(sentinel_a[900:1200]) > 1e-12


def test_potassium_from_a_second_pump_releases_glutamate_in_pulses_that_the_drug_makes_smaller() -> None:
    """100 nL of 120 mM KCl (8.95 mg/mL) into the cortex: 2 uM, a little less when it takes 6 s."""
    kcl = {"drug": "KCl", "concentration_mg_per_ml": 8.946, "route": "intracerebral", "loaded_ul": 600.0}
    peaks = {}
    for drug in ("ketamine", "vehicle"):
        bench = World({"animal": "mean-mouse", "pumps": {"k": KETAMINE | {"drug": drug}, "e": kcl}}, 4)
        infuse(bench, 125.0, 10 * MIN, "k")
        for minute in (5, 40):
            infuse(bench, 0.1, minute * MIN, "e", rate_ul_per_min=1.0)
        for minute in (5, 40):
            levels = [bench.during(minute * 60 + s).glutamate_um.max() for s in range(-2, 25)]
            peaks[drug, minute] = max(levels) - levels[0]

    assert peaks["vehicle", 5] == peaks["ketamine", 5]
    assert 1.0 < peaks["vehicle", 5] < 3.5
    assert peaks["ketamine", 40] / peaks["vehicle", 40] == pytest.approx(0.57, abs=0.12)


def test_potassium_by_another_route_and_a_drug_on_the_bench_do_nothing() -> None:
    benches = [
        world(drug="KCl", concentration_mg_per_ml=8.946, route="ip"),
        world(drug="vehicle", route="ip"),
    ]
    for bench in benches:
        infuse(bench, 125.0, MIN)

    first, second = ([bench.during(s).glutamate_um.tolist() for s in range(0, 300, 7)] for bench in benches)
    assert first == second
    assert not benches[0].truth(5 * MIN)["pumps"]["ketamine"]["effect_modelled"]


def test_marks_of_the_protocol_and_the_clock_make_people_act() -> None:
    scenario = {
        "kind": "scenario",
        "title": "test",
        "animal": "mean-mouse",
        "injections": [
            {"mark": "NBQX now", "drug": "nbqx", "dose_mg_per_kg": 10.0},
            {"at_min": 20.0, "drug": "ketamine", "dose_mg_per_kg": 10.0},
        ],
        "stimuli": [{"at_min": 1.0, "every_min": 2.0, "times": 3}],
    }
    blocked, free = World({"scenario": scenario}, 1), World({"scenario": scenario}, 1)
    blocked.truth(5 * MIN)
    blocked.mark("nbqx NOW ", 5 * MIN)
    blocked.mark("something else", 6 * MIN)
    free.truth(5 * MIN)

    assert blocked.truth(50 * MIN)["multiplier"] == pytest.approx(1.0, abs=0.01)
    assert free.truth(50 * MIN)["multiplier"] == pytest.approx(0.575, abs=0.01)
    quiet_um = [free.during(minute * 60 - 2).glutamate_um.max() for minute in (1, 3, 5)]
    evoked_um = [free.during(minute * 60 + 4).glutamate_um.max() for minute in (1, 3, 5)]
    assert min(np.array(evoked_um) - quiet_um) > 0.7


def test_a_beaker_takes_the_animals_place() -> None:
    """Three times 40 uL of 20 mM into 40 mL: 19.98, 39.92, 59.82 uM, science.md 2.4."""
    bench = World({"scenario": "calibration", "sensor": "array-noiseless"}, 1)
    bench.front_end("p1").set_cell(on=True, potential_v=0.7, now_ns=0)
    found, seen_a = [], []
    for minute in range(1, 4):
        bench.mark("glutamate", minute * MIN)
        found.append(bench.truth(minute * MIN + 50 * S)["beaker"]["glutamate"])
        seen_a.append(bench.front_end("p1").current_a(0, minute * MIN + 50 * S))

    assert found == pytest.approx([20_000 * 40 * n / (40_000 + 40 * n) for n in (1, 2, 3)])
    expected = [150e-12 + 7e-12 * um / (1 + um / 1500) for um in found]
    assert seen_a == near(expected, rel=1e-6)


def test_one_seed_makes_one_animal_and_seeds_make_a_population() -> None:
    animals = [World({}, seed) for seed in range(200)]
    evoked = np.array([one.described().split("evoked_um = ")[1].split("\n")[0] for one in animals], float)

    assert World({}, 7).described() == animals[7].described()
    assert np.std(evoked) / np.mean(evoked) == pytest.approx(0.35, abs=0.06)
    assert np.mean(evoked) == pytest.approx(2.0, rel=0.1)


def test_what_is_simulated_can_be_written_down_as_toml_with_seed_animal_and_drawn_sensors() -> None:
    bench = World({"scenario": "evoked-every-5-min", "potentiostats": {"p.1": {}}}, 12)
    bench.front_end("p.1")

    kept = tomllib.loads(bench.described())

    assert (kept["simulated"], kept["seed"]) == ("SIMULATED", 12)
    assert kept["animal"]["behaviour"]["state"] == "anaesthetised"
    assert kept["animal"]["kinetics"]["brain_to_plasma"] == 2.0
    assert kept["scenario"]["stimuli"][0]["every_min"] == 5.0
    assert kept["sensors"]["p.1"]["sites"]["1"]["gain"] == bench.front_end("p.1").sites[1].gain


def test_an_unknown_preset_or_one_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no preset 'cat'"):
        World({"animal": "cat"}, 0)
    with pytest.raises(ValueError, match="'wire' is the preset of a sensor"):
        World({"animal": "wire"}, 0)
