"""The window by click and key on a fake engine: STOP above all, and nothing stale shown as fresh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from acquisition.messages import Acknowledge, Answer, Continue, Finish, Mark, Note, Start, Stop
from gui.history import HistoryItem
from tests.gui.fakes import EVIL, STARTED_NS, S, alarm, channel, event, pump, samples, state, step, stretch

if TYPE_CHECKING:
    from tests.gui.bench import Bench

STOPPED = state(phase="stopped", pumps=(pump(motion="stopped", stop_confirmed=True),))

# -- STOP ----------------------------------------------------------------------------------------------------------


def test_R33_one_press_sends_stop_at_once_without_a_question(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())

    bench.press_down(window.stop.button)  # not even let go

    assert len(bench.link.commands(Stop)) == 1
    assert window.stop.headline.text() == "STOP sent"
    assert bench.modal_windows() == []


def test_R33_the_stop_key_works_while_a_note_is_being_typed(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())
    bench.focus(window, window.note)
    bench.type(window.note, "animal mov")

    for key in ("F12", "Ctrl+."):
        bench.key(window.note, key)

    assert len(bench.link.commands(Stop)) == 2
    assert window.note.text() == "animal mov"
    assert bench.link.commands(Mark) == []  # letters typed into the box are not keys of the window


def test_R33_the_stop_key_works_with_no_focus_at_all(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())

    bench.key(window, "F12")

    assert len(bench.link.commands(Stop)) == 1


def test_R33_stop_is_sent_in_every_state_of_window_and_engine(bench: Bench) -> None:
    window = bench.open()
    window.tick()
    bench.click(window.stop.button)  # before the engine has said anything

    bench.hear(window, state(phase="closing", pumps=(pump(link="lost"),), alarms=(alarm(),)))
    bench.click(window.stop.button)
    bench.link.connected = False
    window.tick()
    bench.click(window.stop.button)

    assert len(bench.link.commands(Stop)) == 3
    assert "STOP MAY NOT REACH THE ENGINE" in bench.texts(window)


def test_R33_what_became_of_stop_is_shown_to_the_end(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())
    bench.click(window.stop.button)
    request = bench.link.commands(Stop)[0].request

    bench.hear(window, STOPPED, Answer(request=request, ok=True, text="", confirmed=True))
    assert window.stop.headline.text() == "■ CONFIRMED STOPPED"

    bench.click(window.stop.button)
    request = bench.link.commands(Stop)[1].request
    bench.hear(window, Answer(request=request, ok=False, text="", confirmed=False))
    assert window.stop.headline.text() == "NOT CONFIRMED STOPPED"


def test_R33_an_engine_that_does_not_answer_is_not_taken_for_a_yes(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())
    bench.click(window.stop.button)

    bench.ticks_ns += 4 * S
    bench.hear(window, state())

    assert window.stop.headline.text() == "NOT CONFIRMED STOPPED"
    assert "clamp the line" in window.stop.detail.text()


def test_stop_stays_visible_whatever_is_shown_beside_it(bench: Bench) -> None:
    window = bench.open()
    many = tuple(alarm(alarm_id=str(n), priority="high") for n in range(12))
    pumps = tuple(pump(name=f"p{n}", stop_confirmed=False) for n in range(6))
    channels = tuple(channel(f"c{n}", flags=2, gaps=3) for n in range(6))
    bench.hear(window, state(alarms=many, pumps=pumps, channels=channels))

    for size in ((1400, 900), (1260, 720)):
        window.resize(*size)
        bench.hear(window)
        assert (window.width(), window.height()) == size  # nothing pushes the window beyond a small screen
        place = window.stop.button.mapTo(window, window.stop.button.rect().bottomRight())
        assert window.stop.button.isVisible()
        assert window.rect().contains(place)


FULL_BENCH = state(
    pumps=(pump(name="ketamine"), pump(name="flush", motion="stopped"), pump(name="local", motion="stopped")),
    channels=tuple(channel(f"channel-{k}", ("glutamate", "sentinel")[k % 2]) for k in range(6)),
)


@pytest.mark.parametrize("size", [(1600, 1000), (1366, 768)])
def test_three_pumps_and_six_channels_are_seen_and_can_be_read_at_once(bench: Bench, size: tuple[int, int]) -> None:
    window = bench.open()
    window.resize(*size)
    for _frame in range(3):
        bench.hear(window, FULL_BENCH)

    for card in window.pumps.values():
        for part in (card.name, card.word, card.delivered, card.target, card.age):
            assert bench.is_wholly_seen(part), (card.name.text(), part.text())
    for shown in window.traces.rows.values():
        for part in (shown.name, shown.value, shown.unit):
            assert bench.is_wholly_seen(part), (shown.name.text(), part.text())
        assert shown.plot.height() >= 40


def test_what_a_small_window_leaves_out_of_a_card_is_in_its_tooltip_and_comes_back_with_the_room(bench: Bench) -> None:
    window = bench.open()
    window.resize(1280, 700)
    bench.hear(window, FULL_BENCH)
    bench.hear(window, FULL_BENCH)
    card = window.pumps["ketamine"]
    caption, value = card._facts[4]
    assert not caption.isVisible()
    assert f"{caption.text()}: {value.text()}" in card.toolTip()

    window.resize(1600, 1900)
    bench.hear(window, FULL_BENCH)
    bench.hear(window, FULL_BENCH)
    assert caption.isVisible()
    assert card.toolTip() == ""


def test_in_a_small_row_a_flag_and_gaps_are_still_there(bench: Bench) -> None:
    window = bench.open()
    window.resize(1366, 768)
    flagged = channel("channel-0", "sentinel", flags=2, gaps=3)
    for _frame in range(3):
        bench.hear(window, FULL_BENCH.model_copy(update={"channels": (flagged, *FULL_BENCH.channels[1:])}))
    shown = window.traces.rows["emstat", "channel-0"]
    assert shown.flag.text() == "▲ OVERLOAD"
    assert bench.is_wholly_seen(shown.flag)
    assert bench.is_wholly_seen(shown.gaps)


def test_rows_that_do_not_fit_are_scrolled_and_the_time_axis_stays_under_the_plots(bench: Bench) -> None:
    window = bench.open()
    window.resize(1280, 720)
    many = FULL_BENCH.model_copy(update={"channels": tuple(channel(f"channel-{k}") for k in range(16))})
    for _frame in range(3):
        bench.hear(window, many)
    last = list(window.traces.rows.values())[-1]
    assert not bench.is_wholly_seen(last.value)
    assert last.plot.height() >= 40
    axis, plot = window.traces.axis, last.plot
    assert axis.mapTo(window, axis.rect().topRight()).x() == plot.mapTo(window, plot.rect().topRight()).x()


# -- the truth, its age, and where it comes from ---------------------------------------------------------------------


def test_R24_simulated_is_visible(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(simulated=True))
    assert window.strip.isVisible()
    assert "SIMULATED" in window.strip.text
    assert window.windowTitle().startswith("SIMULATED")

    bench.hear(window, state(simulated=False))
    assert not window.strip.isVisible()


def test_R52_stale_numbers_are_grey_and_labelled(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())
    shown = window.pumps["ket"]
    assert (shown.delivered.property("tone"), shown.age.text()) == ("normal", "confirmed now")

    bench.hear(window, state(pumps=(pump(confirmed_ns=STARTED_NS + 1795 * S),)))

    assert shown.delivered.property("tone") == "dim"
    assert shown.age.text() == "OLD VALUES · confirmed 5.0 s ago"


def test_a_lost_engine_greys_everything_and_says_since_when_and_what_to_do(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())
    lively = window.traces.rows["emstat", "glu"].color

    bench.link.connected = False
    bench.ticks_ns += 2 * S
    window.tick()

    assert "lost the engine since 12:00:00 minus 2" in window.lost.label.text()
    assert "press STOP on it, clamp the line" in window.lost.label.text()
    assert window.pumps["ket"].word.text() == "LAST SEEN INFUSING"
    assert window.traces.rows["emstat", "glu"].color != lively
    assert not window.controls.mark.isEnabled()

    bench.link.connected = True
    bench.hear(window, state())
    assert not window.lost.isVisible()
    assert window.pumps["ket"].word.text() == "INFUSING"
    assert window.traces.rows["emstat", "glu"].color == lively


def test_an_engine_that_falls_silent_is_not_taken_for_alive(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())

    bench.ticks_ns += 5 * S
    window.tick()

    assert window.lost.isVisible()
    assert "silent 5 s" in window.topbar.connection.text()


def test_a_reopened_window_shows_the_true_state_and_the_session_so_far(bench: Bench) -> None:
    first = bench.open()
    bench.hear(first, state())
    first.close()

    def history(_dir: Path) -> Iterator[HistoryItem]:
        yield stretch(np.arange(600), np.full(600, 5e-11))
        yield event("note", 30, "before the window was opened")
        yield 1

    again = bench.open(history)
    bench.hear(again, state(), samples(np.arange(600, 700), np.full(100, 6e-11), 2))
    again.traces.choose_window(5)
    again.tick()

    shown = again.pumps["ket"]
    assert (shown.word.text(), shown.delivered.text(), shown.fact("Rate")) == ("INFUSING", "42.31", "10.00 µL/min")
    t_s, value = again.traces.rows["emstat", "glu"].curve.getData()
    assert (t_s[0], t_s[-1]) == (0.0, 699.0)
    assert set(np.round(value, 3)) == {50.0, 60.0}
    assert "before the window was opened" in again.log.text.toPlainText()


def test_closing_the_window_sends_nothing(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())
    sent = list(bench.link.sent)

    window.close()

    assert bench.link.sent == sent
    assert "closing this window stops nothing" in window.windowTitle()


def test_X7_nothing_from_a_device_or_a_file_is_read_as_markup(bench: Bench) -> None:
    window = bench.open()
    window.resize(1900, 1000)  # nothing is shortened
    bench.hear(
        window,
        state(
            session_id=EVIL,
            subject="",
            plan_name=EVIL,
            phase="holding",
            held_on=1,
            watched_by=(EVIL,),
            unattended_by=EVIL,
            phase_text=EVIL,
            pumps=(pump(name=EVIL, model=EVIL, drug=EVIL),),
            channels=(channel(EVIL, EVIL, instrument=EVIL),),
            alarms=(alarm(what=EVIL, so_what=EVIL, do_what=EVIL, instrument=EVIL),),
            steps=(step(1, "operator", EVIL, 0.0, state="running", started_ns=STARTED_NS),),
        ),
        event("note", 5, EVIL),
    )

    assert bench.are_plain(window)
    assert sum(EVIL in text for text in bench.texts(window)) >= 10
    assert EVIL in window.windowTitle()
    tooltips = [label.toolTip() for label in bench.labels(window) if label.toolTip()]
    assert tooltips
    assert not any("<img" in tip or "<b>" in tip for tip in tooltips)
    block = window.timeline.strip.block_at(5)
    assert block is not None
    assert EVIL in block.tooltip
    assert window.log.text.toPlainText().endswith(EVIL)


# -- traces --------------------------------------------------------------------------------------------------------


def test_a_gap_is_drawn_as_nan(bench: Bench) -> None:
    window = bench.open()
    message = samples([1795, 1796, 1796.5, 1799], [1e-11, 1e-11, np.nan, 2e-11])
    bench.hear(window, state(), message)
    window.traces.choose_window(0)
    window.tick()

    _t, value = window.traces.rows["emstat", "glu"].curve.getData()

    assert np.isnan(value).tolist() == [False, False, True, False]


def test_the_scale_can_be_apparent_micromolar_and_says_so(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(), samples([1799, 1800], [7e-11, 1.4e-10]))

    bench.key(window, "U")
    window.tick()

    shown = window.traces.rows["emstat", "glu"]
    assert (shown.unit.text(), shown.remark.text()) == (
        "µM",
        "apparent",
    )  # at once, though long windows are not drawn every frame
    assert np.allclose(shown.curve.getData()[1], [10.0, 20.0])
    assert window.traces.rows["emstat", "sentinel"].remark.text() == "no sensitivity"
    assert "no baseline subtracted" in window.traces.hint.toolTip()


def test_the_y_axis_can_leave_out_a_settling_electrode(bench: Bench) -> None:
    window = bench.open()
    values = np.concatenate((np.linspace(5e-9, 1e-10, 5), np.full(1795, 1e-10)))
    bench.hear(window, state(), samples(np.arange(1800), values))
    bench.key(window, "6")
    bench.key(window, "Y")
    window.tick()

    shown = window.traces.rows["emstat", "glu"]
    assert shown.flag.text() == "↕ beyond the axis"
    assert shown.plot.getPlotItem().getViewBox().viewRange()[1][1] < 2.0


def test_keys_choose_the_window_freeze_it_and_scroll_back(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())

    bench.key(window, "2")
    assert window.traces.view.window_s == 60.0
    bench.key(window, "F")
    assert not window.traces.view.live
    bench.key(window, "Left")
    assert window.traces.view.span(9999.0) == (1710.0, 1770.0)
    bench.key(window, "F")
    assert window.traces.view.live


def test_the_scroll_bar_looks_back_and_returns_to_live(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())

    window.traces.bar.setValue(0)
    assert window.traces.view.span(1800.0) == (0.0, 300.0)
    window.tick()
    window.traces.bar.setValue(window.traces.bar.maximum())

    assert window.traces.view.live


def test_credit_follows_the_drawing(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())
    assert bench.link.credits == 0

    bench.hear(window, samples([1], [0.0], 1), samples([2], [0.0], 2))

    assert bench.link.credits == 2


# -- what a person does --------------------------------------------------------------------------------------------


def test_a_note_carries_the_time_at_which_its_box_was_opened(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())
    bench.focus(window, window.note)
    opened_ns = window.mirror.engine_now_ns()

    bench.ticks_ns += 7 * S
    bench.type(window.note, "tail pinch negative")
    bench.ticks_ns += 5 * S
    bench.key(window.note, "Return")

    note = bench.link.commands(Note)[0]
    assert (note.text, note.opened_ns) == ("tail pinch negative", opened_ns)
    assert window.note.text() == ""
    assert window.mirror.engine_now_ns() == opened_ns + 12 * S


def test_an_emptied_note_forgets_its_time_and_escape_drops_it(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())
    bench.focus(window, window.note)
    bench.type(window.note, "x")
    bench.key(window.note, "Backspace")
    bench.ticks_ns += 3 * S
    bench.type(window.note, "y")
    assert window.note.opened_ns == STARTED_NS + 1803 * S

    bench.key(window.note, "Escape")

    assert window.note.text() == ""
    assert window.note.opened_ns is None
    assert bench.link.commands(Note) == []


def test_start_is_one_click_under_the_list_of_what_it_infuses(bench: Bench) -> None:
    window = bench.open()
    infusion = step(1, "infuse", "ketamine 8 mg/kg", 1920.0, pump="ket")
    bench.hear(window, state(phase="ready", pumps=(pump(motion="stopped"),), steps=(infusion,)))
    assert "ketamine 8 mg/kg" in window.controls.lines.text()

    bench.click(window.controls.start)

    assert len(bench.link.commands(Start)) == 1
    bench.hear(window, state(phase="running"))
    assert not window.controls.start.isVisible()


def test_continue_answers_the_step_that_asks(bench: Bench) -> None:
    window = bench.open()
    question = step(3, "operator", "Is the animal asleep?", 0.0, state="running", started_ns=STARTED_NS)
    bench.hear(window, state(phase="holding", held_on=3, steps=(question,)))

    bench.click(window.controls.go_on)

    assert [c.step for c in bench.link.commands(Continue)] == [3]


def test_an_infusion_that_nobody_watched_can_be_begun_or_left_out(bench: Bench) -> None:
    window = bench.open()
    held = step(4, "infuse", "ketamine", 60.0, pump="ket")
    held_on_4 = state(phase="holding", held_on=4, held_before=True, steps=(held,), pumps=(pump(motion="stopped"),))
    why = "Waits for a person before step 4, too much: glu above 50 pA: ketamine"
    bench.hear(window, held_on_4.model_copy(update={"phase_text": why}))
    assert window.controls.headline.text() == "Begin this infusion now?"
    assert "too much: glu above 50 pA" in window.controls.lines.text(), "whoever begins it knows what holds it"

    bench.click(window.controls.go_on)
    bench.click(window.controls.leave_out)

    assert [(c.step, c.skip) for c in bench.link.commands(Continue)] == [(4, False), (4, True)]


def test_unattended_is_a_persons_name_beside_start_and_stands_on_the_screen(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(phase="ready", pumps=(pump(motion="stopped"),)))

    window.controls.unattended_by.setText("Berta")
    bench.click(window.controls.start)
    assert [c.unattended_by for c in bench.link.commands(Start)] == ["Berta"]

    bench.hear(window, state(phase="running", unattended_by="Berta"))
    assert window.topbar.watch.text() == "▲ UNATTENDED"
    assert "Berta" in window.topbar.watch_detail.toolTip()
    assert not window.controls.unattended_by.isVisible()


def test_R42_the_window_says_that_it_lives_from_the_loop_that_draws_it(bench: Bench) -> None:
    window = bench.open()
    for second in range(11):
        bench.ticks_ns = second * S
        window.tick()
        window.tick()

    assert bench.link.attended == 6, "every two seconds, and not once more when nothing is drawn"


def test_finish_wants_a_second_click_and_no_dialog(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(phase="finished", pumps=(pump(motion="stopped"),)))

    bench.click(window.controls.finish)
    assert bench.link.commands(Finish) == []
    assert window.controls.finish.text() == "Really finish?"
    bench.click(window.controls.finish)

    assert len(bench.link.commands(Finish)) == 1
    assert bench.modal_windows() == []


def test_a_refusal_is_shown_in_the_engines_words(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())
    bench.key(window, "M")
    request = bench.link.commands(Mark)[0].request

    bench.hear(window, Answer(request=request, ok=False, text="The recorder has failed."))

    assert "✕ The recorder has failed." in bench.texts(window)


def test_a_window_that_cannot_talk_to_this_engine_says_why(bench: Bench) -> None:
    bench.link.connected, bench.link.trouble = False, "the running engine speaks version 9 of the messages"
    window = bench.open()
    window.tick()
    assert "version 9" in window.controls.answer.text()
    assert window.controls.answer.isVisible()


def test_R46_an_alarm_is_acknowledged_and_stays_while_its_cause_is_there(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(alarms=(alarm(),)))

    bench.click(window.alarms.banners[0].acknowledge)
    assert [(c.alarm_id, c.by) for c in bench.link.commands(Acknowledge)] == [("pump.stall", "eva")]
    bench.hear(window, state(alarms=(alarm(acknowledged=True),)))

    assert [banner.what.text() for banner in window.alarms.banners] == ["ket: The pump reports a stall."]
    assert not window.alarms.banners[0].acknowledge.isVisible()
    bench.hear(window, state())
    assert not window.alarms.isVisible()


def test_an_alarm_button_is_not_rebuilt_under_the_finger(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(alarms=(alarm(),)))
    before = window.alarms.banners[0]
    bench.hear(window, state(now_ns=STARTED_NS + 1801 * S, wall_ns=state().wall_ns + S, alarms=(alarm(),)))
    assert window.alarms.banners[0] is before


def test_the_log_filters_and_stays_bounded(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(), event("wire", 1, "3A 30"), event("mark", 2, "baseline"))
    assert window.log.text.toPlainText().endswith("mark\tbaseline")
    assert "3A 30" not in window.log.text.toPlainText()

    bench.click(window.log.filters.buttons()[-1])
    assert "3A 30" in window.log.text.toPlainText()
    bench.hear(window, *(event("mark", n, f"m{n}") for n in range(2500)))

    assert window.log.text.blockCount() == 2000
    assert window.log.text.toPlainText().endswith("m2499")


@pytest.mark.parametrize("name", ["dark", "light"])
def test_edition_window_and_scale_are_remembered(bench: Bench, name: str) -> None:
    window = bench.open()
    if name == "light":
        bench.key(window, "T")
    bench.key(window, "5")
    bench.key(window, "U")
    window.close()

    again = bench.open()

    assert again._edition.name == name
    assert (again.traces.view.window_s, again.traces.choice.scale) == (7200.0, "apparent")


def test_recordings_are_opened_by_another_program_from_where_this_session_lies(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())
    bench.click(window.recordings)
    assert bench.reviews == [str(Path(state().session_dir).parent)]
    bench.review_problem = "it cannot be started"
    bench.click(window.recordings)
    assert any("it cannot be started" in text for text in bench.texts(window))
