"""The log of what really left a served syringe, for whoever compares it with what a program believes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from drivers.clock import NS_PER_S, VirtualClock
from drivers.transport import LineSettings
from sim_devices.bench import SimBench
from sim_devices.truth_log import TruthLog
from tests.sim_devices.test_serve import serve_briefly

TARGET_UL, RATE_UL_PER_S = 1.0, 1.0
SETTINGS = (b"DIA4.699", b"RAT60.00UM", b"VOL1.000", b"DIRINF", b"CLDINF", b"RUN")


@dataclass(frozen=True)
class Line:
    since_ns: int
    t_ns: int
    given_ul: float


def run_a_pump(log_path: Path) -> list[Line]:
    """Let a pump give 1 uL within 1 s, looked at every 0.3 s for 3 s; return the lines of its log."""
    clock = VirtualClock()
    bench = SimBench(clock, {}, 1, ())
    line = bench.open("sim://new-era?power_up_alarm=0", LineSettings(baud=19_200))
    log = TruthLog.begin(log_path, bench)
    for command in SETTINGS:
        line.write(command + b"\r", 1.0)
        clock.sleep_until_ns(clock.now_ns() + NS_PER_S // 10)
    for _ in range(10):
        log.look()
        clock.sleep_until_ns(clock.now_ns() + 3 * NS_PER_S // 10)
    log.close()
    lines = [json.loads(text) for text in log_path.read_text(encoding="utf-8").splitlines()]
    return [Line(line["since_ns"], line["t_ns"], line["ul"]["new-era"]) for line in lines]


def test_each_line_says_what_had_left_and_between_which_times(tmp_path: Path) -> None:
    lines = run_a_pump(tmp_path / "truth")

    assert lines[0].given_ul == 0.0
    assert lines[-1].given_ul == pytest.approx(TARGET_UL, abs=0.001)
    assert 4 <= len(lines) <= 6, "a pump that stands writes nothing"
    for before, after in pairwise(lines):
        assert before.t_ns <= after.since_ns < after.t_ns
        could_ul = RATE_UL_PER_S * (after.t_ns - after.since_ns) / NS_PER_S
        assert 0 < after.given_ul - before.given_ul <= could_ul + 0.001


def test_a_log_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "truth").write_text("of yesterday", encoding="utf-8")
    with pytest.raises(FileExistsError):
        serve_briefly(truth=tmp_path / "truth")
    assert (tmp_path / "truth").read_text(encoding="utf-8") == "of yesterday"


def test_an_instrument_that_gives_nothing_has_no_such_log(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="for pumps"):
        serve_briefly(name="emstat", truth=tmp_path / "truth")


def test_a_served_pump_has_its_log(tmp_path: Path) -> None:
    serve_briefly(truth=tmp_path / "truth")
    assert json.loads((tmp_path / "truth").read_text(encoding="utf-8"))["ul"] == {"new-era": 0.0}
