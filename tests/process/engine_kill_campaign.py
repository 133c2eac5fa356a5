"""Kills whole engines at random instants and counts what is missing afterwards: nothing may be.

``python -m tests.process.engine_kill_campaign --kills 100 [--seed 1]``. A real engine process with its threads, lines
and archiver; a client notes what the engine says is stored; SIGKILL; then ``recover`` and ``verify`` from another
process, and every sample the client was told of is looked up in the journal and in ``session.nwb``.
"""

# ruff: noqa: T201 - a command that prints

from __future__ import annotations

import argparse
import statistics
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pynwb import NWBHDF5IO

from acquisition.client import EngineClient, EngineLost
from acquisition.messages import ChannelSamples, EngineState, Report
from acquisition.recording.manifest import NWB_NAME
from acquisition.recording.session_data import SessionData, read_session
from acquisition.service.discovery import EngineRecord
from drivers import os_support
from drivers.clock import NS_PER_S, SystemClock
from tests.process.engine_kit import PROTOCOL, amperfuse, private_runtime, running_engine, wait_gone, write_files

SPEEDS = (1.0, 20.0)
LATEST_S = 8.0
"""At speed 20 the plan is over and the session being closed by then: those instants are tried too."""
_CLOCK = SystemClock()


@dataclass
class Told:
    """What a client was told until the connection broke."""

    records: int = 0
    """Records that are stored, as the engine says."""
    samples: list[ChannelSamples] = field(default_factory=list)
    client: EngineClient | None = None

    def hear(self, report: Report) -> None:
        """Take a report; the feed goes on as soon as samples came."""
        if isinstance(report, EngineState):
            self.records = max(self.records, report.recorder.records)
        elif isinstance(report, ChannelSamples):
            self.samples.append(report)
            if self.client is not None:
                self.client.credit()

    def acknowledged(self) -> list[ChannelSamples]:
        """Return the samples the engine has said are stored; the newest ones it had only shown."""
        return [shown for shown in self.samples if shown.journal_sequence < self.records]


@dataclass(frozen=True)
class Kill:
    """How one kill went."""

    speed: float
    after_s: float
    phase: str
    records_told: int
    records_stored: int
    samples_checked: int
    recover_s: float

    def text(self) -> str:
        """Return one line."""
        return (
            f"speed {self.speed:g}, killed after {self.after_s:.2f} s while {self.phase or 'unknown'}: "
            f"{self.records_told} records acknowledged, {self.records_stored} stored, {self.samples_checked} "
            f"acknowledged samples found in journal and NWB, recovered in {self.recover_s:.1f} s"
        )


def kill_engine_once(folder: Path, rng: np.random.Generator) -> Kill:
    """Run an engine, kill it at a random instant, recover, verify and look up every sample it had acknowledged."""
    speed = float(rng.choice(SPEEDS))
    after_s = float(rng.uniform(0.0, LATEST_S))
    files = write_files(folder, PROTOCOL.format(volume="1.2 uL", rate="1.2 uL/min"))
    with running_engine(files.options(autostart=True, finish_when_done=True, speed=speed)) as engine:
        told, phase = _listen_and_kill(engine, after_s)
    began_ns = _CLOCK.now_ns()
    recovered = amperfuse("recover", engine.session_dir)
    recover_s = (_CLOCK.now_ns() - began_ns) / NS_PER_S
    assert recovered.returncode == 0, recovered.stdout + recovered.stderr
    verified = amperfuse("verify", engine.session_dir)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    session = read_session(engine.session_dir)
    assert session.last_sequence + 1 >= told.records, f"{session.last_sequence + 1} of {told.records} records are left"
    checked = _look_up(told, session, engine.session_dir / NWB_NAME)
    return Kill(speed, after_s, phase, told.records, session.last_sequence + 1, checked, recover_s)


def _listen_and_kill(engine: EngineRecord, after_s: float) -> tuple[Told, str]:
    end_ns = _CLOCK.now_ns() + round(after_s * NS_PER_S)
    told = Told()
    with suppress(EngineLost), EngineClient.connect(engine, samples=True, on_report=told.hear) as client:
        told.client = client
        client.credit()
        _CLOCK.sleep_until_ns(end_ns)
        with suppress(ProcessLookupError):  # it may have closed its session and ended by itself
            os_support.kill_hard(engine.pid)
        assert wait_gone(engine.pid)
        client.wait_for(lambda _state: False, 5.0)  # read to the end what was sent before the kill
    state = None if told.client is None else told.client.state
    return told, "" if state is None else state.phase


def _look_up(told: Told, session: SessionData, nwb: Path) -> int:
    """Find every acknowledged sample, by time and to the last bit; return how many there were."""
    (stream,) = session.streams.values()
    checked = 0
    with NWBHDF5IO(str(nwb), "r") as io:
        series = io.read().acquisition[f"{stream.spec.instrument}_{stream.spec.channels[0]}"]
        file_t_s, file_a = series.timestamps[:], series.data[:]
    assert np.array_equal(file_a, stream.current_a[:, 0])
    for shown in told.acknowledged():
        current_a = np.array(shown.current_a[0])
        real = ~np.isnan(current_a)
        t_ns = np.array(shown.t_ns, np.int64)[real]
        at = np.searchsorted(stream.t_ns, t_ns)
        assert at.max(initial=-1) < len(stream.t_ns), "acknowledged samples are not in the journal"
        assert np.array_equal(stream.t_ns[at], t_ns)
        assert np.array_equal(stream.current_a[at, 0], current_a[real])
        assert np.array_equal(file_t_s[at], (t_ns - session.header.started_ns) / 1e9)
        checked += len(t_ns)
    return checked


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    kills: list[Kill] = []
    with private_runtime():
        for number in range(options.kills):
            with tempfile.TemporaryDirectory() as folder:
                kills.append(kill_engine_once(Path(folder), rng))
            print(f"{number + 1}/{options.kills}: {kills[-1].text()}", flush=True)
    if kills:
        print(
            f"engine kills {len(kills)}, acknowledged records {sum(kill.records_told for kill in kills)}, acknowledged "
            f"samples looked up {sum(kill.samples_checked for kill in kills)}, lost 0, unreadable files 0; recovery "
            f"median {statistics.median(kill.recover_s for kill in kills):.1f} s, longest "
            f"{max(kill.recover_s for kill in kills):.1f} s"
        )


if __name__ == "__main__":
    main()
