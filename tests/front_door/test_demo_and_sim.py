"""The demo without a window, end to end; and a simulated instrument that any program can open."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from acquisition.client import EngineClient
from acquisition.recording.session_data import read_session
from acquisition.recording.verify import session_fingerprint, verify
from acquisition.service.exit_codes import ExitCode
from drivers import os_support
from tests.process.engine_kit import LONG, amperfuse, private_runtime, running_engine, wait_gone, write_files


@pytest.fixture
def runtime() -> Iterator[Path]:
    with private_runtime() as directory:
        yield directory


@pytest.mark.slow
def test_the_headless_demo_leaves_two_hours_with_every_stream_dose_and_event(runtime: Path, tmp_path: Path) -> None:
    before = os.times()
    done = amperfuse("demo", "--headless", "--out", tmp_path)
    after = os.times()
    assert done.returncode == 0, done.stderr
    assert after.children_user - before.children_user < 60, "the demo is to end in under a minute"
    session = next(tmp_path.iterdir())
    assert "SIMULATED" in session.name
    assert "SIMULATED" in done.stdout
    assert (session / "plot.png").read_bytes().startswith(b"\x89PNG")
    page = (session / "summary.md").read_text(encoding="utf-8")
    assert "**SIMULATED" in page
    fingerprint = session_fingerprint(session)
    assert f"fingerprint {fingerprint} (the same again with the same seed)" in done.stdout
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


@pytest.mark.skipif(os_support.is_windows(), reason="sends SIGINT")
@pytest.mark.parametrize("how", ["pty", "tcp"])
def test_a_simulated_pump_is_served_until_ctrl_c(runtime: Path, tmp_path: Path, how: str) -> None:
    where = ["--pty", str(tmp_path / "pump")] if how == "pty" else ["--tcp", "127.0.0.1:0"]
    command = [sys.executable, "-m", "amperfuse", "sim", "new-era", *where, "--seed", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        word, endpoint = serving.stdout.readline().split()
        url = endpoint if how == "pty" else f"socket://{endpoint.removeprefix('socket://')}"
        asked = amperfuse("identify", url)
        serving.send_signal(signal.SIGINT)
        _, said = serving.communicate(timeout=20)
    assert word == "ready"
    assert asked.returncode == ExitCode.OK, asked.stderr
    assert "family: new-era" in asked.stdout
    assert "SIMULATED" in said
    assert serving.returncode == 0
    assert not (tmp_path / "pump").is_symlink()


def test_a_session_can_be_ended_from_a_terminal_but_not_while_a_pump_runs(runtime: Path, tmp_path: Path) -> None:
    with running_engine(write_files(tmp_path, LONG).options(autostart=True)) as engine:
        with EngineClient.connect(engine) as client:
            assert client.wait_for(lambda state: state.pumps[0].motion == "infusing", 60.0) is not None
        refused = amperfuse("finish")
        stopped = amperfuse("stop")
        done = amperfuse("finish")
        assert wait_gone(engine.pid)
    assert refused.returncode == ExitCode.REFUSED_COMMAND, refused.stderr
    assert "Stop all pumps first" in refused.stderr
    assert "SIMULATED drug: confirmed stopped" in stopped.stdout
    assert done.returncode == ExitCode.OK, done.stderr
    assert f"SIMULATED session {engine.session_dir}: stopped" in done.stdout
    assert (engine.session_dir / "summary.md").is_file()
    assert verify(engine.session_dir).ok
    checked = amperfuse("verify", engine.session_dir)
    assert f"SIMULATED session, fingerprint {session_fingerprint(engine.session_dir)}" in checked.stdout
