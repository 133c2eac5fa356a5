"""A real engine in a process of its own: it obeys from anywhere, outlives its clients, and there is only one of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acquisition.client import EngineClient
from acquisition.messages import EngineState, Finish, Hello, Note, Stop
from acquisition.recording.session_data import read_session
from acquisition.service import discovery, door
from acquisition.service.discovery import EngineRecord, NoEngine
from acquisition.service.exit_codes import ExitCode
from acquisition.service.launch import EngineDidNotStart, start_engine
from drivers import os_support
from tests.process.engine_kit import (
    LONG,
    SHORT,
    Files,
    amperfuse,
    private_runtime,
    running_engine,
    wait_gone,
    write_files,
)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os_support.is_windows(), reason="sends POSIX signals")]


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    with private_runtime():
        yield write_files(tmp_path)


@pytest.fixture
def engine(files: Files) -> Iterator[EngineRecord]:
    with running_engine(files.options(autostart=True)) as record:
        yield record


def infusing(state: EngineState) -> bool:
    return state.pumps[0].motion == "infusing" and state.pumps[0].delivered_ul > 0


def wait_infusing(record: EngineRecord) -> None:
    with EngineClient.connect(record) as client:
        assert client.wait_for(infusing, 60.0), client.state


def test_status_and_stop_from_another_terminal(engine: EngineRecord) -> None:
    wait_infusing(engine)
    before = amperfuse("status")
    stopped = amperfuse("stop")
    after = amperfuse("status")
    assert (before.returncode, stopped.returncode, after.returncode) == (0, 0, 0), stopped.stderr
    assert "pump drug: infusing" in before.stdout
    assert "SIMULATED" in before.stdout
    assert "drug: confirmed stopped" in stopped.stdout
    assert "pump drug: stopped" in after.stdout or "pump drug: paused" in after.stdout  # New Era: STP pauses first
    assert "STOP confirmed" in after.stdout


def test_stop_works_while_another_client_is_frozen(engine: EngineRecord) -> None:
    wait_infusing(engine)
    frozen = door.knock(engine.address, engine.family, engine.read_key())
    frozen.send_bytes(Hello(request=1, samples=True).model_dump_json().encode())
    stopped = amperfuse("stop")
    frozen.close()
    assert stopped.returncode == 0, stopped.stderr


def test_sigkill_of_a_client_changes_nothing(engine: EngineRecord) -> None:
    wait_infusing(engine)
    script = (
        "from acquisition.client import EngineClient\n"
        "import threading\n"
        "client = EngineClient.connect(samples=True)\n"
        "client.wait_for(lambda state: True, 60.0)\n"
        "print('there', flush=True)\n"
        "threading.Event().wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"there\n"
        client.kill()
    with EngineClient.connect(engine) as other:
        first = other.wait_for(infusing, 60.0)
        assert first is not None
        samples = first.channels[0].samples
        assert other.wait_for(lambda state: infusing(state) and state.channels[0].samples > samples + 20, 60.0)


def test_R56_a_second_engine_is_refused(engine: EngineRecord, files: Files) -> None:
    with pytest.raises(EngineDidNotStart, match="already running") as refused:
        start_engine(files.options())
    assert refused.value.code is ExitCode.ENGINE_RUNNING
    assert discovery.find_engine() == engine
    assert len(list(files.out.iterdir())) == 1


def test_sigterm_stops_the_pump_and_closes_the_session(engine: EngineRecord) -> None:
    wait_infusing(engine)
    os.kill(engine.pid, signal.SIGTERM)
    assert wait_gone(engine.pid)
    data = read_session(engine.session_dir)
    said = [event.text for event in data.events]
    assert data.close is not None
    assert data.close.outcome == "stopped"
    assert any("STOP confirmed" in text for text in said)
    assert "SIMULATED" in (engine.session_dir / "engine.log").read_text()
    with pytest.raises(NoEngine):
        discovery.find_engine()
    assert not engine.key_file.exists()
    assert amperfuse("verify", engine.session_dir).returncode == 0


def test_after_sigkill_nothing_is_found_running_and_the_session_is_recovered(engine: EngineRecord) -> None:
    wait_infusing(engine)
    os_support.kill_hard(engine.pid)
    assert wait_gone(engine.pid)
    status = amperfuse("status")
    recovered = amperfuse("recover", engine.session_dir)
    assert status.returncode == ExitCode.NO_ENGINE
    assert "look at the pumps" in status.stderr
    assert recovered.returncode == 0, recovered.stderr
    assert "MAYBE DELIVERED" in recovered.stdout
    assert amperfuse("verify", engine.session_dir).returncode == 0


def test_stop_of_a_frozen_engine_says_what_to_do(engine: EngineRecord) -> None:
    os.kill(engine.pid, signal.SIGSTOP)
    try:
        stopped = amperfuse("stop")
    finally:
        os.kill(engine.pid, signal.SIGCONT)
    assert stopped.returncode == ExitCode.NOT_CONFIRMED_STOPPED
    assert "NOT CONFIRMED STOPPED" in stopped.stderr
    assert "STOP key on the pump" in stopped.stderr


def test_finish_ends_the_engine_and_notes_are_in_the_recording(engine: EngineRecord) -> None:
    with EngineClient.connect(engine) as client:
        assert client.wait_for(infusing, 60.0)
        noted = client.request(Note(request=0, text="tail pinch\x1b[2J", opened_ns=1))
        refused = client.request(Finish(request=0))
        assert client.request(Stop(request=0)).confirmed
        client.wait_for(lambda state: state.phase == "stopped", 60.0)
        done = client.request(Finish(request=0))
    assert noted.ok
    assert not refused.ok
    assert done.ok
    assert wait_gone(engine.pid)
    assert any(event.text == "tail pinch\x1b[2J" for event in read_session(engine.session_dir).events)


def test_a_headless_run_ends_by_itself_and_leaves_its_papers(files: Files) -> None:
    files.protocol.write_text(SHORT, encoding="utf-8")
    ran = amperfuse("run", files.protocol, "--rig", files.rig, "--out", files.out, "--headless")
    assert ran.returncode == 0, ran.stderr
    session = next(files.out.iterdir())
    assert "finished" in ran.stdout
    assert (session / "plot.png").stat().st_size > 10_000
    assert "0.10 µL" in (session / "summary.md").read_text(encoding="utf-8")
    assert amperfuse("verify", session).returncode == 0


def test_ctrl_c_of_a_headless_run_stops_the_pump_first(files: Files) -> None:
    command = [sys.executable, "-m", "amperfuse", "run", str(files.protocol), "--rig", str(files.rig)]
    command += ["--out", str(files.out), "--headless"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if "Step 1 running" in line:
                break
        wait_infusing(discovery.find_engine())
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=60)
    assert run.returncode == ExitCode.INTERRUPTED, errors
    data = read_session(next(files.out.iterdir()))
    assert data.close is not None
    assert data.close.outcome == "stopped"
    assert LONG.count("infuse") == 1
