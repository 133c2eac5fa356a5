"""X5: a session folder from somebody else, whose HDF5 file does more than hold a recording."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from acquisition.recording.hdf5_guard import MAX_CHUNK_BYTES, ForeignFile, refuse_foreign
from acquisition.recording.live_file import LiveFile
from acquisition.recording.manifest import MANIFEST_NAME, NWB_NAME
from acquisition.recording.nwb import tables
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.records import RecordingFailed
from acquisition.recording.recover import recover
from acquisition.recording.verify import verify
from drivers.clock import VirtualClock
from tests.recording.synthetic import block, event, header


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("closed")
    recorder = InlineRecorder.create(folder, header(), VirtualClock())
    for number in range(5):
        recorder.samples(block(number))
        recorder.event(event(number))
    recorder.close()
    recover(folder, VirtualClock())
    return folder


@pytest.fixture
def session(closed: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "session"
    shutil.copytree(closed, folder)
    return folder


def test_X5_a_file_that_is_written_here_is_accepted(closed: Path) -> None:
    refuse_foreign(closed / NWB_NAME)


def external_link(file: h5py.File, other: Path) -> None:
    file["acquisition/elsewhere"] = h5py.ExternalLink(str(other), "/")


def network_link(file: h5py.File, other: Path) -> None:
    file["acquisition/elsewhere"] = h5py.ExternalLink(r"\\host\share\session.nwb", "/")


def external_storage(file: h5py.File, other: Path) -> None:
    file.create_dataset("raw", (4,), "u1", external=[(str(other), 0, 4)])


def put_together(file: h5py.File, other: Path) -> None:
    layout = h5py.VirtualLayout((4,), "i8")
    layout[:] = h5py.VirtualSource(str(other), "x", (4,))
    file.create_virtual_dataset("virtual", layout)


def unknown_filter(file: h5py.File, other: Path) -> None:
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((4,))
    made.set_filter(32_008, h5py.h5z.FLAG_OPTIONAL)  # a registered number that no library here has
    h5py.h5d.create(file.id, b"filtered", h5py.h5t.STD_I64LE, h5py.h5s.create_simple((4,)), made)


def petabyte(file: h5py.File, other: Path) -> None:
    file.create_dataset("huge", (10**15,), "u1", chunks=(1024,))


def huge_chunk(file: h5py.File, other: Path) -> None:
    file.create_dataset("chunk", (1,), "u1", chunks=(MAX_CHUNK_BYTES + 1,), maxshape=(None,))


def deep(file: h5py.File, other: Path) -> None:
    file.create_group("/".join("d" * 50))


CRAFTED = [external_link, network_link, external_storage, put_together, unknown_filter, petabyte, huge_chunk, deep]


@pytest.mark.parametrize("craft", CRAFTED, ids=lambda craft: craft.__name__)
def test_X5_what_leads_out_of_a_file_or_claims_too_much_is_refused(
    tmp_path: Path, craft: Callable[[h5py.File, Path], None]
) -> None:
    crafted = tmp_path / "crafted.nwb"
    with h5py.File(crafted, "w") as file:
        file["x"] = np.arange(4)
        craft(file, tmp_path / "nobody-must-look-here")
    with pytest.raises(ForeignFile):
        refuse_foreign(crafted)


def test_X5_groups_that_contain_each_other_are_looked_at_once(tmp_path: Path) -> None:
    path = tmp_path / "circle.nwb"
    with h5py.File(path, "w") as file:
        file["a/b/back"] = file.create_group("a")
        file["a/soft"] = h5py.SoftLink("/nothing/there")
    refuse_foreign(path)


def test_X5_recovering_a_crafted_folder_cuts_no_other_recording(session: Path, closed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.nwb"
    shutil.copy(closed / NWB_NAME, other)
    before = other.read_bytes()
    crafted = LiveFile.create(session / NWB_NAME, header())
    crafted.close()
    with h5py.File(session / NWB_NAME, "r+") as file:
        for table in tables(header()):
            column = next(
                iter(table.columns.values())
            )  # the others are empty: "cut to the shortest" would cut this one
            del file[column]
            file[column] = h5py.ExternalLink(str(other), f"/{column}")
    (session / MANIFEST_NAME).unlink()

    recover(session, VirtualClock())

    assert other.read_bytes() == before
    assert verify(session).ok


def test_X5_verify_says_that_a_file_leads_elsewhere(session: Path, tmp_path: Path) -> None:
    with h5py.File(session / NWB_NAME, "r+") as file:
        external_link(file, tmp_path / "other.nwb")
    assert "leads to another file" in verify(session).text()


@pytest.mark.parametrize(
    "name", ["archiver.log", "session.sha256.new", "session.journal.torn", "session.nwb.finishing", ".archiver.lock"]
)
def test_X3_recover_writes_through_no_link_in_a_folder_from_elsewhere(session: Path, tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    (session / name).unlink(missing_ok=True)
    (session / name).symlink_to(victim)
    (session / MANIFEST_NAME).unlink()
    with pytest.raises(RecordingFailed, match="holds a link"):
        recover(session, VirtualClock())
    assert victim.read_text(encoding="utf-8") == "mine"
