"""When ``amperfuse lsl`` does not stream, and how it ends: told in words, with a code, and to its readers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from acquisition.client import EngineClient
from acquisition.lsl import library
from acquisition.lsl.clock_map import Reading
from acquisition.service.discovery import EngineRecord
from acquisition.service.exit_codes import ExitCode
from amperfuse.cli import app
from amperfuse.commands import streaming
from amperfuse.console import Ended
from drivers import os_support
from tests.lsl import kit
from tests.process.engine_kit import private_runtime
from tests.recording.synthetic import STARTED_NS, block

NOBODY = 0
"""No process has this id."""


def record(folder: Path) -> EngineRecord:
    return EngineRecord(NOBODY, "", "", folder / "key", folder, simulated=True)


@dataclass
class Clocks:
    def later(self) -> Reading:
        return Reading(STARTED_NS, STARTED_NS / 1e9 + kit.OFFSET_S, 0.0)


def test_without_an_engine_there_is_nothing_to_stream() -> None:
    with private_runtime():
        done = CliRunner().invoke(app, ["lsl"])
    assert (done.exit_code, "no engine is running" in done.output) == (ExitCode.NO_ENGINE, True)


def test_without_the_library_the_session_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        raise ImportError("No module named 'pylsl'")

    monkeypatch.setattr(library, "import_module", missing)
    monkeypatch.setattr(streaming, "find_engine", lambda: record(tmp_path))
    done = CliRunner().invoke(app, ["lsl"])
    assert done.exit_code == ExitCode.MISSING_LIBRARY
    assert "pip install 'amperfuse[lsl]'" in done.output


def test_a_session_that_is_faster_than_life_shares_no_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = SimpleNamespace(wait_for=lambda *_: SimpleNamespace(rate=60.0), close=lambda: None)
    monkeypatch.setattr(streaming, "find_engine", lambda: record(tmp_path))
    monkeypatch.setattr(streaming, "load_lsl", lambda **_: SimpleNamespace(local_clock=lambda: 0.0))
    monkeypatch.setattr(EngineClient, "connect", lambda *_, **__: client)
    done = CliRunner().invoke(app, ["lsl"])
    assert (done.exit_code, "60 times as fast as life" in done.output) == (ExitCode.REFUSED_COMMAND, True)


def test_an_engine_that_died_is_told_to_the_readers_after_its_last_sample(tmp_path: Path) -> None:
    recorder = kit.recorder(tmp_path)
    feed = kit.feed(tmp_path, out := kit.Kept())
    recorder.samples(block(0))
    with pytest.raises(Ended, match="Look at the pumps") as ended:
        streaming._stream(feed, Clocks(), record(tmp_path))  # type: ignore[arg-type]
    assert ended.value.code == ExitCode.ENGINE_LOST
    assert len(out.t_s) == 25
    assert [text.partition(";")[0] for _t, text in out.events] == [
        "SIMULATED lsl: streaming begins",
        "SIMULATED lsl: STREAM ENDS HERE: the engine is gone and did not close its recording",
    ]
    assert out.lingers == [out.events[-1][1]], "its readers have the time to get it"
    recorder.close()


def test_who_ends_it_is_told_to_the_readers_and_that_the_pumps_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_pid: int) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(os_support, "process_alive", interrupted)
    recorder = kit.recorder(tmp_path)
    feed = kit.feed(tmp_path, out := kit.Kept())
    with pytest.raises(KeyboardInterrupt):
        streaming._stream(feed, Clocks(), record(tmp_path))  # type: ignore[arg-type]
    assert "ended by a person" in out.events[-1][1]
    assert out.lingers == [out.events[-1][1]]
    assert "The engine and its pumps go on" in capsys.readouterr().err
    recorder.close()
