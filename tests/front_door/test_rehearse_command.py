"""``rehearse`` as people and scripts use it: the report on the terminal, its files, its exit code, no leftovers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acquisition.service.exit_codes import ExitCode
from amperfuse.cli import app

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


def test_faults_are_compared_with_none_seeds_with_each_other_and_only_one_recording_is_left(
    files: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = [*files, "--out", str(out), "--fault", "vein:stall@40s", "--repeat", "2", "--seed", "7"]
    done = CliRunner().invoke(app, words)

    assert done.exit_code == ExitCode.NO_GO
    assert done.stdout.startswith("NO GO (SIMULATED)")
    assert "NO GO (SIMULATED)" in done.stderr
    assert "What the faults did" in done.stdout
    assert "0 of 2 seeds say GO" in done.stdout
    (session,) = out.iterdir()
    facts = json.loads((session / "rehearsal.json").read_text(encoding="utf-8"))
    assert [run["seed"] for run in facts["spread"]["runs"]] == [7, 8]
    assert facts["difference"]["go_without"] is True
    assert facts["seed"] == 7
    assert facts["go"] is False
    page = (session / "rehearsal.html").read_text(encoding="utf-8")
    assert "What the faults did" in page
    assert "&lt;b&gt;ketamine&lt;/b&gt;" in page
    assert "<b>ketamine" not in page
