"""A recording in a notebook: names, units and times; what people add stands beside it and is never overwritten."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import amperfuse
from acquisition.books.annotations import ANCHOR, NAME, annotate, blanks, read_annotations
from acquisition.books.chain import BookBroken
from amperfuse.cli import app
from analysis.channel_calibration import ChannelCalibration
from tests.analysis.session_kit import END_S, GAP, START_S, write_session

OLD = Path(__file__).parent / "data" / "before-calibrated-gain.journal"


@pytest.fixture
def session(tmp_path: Path) -> Path:
    write_session(tmp_path / "session")
    return tmp_path / "session"


def test_a_recording_gives_arrays_with_names_units_and_seconds(session: Path) -> None:
    recording = amperfuse.open_recording(session)
    glu = recording.channels["stat.glu"]
    assert list(recording.channels) == ["stat.glu", "stat.null"]
    assert recording.simulated
    assert glu.role == "glutamate"
    assert glu.t_s[0] == 0.0
    assert np.diff(glu.t_s).max() == pytest.approx((GAP[1] - GAP[0] + 1) / 10)
    assert glu.breaks.tolist() == [GAP[0] - 1]
    assert np.median(glu.glutamate_um()[:1000]) == pytest.approx(25, abs=0.1)
    assert recording.infusions["drug"].confirmed_ul[-1] == pytest.approx(20.0)
    assert recording.infusions["drug"].at_animal_ul[-1] == pytest.approx(15.0)
    drug = recording.steps[1]
    assert (drug.label, drug.start_s, drug.end_s, drug.state) == ("ketamine", START_S, END_S, "done")
    assert [one.kind for one in recording.happenings if one.kind == "alarm"] == ["alarm"]


def test_a_channel_without_a_sensitivity_stays_in_amperes(session: Path) -> None:
    with pytest.raises(ValueError, match="it stays in amperes"):
        amperfuse.open_recording(session).channels["stat.null"].glutamate_um()


def test_a_recording_from_before_gains_were_recorded_opens_and_has_none(tmp_path: Path) -> None:
    """Written by the program as it was before a plan held sentinel gain, interval and record of a calibration."""
    shutil.copy(OLD, tmp_path / "session.journal")
    glu = amperfuse.open_recording(tmp_path).channels["stat.glu"]
    assert "sentinel_gain" not in json.dumps(dict(amperfuse.open_recording(tmp_path).plan))
    assert glu.sensitivity_a_per_um == 7e-12
    assert glu.calibration == ChannelCalibration(probe="R2-0417", site="glu", calibrated_on="2025-12-30")
    assert (glu.calibration.gain("stat.null"), glu.calibration.name) == (1.0, "")
    assert "raw difference" in glu.calibration.gain_text("stat.null")
    assert len(glu.t_s) == 40


def test_an_open_recording_says_that_it_is_not_whole(tmp_path: Path) -> None:
    write_session(tmp_path, close=False)
    assert "recover" in amperfuse.open_recording(tmp_path).problem


def test_annotations_are_added_and_withdrawn_but_never_overwritten(session: Path) -> None:
    annotate(session, "spike of the cable", "Ada", 1, start_s=10, end_s=12, channel="stat.glu", blank=True)
    annotate(session, "the cage was opened", "Ada", 2, start_s=50)
    annotate(session, "no spike, it is a response", "Bo", 3, withdraws=1)
    found = amperfuse.open_recording(session).annotations
    assert [(one.number, one.by, one.text) for one in found] == [
        (1, "Ada", "spike of the cable"),
        (2, "Ada", "the cage was opened"),
        (3, "Bo", "no spike, it is a response"),
    ]
    assert blanks(found[:2], "stat.glu") == [(10.0, 12.0)]
    assert blanks(found[:2], "stat.null") == []
    assert blanks(found, "stat.glu") == []


@pytest.mark.parametrize("damage", ["changed", "cut"])
def test_an_annotation_that_was_changed_or_cut_off_is_found(session: Path, damage: str) -> None:
    for number in range(3):
        annotate(session, f"remark {number}", "Ada", number, start_s=number)
    lines = (session / NAME).read_bytes().splitlines(keepends=True)
    kept = lines[:2] if damage == "cut" else [lines[0].replace(b"remark 0", b"remark 9"), *lines[1:]]
    (session / NAME).write_bytes(b"".join(kept))
    assert (session / ANCHOR).exists()
    with pytest.raises(BookBroken):
        read_annotations(session)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"start_s": 5.0, "end_s": 4.0}, "ends at or after"),
        ({"start_s": float("nan")}, "finite"),
        ({"withdraws": 1}, "no annotation 1"),
    ],
)
def test_an_annotation_that_makes_no_sense_is_refused_and_nothing_added(
    session: Path, said: dict[str, float], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        annotate(session, "text", "Ada", 1, **said)  # type: ignore[arg-type]
    assert read_annotations(session) == ()


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "\x1b[2J", "x" * 2001])
def test_an_annotation_is_one_printable_line(session: Path, text: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        annotate(session, text, "Ada", 1)


def test_the_commands_export_and_annotate_tell_what_they_did(session: Path) -> None:
    run = CliRunner().invoke
    added = run(app, ["annotate", str(session), "--text", "cage opened", "--at", "12.5", "--by", "Ada"])
    assert (added.exit_code, added.output.strip()) == (0, "annotation 1 is added")
    wrong = run(app, ["annotate", str(session), "--text", "x", "--channel", "stat.nul"])
    assert wrong.exit_code == 2
    out = session.parent / "tables"
    done = run(app, ["export", str(session), "--to", "csv", "--out", str(out)])
    assert done.exit_code == 0
    assert "SIMULATED" in done.output
    assert (out / "annotations.csv").read_text(encoding="utf-8-sig").count("cage opened") == 1
    again = run(app, ["export", str(session), "--to", "csv", "--out", str(out)])
    assert again.exit_code == 2
    assert run(app, ["export", str(session), "--to", "nwb"]).exit_code == 2  # closed, but not archived here
