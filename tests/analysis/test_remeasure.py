"""A recording measured with settings of one's own: the same numbers as its report, a table, and what cannot be."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from acquisition.books.annotations import annotate
from acquisition.safe_csv import csv_text
from amperfuse.cli import app
from analysis.effect import EffectWindows
from analysis.measuring import CHOICES, Measuring, read_measuring, read_stretch, stretch_text
from analysis.remeasure import remeasure, table
from analysis.report.findings import find
from analysis.report.words import doubts, sections
from analysis.responses.windows import ResponseWindow
from analysis.review import Recording
from analysis.site_trace import site_traces, sites
from drivers.capabilities import SampleFlag
from tests.analysis.halved_kit import ARRIVED_MIN, recording
from tests.analysis.session_kit import write_session

OWN = Measuring(
    "stat.glu",
    "stat.null",
    ResponseWindow(baseline_s=(-20.0, -1.0), search_s=(0.0, 10.0), until_s=45.0),
    0.5,
    EffectWindows((-1500.0, 0.0), (300.0, 2400.0)),
)
TYPED = {
    "channel": "stat.glu", "sentinel": "", "baseline": "-10..0", "search": "0..15", "until": "60", "direction": "up",
    "smoothing": "1", "before": "-30..0", "after": "10..30",
}  # fmt: skip


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return recording(tmp_path_factory.mktemp("halved"))


def test_a_report_with_the_same_settings_has_the_same_numbers(halved: Recording) -> None:
    mine = remeasure(halved, "KCl", "drug", OWN)
    (theirs,) = find(halved, "KCl", "drug", OWN).pairs
    assert theirs.responses is not None
    assert np.array_equal(mine.responses.amplitude_um, theirs.responses.amplitude_um)
    assert np.array_equal([shape.amplitude for shape in mine.shapes], theirs.responses.picked_um)
    assert mine.effects == theirs.effects
    assert mine.tonic == theirs.tonic
    assert mine.arrived_s == pytest.approx(ARRIVED_MIN * 60, abs=1)


def test_the_chosen_windows_stand_first_and_the_usual_ones_beside_them(halved: Recording) -> None:
    mine = remeasure(halved, "KCl", "drug", OWN)
    assert mine.effect is not None
    assert mine.effect.value == pytest.approx(0.5, abs=0.05)
    assert (mine.effect.n_before, mine.effect.n_after) == (5, 7)
    windows = list(dict.fromkeys(label for _way, label in mine.effects))
    assert windows == ["5 to 40 min after arrival, before: -25 to 0 min", *CHOICES]
    ways = list(dict.fromkeys(way for way, _label in mine.effects))
    assert ways == ["template fit", "picked", "picked, mean of 3 s"]


def test_what_was_chosen_is_in_the_report(halved: Recording) -> None:
    told = {section.title: section.rows for section in sections(halved, find(halved, "KCl", "drug", OWN))}
    assert "Tonic level, 5 to 40 min after arrival, before: -25 to 0 min" in told
    how = {row[0]: row[1] for row in told["How it was measured"]}
    assert how["sentinel of stat.glu"] == "stat.null"
    assert how["baseline of a response"] == "-20 to -1 s after the stimulus"
    assert how["mean before picking"] == "0.5 s, centred"
    assert how["before and after"] == "5 to 40 min after arrival, before: -25 to 0 min"


def test_without_a_sentinel_the_common_wave_stays_in_and_that_is_said(halved: Recording) -> None:
    alone = replace(OWN, sentinel="none")
    mine = remeasure(halved, "KCl", "drug", alone)
    assert mine.matched is None
    with_sentinel = remeasure(halved, "KCl", "drug", OWN)
    assert np.nanstd(mine.trace[1]) > 3 * np.nanstd(with_sentinel.trace[1])
    assert any("no sentinel was taken off" in one for one in doubts(halved, find(halved, "KCl", "drug", alone)))


def test_a_site_without_a_calibration_is_measured_in_nanoamperes(halved: Recording) -> None:
    backwards = Measuring("stat.null", "stat.glu", ResponseWindow(direction="down"))
    mine = remeasure(halved, "KCl", "drug", backwards)
    assert mine.unit == "nA"
    early = mine.responses.onset_s < ARRIVED_MIN * 60
    assert np.mean(mine.responses.amplitude_um[early]) == pytest.approx(-2.0 * 7e-3, rel=0.05)
    heads = next(iter(table(mine, halved)))
    assert "fitted_nA" in heads


def test_a_blanked_stretch_is_left_out_here_too(tmp_path: Path) -> None:
    annotate(tmp_path, "cable", "Ada", 1, start_s=440.0, end_s=470.0, channel="stat.null", blank=True)
    mine = remeasure(recording(tmp_path), "KCl", "", OWN)
    assert np.flatnonzero(np.isnan(mine.responses.amplitude_um)).tolist() == [1]
    assert mine.effects == {}
    assert not mine.is_after.any()


@pytest.mark.parametrize(("channel", "sentinel"), [("stat.null", "stat.glu"), ("stat.glu", "stat.null")])
def test_overloaded_samples_and_blanks_of_either_site_are_no_measurement(
    tmp_path: Path, channel: str, sentinel: str
) -> None:
    annotate(tmp_path, "cable", "Ada", 1, start_s=440.0, end_s=470.0, channel="stat.glu", blank=True)
    made = recording(tmp_path)
    stream = made.data.streams["stat"]
    flags = stream.flags.copy()
    flags[100, 1], flags[200, 0], flags[300, 0] = SampleFlag.OVERLOAD, SampleFlag.NOT_A_NUMBER, SampleFlag.TIMING
    here = Recording(tmp_path, replace(made.data, streams={"stat": replace(stream, flags=flags)}))
    (site,) = sites(here, Measuring(channel, sentinel))
    t_s, values = next(iter(site_traces(here, site).values()))
    blanked = np.flatnonzero((t_s >= 440.0) & (t_s <= 470.0))
    assert np.flatnonzero(np.isnan(values)).tolist() == [100, 200, *blanked.tolist()]


def test_the_average_has_the_size_of_the_responses_and_their_spread(halved: Recording) -> None:
    mine = remeasure(halved, "KCl", "drug", OWN)
    before, spread = mine.mean_and_sd(~mine.is_after)
    after, _spread = mine.mean_and_sd(mine.is_after)
    assert before.max() == pytest.approx(2.0, abs=0.2)
    assert after.max() == pytest.approx(1.0, abs=0.2)
    assert 0.0 < np.median(spread) < 0.3
    nothing = mine.mean_and_sd(np.zeros(len(mine.shapes), bool))
    assert np.isnan(nothing[0]).all()
    two = replace(mine, above=np.array([[1.0, np.nan], [3.0, 5.0]])).mean_and_sd(np.array([True, True]))
    assert two[0].tolist() == [2.0, 5.0]
    assert two[1][0] == pytest.approx(np.sqrt(2.0))
    assert np.isnan(two[1][1])


def test_the_table_tells_in_every_row_what_it_is_and_how_it_was_measured(halved: Recording) -> None:
    mine = remeasure(halved, "KCl", "drug", OWN)
    rows = list(csv.DictReader(io.StringIO(csv_text(table(mine, halved)))))
    assert len(rows) == len(mine.shapes)
    assert {row["origin"] for row in rows} == {"SIMULATED"}
    assert {(row["baseline_from_s"], row["search_to_s"], row["smoothing_s"]) for row in rows} == {
        ("-20.0", "10.0", "0.5")
    }
    assert {row["sentinel"] for row in rows} == {"stat.null"}
    assert float(rows[0]["fitted_uM"]) == mine.responses.amplitude_um[0]
    assert float(rows[3]["picked_uM"]) == mine.shapes[3].amplitude
    assert [row["after_arrival"] for row in rows] == ["no"] * 10 + ["yes"] * 10


@pytest.mark.parametrize(
    ("stimulus", "drug", "measuring", "why"),
    [
        ("KCl", "drug", Measuring(), "choose a site"),
        ("KCl", "drug", Measuring("stat.gone"), 'no channel "stat.gone"'),
        ("KCl", "drug", Measuring("stat.glu", "other.null"), "not sampled together"),
        ("KCl", "drug", Measuring("stat.null"), "0 sentinels"),
        ("light", "drug", Measuring("stat.glu"), "no mark 'light'"),
        ("KCl", "gone", Measuring("stat.glu"), "no pump 'gone'"),
    ],
)
def test_what_is_not_in_the_recording_is_refused(
    halved: Recording, stimulus: str, drug: str, measuring: Measuring, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        remeasure(halved, stimulus, drug, measuring)


def test_settings_are_read_as_they_are_written() -> None:
    assert read_measuring(**TYPED) == Measuring("stat.glu")
    assert read_stretch(stretch_text((-12.5, 0.25))) == (-12.5, 0.25)
    assert read_stretch(" −10 .. +5 ", 60.0) == (-600.0, 300.0)


@pytest.mark.parametrize(
    ("name", "typed", "why"),
    [
        ("baseline", "soon", "no stretch"),
        ("baseline", "-10..20", "begins and ends before the search window"),
        ("search", "15..0", "begins and ends before"),
        ("until", "nan", "is a number"),
        ("smoothing", "11", "between 0 and 10 s"),
        ("smoothing", "-1", "between 0 and 10 s"),
        ("direction", "sideways", "up, down or either"),
        ("after", "-5..10", "must end before"),
        ("channel", "", "name the channel too"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_a_sentence(name: str, typed: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_measuring(**{**TYPED, "sentinel": "stat.null", name: typed})


@pytest.mark.parametrize(
    "words", [["--channel", "gone"], ["--after", "x"], ["--sentinel", "stat.null"], ["--search", "5..1"]]
)
def test_the_report_command_refuses_settings_that_cannot_be_and_writes_nothing(
    tmp_path: Path, words: list[str]
) -> None:
    write_session(tmp_path)
    done = CliRunner().invoke(app, ["report", str(tmp_path), *words])
    assert done.exit_code == 2
    assert "Nothing was written" in done.output
    assert not (tmp_path / "report.html").exists()
