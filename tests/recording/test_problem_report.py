"""The report for strangers: what they need is in it, and nobody's name is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from acquisition.events import Event, EventKind
from acquisition.recording.problem_report import problem_report, without
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.recover import recover
from amperfuse.cli import app
from drivers.clock import VirtualClock
from tests.recording.synthetic import STARTED_NS, STARTED_WALL_NS, block, header

PROTOCOL = """
[protocol]
name = "Rosa's third try"
[subject]
id = "m01"
description = "the one with the white ear"
[[soft_limit_overrides]]
limit = "weighing-age"
by = "Rosa Quist"
reason = "scale at the vet's"
"""
PRIVATE = ("Rosa", "Quist", "m01", "white ear", "the vet", "third try", "Torsten", "itched", "a plan for tests")


def said(kind: EventKind, text: str, source: str = "operator", **data: str) -> Event:
    return Event(kind, STARTED_NS, STARTED_WALL_NS, source, text, data)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("20260101-090000-m01")
    recorder = InlineRecorder.create(folder, header(), VirtualClock())
    recorder.samples(block(0))
    recorder.event(said(EventKind.NOTE, "m01 itched, told Torsten"))
    recorder.event(said(EventKind.SESSION, "limit overridden by Rosa Quist: scale at the vet's", "conductor"))
    recorder.event(said(EventKind.OPERATOR, "accepted by TORSTEN ÅBERG", by="Torsten Åberg"))
    recorder.event(said(EventKind.ALARM, "pump drug is lost, said torsten", "drug"))
    recorder.event(said(EventKind.WIRE, "0.000 out b'0STP\\r'", "drug"))
    recorder.close()
    (folder / "protocol.toml").write_text(PROTOCOL, encoding="utf-8")
    (folder / "engine.log").write_text(f"wrote {folder}/session.journal for Quist\n", encoding="utf-8")
    recover(folder, VirtualClock())
    return folder


def test_X18_the_report_names_no_person_and_no_animal(session: Path) -> None:
    report = problem_report(session)
    assert [name for name in PRIVATE if name.casefold() in report.casefold()] == []
    assert str(session.parent) not in report
    assert "limit overridden by [person]: [text]" in report


def test_the_report_holds_what_a_developer_needs(session: Path) -> None:
    report = problem_report(session)
    for needed in ("SIMULATED", "numpy ", "NE1000", "pump drug is lost", "0STP", "rate_ul_per_min", "stat: 25 samples"):
        assert needed in report, needed


def test_X18_the_command_prints_it_for_a_look_and_writes_over_nothing(session: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.txt"
    printed = CliRunner().invoke(app, ["problem-report", str(session)])
    written = CliRunner().invoke(app, ["problem-report", str(session), "--out", str(out)])
    again = CliRunner().invoke(app, ["problem-report", str(session), "--out", str(out)])
    assert printed.exit_code == written.exit_code == 0
    assert out.read_text(encoding="utf-8").strip() == printed.stdout.strip()
    assert again.exit_code != 0


@given(
    name=st.text(st.characters(categories=["L"]), min_size=2, max_size=12), around=st.text(" ,.:;-\n'\"()", max_size=3)
)
def test_X18_a_hidden_word_never_stands_alone(name: str, around: str) -> None:
    assert name not in without({name: "[person]"}, f"x{around or ' '}{name}{around}").replace("[person]", "")
