"""The report of a session whose truth is known: ten responses of 2 µM, a drug at minute 50, ten of half that."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pypdf
import pytest
from typer.testing import CliRunner

from acquisition.books.annotations import annotate
from acquisition.events import Event, EventKind
from acquisition.plan import MarkStep
from acquisition.recording.frames import CloseRecord
from acquisition.recording.records import SessionHeader, StreamSpec
from acquisition.recording.session_data import InfusionData, SessionData, StreamData
from amperfuse.cli import app
from analysis.report.figures import responses_figure
from analysis.report.files import write_report
from analysis.report.findings import find, usual_stimulus
from analysis.report.words import doubts, sections
from analysis.review import Recording
from tests.analysis.response_accuracy import event
from tests.analysis.session_kit import a_plan, write_session

HZ, MINUTES, ARRIVED_MIN = 2, 100, 50
SLOPE = 7e-12
EVIL = "<script>x</script>\x1b[2J"


def recording(path: Path, *, sentinel_of_active: float = 1.0, name: str = "halved", closed: bool = True) -> Recording:
    """Return a session in memory: stimuli every 5 minutes, both sites with a common wave, a drug that halves."""
    t_s = np.arange(MINUTES * 60 * HZ) / HZ
    rng = np.random.default_rng(5)
    shape = event(np.arange(0.0, 90.0, 1.0 / HZ))
    glutamate_um = np.full(len(t_s), 3.3)
    onsets_s = np.arange(150.0, MINUTES * 60 - 100, 300.0)
    for onset_s in onsets_s:
        first = round(onset_s * HZ)
        glutamate_um[first : first + len(shape)] += (2.0 if onset_s < ARRIVED_MIN * 60 else 1.0) * shape
    common_a = 60e-12 * (np.sin(t_s / 900.0) + (t_s > 4000))
    active_a = SLOPE * glutamate_um + common_a + rng.normal(0, 0.5e-12, len(t_s))
    sentinel_a = sentinel_of_active * common_a + rng.normal(0, 0.5e-12, len(t_s))
    t_ns = (t_s * 1e9).astype(np.int64)
    spec = StreamSpec("stat", ("glu", "null"), ("glutamate", "sentinel"), (SLOPE, None), 1.0 / HZ, 0.7, (1e-7, 1e-7))
    plan = replace(a_plan(name), steps=tuple(MarkStep(n + 1, f"KCl ({n + 1} of 20)") for n in range(20)))
    header = SessionHeader(
        session_id="s-1",
        simulated=True,
        started_ns=0,
        started_wall_ns=0,
        software="amperfuse test",
        plan_sha256=plan.sha256,
        plan=asdict(plan),
        streams=(spec,),
        pumps=("drug",),
        seed=4,
    )
    given_ul = np.clip(t_s - (ARRIVED_MIN * 60 - 100), 0, 120) / 6
    arrived_ul = np.clip(t_s - ARRIVED_MIN * 60, 0, 120) / 6
    zero = np.zeros_like(t_s)
    data = SessionData(
        header=header,
        streams={"stat": StreamData(spec, t_ns, np.column_stack([active_a, sentinel_a]),
                                    np.zeros((len(t_s), 2), np.uint8), np.arange(len(t_s)),
                                    np.ones(len(t_s), np.int64), t_ns)},
        infusions={"drug": InfusionData("drug", t_ns, zero, zero, zero, given_ul, given_ul, zero, arrived_ul)},
        events=(
            Event(EventKind.NOTE, 60 * 10**9, 0, EVIL, f"moved {EVIL}"),
            *(Event(EventKind.MARK, round(s * 1e9), 0, "conductor", f"KCl ({n + 1} of 20)")
              for n, s in enumerate(onsets_s)),
        ),
        close=CloseRecord(t_ns=int(t_ns[-1]), wall_ns=0, outcome="finished", records=1, events=1, chain_head="c" * 64)
        if closed else None,
        last_sequence=1,
        problem="",
    )  # fmt: skip
    return Recording(path, data)


def test_the_effect_is_found_in_every_window_without_being_told_stimulus_or_drug(tmp_path: Path) -> None:
    findings = find(recording(tmp_path))
    assert (findings.stimulus, findings.drug) == ("KCl", "drug")
    assert findings.arrived_s == pytest.approx(ARRIVED_MIN * 60, abs=1)
    (pair,) = findings.pairs
    assert pair.effects is not None
    for (way, _window), effect in pair.effects.items():
        assert effect.value == pytest.approx(0.5, abs=0.05 if way == "template fit" else 0.1)
    assert pair.tonic is not None
    assert abs(pair.tonic.value) < 0.3
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
