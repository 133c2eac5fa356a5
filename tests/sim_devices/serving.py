"""Helpers of the serving tests: a simulator in a process of its own, always ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SERVER = """
import sys, threading
from pathlib import Path
from drivers.registry import server
kind, where, name, *faults = sys.argv[1:]
server()(name, pty=Path(where) if kind == "pty" else None, tcp=where if kind == "tcp" else None, seed=4,
         faults=faults, announce=lambda endpoint: print("ready", endpoint, flush=True), stop=threading.Event())
print("ended", flush=True)
"""


@dataclass
class Served:
    """A running server process and what it announced."""

    process: subprocess.Popen[str]
    endpoint: str


@contextmanager
def served(kind: str, where: str, name: str, *faults: str) -> Iterator[Served]:
    """Serve ``name``; end the process on the way out."""
    command = [sys.executable, "-c", SERVER, kind, where, name, *faults]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready, _, endpoint = process.stdout.readline().strip().partition(" ")
            assert ready == "ready"
            yield Served(process, endpoint)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
