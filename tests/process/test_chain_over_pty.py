"""Two pumps on one chain in real time: a simulator in a process of its own, one pty, the engine's lanes in threads."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.engine.preflight_facts import Background
from acquisition.engine.session import Session, build_session
from acquisition.experiment.weighing import NO_ANIMAL
from acquisition.host.auto_operator import AutoOperator
from acquisition.host.threads import ThreadHost
from acquisition.plan import InfuseStep, WaitStep
from acquisition.recording.recorder import Recorder
from drivers.capabilities import DriverOptions, Motion, PumpProgram, WireRecord
from drivers.clock import NS_PER_S, SystemClock
from drivers.new_era import NewEraPump, build
from drivers.serial_port import SerialOpener
from drivers.shared_line import SharedLines
from tests.engine.kit import LIMITS, PUMP, make_plan
from tests.sim_devices.serving import served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
PROGRAM = PumpProgram(diameter_mm=4.699, rate_ul_per_min=60.0, target_ul=100.0)


def test_the_engine_gives_two_doses_by_one_pty(tmp_path: Path) -> None:
    link = tmp_path / "chain"
    with served("pty", str(link), "new-era?chain=0,1"):
        session = assemble(tmp_path, str(link))
        session.conductor.preflight.background = Background(limits_approved_by="A. Vet")
        host = ThreadHost(session.conductor, session.lanes, SystemClock())
        person = AutoOperator(session.conductor)
        host.start()
        for _look in range(4000):
            person.step(SystemClock().now_ns())
            if host.wait_over(0.02):
                break
        assert host.join() == []
        session.close()
    assert session.conductor.outcome == "finished", session.conductor.desk.alarms.views()
    for pump in session.conductor.pumps.values():
        assert pump.ledger.confirmed_ul == pytest.approx(0.1, abs=0.002)


def assemble(tmp_path: Path, url: str) -> Session:
    pumps = [replace(PUMP, url=url), replace(PUMP, url=url, name="other", address=1)]
    steps = [InfuseStep(n, p.name, p.name, 0.1, 3.0, None) for n, p in enumerate(pumps, 1)]
    clock = SystemClock()
    plan = make_plan([*steps, WaitStep(3, "wait", 0.5)], pumps, sensors=())
    return build_session(
        replace(plan, simulated=False, subject=replace(plan.subject, species=NO_ANIMAL)),
        LIMITS,
        opener=SerialOpener(clock),
        clock=clock,
        out_dir=tmp_path,
        recorder=Recorder.create,
        files={"protocol.toml": b"x = 1\n"},
        software="test",
    )


def test_R33_both_pumps_of_a_chain_are_stopped_while_both_are_asked_all_the_time(tmp_path: Path) -> None:
    link = tmp_path / "chain"
    wire: list[WireRecord] = []
    wanted = threading.Event()
    with served("pty", str(link), "new-era?chain=0,1"):
        lines = SharedLines(SerialOpener(), SystemClock())
        pumps = [pump(lines, str(link), address, wanted.is_set, wire.append) for address in (0, 1)]
        polls = [0, 0]
        problems: list[BaseException] = []

        def poll(number: int) -> None:
            try:
                while not wanted.is_set():
                    assert pumps[number].status().motion is Motion.INFUSING
                    polls[number] += 1
            except Exception as error:  # noqa: BLE001 - looked at below
                if not wanted.is_set():
                    problems.append(error)
            wanted_stop(number)

        took_s = [9.0, 9.0]

        def wanted_stop(number: int) -> None:
            began_ns = SystemClock().now_ns()
            assert pumps[number].stop().motion.is_still
            took_s[number] = (SystemClock().now_ns() - began_ns) / NS_PER_S

        threads = [threading.Thread(target=poll, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        until_ns = SystemClock().now_ns() + 60 * NS_PER_S
        while min(polls) < 10 and SystemClock().now_ns() < until_ns and not problems:
            threading.Event().wait(0.05)
        wanted_ns = SystemClock().now_ns()
        wanted.set()
        for thread in threads:
            thread.join(30)
        assert not problems
        assert min(polls) >= 10, f"both get their turns: {polls}"
        assert max(took_s) < 3.0
        for address in (0, 1):
            assert on_wire_s(wire, f"{address}STP".encode(), wanted_ns) <= 1.0, "a busy machine"
        assert [p.foreign_count for p in pumps] == [0, 0]


def pump(
    lines: SharedLines, url: str, address: int, abort: Callable[[], bool], log: Callable[[WireRecord], None]
) -> NewEraPump:
    clock = SystemClock()
    stopping = DriverOptions(f"pump{address}", address, abort=abort, on_wire=log)
    it = build(lines, url, clock, stopping)
    it.connect()
    it.program(PROGRAM)
    it.start()
    return it


def on_wire_s(wire: list[WireRecord], needle: bytes, since_ns: int) -> float:
    times = [record.t_ns for record in wire if record.direction == "out" and needle in record.data]
    return (min(t for t in times if t >= since_ns) - since_ns) / NS_PER_S
