"""Three pumps on two ports, a four-channel MultiEmStat4 and an 8401-HR, rehearsed from the example's files."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from acquisition.engine.session import REHEARSAL_PACE
from acquisition.events import EventKind
from acquisition.experiment.compile import Experiment, load_experiment
from acquisition.host.rehearsal import RehearsalResult, rehearse
from acquisition.messages import Stop
from acquisition.recording.session_data import SessionData, read_session
from acquisition.recording.verify import verify
from amperfuse.cli import app
from amperfuse.commands import rehearsals
from amperfuse.commands.rehearsals import run_rehearsal
from amperfuse.rehearsing import Rehearsal
from drivers.capabilities import SampleFlag
from drivers.clock import NS_PER_S
from tests.engine.kit import Lab, seconds
from tests.full_bench import CHANNELS, DOSES_UL, REAL_RIG, SIM_RIG, short_protocol

VALIDATE = """
import sys
from pynwb import NWBHDF5IO, validate
with NWBHDF5IO(sys.argv[1], mode="r") as io:
    print(validate(io=io))
"""


@dataclass
class Whole:
    exit_code: int
    said: str
    result: RehearsalResult
    session: SessionData


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Rehearse the simulated bench by the command, as a person would."""
    tmp_path = tmp_path_factory.mktemp("whole")
    protocol = tmp_path / "protocol.toml"
    protocol.write_text(short_protocol(), encoding="utf-8")
    results: list[Rehearsal] = []

    def noting(*words: Any) -> Rehearsal:
        results.append(run_rehearsal(*words))
        return results[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rehearsals, "run_rehearsal", noting)
        words = ["rehearse", str(protocol), "--rig", str(SIM_RIG), "--out", str(tmp_path / "out")]
        done = CliRunner().invoke(app, words)
    assert results, done.output
    return Whole(done.exit_code, done.output, results[0].result, read_session(results[0].result.session_dir))


def test_the_example_says_go_and_every_pump_gave_its_dose_and_no_more(whole: Whole) -> None:
    assert whole.exit_code == 0, whole.said
    assert "GO (SIMULATED)" in whole.said
    assert whole.result.outcome == "finished"
    assert whole.result.alarms == ()
    for pump, dose_ul in DOSES_UL.items():
        assert whole.result.truth["pumps"][pump]["true_delivered_ul"] == pytest.approx(dose_ul, rel=2e-3)
        assert whole.result.confirmed_ul[pump] == pytest.approx(dose_ul, rel=5e-3)
        assert whole.result.uncertain_ul[pump] == pytest.approx(0.0, abs=1e-9)


def test_every_channel_has_every_sample_from_the_first_step_to_the_last(whole: Whole) -> None:
    streams = whole.session.streams
    assert {name: stream.spec.channels for name, stream in streams.items()} == CHANNELS
    steps_ns = [event.t_ns for event in whole.session.events if event.kind is EventKind.STEP]
    for stream in streams.values():
        assert set(stream.epoch.tolist()) == {1}
        assert stream.index.tolist() == list(range(stream.index.size)), "no sample is missing and none is there twice"
        assert not stream.flags.any()
        assert np.isfinite(stream.current_a).all()
        step_ns = np.diff(stream.t_ns)
        assert np.all(np.abs(step_ns - NS_PER_S // 10) <= 1)
        assert stream.t_ns[0] <= steps_ns[0]
        assert stream.t_ns[-1] >= steps_ns[-1] - REHEARSAL_PACE.read_period_ns, (
            "what is read last is at most a read old"
        )
    for stream in streams.values():
        assert len({tuple(row) for row in stream.current_a[300:500].T.tolist()}) == len(stream.spec.channels)
    assert not [event for event in whole.session.events if event.kind is EventKind.GAP]


def test_the_camera_and_the_settings_of_both_potentiostats_are_in_the_recording(whole: Whole) -> None:
    begun_ns = int(whole.session.streams["tether"].t_ns[0])
    marks = [e for e in whole.session.events if e.kind is EventKind.MARK and e.source == "tether"]
    ups_ns = np.array([event.t_ns for event in marks if event.text == "camera high"])
    assert ups_ns.size == (int(whole.session.streams["tether"].t_ns[-1]) - begun_ns) // (30 * NS_PER_S)
    assert np.all(np.diff(ups_ns) == 30 * NS_PER_S)
    facts = [event for event in whole.session.events if event.kind is EventKind.SETTING]
    assert {"array", "tether"} <= {event.source for event in facts}
    assert any(event.data.get("preamp") == "8407-2BIO" for event in facts)
    texts = [event.text for event in whole.session.events if event.kind is EventKind.MARK]
    assert "baseline" in texts
    assert "infusions done" in texts


def test_the_recording_passes_its_checks_and_is_valid_nwb(whole: Whole) -> None:
    report = verify(whole.result.session_dir)
    assert report.ok, report.text
    nwb = str(whole.result.session_dir / "session.nwb")
    done = subprocess.run([sys.executable, "-c", VALIDATE, nwb], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def experiment(tmp_path: Path, rig: Path) -> Experiment:
    protocol = tmp_path / "protocol.toml"
    protocol.write_text(short_protocol(), encoding="utf-8")
    return load_experiment(protocol, rig)


def run(tmp_path: Path, *faults: str) -> tuple[RehearsalResult, SessionData]:
    """Rehearse the bench of the real ports."""
    e = experiment(tmp_path, REAL_RIG)
    result = rehearse(e.plan, e.limits, out_dir=tmp_path, files={}, software="test", faults=faults)
    return result, read_session(result.session_dir)


def ids_of(result: RehearsalResult) -> set[str]:
    return {alarm.alarm_id for alarm in result.alarms}


def test_a_stall_of_one_pump_of_the_chain_holds_the_plan_and_touches_nothing_else(tmp_path: Path) -> None:
    result, session = run(tmp_path, "ketamine:stall@57s")

    assert result.outcome.startswith("the plan was held at step"), result.outcome
    assert "pump-stall:ketamine" in ids_of(result)
    assert not [alarm for alarm in ids_of(result) if alarm.split(":")[1] not in ("ketamine", "plan", "")]
    truth = result.truth["pumps"]
    assert 0 < truth["ketamine"]["true_delivered_ul"] < DOSES_UL["ketamine"]
    assert truth["flush"]["true_delivered_ul"] == 0
    assert truth["local"]["true_delivered_ul"] == pytest.approx(DOSES_UL["local"], rel=2e-3)
    for stream in session.streams.values():
        assert stream.index.tolist() == list(range(stream.index.size))
        assert not stream.flags.any()


def test_a_lost_port_of_the_array_and_a_garbled_8401_are_told_apart_and_the_rest_goes_on(tmp_path: Path) -> None:
    result, session = run(tmp_path, "array.2:unplug@15s+5s", *(f"tether:garble@{at}s=100" for at in (12, 13, 14)))

    ids = ids_of(result)
    assert any(alarm.startswith("channel-lost:array") for alarm in ids), ids
    array, tether = session.streams["array"], session.streams["tether"]
    lost = array.flags & SampleFlag.NOT_A_NUMBER > 0
    assert 30 <= lost[:, 1].sum() <= 200
    assert not lost[:, [0, 2, 3]].any(), "the other three channels lose nothing"
    assert array.index.tolist() == list(range(array.index.size))
    missing = (tether.t_ns[-1] - tether.t_ns[0]) / (NS_PER_S / 10) + 1 - tether.index.size
    gaps = [int(e.data["count"] or 0) for e in session.events if e.kind is EventKind.GAP and e.source == "tether"]
    assert gaps
    assert missing == sum(gaps)
    assert np.isfinite(tether.current_a).all()


def test_an_8401_whose_line_is_bad_throughout_is_told_of_and_no_pump_suffers_by_it(tmp_path: Path) -> None:
    result, session = run(tmp_path, "tether:garble~0.19=100")

    assert {"sensor-silent:tether", "samples-missing:tether"} <= ids_of(result)
    assert {alarm.split(":")[1] for alarm in ids_of(result)} == {"tether"}
    for pump, dose_ul in DOSES_UL.items():
        assert result.truth["pumps"][pump]["true_delivered_ul"] == pytest.approx(dose_ul, rel=2e-3)
    assert session.streams["array"].index.tolist() == list(range(session.streams["array"].index.size))


@pytest.mark.parametrize("infusing", ["local", "flush"])
def test_R33_stop_reaches_all_three_pumps_within_100_ms_whichever_of_them_infuses(
    tmp_path: Path, infusing: str
) -> None:
    lab = Lab(tmp_path, replace(experiment(tmp_path, REAL_RIG).plan, simulated=True), faults=[])
    pumps = lab.conductor.pumps
    lab.until(lambda: pumps[infusing].infusing and pumps[infusing].ledger.confirmed_ul > 0.01)
    asked_ns = lab.clock.now_ns()
    lab.send(Stop(request=1, reason="test"))
    lab.until(lambda: bool(lab.answers))

    assert lab.answers[0].confirmed is True
    assert lab.clock.now_ns() - asked_ns <= 3 * NS_PER_S
    for pump, word in (("ketamine", "0STP"), ("flush", "1STP"), ("local", "stp")):
        sent_ns = min(t_ns for t_ns in lab.wire_out(word.encode()) if t_ns >= asked_ns)
        assert sent_ns - asked_ns <= seconds(0.1), pump
    stopped = lab.bench.truth()["pumps"]
    assert 0 < stopped[infusing]["true_delivered_ul"] < DOSES_UL[infusing]
    lab.host.run(lab.clock.now_ns() + seconds(3))
    assert lab.bench.truth()["pumps"] == stopped
