"""A rig with a source-measure unit from its files to a recorded session: asked on its grid, on time, in lockstep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acquisition.experiment.compile import load_experiment
from acquisition.host.rehearsal import RehearsalResult, rehearse
from acquisition.recording.session_data import SessionData, read_session
from drivers.clock import NS_PER_S
from tests.engine.test_rehearsal_rodeostat import PROTOCOL
from tests.engine.test_rehearsal_rodeostat import RIG as RODEO_RIG

RIG = (
    RODEO_RIG.replace('"rodeostat"', '"scpi-smu"')
    .replace("{options}", "baud = 57600\noptions = {{ autozero = false }}")
    .replace("{model}", "Keithley 6430").replace('serial_number = "1"\n', "")
)  # fmt: skip


def run(tmp_path: Path, *faults: str, url: str = "/dev/ttyUSB1") -> tuple[RehearsalResult, SessionData]:
    rig, protocol = tmp_path / "rig.toml", tmp_path / "protocol.toml"
    rig.write_text(RIG.format().replace("/dev/ttyACM0", url), encoding="utf-8")
    protocol.write_text(PROTOCOL, encoding="utf-8")
    experiment = load_experiment(protocol, rig)
    out = tmp_path / "out"
    out.mkdir()
    plan = replace(experiment.plan, simulated=False)
    result = rehearse(plan, experiment.limits, out_dir=out, files={}, software="test", faults=faults)
    return result, read_session(result.session_dir)


def test_a_rig_with_a_source_measure_unit_runs_its_protocol_and_every_reading_is_on_time(tmp_path: Path) -> None:
    result, session = run(tmp_path)

    assert result.outcome == "finished"
    assert result.alarms == ()
    assert result.confirmed_ul["vein"] == pytest.approx(5.0, abs=0.01)
    stream = session.streams["striatum"]
    assert set(stream.epoch.tolist()) == {1}
    assert stream.index.tolist() == list(range(stream.index.size))
    assert stream.index.size >= 8 * 60 * 10
    assert not stream.flags.any(), "asked when due, ten times a second, though lockstep reads once a second"
    assert 0.0 < float(np.median(stream.current_a[stream.index > 600])) < 60e-9, "oxidation is positive"
    (connected,) = [event for event in session.events if event.data.get("family") == "scpi-smu"]
    assert connected.data["model"] == "Keithley 6430"


def test_faults_on_its_line_are_gaps(tmp_path: Path) -> None:
    faults = ("cut@20s+5s", "power-cycle@50s+2s", "unplug@80s+10s", "garble@100s", "drop@110s")

    _result, torn = run(tmp_path, *(f"striatum:{fault}" for fault in faults))

    stream = torn.streams["striatum"]
    assert len(set(stream.epoch.tolist())) in (3, 4)
    assert np.all(np.diff(stream.t_ns) > 0)
    missing = (stream.t_ns[-1] - stream.t_ns[0]) / (NS_PER_S / 10) + 1 - stream.index.size
    assert 170 <= missing <= 500, "17 s were lost, and some seconds each to find that out and start again"
