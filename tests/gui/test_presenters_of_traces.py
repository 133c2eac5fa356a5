"""What the screen says of notes, the log and the traces: lines of text, shading, units, flags, axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.capabilities import SampleFlag
from gui.presenters import heads, traces
from gui.presenters.log import FILTERS, log_line, passes
from gui.presenters.moments import moments
from tests.gui.fakes import EVIL, STARTED_NS, S, channel, event, state, step

NOW = STARTED_NS + 1800 * S

# -- log and moments -----------------------------------------------------------------------------------------------


def test_a_note_stands_at_the_time_its_box_was_opened() -> None:
    note = event("note", 700, "moved", opened_ns=STARTED_NS + 690 * S)

    assert log_line(note, STARTED_NS).when == "00:11:30"
    assert moments(state(), [note], NOW).labels == ((690.0, "✎ moved"),)


def test_a_log_line_is_one_line_of_plain_text() -> None:
    line = log_line(event("system", 1, f"{EVIL}\nsecond\x07"), STARTED_NS)
    assert line.text == f"{EVIL} ⏎ second\\x07"


def test_a_line_names_its_instrument_once() -> None:
    started = event("pump", 1, "Started: infusing").model_copy(update={"source": "ket"})
    named = event("pump", 1, "ket has started").model_copy(update={"source": "ket"})
    assert log_line(started, STARTED_NS).text == "ket: Started: infusing"
    assert log_line(named, STARTED_NS).text == "ket has started"


def test_filters_let_their_kinds_through_and_everything_means_everything() -> None:
    wire, alarm_event = event("wire", 0, "x"), event("alarm", 0, "x")
    assert [name for name in FILTERS if passes(wire, name)] == ["Everything"]
    assert passes(alarm_event, "Trouble")
    assert not passes(alarm_event, "Notes and marks")


def test_infusions_are_shaded_where_they_really_ran() -> None:
    steps = (
        step(
            1, "infuse", "a", 60, pump="ket", state="done", started_ns=STARTED_NS + 10 * S, ended_ns=STARTED_NS + 50 * S
        ),
        step(2, "infuse", "b", 600, pump="ket", state="running", started_ns=NOW - 5 * S),
        step(3, "infuse", "c", 600, pump="ket"),
    )
    assert moments(state(steps=steps), [], NOW).infusions_s == ((10.0, 50.0, 0), (1795.0, 1800.0, 0))


# -- traces --------------------------------------------------------------------------------------------------------


def test_the_flag_bits_are_those_of_the_drivers() -> None:
    for name in ("TIMING", "OVERLOAD", "UNDERLOAD", "NEAR_LIMIT", "NOT_A_NUMBER", "OTHER_RANGE"):
        assert getattr(heads, f"FLAG_{name}") == SampleFlag[name].value


def test_the_unit_follows_the_size_of_the_current() -> None:
    units = [traces.axis_unit(channel(), "current", a).text for a in (0.0, 9e-10, 1.2e-9, 3e-6, 5e-3)]
    assert units == ["pA", "pA", "nA", "µA", "mA"]


def test_a_micromolar_axis_is_called_apparent_and_only_offered_with_a_sensitivity() -> None:
    with_slope, without = channel(), channel("sentinel", "sentinel")
    unit = traces.axis_unit(with_slope, "apparent", 1e-10)

    assert unit.text == "apparent µM"
    assert unit.per_a * 7e-12 == pytest.approx(1.0)
    assert traces.axis_unit(without, "apparent", 1e-10).text == "pA"
    head = heads.channel_head(without, traces.axis_unit(without, "apparent", 1e-10), "apparent", old=False)
    assert (head.unit, head.remark) == ("pA", "no sensitivity")
    small = channel(last_current_a=2e-13)
    head = heads.channel_head(small, traces.axis_unit(small, "current", 3e-9), "current", old=False)
    assert (head.value, head.unit, head.remark) == ("0.200", "pA", "axis in nA")


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"flags": 2}, "▲ OVERLOAD"),
        ({"flags": 8 | 2}, "▲ OVERLOAD"),
        ({"flags": 16}, "✕ NO VALUE"),
        ({"flags": 8}, "▲ near limit"),
        ({"link": "lost", "flags": 2}, "✕ LINE LOST"),
        ({}, ""),
    ],
)
def test_saturation_and_a_lost_line_stand_beside_the_trace(changes: dict[str, Any], flag: str) -> None:
    shown = channel(**changes)
    assert heads.channel_head(shown, traces.axis_unit(shown, "current", 1e-10), "current", old=False).flag == flag


@pytest.mark.parametrize(
    ("changes", "old"),
    [
        ({"last_current_a": None}, False),
        ({"link": "lost"}, False),
        ({"last_current_a": float("nan")}, False),
        ({}, True),
    ],
)
def test_no_value_is_shown_as_present_that_is_not(changes: dict[str, Any], old: bool) -> None:
    shown = channel(**changes)
    assert heads.channel_head(shown, traces.axis_unit(shown, "current", 1e-10), "current", old=old).value == "–"


def test_a_live_view_follows_and_a_frozen_one_stands() -> None:
    live = traces.TimeView(60.0)
    frozen = live.frozen(100.0)

    assert live.span(100.0) == (40.0, 100.0)
    assert frozen.span(500.0) == (40.0, 100.0)
    assert frozen.moved(-0.5, 500.0).span(500.0) == (10.0, 70.0)
    assert frozen.moved(100.0, 500.0).live
    assert traces.TimeView(None).span(500.0) == (0.0, 500.0)
    assert live.span(5.0) == (0.0, 60.0)  # a young session begins at the left


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-6, 1e6))
def test_value_ticks_lie_inside_and_are_few(low: float, span: float) -> None:
    ticks = traces.value_ticks(low, low + span)
    assert len(ticks) <= 8
    assert all(low - 1e-9 * abs(low) - 1e-12 <= at <= low + span + 1e-9 * abs(low + span) for at, _text in ticks)


@given(start=st.floats(0, 1e5), span=st.floats(1, 1e5), most=st.integers(2, 12))
def test_time_ticks_lie_inside_and_are_not_more_than_fit(start: float, span: float, most: int) -> None:
    ticks = traces.time_ticks(start, start + span, most)
    assert len(ticks) <= most + 1
    assert all(start - 1e-9 <= at <= start + span + 1e-9 for at, _text in ticks)


def test_the_y_axis_does_not_zoom_into_noise_and_does_not_jump() -> None:
    low, high = traces.value_range(100.0, 100.1, 1.0)
    assert high - low == pytest.approx(1.2)
    assert traces.steadied((0.0, 10.0), (1.0, 9.0)) == (0.0, 10.0)
    assert traces.steadied((0.0, 10.0), (4.0, 5.0)) == (4.0, 5.0)
    assert traces.steadied((0.0, 10.0), (4.0, 11.0)) == (4.0, 11.0)
    assert traces.value_range(float("nan"), float("nan"), 1.0) == (-1.0, 1.0)


def test_a_trimmed_axis_leaves_out_a_settling_electrode_and_says_so() -> None:
    settled = np.concatenate(([1e3, 5e2], np.linspace(1.0, 2.0, 998), [np.nan]))

    assert traces.fitted(settled, trimmed=False) == (1.0, 1e3, False)
    low, high, cut_off = traces.fitted(settled, trimmed=True)

    assert low == 1.0
    assert high < 3.0
    assert cut_off
    head = heads.channel_head(
        channel(), traces.axis_unit(channel(), "current", 0.0), "current", old=False, cut_off=True
    )
    assert head.flag == "↕ beyond the axis"
    assert traces.fitted(np.linspace(1.0, 2.0, 50), trimmed=True) == (1.0, 2.0, False)
