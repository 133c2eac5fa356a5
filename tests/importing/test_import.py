"""Text of another system becomes a session with the same numbers, that says everywhere where it comes from."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import h5py
import mat4py
import numpy as np
import pyedflib
import pytest
from typer.testing import CliRunner

from acquisition.events import EventKind
from acquisition.importing import samples
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.records import RecordingFailed
from acquisition.recording.verify import verify
from amperfuse.cli import app
from analysis.export.edf import export_edf
from analysis.export.mat import export_mat
from analysis.export.tables import export_csv
from analysis.report.files import as_page
from analysis.report.findings import find
from analysis.review import open_recording
from analysis.summary import summary_page
from tests.analysis.session_kit import write_session
from tests.importing import kit

ROOT = Path(__file__).resolve().parents[2]
BACK = """
[recording]
name = "there and back"
system = "Amperfuse, CSV export"
started = "2026-01-01T09:00:00+00:00"
simulated = true
[subject]
id = "m1"
species = "mouse"
[time]
column = "time_s"
interval = "100 ms"
[potentiostats.stat]
potential = "700 mV"
[[potentiostats.stat.channels]]
name = "glu"
column = "glu_nA"
flags = "glu_flags"
unit = "nA"
role = "glutamate"
range = "100 nA"
sensitivity = "7 pA/uM"
[[potentiostats.stat.channels]]
name = "null"
column = "null_nA"
flags = "null_flags"
unit = "nA"
role = "sentinel"
range = "100 nA"
[marks]
file = "csv/events.csv"
time = "time_s"
column = "text"
where = { column = "kind", says = "alarm" }
"""


def test_our_own_export_imported_again_has_the_same_times_currents_flags_and_gaps(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    write_session(tmp_path / "ours")
    ours = open_recording(tmp_path / "ours")
    export_csv(ours, tmp_path / "csv")
    (tmp_path / "map.toml").write_text(BACK, encoding="utf-8")
    done = kit.brought(tmp_path, (tmp_path / "csv" / "samples-stat.csv").read_bytes(), tmp_path / "map.toml")
    back = kit.recorded(tmp_path)
    for name, channel in ours.channels.items():
        again = back.channels[name]
        assert again.t_s.tolist() == channel.t_s.tolist()
        np.testing.assert_allclose(again.current_a, channel.current_a, rtol=4e-16)  # to nA and back: the last bit
        assert (again.flags.tolist(), again.breaks.tolist()) == (channel.flags.tolist(), channel.breaks.tolist())
        assert (again.sensitivity_a_per_um, again.role) == (channel.sensitivity_a_per_um, channel.role)
    assert [(mark.t_s, mark.text) for mark in back.marks] == [(900.0, "samples are missing")]
    assert (done.rows, done.gaps, done.measurements, done.worst_time_s) == (23_700, 1, 1, 0.0)
    assert back.data.header.mark == "SIMULATED IMPORTED "


def test_the_example_is_a_session_that_verify_report_and_export_take_and_that_says_IMPORTED(tmp_path: Path) -> None:
    text, out = ROOT / "examples/import/recording.txt", tmp_path / "new" / "session"
    done = CliRunner().invoke(
        app, ["import", str(text), "--mapping", str(ROOT / "examples/import/mapping.toml"), "--to", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert "IMPORTED: 8 rows, 2 marks, 1 gaps, 1 measurements" in done.output
    assert (report := verify(out)).ok, report.text()
    assert "its times are those of the imported file" in report.text()
    recording, sha256 = open_recording(out), hashlib.sha256(text.read_bytes()).hexdigest()
    glu = recording.channels["neighbours.glu"]
    assert glu.t_s.tolist() == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 1.0, 1.1, 1.2], abs=1e-12)
    assert glu.current_a.tolist() == pytest.approx([5.12e-10, 5.14e-10, 5.13e-10, np.nan, 5.15e-10, 7.31e-10, 8.02e-10,
                                                    7.97e-10], rel=1e-12, nan_ok=True)  # fmt: skip
    assert (glu.flags.tolist(), glu.breaks.tolist()) == ([0, 0, 0, 16, 0, 0, 0, 0], [4])
    assert [(mark.t_s, mark.text) for mark in recording.marks] == [(0.1, "baseline"), (1.0, "KCl")]
    assert recording.data.header.started_wall_ns == 1_772_456_700_000_000_000, "13:05 UTC"
    assert not recording.simulated
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new"]
    assert sorted(path.name for path in out.parent.iterdir()) == ["session"]
    page = as_page(recording, find(recording, "", ""))
    assert f"IMPORTED, not recorded by this program: recording.txt (SHA-256 {sha256})" in page
    export_csv(recording, tmp_path / "csv")
    assert sha256 in (tmp_path / "csv" / "about.csv").read_text(encoding="utf-8")
    assert sha256 in summary_page(recording.data)
    export_edf(recording, tmp_path / "a.edf")
    with pyedflib.EdfReader(str(tmp_path / "a.edf")) as reader:
        assert reader.getEquipment() == "IMPORTED"
    export_mat(recording, tmp_path / "a.mat")
    assert sha256 in mat4py.loadmat(str(tmp_path / "a.mat"))["session"]["status"]
    with h5py.File(out / "session.nwb", "r") as file:
        assert b"IMPORTED, not recorded by this program" in file["session_description"][()]
        assert file["acquisition/neighbours_glu"].attrs["description"].startswith("IMPORTED raw current")


@pytest.mark.parametrize(
    ("unit", "channel", "value_a"),
    [("A", "", 2.0), ("mA", "", 2e-3), ("µA", "", 2e-6), ("nA", "", 2e-9), ("pA", "", 2e-12),
     ("uM", 'sensitivity = "7 pA/uM"', 14e-12)],
)  # fmt: skip
def test_every_unit_becomes_amperes(unit: str, channel: str, value_a: float, tmp_path: Path) -> None:
    kit.brought(tmp_path, kit.rows([0.0], [2]), kit.mapping(tmp_path, unit=unit, channel=channel))
    assert kit.recorded(tmp_path).channels["old.glu"].current_a.tolist() == pytest.approx([value_a], rel=1e-15)


def test_a_cell_without_a_number_is_flagged_whatever_its_column_of_flags_says(tmp_path: Path) -> None:
    wanted = kit.mapping(tmp_path, channel='flags = "f"')
    kit.brought(tmp_path, "t,glu,f\n0,1,2\n0.1,NaN,0\n0.2,,8\n", wanted)
    assert kit.recorded(tmp_path).channels["old.glu"].flags.tolist() == [2, 16, 24]


@pytest.mark.parametrize(
    ("text", "content"),
    [('delimiter = "semicolon"\ndecimal = "comma"', "t;glu\n0,0;1,5\n0,1;-2,5e-1\n"),
     ('delimiter = "tab"\nencoding = "utf-16"', "t\tglu\n0\t1.5\n.1\t-0.25\n".encode("utf-16")),
     ('delimiter = "blanks"\nskip_lines = 2', "Ü\n\n  t   glu\r\n 0.0  1.5\r\n\r\n 0.1 -.25\r\n"),
     ('encoding = "windows-1252"\nskip_lines = 1', "µA/cm²\nt,glu\n0,1.5\n0.1,-0.25".encode("cp1252")),
     ("", 't,"glu"\n"0.0","1.5"\n0.1,-0.25,\n')],
)  # fmt: skip
def test_layouts_of_text(text: str, content: str | bytes, tmp_path: Path) -> None:
    kit.brought(tmp_path, content, kit.mapping(tmp_path, text=text))
    glu = kit.recorded(tmp_path).channels["old.glu"]
    assert (glu.t_s.tolist(), (glu.current_a * 1e9).tolist()) == ([0.0, 0.1], pytest.approx([1.5, -0.25]))


def test_without_names_and_times_columns_are_numbers_and_rows_follow_each_other(tmp_path: Path) -> None:
    wanted = kit.mapping(tmp_path, text="names = false", time="")
    wanted.write_text(wanted.read_text(encoding="utf-8").replace('column = "glu"', "column = 2"), encoding="utf-8")
    kit.brought(tmp_path, "x,1\nx,2\nx,3\n", wanted)
    glu = kit.recorded(tmp_path).channels["old.glu"]
    assert (glu.t_s.tolist(), (glu.current_a * 1e9).tolist()) == ([0.0, 0.1, 0.2], pytest.approx([1, 2, 3]))


def test_a_gap_is_an_event_and_a_pause_off_the_grid_a_measurement_of_its_own(tmp_path: Path) -> None:
    done = kit.brought(tmp_path, kit.rows([0.0, 0.101, 0.5, 7.65, 7.75]))
    recording = kit.recorded(tmp_path)
    gaps = [one for one in recording.happenings if one.kind == EventKind.GAP.value]
    told = [(gap.t_s, gap.data["epoch"], gap.data["first_index"], gap.data["count"]) for gap in gaps]
    assert told == [(0.2, 0, 2, 3), (0.6, 0, 6, 71)]
    assert recording.channels["old.glu"].t_s.tolist() == pytest.approx([0.0, 0.1, 0.5, 7.65, 7.75])
    assert recording.channels["old.glu"].breaks.tolist() == [1, 2]
    assert (done.measurements, round(done.worst_time_s, 9)) == (2, 0.001)
    assert "weight not given" in summary_page(recording.data)
    assert "at most 1 ms away, in 2 measurements" in recording.happenings[-1].text


def test_many_rows_stand_in_many_blocks_and_marks_between_the_samples_of_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "BLOCK_ROWS", 7)
    (tmp_path / "marks.csv").write_text("at,what\n1000,b\n\n100,a\n99000,after the end\n", encoding="utf-8")
    more = '[marks]\nfile = "marks.csv"\ncolumn = "what"\ntime = "at"\nunit = "ms"'
    kit.brought(tmp_path, kit.rows([n / 10 for n in range(50)]), kit.mapping(tmp_path, more=more))
    recording = kit.recorded(tmp_path)
    assert (recording.channels["old.glu"].current_a * 1e9).tolist() == pytest.approx(list(range(50)))
    assert [(mark.t_s, mark.text) for mark in recording.marks] == [(0.1, "a"), (1.0, "b"), (99.0, "after the end")]


def test_stimuli_from_the_very_first_sample_on_have_their_report(tmp_path: Path) -> None:
    lines = [f"{n / 10!r}\t{0.5 + 0.1 * (n % 300 < 40)!r}\t0.3\t{'KCl' if n % 300 == 0 else ''}\n" for n in range(1500)]
    content = "\n\n\nTime (s)\tCh 1 (nA)\tCh 2 (nA)\tRemark\n" + "".join(lines).replace(".", ",")
    kit.brought(tmp_path, content, ROOT / "examples/import/mapping.toml")
    recording = kit.recorded(tmp_path)
    findings = find(recording, "", "")
    assert findings.stimulus == "KCl"
    assert "Responses of neighbours.glu to" in as_page(recording, findings)


def test_the_same_text_gives_the_same_recording(tmp_path: Path) -> None:
    for to in ("one", "two"):
        kit.brought(tmp_path, kit.rows([0.0, 0.1]), to=to)
    assert (tmp_path / "one/session.journal").read_bytes() == (tmp_path / "two/session.journal").read_bytes()


def test_a_disk_that_takes_no_more_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise RecordingFailed("the disk is full")

    monkeypatch.setattr(InlineRecorder, "close", full)
    with pytest.raises(RecordingFailed):
        kit.brought(tmp_path, kit.rows([0.0, 0.1]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.toml", "old.txt"]


def test_what_was_recorded_here_says_nothing_of_an_import(tmp_path: Path) -> None:
    write_session(tmp_path, simulated=False)
    recording = open_recording(tmp_path)
    assert (recording.status, recording.data.header.mark) == ("measured", "")
    assert b"imported" not in (tmp_path / "session.journal").read_bytes()[:4000]
    assert replace(recording.data.header, imported="x").mark == "IMPORTED "
