"""``rehearse`` as people and scripts use it: the report on the terminal, its files, its exit code, no leftovers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acquisition.experiment.compile import load_experiment
from acquisition.rehearsal_messages import RehearsalProgress, RehearsalVerdict, from_line
from acquisition.service.assembly import files_as_run
from acquisition.service.exit_codes import ExitCode
from amperfuse.cli import app
from amperfuse.commands.options import BEHIND_AN_ENGINE

RIG = """\
[rig]
name = "bench"

[pumps.vein]
driver = "new-era"
url = "/dev/ttyUSB0"
syringe = "hamilton-1001"
line_dead_volume = "8 uL"

[potentiostats.striatum]
driver = "methodscript"
url = "/dev/ttyUSB1"
potential = "600 mV"
interval = "100 ms"

[[potentiostats.striatum.channels]]
name = "glutamate"
electrode = "we1"
role = "glutamate"
range = "50 nA"
"""
PROTOCOL = """\
[protocol]
name = "rehearsed"

[subject]
id = "M1"
species = "mouse"
sex = "F"
age = "P12W"
weight = "25 g"
weighed = "2026-11-23"

[pumps.vein]
drug = "ketamine"
form = "hydrochloride"
concentration = "5 mg/mL"
route = "iv_infusion"
loaded = "600 uL"
primed = true

[[steps]]
infuse = { pump = "vein", dose = "0.2 mg/kg", duration = "1 min", label = "<b>ketamine</b>" }

[[steps]]
wait = "20 s"
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "rig.toml").write_text(RIG, encoding="utf-8")
    (tmp_path / "protocol.toml").write_text(PROTOCOL, encoding="utf-8")
    return ["rehearse", str(tmp_path / "protocol.toml"), "--rig", str(tmp_path / "rig.toml")]


def test_a_session_is_rehearsed_with_its_own_files_as_the_window_does_it_and_only_one_recording_is_left(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rig and limits are those beside the recording; with a fault and two seeds, three rehearsals of it."""
    nice: list[int] = []
    monkeypatch.setattr("os.nice", nice.append, raising=False)
    experiment = load_experiment(tmp_path / "protocol.toml", tmp_path / "rig.toml")
    session, out = tmp_path / "session", tmp_path / "out"
    session.mkdir()
    for name, data in files_as_run(experiment).items():
        (session / name).write_bytes(data)
    named = RIG.replace('name = "bench"', 'name = "bench"\nlimits = "../elsewhere/lab.toml"')
    (session / "rig.toml").write_text(named, encoding="utf-8")
    words = ["rehearse", str(session), "--json", "--out", str(out), "--fault", "vein:stall@40s", "--repeat", "2"]

    done = CliRunner().invoke(app, [*words, "--seed", "7"])

    assert done.exit_code == ExitCode.NO_GO, done.output
    assert nice == [BEHIND_AN_ENGINE], "it takes second place to an engine that records"
    *told, verdict = [from_line(line.encode()) for line in done.stdout.splitlines()]
    shares = [message.progress for message in told if isinstance(message, RehearsalProgress)]
    assert len(shares) == len(told) > 3
    assert shares == sorted(shares)
    assert isinstance(verdict, RehearsalVerdict)
    assert not verdict.go
    (folder,) = out.iterdir()
    assert Path(verdict.page) == folder / "rehearsal.html"
    page = Path(verdict.page).read_text(encoding="utf-8")
    assert "What the faults did" in page
    assert "0 of 2 seeds say GO" in page
    assert "&lt;b&gt;ketamine&lt;/b&gt;" in page
    assert "<b>ketamine" not in page
    facts = json.loads((folder / "rehearsal.json").read_text(encoding="utf-8"))
    assert [run["seed"] for run in facts["spread"]["runs"]] == [7, 8]
    assert facts["difference"]["go_without"] is True
    assert facts["limits"], "the limits of the session were read"


def test_a_session_s_folder_and_a_rig_are_not_given_together_and_a_protocol_needs_a_rig(
    files: list[str], tmp_path: Path
) -> None:
    for words, said in (([*files[:2]], "--rig is missing"), (["rehearse", str(tmp_path), *files[2:]], "own rig")):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == ExitCode.REFUSED_INPUT
        assert said in done.stderr
