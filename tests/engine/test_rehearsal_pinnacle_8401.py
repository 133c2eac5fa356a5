"""A rig with an 8401-HR from its files to a recorded session: rehearsed in lockstep, with faults, journal and NWB."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from acquisition.events import EventKind
from acquisition.experiment.compile import load_experiment
from acquisition.experiment.problems import RefusedInput
from acquisition.host.rehearsal import RehearsalResult, rehearse
from acquisition.recording.archiver import close_archive, open_archive
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
driver = "pinnacle-8401"
url = "sim://pinnacle-8401/striatum?{switches}&mains_na=2"
model = "8401-HR"
potential = "600 mV"
interval = "100 ms"
options = {options}

[[potentiostats.striatum.channels]]
name = "glutamate"
electrode = "a"
role = "glutamate"
range = "50 nA"
sensitivity = "0.8 nA/uM"

[[potentiostats.striatum.channels]]
name = "sentinel"
electrode = "{sentinel}"
role = "sentinel"
range = "50 nA"
"""
PROTOCOL = """\
[protocol]
name = "pinnacle"

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
wait = "40 s"

[[steps]]
infuse = { pump = "vein", dose = "1 mg/kg", duration = "3.5 min" }

[[steps]]
wait = "30 s"
"""
OPTIONS = '{ preamp = "8407-2BIO", ttl1 = "stimulus" }'


def run(
    tmp_path: Path,
    *faults: str,
    options: str = OPTIONS,
    sentinel: str = "b",
    switches: str = "ttl1_every_s=20",
    text: str = PROTOCOL,
) -> tuple[RehearsalResult, SessionData]:
    rig, protocol = tmp_path / "rig.toml", tmp_path / "protocol.toml"
    rig.write_text(RIG.format(options=options, sentinel=sentinel, switches=switches), encoding="utf-8")
    protocol.write_text(text, encoding="utf-8")
    experiment = load_experiment(protocol, rig)
    plan = replace(experiment.plan, simulated=False)
    out = tmp_path / "out"
    out.mkdir()
    result = rehearse(plan, experiment.limits, out_dir=out, files={}, software="test 1", faults=faults)
    return result, read_session(result.session_dir)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[RehearsalResult, SessionData]:
    return run(tmp_path_factory.mktemp("whole"))


def facts_in(events: list[dict[str, object]]) -> dict[str, object]:
    return {key: value for event in events for key, value in event.items()}


def check_facts(facts: dict[str, object]) -> None:
    assert facts["filter"] == "moving mean"
    assert facts["filter_length_s"] == 0.1
    assert facts["filter_delay_s"] == 0.04975
    assert facts["bias_v"] == 0.6
    assert facts["preamp"] == "8407-2BIO"
    assert facts["glutamate.transimpedance_v_per_a"] == 15.57e6
    assert facts["sentinel.sign"] == 1


def test_a_rig_with_an_8401_runs_its_protocol_and_is_recorded_whole(
    whole: tuple[RehearsalResult, SessionData],
) -> None:
    result, session = whole
    assert result.outcome == "finished"
    assert result.alarms == ()
    assert result.confirmed_ul["vein"] == pytest.approx(5.0, abs=0.01)
    assert result.truth["lines"]["striatum"]["overflow_bytes"] == 0
    stream = session.streams["striatum"]
    assert set(stream.epoch.tolist()) == {1}
    assert stream.index.tolist() == list(range(stream.index.size))
    assert stream.index.size >= 270 * 10
    assert np.all(np.diff(stream.t_ns) == 100_000_000)
    assert not stream.flags.any()
    glutamate_a, sentinel_a = stream.current_a[1000:].T
    assert 1e-9 < float(np.median(sentinel_a)) < 100e-9
    assert float(np.median(glutamate_a - sentinel_a)) > 0.0, "oxidation is positive"
    assert float(np.std(np.diff(sentinel_a))) < 0.2e-9, "2 nA of mains hum are not in there"


def test_filter_and_constants_are_in_the_journal(whole: tuple[RehearsalResult, SessionData]) -> None:
    session = whole[1]
    check_facts(facts_in([dict(e.data) for e in session.events if e.kind is EventKind.SETTING]))


def test_a_stimulus_on_an_input_is_a_mark_at_its_own_time(whole: tuple[RehearsalResult, SessionData]) -> None:
    session = whole[1]
    marks = [event for event in session.events if event.kind is EventKind.MARK]
    assert {event.source for event in marks} == {"striatum"}
    ups = np.array([event.t_ns for event in marks if event.data["is_high"]])
    downs = np.array([event.t_ns for event in marks if not event.data["is_high"]])
    assert [event.text for event in marks[:2]] == ["stimulus low", "stimulus high"]
    assert np.all(np.diff(ups) == 20 * NS_PER_S)
    assert np.all(downs[1:] - ups[: downs.size - 1] == NS_PER_S // 10)
    stream = session.streams["striatum"]
    begun_ns = int(stream.t_ns[0]) - 49_750_000  # the middle of the first window lies so far behind its first packet
    assert abs(int(ups[0]) - begun_ns - 20 * NS_PER_S) <= 500_000


def test_facts_and_marks_are_in_the_nwb_file(whole: tuple[RehearsalResult, SessionData]) -> None:
    result, session = whole
    archive = open_archive(result.session_dir)
    archive.catch_up()
    close_archive(result.session_dir, archive)
    with h5py.File(result.session_dir / "session.nwb") as file:
        settings = [json.loads(text) for text in file["events/setting/data"].asstr()[:] if text]
        marks = [(row, json.loads(text)) for row, text in enumerate(file["events/mark/data"].asstr()[:])]
        sources = set(file["events/mark/source"].asstr()[:])
    check_facts(facts_in(settings))
    assert sources == {"striatum"}
    assert [data["is_high"] for _row, data in marks] == [
        event.data["is_high"] for event in session.events if event.kind is EventKind.MARK
    ]


def test_an_infusion_is_shown_on_an_output_and_costs_no_sample(tmp_path: Path) -> None:
    short = PROTOCOL.replace('"1 mg/kg", duration = "3.5 min"', '"0.1 mg/kg", duration = "21 s"')
    wired = '{ preamp = "8407-2BIO", ttl1 = "wire", ttl3_out = "infusion" }'
    _result, session = run(tmp_path, options=wired, switches="ttl3_to_ttl1=1", text=short)
    stream = session.streams["striatum"]
    assert stream.index.tolist() == list(range(stream.index.size))
    told = [event.text for event in session.events if event.kind is EventKind.SYSTEM and event.source == "striatum"]
    assert told == ["TTL outputs are driven: it answers", "TTL output for infusion set high",
                    "TTL output for infusion set low"]  # fmt: skip
    seen = [event.t_ns for event in session.events if event.kind is EventKind.MARK and event.source == "striatum"]
    pump = {str(event.data["what"]): event.t_ns for event in session.events if event.kind is EventKind.PUMP}
    true_ns = pump["started"], pump["target reached"]
    assert [0 <= at - true < NS_PER_S // 2 for at, true in zip(seen, true_ns, strict=True)] == [True, True]


def test_a_plan_without_its_preamplifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match="which preamplifier"):
        run(tmp_path, options='{ ttl1 = "stimulus" }')


def test_every_plan_says_what_nobody_has_tried(tmp_path: Path) -> None:
    rig, protocol = tmp_path / "rig.toml", tmp_path / "protocol.toml"
    rig.write_text(RIG.format(options=OPTIONS, sentinel="b", switches="mains_hz=50"), encoding="utf-8")
    protocol.write_text(PROTOCOL, encoding="utf-8")
    warnings = load_experiment(protocol, rig).plan.warnings
    assert any("striatum: nobody has tried" in warning and "resistor" in warning for warning in warnings)


def test_an_input_that_the_preamplifier_has_for_eeg_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match="is for EEG, not for a biosensor"):
        run(tmp_path, options='{ preamp = "8407-SL" }')


def test_faults_on_its_line_are_gaps_and_never_other_values(
    tmp_path: Path, whole: tuple[RehearsalResult, SessionData]
) -> None:
    faults = ("drop@10s", "duplicate@12s", "garble@14s=20", "cut@16s+2s", "power-cycle@22s+1s", "unplug@32s+4s")
    result, torn = run(tmp_path, *(f"striatum:{fault}" for fault in faults))
    assert result.outcome.startswith("the plan was held at step"), "no infusion without its effect seen"
    stream, true = torn.streams["striatum"], whole[1].streams["striatum"]
    assert set(stream.epoch.tolist()) == {1, 2, 3}, "a short cut is bridged; a lost bias and a lost port are not"
    assert np.all(np.diff(stream.t_ns) > 0)
    missing = (stream.t_ns[-1] - stream.t_ns[0]) / (NS_PER_S / 10) + 1 - stream.index.size
    gaps = [event.data["count"] for event in torn.events if event.kind is EventKind.GAP]
    assert sum(count for count in gaps if isinstance(count, int)) == pytest.approx(missing, abs=5)
    first = stream.epoch == 1
    at = stream.index[first]
    assert np.array_equal(stream.current_a[first], true.current_a[at]), "each value is at its own place"
    restarted = [event for event in torn.events if "THE BIAS IS GONE" in event.text]
    assert restarted, "a lost bias is said"
