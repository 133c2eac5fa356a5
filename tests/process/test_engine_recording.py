"""What a real engine has said is stored survives its own death and a full disk; its signals end it in bounded time."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from acquisition.client import EngineClient
from acquisition.messages import ChannelSamples, EngineState, Finish, Report
from acquisition.recording.session_data import read_session
from acquisition.service.discovery import EngineRecord
from acquisition.service.exit_codes import ExitCode
from drivers import os_support
from drivers.clock import NS_PER_S, SystemClock
from tests.process.engine_kit import (
    PROTOCOL,
    Files,
    amperfuse,
    private_runtime,
    running_engine,
    wait_gone,
    write_files,
)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os_support.is_windows(), reason="sends POSIX signals")]
LONG_AT_ANY_SPEED = PROTOCOL.format(volume="48 uL", rate="0.25 uL/min")
BALLAST = "ballast"


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    with private_runtime():
        yield write_files(tmp_path, LONG_AT_ANY_SPEED)


@pytest.fixture
def small_disk(files: Files) -> Iterator[Path]:
    """A disk of its own for the sessions; the gatekeeper must find room enough for the whole plan on it."""
    files.out.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(files.out)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a tmpfs is not permitted here; tests/recording fills simulated disks")
    yield files.out
    subprocess.run(["umount", "--lazy", str(files.out)], check=True)


def infusing(state: EngineState) -> bool:
    return state.pumps[0].motion == "infusing" and state.pumps[0].delivered_ul > 0


def failing(state: EngineState) -> bool:
    return any(alarm.alarm_id == "recorder-failing" and alarm.active for alarm in state.alarms)


def fill(disk: Path) -> None:
    with (disk / BALLAST).open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4096))
        except OSError:
            pass


def archiver_of(engine: EngineRecord) -> int:
    found = subprocess.run(
        ["pgrep", "-P", str(engine.pid), "-f", "recording.archiver"], capture_output=True, text=True, check=True
    )
    return int(found.stdout.split()[0])


def seconds_until_gone(engine: EngineRecord, timeout_s: float) -> float:
    clock = SystemClock()
    began_ns = clock.now_ns()
    assert wait_gone(engine.pid, timeout_s), f"the engine still runs after {timeout_s} s"
    return (clock.now_ns() - began_ns) / NS_PER_S


@pytest.mark.timeout(400)
def test_R1_a_full_disk_ends_the_infusion_not_the_engine_and_freeing_it_completes_the_recording(
    files: Files, small_disk: Path
) -> None:
    shown: list[ChannelSamples] = []

    def hear(report: Report) -> None:
        if isinstance(report, ChannelSamples):
            shown.append(report)
            client.credit()

    with running_engine(files.options(autostart=True)) as engine:
        with EngineClient.connect(engine, samples=True, on_report=hear) as client:
            client.credit()
            assert client.wait_for(infusing, 60.0), client.state
            fill(small_disk)
            full = client.wait_for(failing, 60.0)
            assert full is not None
            with suppress(subprocess.CalledProcessError):  # it may have died of the full disk already
                os_support.kill_hard(archiver_of(engine))  # what HDF5 does to its process on a full disk
            ended = client.wait_for(lambda state: failing(state) and state.pumps[0].motion != "infusing", 60.0)
            assert ended is not None, client.state
            alarm = next(alarm for alarm in ended.alarms if alarm.alarm_id == "recorder-failing")
            stored = ended.recorder.records
            samples = ended.channels[0].samples
            later = client.wait_for(lambda state: state.channels[0].samples > samples + 20, 60.0)
            assert later is not None, "the engine does not go on"
            assert later.recorder.records <= stored + 2
            (small_disk / BALLAST).unlink()
            again = client.wait_for(lambda state: not failing(state) and state.recorder.records > stored + 20, 60.0)
            assert again is not None, client.state
            assert client.wait_for(lambda state: state.phase in ("holding", "stopped"), 60.0), client.state
            stopped = amperfuse("stop")
            client.wait_for(lambda state: state.phase == "stopped", 60.0)
            done = client.request(Finish(request=0))
        assert wait_gone(engine.pid, 90.0)
    assert "free space on it" in alarm.what
    assert stopped.returncode == 0, stopped.stderr
    assert done.ok, done.text
    verified = amperfuse("verify", engine.session_dir)
    assert verified.returncode == 0, verified.stdout
    session = read_session(engine.session_dir)
    (stream,) = session.streams.values()
    assert np.array_equal(stream.index, np.arange(len(stream.index))), "samples of the time without a disk are missing"
    times = set(stream.t_ns.tolist())
    assert all(set(one.t_ns) <= times for one in shown)
    said = [event.text for event in session.events]
    assert "The disk takes records again." in said


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_at_speed_100_ends_the_engine_in_bounded_time(files: Files, name: str) -> None:
    with running_engine(files.options(autostart=True, speed=100.0)) as engine:
        with EngineClient.connect(engine) as client:
            assert client.wait_for(infusing, 60.0), client.state
        os.kill(engine.pid, getattr(signal, name))
        assert seconds_until_gone(engine, 100.0) < 60.0
    session = read_session(engine.session_dir)
    assert session.close is not None
    assert any("STOP confirmed" in event.text for event in session.events)


@pytest.mark.timeout(300)
def test_a_hung_archiver_is_replaced_at_the_end_and_the_file_is_closed(files: Files) -> None:
    with running_engine(files.options(autostart=True)) as engine:
        with EngineClient.connect(engine) as client:
            assert client.wait_for(infusing, 60.0), client.state
        hung = archiver_of(engine)
        os.kill(hung, signal.SIGSTOP)
        os.kill(engine.pid, signal.SIGTERM)
        assert seconds_until_gone(engine, 100.0) < 60.0
    assert not os_support.process_alive(hung)
    assert amperfuse("verify", engine.session_dir).returncode == 0


@pytest.mark.timeout(300)
def test_a_signal_on_a_full_disk_ends_the_engine_and_the_recording_can_be_recovered(
    files: Files, small_disk: Path
) -> None:
    with running_engine(files.options(autostart=True)) as engine:
        with EngineClient.connect(engine) as client:
            assert client.wait_for(infusing, 60.0), client.state
            fill(small_disk)
            full = client.wait_for(failing, 60.0)
            assert full is not None
        os.kill(engine.pid, signal.SIGTERM)
        assert seconds_until_gone(engine, 100.0) < 60.0
    (small_disk / BALLAST).unlink()
    before = amperfuse("verify", engine.session_dir)
    recovered = amperfuse("recover", engine.session_dir)
    after = amperfuse("verify", engine.session_dir)
    assert before.returncode == ExitCode.VERIFICATION_FAILED
    assert "amperfuse recover" in before.stdout
    assert recovered.returncode == 0, recovered.stderr
    assert after.returncode == 0, after.stdout
    assert read_session(engine.session_dir).last_sequence + 1 >= full.recorder.records


@pytest.mark.timeout(300)
def test_a_signal_while_the_pump_is_unplugged_ends_the_engine_and_says_not_confirmed(files: Files) -> None:
    with running_engine(files.options(autostart=True, speed=20.0, faults=("drug:unplug@60s",))) as engine:
        with EngineClient.connect(engine) as client:
            assert client.wait_for(lambda state: state.pumps[0].link == "lost", 60.0), client.state
        os.kill(engine.pid, signal.SIGTERM)
        assert seconds_until_gone(engine, 100.0) < 60.0
        log = (engine.session_dir / "engine.log").read_text(encoding="utf-8")
    assert f"exit code {ExitCode.NOT_CONFIRMED_STOPPED:d}" in log
    assert amperfuse("verify", engine.session_dir).returncode == 0
