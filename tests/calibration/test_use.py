"""A rig that names a probe: its valid calibration gives the slope, otherwise the channel stays in nA and says why."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from acquisition.books.places import book_place
from acquisition.books.probes import CalibrationRecord, FiledCalibration, Interval, file_calibration
from acquisition.experiment.compile import load_experiment
from acquisition.experiment.probe_use import ProbeSlope, SlopeOf
from acquisition.experiment.problems import RefusedInput
from acquisition.experiment.rig import load_rig
from acquisition.host.rehearsal import simulated_opener
from acquisition.plan import Plan
from acquisition.service.probes import slope_of
from drivers.clock import SystemClock, VirtualClock
from tests.calibration.record_kit import record as made

EXAMPLES = Path(__file__).parents[2] / "examples"
TODAY = date(2026, 11, 26)


def plan_with(tmp_path: Path, slopes: SlopeOf, *, simulated: bool = False, more: str = "") -> Plan:
    rig = (EXAMPLES / "calibration-rig.toml").read_text("utf-8")
    line = next(line for line in rig.splitlines() if line.startswith("sensitivity"))
    rig = rig.replace(line, f'probe = "R2-0417"\n{more}')
    if simulated:
        rig = rig.replace("/dev/serial/by-id/usb-PalmSens_EmStat_Pico_EP1A2B3C-if00-port0", "sim://emstat")
    path = tmp_path / "rig.toml"
    path.write_text(rig, "utf-8")
    return load_experiment(EXAMPLES / "calibration-protocol.toml", path, slopes=slopes).plan


def record(*, simulated: bool, passed: bool = True, gain: Interval | None = None) -> CalibrationRecord:
    return made(
        site="glutamate", simulated=simulated, passed=passed, gain=gain, measured_wall_ns=SystemClock().wall_ns(),
        slope_a_per_um=0.7e-9,
    )  # fmt: skip


def test_a_valid_calibration_gives_slope_day_and_how_long_it_holds(tmp_path: Path) -> None:
    asked = []

    def known(probe: str, site: str, simulated: bool) -> ProbeSlope:
        asked.append((probe, site, simulated))
        return ProbeSlope(0.7e-9, "2026-11-23", 2.0)

    plan = plan_with(tmp_path, known, more='site = "we-a"\n')
    glutamate, sentinel = plan.potentiostats[0].channels
    assert asked == [("R2-0417", "we-a", False)]
    assert glutamate.sensitivity_a_per_um == 0.7e-9
    assert sentinel.sensitivity_a_per_um is None
    assert "3 days old, more than 2" in glutamate.calibration_fault(TODAY)
    assert glutamate.calibration_fault(date(2026, 11, 24)) == ""
    assert not [warning for warning in plan.warnings if "nA" in warning]


def test_slope_with_interval_sentinel_gain_and_the_record_itself_reach_the_plan(tmp_path: Path) -> None:
    filed = file_calibration(record(simulated=False, gain=Interval(value=1.18, low=1.15, high=1.21)), 1)
    glutamate, sentinel = plan_with(tmp_path, slope_of).potentiostats[0].channels
    assert glutamate.slope_low_a_per_um == pytest.approx(0.686e-9, rel=1e-9, abs=0)
    assert glutamate.slope_high_a_per_um == pytest.approx(0.714e-9, rel=1e-9, abs=0)
    assert glutamate.sentinel_gain == 1.18
    assert FiledCalibration.model_validate_json(glutamate.calibration) == filed
    assert (sentinel.sentinel_gain, sentinel.calibration) == (None, "")


@pytest.mark.parametrize(
    "gain", [None, Interval(value=1.1, low=-0.2, high=None), Interval(value=1.1, low=None, high=9)]
)
def test_a_gain_that_may_as_well_be_nothing_is_not_subtracted_with(tmp_path: Path, gain: Interval | None) -> None:
    file_calibration(record(simulated=False, gain=gain), 1)
    glutamate = plan_with(tmp_path, slope_of).potentiostats[0].channels[0]
    assert glutamate.sensitivity_a_per_um == 0.7e-9
    assert glutamate.sentinel_gain is None


def test_a_gain_that_is_of_another_sentinel_is_not_used_and_the_plan_says_what_to_write(tmp_path: Path) -> None:
    gain = Interval(value=1.18, low=1.15, high=1.21)
    file_calibration(record(simulated=False, gain=gain).model_copy(update={"sentinel": "null-b"}), 1)
    plan = plan_with(tmp_path, slope_of)
    assert plan.potentiostats[0].channels[0].sentinel_gain is None
    (warning,) = [one for one in plan.warnings if "null-b" in one]
    assert 'not "sentinel"; the raw difference is used' in warning
    assert 'site = "null-b" at channel sentinel' in warning
    rig = (tmp_path / "rig.toml").read_text("utf-8")
    same = rig.replace('role = "sentinel"', 'role = "sentinel"\nprobe = "R2-0417"\nsite = "null-b"')
    (tmp_path / "rig.toml").write_text(same, "utf-8")
    plan = load_experiment(EXAMPLES / "calibration-protocol.toml", tmp_path / "rig.toml", slopes=slope_of).plan
    assert plan.potentiostats[0].channels[0].sentinel_gain == 1.18


def test_of_two_sentinels_the_one_that_the_rig_names_is_taken_off(tmp_path: Path) -> None:
    setup = load_rig(EXAMPLES / "multi-rig.toml").potentiostats[0]
    assert [channel.sentinel for channel in setup.channels] == ["sentinel-1", "sentinel-2", "", ""]
    text = (EXAMPLES / "multi-rig.toml").read_text("utf-8")
    path = tmp_path / "rig.toml"
    path.write_text("\n".join(line for line in text.splitlines() if not line.startswith("sentinel =")), "utf-8")
    assert [channel.sentinel for channel in load_rig(path).potentiostats[0].channels] == [""] * 4
    path.write_text(text.replace('sentinel = "sentinel-2"', 'sentinel = "glu-1"'), "utf-8")
    with pytest.raises(RefusedInput, match='"glu-1" is no channel of this instrument with the role "sentinel"'):
        load_rig(path)
    path.write_text(text.replace('role = "sentinel"', 'role = "sentinel"\nsentinel = "sentinel-2"', 1), "utf-8")
    with pytest.raises(RefusedInput, match="only a glutamate site has a sentinel"):
        load_rig(path)


def test_a_slope_typed_into_the_rig_has_no_interval_and_no_gain() -> None:
    experiment = load_experiment(EXAMPLES / "calibration-protocol.toml", EXAMPLES / "calibration-rig.toml")
    typed = experiment.plan.potentiostats[0].channels[0]
    assert typed.sensitivity_a_per_um is not None
    assert (typed.slope_low_a_per_um, typed.slope_high_a_per_um, typed.sentinel_gain) == (None, None, None)


def test_a_rehearsal_has_the_sentinel_of_the_calibrated_probe(tmp_path: Path) -> None:
    file_calibration(record(simulated=True, gain=Interval(value=1.25, low=1.2, high=1.3)), 1)
    plan = plan_with(tmp_path, slope_of, simulated=True)
    _opener, bench = simulated_opener(plan, VirtualClock(), 1, ())
    glutamate, sentinel = (site for _, site in sorted(bench.truth()["sensors"]["beaker"].items()))
    assert glutamate["gain"] / sentinel["gain"] == pytest.approx(1.25)


def test_without_a_valid_one_the_channel_stays_in_na_and_plan_and_preflight_say_why(tmp_path: Path) -> None:
    plan = plan_with(tmp_path, lambda *_: "no calibration is filed")
    glutamate = plan.potentiostats[0].channels[0]
    assert glutamate.sensitivity_a_per_um is None
    assert "channel beaker.glutamate stays in nA: probe R2-0417, no calibration is filed" in plan.warnings
    assert "probe R2-0417: no calibration is filed" in glutamate.calibration_fault(TODAY)


@pytest.mark.parametrize(("simulated_rig", "counts"), [(False, False), (True, True)])
def test_a_simulated_calibration_counts_for_a_simulated_rig_only(
    tmp_path: Path, simulated_rig: bool, counts: bool
) -> None:
    file_calibration(record(simulated=True), 1)
    plan = plan_with(tmp_path, slope_of, simulated=simulated_rig)
    assert (plan.potentiostats[0].channels[0].sensitivity_a_per_um is not None) is counts


def test_a_real_calibration_counts_everywhere_until_one_fails(tmp_path: Path) -> None:
    file_calibration(record(simulated=False), 1)
    assert plan_with(tmp_path, slope_of).potentiostats[0].channels[0].sensitivity_a_per_um == 0.7e-9
    file_calibration(record(simulated=False, passed=False), 2)
    assert "failed: slope_min" in plan_with(tmp_path, slope_of).potentiostats[0].channels[0].stays_in_amperes


def test_a_history_that_was_changed_gives_no_slope_and_stops_nothing(tmp_path: Path) -> None:
    file_calibration(record(simulated=False), 1)
    path, _anchor = book_place("probes", "R2-0417")
    path.write_bytes(path.read_bytes().replace(b"Ada", b"Eve"))
    assert "cannot be trusted" in plan_with(tmp_path, slope_of).potentiostats[0].channels[0].stays_in_amperes


def test_a_probe_and_a_typed_slope_are_refused_together(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match="leave out sensitivity"):
        plan_with(tmp_path, slope_of, more='sensitivity = "0.8 nA/uM"')
