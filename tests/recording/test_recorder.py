"""The recorders: a slow, full or failing disk costs time and memory, never a stored record and never silently."""

from __future__ import annotations

import resource
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from acquisition.events import EventKind
from acquisition.recording.recorder import InlineRecorder, Recorder
from acquisition.recording.records import RecordingFailed, RecordSink
from acquisition.recording.session_data import read_session
from drivers.clock import NS_PER_S, SystemClock, VirtualClock
from tests.recording.failing_fs import FailingFs, SlowSyncFs
from tests.recording.synthetic import block, event, header, infusion


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    clock = SystemClock()
    end_ns = clock.now_ns() + round(seconds * NS_PER_S)
    while not condition():
        assert clock.now_ns() < end_ns, "waited in vain"
        clock.sleep_until_ns(clock.now_ns() + 5_000_000)


@pytest.fixture(params=[Recorder, InlineRecorder], ids=["threads", "inline"])
def kind(request: pytest.FixtureRequest) -> type[Recorder] | type[InlineRecorder]:
    chosen: type[Recorder] | type[InlineRecorder] = request.param
    return chosen


def test_both_recorders_keep_everything_and_close(kind: type[Recorder] | type[InlineRecorder], tmp_path: Path) -> None:
    recorder = kind.create(tmp_path, header(), SystemClock())
    sink: RecordSink = recorder
    numbers = []
    for number in range(50):
        numbers.append(sink.samples(block(number)))
        sink.infusion(infusion(number))
        numbers.append(sink.event(event(number)))
    recorder.close()
    recorder.close()
    session = read_session(tmp_path)
    assert numbers == sorted(set(numbers))
    assert np.array_equal(session.streams["stat"].index, np.arange(50 * 25))
    assert session.streams["stat"].current_a[3, 0] == block(0).current_a[3, 0]
    assert session.events == tuple(event(number) for number in range(50))
    assert session.infusions["drug"].confirmed_ul[-1] == infusion(49).confirmed_ul
    assert session.close is not None
    assert recorder.view().records == session.last_sequence + 1
    with pytest.raises(RecordingFailed, match="closed"):
        recorder.samples(block(50))


def test_R54_commit_returns_only_when_the_event_is_on_the_disk(tmp_path: Path) -> None:
    fs = SlowSyncFs()
    recorder = Recorder.create(tmp_path, header(), SystemClock(), fs)
    with pytest.raises(RecordingFailed, match=r"not confirmed an event within 0\.2 s"):
        recorder.commit(event(0), 0.2)
    fs.go.set()
    recorder.commit(event(1), 10.0)
    assert recorder.core.synced >= 3
    recorder.close()
    assert read_session(tmp_path).events == (event(0), event(1))


def test_R3_a_hanging_sync_delays_no_record(tmp_path: Path) -> None:
    fs = SlowSyncFs()
    recorder = Recorder.create(tmp_path, header(), SystemClock(), fs)
    recorder.samples(block(0))
    wait_until(lambda: fs.syncs == 2)
    for number in range(1, 200):
        recorder.samples(block(number))
    wait_until(lambda: recorder.progress() == 201)
    assert len(read_session(tmp_path).streams["stat"].index) == 200 * 25
    assert recorder.core.synced == 1
    fs.go.set()
    recorder.close()


def test_R1_a_full_disk_keeps_records_in_memory_says_so_and_goes_on_by_itself(tmp_path: Path) -> None:
    full = threading.Event()
    fs = FailingFs(lambda _call, name: full.is_set() and name == "write", short=True)
    recorder = Recorder.create(tmp_path, header(), SystemClock(), fs)
    recorder.samples(block(0))
    wait_until(lambda: recorder.progress() == 2)
    full.set()
    recorder.samples(block(1))
    wait_until(lambda: "free space" in recorder.view().failing)
    before = SystemClock().now_ns()
    with pytest.raises(RecordingFailed, match=str(tmp_path)):
        recorder.commit(event(0), 30.0)
    assert SystemClock().now_ns() - before < 5 * NS_PER_S, "a failing disk must refuse at once"
    stuck = recorder.progress()
    recorder.samples(block(2))
    assert recorder.progress() == stuck
    full.clear()
    wait_until(lambda: recorder.view().failing == "")
    recorder.close()
    session = read_session(tmp_path)
    assert np.array_equal(session.streams["stat"].index, np.arange(75))
    assert [item.text for item in session.events if item.kind is EventKind.SYSTEM] == [
        "Records wait in memory because the disk does not take them.",
        "The disk takes records again.",
    ]
    assert event(0) in session.events


def test_a_full_queue_drops_the_newest_samples_leaves_a_gap_event_and_keeps_every_event(tmp_path: Path) -> None:
    full = False
    clock = VirtualClock()
    fs = FailingFs(lambda _call, name: full and name == "write")
    one_block = block(0).index.nbytes + block(0).current_a.nbytes + block(0).flags.nbytes
    recorder = InlineRecorder.create(tmp_path, header(), clock, fs, capacity_bytes=10 * one_block)
    full = True
    fills = []
    for number in range(20):
        recorder.samples(block(number))
        recorder.event(event(number))
        fills.append(recorder.view().queue_fill)
    assert "not recorded so far" in recorder.view().failing
    assert fills == sorted(fills)
    assert fills[-1] == 1.0
    full = False
    clock.jump_ns(2 * NS_PER_S)
    recorder.samples(block(20))
    recorder.samples(block(21))
    assert recorder.view().failing == ""
    assert any(item.kind is EventKind.GAP for item in read_session(tmp_path).events)
    recorder.close()
    session = read_session(tmp_path)
    assert [item for item in session.events if item.kind is EventKind.MARK] == [event(number) for number in range(20)]
    gaps = [item for item in session.events if item.kind is EventKind.GAP]
    lost = set(range(22 * 25)) - set(session.streams["stat"].index.tolist())
    assert lost
    assert sum(int(str(gap.data["samples"])) for gap in gaps) == len(lost)
    assert min(lost) == gaps[0].data["first_index"]
    assert max(lost) == gaps[-1].data["last_index"]
    assert any("half full" in item.text for item in session.events)
    assert recorder.view().failing == ""


def test_R1_a_session_that_ends_on_a_full_disk_says_how_much_was_waiting(tmp_path: Path) -> None:
    full = False
    fs = FailingFs(lambda _call, name: full and name == "write")
    recorder = InlineRecorder.create(tmp_path, header(), VirtualClock(), fs)
    recorder.samples(block(0))
    full = True
    recorder.samples(block(1))
    assert "recording continues by itself" in recorder.view().failing
    with pytest.raises(RecordingFailed) as told:
        recorder.close()
    assert "2 records that waited in memory when the session ended are not stored" in str(told.value)  # and one event
    assert f"amperfuse recover {tmp_path}" in str(told.value)
    assert "continues by itself" not in str(told.value)
    assert np.array_equal(read_session(tmp_path).streams["stat"].index, np.arange(25))


def test_a_failing_sync_is_said_and_refuses_commits(tmp_path: Path) -> None:
    broken = False
    fs = FailingFs(lambda _call, name: broken and name == "sync", error=5)
    recorder = Recorder.create(tmp_path, header(), SystemClock(), fs)
    broken = True
    with pytest.raises(RecordingFailed, match="disk reports an error"):
        recorder.commit(event(0), 10.0)
    broken = False
    recorder.commit(event(1), 10.0)
    recorder.close()
    session = read_session(tmp_path)
    assert any("may not survive a power cut" in item.text for item in session.events)


def test_two_engines_cannot_record_into_one_folder(tmp_path: Path) -> None:
    recorder = InlineRecorder.create(tmp_path, header(), VirtualClock())
    with pytest.raises(RecordingFailed, match="still runs"):
        InlineRecorder.create(tmp_path, header(), VirtualClock())
    recorder.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a tmpfs is not permitted here; the file size limit below stands in for it")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_R1_a_disk_that_really_fills_loses_nothing_acknowledged(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(128 * 1024))
    recorder = Recorder.create(small_disk, header(), SystemClock())
    number = 0
    while not recorder.view().failing:
        recorder.samples(block(number))
        number += 1
        wait_until(lambda: recorder.core.pending == 0 or recorder.view().failing != "")
    assert "the disk is full" in recorder.view().failing
    acknowledged = recorder.progress()
    stored = read_session(small_disk)
    assert stored.last_sequence + 1 >= acknowledged
    assert np.array_equal(stored.streams["stat"].index, np.arange(len(stored.streams["stat"].index)))
    ballast.unlink()
    wait_until(lambda: recorder.view().failing == "")
    recorder.close()
    assert len(read_session(small_disk).streams["stat"].index) == number * 25


def test_a_file_at_its_size_limit_goes_on_when_the_limit_is_raised(tmp_path: Path) -> None:
    recorder = Recorder.create(tmp_path, header(), SystemClock())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        number = 0
        while not recorder.view().failing:
            recorder.samples(block(number))
            number += 1
            wait_until(lambda: recorder.core.pending == 0 or recorder.view().failing != "")
        assert "raise the limit" in recorder.view().failing
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    wait_until(lambda: recorder.view().failing == "")
    recorder.close()
    assert len(read_session(tmp_path).streams["stat"].index) == number * 25
