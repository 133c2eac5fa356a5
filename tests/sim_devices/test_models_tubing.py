"""What comes out of the line, and when."""

import pytest

from sim_devices.models.plunger import SyringeParameters, SyringePlunger
from sim_devices.models.tubing import Tubing

MIN = 60_000_000_000


def test_a_line_full_of_vehicle_delays_the_drug_by_3_7_min_at_10_ul_per_min() -> None:
    plunger, tubing = SyringePlunger(), Tubing(dead_volume_ul=37.0, primed=False)
    plunger.drive(10.0 / SyringeParameters().area_mm2, 0)

    arrived = [tubing.drug_arrived_ul(plunger.furthest_ul(round(t * MIN))) for t in (3.69, 3.7, 4.7)]

    assert arrived == [0.0, pytest.approx(0.0, abs=1e-6), pytest.approx(10.0)]


def test_a_primed_line_delivers_from_the_first_microlitre() -> None:
    assert Tubing(dead_volume_ul=37.0, primed=True).drug_arrived_ul(0.5) == 0.5


def test_fluid_drawn_back_and_pushed_again_is_not_more_drug() -> None:
    plunger, tubing = SyringePlunger(SyringeParameters(loaded_ul=500.0)), Tubing(primed=True)
    plunger.drive(2.0, 0)
    plunger.drive(-2.0, MIN)
    plunger.drive(2.0, 2 * MIN)
    first_ul = tubing.drug_arrived_ul(plunger.furthest_ul(MIN))

    drawn_back_ul = tubing.drug_arrived_ul(plunger.furthest_ul(2 * MIN))
    pushed_again_ul = tubing.drug_arrived_ul(plunger.furthest_ul(3 * MIN))
    beyond_ul = tubing.drug_arrived_ul(plunger.furthest_ul(4 * MIN))

    assert drawn_back_ul == first_ul
    assert pushed_again_ul == pytest.approx(first_ul)
    assert beyond_ul == pytest.approx(2 * first_ul)


def test_a_line_of_negative_volume_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        Tubing(dead_volume_ul=-1.0)
