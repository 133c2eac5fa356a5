"""The pre-flight in the window: every line at once, signed by name, and never markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acquisition.messages import Accept, MoveIntoWaste, PreflightItem, ReadScale, RunChecks, Start
from gui.presenters.preflight import preflight_card, volume_ul
from tests.gui.fakes import EVIL, state

if TYPE_CHECKING:
    from tests.gui.bench import Bench

CLAMP = PreflightItem(item_id="clamp", level="tick", what="A clamp is within reach.", do_what="Look, then tick.")
WATCHDOG = PreflightItem(item_id="watchdog:ket", level="refused", what="Not seen to expire.", do_what="Run the checks.")
SCALE = PreflightItem(item_id="scale:ket", level="warning", what="The scale check was not made.", do_what="Make it.")
FINE = PreflightItem(item_id="disk", level="ok", what="The disk has room.")
ITEMS = (FINE, WATCHDOG, SCALE, CLAMP)


def test_R21_every_line_that_stands_in_the_way_is_shown_at_once_and_start_is_not_offered(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(phase="ready", preflight=ITEMS))

    assert window.preflight.isVisible()
    assert window.preflight.headline.text() == "Pre-flight: 3 things stand against a start"
    assert [line.row.item_id for line in window.preflight.lines] == ["watchdog:ket", "scale:ket", "clamp"]
    assert window.preflight.lines[0].todo.text() == "Run the checks."
    assert not window.preflight.lines[0].sign.isVisible(), "nobody can sign what is not in order"
    assert window.controls.start.isVisible()
    assert not window.controls.start.isEnabled()


def test_R31_a_line_is_ticked_by_name_and_by_nobody_without_one(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(phase="ready", preflight=ITEMS))
    tick = window.preflight.lines[2].sign

    bench.click(tick)
    assert bench.link.commands(Accept) == []
    assert window.preflight.hint.text() == "Write your name first."

    window.preflight.name.setText("Anna")
    bench.click(tick)
    (sent,) = bench.link.commands(Accept)
    assert (sent.item_id, sent.by) == ("clamp", "Anna")


def test_R15_the_scale_check_says_that_the_line_is_off_and_takes_one_number(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(phase="ready", preflight=ITEMS))
    window.preflight.name.setText("Anna")
    line = window.preflight.lines[1]

    bench.click(line.displace)
    line.seen.setText("33.5")
    line.seen.returnPressed.emit()

    (moved,) = bench.link.commands(MoveIntoWaste)
    assert (moved.pump, moved.by, moved.line_is_off) == ("ket", "Anna", True)
    (read,) = bench.link.commands(ReadScale)
    assert (read.pump, read.seen_ul) == ("ket", 33.5)


def test_what_is_typed_stays_while_the_list_changes(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(phase="ready", preflight=ITEMS))
    window.preflight.lines[1].seen.setText("33")
    bench.hear(window, state(phase="ready", preflight=(FINE, SCALE, CLAMP)))
    assert window.preflight.lines[0].seen.text() == "33"


def test_R41_the_checks_are_run_by_one_click_and_the_list_goes_when_the_plan_runs(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(phase="ready", preflight=ITEMS))
    bench.click(window.preflight.check)
    assert len(bench.link.commands(RunChecks)) == 1

    signed = CLAMP.model_copy(update={"by": "Anna"})
    bench.hear(window, state(phase="ready", preflight=(FINE, signed)))
    assert window.preflight.headline.text() == "Pre-flight: nothing stands against a start"
    assert "Anna" in window.preflight.fine.text()
    bench.click(window.controls.start)
    assert len(bench.link.commands(Start)) == 1

    bench.hear(window, state(phase="running"))
    assert not window.preflight.isVisible()


def test_X7_nothing_in_the_list_is_read_as_markup(bench: Bench) -> None:
    window = bench.open()
    evil = PreflightItem(item_id=f"scale:{EVIL}", level="warning", what=EVIL, so_what=EVIL, do_what=EVIL)
    bench.hear(window, state(phase="ready", preflight=(evil,)))
    assert window.preflight.lines[0].what.text() == EVIL
    assert EVIL in window.preflight.lines[0].todo.text()


def test_R52_old_values_offer_nothing(bench: Bench) -> None:
    assert preflight_card(state(phase="ready", preflight=ITEMS), old=True) is None
    assert preflight_card(None, old=False) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("33", 33.0),
        (" 33.5 ", 33.5),
        ("", None),
        ("3,5", None),
        ("1e3", None),
        ("-3", None),
        ("3 5", None),
        (".5", None),
    ],
)
def test_R01_what_was_seen_is_exactly_one_number(text: str, value: float | None) -> None:
    assert volume_ul(text) == value
