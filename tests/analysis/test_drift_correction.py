"""A probe that lost sensitivity in the animal: the slope at each time of a session, between two calibrations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from acquisition.books.places import book_place
from acquisition.books.probes import file_calibration, withdraw
from acquisition.plan import ChannelSetup
from amperfuse.cli import app
from analysis.evoked import difference_um
from analysis.export.nwb import _derived
from analysis.report.calibration import calibration_sections, records
from analysis.report.findings import find
from analysis.report.words import doubts
from analysis.review import Channel, Recording
from drivers.clock import VirtualClock
from tests.analysis.halved_kit import MINUTES, recording
from tests.analysis.session_kit import CHANNELS, write_session
from tests.calibration.record_kit import DAY_NS, filed, record

HOUR_NS = 3600 * 10**9
START_NS = 2 * DAY_NS
AFTER_NS = START_NS + 3 * HOUR_NS


def setup(*, with_record: bool = True) -> ChannelSetup:
    one = filed(1, measured_wall_ns=START_NS - HOUR_NS)
    text = one.model_dump_json() if with_record else ""
    return replace(CHANNELS[0], probe="R2-0417", site="glu", calibration=text)


def session(path: Path, *, simulated: bool = False, with_record: bool = True) -> Recording:
    return recording(path, simulated=simulated, started_wall_ns=START_NS, glutamate=setup(with_record=with_record))


def glu(path: Path, **said: bool) -> Channel:
    return session(path, **said).channels["stat.glu"]


def file(**changed: Any) -> None:
    file_calibration(record(**{"measured_wall_ns": START_NS - HOUR_NS, **changed}), 1)


def file_after(**changed: Any) -> None:
    """File one of 5.6 pA/µM, 80 % of the first, three hours after the session's start."""
    file(**{"phase": "after", "slope_a_per_um": 5.6e-12, "measured_wall_ns": AFTER_NS, **changed})


def test_with_a_calibration_after_it_the_slope_falls_along_the_session(tmp_path: Path) -> None:
    file()
    file_after()
    channel = glu(tmp_path)
    slope = channel.slope_a_per_um("corrected")
    last = 1.0 + MINUTES / 60.0
    assert slope[0] == pytest.approx(7e-12 * (1 - 0.2 * 1 / 4), rel=1e-6, abs=0)
    assert slope[-1] == pytest.approx(7e-12 * (1 - 0.2 * last / 4), rel=1e-3, abs=0)
    np.testing.assert_allclose(channel.glutamate_um(), channel.current_a / slope)
    np.testing.assert_allclose(channel.glutamate_um("recorded"), channel.current_a / 7e-12)
    assert "corrected for -20.0%" in channel.slope_text()
    assert "calibration 2 of R2-0417" in channel.slope_text()


def test_without_one_the_recorded_slope_is_used_and_it_says_so(tmp_path: Path) -> None:
    file()
    channel = glu(tmp_path)
    assert channel.correction == "no calibration after it is filed"
    np.testing.assert_array_equal(channel.glutamate_um(), channel.glutamate_um("recorded"))
    with pytest.raises(ValueError, match="no calibration after it is filed"):
        channel.glutamate_um("corrected")
    (shown,) = calibration_sections(session(tmp_path))
    assert ("drift of the slope", "not corrected: no calibration after it is filed") in shown.rows


def test_one_that_failed_was_withdrawn_or_came_after_another_use_corrects_nothing(tmp_path: Path) -> None:
    file()
    file_after(passed=False)
    assert "(number 2) failed: slope_min" in str(glu(tmp_path).correction)
    withdraw("R2-0417", 2, simulated=False, by="Ada", reason="stock", wall_ns=1)
    assert glu(tmp_path).correction == "no calibration after it is filed"
    file(measured_wall_ns=AFTER_NS + HOUR_NS)
    file_after(measured_wall_ns=AFTER_NS + 2 * HOUR_NS)
    assert 'is not one "after" the animal' in str(glu(tmp_path).correction)


def test_a_session_whose_calibration_was_withdrawn_since_says_so_first_and_is_not_corrected(tmp_path: Path) -> None:
    file()
    file_after()
    made = session(tmp_path)
    assert not [one for one in doubts(made, find(made)) if "withdrawn" in one]
    withdraw("R2-0417", 1, simulated=False, by="Ada", reason="the stock was 10 mM", wall_ns=1)
    made = session(tmp_path)
    (sentence,) = [one for one in doubts(made, find(made)) if "withdrawn" in one]
    assert "stat.glu was withdrawn since, by Ada: the stock was 10 mM: its micromolars do not hold" in sentence
    assert "was withdrawn by Ada" in str(made.channels["stat.glu"].correction)


def test_a_real_session_is_never_corrected_with_a_simulated_calibration(tmp_path: Path) -> None:
    file(simulated=True)
    file_after(simulated=True)
    assert glu(tmp_path).correction == "no calibration after it is filed"


def test_a_session_that_began_before_its_calibration_as_rehearsals_do_is_not_corrected(tmp_path: Path) -> None:
    made = recording(tmp_path, started_wall_ns=0, glutamate=setup())
    assert "dated after its start" in str(made.channels["stat.glu"].correction)


def test_a_recording_without_the_record_needs_a_history_with_its_slope(tmp_path: Path) -> None:
    file_after()
    assert "no calibration of the slope that was recorded" in str(glu(tmp_path, with_record=False).correction)
    file()
    assert not isinstance(glu(tmp_path, with_record=False).correction, str)


def test_a_history_that_was_changed_corrects_nothing_and_stops_nothing(tmp_path: Path) -> None:
    file()
    file_after()
    path, _anchor = book_place("probes", "R2-0417")
    path.write_bytes(path.read_bytes().replace(b"Ada", b"Eve"))
    assert "cannot be trusted" in str(glu(tmp_path).correction)


def test_the_report_shows_the_effect_both_ways_and_both_calibrations(tmp_path: Path) -> None:
    file()
    file_after()
    made = session(tmp_path)
    (pair,) = find(made).pairs
    first, other = "template fit", "template fit, slope of before"
    assert pair.effects is not None
    assert pair.tonic is not None
    chosen = "10 to 30 min after arrival"
    assert pair.effects[first, chosen].value > pair.effects[other, chosen].value  # a dying sensor feigns a fall
    assert list(pair.tonic) == ["as calibrated", "slope of before"]
    assert [(one.phase, one.measured_wall_ns) for one in records(made)] == [
        ("before", START_NS - HOUR_NS),
        ("after", AFTER_NS),
    ]


def test_what_is_told_for_a_study_does_not_change_when_a_calibration_is_filed_later(tmp_path: Path) -> None:
    file()
    before = difference_um(session(tmp_path), "stat.glu", "stat.null")[1]
    file_after()
    np.testing.assert_array_equal(difference_um(session(tmp_path), "stat.glu", "stat.null")[1], before)
    assert not np.array_equal(difference_um(session(tmp_path), "stat.glu", "stat.null", "corrected")[1], before)


def test_the_corrected_trace_is_a_derived_series_of_its_own_with_its_description(tmp_path: Path) -> None:
    file()
    file_after()
    made = session(tmp_path)
    series = {one.name: one for one in _derived(made)}
    corrected = series["stat_glu_apparent_um_drift_corrected"]
    np.testing.assert_allclose(corrected.data * 1e6, made.channels["stat.glu"].glutamate_um("corrected"))
    recorded_um = made.channels["stat.glu"].glutamate_um("recorded")
    np.testing.assert_allclose(series["stat_glu_apparent_um"].data * 1e6, recorded_um)
    assert "on a straight line from calibration 1 of R2-0417" in corrected.description


def test_the_command_tells_the_slope_in_the_middle_of_a_session(tmp_path: Path) -> None:
    write_session(tmp_path, simulated=False, minutes=1)
    started_ns = VirtualClock().start_wall_ns
    file(measured_wall_ns=started_ns - HOUR_NS)
    words = ["calibration", "show", "R2-0417", "--session", str(tmp_path)]
    alone = CliRunner().invoke(app, words)
    assert "glu: nothing is corrected, no calibration after it is filed" in alone.output
    file_after(measured_wall_ns=started_ns + HOUR_NS)
    both = CliRunner().invoke(app, words)
    assert both.exit_code == 0, both.output
    middle = 7.0 * (1.0 - 0.2 * (60.0 + 10.0) / 120.0)  # its last event is 20 minutes after its start
    assert f"glu: {middle:.4g} pA/µM" in both.output
