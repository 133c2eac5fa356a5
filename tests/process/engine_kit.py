"""A real engine process on a small simulated rig, in a runtime directory of its own; always gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from acquisition.books.places import BOOKS_DIR_VARIABLE
from acquisition.client import EngineClient, EngineLost
from acquisition.host.preflight_stand_in import commands
from acquisition.service.discovery import RUNTIME_DIR_VARIABLE, EngineRecord
from acquisition.service.launch import EngineOptions, start_engine
from drivers import os_support
from drivers.clock import NS_PER_S, SystemClock

RIG = """
[rig]
name = "test bench"

[pumps.drug]
driver = "new-era"
url = "sim://new-era?seed=1"
syringe = "bd-plastic-1ml"
watchdog = "3 s"
line_dead_volume = "8 uL"

[potentiostats.stat]
driver = "methodscript"
url = "sim://emstat?seed=2"
potential = "600 mV"
interval = "100 ms"

[[potentiostats.stat.channels]]
name = "glu"
electrode = "we1"
role = "glutamate"
range = "50 nA"
sensitivity = "7 pA/uM"
"""
PROTOCOL = """
[protocol]
name = "test plan"

[subject]
id = "m1"
species = "mouse"
sex = "M"
age = "P12W"
weight = "25 g"
weighed = "2026-01-01"

[pumps.drug]
drug = "ketamine"
form = "hydrochloride"
concentration = "5 mg/mL"
route = "iv_infusion"
loaded = "600 uL"
primed = true

[[steps]]
infuse = {{ pump = "drug", volume = "{volume}", rate = "{rate}", label = "ketamine" }}

[[steps]]
mark = "end"
"""
LONG = PROTOCOL.format(volume="10 uL", rate="1 uL/min")
SHORT = PROTOCOL.format(volume="0.1 uL", rate="1.25 uL/min")


@dataclass(frozen=True)
class Files:
    protocol: Path
    rig: Path
    out: Path

    def options(self, **more: object) -> EngineOptions:
        """Return them; nobody watches in most tests, and a named person decided so."""
        given = {"unattended_by": "the tests"} | more
        return EngineOptions(self.protocol, self.rig, self.out, **given)  # type: ignore[arg-type]


def write_files(directory: Path, protocol: str = LONG, rig: str = RIG) -> Files:
    files = Files(directory / "protocol.toml", directory / "rig.toml", directory / "out")
    files.protocol.write_text(protocol, encoding="utf-8")
    files.rig.write_text(rig, encoding="utf-8")
    return files


@contextmanager
def private_runtime() -> Iterator[Path]:
    """Keep engines and books of this test apart. The path is short: a socket's name has some 100 bytes."""
    with tempfile.TemporaryDirectory(prefix="amp") as name, pytest.MonkeyPatch.context() as patch:
        patch.setenv(RUNTIME_DIR_VARIABLE, name)
        patch.setenv(BOOKS_DIR_VARIABLE, str(Path(name) / "b"))
        yield Path(name)


@contextmanager
def running_engine(options: EngineOptions) -> Iterator[EngineRecord]:
    record = start_engine(options)
    try:
        yield record
    finally:
        if os_support.process_alive(record.pid):
            with suppress(ProcessLookupError):
                os_support.kill_hard(record.pid)
        wait_gone(record.pid)


def pass_preflight(client: EngineClient, within_s: float = 60.0) -> None:
    """Check, tick and accept what a person would before a run on real ports, until the plan runs. Raises EngineLost."""
    clock = SystemClock()
    end_ns = clock.now_ns() + round(within_s * NS_PER_S)
    while clock.now_ns() < end_ns:
        state = client.wait_for(lambda state: state.phase != "connecting", within_s)
        assert state is not None, client.state
        if client.lost:
            raise EngineLost(client.lost)
        if state.phase != "ready":
            return
        for command in commands(state.preflight, lambda: 0):
            client.request(command, within_s)
        clock.sleep_until_ns(clock.now_ns() + NS_PER_S // 2)
    raise AssertionError(f"the pre-flight was not passed: {client.state}")


def wait_gone(pid: int, timeout_s: float = 60.0) -> bool:
    """Wait until a process is gone, reaping it if it is a child of this one."""
    clock = SystemClock()
    end_ns = clock.now_ns() + round(timeout_s * NS_PER_S)
    while clock.now_ns() < end_ns:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if not os_support.process_alive(pid):
            return True
        clock.sleep_until_ns(clock.now_ns() + NS_PER_S // 20)
    return False


def amperfuse(*words: str | Path, timeout_s: float = 300.0) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, as a person would from another terminal."""
    command: Sequence[str] = [sys.executable, "-m", "amperfuse", *map(str, words)]
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, check=False, env=environment, encoding="utf-8"
    )
