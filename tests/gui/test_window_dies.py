"""The window blocked or killed, in a process of its own, on a real engine: the experiment does not notice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from acquisition.client import EngineClient
from acquisition.events import EventKind
from acquisition.messages import Finish
from acquisition.recording.session_data import SessionData, read_session
from drivers import os_support
from drivers.clock import NS_PER_S, SystemClock
from tests.process.engine_kit import (
    PROTOCOL,
    amperfuse,
    private_runtime,
    running_engine,
    wait_gone,
    write_files,
)

if TYPE_CHECKING:
    from tests.gui.bench import Bench

PATIENCE_S = 60.0
TARGET_UL = 0.3
INFUSION = PROTOCOL.format(volume=f"{TARGET_UL} uL", rate="1.25 uL/min")
"""14.4 s: long enough to lose a window in."""
LONG = PROTOCOL.format(volume="10 uL", rate="1 uL/min")
SHOWN = """
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QMainWindow
from amperfuse.commands.display import open_window
from gui.window import MainWindow
def show(window):
    QMainWindow.setVisible(window, True)
    QTimer.singleShot(0, lambda: print("shown", flush=True))
MainWindow.show = show
open_window("tester")
"""
"""What 'amperfuse gui' does, and says when its loop runs."""


@pytest.fixture(autouse=True)
def private() -> Iterator[None]:
    with private_runtime():
        yield


@contextmanager
def window(*words: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a window, wait until it shows an infusing pump, and end it whatever happens."""
    command = [sys.executable, "-m", "tests.gui.window_process", *map(str, words)]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "infusing\n"
            yield process
        finally:
            process.kill()


def finish(session_dir: Path, pid: int) -> SessionData:
    with EngineClient.connect() as client:
        assert client.request(Finish(request=0), PATIENCE_S).ok
    assert wait_gone(pid)
    return read_session(session_dir)


def assert_no_sample_is_missing(data: SessionData) -> None:
    assert [event.text for event in data.events if event.kind is EventKind.GAP] == []
    for stream in data.streams.values():
        assert np.all(np.diff(stream.index) == 1)
        assert stream.t_ns[-1] - stream.t_ns[0] > 4 * NS_PER_S


@pytest.mark.slow
def test_R43_a_window_blocked_for_5_s_loses_no_sample_and_stop_from_another_terminal_gets_through(
    bench: Bench, tmp_path: Path
) -> None:
    del bench  # asked for so that a machine without Qt skips
    files = write_files(tmp_path, LONG)
    released = tmp_path / "released"
    with running_engine(files.options(autostart=True)) as engine:
        with window(tmp_path / "window.ini", released) as process:
            stopped = amperfuse("stop")
            assert process.poll() is None
            released.touch()
            assert process.stdout is not None
            assert process.stdout.readline() == "free\n", "the window was blocked until after the stop"
        data = finish(engine.session_dir, engine.pid)
    assert stopped.returncode == 0, stopped.stderr
    assert "drug: confirmed stopped" in stopped.stdout
    assert_no_sample_is_missing(data)


@pytest.mark.slow
def test_R43_a_killed_window_leaves_no_gap_and_the_infusion_ends_at_its_armed_target(
    bench: Bench, tmp_path: Path
) -> None:
    files = write_files(tmp_path, INFUSION)
    with running_engine(files.options(autostart=True, unattended_by="")) as engine:  # it waits for the window
        with window(tmp_path / "window.ini") as process:
            process.kill()
        with EngineClient.connect(engine) as client:
            over = client.wait_for(lambda state: state.phase == "finished", PATIENCE_S)
            assert over is not None, client.state
        again = bench.open_on_engine()
        shown = until(bench, lambda: [pump.word.text() for pump in again.pumps.values()], ["STOPPED"])
        assert shown == ["STOPPED"]
        bench.close()
        data = finish(engine.session_dir, engine.pid)
    assert_no_sample_is_missing(data)
    assert [event.data["what"] for event in data.events if event.data.get("what") == "target reached"]
    watched = [event.t_ns for event in data.events if event.data.get("what") == "attends"]
    started = [event.t_ns for event in data.events if event.text == "Start the plan"]
    assert watched[0] <= started[0], "nothing starts before somebody watches"
    assert data.infusions["drug"].confirmed_ul[-1] == pytest.approx(TARGET_UL, abs=0.002)


def until(bench: Bench, look: Callable[[], list[str]], wanted: list[str]) -> list[str]:
    clock = SystemClock()
    end_ns = clock.now_ns() + round(PATIENCE_S * NS_PER_S)
    seen: list[str] = []
    while clock.now_ns() < end_ns and seen != wanted:
        bench.app.processEvents()
        clock.sleep_until_ns(clock.now_ns() + 5_000_000)
        seen = look()
    return seen


@pytest.mark.skipif(os_support.is_windows(), reason="sends SIGINT")
def test_ctrl_c_closes_the_window_and_the_engine_goes_on(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del bench  # asked for so that a machine without Qt skips
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))  # where the window keeps its settings
    with running_engine(write_files(tmp_path, LONG).options()) as engine:
        command = [sys.executable, "-c", SHOWN]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "shown\n"
                process.send_signal(signal.SIGINT)
                assert process.wait(60) == -signal.SIGINT
            finally:
                process.kill()
        asked = amperfuse("status")
        finish(engine.session_dir, engine.pid)
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.startswith("ready")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads what Linux tells about sockets")
def test_X10_a_running_engine_with_its_window_opens_no_network_port(bench: Bench, tmp_path: Path) -> None:
    del bench  # asked for so that a machine without Qt skips
    files = write_files(tmp_path, protocol=LONG)
    with running_engine(files.options(autostart=True)) as engine, window(tmp_path / "window.ini") as shown:
        for pid in (engine.pid, shown.pid):
            assert network_sockets(pid) == []
            assert open_sockets(pid), "it is a process that has local sockets, and they can be seen"


def open_sockets(pid: int) -> set[str]:
    """Return the numbers of all sockets of a process."""
    targets = [str(handle.readlink()) for handle in Path(f"/proc/{pid}/fd").iterdir() if handle.is_symlink()]
    return {target[8:-1] for target in targets if target.startswith("socket:[")}


def network_sockets(pid: int) -> list[str]:
    """Return what the process listens on or talks over, of every kind of network."""
    found = []
    for kind in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        table = Path(f"/proc/{pid}/net/{kind}")
        rows = [line.split() for line in table.read_text(encoding="ascii").splitlines()[1:]] if table.exists() else []
        found += [f"{kind} {row[1]}" for row in rows if row[9] in open_sockets(pid)]
    return found
