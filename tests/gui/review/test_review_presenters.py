"""What the window of a recording shows, without Qt: stretches of time, lines, gaps, flags, tracks, drafts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acquisition.books.annotations import annotate, read_annotations
from acquisition.events import EventKind
from acquisition.signal.filters import FILTERS, FilterSpec
from analysis.review import Recording, open_recording
from gui.presenters.review.annotations import annotation_lines, read_draft, read_withdrawal
from gui.presenters.review.head import head
from gui.presenters.review.lines import EVERY_SAMPLE_UP_TO, FED, TraceLine, flagged_runs, lines
from gui.presenters.review.shown import channel_texts, flag_bars, pump_texts
from gui.presenters.review.tracks import added_bars, next_moment, tracks
from gui.presenters.review.view import clock, fine_ticks, read_clock, settled, whole_view
from gui.presenters.traces import AxisUnit
from tests.analysis.session_kit import END_S, GAP, START_S, write_session
from tests.importing.kit import brought, rows

HOUR = whole_view(3600.0)
PICO = AxisUnit("pA", 1e12, 1.0)


# -- time --------------------------------------------------------------------------------------------------------------


def test_zooming_keeps_what_is_under_the_pointer_where_it_is() -> None:
    near = HOUR.at(1000, 2000).zoomed(0.5, 1250.0)
    assert (near.left_s, near.right_s) == (1125.0, 1625.0)


def test_a_view_never_leaves_the_recording_and_keeps_its_length_at_the_edge() -> None:
    assert HOUR.at(3000, 4000) == HOUR.at(2600, 3600)
    assert HOUR.at(1000, 1100).moved(-100.0) == HOUR.at(0, 100)
    assert HOUR.zoomed(9.0) == HOUR
    assert HOUR.zoomed(1e-9).width_s == pytest.approx(0.1)


def test_a_stretch_that_is_looked_at_is_seen_whole() -> None:
    shown = HOUR.at(0, 10).showing(1000.0, 1100.0)
    assert shown.left_s < 1000.0
    assert shown.right_s > 1100.0


@pytest.mark.parametrize(
    ("text", "seconds"), [("12", 12.0), ("3723.5", 3723.5), ("62:03,5", 3723.5), (" 1:02:03.50 ", 3723.5)]
)
def test_times_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert read_clock(text) == seconds
    assert read_clock(clock(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "-3", "1:2:3:4", "1:75", "1:75:00", "1e3", "nan"])
def test_a_time_that_is_none_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        read_clock(text)


def test_ticks_go_down_to_hundredths_of_a_second() -> None:
    assert fine_ticks(60.0, 60.1, 6)[:2] == [(60.0, "00:01:00.00"), (60.02, "00:01:00.02")]
    assert fine_ticks(0.0, 7200.0, 6)[1] == (1800.0, "00:30:00")


def test_settling_electrodes_do_not_set_the_scale_of_a_whole_recording() -> None:
    t_s = np.arange(0.0, 3600.0, 10.0)
    assert settled(t_s, t_s, HOUR).min() == 600.0
    assert settled(t_s, t_s, HOUR.at(0, 900)).min() == 0.0


# -- lines -------------------------------------------------------------------------------------------------------------


def test_every_sample_is_drawn_when_zoomed_in_and_no_peak_is_lost_when_not(recorded: Path) -> None:
    recording = open_recording(recorded)
    shown = lines(recording).channels[0]
    raw = recording.channels["stat.glu"]
    t_s, value = shown.line.line(100.0, 130.0, 800)
    inside = (raw.t_s >= 100.0) & (raw.t_s <= 130.0)
    assert np.isin(raw.current_a[inside], value).all()
    t_s, value = shown.line.line(0.0, 2400.0, 200)
    assert len(t_s) <= 4 * EVERY_SAMPLE_UP_TO * 200
    assert np.nanmax(value) == raw.current_a.max()
    assert np.nanmin(value) == raw.current_a.min()


@pytest.mark.parametrize("pixels", [50, 5000])
def test_a_gap_is_a_gap_at_every_zoom(recorded: Path, pixels: int) -> None:
    shown = lines(open_recording(recorded)).channels[0]
    t_s, value = shown.line.line(800.0, 1000.0, pixels)
    hole = np.isnan(value)
    assert hole.any()
    inside = (t_s > GAP[0] / 10) & (t_s < GAP[1] / 10 - 0.01)
    assert not inside.any(), "nothing is drawn where nothing was measured"
    assert (np.diff(shown.line.t_s) > 0).all()


def test_a_long_line_keeps_its_extremes_though_the_pyramid_does_not_keep_its_samples() -> None:
    value = np.zeros(20 * FED)
    value[123_456] = 5.0
    line = TraceLine(np.arange(len(value), dtype=float), value)
    assert line.line(0.0, len(value), 300)[1].max() == 5.0
    assert line.line(123_400.0, 123_500.0, 300)[1].max() == 5.0


def test_a_filtered_line_lies_on_the_samples_and_is_parted_where_they_are(recorded: Path) -> None:
    value = np.array([0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0, np.nan, 5.0, 5.0])
    line = TraceLine(np.arange(10.0), value).filtered(FilterSpec("mean", 3.0), 1.0)
    assert dict(zip(line.t_s.tolist(), line.value.tolist(), strict=True))[3.0] == 3.0
    assert line.t_s[np.nanargmax(line.value[:7])] == 2.0  # from one sample before the peak to one after
    assert np.isnan(line.value[7])
    assert line.value[8:].tolist() == [5.0, 5.0]
    shown = lines(open_recording(recorded)).channels[0]
    assert shown.smoothed(FILTERS["none"]) is None
    assert shown.smoothed(FilterSpec("mean", 0.1)) is None, "a mean of one sample is none"
    assert shown.smoothed(FILTERS["mean 5 s"]) is shown.smoothed(FILTERS["mean 5 s"])


def test_flagged_samples_are_runs_and_runs_that_touch_are_one_bar() -> None:
    flags = np.array([0, 2, 2, 0, 8, 2, 0], np.uint8)
    runs = flagged_runs(np.arange(7.0), flags)
    assert [(run.start_s, run.end_s, run.flags) for run in runs] == [(1, 2, 2), (4, 4, 8), (5, 5, 2)]
    assert flag_bars(runs, 0.0, 7.0, 0.5) == {"alarm": [1.0, 2.0, 5.0, 5.5], "warn": [4.0, 4.5]}
    assert flag_bars(runs, 0.0, 7.0, 4.0) == {"alarm": [1.0, 9.0], "warn": [4.0, 8.0]}
    assert flag_bars(runs, 3.0, 4.5, 0.5) == {"warn": [4.0, 4.5]}


def test_beside_a_trace_stands_the_sample_under_the_pointer_or_that_there_is_none(recorded: Path) -> None:
    recording = open_recording(recorded)
    channel, pump = lines(recording).channels[0], lines(recording).pumps[0]
    there = channel_texts(channel, PICO, 100.0, cut_off=False)
    row = int(np.argmin(np.abs(recording.channels["stat.glu"].t_s - 100.0)))
    assert float(there.value) == pytest.approx(recording.channels["stat.glu"].current_a[row] * 1e12, abs=0.06)
    assert channel_texts(channel, PICO, 915.0, cut_off=False).remark == "no sample here"
    assert channel_texts(channel, PICO, None, cut_off=False).remark == "1 gap"
    assert pump_texts(pump, None).given == "in all 15.00 µL, 1.200 mg/kg"
    during = pump_texts(pump, START_S + 300.0)
    infusion = recording.infusions["drug"]
    held_ul = infusion.at_animal_ul[infusion.t_s <= START_S + 300.5][-1]
    assert pump_texts(pump, START_S + 300.5).given.startswith(f"so far {held_ul:.3f} µL")
    assert during.rate == "2.000"
    assert during.unit == "µL/min arriving"


# -- tracks ------------------------------------------------------------------------------------------------------------


def test_steps_marks_notes_alarms_and_gaps_are_on_the_track_in_order(recorded: Path) -> None:
    found = tracks(open_recording(recorded), 2400.0)
    assert [(one.kind, one.t_s) for one in found.moments] == [
        ("note", 700.0), ("gap", pytest.approx(899.9)), ("alarm", 900.0),
    ]  # fmt: skip
    assert found.moments[1].text == "stat: no samples for 30.1 s"
    assert "\x1b" not in found.moments[0].text
    assert found.infusions_s == ((START_S, END_S, 0),)
    assert [step.end_s for step in found.steps][-1] == 2400.0  # has not ended
    after = next_moment(found.moments, 700.0, back=False)
    assert after is found.moments[1]
    assert next_moment(found.moments, 700.0, back=True) is None


def test_an_alarm_is_on_the_track_once_not_again_when_it_ends(recorded: Path) -> None:
    recording = open_recording(recorded)
    ended = replace(recording.data.events[-1], t_ns=1000 * 10**9, data={"alarm": "gap", "change": "cleared"})
    assert ended.kind is EventKind.ALARM
    longer = Recording(recorded, replace(recording.data, events=(*recording.data.events, ended)))
    assert [one.t_s for one in tracks(longer, 2400.0).moments if one.kind == "alarm"] == [900.0]


def test_what_was_withdrawn_is_listed_and_no_longer_drawn(session: Path) -> None:
    annotate(session, "cable", "Ada", 1, start_s=10, end_s=12, blank=True)
    annotate(session, "it was a response", "Bo", 2, start_s=10, end_s=12, withdraws=1)
    annotate(session, "cage opened", "Ada", 3, start_s=50)
    found = read_annotations(session)
    assert [bar.number for bar in added_bars(found)] == [3]
    told = annotation_lines(found)
    assert [line.number for line in told] == [3, 2, 1]
    assert [line.stands for line in told] == [True, False, False]
    assert "WITHDRAWN by 2" in told[2].text
    assert "not measured" in told[2].text


def test_a_draft_says_what_is_missing() -> None:
    good = read_draft("1:00", "1:02.5", " cable ", " Ada ", "stat.glu", blank=True)
    assert (good.start_s, good.end_s, good.text, good.by, good.channel) == (60.0, 62.5, "cable", "Ada", "stat.glu")
    assert read_draft("60", "", "x", "Ada", "all channels", blank=False).channel == ""
    for bad, why in (
        (("", "", "x", "Ada", "", False), "is no time"),
        (("2:00", "1:00", "x", "Ada", "", False), "before the beginning"),
        (("1:00", "", "x", "Ada", "", True), "is a stretch"),
        (("1:00", "", " ", "Ada", "", False), "what there is to say"),
        (("1:00", "", "x", " ", "", False), "your name"),
    ):
        with pytest.raises(ValueError, match=why):
            read_draft(*bad[:5], blank=bad[5])


def test_only_what_stands_can_be_withdrawn(session: Path) -> None:
    annotate(session, "cable", "Ada", 1, start_s=10)
    annotate(session, "no", "Ada", 2, start_s=10, withdraws=1)
    told = annotation_lines(read_annotations(session))
    with pytest.raises(ValueError, match="is withdrawn"):
        read_withdrawal(told[1], "why", "Ada")
    with pytest.raises(ValueError, match="choose in the list"):
        read_withdrawal(None, "why", "Ada")


# -- head --------------------------------------------------------------------------------------------------------------


def test_the_head_says_what_a_reader_must_know_first(recorded: Path, tmp_path: Path) -> None:
    whole = head(open_recording(recorded), 2400.0)
    assert "SIMULATED" in whole.not_measured
    assert "SIMULATED" in whole.window
    assert whole.problem == ""
    write_session(tmp_path, simulated=False, close=False, name="x\x1b[2Jy")
    broken = head(open_recording(tmp_path), 2400.0)
    assert broken.not_measured == ""
    assert "amperfuse recover" in broken.problem
    assert "NOT CLOSED" in broken.about
    assert broken.name == "x\\x1b[2Jy"


def test_the_head_of_an_imported_recording_says_so_and_of_which_file(tmp_path: Path) -> None:
    brought(tmp_path, rows([0.0, 0.1]))
    told = head(open_recording(tmp_path / "session"), 0.1)
    assert told.not_measured == "IMPORTED · not recorded by this program: old.txt"
    assert told.window.startswith("IMPORTED · old days")
    assert "weight not given" in told.about
