"""A syringe's true travel: exact, blockable, finite."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_devices.interfaces import Plunger
from sim_devices.models.plunger import SyringeParameters, SyringePlunger

MIN = 60_000_000_000
S = 1_000_000_000
ROOMY = SyringeParameters(true_diameter_mm=20.0, volume_ul=1e6, loaded_ul=5e5)


def test_it_is_what_a_pump_firmware_drives() -> None:
    plunger: Plunger = SyringePlunger()

    plunger.drive(1.0, 0)

    assert plunger.travelled_mm(MIN) == 1.0


def test_volume_comes_from_the_true_diameter_whatever_the_firmware_believes() -> None:
    believed_area_mm2 = math.pi * (4.699 / 2) ** 2
    plunger = SyringePlunger(SyringeParameters(true_diameter_mm=4.699 * 2))

    plunger.drive(10.0 / believed_area_mm2, 0)

    assert plunger.delivered_ul(MIN) == pytest.approx(40.0)


@given(st.lists(st.tuples(st.floats(-50, 50), st.integers(0, 10**11)), min_size=1, max_size=30))
def test_travel_is_the_integral_of_speed_over_time(moves: list[tuple[float, int]]) -> None:
    plunger = SyringePlunger(ROOMY)
    now_ns, expected_mm = 0, 0.0
    for speed_mm_per_min, duration_ns in moves:
        plunger.drive(speed_mm_per_min, now_ns)
        now_ns += duration_ns
        expected_mm += speed_mm_per_min * duration_ns / MIN

    assert plunger.travelled_mm(now_ns) == pytest.approx(expected_mm, abs=1e-9)


@given(st.integers(1, 2000))
def test_the_past_can_be_asked_after_later_commands(asked_s: int) -> None:
    told_later, told_never = SyringePlunger(ROOMY), SyringePlunger(ROOMY)
    for plunger in (told_later, told_never):
        plunger.drive(3.0, 0)
        plunger.drive(-1.0, 500 * S)
    told_later.drive(7.0, 2000 * S)
    told_later.block(2500 * S)

    assert told_later.travelled_mm(asked_s * S) == told_never.travelled_mm(asked_s * S)
    assert told_later.furthest_mm(asked_s * S) == told_never.furthest_mm(asked_s * S)


def test_a_blocked_line_stalls_the_drive_and_takes_nothing() -> None:
    plunger = SyringePlunger()
    plunger.drive(2.0, 0)

    plunger.block(MIN)

    assert plunger.stalled(2 * MIN)
    assert not plunger.stalled(MIN // 2)
    assert plunger.travelled_mm(3 * MIN) == 2.0


def test_a_drive_that_stands_still_is_not_stalled_by_a_blocked_line() -> None:
    plunger = SyringePlunger()
    plunger.block(0)

    assert not plunger.stalled(MIN)
    plunger.drive(1.0, MIN)
    assert plunger.stalled(MIN)


def test_an_opened_line_moves_on_with_the_speed_last_commanded() -> None:
    plunger = SyringePlunger()
    plunger.drive(2.0, 0)
    plunger.block(MIN)
    plunger.drive(4.0, 2 * MIN)

    plunger.unblock(3 * MIN)

    assert not plunger.stalled(3 * MIN)
    assert plunger.travelled_mm(4 * MIN) == 6.0


def test_an_empty_syringe_stalls_at_its_end_and_has_given_exactly_its_load() -> None:
    plunger = SyringePlunger(SyringeParameters(loaded_ul=100.0))
    plunger.drive(5.0, 0)

    assert plunger.delivered_ul(60 * MIN) == pytest.approx(100.0, abs=1e-9)
    assert plunger.stalled(60 * MIN)
    assert not plunger.stalled(MIN)
    plunger.drive(-5.0, 60 * MIN)
    assert not plunger.stalled(60 * MIN)


def test_withdrawing_ends_at_the_syringe_capacity() -> None:
    plunger = SyringePlunger(SyringeParameters(volume_ul=1000.0, loaded_ul=900.0))

    plunger.drive(-5.0, 0)

    assert plunger.delivered_ul(60 * MIN) == pytest.approx(-100.0)
    assert plunger.stalled(60 * MIN)


def test_a_motor_turns_no_faster_than_it_can() -> None:
    plunger = SyringePlunger(ROOMY)

    plunger.drive(1000.0, 0)

    assert plunger.travelled_mm(MIN) == pytest.approx(51.005)


def test_commands_cannot_run_backwards_in_time() -> None:
    plunger = SyringePlunger()
    plunger.drive(1.0, 10 * S)

    with pytest.raises(ValueError, match="time runs forward"):
        plunger.drive(0.0, 9 * S)


def test_a_line_cannot_be_changed_before_its_last_change() -> None:
    plunger = SyringePlunger()
    plunger.block(10 * S)

    with pytest.raises(ValueError, match="time runs forward"):
        plunger.unblock(9 * S)


def test_a_stop_told_after_a_later_blockage_still_stops_in_time() -> None:
    """A firmware reaches its target at 60 s but is polled only after a fault has blocked the line at 90 s."""
    plunger = SyringePlunger()
    plunger.drive(2.0, 0)
    plunger.block(90 * S)

    plunger.drive(0.0, 60 * S)

    assert plunger.travelled_mm(90 * S) == plunger.travelled_mm(300 * S) == 2.0
    assert plunger.furthest_mm(300 * S) == 2.0
    assert not plunger.stalled(100 * S)


@given(
    st.lists(st.tuples(st.integers(0, 100), st.floats(-9, 9)), max_size=8),
    st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=8),
    st.lists(st.booleans(), max_size=16),
)
def test_history_is_the_same_in_whichever_turn_commands_and_blockages_are_told(
    commands: list[tuple[int, float]], blockages: list[tuple[int, bool]], command_next: list[bool]
) -> None:
    orders: list[tuple[int, bool, float]] = [
        (t_s, True, value) for t_s, value in sorted(commands, key=lambda item: item[0])
    ]
    changes: list[tuple[int, bool, float]] = [
        (t_s, False, value) for t_s, value in sorted(blockages, key=lambda item: item[0])
    ]
    in_order, in_turns = SyringePlunger(ROOMY), SyringePlunger(ROOMY)
    for told in sorted(orders + changes, key=lambda item: item[0]):
        tell(in_order, *told)

    for turn in command_next:
        queue = orders if turn else changes
        if queue:
            tell(in_turns, *queue.pop(0))
    for told in orders + changes:
        tell(in_turns, *told)

    for t_s in range(130):
        assert in_turns.travelled_mm(t_s * S) == pytest.approx(in_order.travelled_mm(t_s * S), abs=1e-9)
        assert in_turns.furthest_mm(t_s * S) == pytest.approx(in_order.furthest_mm(t_s * S), abs=1e-9)
        assert in_turns.stalled(t_s * S) == in_order.stalled(t_s * S)


def tell(plunger: SyringePlunger, t_s: int, is_command: bool, value: float) -> None:
    if is_command:
        plunger.drive(value, t_s * S)
    elif value:
        plunger.block(t_s * S)
    else:
        plunger.unblock(t_s * S)


@pytest.mark.parametrize("speed", [math.nan, math.inf])
def test_a_speed_that_is_no_number_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="cannot move"):
        SyringePlunger().drive(speed, 0)


@pytest.mark.parametrize(
    "wrong", [{"true_diameter_mm": 0.0}, {"volume_ul": -1.0}, {"loaded_ul": 1001.0}, {"loaded_ul": -1.0}]
)
def test_an_impossible_syringe_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="syringe"):
        SyringeParameters(**wrong)
