"""The archiver's supervisor: whatever happens to the archiver, the engine hears of it and is never held up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acquisition.recording.archiver_process import ArchiverProcess
from acquisition.recording.recorder import Recorder
from acquisition.recording.session_data import read_session
from acquisition.recording.verify import verify
from drivers.clock import NS_PER_S, SystemClock, VirtualClock
from drivers.os_support import process_alive
from tests.recording.synthetic import block, header

Make = Callable[[str], tuple[ArchiverProcess, VirtualClock]]


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    clock = SystemClock()
    end_ns = clock.now_ns() + round(seconds * NS_PER_S)
    while not condition():
        assert clock.now_ns() < end_ns, "waited in vain"
        clock.sleep_until_ns(clock.now_ns() + 5_000_000)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[ArchiverProcess] = []

    def build(program: str) -> tuple[ArchiverProcess, VirtualClock]:
        clock = VirtualClock()
        clock.jump_ns(NS_PER_S)
        made.append(ArchiverProcess(tmp_path, clock, (sys.executable, "-c", program)))
        return made[-1], clock

    yield build
    for process in made:
        process.close()


def test_before_start_and_after_close_it_is_off(make: Make) -> None:
    process, _ = make("import sys; sys.stdin.read()")
    assert process.state() == "off"
    process.start()
    assert process.state() == "running"
    pid = process.pid
    assert pid is not None
    process.close()
    assert process.state() == "off"
    assert not process_alive(pid)
    process.close()


def test_it_is_done_when_the_archiver_ends_well(make: Make) -> None:
    process, _ = make("print(7)")
    process.start()
    wait_until(lambda: process.state() == "done")
    assert process.records == 7
    assert process.pid is None


@pytest.mark.parametrize(("said", "killed"), [("0", True), ("closing", False)])
def test_at_the_end_a_silent_archiver_is_replaced_soon_unless_it_is_closing_its_file(
    make: Make, said: str, killed: bool
) -> None:
    process, clock = make(f"import sys; print({said!r}); print(1, flush=True); sys.stdin.read()")
    process.start()
    wait_until(lambda: process.records == 1)
    assert not process.finish(19.0)  # virtual time: at once
    assert process.state() == "behind"
    clock.jump_ns(2 * NS_PER_S)
    process.state()
    SystemClock().sleep_until_ns(SystemClock().now_ns() + NS_PER_S // 5)
    assert process.state() == ("dead" if killed else "behind")


def test_silence_is_behind_and_long_silence_is_killed_and_restarted(make: Make) -> None:
    process, clock = make("import sys; print(1, flush=True); sys.stdin.read()")
    process.start()
    wait_until(lambda: process.records == 1)
    first = process.pid
    clock.jump_ns(11 * NS_PER_S)
    assert process.state() == "behind"
    clock.jump_ns(120 * NS_PER_S)
    wait_until(lambda: process.state() == "dead")
    clock.jump_ns(NS_PER_S)
    assert process.state() == "running"
    assert process.pid != first
    assert process.restarts == 1


def test_fruitless_restarts_become_rarer_and_never_end(make: Make) -> None:
    process, clock = make("raise SystemExit(1)")
    process.start()
    delays_s = []
    for number in range(1, 11):
        wait_until(lambda: process.state() == "dead" and process.pid is None)
        assert process.restarts == number
        waited = 0
        while process.pid is None:
            clock.jump_ns(NS_PER_S // 4)
            waited += 1
            process.state()
        delays_s.append(waited / 4)
    assert delays_s == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_an_archiver_that_had_worked_is_restarted_for_ever(make: Make) -> None:
    process, clock = make("print(1, flush=True); raise SystemExit(1)")
    process.start()
    for number in range(1, 12):
        wait_until(lambda: process.state() == "dead" and process.pid is None)
        assert process.restarts == number
        clock.jump_ns(NS_PER_S)
        assert process.state() == "running"


def test_a_program_that_cannot_be_started_is_dead_not_an_exception(tmp_path: Path) -> None:
    process = ArchiverProcess(tmp_path, SystemClock(), (str(tmp_path / "missing"),))
    process.start()
    assert process.state() == "dead"
    process.close()


def test_finish_gives_up_after_its_time(make: Make, tmp_path: Path) -> None:
    process, _ = make("import sys; sys.stdin.read()")
    process.start()
    assert not process.finish(1.0)
    process.close()


@pytest.mark.slow
def test_R2_the_death_of_the_archiver_does_not_touch_the_recording(tmp_path: Path) -> None:
    recorder = Recorder.create(tmp_path, header(), SystemClock())
    process = ArchiverProcess(tmp_path, command=(sys.executable, "-c", "import os; os.abort()"))
    recorder.archiver_state = process.state
    process.start()
    seen = set()
    for number in range(100):
        recorder.samples(block(number))
        seen.add(recorder.view().archiver)
        SystemClock().sleep_until_ns(SystemClock().now_ns() + 10_000_000)
    assert "dead" in seen
    assert recorder.view().failing == ""
    recorder.close()
    process.close()
    real = ArchiverProcess(tmp_path)
    assert real.finish(60.0)
    real.close()
    assert verify(tmp_path).ok, verify(tmp_path).text()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_R1_a_full_disk_kills_at_most_the_archiver_and_freeing_it_completes_everything(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a tmpfs is not permitted here; the journal's own full-disk tests still run")
    process = ArchiverProcess(folder)
    try:
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(4 * 1024 * 1024))
        recorder = Recorder.create(folder, header(), SystemClock())
        recorder.archiver_state = process.state
        process.start()
        number = 0
        while not recorder.view().failing:
            recorder.samples(block(number, rows=200))
            number += 1
            SystemClock().sleep_until_ns(SystemClock().now_ns() + 20_000_000)
        wait_until(lambda: recorder.view().archiver == "dead")
        assert "the disk is full" in recorder.view().failing
        ballast.unlink()
        wait_until(lambda: recorder.view().failing == "")
        recorder.close()
        assert process.finish(90.0)
        report = verify(folder)
        assert report.ok, report.text()
        assert len(read_session(folder).streams["stat"].index) == number * 200
    finally:
        process.close()
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
