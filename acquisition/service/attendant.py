"""Presses Start and Finish where nobody sits at a window: ``--autostart`` and ``--finish-when-done``.

Knows the phases in which a person would do so. Never goes on from a step that waits for a person, never overrules a
refusal: it asks again, once a second, and keeps what it was told. It is no person: it watches nothing, and stands for
nothing in a pre-flight but where nothing is real.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from acquisition.host.preflight_stand_in import commands
from acquisition.messages import Answer, Command, EngineState, Finish, Phase, Start
from drivers.clock import NS_PER_S


class Attended(Protocol):
    """What it needs of the conductor."""

    @property
    def simulated(self) -> bool: ...

    @property
    def phase(self) -> Phase: ...

    def state(self) -> EngineState: ...

    def submit(self, command: Command, reply: Callable[[Answer], None]) -> None: ...


@dataclass
class Attendant:
    """Call ``look`` a few times a second, with real time."""

    conductor: Attended
    autostart: bool
    finish_when_done: bool
    unattended_by: str = ""
    """Who decided that nobody has to watch; without one the start waits for a window or a following terminal."""
    told: str = ""
    """What the engine answered last."""
    _next_ns: int = 0
    _started: bool = False

    def look(self, now_ns: int) -> None:
        """Do what is due."""
        if now_ns < self._next_ns:
            return
        phase = self.conductor.phase
        if self.autostart and phase == "ready" and not self._started:
            if self.conductor.simulated:
                for command in commands(self.conductor.state().preflight, lambda: 0):
                    self.conductor.submit(command, self._prepared)
            self._ask(Start(request=0, unattended_by=self.unattended_by), now_ns)
        elif self.finish_when_done and phase in ("finished", "stopped"):
            self._ask(Finish(request=0), now_ns)

    def _ask(self, command: Start | Finish, now_ns: int) -> None:
        self._next_ns = now_ns + NS_PER_S
        self.conductor.submit(command, self._answered)

    def _prepared(self, answer: Answer) -> None:
        self.told = answer.text

    def _answered(self, answer: Answer) -> None:
        self.told = answer.text
        if answer.ok:
            self._started = True
