"""The same session in real threads: it runs, stops and ends, and no thread is left."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from acquisition.engine.session import Session, build_session
from acquisition.host.auto_operator import AutoOperator
from acquisition.host.rehearsal import describe_world
from acquisition.host.threads import ThreadHost
from acquisition.messages import Answer, Finish, Stop
from acquisition.plan import InfuseStep, WaitStep
from acquisition.recording.recorder import Recorder
from drivers import registry
from drivers.clock import NS_PER_S, PacedClock, SystemClock
from tests.engine.kit import LIMITS, make_plan

RATE = 5.0


class Bench:
    """A session on the simulated bench in real threads, five times as fast as life."""

    def __init__(self, tmp_path: Path, volume_ul: float) -> None:
        plan = make_plan([InfuseStep(1, "ketamine", "drug", volume_ul, 3.0, None), WaitStep(2, "wait", 1.0)])
        self.clock = PacedClock(RATE)
        self.bench = registry.bench()(self.clock, describe_world(plan), 1, [])
        self.session: Session = build_session(
            plan,
            LIMITS,
            opener=self.bench,
            clock=self.clock,
            out_dir=tmp_path,
            recorder=Recorder.create,
            files={"protocol.toml": b"x = 1\n"},
            software="test",
            rate=RATE,
        )
        self.conductor = self.session.conductor
        self.conductor.attendance.stand_in()
        self.host = ThreadHost(self.conductor, self.session.lanes, self.clock, RATE)
        self.answers: list[Answer] = []

    def wait(self, condition: object, within_s: float = 20.0) -> None:
        """Wait in real time, bounded."""
        pause = threading.Event()
        assert callable(condition)
        for _ in range(int(within_s / 0.02)):
            if condition():
                return
            pause.wait(0.02)
        pytest.fail(f"not within {within_s} s; phase {self.conductor.phase}: {self.conductor.phase_text}")

    def end(self) -> None:
        assert self.host.join() == []
        self.session.close()

    def start_plan(self) -> None:
        """Pass the pre-flight and start, as a person would."""
        person = AutoOperator(self.conductor)

        def running() -> bool:
            person.step(self.clock.now_ns())
            return self.conductor.phase == "running"

        self.wait(running, within_s=40)

    def true_ul(self) -> float:
        return float(self.bench.truth()["pumps"]["drug"]["true_delivered_ul"])


def test_a_whole_session_in_threads_ends_and_leaves_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    bench = Bench(tmp_path, volume_ul=0.5)
    person = AutoOperator(bench.conductor)
    bench.host.start()

    def over() -> bool:
        person.step(bench.clock.now_ns())
        return bench.conductor.over

    bench.wait(over, within_s=30)
    assert bench.host.wait_over(5)
    bench.end()

    assert bench.conductor.outcome == "finished", bench.conductor.desk.alarms.views()
    assert bench.true_ul() == pytest.approx(0.5, rel=1e-3)
    assert set(threading.enumerate()) <= before
    assert (bench.session.session_dir / "protocol.toml").read_bytes() == b"x = 1\n"


def test_R33_stop_in_threads_is_confirmed_within_three_real_seconds(tmp_path: Path) -> None:
    bench = Bench(tmp_path, volume_ul=50.0)
    bench.host.start()
    bench.start_plan()
    bench.wait(lambda: bench.conductor.pumps["drug"].infusing and bench.true_ul() > 0.1)

    bench.conductor.submit(Stop(request=2), bench.answers.append)
    bench.wait(bench.conductor.stop_confirmed, within_s=3)
    stopped_ul = bench.true_ul()
    bench.wait(lambda: bench.conductor.phase == "stopped", within_s=3)
    bench.conductor.submit(Finish(request=3), bench.answers.append)
    bench.wait(lambda: bench.conductor.over)
    bench.end()

    assert bench.true_ul() == stopped_ul < 50.0
    assert bench.conductor.outcome == "stopped"


def test_R44_a_conductor_thread_that_dies_stops_the_pumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, volume_ul=50.0)
    bench.host.start()
    bench.start_plan()
    bench.wait(lambda: bench.conductor.pumps["drug"].infusing and bench.true_ul() > 0.1)

    def dies(now_ns: int) -> None:
        raise SystemExit("killed from inside")

    monkeypatch.setattr(bench.conductor, "step", dies)
    assert bench.host.wait_over(5)
    bench.wait(bench.conductor.stop_confirmed, within_s=5)
    stopped_ul = bench.true_ul()

    assert "killed from inside" in bench.host.defect
    assert bench.true_ul() == stopped_ul
    bench.end()
    assert stopped_ul < 50.0


def test_R40_threads_that_do_not_end_are_named_after_one_common_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, volume_ul=1.0)
    bench.host.start()
    bench.wait(lambda: bench.conductor.phase == "ready")
    release, hanging = threading.Event(), []

    def hang(now_ns: int) -> None:
        hanging.append(now_ns)
        release.wait(30)

    for lane in bench.session.lanes:
        lane.step = hang  # type: ignore[method-assign]
    bench.wait(lambda: len(hanging) == 2)
    clock = SystemClock()
    since_ns = clock.now_ns()

    stuck = bench.host.join(timeout_s=1.5)

    assert len(stuck) == 2
    assert clock.now_ns() - since_ns < 2.9 * NS_PER_S  # one after the other: 3 s
    release.set()
    bench.end()
