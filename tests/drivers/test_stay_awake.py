"""R55: the computer is asked to stay awake, on each platform in its own way, and what it refuses is said."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from drivers.stay_awake import Awake, stay_awake


@dataclass
class Child:
    """A helper process; ``code``: it ends at once with that."""

    code: int | None = None
    ended: bool = False

    def wait(self, timeout: float | None = None) -> int:
        if self.code is None and not self.ended:
            raise subprocess.TimeoutExpired("helper", timeout or 0.0)
        return self.code or 0

    def terminate(self) -> None:
        self.ended = True


@dataclass
class System:
    """Starts helpers and refuses the first ``refuses`` of them."""

    refuses: int = 0
    commands: list[Sequence[str]] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)

    def spawn(self, command: Sequence[str]) -> Child:
        self.commands.append(command)
        self.children.append(Child(1 if len(self.children) < self.refuses else None))
        return self.children[-1]


@dataclass
class Kernel32:
    answer: int
    states: list[int] = field(default_factory=list)

    def SetThreadExecutionState(self, state: Any) -> int:
        self.states.append(state.value)
        return self.answer


@pytest.mark.parametrize(("platform", "program"), [("linux", "systemd-inhibit"), ("darwin", "/usr/bin/caffeinate")])
def test_R55_a_helper_holds_the_computer_awake_until_it_is_released(platform: str, program: str) -> None:
    system = System()
    awake = stay_awake(platform, system.spawn)

    assert awake.trouble == ""
    assert system.commands[0][0] == program
    assert not system.children[0].ended
    awake.release()
    awake.release()
    assert system.children[0].ended


def test_R55_who_may_not_hold_off_a_shutdown_still_holds_off_sleep() -> None:
    system = System(refuses=1)
    assert stay_awake("linux", system.spawn).trouble == ""
    assert "--what=sleep:idle" in system.commands[1]


def test_R55_a_refusal_is_said() -> None:
    def missing(_command: Sequence[str]) -> Child:
        raise FileNotFoundError(2, "No such file or directory")

    assert "was refused (exit code 1)" in stay_awake("linux", System(refuses=2).spawn).trouble
    assert "could not be started: No such file" in stay_awake("linux", missing).trouble


def test_R55_windows_is_asked_for_the_thread_and_told_when_it_is_over() -> None:
    kernel32 = Kernel32(answer=0x80000000)
    awake: Awake = stay_awake("win32", kernel32=kernel32)
    awake.release()

    assert awake.trouble == ""
    assert kernel32.states == [0x80000001, 0x80000000]
    assert "refused" in stay_awake("win32", kernel32=Kernel32(answer=0)).trouble
