"""Sessions that ended badly: whoever opens the window sees them, and nothing but an answer takes them away (R53)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gui.presenters.unfinished import Unfinished
from tests.gui.fakes import EVIL, alarm, pump, state

if TYPE_CHECKING:
    from tests.gui.bench import Bench

CRASHED = Unfinished(
    "SESSION NEVER CLOSED: s-7, animal m1", "THEY MAY STILL RUN.", "First the animal:", "amperfuse reconcile s-7", "s-7"
)


def test_R53_whoever_opens_the_window_sees_session_animal_and_command_before_any_engine_is_there(bench: Bench) -> None:
    bench.unfinished = (CRASHED,)
    window = bench.open()
    banner = window.unfinished.banner
    assert banner is not None
    for label in (banner.what, banner.meaning, banner.todo, banner.command):
        assert bench.is_wholly_seen(label)
    assert banner.command.text() == "amperfuse reconcile s-7"
    bench.click(banner.copy)
    assert bench.copied == ["amperfuse reconcile s-7"]


def test_R53_it_flashes_until_somebody_says_that_it_was_seen_and_stays_after_that(bench: Bench) -> None:
    bench.unfinished = (CRASHED,)
    window = bench.open()
    banner = window.unfinished.banner
    assert banner is not None
    halves = set()
    for _frame in range(40):
        bench.ticks_ns += 33_000_000
        window.tick()
        halves.add(bool(banner.property("lit")))
    assert halves == {True, False}
    bench.click(banner.seen)
    bench.click(banner.again)
    banner = window.unfinished.banner
    assert banner is not None
    for label in (banner.what, banner.command):
        assert bench.is_wholly_seen(label)
    for _frame in range(40):
        bench.ticks_ns += 33_000_000
        window.tick()
        assert not banner.property("lit")


def test_R53_it_goes_when_a_person_has_answered_and_not_before(bench: Bench) -> None:
    other = replace(CRASHED, what="another", command="amperfuse reconcile s-8", short="s-8, animal m2")
    bench.unfinished = (CRASHED, other)
    window = bench.open()
    first = window.unfinished.banner
    assert first is not None
    assert "1 MORE" in first.more.text()
    assert "animal m2" in first.more.text()
    bench.unfinished = (other,)
    bench.click(first.again)
    second = window.unfinished.banner
    assert second is not None
    assert second.command.text() == "amperfuse reconcile s-8"
    assert second.more.text() == ""
    bench.unfinished = ()
    bench.click(second.again)
    assert window.unfinished.banner is None
    assert not window.unfinished.isVisible()


def test_R33_R53_many_of_them_leave_STOP_and_alarms_on_a_small_screen(bench: Bench) -> None:
    bench.unfinished = (CRASHED,) * 5
    window = bench.open()
    window.resize(1280, 720)
    bench.hear(window, state(pumps=(pump(),), alarms=(alarm(),)))
    banner = window.unfinished.banner
    assert banner is not None
    assert window.height() <= 720
    assert window.stop.button.visibleRegion().boundingRect() == window.stop.button.rect()
    for label in (banner.what, banner.todo, banner.command, banner.more, window.alarms.banners[0].what):
        assert bench.is_wholly_seen(label)


def test_X7_a_hostile_name_of_an_animal_is_shown_as_it_is(bench: Bench) -> None:
    bench.unfinished = (replace(CRASHED, what=EVIL, so_what=EVIL),)
    window = bench.open()
    assert EVIL in bench.texts(window)
    assert bench.are_plain(window)


def test_no_unfinished_session_takes_no_room(bench: Bench) -> None:
    window = bench.open()
    assert not window.unfinished.isVisible()


def test_R53_a_session_that_was_answered_for_is_not_named_among_the_others_any_more(bench: Bench) -> None:
    bench.unfinished = (CRASHED, replace(CRASHED, what="another", short="s-8, animal m2"))
    window = bench.open()
    banner = window.unfinished.banner
    assert banner is not None
    bench.unfinished = (CRASHED,)
    bench.click(banner.again)
    assert banner.more.text() == ""
