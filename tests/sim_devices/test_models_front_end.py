"""The cell of a potentiostat with its two sites."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sim_devices.interfaces import ElectrodeFrontEnd
from sim_devices.models.electrode import ARRAY_SITE, Electrode, ElectrodeParameters
from sim_devices.models.front_end import FrontEnd, TissueSecond

S = 1_000_000_000
SILENT = replace(ARRAY_SITE, white_noise_a=0.0, pink_noise_a=0.0, drift_walk_a_per_sqrt_h=0.0, drift_fraction_per_h=0.0)
SETTLED = replace(SILENT, settling_fast_a=0.0, settling_slow_a=0.0)


@dataclass
class Beaker:
    """A tissue that does as it is told: glutamate and ascorbate by second."""

    glutamate_um: dict[int, float] = field(default_factory=dict)
    ascorbate_um: dict[int, float] = field(default_factory=dict)

    def during(self, second: int) -> TissueSecond:
        ascorbate_um = self.ascorbate_um.get(second, 0.0)
        return TissueSecond(np.full(50, self.glutamate_um.get(second, 0.0)), ascorbate_um, ascorbate_um)


def front_end(
    parameters: ElectrodeParameters = SETTLED, beaker: Beaker | None = None, sentinel_gain: float = 1.0
) -> FrontEnd:
    sites = {
        0: Electrode(parameters, np.random.default_rng(10), sees_glutamate=True),
        1: Electrode(parameters, np.random.default_rng(11), sees_glutamate=False, gain=sentinel_gain),
    }
    return FrontEnd(beaker or Beaker(), parameters, sites, np.random.default_rng(12))


def record(cell: FrontEnd, electrode: int, start_s: int, stop_s: int, per_second: int = 10) -> NDArray[np.float64]:
    step_ns = S // per_second
    return np.array([cell.current_a(electrode, t_ns) for t_ns in range(start_s * S, stop_s * S, step_ns)])


def test_it_is_what_a_potentiostat_firmware_asks() -> None:
    cell: ElectrodeFrontEnd = front_end()

    cell.set_cell(on=True, potential_v=0.7, now_ns=0)

    assert cell.current_a(0, S) == pytest.approx(150e-12)


def test_no_current_flows_while_the_cell_is_off() -> None:
    cell = front_end(ARRAY_SITE)

    before = cell.current_a(0, S)
    cell.set_cell(on=True, potential_v=0.7, now_ns=2 * S)
    during = cell.current_a(0, 3 * S)
    cell.set_cell(on=False, potential_v=0.0, now_ns=4 * S)

    assert (before, cell.current_a(0, 5 * S)) == (0.0, 0.0)
    assert during > 100e-12


def test_no_current_flows_where_nothing_is_connected() -> None:
    cell = FrontEnd(
        Beaker(),
        SETTLED,
        {1: Electrode(SETTLED, np.random.default_rng(1), sees_glutamate=True)},
        np.random.default_rng(2),
    )
    cell.set_cell(on=True, potential_v=0.7, now_ns=0)

    assert cell.current_a(0, S) == 0.0
    assert cell.current_a(1, S) > 0.0


@pytest.mark.parametrize(
    ("potential_v", "seen_um"), [(0.2, 0.0), (0.49, 0.0), (0.5, 10.0), (0.7, 10.0), (0.8, 10.0), (0.9, 0.0)]
)
def test_glutamate_is_seen_only_where_hydrogen_peroxide_oxidises(potential_v: float, seen_um: float) -> None:
    cell = front_end(beaker=Beaker(dict.fromkeys(range(20), 10.0)))

    cell.set_cell(on=True, potential_v=potential_v, now_ns=0)

    expected_a = 150e-12 + seen_um * 7e-12 / (1 + seen_um / 1500)
    assert cell.current_a(0, 10 * S) == pytest.approx(expected_a)
    assert cell.current_a(1, 10 * S) == pytest.approx(150e-12)


def test_coming_on_starts_the_settling_and_so_does_another_potential() -> None:
    cell = front_end(SILENT)

    cell.set_cell(on=True, potential_v=0.7, now_ns=0)
    first_a = cell.current_a(0, 0)
    hour_later_a = cell.current_a(0, 3600 * S)
    cell.set_cell(on=True, potential_v=0.7, now_ns=3601 * S)
    same_again_a = cell.current_a(0, 3601 * S)
    cell.set_cell(on=True, potential_v=0.6, now_ns=3602 * S)

    assert first_a == pytest.approx(2450e-12)
    assert hour_later_a == pytest.approx(same_again_a, rel=0.001)
    assert cell.current_a(0, 3602 * S) == pytest.approx(first_a)


def test_the_sentinel_shares_everything_but_glutamate_and_noise() -> None:
    cell = front_end(replace(ARRAY_SITE, white_noise_a=0.0, pink_noise_a=0.0), sentinel_gain=0.85)
    cell.set_cell(on=True, potential_v=0.7, now_ns=0)

    both = np.array([[cell.current_a(e, t * S // 10) for e in (0, 1)] for t in range(6000)])

    assert both[:, 1] == pytest.approx(0.85 * both[:, 0])


def test_the_noise_of_the_two_sites_is_their_own() -> None:
    cell = front_end(replace(SETTLED, white_noise_a=1.5e-12, pink_noise_a=1.5e-12))
    cell.set_cell(on=True, potential_v=0.7, now_ns=0)

    both = np.array([[cell.current_a(e, t * S // 10) for e in (0, 1)] for t in range(18000)])

    assert both.std(axis=0) == pytest.approx(2.1e-12, rel=0.1)
    assert abs(np.corrcoef(both.T)[0, 1]) < 0.1


@pytest.mark.parametrize(("believed_gain", "share_left"), [(0.85, 0.0), (1.0, 0.15)])
def test_the_sentinel_removes_an_ascorbate_step_if_its_gain_is_known(believed_gain: float, share_left: float) -> None:
    """Self-test 2 of science.md 4.7."""
    cell = front_end(beaker=Beaker(ascorbate_um=dict.fromkeys(range(10, 20), 750.0)), sentinel_gain=0.85)
    cell.set_cell(on=True, potential_v=0.7, now_ns=0)
    both = np.array([[cell.current_a(e, s * S) for e in (0, 1)] for s in range(20)])

    cleaned = both[:, 0] - both[:, 1] / believed_gain

    step_a, left_a = np.ptp(both[:, 0]), np.ptp(cleaned)
    assert step_a == pytest.approx(750 * 7e-12 / 300)
    assert left_a / step_a == pytest.approx(share_left, abs=1e-6)


def test_drift_is_minus_three_percent_of_the_background_per_hour_around_a_random_walk() -> None:
    trend_only = front_end(replace(SETTLED, drift_fraction_per_h=-0.03))
    trend_only.set_cell(on=True, potential_v=0.7, now_ns=0)
    lost_a = trend_only.current_a(0, 0) - trend_only.current_a(0, 3600 * S)
    ends_a = []
    for seed in range(40):
        walk = FrontEnd(
            Beaker(),
            replace(SETTLED, drift_walk_a_per_sqrt_h=5e-12),
            {0: Electrode(SETTLED, np.random.default_rng(1), sees_glutamate=True)},
            np.random.default_rng(seed),
        )
        walk.set_cell(on=True, potential_v=0.7, now_ns=0)
        ends_a.append(walk.current_a(0, 400 * S) - 150e-12)

    assert lost_a == pytest.approx(0.03 * 150e-12)
    assert np.std(ends_a) == pytest.approx(5e-12 / 3, rel=0.3)  # after a ninth of an hour: a third of the hourly spread


def test_the_answers_are_the_same_however_the_questions_are_cut() -> None:
    """Cell on for 100 s, off for 60, on again: asked 50 times a second, or once, or never during the first part."""
    cells = {"dense": front_end(ARRAY_SITE), "sparse": front_end(ARRAY_SITE), "never": front_end(ARRAY_SITE)}
    for how, cell in cells.items():
        cell.set_cell(on=True, potential_v=0.7, now_ns=S // 3)
        if how == "dense":
            record(cell, 0, 1, 100, per_second=50)
        if how == "sparse":
            cell.current_a(1, 50 * S)
        cell.set_cell(on=False, potential_v=0.0, now_ns=100 * S + 1)
        cell.set_cell(on=True, potential_v=0.6, now_ns=160 * S + 7)
    in_turn_a = [[cells["sparse"].current_a(e, t * S // 10) for e in (0, 1)] for t in range(1610, 3000)]

    dense_a = record(cells["dense"], 0, 161, 300)

    assert np.array_equal(dense_a, np.array(in_turn_a)[:, 0])
    assert cells["never"].current_a(0, 2999 * S // 10) == dense_a[-1]


def test_no_two_samples_are_the_same_at_fifty_per_second() -> None:
    cell = front_end(ARRAY_SITE)
    cell.set_cell(on=True, potential_v=0.7, now_ns=0)

    values_a = record(cell, 0, 0, 100, per_second=50)

    assert len(set(values_a.tolist())) == 5000


def test_switching_within_a_second_draws_no_noise_twice() -> None:
    plain, fidgety = front_end(ARRAY_SITE), front_end(ARRAY_SITE)
    plain.set_cell(on=True, potential_v=0.7, now_ns=0)
    fidgety.set_cell(on=True, potential_v=0.7, now_ns=0)
    fidgety.set_cell(on=False, potential_v=0.7, now_ns=S // 10)
    fidgety.set_cell(on=True, potential_v=0.5, now_ns=S // 5)
    fidgety.set_cell(on=True, potential_v=0.7, now_ns=S // 4)

    difference_a = record(plain, 0, 3000, 3010) - record(fidgety, 0, 3000, 3010)

    assert difference_a == pytest.approx(0, abs=1e-13)  # what is left of settling begun a quarter of a second apart


def test_time_that_runs_backwards_is_refused() -> None:
    cell = front_end()
    cell.set_cell(on=True, potential_v=0.7, now_ns=0)
    cell.current_a(0, 100 * S)

    with pytest.raises(ValueError, match="time runs forward"):
        cell.current_a(0, 98 * S)
