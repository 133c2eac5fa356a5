"""The report of a session whose truth is known: ten responses of 2 µM, a drug at minute 50, ten of half that."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pypdf
import pytest
from typer.testing import CliRunner

from acquisition.books.annotations import annotate
from amperfuse.cli import app
from analysis.report.figures import responses_figure
from analysis.report.files import write_report
from analysis.report.findings import find, usual_stimulus
from analysis.report.words import doubts, sections
from tests.analysis.halved_kit import ARRIVED_MIN, EVIL, recording
from tests.analysis.session_kit import write_session


def test_the_effect_is_found_in_every_window_without_being_told_stimulus_or_drug(tmp_path: Path) -> None:
    findings = find(recording(tmp_path))
    assert (findings.stimulus, findings.drug) == ("KCl", "drug")
    assert findings.arrived_s == pytest.approx(ARRIVED_MIN * 60, abs=1)
    (pair,) = findings.pairs
    assert pair.effects is not None
    for (way, _window), effect in pair.effects.items():
        assert effect.value == pytest.approx(0.5, abs=0.05 if way == "template fit" else 0.1)
    assert pair.tonic is not None
    assert abs(pair.tonic["as calibrated"].value) < 0.3
    assert pair.matched is not None
    assert pair.matched.matched is True


def test_a_sentinel_that_does_not_match_is_said_before_anything_else(tmp_path: Path) -> None:
    made = recording(tmp_path, sentinel_of_active=0.7)
    (sentence,) = [one for one in doubts(made, find(made)) if "does not match" in one]
    assert "a gain of 1.4" in sentence


def test_what_a_person_blanked_is_not_measured(tmp_path: Path) -> None:
    annotate(tmp_path, "cable", "Ada", 1, start_s=440.0, end_s=470.0, channel="stat.glu", blank=True)
    (pair,) = find(recording(tmp_path)).pairs
    assert pair.responses is not None
    assert np.flatnonzero(np.isnan(pair.responses.amplitude_um)).tolist() == [1]


def test_page_and_paper_hold_every_section_and_say_simulated(tmp_path: Path) -> None:
    made = recording(tmp_path)
    page, paper = write_report(made, tmp_path)
    html = page.read_text(encoding="utf-8")
    pdf = pypdf.PdfReader(paper)
    text = "\n".join(sheet.extract_text() for sheet in pdf.pages)
    for section in sections(made, find(made)):
        if not section.is_empty:
            assert section.title.split("'")[0] in html
            assert section.title.split("'")[0] in text
    assert html.count("<svg") == 2
    assert "SIMULATED" in html.split("<h1>")[0]
    assert all("SIMULATED" in sheet.extract_text() for sheet in pdf.pages)
    assert sum(len(sheet.images) for sheet in pdf.pages) == 2


def test_X9_text_of_others_cannot_change_page_or_paper(tmp_path: Path) -> None:
    page, paper = write_report(recording(tmp_path, name=EVIL), tmp_path)
    html = page.read_text(encoding="utf-8")
    assert "<script" not in html
    assert "\x1b" not in html
    assert not re.search(r'(?:src|href)="(?!data:|#)', html)
    assert b"/JavaScript" not in paper.read_bytes()


def test_the_same_recording_gives_the_same_bytes(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_report(recording(tmp_path), tmp_path)]
    again = [path.read_bytes() for path in write_report(recording(tmp_path), tmp_path)]
    assert first == again


def test_a_session_without_stimuli_has_a_report_without_responses(tmp_path: Path) -> None:
    write_session(tmp_path)
    done = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert done.exit_code == 0, done.output
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "What was given" in html
    assert "Effect on evoked release" not in html
    made = recording(tmp_path)
    assert usual_stimulus(made) == "KCl"
    assert responses_figure(replace(find(made), pairs=())) is None


@pytest.mark.parametrize("words", [["--stimulus", "no such"], ["--drug", "no such"], ["--out", "no/such/folder"]])
def test_what_is_not_there_is_refused_and_nothing_written(tmp_path: Path, words: list[str]) -> None:
    write_session(tmp_path)
    done = CliRunner().invoke(app, ["report", str(tmp_path), *words])
    assert done.exit_code == 2
    assert not (tmp_path / "report.html").exists()


def test_an_open_session_says_so_first(tmp_path: Path) -> None:
    made = recording(tmp_path, closed=False)
    assert "not closed" in doubts(made, find(made))[0]
