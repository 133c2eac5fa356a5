"""A session's folder that was damaged or made to do harm: everything ends, says why, and destroys nothing."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from acquisition.recording import frames
from acquisition.recording.frames import Kind, canonical_json, encode_frame
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.manifest import MANIFEST_NAME, NWB_NAME, read_manifest
from acquisition.recording.nwb_check import look_into
from acquisition.recording.reader import JournalReader
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.records import RecordingFailed
from acquisition.recording.recover import KEPT_NWB_NAME, recover
from acquisition.recording.verify import verify
from drivers.clock import VirtualClock
from drivers.os_support import free_bytes
from tests.recording.synthetic import ROWS, block, event, header

BLOCKS = 20


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("closed")
    recorder = InlineRecorder.create(folder, header(), VirtualClock())
    for number in range(BLOCKS):
        recorder.samples(block(number))
        recorder.event(event(number))
    recorder.close()
    recover(folder, VirtualClock())
    assert verify(folder).ok
    return folder


@pytest.fixture
def session(closed: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "session"
    shutil.copytree(closed, folder)
    return folder


def changed_header(**changes: Any) -> bytes:
    return canonical_json({**json.loads(frames.encode_header(header())), **changes})


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 200_000,
        b"[]",
        b"{}",
        changed_header(started_ns="soon"),
        changed_header(started_ns=None),
        changed_header(streams=[1]),
        changed_header(streams={"a": 1}),
        changed_header(pumps=3),
        changed_header(plan=[]),
    ],
)
def test_X1_a_hostile_header_with_a_right_checksum_is_refused(tmp_path: Path, payload: bytes) -> None:
    whole = encode_frame(Kind.HEADER, 0, payload)
    (tmp_path / JOURNAL_NAME).write_bytes(whole)
    with pytest.raises(RecordingFailed, match=r"no readable session header .*nothing was changed"):
        recover(tmp_path, VirtualClock())
    assert not verify(tmp_path).ok
    assert (tmp_path / JOURNAL_NAME).read_bytes() == whole


@pytest.mark.parametrize(
    "change", [{"t_ns": "now"}, {"t_ns": 2**70}, {"data": [1]}, {"text": 5}, {"kind": "none"}, {"source": {}}]
)
def test_X1_a_hostile_event_with_a_right_checksum_ends_the_valid_data(tmp_path: Path, change: dict[str, Any]) -> None:
    first = encode_frame(Kind.HEADER, 0, frames.encode_header(header()))
    fields = {**json.loads(frames.encode_event(event(0))), **change}
    (tmp_path / JOURNAL_NAME).write_bytes(first + encode_frame(Kind.EVENT, 1, bytes(32) + json.dumps(fields).encode()))
    reader = JournalReader(tmp_path / JOURNAL_NAME)
    assert len(list(reader.tail())) == 1
    assert "damaged at byte" in reader.problem


def test_recover_keeps_a_whole_file_whose_journal_was_damaged_after_the_close(session: Path) -> None:
    journal = session / JOURNAL_NAME
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 1
    journal.write_bytes(data)
    report = recover(session, VirtualClock())
    assert report.kept_file == KEPT_NWB_NAME
    assert KEPT_NWB_NAME in report.text()
    with h5py.File(session / KEPT_NWB_NAME, "r") as file:
        assert np.array_equal(file["acquisition/stat_index/data"], np.arange(BLOCKS * ROWS))
    assert verify(session).ok
    assert journal.read_bytes()[: len(data) // 3] == bytes(data)[: len(data) // 3]
    assert recover(session, VirtualClock()).file == "untouched"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes in folders here")
@pytest.mark.parametrize("name", [MANIFEST_NAME, NWB_NAME])
def test_X1_a_pipe_in_the_place_of_a_file_is_not_waited_for(session: Path, name: str) -> None:
    (session / name).unlink()
    os.mkfifo(session / name)
    assert not verify(session).ok
    if name == MANIFEST_NAME:
        (session / name).unlink()  # a pipe there is nothing a session could have left: a person removes it
    recover(session, VirtualClock())
    assert verify(session).ok


def test_X3_a_manifest_that_lists_files_elsewhere_is_refused_and_replaced(session: Path) -> None:
    manifest = session / MANIFEST_NAME
    good = manifest.read_text()
    for name in ("/dev/zero", "../elsewhere", "/etc/hostname"):
        manifest.write_text(good + f"{'0' * 64}  {name}\n")
        with pytest.raises(ValueError, match="outside of the session"):
            read_manifest(session)
    told = verify(session).text()
    recover(session, VirtualClock())
    assert "outside of the session" in told
    assert verify(session).ok


def test_a_manifest_that_is_no_text_is_refused_and_replaced(session: Path) -> None:
    (session / MANIFEST_NAME).write_bytes(b"\xff\xfe\x00" * 100)
    assert not verify(session).ok
    recover(session, VirtualClock())
    assert verify(session).ok


def test_X3_a_link_to_another_sessions_journal_is_not_touched(session: Path, tmp_path: Path) -> None:
    running = InlineRecorder.create(tmp_path, header(), VirtualClock())
    before = (tmp_path / JOURNAL_NAME).read_bytes()
    (session / JOURNAL_NAME).unlink()
    (session / JOURNAL_NAME).symlink_to(tmp_path / JOURNAL_NAME)
    with pytest.raises(RecordingFailed, match="link to another file"):
        recover(session, VirtualClock())
    assert (tmp_path / JOURNAL_NAME).read_bytes() == before
    running.close()


def test_X3_a_link_to_another_sessions_file_is_replaced_and_the_other_file_is_not_touched(
    session: Path, closed: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.nwb"
    shutil.copy(closed / NWB_NAME, other)
    before = other.read_bytes()
    (session / MANIFEST_NAME).unlink()
    (session / NWB_NAME).unlink()
    (session / NWB_NAME).symlink_to(other)
    recover(session, VirtualClock())
    assert other.read_bytes() == before
    assert not (session / NWB_NAME).is_symlink()
    assert verify(session).ok


def test_torn_bytes_that_do_not_fit_on_the_disk_stay_in_the_journal(session: Path) -> None:
    journal = session / JOURNAL_NAME
    length = journal.stat().st_size + free_bytes(session) + (1 << 30)
    try:
        os.truncate(journal, length)  # a hole: takes no room until it is copied
    except OSError:
        pytest.skip("this file system has no files with holes")
    with pytest.raises(RecordingFailed, match="free space on it"):
        recover(session, VirtualClock())
    assert journal.stat().st_size == length
    assert not (session / f"{JOURNAL_NAME}.torn").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes in folders here")
def test_X5_a_file_that_is_read_for_ever_does_not_hold_up_who_verifies(session: Path) -> None:
    endless = session / "endless"
    os.mkfifo(endless)  # [M] HDF5 read a file with 512 zeroed bytes for ever
    (line,) = look_into(session, session / NWB_NAME, endless, at_least_s=2.0)
    assert "read for ever" in line[1]
    assert "amperfuse recover" in line[1]
