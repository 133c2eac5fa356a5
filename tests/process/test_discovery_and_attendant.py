"""Finding the engine, being its only one, and pressing Start where nobody sits."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from acquisition.messages import Answer, Command, EngineState, Finish, Phase, Start
from acquisition.service import discovery
from acquisition.service.attendant import Attendant
from acquisition.service.discovery import EngineAlreadyRunning, EngineRecord, NoEngine
from acquisition.service.exit_codes import MEANING, ExitCode
from acquisition.service.failures import explain
from acquisition.service.launch import EngineDidNotStart, EngineOptions, start_engine
from drivers import errors, os_support
from drivers.clock import NS_PER_S
from tests.process.engine_kit import private_runtime


@pytest.fixture
def runtime() -> Iterator[Path]:
    with private_runtime() as directory:
        yield directory


def a_record(directory: Path, pid: int) -> EngineRecord:
    key_file = discovery.new_key(directory)
    return EngineRecord(
        pid=pid, address="a", family="AF_UNIX", key_file=key_file, session_dir=directory, simulated=True
    )


def a_dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_a_published_engine_is_found_until_it_withdraws(runtime: Path) -> None:
    record = a_record(runtime, pid=os.getpid())
    discovery.publish(record, runtime)
    assert discovery.find_engine() == record
    discovery.withdraw(runtime, record.pid)
    with pytest.raises(NoEngine):
        discovery.find_engine()
    assert not record.key_file.exists()


def test_the_record_of_a_dead_engine_counts_as_none_and_says_what_to_do(runtime: Path) -> None:
    discovery.publish(a_record(runtime, a_dead_pid()), runtime)
    with pytest.raises(NoEngine, match="amperfuse recover"):
        discovery.find_engine()


def test_an_engine_does_not_withdraw_another_ones_record(runtime: Path) -> None:
    record = a_record(runtime, pid=os.getpid())
    discovery.publish(record, runtime)
    discovery.withdraw(runtime, record.pid + 1)
    assert discovery.find_engine() == record


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff\xfe"])
def test_a_damaged_record_is_no_engine(runtime: Path, content: bytes) -> None:
    (runtime / discovery.RECORD_NAME).write_bytes(content)
    with pytest.raises(NoEngine):
        discovery.find_engine()


@pytest.mark.skipif(os_support.is_windows(), reason="Windows protects the user's profile directory instead")
def test_X11_record_and_key_can_be_read_by_this_user_only(runtime: Path) -> None:
    record = a_record(runtime, pid=1)
    discovery.publish(record, runtime)
    for path in (runtime / discovery.RECORD_NAME, record.key_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os_support.is_windows(), reason="Windows protects the user's profile directory instead")
def test_X11_a_runtime_directory_in_which_others_can_write_is_refused(runtime: Path) -> None:
    runtime.chmod(0o777)
    with pytest.raises(PermissionError, match="only you can write"):
        discovery.runtime_dir()
    runtime.chmod(0o700)
    assert discovery.runtime_dir() == runtime


def test_R56_only_one_engine_holds_the_lock(runtime: Path) -> None:
    holder = (
        "import sys; from pathlib import Path; from acquisition.service.discovery import only_engine\n"
        f"with only_engine(Path({str(runtime)!r})): print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(EngineAlreadyRunning, match="only one may hold pumps"), discovery.only_engine(runtime):
            pytest.fail("two engines")
        other.kill()
    with discovery.only_engine(runtime):  # a killed engine leaves no lock behind
        pass


def test_an_engine_that_cannot_start_tells_why_in_its_own_words(runtime: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineDidNotStart, match="there is no such file") as refused:
        start_engine(EngineOptions(tmp_path / "no.toml", tmp_path / "no.toml", tmp_path))
    assert refused.value.code is ExitCode.REFUSED_INPUT


# ---- attendant ------------------------------------------------------------------------------------------------------


@dataclass
class Conductor:
    phase: Phase = "connecting"
    simulated: bool = False
    refuses: bool = False
    commands: list[str] = field(default_factory=list)

    def state(self) -> EngineState:
        raise AssertionError("a real session's pre-flight is for people")

    def submit(self, command: Command, reply: Callable[[Answer], None]) -> None:
        self.commands.append(command.type)
        reply(Answer(request=0, ok=not self.refuses, text="no" if self.refuses else "yes"))


def looked(conductor: Conductor, phases: list[Phase], *, wished: bool = True) -> list[str]:
    attendant = Attendant(conductor, autostart=wished, finish_when_done=wished)
    for second, phase in enumerate(phases):
        conductor.phase = phase
        attendant.look(second * NS_PER_S)
    return conductor.commands


def test_starts_once_when_ready_and_finishes_when_through() -> None:
    phases: list[Phase] = ["connecting", "ready", "ready", "running", "finished"]
    assert looked(Conductor(), phases) == [Start(request=0).type, Finish(request=0).type]


def test_asks_again_after_a_refusal() -> None:
    assert looked(Conductor(refuses=True), ["ready", "ready", "ready"]) == ["start"] * 3


def test_never_goes_on_for_a_person_and_does_only_what_was_wished() -> None:
    assert looked(Conductor(), ["holding", "holding"]) == []
    assert looked(Conductor(), ["ready", "finished"], wished=False) == []


# ---- exit codes -----------------------------------------------------------------------------------------------------


def test_every_exit_code_has_a_meaning() -> None:
    assert set(MEANING) == set(ExitCode)


@pytest.mark.parametrize("kind", [errors.PortMissing, errors.PortBusy, errors.WrongInstrument, errors.ReplyTimeout])
def test_instrument_errors_say_what_to_do(kind: type[errors.DriverError]) -> None:
    failure = explain(kind("it failed", port="COM7"))
    assert failure is not None
    assert failure.code is ExitCode.INSTRUMENT
    assert "COM7" in failure.text
    assert len(failure.text.splitlines()) == 2


def test_a_mistake_of_the_program_is_not_explained_away() -> None:
    assert explain(ZeroDivisionError()) is None


# ---- what differs between platforms ---------------------------------------------------------------------------------


class Kernel:
    def __init__(self) -> None:
        self.cancelled: list[Any] = []

    def CancelIoEx(self, handle: Any, overlapped: Any) -> None:
        self.cancelled.append((handle.value, overlapped))


class Line:
    def fileno(self) -> int:
        return 77


def test_on_windows_hanging_up_cancels_the_pipes_waiting_call() -> None:
    kernel = Kernel()
    os_support.hang_up(Line(), "win32", kernel)
    assert kernel.cancelled == [(77, None)]


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("darwin", {}, True),
        ("win32", {}, True),
    ],
)
def test_where_a_window_can_be_seen(platform: str, environment: dict[str, str], expected: object) -> None:
    assert os_support.has_display(platform, environment) is expected
