"""One session on real ports, and the kills that befall it: real engine, real window, real time.

Knows how they are started and killed, and how long to wait for what. What must hold afterwards is ``judges``'s.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from acquisition.client import EngineClient, EngineLost
from acquisition.messages import Continue, EngineState
from acquisition.service.discovery import EngineRecord
from acquisition.service.launch import EngineOptions, start_engine
from drivers import os_support
from drivers.clock import NS_PER_S, SystemClock
from tests.process.engine_kit import pass_preflight, wait_gone
from tests.process.kill_campaign.draw import Blow, Life
from tests.process.kill_campaign.laboratory import Laboratory
from tests.process.kill_campaign.told import Told

CLOCK = SystemClock()


@dataclass
class Lived:
    """What happened, as far as whoever killed can know."""

    life: Life
    session_dir: Path | None = None
    told: Told = field(default_factory=Told)
    killed: list[str] = field(default_factory=list)
    """Who was killed, and in which phase of the session."""
    engine_died_ns: int | None = None
    given_before_ul: float = 0.0
    held_ul: float | None = None
    """What had been given when the plan waited for a person."""


def live(laboratory: Laboratory, life: Life) -> Lived:
    """Run a session until the last blow, or to its end where the engine survives all of them."""
    lived = Lived(life, given_before_ul=laboratory.given_ul())
    options = laboratory.options(watched=life.watched, long_gap=life.left_alone)
    there = set(laboratory.out.glob("*"))
    if life.blows[0].instant == "starting":
        _die_at_the_start(options, life.blows[0], lived)
    else:
        engine = start_engine(options)
        windows = Windows(laboratory.folder)
        try:
            _go_through(engine, windows, lived, laboratory)
        finally:
            windows.kill()
            if os_support.process_alive(engine.pid):
                with suppress(ProcessLookupError):
                    os_support.kill_hard(engine.pid)
            wait_gone(engine.pid)
    new = set(laboratory.out.glob("*")) - there
    assert len(new) <= 1, new
    lived.session_dir = next(iter(new), None)
    return lived


@dataclass
class Windows:
    """The window on the engine, one after the other."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Open one, unless one is open."""
        if self.process is not None:
            return
        environment = {"QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(self.folder / "config")}
        with (self.folder / "window.txt").open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "amperfuse", "gui"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env=os.environ | environment,
            )

    def kill(self) -> bool:
        """Kill it; tell whether there was one."""
        was_there = self.process is not None and self.process.poll() is None
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        return was_there


def _die_at_the_start(options: EngineOptions, blow: Blow, lived: Lived) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "acquisition", *options.arguments()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **os_support.detached_process_options(),
    )
    _sleep(blow.after_s)
    assert process.poll() is None, "it did not start"
    process.kill()
    process.wait()
    lived.engine_died_ns = CLOCK.now_ns()
    lived.killed.append("engine, starting")


def _go_through(engine: EngineRecord, windows: Windows, lived: Lived, laboratory: Laboratory) -> None:
    life, told = lived.life, lived.told
    if life.watched:
        windows.open()
    with suppress(EngineLost), EngineClient.connect(engine, samples=True, on_report=told.hear) as client:
        told.client = client
        client.credit()
        if (first := life.blows[0]).instant == "preflight":
            early = threading.Timer(first.after_s, lambda: _strike(first, engine, windows, lived))
            early.start()
            with suppress(EngineLost):
                pass_preflight(client)
            early.join()
        else:
            pass_preflight(client)
            _all_blows(engine, windows, lived)
        if lived.engine_died_ns is None:
            _to_the_end(client, windows, lived, laboratory)
        client.wait_for(lambda _state: False, 60.0)  # read to the end what was sent before the kill
    assert wait_gone(engine.pid, 90.0), "the engine did not end"


def _all_blows(engine: EngineRecord, windows: Windows, lived: Lived) -> None:
    for blow in lived.life.blows:
        _sleep(blow.after_s)
        _strike(blow, engine, windows, lived)
        if lived.engine_died_ns is None and not lived.life.left_alone:
            windows.open()


def _strike(blow: Blow, engine: EngineRecord, windows: Windows, lived: Lived) -> None:
    phase = lived.told.phase
    if blow.victim != "window":
        if not os_support.process_alive(engine.pid):
            return  # it has closed its session and ended by itself
        with suppress(ProcessLookupError):
            os_support.kill_hard(engine.pid)
        lived.engine_died_ns = CLOCK.now_ns()
    if blow.victim == "engine" or windows.kill():
        lived.killed.append(f"{blow.victim}, {phase}")
    if blow.victim != "window":
        assert wait_gone(engine.pid)


def _to_the_end(client: EngineClient, windows: Windows, lived: Lived, laboratory: Laboratory) -> None:
    """Let the plan go on to its end; where it waits for a person, come back and continue it."""
    if lived.life.left_alone:
        held = client.wait_for(lambda state: state.held_before, 90.0)
        assert held is not None, f"an infusion began with nobody watching: {client.state}"
        assert held.held_on is not None
        lived.held_ul = laboratory.given_ul()
        windows.open()
        assert client.wait_for(_is_watched, 60.0), client.state
        answer = client.request(Continue(request=0, step=held.held_on))
        assert answer.ok, answer.text


def _is_watched(state: EngineState) -> bool:
    return bool(state.watched_by)


def _sleep(for_s: float) -> None:
    CLOCK.sleep_until_ns(CLOCK.now_ns() + round(for_s * NS_PER_S))
