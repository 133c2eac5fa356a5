"""A session whose probe was calibrated: the sentinel's gain, what its micromolars rest on, and who says so."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import h5py
import mat4py
import numpy as np
import pytest
from nwbinspector import Importance, inspect_nwbfile
from pynwb import NWBHDF5IO, validate

from acquisition.books.probes import CalibrationRecord
from acquisition.plan import ChannelSetup
from acquisition.recording.recover import recover
from acquisition.signal.self_reference import Match
from analysis.calibration.record_figure import glutamate_points, records_figure
from analysis.evoked import difference_um
from analysis.export.mat import export_mat
from analysis.export.nwb import export_nwb
from analysis.export.tables import export_csv
from analysis.pairs import pairs
from analysis.report.calibration import calibration_sections
from analysis.report.files import as_page
from analysis.report.findings import PairFindings, find
from analysis.report.words import doubts, sections
from analysis.review import Recording, open_recording
from analysis.sections import text_lines
from tests.analysis.halved_kit import SLOPE, recording
from tests.analysis.session_kit import CHANNELS, write_session
from tests.calibration.record_kit import filed, interval

SENTINEL_OF_ACTIVE = 0.85
TRUE_GAIN = 1.0 / SENTINEL_OF_ACTIVE


def calibrated(gain: float | None = TRUE_GAIN, **changed: object) -> ChannelSetup:
    """Return the glutamate site as a plan has it whose rig names the probe."""
    one = filed(3, gain=None if gain is None else interval(gain), **changed)
    slope = one.record.slope_a_per_um
    return replace(
        CHANNELS[0], probe="R2-0417", site="glu", sentinel="null", calibrated_on="1970-01-02",
        sensitivity_a_per_um=slope.value,
        slope_low_a_per_um=slope.low, slope_high_a_per_um=slope.high, sentinel_gain=one.record.sentinel_gain,
        calibration=one.model_dump_json(),
    )  # fmt: skip


def session(path: Path, setup: ChannelSetup) -> Recording:
    return recording(path, sentinel_of_active=SENTINEL_OF_ACTIVE, glutamate=setup)


def pair_of(made: Recording) -> PairFindings:
    (pair,) = find(made).pairs
    return pair


def match_of(made: Recording) -> Match:
    found = pair_of(made).matched
    assert found is not None
    return found


def step_left_um(made: Recording, gain: float | None) -> float:
    """Return what is left of the common step of 60 pA at 4000 s, µM; no response is near."""
    t_s, left_um = difference_um(made, "stat.glu", "stat.null", gain=gain)
    after, before = ((t_s > 4006) & (t_s < 4040), (t_s > 3970) & (t_s < 3999))
    return abs(float(np.mean(left_um[after]) - np.mean(left_um[before])))


def test_the_calibrated_gain_removes_nine_tenths_of_a_common_step_and_gain_1_does_not(tmp_path: Path) -> None:
    made, whole_um = session(tmp_path, calibrated()), 60e-12 / SLOPE
    assert step_left_um(made, None) < 0.1 * whole_um
    assert step_left_um(made, 1.0) > 0.1 * whole_um
    assert step_left_um(session(tmp_path, CHANNELS[0]), None) == step_left_um(made, 1.0)


def test_a_gain_is_that_of_one_sentinel_and_not_used_for_another(tmp_path: Path) -> None:
    made = session(tmp_path, replace(calibrated(), sentinel="null-b"))
    assert pairs(made) == []
    assert step_left_um(made, None) == step_left_um(made, 1.0)
    known = made.channels["stat.glu"].calibration
    assert known.gain_text("stat.null") == "gain 1, raw difference: the calibrated gain is of null-b"


def test_the_report_says_which_gain_was_used_from_which_calibration(tmp_path: Path) -> None:
    made = session(tmp_path, calibrated())
    told = "\n".join(line for one in sections(made, find(made)) for line in text_lines(one))
    assert match_of(made).matched is True
    assert not [one for one in doubts(made, find(made)) if "does not match" in one]
    assert (
        "gain 1.176, calibration 3 of R2-0417, site glu, 1970-01-02 (session beaker-1, fingerprint a1a1a1a1a1a1)"
        in told
    )
    raw = session(tmp_path, CHANNELS[0])
    told = "\n".join(line for one in sections(raw, find(raw)) for line in text_lines(one))
    assert "gain 1, raw difference: no gain is calibrated" in told


def test_a_calibrated_gain_that_the_session_contradicts_is_said_first(tmp_path: Path) -> None:
    made = session(tmp_path, calibrated(0.9))
    (sentence,) = [one for one in doubts(made, find(made)) if "does not match" in one]
    assert "and it is subtracted with gain 0.9, calibration 3 of R2-0417" in sentence
    assert match_of(made).gain_seen == pytest.approx(TRUE_GAIN, rel=0.02)


def test_the_effect_stands_beside_that_of_the_raw_difference(tmp_path: Path) -> None:
    pair = pair_of(session(tmp_path, calibrated()))
    assert pair.effects is not None
    assert pair.tonic is not None
    assert pair.effects["template fit", "10 to 30 min after arrival"].value == pytest.approx(0.5, abs=0.05)
    assert ("template fit, gain 1", "10 to 30 min after arrival") in pair.effects
    assert list(pair.tonic) == ["as calibrated", "gain 1"]
    assert abs(pair.tonic["as calibrated"].value) < abs(pair.tonic["gain 1"].value)


def test_the_calibration_is_a_section_of_the_report_with_its_figure(tmp_path: Path) -> None:
    made = session(tmp_path, calibrated())
    (shown,) = calibration_sections(made)
    told = {row[0]: row[1] for row in shown.rows}
    assert told["probe, site"] == "R2-0417, glu, before the animal"
    assert told["slope"].startswith("7 pA/µM (95 %: 6.86 to 7.14), near zero; apparent Km 1500 µM (95 %: 1050 to 1950)")
    assert told["LOD"].startswith("0.86 µM")
    assert told["selectivity"].startswith("300:1")
    assert told["sentinel gain"].startswith("1.18 (95 %: 1.15 to 1.2)")
    assert told["response"].startswith("3.6 s")
    assert told["gates (the program's proposals)"] == "slope_min passed (7 pA/µM)"
    assert any("-2.0% to +2.0% off" in note for note in shown.notes)
    html = as_page(made, find(made))
    assert html.count("<svg") == 3
    assert "Calibration of stat.glu" in html


def test_without_a_calibration_the_report_says_nA_and_why(tmp_path: Path) -> None:
    none = replace(CHANNELS[0], sensitivity_a_per_um=None, probe="P1", stays_in_amperes="probe P1: it expired")
    (shown,) = calibration_sections(session(tmp_path, none))
    assert shown.notes == ("No calibration: stays in nA: probe P1: it expired.",)
    (bare,) = calibration_sections(session(tmp_path, CHANNELS[0]))
    assert bare.rows == (("slope", "7 pA/µM, of a day that nobody has said"),)
    assert "bare number" in bare.notes[0]
    assert records_figure([]) is None


def test_the_figure_draws_the_steps_of_the_record_with_the_rest_taken_off() -> None:
    record: CalibrationRecord = filed().record
    x_um, y_a = glutamate_points(record)
    assert x_um == pytest.approx([0.0, 19.73, 39.43, 59.08], abs=0.01)
    assert y_a == pytest.approx(150e-12 + 7e-12 * x_um / (1 + x_um / 1500), rel=0.002, abs=0)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = tmp_path_factory.mktemp("calibrated")
    write_session(folder, channels=(calibrated(), CHANNELS[1]), minutes=1)
    recover(folder)
    return open_recording(folder)


def difference_a(made: Recording) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(made.channels["stat.glu"].current_a - TRUE_GAIN * made.channels["stat.null"].current_a)


def test_nwb_has_the_difference_at_the_calibrated_gain_and_the_calibration_itself(
    exported: Recording, tmp_path: Path
) -> None:
    path = tmp_path / "a.nwb"
    export_nwb(exported, path)
    assert validate(path=str(path)) == []
    assert [m for m in inspect_nwbfile(nwbfile_path=path) if m.importance.value >= Importance.CRITICAL.value] == []
    with h5py.File(path) as file:
        module = file["processing/amperometry"]
        np.testing.assert_allclose(module["stat_glu_minus_null/data"][:], difference_a(exported), rtol=1e-12)
        np.testing.assert_allclose(module["stat_glu_minus_null_um/data"][:] * 1e6, difference_a(exported) / 7e-12)
        assert "gain 1.176, calibration 3 of R2-0417" in module["stat_glu_minus_null"].attrs["description"]
    with NWBHDF5IO(path, "r") as io:
        table = io.read().processing["amperometry"]["calibrations"]
        assert table["slope_high"][0] == pytest.approx(7.14e-12, rel=1e-9, abs=0)
        held = exported.channels["stat.glu"].calibration.filed
        assert held is not None
        assert CalibrationRecord.model_validate_json(table["record_json"][0]) == held.record


def test_tables_and_matlab_have_gain_interval_and_where_they_are_from(exported: Recording, tmp_path: Path) -> None:
    export_csv(exported, tmp_path / "csv")
    export_mat(exported, tmp_path / "a.mat")
    with (tmp_path / "csv" / "samples-stat.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    found_na = [float(row["glu_minus_null_nA"]) for row in rows]
    np.testing.assert_allclose(found_na, difference_a(exported) * 1e9, rtol=1e-9)
    found_um = [float(row["glu_minus_null_uM"]) for row in rows]
    np.testing.assert_allclose(found_um, difference_a(exported) / 7e-12, rtol=1e-9)
    with (tmp_path / "csv" / "about.csv").open(encoding="utf-8-sig", newline="") as file:
        about = {row["what"]: row["value"] for row in csv.DictReader(file)}
    assert about["sentinel_gain_stat.glu"].startswith("gain 1.176, calibration 3 of R2-0417")
    assert float(about["sensitivity_stat.glu_low_pA_per_uM"]) == pytest.approx(6.86)
    assert about["drift_correction_stat.glu"].startswith("none: ")
    channel = mat4py.loadmat(str(tmp_path / "a.mat"))["session"]["channels"]["stat_glu"]
    assert channel["sentinel_gain"] == pytest.approx(TRUE_GAIN)
    assert channel["sensitivity_high_A_per_uM"] == pytest.approx(7.14e-12, rel=1e-9, abs=0)
