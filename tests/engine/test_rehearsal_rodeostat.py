"""A rig with a Rodeostat from its files to a recorded session: rehearsed in lockstep, and with faults on its line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acquisition.events import EventKind
from acquisition.experiment.compile import load_experiment
from acquisition.host.rehearsal import RehearsalResult, rehearse
from acquisition.recording.session_data import SessionData, read_session
from drivers.clock import NS_PER_S

RIG = """\
[rig]
name = "bench"

[pumps.vein]
driver = "new-era"
url = "/dev/ttyUSB0"
syringe = "hamilton-1001"
line_dead_volume = "8 uL"

[potentiostats.striatum]
driver = "rodeostat"
{options}
url = "/dev/ttyACM0"
model = "{model}"
serial_number = "1"
potential = "600 mV"
interval = "100 ms"

[[potentiostats.striatum.channels]]
name = "glutamate"
electrode = "we1"
role = "glutamate"
range = "50 nA"
sensitivity = "7 pA/uM"
"""
PROTOCOL = """\
[protocol]
name = "rodeo"

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
wait = "2 min"

[[steps]]
infuse = { pump = "vein", dose = "1 mg/kg", duration = "5 min" }

[[steps]]
wait = "1 min"
"""


def run(
    tmp_path: Path, *faults: str, options: str = "", model: str = "Rodeostat nanoAmp"
) -> tuple[RehearsalResult, SessionData]:
    rig, protocol = tmp_path / "rig.toml", tmp_path / "protocol.toml"
    rig.write_text(RIG.format(options=options, model=model), encoding="utf-8")
    protocol.write_text(PROTOCOL, encoding="utf-8")
    experiment = load_experiment(protocol, rig)
    plan = replace(experiment.plan, simulated=False)
    out = tmp_path / "out"
    out.mkdir()
    result = rehearse(plan, experiment.limits, out_dir=out, files={}, software="test", faults=faults)
    return result, read_session(result.session_dir)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[RehearsalResult, SessionData]:
    return run(tmp_path_factory.mktemp("whole"))


def test_a_rig_with_a_rodeostat_runs_its_protocol_and_is_recorded_whole(
    whole: tuple[RehearsalResult, SessionData],
) -> None:
    result, session = whole

    assert result.outcome == "finished"
    assert result.alarms == ()
    assert result.confirmed_ul["vein"] == pytest.approx(5.0, abs=0.01)  # 1 mg/kg of 25 g at 5 mg/mL
    assert result.truth["pumps"]["vein"]["true_delivered_ul"] == pytest.approx(5.0, rel=1e-2)
    stream = session.streams["striatum"]
    assert set(stream.epoch.tolist()) == {1}
    assert stream.index.tolist() == list(range(stream.index.size))
    assert stream.index.size >= 8 * 60 * 10
    assert np.all(np.diff(stream.t_ns) == 100_000_000)
    assert not stream.flags.any()
    assert 0.0 < float(np.median(stream.current_a[stream.index > 600])) < 60e-9, "oxidation is positive"


def test_model_and_sign_of_the_current_stand_in_the_recording(tmp_path: Path) -> None:
    _result, session = run(tmp_path, options='options = { sign = "negated" }')

    (connected,) = [event for event in session.events if event.data.get("family") == "rodeostat"]
    assert connected.data["model"] == "Rodeostat nanoAmp"
    assert connected.data["firmware"] == "FW0.1.0 (for hardware 0.2; current negated)"
    current_a = session.streams["striatum"].current_a
    assert float(np.median(current_a)) < 0.0


def test_another_model_than_the_rig_says_measures_nothing(tmp_path: Path) -> None:
    result, session = run(tmp_path, model="Rodeostat microAmp")

    assert "striatum" not in session.streams or session.streams["striatum"].index.size == 0
    assert result.outcome != "finished" or result.alarms


def test_faults_on_its_line_are_gaps_and_never_other_values(
    tmp_path: Path, whole: tuple[RehearsalResult, SessionData]
) -> None:
    faults = ("cut@20s+5s", "power-cycle@50s+2s", "unplug@80s+10s")

    result, torn = run(tmp_path, *(f"striatum:{fault}" for fault in faults))

    assert result.outcome == "the plan was held at step 2", "an infusion waits for somebody who has seen the alarm"
    stream, true = torn.streams["striatum"], whole[1].streams["striatum"]
    assert set(stream.epoch.tolist()) == {1, 2, 3, 4}
    assert np.all(np.diff(stream.t_ns) > 0)
    missing = (stream.t_ns[-1] - stream.t_ns[0]) / (NS_PER_S / 10) + 1 - stream.index.size
    assert 170 <= missing <= 400, "17 s were lost, and a few seconds each to find that out and start again"
    gaps = [event.data["count"] for event in torn.events if event.kind is EventKind.GAP]
    assert sum(count for count in gaps if isinstance(count, int)) == pytest.approx(missing, abs=5)
    before = stream.t_ns < torn.header.started_ns + 19 * NS_PER_S
    assert np.array_equal(stream.current_a[before], true.current_a[: int(before.sum())])
