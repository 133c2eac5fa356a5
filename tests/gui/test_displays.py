"""What a channel can be shown as, and that the screen says which, with which gain, how late and how sure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from acquisition.messages import ChannelView
from acquisition.signal.baseline import OVER_S
from acquisition.signal.derived import Recipe
from acquisition.signal.filters import FILTERS, NONE
from acquisition.signal.self_reference import Match
from gui.derived_trace import Present
from gui.presenters import displays, heads, traces
from gui.presenters.displays import Display, Look, display
from tests.gui.fakes import channel

NAN = float("nan")
CALIBRATED: dict[str, Any] = {
    "sentinel": "sentinel",
    "sentinel_gain": 1.18,
    "slope_low_a_per_um": 6.8e-12,
    "slope_high_a_per_um": 7.2e-12,
    "interval_s": 0.1,
}
GLU, SENTINEL = channel(**CALIBRATED), channel("sentinel", "sentinel", interval_s=0.1)
PAIR = (GLU, SENTINEL)


MEASURED, DELTA, MINUS, MINUS_DELTA = Look(), Look("", True), Look("sentinel"), Look("sentinel", True)  # noqa: FBT003


def shown(one: ChannelView, look: Look, filter_name: str = "none", beside: tuple[ChannelView, ...] = PAIR) -> Display:
    return display(one, beside, look, filter_name)


def head(one: ChannelView, what: Display, present: Present, scale: traces.Scale = "current") -> heads.ChannelHead:
    unit = traces.axis_unit(one, scale, abs(present.current_a), delta=what.delta)
    return heads.channel_head(one, unit, scale, old=False, display=what, present=present)


def test_a_calibrated_gain_is_used_and_named() -> None:
    found = shown(GLU, MINUS)
    assert (found.recipe, found.sentinel) == (Recipe(gain=1.18), "sentinel")
    assert (found.button, found.taken_off) == ("−1.18 × sentinel", "calibrated gain")
    assert "the gain is that of the calibration" in found.detail


def test_without_a_calibrated_gain_the_raw_difference_is_called_raw() -> None:
    bare = channel(interval_s=0.1)
    found = shown(bare, MINUS_DELTA, beside=(bare, SENTINEL))
    assert found.recipe == Recipe(gain=1.0, baseline_s=OVER_S)
    assert (found.button, found.taken_off) == ("Δ −1 × sentinel", "raw gain")
    assert "raw difference" in found.detail
    assert head(bare, found, Present(1e-12)).role.startswith("raw gain · glutamate")


@pytest.mark.parametrize("beside", [(GLU,), (GLU, channel("sentinel", "sentinel", instrument="other"))])
def test_without_a_sentinel_on_the_same_instrument_none_is_taken_off(beside: tuple[ChannelView, ...]) -> None:
    assert displays.sentinels_of(GLU, beside) == ()
    assert shown(GLU, MINUS_DELTA, beside=beside).recipe == Recipe(baseline_s=OVER_S)
    assert displays.next_look(DELTA, GLU, beside) == MEASURED


def test_of_several_sentinels_one_is_chosen_and_named_and_the_calibrated_gain_is_that_of_the_rigs() -> None:
    array = (*PAIR, channel("sentinel-2", "sentinel", interval_s=0.1))
    first, second = shown(GLU, MINUS, beside=array), shown(GLU, Look("sentinel-2"), beside=array)
    assert (first.sentinel, first.recipe.gain, first.taken_off) == ("sentinel", 1.18, "calibrated gain, sentinel")
    assert (second.sentinel, second.recipe.gain, second.taken_off) == ("sentinel-2", 1.0, "raw gain, sentinel-2")
    assert displays.next_look(MINUS_DELTA, GLU, array) == Look("sentinel-2")
    other = GLU.model_copy(update={"sentinel": "sentinel-2"})
    assert displays.sentinels_of(other, array) == ("sentinel-2", "sentinel")
    assert shown(other, Look("sentinel-2"), beside=array).recipe.gain == 1.18
    assert shown(other, MINUS, beside=array).recipe.gain == 1.0


def test_a_click_goes_through_the_looks_that_a_channel_has() -> None:
    looks = [MEASURED]
    for _click in range(4):
        looks.append(displays.next_look(looks[-1], GLU, PAIR))
    assert looks == [MEASURED, DELTA, MINUS, MINUS_DELTA, MEASURED]
    assert displays.next_look(DELTA, SENTINEL, PAIR) == MEASURED


def test_filters_that_no_channel_has_samples_for_are_passed_over() -> None:
    slow, fast = (channel(interval_s=1.0),), (channel(interval_s=0.001),)
    assert displays.next_filter("none", fast) == "mains"
    assert displays.next_filter("none", PAIR) == "glitches"
    assert displays.next_filter("none", slow) == "mean 5 s"
    assert displays.next_filter("mains", slow) == "none"
    assert displays.next_filter("none", ()) == "none"


def test_the_delay_is_said_for_all_channels_at_once() -> None:
    ten_hz, kilohertz, one_hz = (channel(interval_s=s) for s in (0.1, 0.001, 1.0))

    def said(*channels: ChannelView) -> str:
        return displays.filter_text("mean 1 s", [shown(one, MEASURED, "mean 1 s") for one in channels])

    assert said(ten_hz) == "shown 0.45 s late"
    assert said(ten_hz, kilohertz) == "shown 0.45 to 0.5 s late"
    assert said(ten_hz, one_hz) == "shown 0.45 s late, not all"
    assert said(one_hz) == "does nothing here: too few samples"
    assert displays.filter_text("none", [shown(ten_hz, MEASURED)]) == ""


def test_a_channel_that_cannot_be_filtered_stays_as_measured_and_says_why() -> None:
    slow = channel(interval_s=1.0)
    found = shown(slow, MEASURED, "mean 1 s")
    assert found.recipe.filter == NONE
    assert (
        "not filtered"
        in heads.channel_head(slow, traces.axis_unit(slow, "current", 0.0), "current", old=False, display=found).remark
    )
    assert "too few samples" in found.detail
    assert shown(GLU, MEASURED, "mean 1 s").recipe.filter == FILTERS["mean 1 s"]


def test_an_engine_that_does_not_say_how_far_samples_lie_apart_gets_no_filter() -> None:
    assert shown(channel(interval_s=None), MINUS_DELTA, "mean 1 s") == displays.MEASURED


# -- beside the trace ------------------------------------------------------------------------------------------------


def test_a_delta_has_a_sign_and_the_baseline_it_is_from() -> None:
    text = head(GLU, shown(GLU, DELTA), Present(2.1e-12, 1.07e-10))
    assert (text.value, text.unit, text.remark) == ("+2.10", "pA", "from 107.0 pA")
    text = head(GLU, shown(GLU, DELTA), Present(-2.1e-12, 1.07e-10), "apparent")
    assert (text.value, text.unit) == ("−0.300", "µM")
    assert text.remark == "±0.009 · from 15.29 µM"
    assert "median of the last 10 min" in text.detail


def test_before_there_is_a_baseline_there_is_no_delta() -> None:
    text = head(GLU, shown(GLU, DELTA), Present())
    assert (text.value, text.remark) == ("–", "baseline not known yet")


def test_a_concentration_has_the_band_of_its_slope_and_a_bare_slope_has_none() -> None:
    text = head(GLU, shown(GLU, MINUS), Present(1.4e-10), "apparent")
    assert (text.value, text.unit, text.remark) == ("20.00", "µM", "apparent · ±0.59")
    assert "95 % interval of the calibration's slope" in text.detail
    assert head(GLU, shown(GLU, MINUS), Present(1.4e-10)).remark == ""
    bare = channel(interval_s=0.1)
    assert head(bare, shown(bare, MEASURED), Present(1.4e-10), "apparent").remark == "apparent"
    broken = channel(**{**CALIBRATED, "slope_low_a_per_um": -1e-12})
    assert head(broken, shown(broken, MEASURED), Present(1.4e-10), "apparent").remark == "apparent"


MATCHED = Match(0.05, 1.2, 0.02, 2.1e-12, matched=True)
MISMATCHED = Match(0.83, 1.18, 0.02, 2.1e-12, matched=False)
UNKNOWN = Match(NAN, NAN, NAN, NAN, matched=None)


@pytest.mark.parametrize(
    ("match", "flag", "tone", "sentence"),
    [
        (MATCHED, "sentinel matches", "dim", "is taken off (correlation of what is left with the sentinel 0.05)"),
        (MISMATCHED, "▲ no match to sentinel", "warn", "together they show a gain of 1.18 ± 0.02"),
        (UNKNOWN, "match not known yet", "dim", "too little has moved both sites"),
    ],
)
def test_the_match_is_said_in_words_with_its_numbers_in_the_tooltip(
    match: Match, flag: str, tone: str, sentence: str
) -> None:
    text = head(GLU, shown(GLU, MINUS), Present(1e-12, match=match))
    assert (text.flag, text.flag_tone) == (flag, tone)
    assert sentence in text.detail
    assert ("Noise of the difference: 2.1 pA." in text.detail) is (match is not UNKNOWN)


def test_what_the_instrument_says_goes_before_the_match_and_a_mismatch_before_the_axis() -> None:
    what, present = shown(GLU, MINUS), Present(1e-12, match=MISMATCHED)
    loud = GLU.model_copy(update={"flags": heads.FLAG_OVERLOAD})
    unit = traces.axis_unit(GLU, "current", 0.0)
    flags = [
        heads.channel_head(one, unit, "current", old=False, cut_off=True, display=what, present=present).flag
        for one in (loud, GLU)
    ]
    assert flags == ["▲ OVERLOAD", "▲ no match to sentinel"]
    matched = Present(1e-12, match=MATCHED)
    text = heads.channel_head(GLU, unit, "current", old=False, cut_off=True, display=what, present=matched)
    assert text.flag == "↕ beyond the axis"


def test_old_values_have_neither_a_value_nor_a_match() -> None:
    unit = traces.axis_unit(GLU, "current", 0.0)
    text = heads.channel_head(
        GLU, unit, "current", old=True, display=shown(GLU, MINUS_DELTA), present=Present(1e-12, 1e-10, MATCHED)
    )
    assert (text.value, text.flag, text.remark) == ("–", "", "")


def test_a_derived_value_is_not_shown_while_the_line_is_lost() -> None:
    lost = GLU.model_copy(update={"link": "lost"})
    assert head(lost, shown(GLU, MINUS), Present(1e-12)).value == "–"


def test_the_band_lies_around_the_trace_and_has_its_holes() -> None:
    current_a = np.array([7e-11, 8e-11, NAN, 7e-11, 7e-11])
    edges = displays.band_um(current_a, GLU)
    assert edges is not None
    lower, upper = edges
    assert lower == pytest.approx([70 / 7.2, NAN, NAN, 70 / 7.2], nan_ok=True)
    assert upper == pytest.approx([80 / 6.8, NAN, NAN, 70 / 6.8], nan_ok=True)
    assert displays.band_um(current_a, channel(interval_s=0.1)) is None
    assert displays.band_um(current_a, channel("sentinel", "sentinel", slope_low_a_per_um=1e-12)) is None
