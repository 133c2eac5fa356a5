"""Kills real processes at random instants and counts what is missing afterwards: nothing may be.

``python -m tests.recording.kill_campaign --kills 100 --archiver-kills 50 [--seed 1]``
"""

# ruff: noqa: T201 - a command that prints

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from acquisition.recording.recover import recover
from acquisition.recording.session_data import SessionData, read_session
from acquisition.recording.verify import verify
from drivers.clock import NS_PER_S, SystemClock
from drivers.os_support import kill_hard
from tests.recording.synthetic import ROWS, block, event
from tests.recording.synthetic_engine import STOP_NAME

_ROOT = Path(__file__).resolve().parents[2]
_CLOCK = SystemClock()


def start_engine(folder: Path, blocks: int, pause_ms: int, *options: str) -> subprocess.Popen[str]:
    """Start a synthetic engine; every line it prints says what was acknowledged until then."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.recording.synthetic_engine", str(folder), str(blocks), str(pause_ms), *options],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_engine_once(folder: Path, rng: np.random.Generator, *, with_archiver: bool) -> int:
    """Record, kill at a random instant, recover, check everything; return how many records were acknowledged."""
    engine = start_engine(folder, 1_000_000, 1, *(["archiver"] if with_archiver else []))
    assert engine.stdout is not None
    try:
        engine.stdout.readline()
        _CLOCK.sleep_until_ns(_CLOCK.now_ns() + int(rng.integers(0, 1_500_000_000)))
    finally:
        kill_hard(engine.pid)
        lines = engine.stdout.read().splitlines()
        engine.stdout.close()
        engine.wait()
    whole = [line for line in lines if len(line.split()) == 3]
    acknowledged = int(whole[-2].split()[0]) if len(whole) > 1 else 1  # the last line may be cut
    report = recover(folder)
    assert not report.was_closed
    assert report.records >= acknowledged, f"{report.records} of {acknowledged} acknowledged records are left"
    check_content(read_session(folder))
    checked = verify(folder)
    assert checked.ok, checked.text()
    return acknowledged


def kill_archiver_often(folder: Path, kills: int, rng: np.random.Generator) -> None:
    """Record while the archiver is killed again and again; check that the final file is complete."""
    engine = start_engine(folder, 1_000_000, 10, "archiver")
    assert engine.stdout is not None
    killed: set[int] = set()
    last, kill_ns, base, early = 0, None, 0, False
    lines = []
    try:
        for line in engine.stdout:
            lines.append(line.strip())
            words = line.split()
            if len(words) != 3 or not words[2].isdigit() or int(words[2]) in {0, *killed} or len(killed) == kills:
                continue
            now_ns, pid, taken = _CLOCK.now_ns(), int(words[2]), int(words[1])
            if pid != last:  # a new archiver: one in four dies while it starts, the others at work
                last, kill_ns, base, early = pid, None, taken, bool(rng.random() < 0.25)
            if kill_ns is None and (early or taken != base):
                kill_ns = now_ns + int(rng.integers(0, 2 * NS_PER_S))
            if kill_ns is not None and now_ns >= kill_ns:
                kill_hard(pid)
                killed.add(pid)
                if len(killed) == kills:
                    (folder / STOP_NAME).touch()
    finally:
        engine.stdout.close()
        engine.kill()
        engine.wait()
    assert len(killed) == kills
    assert lines[-1] == "archived", lines[-3:]
    session = read_session(folder)
    check_content(session)
    assert session.close is not None
    checked = verify(folder)
    assert checked.ok, checked.text()


def check_content(session: SessionData) -> None:
    """Compare every value with what the synthetic engine computes: no hole, no double, no change."""
    stream = session.streams["stat"]
    blocks = len(stream.index) // ROWS
    assert np.array_equal(stream.index, np.arange(blocks * ROWS))
    if blocks:
        expected = [block(number) for number in range(blocks)]
        assert np.array_equal(stream.current_a, np.concatenate([item.current_a for item in expected]))
        assert np.array_equal(stream.flags, np.concatenate([item.flags for item in expected]))
    own = [item for item in session.events if item.source == "operator"]
    assert own == [event(number) for number in range(len(own))]
    assert abs(len(own) - blocks) <= 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--archiver-kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    total = 0
    for number in range(options.kills):
        with tempfile.TemporaryDirectory() as folder:
            acknowledged = kill_engine_once(Path(folder), rng, with_archiver=number % 2 == 0)
        total += acknowledged
        print(
            f"engine kill {number + 1}/{options.kills}: all {acknowledged} acknowledged records are there", flush=True
        )
    if options.archiver_kills:
        with tempfile.TemporaryDirectory() as folder:
            kill_archiver_often(Path(folder), options.archiver_kills, rng)
        print(f"archiver killed {options.archiver_kills} times during one recording: its file is complete")
    print(f"engine kills {options.kills}, acknowledged records {total}, lost 0, unreadable files 0")


if __name__ == "__main__":
    main()
