"""What another program reads in an export is what the journal holds: read back by readers that others wrote."""

from __future__ import annotations

import csv
from pathlib import Path

import h5py
import mat4py
import numpy as np
import pyedflib
import pytest
from nwbinspector import Importance, inspect_nwbfile
from pynwb import NWBHDF5IO, validate

from acquisition.books.annotations import annotate
from acquisition.recording.recover import recover
from analysis.export.edf import export_edf
from analysis.export.mat import export_mat
from analysis.export.nwb import export_nwb
from analysis.export.tables import export_csv
from analysis.review import Recording, open_recording
from tests.analysis.session_kit import GAP, write_session


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = tmp_path_factory.mktemp("session")
    write_session(folder)
    recover(folder)
    annotate(folder, "=1+1 touched the cable", "Ada", 1, start_s=100.0, end_s=101.5, channel="stat.glu", blank=True)
    return open_recording(folder)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_has_every_sample_with_its_unit_and_no_row_for_a_missing_one(recording: Recording, tmp_path: Path) -> None:
    export_csv(recording, tmp_path / "csv")
    rows = table(tmp_path / "csv" / "samples-stat.csv")
    channel = recording.channels["stat.glu"]
    assert [float(row["time_s"]) for row in rows] == channel.t_s.tolist()
    np.testing.assert_allclose([float(row["glu_nA"]) for row in rows], channel.current_a * 1e9, rtol=1e-12)
    np.testing.assert_allclose([float(row["glu_apparent_uM"]) for row in rows], channel.glutamate_um(), rtol=1e-12)
    assert "null_apparent_uM" not in rows[0]  # not calibrated: stays in nA
    assert {int(row["sample_index"]) for row in rows}.isdisjoint(range(*GAP))


def test_X9_no_cell_of_an_exported_table_is_a_formula(recording: Recording, tmp_path: Path) -> None:
    export_csv(recording, tmp_path / "csv")
    texts = [row["text"] for row in table(tmp_path / "csv" / "annotations.csv")]
    assert texts == ["'=1+1 touched the cable"]
    for path in (tmp_path / "csv").iterdir():
        for row in table(path):
            assert not any(cell.startswith(("=", "@", "+")) for cell in row.values())


def test_csv_and_edf_say_simulated(recording: Recording, tmp_path: Path) -> None:
    export_csv(recording, tmp_path / "csv")
    export_edf(recording, tmp_path / "a.edf")
    assert table(tmp_path / "csv" / "about.csv")[0]["value"].startswith("SIMULATED")
    with pyedflib.EdfReader(str(tmp_path / "a.edf")) as reader:
        assert reader.getEquipment() == "SIMULATED"
        assert reader.readAnnotations()[2][0].startswith("SIMULATED")


def test_matlab_reads_the_same_samples_infusions_and_annotations(recording: Recording, tmp_path: Path) -> None:
    export_mat(recording, tmp_path / "a.mat")
    session = mat4py.loadmat(str(tmp_path / "a.mat"))["session"]
    channel = recording.channels["stat.glu"]
    found = session["channels"]["stat_glu"]
    assert np.ravel(found["current_A"]).tolist() == channel.current_a.tolist()
    assert np.ravel(found["rows_before_gaps"]).tolist() == [GAP[0]]
    assert np.isnan(session["channels"]["stat_null"]["sensitivity_A_per_uM"])
    assert np.ravel(session["infusions"]["drug"]["confirmed_ul"])[-1] == pytest.approx(20.0)
    assert session["annotations"]["text"] == "=1+1 touched the cable"
    assert session["status"].startswith("SIMULATED")


def test_edf_holds_each_sample_to_half_a_step_and_says_where_there_is_none(
    recording: Recording, tmp_path: Path
) -> None:
    export_edf(recording, tmp_path / "a.edf")
    channel = recording.channels["stat.glu"]
    with pyedflib.EdfReader(str(tmp_path / "a.edf")) as reader:
        assert reader.getSignalLabels() == ["stat.glu", "stat.null"]
        assert reader.getPhysicalDimension(0) == "pA"
        step_pa = (reader.getPhysicalMaximum(0) - reader.getPhysicalMinimum(0)) / 65_535
        found_pa = reader.readSignal(0)
        onsets, durations, texts = reader.readAnnotations()
    at = np.round(channel.t_s * 10).astype(int)
    assert np.abs(found_pa[at] - channel.current_a * 1e12).max() <= 0.51 * step_pa
    assert step_pa < 0.01
    gaps = [
        (float(o), float(d)) for o, d, t in zip(onsets, durations, texts, strict=True) if t == "no samples: stat.glu"
    ]
    assert gaps == [(GAP[0] / 10, (GAP[1] - GAP[0]) / 10)]
    assert found_pa[GAP[0] : GAP[1]].max() == pytest.approx(found_pa.min())
    assert found_pa[at].min() > found_pa.min()
    assert "Ada: =1+1 touched the cable" in texts


def test_nwb_passes_the_validator_and_the_inspector_and_has_raw_and_derived_series(
    recording: Recording, tmp_path: Path
) -> None:
    before = (recording.path / "session.nwb").read_bytes()
    path = tmp_path / "a.nwb"
    export_nwb(recording, path)
    assert validate(path=str(path)) == []
    critical = [m for m in inspect_nwbfile(nwbfile_path=path) if m.importance.value >= Importance.CRITICAL.value]
    assert critical == []
    channel = recording.channels["stat.glu"]
    with h5py.File(path) as file:
        assert file["acquisition/stat_glu/data"][:].tolist() == channel.current_a.tolist()
        derived = file["processing/amperometry/stat_glu_apparent_um/data"]
        assert derived.attrs["unit"] == "M"
        np.testing.assert_allclose(derived[:] * 1e6, channel.glutamate_um())
        assert "stat_glu_minus_null" in file["processing/amperometry"]
        assert "SIMULATED" in file["processing/amperometry/stat_glu_minus_null"].attrs["description"]
    with NWBHDF5IO(path, "r") as io:
        assert io.read().intervals["annotations"]["by"][:].tolist() == ["Ada"]
    assert (recording.path / "session.nwb").read_bytes() == before


def test_a_session_that_is_not_closed_is_no_nwb_export(tmp_path: Path) -> None:
    write_session(tmp_path / "open", close=False)
    with pytest.raises(ValueError, match="amperfuse recover"):
        export_nwb(open_recording(tmp_path / "open"), tmp_path / "a.nwb")
    assert not (tmp_path / "a.nwb").exists()


@pytest.mark.parametrize("writer", [export_csv, export_mat, export_edf, export_nwb])
def test_an_export_overwrites_nothing(writer: object, recording: Recording, tmp_path: Path) -> None:
    target = tmp_path / "there"
    target.write_text("mine")
    with pytest.raises(FileExistsError):
        writer(recording, target)  # type: ignore[operator]
    assert target.read_text() == "mine"
