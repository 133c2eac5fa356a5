"""A disk that a process dies on, and what it holds afterwards: after a crash of the process, or after a power cut.

A process that dies leaves every write that returned, and of the one it died in a part. A power cut leaves what was
synced. The rest may be there, missing, torn or zero in blocks; a name that was never synced with its folder may be
gone, with all that lies below it; a cut that was never synced may not have happened.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from acquisition.recording.filesystem import OsFileSystem
from tests.crash_anywhere.accident import Accident

BLOCK_BYTES = 512
"""What a disk writes whole or not at all."""


class _Real:
    """The system's own calls, also while a mortal disk stands in for them."""

    create = staticmethod(partial(OsFileSystem.create, OsFileSystem()))
    append = staticmethod(partial(OsFileSystem.append, OsFileSystem()))
    write = staticmethod(partial(OsFileSystem.write, OsFileSystem()))
    truncate = staticmethod(partial(OsFileSystem.truncate, OsFileSystem()))
    close = staticmethod(partial(OsFileSystem.close, OsFileSystem()))


@dataclass
class MortalDisk:
    """The machine's disk, which remembers what is safe."""

    accident: Accident
    rng: np.random.Generator
    safe: dict[Path, bytes] = field(default_factory=dict)
    """Per file: its content when it was last synced."""
    cut: dict[Path, bytes] = field(default_factory=dict)
    """Per file: what was cut off it since."""
    unsafe_names: set[Path] = field(default_factory=set)
    written: dict[Path, bytearray] = field(default_factory=dict)
    """Per file: what its writer knows to be written (acknowledged)."""
    _paths: dict[int, Path] = field(default_factory=dict)

    def create_folder(self, path: Path) -> None:
        self._step()
        path.mkdir()
        self.unsafe_names.add(path)
        self.sync_folder(path.parent)

    def create(self, path: Path) -> int:
        self._step()
        descriptor = _Real.create(path)
        self._paths[descriptor] = path
        self.safe[path], self.written[path] = b"", bytearray()
        self.unsafe_names.add(path)
        return descriptor

    def append(self, path: Path) -> int:
        self._step()
        descriptor = _Real.append(path)
        self._paths[descriptor] = path
        self.safe.setdefault(path, path.read_bytes())
        self.written.setdefault(path, bytearray(path.read_bytes()))
        return descriptor

    def write(self, descriptor: int, data: bytes) -> int:
        if self.accident.comes_now("disk"):
            _Real.write(descriptor, data[: int(self.rng.integers(0, len(data) + 1))])
            self.accident.die()
        taken = _Real.write(descriptor, data)
        self.written[self._paths[descriptor]] += data[:taken]
        return taken

    def truncate(self, descriptor: int, size: int) -> None:
        self._step()
        path = self._paths[descriptor]
        if len(whole := path.read_bytes()) > size:
            self.cut[path] = whole
        _Real.truncate(descriptor, size)
        del self.written[path][size:]

    def sync(self, descriptor: int) -> None:
        self._step()
        path = self._paths[descriptor]
        self.safe[path] = path.read_bytes()
        self.cut.pop(path, None)

    def sync_folder(self, path: Path) -> None:
        self._step()
        self.unsafe_names = {name for name in self.unsafe_names if name.parent != path}

    def close(self, descriptor: int) -> None:
        path = self._paths.pop(descriptor, None)
        if path is not None:
            _Real.close(descriptor)

    def free_bytes(self, path: Path) -> int:
        return 10**12

    def _step(self) -> None:
        if self.accident.comes_now("disk"):
            self.accident.die()

    def close_all(self) -> None:
        """Do what the system does when the process has ended."""
        for descriptor in list(self._paths):
            self.close(descriptor)

    def sure(self, path: Path, *, power_cut: bool) -> bytes:
        """Return what of a file its writer may rely on."""
        if not power_cut:
            return bytes(self.written[path])
        return b"" if self.unsafe_names & {path, *path.parents} else self.safe[path]

    def power_cut(self) -> None:
        """Leave what a power cut may leave."""
        for name in sorted(self.unsafe_names):
            if name.exists() and self.rng.random() < 0.5:
                shutil.rmtree(name) if name.is_dir() else name.unlink()
        for path, safe in self.safe.items():
            if path.exists():
                path.write_bytes(self._left_of(path, safe))

    def _left_of(self, path: Path, safe: bytes) -> bytes:
        now = path.read_bytes()
        if path in self.cut and self.rng.random() < 0.5:
            now = self.cut[path]  # it was not cut yet when the power went
        if not now.startswith(safe):
            return safe if self.rng.random() < 0.5 else now
        size = len(safe) + int(self.rng.integers(0, len(now) - len(safe) + 1))
        left = bytearray(now if self.rng.random() < 0.3 else now[:size])
        first = -(-len(safe) // BLOCK_BYTES) * BLOCK_BYTES
        for begin in [len(safe), *range(first, len(left), BLOCK_BYTES)]:
            end = min((begin // BLOCK_BYTES + 1) * BLOCK_BYTES, len(left))
            if self.rng.random() < 0.2:
                left[begin:end] = bytes(max(0, end - begin))
        return bytes(left)


@contextmanager
def machine(disk: MortalDisk) -> Iterator[None]:
    """Let this be the disk of the machine for everything that the process does."""

    def on_it(name: str) -> Callable[..., Any]:
        return lambda _self, *arguments: getattr(disk, name)(*arguments)

    with ExitStack() as patches:
        for name in [name for name in vars(OsFileSystem) if not name.startswith("_")]:
            patches.enter_context(mock.patch.object(OsFileSystem, name, on_it(name)))
        yield
