"""The account of one pump, and the judgement over its counter."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.engine.delivery_watch import DeliveryWatch
from acquisition.engine.ledger import WASTE_STEP, PumpLedger
from drivers.capabilities import Motion, PumpProgram, PumpStatus
from tests.engine.kit import PUMP, seconds

PROGRAM = PumpProgram(4.699, 6.0, 10.0)
"""0.1 uL/s."""


def status(t_s: float, infused_ul: float, motion: Motion = Motion.INFUSING, step_ul: float = 0.001) -> PumpStatus:
    return PumpStatus(seconds(t_s), seconds(t_s + 0.05), motion, infused_ul, 0.0, step_ul)


def ledger(*, armed: bool = True) -> PumpLedger:
    made = PumpLedger(PUMP, 25.0, watchdog_armed=armed)
    made.begin(1, PROGRAM, 0)
    return made


def test_R35_a_silent_pump_is_counted_until_its_watchdog_and_not_beyond() -> None:
    book = ledger()
    book.confirm(status(10, 1.0))

    assert book.uncertain_ul(seconds(12)) == pytest.approx(0.2, abs=0.002)
    assert book.uncertain_ul(seconds(1000)) == pytest.approx(0.505, abs=0.002)


def test_R35_a_watchdog_that_was_armed_longer_on_a_faster_rig_is_counted_longer() -> None:
    book = ledger()
    book.slack = 10.0
    book.confirm(status(10, 1.0))

    assert book.uncertain_ul(seconds(1000)) == pytest.approx(5.005, abs=0.01)


def test_R35_a_question_that_may_have_arrived_feeds_the_watchdog() -> None:
    book = ledger()
    book.confirm(status(10, 1.0))
    book.heard(seconds(13))

    assert book.uncertain_ul(seconds(1000)) == pytest.approx(0.8, abs=0.002)


def test_R35_without_a_watchdog_the_armed_target_is_the_bound() -> None:
    book = ledger(armed=False)
    book.confirm(status(10, 1.0))

    assert book.uncertain_ul(seconds(1000)) == pytest.approx(9.0)


def test_R54_a_RUN_without_any_answer_counts_as_given() -> None:
    book = ledger(armed=False)

    assert book.uncertain_ul(seconds(1000)) == pytest.approx(10.0)
    (past,) = book.past_infusions(seconds(1))
    assert past.confirmed_ul + past.uncertain_ul == pytest.approx(10.0)


def test_R38_what_was_uncertain_at_a_reset_stays_on_the_account() -> None:
    book = ledger()
    book.confirm(status(10, 1.0))

    book.end(seconds(11), confirmed=False)

    assert book.confirmed_ul == 1.0
    assert book.uncertain_ul(seconds(9999)) == pytest.approx(0.1, abs=0.002)


@pytest.mark.parametrize(("armed", "rest_ul"), [(True, 0.505), (False, 9.0)])
def test_R35_R54_what_is_left_running_unwatched_counts_until_it_must_have_ended(*, armed: bool, rest_ul: float) -> None:
    book = ledger(armed=armed)
    book.confirm(status(10, 1.0))
    book.end(seconds(11), confirmed=False, may_go_on=True)
    assert book.uncertain_ul(seconds(11)) == pytest.approx(rest_ul, abs=0.002)


def test_R28_R38_what_a_pump_gave_after_its_reset_is_on_the_account_although_its_counter_is_lower() -> None:
    book = ledger(armed=False)
    book.confirm(status(19, 1.9))
    book.end(seconds(20), confirmed=False)
    book.confirm(status(22, 1.3, Motion.STOPPED))  # it resumed by itself, counting from zero
    assert book.confirmed_ul == pytest.approx(1.9 + 1.3)
    book.confirm(status(23, 1.2995, Motion.STOPPED))  # half a count down is no new beginning
    book.confirm(status(24, 0.0, Motion.STOPPED))  # cleared
    assert book.confirmed_ul == pytest.approx(1.9 + 1.3)


def test_R16_a_new_counter_epoch_adds_to_the_session() -> None:
    book = ledger()
    book.confirm(status(100, 10.0, Motion.STOPPED))
    book.end(seconds(100), confirmed=True)
    book.begin(2, PROGRAM, seconds(200))
    book.confirm(status(210, 1.0))

    assert book.confirmed_ul == pytest.approx(11.0)
    assert book.dose_mg_per_kg == pytest.approx(11.0 * 2.0 / 25.0)


def test_R28_what_a_pump_gives_by_its_own_keys_is_on_the_account_and_counts_for_the_limits() -> None:
    book = PumpLedger(PUMP, 25.0)
    book.confirm(status(1, 5.0, Motion.STOPPED))  # left in its counter by somebody before this session
    book.confirm(status(2, 5.3))
    book.confirm(status(3, 5.4, Motion.STOPPED))
    book.confirm(status(4, 0.0, Motion.STOPPED))  # cleared while it is programmed
    book.begin(1, PROGRAM, seconds(5))
    book.confirm(status(105, 10.0, Motion.STOPPED))
    book.end(seconds(105), confirmed=True)
    book.confirm(status(106, 10.2))

    assert book.confirmed_ul == pytest.approx(10.6)
    past = book.past_infusions(seconds(107))
    assert [entry.step for entry in past] == [0, 1, 0]
    assert [entry.confirmed_ul for entry in past] == pytest.approx([0.4, 10.0, 0.2])
    assert book.ordered_ul(seconds(107)) == pytest.approx(10.0)


def test_estimate_never_passes_the_target() -> None:
    book = ledger()
    book.confirm(status(99, 9.9))

    assert book.estimated_ul(seconds(99.5)) == pytest.approx(9.95)
    assert book.estimated_ul(seconds(500)) == 10.0


def test_R17_an_unprimed_line_is_filled_before_the_animal_gets_anything() -> None:
    for primed, at_animal_ul in ((True, 9.0), (False, 4.0)):
        book = PumpLedger(replace(PUMP, primed=primed, line_dead_volume_ul=5.0), 25.0)
        book.begin(1, PROGRAM, 0)
        book.confirm(status(90, 9.0))

        assert book.row(seconds(90)).at_animal_ul == pytest.approx(at_animal_ul, abs=0.02)


def test_R17_R15_what_went_into_waste_has_filled_the_line() -> None:
    book = PumpLedger(replace(PUMP, primed=False, line_dead_volume_ul=5.0), 25.0)
    book.begin(WASTE_STEP, PROGRAM, 0)
    book.confirm(status(90, 9.0))
    book.end(seconds(90), confirmed=True)
    assert book.row(seconds(90)).at_animal_ul == 0.0
    book.begin(1, PROGRAM, seconds(100))
    book.confirm(status(190, 9.0))
    assert book.row(seconds(190)).at_animal_ul == pytest.approx(9.0, abs=0.02)


@given(
    looks=st.lists(st.tuples(st.floats(0.1, 20), st.booleans()), max_size=20),
    stops_at_s=st.floats(0, 120),
)
def test_confirmed_plus_uncertain_is_never_below_the_truth(looks: list[tuple[float, bool]], stops_at_s: float) -> None:
    """The pump runs at its rate and stops whenever it likes; some looks fail."""
    book = ledger(armed=False)
    t_s = 0.0
    for dt_s, answered in looks:
        t_s += dt_s
        true_ul = min(10.0, 0.1 * min(t_s, stops_at_s))
        if answered:
            book.confirm(status(t_s, true_ul))
        else:
            book.heard(seconds(t_s))
        later_ul = min(10.0, 0.1 * min(t_s + 1, stops_at_s))
        assert book.confirmed_ul + book.uncertain_ul(seconds(t_s + 1)) >= later_ul - 1e-6


def test_R26_exactly_on_rate_raises_nothing_for_a_whole_infusion() -> None:
    book, watch = ledger(), DeliveryWatch()
    watch.begin()
    for tenth in range(1, 1000):
        look = status(tenth / 10, round(tenth / 100, 3))
        book.confirm(look)
        assert watch.judge(book, look) == []


@pytest.mark.parametrize(("speed", "found"), [(1.0, set()), (0.93, {"delivery-wrong"}), (1.07, {"over-delivery"})])
def test_R26_a_start_that_a_busy_computer_delays_is_no_deviation_and_hides_none(speed: float, found: set[str]) -> None:
    """RUN waits 1.5 s for the disk and the processor, its reply another second: the pump itself is in order or not."""
    book, watch = ledger(), DeliveryWatch()
    watch.begin()
    book.sending(seconds(1.5))
    book.confirm(PumpStatus(seconds(1.6), seconds(2.6), Motion.INFUSING, 0.0, 0.0, 0.001))
    alarms = set()
    for half_s in range(6, 180):
        look = status(half_s / 2, round((half_s / 2 - 2.5) * speed / 10, 3))
        book.confirm(look)
        alarms |= {finding.alarm for finding in watch.judge(book, look) if finding.stop != "none"}

    assert alarms == found


def test_R23_waits_for_a_counter_step_of_a_slow_pump() -> None:
    """At 0.02 uL/min a counter of 0.01 uL steps every 30 s: 40 s without advance is in order, 90 s is not."""
    slow = PumpProgram(4.699, 0.02, 1.0)
    book, watch = PumpLedger(PUMP, 25.0), DeliveryWatch()
    book.begin(1, slow, 0)
    watch.begin()
    found = {}
    for t_s in range(1, 91):
        look = status(t_s, 0.0, step_ul=0.01)
        book.confirm(look)
        found[t_s] = [finding.alarm for finding in watch.judge(book, look)]

    assert found[40] == []
    assert "not-infusing" in found[90]


@pytest.mark.parametrize("motion", [Motion.WITHDRAWING, Motion.PURGING])
def test_R12_R27_any_other_motion_stops_even_during_an_infusion(motion: Motion) -> None:
    book = ledger()
    look = status(1, 0.1, motion)

    (finding,) = DeliveryWatch().judge(book, look)

    assert (finding.alarm, finding.stop) == ("unexpected-motion", "any")


def test_R26_a_counter_above_the_target_stops_any_pump() -> None:
    book = ledger()
    look = status(101, 10.2)
    book.confirm(look)

    (finding,) = DeliveryWatch().judge(book, look)

    assert (finding.alarm, finding.stop) == ("over-delivery", "any")
