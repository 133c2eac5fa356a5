"""Instruments in processes of their own, on pseudo-terminals: they outlive whoever talks to them. Gone afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served(name: str, link: Path, truth: Path | None = None) -> Iterator[Path]:
    """Serve a simulated instrument on a pty, as ``amperfuse sim`` does in a terminal; ``truth`` is a pump's log."""
    command = [sys.executable, "-m", "amperfuse", "sim", name, "--pty", str(link)]
    if truth is not None:
        command += ["--truth", str(truth)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"ready {link}\n"
            yield link
        finally:
            process.terminate()
