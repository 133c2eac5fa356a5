"""The tutorial works as it is written; its first command is the demo without a window, whose promises are held here."""

from __future__ import annotations

import glob
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from acquisition.recording.session_data import read_session
from acquisition.recording.verify import session_fingerprint
from tests.process.engine_kit import amperfuse, private_runtime

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"<!-- (?P<what>run|file)(?:: (?P<detail>[^>]*?))? -->\n```\w+\n(?P<body>.*?)```", re.DOTALL)
DEMO = "amperfuse demo --headless --out sessions"


@pytest.fixture
def runtime() -> Iterator[Path]:
    with private_runtime() as directory:
        yield directory


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_tutorial_works_as_it_is_written_and_its_demo_leaves_two_hours_with_every_stream_dose_and_event(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = []
    for block in BLOCK.finditer(TUTORIAL.read_text(encoding="utf-8")):
        if block["what"] == "file":
            (tmp_path / block["detail"]).write_text(block["body"], encoding="utf-8")
            continue
        allowed = {int(code) for code in (block["detail"] or "0").split(" or ")}
        for line in block["body"].strip().splitlines():
            before_s = os.times().children_user
            done = as_typed(line)
            assert done.returncode in allowed, f"{line}\n{done.stdout}{done.stderr}"
            if line == DEMO:
                used_s = os.times().children_user - before_s
                assert used_s < 180, "the demo is to end in under a minute; a third of the speed is still a computer"
                check_demo(done.stdout, next((tmp_path / "sessions").iterdir()))
            ran.append(line)
    assert len(ran) == 4
    assert DEMO in ran


def as_typed(line: str) -> subprocess.CompletedProcess[str]:
    program, *words = shlex.split(line)
    assert program == "amperfuse"
    words = [found for word in words for found in (glob.glob(word) or [word])]  # noqa: PTH207 - as the shell does
    return amperfuse(*words, timeout_s=600)


def check_demo(said: str, session: Path) -> None:
    assert "SIMULATED" in session.name
    assert "SIMULATED" in said
    assert (session / "plot.png").read_bytes().startswith(b"\x89PNG")
    page = (session / "summary.md").read_text(encoding="utf-8")
    assert "**SIMULATED" in page
    fingerprint = session_fingerprint(session)
    assert f"fingerprint {fingerprint} (the same again with the same seed)" in said
    assert f"events {fingerprint}" in page
    data = read_session(session)
    assert data.close is not None
    assert data.close.outcome == "finished"
    with h5py.File(session / "session.nwb") as file:
        for channel in ("left_glu-1", "left_sentinel-1", "right_glu-2", "right_sentinel-2"):
            current = file[f"acquisition/{channel}/data"][:]
            assert len(current) >= 72_000
            assert np.isfinite(current).all()
            assert np.ptp(current[36_000:]) > 0, f"{channel} is a flat line"
        doses = file["stimulus/presentation"]
        for kind in ("commanded", "confirmed", "at_animal"):
            assert doses[f"infusion_{kind}_ul/data"][-1] == pytest.approx(50.0, abs=0.05)
        assert len(file["events/step/timestamp"]) == 16
        assert len(file["intervals/protocol_steps/step"]) == 8
