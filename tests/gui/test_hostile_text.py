"""X7, X8: whatever instruments, files and people say, the window shows it as text, visible and without effect."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest

from gui.presenters.text import MAX_SHOWN
from tests.gui.fakes import STARTED_NS, alarm, channel, event, pump, state, step

if TYPE_CHECKING:
    from tests.gui.bench import Bench

HOSTILE = {
    "markup": "<img src=//evil/x><b>SAFE</b><a href='x'>x</a>",
    "entity": "&lt;b&gt; &amp; &#x202e;",
    "clear screen": "\x1b[2J\x1b[31mSAFE",
    "link": "\x1b]8;;http://evil\x07STOPPED\x1b]8;;\x07",
    "backwards": "\u202eDEPPOTS\u2066x\u2069",
    "invisible": "STOP\u200bPED\ufeff\u00ad",
    "lines": "a\r\nb\tc\u2028d\x0b\x0c",
    "nul": "a\0b",
    "key": "&Stop all &&",
    "format": "%s %n {0.__class__} %(x)s",
}
ALIVE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_X7_X8_hostile_text_is_shown_spelled_out_in_every_widget(bench: Bench, text: str) -> None:
    from PyQt6.QtWidgets import QAbstractButton  # noqa: PLC0415 - only where Qt is

    window = bench.open()
    bench.hear(window, hostile_state(text), event("note", 5, text), event("alarm", 6, text))

    assert bench.are_plain(window)
    rows = [row.partition("\t")[2].partition("\t")[2] for row in window.log.text.toPlainText().splitlines()]
    assert len(rows) == 2
    shown = [item for item in bench.texts(window) if "\t" not in item or "00:00:05" not in item]
    lines = [line for item in (*shown, *rows, window.windowTitle()) for line in item.split("\n")]
    assert [line for line in lines if any(unicodedata.category(c) in ALIVE for c in line)] == []
    assert [part.text() for part in window.findChildren(QAbstractButton) if text in part.text()] == []
    assert window.stop.isVisible()


def test_X16_a_megabyte_from_an_instrument_does_not_hold_the_window_up(bench: Bench) -> None:
    window = bench.open()
    long = "<b>x" * 250_000
    bench.hear(window, hostile_state(long), event("note", 5, long))

    assert max(len(item) for item in bench.texts(window)) < 3 * MAX_SHOWN
    assert window.stop.isVisible()


def hostile_state(text: str) -> object:
    return state(
        session_id=text,
        subject=text,
        plan_name=text,
        phase="holding",
        phase_text=text,
        pumps=(pump(name=text, model=text, drug=text),),
        channels=(channel(text, text, instrument=text),),
        alarms=(alarm(what=text, so_what=text, do_what=text, instrument=text),),
        steps=(step(1, "operator", text, 0.0, state="running", started_ns=STARTED_NS),),
    )


def test_R04_the_window_has_no_field_in_which_a_number_could_be_typed(bench: Bench) -> None:
    from PyQt6.QtWidgets import QAbstractSpinBox, QDial, QLineEdit, QSlider  # noqa: PLC0415 - only where Qt is

    from gui.widgets.notes import NameBox, NoteBox  # noqa: PLC0415 - the same

    window = bench.open()
    bench.hear(window, state())
    for kind in (QAbstractSpinBox, QDial, QSlider):
        assert window.findChildren(kind) == []
    assert {type(field) for field in window.findChildren(QLineEdit)} == {NameBox, NoteBox}
    name = window.controls.unattended_by
    bench.type(name, "12 mg")
    assert name.text() == " mg"
