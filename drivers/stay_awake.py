"""Keeps the computer awake while an experiment runs, as each operating system wants to be asked (R55).

Belongs to ``os_support`` (decision 0002) and has its rules: each platform's branch takes what it uses by injection, so
that all of them run in tests here. Whatever holds the computer awake dies with this process, however that ends. A lid
that is closed, an empty battery or an administrator may still put it to sleep: that is noticed, not prevented (H5).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from drivers.os_support import PLATFORM, is_windows

SETTLE_S = 0.5
"""A helper that is refused says so, and ends, within this time [P]."""
_CONTINUOUS, _SYSTEM_REQUIRED = 0x80000000, 0x1  # SetThreadExecutionState, <winbase.h>


class Helper(Protocol):
    """A child process that holds the computer awake for as long as it lives; ``subprocess.Popen`` is one."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code. Raises subprocess.TimeoutExpired."""
        ...

    def terminate(self) -> None:
        """End it."""
        ...


def _spawn(command: Sequence[str]) -> Helper:
    return subprocess.Popen(  # noqa: S603 - a fixed command, no shell; its standard input ends with this process
        list(command), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@dataclass
class Awake:
    """Whether the computer is kept awake; ``trouble`` says why not, empty if it is."""

    trouble: str
    release: Callable[[], None] = lambda: None
    """Let it sleep again; may be called twice."""


def stay_awake(
    platform: str = PLATFORM, spawn: Callable[[Sequence[str]], Helper] = _spawn, kernel32: Any = None
) -> Awake:
    """Ask the operating system not to sleep until ``release``. Never raises: what it could not do is ``trouble``.

    On Windows to be called, and released, on a thread that lives as long as the experiment.
    """
    if is_windows(platform):
        return _windows(kernel32 if kernel32 is not None else ctypes.CDLL("kernel32"))
    if platform == "darwin":
        return _held_by(spawn, ["/usr/bin/caffeinate", "-i", "-m", "-s", "-w", str(os.getpid())])
    for what in ("sleep:shutdown:idle:handle-lid-switch", "sleep:idle"):  # not every user may hold off a shutdown
        # cat ends when this process does: then its standard input is at its end
        awake = _held_by(
            spawn, ["systemd-inhibit", f"--what={what}", "--who=Amperfuse", "--why=An experiment runs", "cat"]
        )
        if not awake.trouble:
            break
    return awake


def _held_by(spawn: Callable[[Sequence[str]], Helper], command: Sequence[str]) -> Awake:
    try:
        helper = spawn(command)
    except OSError as error:
        return Awake(f"{command[0]} could not be started: {error.strerror or error}")
    try:
        code = helper.wait(timeout=SETTLE_S)
    except subprocess.TimeoutExpired:
        return Awake("", lambda: _end(helper))
    return Awake(f"{command[0]} was refused (exit code {code})")


def _end(helper: Helper) -> None:
    helper.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        helper.wait(timeout=SETTLE_S)


def _windows(kernel32: Any) -> Awake:
    if not kernel32.SetThreadExecutionState(ctypes.c_uint(_CONTINUOUS | _SYSTEM_REQUIRED)):
        return Awake("Windows refused to stay awake")
    return Awake("", lambda: kernel32.SetThreadExecutionState(ctypes.c_uint(_CONTINUOUS)))
