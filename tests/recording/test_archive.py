"""``session.nwb``: valid while it grows and after, exactly the journal's rows, however its writer was stopped."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from acquisition.events import Event, EventKind
from acquisition.recording.archiver import Archive, close_archive, open_archive, rebuild
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.live_file import LiveFile
from acquisition.recording.manifest import FINISHING_NAME, MANIFEST_NAME, NWB_NAME
from acquisition.recording.nwb import tables
from acquisition.recording.reader import JournalReader
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.records import RecordingFailed
from acquisition.recording.recover import recover
from acquisition.recording.row_check import first_difference
from acquisition.recording.session_data import read_session
from acquisition.recording.swmrclear import clear, lookup3
from acquisition.recording.verify import session_fingerprint, verify
from drivers.clock import VirtualClock
from tests.recording.synthetic import STARTED_NS, STARTED_WALL_NS, block, event, header, infusion

LONG_NOTE = "µ" * 5000

_READ = """
import sys, h5py, pynwb
from pynwb import NWBHDF5IO
with h5py.File(sys.argv[1], "r", swmr=sys.argv[2] == "live") as file, NWBHDF5IO(file=file, mode="r") as io:
    print(pynwb.validate(io=io))
    nwb = io.read()
    rows = len(nwb.acquisition["stat_glutamate"].data), len(nwb.events["mark"])
    print(*rows, nwb.subject.species, nwb.session_description)
"""


def start(folder: Path, *, simulated: bool = True) -> InlineRecorder:
    return InlineRecorder.create(folder, header(simulated=simulated), VirtualClock())


def fill(recorder: InlineRecorder, first: int, last: int) -> None:
    for number in range(first, last):
        recorder.samples(block(number))
        recorder.infusion(infusion(number))
        recorder.event(event(number))


def say(recorder: InlineRecorder, kind: EventKind, text: str, **data: str | int) -> None:
    recorder.event(Event(kind, STARTED_NS + 10**9, STARTED_WALL_NS, "conductor", text, data))


def crash(recorder: InlineRecorder) -> None:
    """Leave the journal as a killed engine does."""
    recorder.core.writer.close()
    recorder.core.lock.release()


def run_archiver(folder: Path, *options: str) -> int:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "acquisition.recording.archiver", str(folder), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=False,
        timeout=60,
    ).returncode


def read_elsewhere(path: Path, how: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(path), how], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    recorder = start(folder)
    fill(recorder, 0, 40)
    say(recorder, EventKind.NOTE, LONG_NOTE, opened_ns=1)
    say(recorder, EventKind.STEP, "baseline began", step=1, state="running")
    say(recorder, EventKind.STEP, "baseline ended", step=1, state="done")
    say(recorder, EventKind.STEP, "ketamine began", step=2, state="running")
    recorder.close()
    assert run_archiver(folder) == 0
    return folder


@pytest.fixture
def session(undisturbed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(undisturbed, tmp_path / "session")


def datasets(path: Path) -> dict[str, object]:
    found: dict[str, object] = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item[()]).tolist()

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def test_the_closed_file_holds_every_stream_dose_event_and_step(undisturbed: Path) -> None:
    data = read_session(undisturbed)
    with h5py.File(undisturbed / NWB_NAME, "r") as file:
        assert np.array_equal(file["acquisition/stat_glutamate/data"][:], data.streams["stat"].current_a[:, 0])
        assert file["acquisition/stat_glutamate/data"].attrs["unit"] == "amperes"
        times = file["acquisition/stat_sentinel/timestamps"][:]
        assert times[0] == 0.0
        assert times[999] == pytest.approx(9.99, abs=1e-9)
        assert times.dtype == np.float64
        assert np.array_equal(
            file["stimulus/presentation/drug_confirmed_ul/data"][:], data.infusions["drug"].confirmed_ul
        )
        assert np.array_equal(
            file["stimulus/presentation/drug_at_animal_ul_per_min/data"][:], data.infusions["drug"].at_animal_ul_per_min
        )
        assert [text.decode() for text in file["events/mark/annotation"][:2]] == [event(0).text, event(1).text]
        assert file["events/note/annotation"][0].decode() == LONG_NOTE
        steps = file["intervals/protocol_steps"]
        assert steps["start_time"][:].tolist() == [1.0, 1.0]
        assert [text.decode() for text in steps["state"][:]] == ["done", "running"]
        assert [text.decode() for text in steps["kind"][:]] == ["wait", "infuse"]
        assert "wire" not in file["events"]
    problems, summary = read_elsewhere(undisturbed / NWB_NAME, "closed")
    assert problems == "[]"
    assert summary.startswith("1000 40 Mus musculus SIMULATED")


def test_channel_names_that_collide_with_other_series_get_names_of_their_own(tmp_path: Path) -> None:
    spec = replace(header().streams[0], channels=("index", "index_flags"))
    awkward = replace(header(), streams=(spec,))
    recorder = InlineRecorder.create(tmp_path, awkward, VirtualClock())
    recorder.samples(replace(block(0), channels=spec.channels))
    recorder.close()
    recover(tmp_path, VirtualClock())
    assert verify(tmp_path).ok
    names = {key: path for table in tables(awkward) for key, path in table.columns.items() if table.key[0] == "samples"}
    with h5py.File(tmp_path / NWB_NAME, "r") as file:
        assert np.array_equal(file[names["current:index"]], block(0).current_a[:, 0])
        assert np.array_equal(file[names["current:index_flags"]], block(0).current_a[:, 1])
    assert names["index"] == "acquisition/stat_index/data"


def test_a_stranger_finds_what_a_microlitre_is_to_the_animal(undisturbed: Path) -> None:
    with h5py.File(undisturbed / NWB_NAME, "r") as file:
        series = file["stimulus/presentation/drug_at_animal_ul/data"].parent
        assert "ketamine 2 mg/mL: 1 microliter is 0.08 mg/kg for 25 g" in str(series.attrs["comments"])


def test_a_real_session_does_not_say_simulated(tmp_path: Path) -> None:
    recorder = start(tmp_path, simulated=False)
    fill(recorder, 0, 2)
    recorder.close()
    assert run_archiver(tmp_path) == 0
    assert b"SIMULATED" not in (tmp_path / NWB_NAME).read_bytes()


def test_the_file_is_valid_for_other_processes_while_it_grows(tmp_path: Path) -> None:
    recorder = start(tmp_path)
    archive = open_archive(tmp_path)
    for before, rows in ((0, 0), (0, 10), (10, 30)):
        fill(recorder, before, rows)
        archive.catch_up()
        problems, summary = read_elsewhere(tmp_path / NWB_NAME, "live")
        assert problems == "[]"
        assert summary.startswith(f"{rows * 25} {rows} Mus musculus SIMULATED")
    archive.live.close()
    crash(recorder)


def test_nothing_that_grows_has_variable_length(tmp_path: Path) -> None:
    """Variable-length text did not survive a kill in 89 of 1703 places."""
    recorder = start(tmp_path)
    archive = open_archive(tmp_path)
    for table in tables(header()):
        for path in table.columns.values():
            text = h5py.check_string_dtype(archive.live.file[path].dtype)
            assert text is None or text.length, path
            assert archive.live.file[path].compression is None
    archive.live.close()
    crash(recorder)


def test_verify_accepts_an_undisturbed_session(undisturbed: Path) -> None:
    report = verify(undisturbed)
    assert report.ok, report.text()
    assert "sample by sample" in report.text()


def _change_sample(folder: Path) -> None:
    with h5py.File(folder / NWB_NAME, "r+") as file:
        file["acquisition/stat_glutamate/data"][500] += 1e-15


def _change_text(folder: Path) -> None:
    with h5py.File(folder / NWB_NAME, "r+") as file:
        file["events/mark/annotation"][3] = "mark 3 mL"


def _drop_row(folder: Path) -> None:
    with h5py.File(folder / NWB_NAME, "r+") as file:
        file["acquisition/stat_glutamate/data"].resize((999,))


def _add_row(folder: Path) -> None:
    with h5py.File(folder / NWB_NAME, "r+") as file:
        file["stimulus/presentation/drug_confirmed_ul/data"].resize((41,))


def _flip_bit(folder: Path) -> None:
    data = bytearray((folder / JOURNAL_NAME).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / JOURNAL_NAME).write_bytes(data)


def _cut_journal(folder: Path) -> None:
    data = (folder / JOURNAL_NAME).read_bytes()
    reader = JournalReader(folder / JOURNAL_NAME)
    ends = [record.end for record in reader.tail()]
    (folder / JOURNAL_NAME).write_bytes(data[: ends[-3]])


@pytest.mark.parametrize(
    ("damage", "check", "says"),
    [
        (_change_sample, "NWB rows", "stat_glutamate/data differs in row 500"),
        (_change_text, "NWB rows", "events/mark/annotation differs in row 3"),
        (_drop_row, "NWB rows", "stat_glutamate/data has 999 rows"),
        (_add_row, "NWB rows", "drug_confirmed_ul/data has 41 rows, the journal 40"),
        (_flip_bit, "records", "damaged at byte"),
        (_cut_journal, "closing record", "missing"),
        (lambda folder: (folder / MANIFEST_NAME).unlink(), "manifest", "missing"),
        (lambda folder: (folder / NWB_NAME).write_bytes(b"not hdf5"), "NWB file", "cannot be read"),
    ],
    ids=["sample", "text", "row lost", "row added", "bit", "cut", "no manifest", "no hdf5"],
)
def test_R5_verify_names_every_damage(session: Path, damage: Callable[[Path], object], check: str, says: str) -> None:
    damage(session)
    report = verify(session)
    assert not report.ok
    assert any(item.check == check and says in item.text and not item.ok for item in report.findings), report.text()


def test_recover_makes_a_damaged_nwb_file_anew_with_the_same_datasets(session: Path, undisturbed: Path) -> None:
    _change_sample(session)
    assert recover(session, VirtualClock()).file in ("completed", "rebuilt")
    assert datasets(session / NWB_NAME) == datasets(undisturbed / NWB_NAME)
    assert verify(session).ok
    assert recover(session, VirtualClock()).file == "untouched"


@pytest.mark.parametrize("torn", [0, 23, 60])
def test_R53_recover_closes_an_interrupted_session_and_keeps_the_torn_bytes(tmp_path: Path, torn: int) -> None:
    recorder = start(tmp_path)
    fill(recorder, 0, 20)
    say(recorder, EventKind.INTENT, "infuse 10 uL")
    say(recorder, EventKind.PUMP, "started", what="started")
    say(recorder, EventKind.PUMP, "infused", what="target reached")
    say(recorder, EventKind.INTENT, "infuse 5 uL of ketamine")
    say(recorder, EventKind.PUMP, "started", what="started")
    crash(recorder)
    whole = (tmp_path / JOURNAL_NAME).read_bytes()
    tail = whole[:torn]
    (tmp_path / JOURNAL_NAME).write_bytes(whole + tail)
    report = recover(tmp_path, VirtualClock())
    assert not report.was_closed
    assert report.torn_bytes == torn
    assert report.maybe_delivered == ("conductor: infuse 5 uL of ketamine",)
    assert "MAYBE DELIVERED" in report.text()
    if torn:
        assert (tmp_path / f"{JOURNAL_NAME}.torn").read_bytes() == tail
    assert (tmp_path / JOURNAL_NAME).read_bytes().startswith(whole)
    data = read_session(tmp_path)
    assert data.close is not None
    assert data.close.outcome == "recovered"
    assert data.events[-1].text.startswith("INTERRUPTED")
    assert len(data.streams["stat"].index) == 500
    assert verify(tmp_path).ok, verify(tmp_path).text()
    before = (tmp_path / JOURNAL_NAME).read_bytes()
    again = recover(tmp_path, VirtualClock())
    assert (again.was_closed, again.file) == (True, "untouched")
    assert (tmp_path / JOURNAL_NAME).read_bytes() == before


def test_a_session_that_is_still_recorded_is_not_recovered(tmp_path: Path) -> None:
    recorder = start(tmp_path)
    with pytest.raises(RecordingFailed, match="still runs"):
        recover(tmp_path, VirtualClock())
    recorder.close()


def test_a_folder_without_a_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingFailed, match="holds no"):
        recover(tmp_path, VirtualClock())
    assert not verify(tmp_path).ok


def test_a_resumed_archiver_writes_every_row_exactly_once(tmp_path: Path) -> None:
    recorder = start(tmp_path)
    for first, last in ((0, 3), (3, 3), (3, 11), (11, 20)):
        fill(recorder, first, last)
        archive = open_archive(tmp_path)
        archive.catch_up()
        archive.live.close()
    recorder.close()
    archive = open_archive(tmp_path)
    archive.catch_up()
    close_archive(tmp_path, archive)
    assert verify(tmp_path).ok, verify(tmp_path).text()


def test_unequal_columns_are_cut_and_filled_again_even_inside_a_block(tmp_path: Path) -> None:
    recorder = start(tmp_path)
    fill(recorder, 0, 10)
    archive = open_archive(tmp_path)
    archive.catch_up()
    archive.live.close()
    with h5py.File(tmp_path / NWB_NAME, "r+") as file:
        file["acquisition/stat_sentinel/data"].resize((113,))
        file["events/mark/annotation"].resize((7,))
        file["stimulus/presentation/drug_uncertain_ul/data"].resize((0,))
    recorder.close()
    archive = open_archive(tmp_path)
    assert archive.live.rows["samples", "stat"] == 113
    for table in tables(header()):
        lengths = {len(archive.live.file[path]) for path in table.columns.values()}
        assert lengths == {archive.live.rows[table.key]}, table.key
    archive.catch_up()
    close_archive(tmp_path, archive)
    assert verify(tmp_path).ok, verify(tmp_path).text()


def test_a_file_killed_while_it_was_being_closed_is_made_anew(session: Path, undisturbed: Path) -> None:
    (session / MANIFEST_NAME).unlink()
    (session / FINISHING_NAME).touch()
    with h5py.File(session / NWB_NAME, "r+") as file:
        del file["events/mark"]
    assert not verify(session).ok
    assert run_archiver(session) == 0
    assert datasets(session / NWB_NAME) == datasets(undisturbed / NWB_NAME)
    assert not (session / FINISHING_NAME).exists()


def test_a_rebuild_equals_an_undisturbed_close(session: Path, undisturbed: Path) -> None:
    (session / NWB_NAME).unlink()
    rebuild(session)
    assert datasets(session / NWB_NAME) == datasets(undisturbed / NWB_NAME)


def test_a_second_archiver_is_refused(tmp_path: Path) -> None:
    recorder = start(tmp_path)
    archive = open_archive(tmp_path)
    with pytest.raises((OSError, RuntimeError)):
        LiveFile.resume(tmp_path / NWB_NAME, header())
    archive.live.close()
    crash(recorder)


def test_the_mark_of_a_killed_writer_is_cleared(tmp_path: Path) -> None:
    recorder = start(tmp_path)
    Archive(JournalReader(tmp_path / JOURNAL_NAME), LiveFile.create(tmp_path / NWB_NAME, header())).live.close()
    raw = bytearray((tmp_path / NWB_NAME).read_bytes())
    raw[11] = 5
    struct.pack_into("<I", raw, 44, lookup3(bytes(raw[:44])))
    (tmp_path / NWB_NAME).write_bytes(raw)
    with pytest.raises(OSError, match="already open for write"):
        h5py.File(tmp_path / NWB_NAME, "r")
    assert clear(tmp_path / NWB_NAME)
    assert not clear(tmp_path / NWB_NAME)
    h5py.File(tmp_path / NWB_NAME, "r").close()
    crash(recorder)


def test_the_checksum_is_that_of_its_inventor() -> None:
    """Values printed in the source of lookup3.c."""
    assert lookup3(b"") == 0xDEADBEEF
    assert lookup3(b"Four score and seven years ago") == 0x17770551


def test_the_fingerprint_follows_samples_and_events_and_nothing_else(tmp_path: Path) -> None:
    def record(name: str, session_id: str, *, change: float = 0.0, cut: int = 25) -> str:
        folder = tmp_path / name
        folder.mkdir()
        recorder = InlineRecorder.create(folder, header(session_id=session_id), VirtualClock())
        for number in range(4 * 25 // cut):
            made = block(number, rows=cut)
            recorder.samples(replace(made, current_a=made.current_a + change))
        recorder.event(event(0))
        recorder.close()
        return session_fingerprint(folder)

    plain = record("a", "one")
    assert record("b", "two") == plain
    assert record("c", "one", cut=50) == plain
    assert record("d", "one", change=1e-18) != plain


def test_pieces_are_compared_to_the_last_row(session: Path) -> None:
    with h5py.File(session / NWB_NAME, "r+") as file:
        file["acquisition/stat_sentinel_flags/data"][999] ^= 1
    assert first_difference(session / NWB_NAME, session / JOURNAL_NAME).endswith("differs in row 999")
