"""A rig of recordings from its files to a session: yesterday's samples and pump talk again, and never for real."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from acquisition.engine.session import build_session
from acquisition.events import EventKind
from acquisition.experiment.compile import Experiment, check_run_allowed, load_experiment
from acquisition.experiment.problems import RefusedInput
from acquisition.host.rehearsal import RehearsalResult, rehearse
from acquisition.plan import InfuseStep
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.session_data import read_session
from acquisition.recording.wire_log import extract_transcript
from amperfuse.rehearsing import Wanted, everything
from analysis.rehearsal.collect import report_of
from analysis.rehearsal.files import as_lines
from analysis.rehearsal.verdict import no_go_reasons
from drivers.clock import SystemClock
from drivers.serial_port import SerialOpener
from drivers.transcripts import read_transcript

RIG = """\
[rig]
name = "bench"

[pumps.vein]
driver = "new-era"
url = "{pump}"
syringe = "hamilton-1001"
line_dead_volume = "8 uL"

[potentiostats.striatum]
driver = "{driver}"
url = "{sensor}"
potential = "600 mV"
interval = "100 ms"

[[potentiostats.striatum.channels]]
name = "glutamate"
electrode = "{electrode}"
role = "glutamate"
range = "50 nA"
sensitivity = "7 pA/uM"
"""
PROTOCOL = """\
[protocol]
name = "again"

[subject]
id = "M1"
species = "mouse"
sex = "F"
age = "P12W"
weight = "25 g"
weighed = "2026-11-23"

[pumps.vein]
drug = "ketamine"
form = "hydrochloride"
concentration = "5 mg/mL"
route = "iv_infusion"
loaded = "600 uL"
primed = true

[[steps]]
wait = "1 min"

[[steps]]
infuse = { pump = "vein", dose = "1 mg/kg", duration = "4 min" }

[[steps]]
wait = "1 min"
"""
SIMULATED = {"pump": "sim://new-era", "driver": "methodscript", "sensor": "sim://emstat", "electrode": "we1"}


def written(folder: Path, **rig: str) -> Experiment:
    folder.mkdir(exist_ok=True)
    (folder / "rig.toml").write_text(RIG.format(**{**SIMULATED, **rig}), encoding="utf-8")
    (folder / "protocol.toml").write_text(PROTOCOL, encoding="utf-8")
    return load_experiment(folder / "protocol.toml", folder / "rig.toml")


def rehearsed(experiment: Experiment, out: Path) -> RehearsalResult:
    return rehearse(experiment.plan, experiment.limits, out_dir=out, files={}, software="test")


@pytest.fixture(scope="module")
def yesterday(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("yesterday")
    result = rehearsed(written(folder), folder / "out")
    assert no_go_reasons(result) == []
    return result.session_dir


def test_the_samples_of_yesterday_are_rehearsed_with_a_simulated_pump(yesterday: Path, tmp_path: Path) -> None:
    experiment = written(tmp_path, driver="replay", sensor=f"replay://{yesterday}", electrode="glutamate")
    assert experiment.plan.simulated
    assert any("REPLAY: potentiostat striatum is a recording" in warning for warning in experiment.plan.warnings)
    result = rehearsed(experiment, tmp_path)
    then, now = (read_session(folder).streams["striatum"] for folder in (yesterday, result.session_dir))
    count = len(now.index)
    assert count > 0.9 * len(then.index)
    assert np.array_equal(now.current_a, then.current_a[:count])
    assert np.array_equal(now.t_ns - now.t_ns[0], then.t_ns[:count] - then.t_ns[0])
    data = read_session(result.session_dir)
    assert data.header.simulated
    assert any(event.text.startswith("Connected: REPLAY of striatum") for event in data.events)


def test_the_pump_talk_of_yesterday_is_a_test_of_the_engine_of_today(yesterday: Path, tmp_path: Path) -> None:
    file = tmp_path / "vein.transcript"
    lines = extract_transcript(yesterday, "vein", file)
    transcript = read_transcript(file)
    assert lines == len(transcript.records) > 100
    assert transcript.header.simulated
    assert transcript.header.url == "sim://new-era"
    experiment = written(tmp_path, pump="replay://vein.transcript?polls=any")  # beside the rig file
    assert experiment.plan.pumps[0].url == f"replay://{file}?polls=any"
    assert any("REPLAY: pump vein is a recording" in warning for warning in experiment.plan.warnings)
    result = rehearsed(experiment, tmp_path)
    told = report_of(everything(Wanted(experiment, tmp_path, 1), result, read_session(result.session_dir), ""))
    assert result.outcome == "finished"
    assert no_go_reasons(result) == []
    assert result.confirmed_ul["vein"] == pytest.approx(5.0, rel=0.01)
    assert result.truth["pumps"] == {}  # nothing was infused into the simulated mouse
    assert any("vein: REPLAY, 5.00 µL in the recording; nothing was infused" in line for line in as_lines(told))


def test_another_protocol_than_the_recorded_one_ends_the_replay_and_is_no_go(yesterday: Path, tmp_path: Path) -> None:
    extract_transcript(yesterday, "vein", tmp_path / "vein.transcript")
    experiment = written(tmp_path, pump="replay://vein.transcript?polls=any")
    plan = experiment.plan
    infusion = plan.steps[1]
    assert isinstance(infusion, InfuseStep)
    other = replace(plan, steps=(plan.steps[0], replace(infusion, volume_ul=6.0), plan.steps[2]))
    result = rehearsed(replace(experiment, plan=other), tmp_path)
    assert result.outcome != "finished"
    said = " ".join(event.text for event in read_session(result.session_dir).events)
    assert "vein.transcript, line" in said
    assert "was written" in said


@pytest.mark.parametrize("real", [{"pump": "/dev/ttyUSB0"}, {"sensor": "/dev/ttyACM0"}])
def test_R24_a_recording_beside_a_real_instrument_is_refused_for_a_real_run(
    real: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "t.transcript").write_text("any")
    replayed = {"pump": "replay://t.transcript", "sensor": "replay://t.transcript"}
    experiment = written(tmp_path, **{**replayed, **real})
    assert experiment.rig.simulated == "mixed"
    with pytest.raises(RefusedInput, match="mixes simulated or replayed"):
        check_run_allowed(experiment.plan, experiment.rig, experiment.limits, "run", date(2026, 11, 23))


def test_R24_a_session_for_real_instruments_is_never_made_with_a_recording_in_it(tmp_path: Path) -> None:
    (tmp_path / "t.transcript").write_text("any")
    experiment = written(tmp_path, pump="/dev/ttyUSB0", sensor="replay://t.transcript")
    clock = SystemClock()
    with pytest.raises(ValueError, match="never takes part in a real run"):
        build_session(
            experiment.plan, experiment.limits, opener=SerialOpener(clock), clock=clock, out_dir=tmp_path / "out",
            recorder=InlineRecorder.create, files={}, software="test",
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("replay://", "write replay://FILE"),
        ("replay:////host/share/t", "network path"),
        ("REPLAY://t", "is not offered here"),
        ("replay://t?x=1", "write replay://FILE"),
    ],
)
def test_a_url_that_names_no_recording_is_refused_with_its_line(url: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match=says) as refused:
        written(tmp_path, pump=url)
    assert [problem.line for problem in refused.value.problems] == [6]


def test_the_driver_replay_without_a_recording_is_refused_when_the_plan_is_made(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match="there is no recorded session"):
        written(tmp_path, driver="replay", sensor="replay://nowhere")
    with pytest.raises(RefusedInput, match="write replay://FOLDER"):
        written(tmp_path, driver="replay", sensor="/dev/ttyUSB0")


def test_extraction_says_what_is_there_and_writes_over_nothing(yesterday: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no bytes of 'nobody'; it did of: vein"):
        extract_transcript(yesterday, "nobody", tmp_path / "t")
    assert not (tmp_path / "t").exists()
    (tmp_path / "t").write_text("precious")
    with pytest.raises(FileExistsError):
        extract_transcript(yesterday, "vein", tmp_path / "t")
    assert any(event.kind is EventKind.WIRE for event in read_session(yesterday).events)
