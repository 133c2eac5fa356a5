"""A served engine without an experiment: the real server, publisher and client around a conductor that only notes."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Listener
from pathlib import Path

from acquisition.messages import Answer, Attend, Command, Credit, EngineState, EventNotice, Hello, Stop
from acquisition.service import discovery
from acquisition.service.discovery import EngineRecord
from acquisition.service.publisher import ClientPublisher
from acquisition.service.server import EngineServer
from drivers import os_support


def a_state(now_ns: int = 0) -> EngineState:
    return EngineState(
        now_ns=now_ns,
        wall_ns=now_ns,
        simulated=True,
        session_id="s",
        session_dir="somewhere",
        plan_name="p",
        plan_sha256="0",
        subject="m1",
        phase="running",
        session_started_ns=0,
    )


def an_event(number: int) -> EventNotice:
    return EventNotice(kind="mark", t_ns=number, wall_ns=number, source="test", text=f"event {number}")


@dataclass
class NotingEngine:
    """Notes what it is told; answers unless it hangs."""

    hangs: bool = False
    commands: list[Command] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    stop_threads: list[str] = field(default_factory=list)

    def submit(self, command: Command, reply: Callable[[Answer], None]) -> None:
        self.commands.append(command)
        if isinstance(command, Stop):
            self.stops.append(command.reason)
            self.stop_threads.append(threading.current_thread().name)
        if not self.hangs and not isinstance(command, Attend | Credit | Hello):
            reply(Answer(request=command.request, ok=True, text="done", confirmed=True))

    def stop_confirmed(self) -> bool:
        return False


@dataclass
class Served:
    engine: NotingEngine
    publisher: ClientPublisher
    server: EngineServer
    record: EngineRecord


@contextmanager
def served(engine: NotingEngine | None = None) -> Iterator[Served]:
    """Serve ``engine`` in a short private directory (socket paths are limited to some 100 bytes)."""
    with tempfile.TemporaryDirectory(prefix="amp") as name:
        directory = Path(name)
        family = os_support.ipc_family()
        address = os_support.ipc_address(directory, "engine")
        key_file = discovery.new_key(directory)
        record = EngineRecord(
            pid=1, address=address, family=family, key_file=key_file, session_dir=directory, simulated=True
        )
        engine = engine or NotingEngine()
        publisher = ClientPublisher()
        server = EngineServer(Listener(address, family), record.read_key(), engine, publisher)
        server.start()
        try:
            yield Served(engine, publisher, server, record)
        finally:
            server.close()
