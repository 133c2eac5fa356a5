"""A rehearsed calibration, through the engine and the instrument's bytes: fitted, filed, shown; and when it counts."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from acquisition.books.chain import BookBroken
from acquisition.books.places import book_place
from acquisition.books.probes import (
    NS_PER_DAY,
    SIMULATED,
    CalibrationRecord,
    Interval,
    file_calibration,
    history,
    newest,
    why_invalid,
)  # fmt: skip
from acquisition.experiment.beaker import simulated_beaker
from acquisition.experiment.compile import load_experiment
from acquisition.host.rehearsal import rehearse
from acquisition.service.assembly import files_as_run
from amperfuse.cli import app
from analysis.calibration.drift import change_per_day, slope_at
from analysis.calibration.gates import Gates
from analysis.calibration.record import as_record
from analysis.calibration.session import CalibrationSession, fit_session
from analysis.calibration.text import report_lines

EXAMPLES = Path(__file__).parents[2] / "examples"
SETTLED = {
    "kind": "sensor",
    "title": "a settled wire of a straight line",
    "based_on": "wire",
    "chemistry": {"apparent_km_um": 1e5},
    "background": {"settling_fast_a": 0.0, "settling_slow_a": 0.0, "drift_per_h": 0.0, "walk_a_per_sqrt_h": 0.0},
}


@dataclass(frozen=True)
class Run:
    folder: Path
    truth: dict[str, Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("beaker")
    protocol = folder / "protocol.toml"
    text = (EXAMPLES / "calibration-protocol.toml").read_text("utf-8").replace('wait = "60 min"', 'wait = "10 s"')
    protocol.write_text(text, "utf-8")
    experiment = load_experiment(protocol, EXAMPLES / "calibration-rig.toml")
    assert experiment.protocol.beaker is not None
    result = rehearse(
        experiment.plan, experiment.limits, out_dir=folder, files=files_as_run(experiment), software="amperfuse test",
        presets={"scenario": simulated_beaker(experiment.protocol.beaker), "sensor": SETTLED},
    )  # fmt: skip
    assert result.outcome == "finished"
    return Run(result.session_dir, dict(result.truth))


@pytest.fixture(scope="module")
def fitted(run: Run) -> CalibrationSession:
    return fit_session(run.folder)


@pytest.fixture(scope="module")
def record(fitted: CalibrationSession) -> CalibrationRecord:
    return as_record(fitted, fitted.channels[0], Gates(), by="Ada", fingerprint="f" * 64, software="amperfuse test")


def real(record: CalibrationRecord, **changed: Any) -> CalibrationRecord:
    return record.model_copy(update={"simulated": False, **changed})


def holding(record: CalibrationRecord, *, simulated_run: bool) -> CalibrationRecord | None:
    found = newest(record.probe, record.site, simulated_run=simulated_run)
    return None if found is None else found.record


def test_a_calibration_through_engine_and_bytes_finds_the_simulated_sensor(
    run: Run, fitted: CalibrationSession
) -> None:
    sites = run.truth["sensors"]["beaker"]
    active, sentinel = (site for _, site in sorted(sites.items()))
    true_gain = active["gain"] / sentinel["gain"]
    result = fitted.channels[0].result
    assert result.slope_a_per_um.value == pytest.approx(active["sensitivity_a_per_um"], rel=0.01, abs=0)
    assert result.gain is not None
    assert result.gain.value == pytest.approx(true_gain, rel=0.02)
    assert fitted.not_done == 0
    assert fitted.recording.simulated


def test_the_record_survives_its_file_and_knows_both_concentrations(record: CalibrationRecord) -> None:
    assert CalibrationRecord.model_validate_json(record.model_dump_json()) == record
    assert record.sentinel == "sentinel"
    third = record.additions[3]
    assert (third.exact_um, third.nominal_um) == pytest.approx((59.08, 60.0), abs=0.01)
    assert record.passed
    assert record.simulated


def test_selectivity_is_told_with_what_the_data_leave_open(record: CalibrationRecord) -> None:
    def told(value: float | None, low: float | None, high: float | None) -> str:
        one = record.model_copy(update={"selectivity": Interval(value=value, low=low, high=high)})
        return next(line for line in report_lines(one) if "over ascorbate" in line)

    assert "300:1 over ascorbate (95 %: 250 to 380)" in told(300.0, 250.0, 380.0)
    assert "216:1 over ascorbate (95 %: 74 or more)" in told(216.0, 74.0, None)
    assert "at least 74:1" in told(-216.0, 74.0, None)


@pytest.mark.parametrize(
    ("key", "value"), [("slope_a_per_um", {"value": None, "low": None, "high": None}), ("surprise", 1), ("version", 2)]
)
def test_a_record_of_another_shape_is_refused(record: CalibrationRecord, key: str, value: object) -> None:
    values = {**json.loads(record.model_dump_json()), key: value}
    with pytest.raises(ValueError, match="CalibrationRecord"):
        CalibrationRecord.model_validate_json(json.dumps(values))


def test_a_simulated_calibration_never_counts_for_a_real_run(record: CalibrationRecord) -> None:
    file_calibration(record, 1)
    assert newest(record.probe, record.site, simulated_run=False) is None
    assert holding(record, simulated_run=True) == record
    measured = real(record)
    file_calibration(measured, 2)
    assert holding(record, simulated_run=False) == measured
    assert holding(record, simulated_run=True) == measured
    assert newest(record.probe, "other", simulated_run=True) is None


def test_a_simulated_record_that_was_put_into_the_real_book_is_found(record: CalibrationRecord) -> None:
    file_calibration(record, 1)
    for simulated, truly in zip(book_place(SIMULATED, record.probe), book_place("probes", record.probe), strict=True):
        truly.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(simulated, truly)
    with pytest.raises(BookBroken, match="wrong book"):
        history(record.probe, simulated=False)


def test_a_calibration_holds_until_it_expires_and_only_when_it_passed(record: CalibrationRecord) -> None:
    measured, week = real(record), 7 * NS_PER_DAY
    assert why_invalid(None, 0) == "no calibration is filed"
    assert why_invalid(measured, measured.measured_wall_ns + week) == ""
    assert "8.0 days old" in why_invalid(measured, measured.measured_wall_ns + 8 * NS_PER_DAY)
    assert "future" in why_invalid(measured, measured.measured_wall_ns - 1)
    failed = tuple(v.model_copy(update={"passed": False}) for v in measured.verdicts[:1])
    assert "slope_min" in why_invalid(real(record, verdicts=failed), measured.measured_wall_ns)


def test_the_newest_measurement_counts_and_of_one_measurement_the_newest_fit(record: CalibrationRecord) -> None:
    later = real(record, measured_wall_ns=record.measured_wall_ns + NS_PER_DAY)
    for number, one in enumerate((later, real(record), real(later, by="Bo"), real(record, by="late"))):
        file_calibration(one, number)
    found = holding(record, simulated_run=False)
    assert found is not None
    assert found.by == "Bo"


def test_a_withdrawn_calibration_stays_in_the_history_and_the_one_before_counts_again(
    record: CalibrationRecord,
) -> None:
    later = record.model_copy(update={"measured_wall_ns": record.measured_wall_ns + 1, "by": "late"})
    file_calibration(record, 1)
    file_calibration(later, 2)
    words = ["--by", "Ada", "--reason", "the stock was 10 mM"]
    done = CliRunner().invoke(app, ["calibration", "withdraw", record.probe, "2", *words, "--simulated"])
    assert done.exit_code == 0, done.output
    assert holding(record, simulated_run=True) == record
    assert [one.withdrawn for one in history(record.probe, simulated=True)] == ["", "Ada: the stock was 10 mM"]
    again = CliRunner().invoke(app, ["calibration", "withdraw", record.probe, "2", *words, "--simulated"])
    assert (again.exit_code, "Nothing was withdrawn" in again.output) == (2, True)
    shown = CliRunner().invoke(app, ["calibration", "show", record.probe])
    assert "WITHDRAWN by Ada: the stock was 10 mM" in shown.output


def test_drift_between_before_and_after_is_a_straight_line_and_only_between(record: CalibrationRecord) -> None:
    slope = record.slope_a_per_um
    lower = slope.model_copy(update={key: getattr(slope, key) * 0.8 for key in ("value", "low", "high")})
    ten_days = record.measured_wall_ns + 10 * NS_PER_DAY
    post = record.model_copy(update={"phase": "after", "slope_a_per_um": lower, "measured_wall_ns": ten_days})
    assert change_per_day(record, post) == pytest.approx((-0.2, -0.02))
    middle = slope_at(record, post, record.measured_wall_ns + 5 * NS_PER_DAY)
    assert middle.value == pytest.approx((slope.value or 0) * 0.9, rel=1e-9, abs=0)
    assert middle.low == pytest.approx((slope.low or 0) * 0.9, rel=1e-9, abs=0)
    with pytest.raises(ValueError, match="between"):
        slope_at(record, post, ten_days + 1)
    with pytest.raises(ValueError, match="simulated"):
        slope_at(record, real(post), record.measured_wall_ns)


def test_a_protocol_that_is_not_the_one_that_was_run_is_refused(run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run.folder, copy)
    path = copy / "protocol.toml"
    path.write_text(path.read_text("utf-8").replace("40 mL", "50 mL"), "utf-8")
    with pytest.raises(ValueError, match="not the one that was run"):
        fit_session(copy)


def test_the_commands_fit_file_and_show_and_overwrite_nothing(run: Run) -> None:
    invoke = CliRunner().invoke
    looked = invoke(app, ["calibration", "fit", str(run.folder), "--look", "--plateau", "3=360..372"])
    assert looked.exit_code == 0, looked.output
    assert "set by hand" in looked.output
    assert "filed" not in looked.output
    done = invoke(app, ["calibration", "fit", str(run.folder), "--by", "Ada"])
    assert done.exit_code == 0, done.output
    assert "SIMULATED, for simulated runs only: filed as number 1" in done.output
    for number in (1, 2):
        stem = run.folder / f"calibration-glutamate-{number}"
        assert stem.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
        assert stem.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
        assert stem.with_suffix(".txt").read_text("utf-8").startswith("SIMULATED calibration of R2-0417")
    shown = invoke(app, ["calibration", "show", "r2-0417 ", "--session", str(run.folder)])
    assert shown.exit_code == 0, shown.output
    assert "valid, for simulated runs only" in shown.output
    assert all(line.startswith("SIMULATED") for line in shown.output.splitlines())


def test_the_commands_refuse_what_they_cannot_read_and_say_what_is_unknown(run: Run) -> None:
    invoke = CliRunner().invoke
    assert invoke(app, ["calibration", "fit", str(run.folder), "--plateau", "3=9..2"]).exit_code == 2
    far = invoke(app, ["calibration", "fit", str(run.folder), "--plateau", "9=1..2"])
    assert (far.exit_code, "0 (baseline) to 6" in far.output) == (2, True)
    unknown = invoke(app, ["calibration", "show", "nobody"])
    assert (unknown.exit_code, "stay in nA" in unknown.output) == (0, True)


def test_a_history_that_was_changed_is_not_shown(record: CalibrationRecord) -> None:
    file_calibration(record, 1)
    path, _anchor = book_place(SIMULATED, record.probe)
    path.write_bytes(path.read_bytes().replace(b"Ada", b"Eve"))
    assert CliRunner().invoke(app, ["calibration", "show", record.probe]).exit_code == 5
