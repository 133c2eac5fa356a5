"""A simulated instrument that any program can open, and the end of a session from a terminal."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acquisition.client import EngineClient
from acquisition.recording.verify import session_fingerprint, verify
from acquisition.service.exit_codes import ExitCode
from drivers import os_support
from tests.process.engine_kit import LONG, amperfuse, private_runtime, running_engine, wait_gone, write_files


@pytest.fixture
def runtime() -> Iterator[Path]:
    with private_runtime() as directory:
        yield directory


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
