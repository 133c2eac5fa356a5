"""Real streams on this computer, read by a real inlet: what a video or EEG program gets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acquisition.client import EngineClient
from acquisition.lsl import library
from acquisition.lsl.outlets import LslOutlets, source_id
from acquisition.messages import Finish, Mark
from acquisition.recording.session_data import read_session
from acquisition.service.exit_codes import ExitCode
from tests.lsl import kit
from tests.process.engine_kit import private_runtime, running_engine, write_files
from tests.recording.synthetic import block, event, header


@pytest.fixture(scope="module")
def lsl() -> Any:
    return kit.lsl_here()


def test_an_inlet_gets_every_sample_with_its_time_and_every_event(lsl: Any, tmp_path: Path) -> None:
    recorder, about = kit.recorder(tmp_path), header()
    feed = kit.feed(tmp_path, LslOutlets(lsl, about, kit.clock_map()))
    stat, marks = kit.inlet(lsl, source_id(about, "samples:stat")), kit.inlet(lsl, source_id(about, "events"))
    assert feed.outlets.are_read()
    for number in range(4):
        recorder.samples(block(number))
    recorder.event(event(1))
    feed.step(0)
    rows, times = kit.pulled(lsl, stat, lambda rows: len(rows) >= 100)
    texts, at = kit.pulled(lsl, marks, lambda texts: len(texts) >= 1)
    assert np.array(rows).tolist() == [row for number in range(4) for row in block(number).current_a.tolist()]
    expected = [t_ns / 1e9 + kit.OFFSET_S for number in range(4) for t_ns in block(number).t_ns().tolist()]
    assert times == pytest.approx(expected, abs=1e-9)
    assert (texts, at) == ([["SIMULATED mark operator: mark 1 µL second line"]], [105.25])
    recorder.close()


def test_a_stream_says_what_it_is_in_the_words_that_programs_look_for(lsl: Any) -> None:
    about = header(session_id="described")
    outlets = LslOutlets(lsl, about, kit.clock_map())
    info = kit.inlet(lsl, source_id(about, "samples:stat")).info()
    events = kit.inlet(lsl, source_id(about, "events")).info()
    assert (info.name(), info.type(), info.channel_count()) == ("SIMULATED Amperfuse stat", "Amperometry", 2)
    assert (info.nominal_srate(), info.channel_format()) == (100.0, lsl.cf_double64)
    assert (events.name(), events.type(), events.nominal_srate()) == ("SIMULATED Amperfuse events", "Markers", 0.0)
    channel = info.desc().child("channels").child("channel")
    told = [channel.child_value(key) for key in ("label", "unit", "type", "sensitivity_a_per_um", "range_a")]
    assert told == ["glutamate", "A", "glutamate", "7e-12", "1e-07"]
    assert channel.next_sibling().child_value("label") == "sentinel"
    assert channel.next_sibling().child_value("sensitivity_a_per_um") == "", "it has none"
    for desc in (info.desc(), events.desc()):
        assert (desc.child_value("simulated"), desc.child_value("session_id")) == ("SIMULATED", "described")
        assert float(desc.child("clock").child_value("engine_to_lsl_s")) == kit.OFFSET_S
    del outlets


@pytest.mark.slow
def test_a_running_session_is_streamed_from_a_process_of_its_own_until_it_ends(lsl: Any, tmp_path: Path) -> None:
    with private_runtime():
        files = write_files(tmp_path)
        with running_engine(files.options()) as record, EngineClient.connect(record) as client:
            command = [sys.executable, "-m", "amperfuse", "lsl", "--this-computer"]
            with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as streaming:
                about = read_session(record.session_dir).header
                stat, marks = (kit.inlet(lsl, source_id(about, what)) for what in ("samples:stat", "events"))
                rows, times = kit.pulled(lsl, stat, lambda rows: len(rows) >= 15)
                late_s = lsl.local_clock() - times[-1]
                offset_s = float(stat.info().desc().child("clock").child_value("engine_to_lsl_s"))
                client.request(Mark(request=0, label="light on"))
                kit.pulled(lsl, marks, lambda texts: ["SIMULATED mark operator: light on"] in texts)
                assert client.request(Finish(request=0)).ok
                kit.pulled(lsl, marks, lambda texts: any("the recording is closed" in t[0] for t in texts))
                _out, told = streaming.communicate(timeout=kit.WITHIN_S)
        recorded = read_session(record.session_dir).streams["stat"]
    assert streaming.returncode == ExitCode.OK, told
    assert "SIMULATED streaming session" in told
    assert "The recording is the record" in told
    engine_s = np.array(times) - offset_s
    first = int(np.searchsorted(recorded.t_ns / 1e9, engine_s[0] - 1e-3))
    which = slice(first, first + len(times))
    assert engine_s == pytest.approx(recorded.t_ns[which] / 1e9, abs=1e-6), "every sample, by one offset"
    assert np.array(rows).tolist() == recorded.current_a[which].tolist(), "the recording's own values"
    assert -0.1 < late_s < kit.WITHIN_S, "on liblsl's clock"


@pytest.mark.parametrize(
    ("error", "words"),
    [(ImportError("No module named 'pylsl'"), "pip install 'amperfuse[lsl]'"),
     (RuntimeError("LSL binary library file was not found.\nPlease"), "was not found.). What to do: install liblsl")],
)  # fmt: skip
def test_a_missing_library_is_a_sentence_with_what_to_install(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_name: str) -> None:
        raise error

    monkeypatch.setattr(library, "import_module", missing)
    with pytest.raises(library.LslMissing) as told:
        library.load_lsl()
    assert words in str(told.value)
