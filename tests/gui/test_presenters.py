"""What the window says of a state: words, numbers and units, without a screen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.messages import Answer, Phase, RecorderView
from drivers.capabilities import Motion
from gui.presenters.alarms import SHOWN, alarm_rows, more_text
from gui.presenters.controls import controls
from gui.presenters.header import header, is_old, lost_banner, title
from gui.presenters.pumps import PumpCard, pump_card
from gui.presenters.stop import ANSWER_DUE_S, StopPress, stop_status
from gui.presenters.text import age, digits, duration, plain, rate, size, stamp, volume
from tests.gui.fakes import EVIL, STARTED_NS, S, alarm, pump, state, step

NOW = STARTED_NS + 1800 * S

# -- text ----------------------------------------------------------------------------------------------------------


def test_numbers_have_four_figures_and_units() -> None:
    assert [digits(x) for x in (0.2, 9.9999, 42.314, 99.999, 123.45, 1234.5)] == [
        "0.200", "10.00", "42.31", "100.0", "123.5", "1234",
    ]  # fmt: skip
    assert (volume(0.05), rate(1.25), volume(None)) == ("0.050 µL", "1.250 µL/min", "–")
    assert digits(float("nan")) == "–"


@given(value=st.floats(-1e5, 1e5))
def test_no_rounding_moves_a_number_by_more_than_half_its_last_figure(value: float) -> None:
    places = len(digits(value).partition(".")[2])
    assert abs(float(digits(value)) - value) <= 0.5 * 10**-places + 1e-9


def test_times_read_like_clocks() -> None:
    assert (duration(59.6), duration(3600), duration(-61)) == ("1:00", "1:00:00", "−1:01")
    assert (stamp(3599.99), stamp(-3)) == ("00:59:59", "00:00:00")
    assert [age(x) for x in (0.0, 0.42, 12.0, 300.0, 9000.0)] == [
        "now",
        "0.4 s ago",
        "12 s ago",
        "5 min ago",
        "2.5 h ago",
    ]
    assert [size(n) for n in (900, 45_100_000, 2_000_000_000)] == ["1 kB", "45.1 MB", "2.0 GB"]


def test_X7_control_and_direction_characters_are_spelled_out() -> None:
    assert plain("a\x1b[31m\r\n\u202eb") == "a\\x1b[31m\\x0d\\x0a\\u202eb"
    assert plain(EVIL) == EVIL  # markup stays what it is: text


# -- header --------------------------------------------------------------------------------------------------------


def test_R24_simulated_is_said_in_the_strip_and_in_the_title() -> None:
    shown = state(simulated=True, rate=60.0)

    assert "SIMULATED" in header(shown, NOW, 0.0, connected=True).simulated
    assert "60 × real time" in header(shown, NOW, 0.0, connected=True).simulated
    assert title(shown).startswith("SIMULATED")
    assert header(state(simulated=False), NOW, 0.0, connected=True).simulated == ""
    assert "SIMULATED" not in title(state(simulated=False))


def test_the_title_says_that_closing_stops_nothing() -> None:
    assert "closing this window stops nothing" in title(state())


@pytest.mark.parametrize("phase", get_args(Phase))
def test_every_phase_has_a_word(phase: Phase) -> None:
    assert header(state(phase=phase), NOW, 0.0, connected=True).phase.isupper()


def test_a_lost_and_a_silent_engine_are_told_apart_from_a_living_one() -> None:
    assert header(state(), NOW, 0.0, connected=True).connection_tone == "good"
    assert "lost" in header(state(), NOW, 0.0, connected=False).connection
    assert "silent 7 s" in header(state(), NOW, 7.0, connected=True).connection
    assert header(None, 0, 0.0, connected=False).phase == "NO STATE YET"
    assert [is_old(0.0, connected=True), is_old(3.1, connected=True), is_old(0.0, connected=False)] == [
        False,
        True,
        True,
    ]
    assert "14:03:22" in lost_banner("14:03:22")


@pytest.mark.parametrize(
    ("changes", "tone", "text"),
    [
        ({}, "good", "on disk 1.0 s ago"),
        ({"synced_ns": NOW - 9 * S}, "warn", "9.0 s ago"),
        ({"archiver": "dead"}, "warn", "NWB dead"),
        ({"queue_fill": 0.5}, "warn", "queue 50% full"),
        ({"disk_free_bytes": 10_000_000}, "warn", "10.0 MB free"),
        ({"failing": "No space left on device"}, "alarm", "No space left"),
    ],
)
def test_the_recorder_says_how_it_is(changes: dict[str, Any], tone: str, text: str) -> None:
    view = RecorderView(**{"synced_ns": NOW - S, "disk_free_bytes": 10**11, "archiver": "running", **changes})

    shown = header(state(recorder=view), NOW, 0.0, connected=True)

    assert shown.recorder_tone == tone
    assert text in shown.recorder_detail
    assert ("NOT RECORDING" in shown.recorder) == (tone == "alarm")


# -- pumps ---------------------------------------------------------------------------------------------------------


def card(silent_s: float = 0.0, *, engine_gone: bool = False, **changes: Any) -> PumpCard:
    return pump_card(pump(**changes), state(), silent_s, engine_gone=engine_gone)


@pytest.mark.parametrize("motion", list(Motion))
def test_every_motion_of_the_engine_has_a_word_a_sign_and_a_meaning(motion: Motion) -> None:
    shown = card(motion=motion.value)

    assert shown.word == motion.value.upper()
    assert shown.symbol
    assert (shown.tone == "alarm") == (motion is Motion.UNKNOWN)


def test_R33_not_confirmed_stopped_overrides_everything_a_pump_last_said() -> None:
    for link in ("online", "lost", "connecting"):
        shown = card(stop_confirmed=False, motion="stopped", link=link)
        assert (shown.word, shown.tone) == ("NOT CONFIRMED STOPPED", "alarm")
        assert "clamp the line" in shown.since


def test_a_confirmed_stop_reads_stopped_also_where_the_pump_calls_it_paused() -> None:
    assert card(motion="paused", stop_confirmed=True).word == "STOPPED"
    assert "calls it paused" in card(motion="paused", stop_confirmed=True).since
    assert card(motion="paused").word == "PAUSED"
    assert card(motion="infusing", stop_confirmed=True).word == "INFUSING"


def test_unknown_says_since_when() -> None:
    shown = card(motion="infusing", unknown_since_ns=NOW - 30 * S)
    seconds = [text.split(":")[2] for text in (shown.since,)]

    assert shown.word == "UNKNOWN"
    assert shown.since.startswith("since ")
    assert seconds == ["30"]


def test_a_lost_line_is_unknown_however_the_pump_was_last_seen() -> None:
    assert card(link="lost", motion="stopped").word == "UNKNOWN"


def test_without_the_engine_no_state_stands_as_if_it_were_true_now() -> None:
    shown = card(engine_gone=True)
    assert shown.word == "LAST SEEN INFUSING"
    assert shown.stale


@pytest.mark.parametrize(("age_s", "stale"), [(0.4, False), (3.0, False), (3.1, True)])
def test_R52_values_older_than_three_seconds_are_labelled(age_s: float, stale: bool) -> None:
    shown = card(confirmed_ns=NOW - round(age_s * S))

    assert shown.stale is stale
    assert ("OLD VALUES" in shown.age) is stale


def test_R52_a_state_that_is_old_does_not_look_alive_and_one_that_warns_goes_on_warning() -> None:
    assert card(confirmed_ns=NOW - 2 * S).tone == "good"
    assert card(confirmed_ns=NOW - 4 * S).tone == "dim"
    assert card(confirmed_ns=NOW - 4 * S, stop_confirmed=False).tone == "alarm"


def test_R52_silence_of_the_engine_ages_values_too() -> None:
    assert card(2.0, confirmed_ns=NOW - 2 * S).stale
    assert card(confirmed_ns=None).age == "never confirmed"


def test_a_card_tells_confirmed_from_estimated_and_what_may_have_gone_beyond() -> None:
    shown = card(delivered_ul=50.0, estimated_ul=75.0, target_ul=100.0, rate_ul_per_min=5.0, session_uncertain_ul=0.4)
    facts = dict(shown.facts)

    assert (shown.delivered, shown.target) == ("50.00", "of 100.0 µL")
    assert (shown.progress, shown.progress_estimated) == (0.5, 0.75)
    assert facts["Remaining"] == "25.00 µL · 5:00"
    assert facts["Dose, session"] == "3.385 mg/kg"
    assert "0.400 µL" in shown.warning
    assert facts["Not confirmed, at most"] == "0.400 µL"
    assert card().warning == ""


def test_what_flows_between_two_replies_is_no_warning_but_the_same_volume_at_rest_is() -> None:
    usual: dict[str, Any] = {"rate_ul_per_min": 10.0, "session_uncertain_ul": 0.2}
    assert card(motion="infusing", **usual).warning == ""
    assert card(motion="stopped", **usual).warning != ""
    assert card(motion="infusing", confirmed_ns=NOW - 10 * S, **usual).warning != ""


def test_a_pump_without_a_target_shows_no_progress() -> None:
    shown = card(target_ul=0.0, rate_ul_per_min=0.0, dose_mg_per_kg=None, watchdog_s=0, motion="stopped")
    facts = dict(shown.facts)

    assert (shown.progress, shown.target) == (0.0, "no target armed")
    assert (facts["Rate"], facts["Remaining"], facts["Dose, session"], facts["Pump watchdog"]) == (
        "–",
        "–",
        "–",
        "none",
    )


# -- alarms --------------------------------------------------------------------------------------------------------


def test_R49_priority_is_a_shape_and_a_word_besides_a_colour() -> None:
    rows = alarm_rows(state(alarms=tuple(alarm(alarm_id=p, priority=p) for p in ("low", "medium", "high"))))

    assert [row.priority for row in rows] == ["HIGH", "MEDIUM", "LOW"]
    assert len({row.symbol for row in rows}) == len({row.tone for row in rows}) == 3


def test_R45_an_alarm_says_what_so_what_and_do_what() -> None:
    row = alarm_rows(state(alarms=(alarm(),)))[0]

    assert row.what == "ket: The pump reports a stall."
    assert "pressure may be high" in row.so_what
    assert "Clamp the line" in row.do_what


def test_an_alarm_names_its_instrument_once() -> None:
    row = alarm_rows(state(alarms=(alarm(what="ket reports a stall"),)))[0]
    assert row.what == "ket reports a stall"


def test_R46_acknowledging_never_hides_an_active_cause() -> None:
    rows = alarm_rows(state(alarms=(alarm(acknowledged=True), alarm(alarm_id="b", priority="low", active=False))))

    assert [row.alarm_id for row in rows] == ["b", "pump.stall"]  # what nobody has seen comes first
    assert "still active, acknowledged" in rows[1].when
    assert "cause is gone" in rows[0].when
    assert [row.can_acknowledge for row in rows] == [True, False]


def test_alarms_that_do_not_fit_are_counted() -> None:
    rows = alarm_rows(state(alarms=tuple(alarm(alarm_id=str(n)) for n in range(SHOWN + 2))))

    assert more_text(rows) == "and 2 more alarms, all in the log"
    assert more_text(rows[:SHOWN]) == ""
    assert alarm_rows(None) == ()


# -- STOP ----------------------------------------------------------------------------------------------------------

STILL = state(pumps=(pump(motion="stopped", stop_confirmed=True),), phase="stopped")
PRESS = StopPress(request=1, pressed_ns=0)


def answered(*, ok: bool = True, confirmed: bool | None = True) -> StopPress:
    return StopPress(1, 0, Answer(request=1, ok=ok, text="", confirmed=confirmed))


def test_R33_a_press_is_answered_on_the_screen_at_once() -> None:
    assert stop_status(PRESS, state(), 0, connected=True).headline == "STOP sent"


def test_R33_confirmed_is_said_only_when_the_engine_confirmed_and_every_pump_is_still() -> None:
    assert "CONFIRMED STOPPED" in stop_status(answered(), STILL, S, connected=True).headline
    assert stop_status(answered(), STILL, S, connected=True).tone == "good"
    assert stop_status(answered(), state(), S, connected=True).headline == ""  # it moves: nothing is claimed


def test_R33_an_answer_holds_until_a_newer_state_says_otherwise() -> None:
    moving, unconfirmed = state(now_ns=5 * S), state(now_ns=5 * S, pumps=(pump(stop_confirmed=False),))
    press = replace(answered(), known=moving)
    assert stop_status(press, moving, S, connected=True).headline == "■ CONFIRMED STOPPED"
    assert stop_status(press, unconfirmed, S, connected=True).tone == "good"  # that was before the pump's answer
    assert stop_status(press, state(now_ns=6 * S), S, connected=True).headline == ""
    later = state(now_ns=6 * S, pumps=(pump(stop_confirmed=False),))
    assert stop_status(press, later, S, connected=True).headline == "NOT CONFIRMED STOPPED"
    failed = replace(answered(confirmed=False), known=moving)
    assert stop_status(failed, moving, S, connected=True).headline == "NOT CONFIRMED STOPPED"


def test_R33_a_confirmation_says_nothing_of_the_pumps_of_another_engine() -> None:
    press = replace(answered(), known=state(now_ns=9 * S))
    other = {"session_id": "the next one", "now_ns": 2 * S}  # its clock may have begun anew
    assert stop_status(press, state(**other), S, connected=True).headline == ""
    failing = state(**other, pumps=(pump(stop_confirmed=False),))
    assert stop_status(press, failing, S, connected=True).headline == "NOT CONFIRMED STOPPED"


def test_R33_a_confirmation_holds_before_the_first_state_and_not_after_it() -> None:
    assert stop_status(answered(), None, S, connected=True).headline == "■ CONFIRMED STOPPED"
    assert stop_status(answered(), state(), S, connected=True).headline == ""


@pytest.mark.parametrize("press", [answered(ok=False), answered(confirmed=False), answered(confirmed=None)])
def test_R33_everything_but_a_confirmation_sends_a_person_to_the_pump(press: StopPress) -> None:
    shown = stop_status(press, STILL, S, connected=True)

    assert shown.headline == "NOT CONFIRMED STOPPED"
    assert "go to the pump, press STOP on it, clamp the line" in shown.detail
    assert shown.tone == "alarm"


def test_R33_no_answer_in_time_is_not_confirmed() -> None:
    late_ns = round((ANSWER_DUE_S + 0.1) * S)
    assert stop_status(PRESS, state(), late_ns, connected=True).headline == "NOT CONFIRMED STOPPED"


def test_a_stop_of_somebody_else_is_shown_too() -> None:
    failed = state(pumps=(pump(stop_confirmed=False),))
    assert stop_status(None, failed, 0, connected=True).headline == "NOT CONFIRMED STOPPED"
    assert "ket" in stop_status(None, failed, 0, connected=True).detail
    assert "CONFIRMED" in stop_status(None, STILL, 0, connected=True).headline


def test_without_the_engine_stop_says_what_to_do_by_hand() -> None:
    shown = stop_status(PRESS, state(), 0, connected=False)
    assert shown.headline == "STOP MAY NOT REACH THE ENGINE"
    assert "go to the pump" in shown.detail


# -- controls ------------------------------------------------------------------------------------------------------

INFUSION = step(1, "infuse", "ketamine 8 mg/kg", 1920.0, pump="ket")
QUESTION = step(2, "operator", "Is the animal asleep?", 0.0, state="running")
STILL_PUMP = (pump(motion="stopped"),)


@pytest.mark.parametrize("phase", get_args(Phase))
def test_buttons_follow_the_phase(phase: Phase) -> None:
    shown = controls(state(phase=phase, held_on=2, pumps=STILL_PUMP, steps=(INFUSION, QUESTION)), old=False)

    assert shown.can_start == (phase == "ready")
    assert shown.can_continue == (phase == "holding")
    assert shown.can_finish == (phase in {"ready", "stopped", "finished"})
    assert bool(shown.why_not_finish) != shown.can_finish


def test_start_says_what_it_will_infuse() -> None:
    shown = controls(state(phase="ready", pumps=STILL_PUMP, steps=(INFUSION,)), old=False)
    assert shown.lines == ("ketamine: ketamine 8 mg/kg (32:00, ket)",)


def test_many_infusions_are_counted_and_none_is_said_plainly() -> None:
    many = tuple(step(n, "infuse", "x", 60.0, pump="ket") for n in range(9))
    assert controls(state(phase="ready", steps=many), old=False).lines[-1] == "and 3 more infusions"
    assert controls(state(phase="ready"), old=False).lines == ("No infusion in this plan.",)


def test_finish_waits_for_every_pump_to_be_known_still() -> None:
    for motion in ("infusing", "unknown", "purging"):
        shown = controls(state(phase="finished", pumps=(pump(motion=motion),)), old=False)
        assert not shown.can_finish
        assert "ket" in shown.why_not_finish


def test_with_old_values_nothing_but_stop_is_offered() -> None:
    shown = controls(state(phase="ready"), old=True)
    assert [shown.can_start, shown.can_continue, shown.can_finish, shown.can_mark] == [False] * 4


def test_after_a_missed_or_aborted_infusion_the_plan_can_be_continued_and_it_is_said_with_what() -> None:
    missed = step(1, "infuse", "ketamine 8 mg/kg", 1920.0, pump="ket", state="missed")
    shown = controls(state(phase="holding", held_on=1, steps=(missed, step(2, "wait", "washout", 60.0))), old=False)
    assert (shown.can_continue, shown.can_skip, shown.continue_step) == (True, False, 1)
    assert shown.headline == "Step missed: your turn"
    assert "Continue goes on with: washout" in shown.lines[1]


@pytest.mark.parametrize(
    ("watched_by", "unattended_by", "watch", "detail", "tone"),
    [
        (("anna",), "", "● watched", "anna", "good"),
        ((), "", "▲ NOBODY HERE", "no infusion starts", "warn"),
        ((), "Berta", "▲ UNATTENDED", "nobody is here; by Berta", "warn"),
        (("anna",), "Berta", "▲ UNATTENDED", "here: anna; by Berta", "warn"),
    ],
)
def test_the_top_bar_says_who_watches(
    watched_by: tuple[str, ...], unattended_by: str, watch: str, detail: str, tone: str
) -> None:
    shown = header(state(watched_by=watched_by, unattended_by=unattended_by), 0, 0.0, connected=True)
    assert (shown.watch, shown.watch_detail, shown.watch_tone) == (watch, detail, tone)


def test_continue_names_the_step_it_answers() -> None:
    shown = controls(state(phase="holding", held_on=2, steps=(INFUSION, QUESTION)), old=False)
    assert (shown.continue_step, shown.lines) == (2, ("Is the animal asleep?",))
