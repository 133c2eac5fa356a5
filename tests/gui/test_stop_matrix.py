"""STOP from the window while a dialog wants an answer first, held keys, several presses: one command each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acquisition.messages import Mark, Stop
from tests.gui.fakes import state

if TYPE_CHECKING:
    from tests.gui.bench import Bench

KEYS = ("F12", "Ctrl+.")


@pytest.mark.parametrize("key", KEYS)
def test_R33_the_stop_key_works_under_a_modal_dialog_and_leaves_it_open(bench: Bench, key: str) -> None:
    window = bench.open()
    bench.hear(window, state())
    dialog, field = bench.modal_dialog(window)
    assert bench.modal_windows() == [dialog]

    for place in (dialog, field):
        bench.key(place, key)

    assert len(bench.link.commands(Stop)) == 2
    assert window.stop.headline.text() == "STOP sent"
    assert bench.modal_windows() == [dialog]
    assert field.text() == ""
    dialog.close()


def test_R33_a_click_on_stop_works_under_a_dialog_that_is_not_modal_and_the_program_opens_no_other(
    bench: Bench,
) -> None:
    window = bench.open()
    bench.hear(window, state())
    for key in ("T", "M", "N", "U", "Y", "F", "S", "1", "Escape"):
        bench.key(window, key)
    assert bench.modal_windows() == []
    bench.press_down(window.stop.button)
    assert len(bench.link.commands(Stop)) == 1


@pytest.mark.parametrize("key", KEYS)
def test_R33_a_key_held_down_is_one_press(bench: Bench, key: str) -> None:
    window = bench.open()
    bench.hear(window, state())
    bench.hold(window, key, repeats=20)
    assert len(bench.link.commands(Stop)) == 1


@pytest.mark.parametrize(
    ("key", "modifiers"),
    [
        ("Key_Period", "ControlModifier|ShiftModifier"),  # where the dot needs Shift
        ("Key_Period", "ControlModifier|KeypadModifier"),
        ("Key_F12", "GroupSwitchModifier"),
    ],
)
def test_R33_stop_keys_work_on_every_keyboard(bench: Bench, key: str, modifiers: str) -> None:
    window = bench.open()
    bench.hear(window, state())
    bench.raw_key(window, key, modifiers)
    assert len(bench.link.commands(Stop)) == 1


def test_a_key_without_a_name_does_no_harm(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())
    bench.raw_key(window, "", "NoModifier")
    assert bench.link.commands(Stop) == []


@pytest.mark.parametrize("key", ["F11", "Ctrl+,", ".", "Ctrl+Shift+F12"])
def test_other_keys_do_not_stop(bench: Bench, key: str) -> None:
    window = bench.open()
    bench.hear(window, state())
    bench.key(window, key)
    assert bench.link.commands(Stop) == []
    bench.key(window, "M")
    assert len(bench.link.commands(Mark)) == 1
