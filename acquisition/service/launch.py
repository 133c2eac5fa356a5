"""Starts the engine as a process of its own, which outlives whoever started it, and waits until it can be asked.

Knows the engine's command line and how its start can fail. Used by the window and the command line. What the engine
then does, nobody here knows.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from acquisition.service import discovery
from acquisition.service.discovery import EngineRecord, NoEngine
from acquisition.service.exit_codes import ExitCode
from drivers import os_support
from drivers.clock import NS_PER_S, SystemClock

READY_S = 60.0
"""Identifying instruments on slow ports, checking the disk and opening files takes seconds, not a minute."""
_LOOK_NS = 50_000_000


class UnfinishedSession(Exception):
    """A real session is refused: an earlier one of the same animal, or with the same pumps, waits for a person."""


class EngineDidNotStart(Exception):
    """The engine ended, or was not ready in time. The text is the engine's own, for people."""

    def __init__(self, text: str, code: ExitCode) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class EngineOptions:
    """What an engine is started with; see ``python -m acquisition --help``."""

    protocol: Path
    rig: Path
    out: Path
    autostart: bool = False
    finish_when_done: bool = False
    speed: float | None = None
    seed: int | None = None
    faults: tuple[str, ...] = ()
    presets: tuple[str, ...] = ()
    """Animal, sensor, scenario to simulate, as for ``rehearse --preset``."""
    practise: bool = False
    """Every instrument of the rig is replaced by its simulated twin."""
    unattended_by: str = ""
    """Who decides that the plan starts, and its infusions, with nobody watching; with ``autostart``."""
    syringes: tuple[str, ...] = ()
    """What a person sees in each pump, like ``ket=hamilton-1001``; needed where an animal is at the other end (R13)."""

    def arguments(self) -> list[str]:
        """Return them as words of a command line."""
        words = ["--protocol", str(self.protocol), "--rig", str(self.rig), "--out", str(self.out)]
        if self.autostart:
            words.append("--autostart")
        if self.finish_when_done:
            words.append("--finish-when-done")
        if self.speed is not None:
            words += ["--speed", repr(self.speed)]
        if self.seed is not None:
            words += ["--seed", str(self.seed)]
        if self.unattended_by:
            words += ["--unattended-by", self.unattended_by]
        for fault in self.faults:
            words += ["--fault", fault]
        for preset in self.presets:
            words += ["--preset", preset]
        if self.practise:
            words.append("--practise")
        for named in self.syringes:
            words += ["--syringe", named]
        return words


def start_engine(options: EngineOptions, timeout_s: float = READY_S) -> EngineRecord:
    """Start an engine that survives this process; return how to reach it once it listens.

    Raises EngineDidNotStart with what the engine said and the exit code it ended with.
    """
    directory = discovery.runtime_dir()
    said = directory / "engine-start.txt"
    command = [sys.executable, "-m", "acquisition", *options.arguments()]
    with said.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own module with checked arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            **os_support.detached_process_options(),
        )
    clock = SystemClock()
    deadline_ns = clock.now_ns() + round(timeout_s * NS_PER_S)
    while clock.now_ns() < deadline_ns:
        code = process.poll()
        if code is not None:
            raise EngineDidNotStart(_last_words(said, code), _as_exit_code(code))
        record = _ready(directory, process.pid)
        if record is not None:
            _let_it_live(process)
            return record
        clock.sleep_until_ns(clock.now_ns() + _LOOK_NS)
    process.terminate()  # it brings its pumps to a stop and closes its files before it ends
    raise EngineDidNotStart(
        f"the engine was not ready after {timeout_s:g} s and was told to end. {_last_words(said, None)}",
        ExitCode.INSTRUMENT,
    )


def _ready(directory: Path, pid: int) -> EngineRecord | None:
    try:
        record = discovery.find_engine(directory)
    except NoEngine:
        return None
    return record if record.pid == pid else None


def _let_it_live(process: subprocess.Popen[bytes]) -> None:
    """Keep Popen from warning, when it is collected, about the child that is meant to go on."""
    process.returncode = 0


def _last_words(said: Path, code: int | None) -> str:
    text = said.read_text(errors="replace").strip()
    if text:
        return text
    return "It said nothing." if code is None else f"the engine ended with code {code} and said nothing"


def _as_exit_code(code: int) -> ExitCode:
    try:
        known = ExitCode(code)
    except ValueError:
        return ExitCode.INTERNAL_ERROR
    return ExitCode.INTERNAL_ERROR if known is ExitCode.OK else known
