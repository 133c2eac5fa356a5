"""A rig with a four-channel MultiEmStat4 from its files to a recorded session, and with one of its ports failing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acquisition.events import EventKind
from acquisition.experiment.compile import load_experiment
from acquisition.experiment.problems import RefusedInput
from acquisition.host.rehearsal import RehearsalResult, rehearse
from acquisition.recording.session_data import SessionData, read_session
from drivers.capabilities import SampleFlag
from tests.engine.test_rehearsal_rodeostat import PROTOCOL

SHIPPED = Path(__file__).parents[2] / "examples" / "multi-rig.toml"


def run(tmp_path: Path, *faults: str, rig_text: str | None = None) -> tuple[RehearsalResult, SessionData]:
    rig, protocol = tmp_path / "rig.toml", tmp_path / "protocol.toml"
    rig.write_text(rig_text or SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
    protocol.write_text(PROTOCOL, encoding="utf-8")
    experiment = load_experiment(protocol, rig)
    plan = replace(experiment.plan, simulated=False)
    out = tmp_path / "out"
    out.mkdir()
    asleep = {
        "animal": "anaesthetised-mouse"
    }  # one that would feel when a fault holds the infusion shows it everywhere
    result = rehearse(plan, experiment.limits, out_dir=out, files={}, software="test", faults=faults, presets=asleep)
    return result, read_session(result.session_dir)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[RehearsalResult, SessionData]:
    return run(tmp_path_factory.mktemp("whole"))


def test_four_ports_are_one_instrument_with_one_stream(whole: tuple[RehearsalResult, SessionData]) -> None:
    result, session = whole
    assert result.outcome == "finished"
    assert result.alarms == ()
    stream = session.streams["striatum"]
    assert stream.spec.channels == ("glu-1", "glu-2", "sentinel-1", "sentinel-2")
    assert set(stream.epoch.tolist()) == {1}
    assert stream.index.tolist() == list(range(stream.index.size))
    assert stream.index.size >= 8 * 60 * 10
    assert not stream.flags.any()
    assert np.all(np.median(stream.current_a[600:], axis=0) > 0.3e-9), "all have the background of their kind"
    assert len(session.streams) == 1
    (connected,) = [event for event in session.events if event.data.get("family") == "methodscript"]
    assert connected.data["model"] == "MultiEmStat4 LR, 4 channels"


def test_one_port_that_fails_is_an_alarm_and_a_gap_of_its_channel_and_the_others_are_as_without(
    tmp_path: Path, whole: tuple[RehearsalResult, SessionData]
) -> None:
    result, torn = run(tmp_path, "striatum.2:unplug@60s+20s", "striatum.3:power-cycle@40s+2s")

    stream, true = torn.streams["striatum"], whole[1].streams["striatum"]
    assert set(stream.epoch.tolist()) == {1}
    n = min(stream.index.size, true.index.size)
    assert np.array_equal(stream.index[:n], true.index[:n])
    assert np.array_equal(stream.current_a[:n, [0, 3]], true.current_a[:n, [0, 3]])
    lost = stream.flags & SampleFlag.NOT_A_NUMBER > 0
    assert 200 <= lost[:, 1].sum() <= 330
    assert 30 <= lost[:, 2].sum() <= 120
    kinds = {alarm.alarm_id.split(":")[0] for alarm in result.alarms}
    assert "channel-lost" in kinds
    assert "sensor-lost" not in kinds
    gaps = [event.data for event in torn.events if event.kind is EventKind.GAP]
    for column, channel in ((1, "glu-2"), (2, "sentinel-1")):
        (gap,) = [gap for gap in gaps if gap["channel"] == channel]
        assert gap["count"] == lost[:, column].sum(), np.flatnonzero(lost[:, column])


def test_electrodes_and_ports_that_do_not_fit_are_refused_at_planning(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    with pytest.raises(RefusedInput, match="4 ports have the electrodes ch1, ch2, ch3, ch4"):
        run(tmp_path, rig_text=text.replace('electrode = "ch4"', 'electrode = "ch5"'))
    with pytest.raises(RefusedInput, match='has no electrode "ch17"'):
        run(tmp_path, rig_text=text.replace('electrode = "ch4"', 'electrode = "ch17"'))
