"""A disk that fails at a chosen call, for as long as a test wants."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from acquisition.recording.filesystem import OsFileSystem


@dataclass
class FailingFs(OsFileSystem):
    """Counts every call; ``fails(call, name)`` says whether this one fails, ``short`` makes writes tear first."""

    fails: Callable[[int, str], bool]
    error: int = errno.ENOSPC
    short: bool = False
    calls: int = field(default=0, init=False)
    open_descriptors: set[int] = field(default_factory=set, init=False)

    def _count(self, name: str) -> None:
        self.calls += 1
        if self.fails(self.calls, name):
            raise OSError(self.error, os.strerror(self.error))

    def create(self, path: Path) -> int:
        self._count("create")
        descriptor = super().create(path)
        self.open_descriptors.add(descriptor)
        return descriptor

    def write(self, descriptor: int, data: bytes) -> int:
        self.calls += 1
        if self.fails(self.calls, "write"):
            if self.short and len(data) > 1:
                return super().write(descriptor, data[: len(data) // 2])
            raise OSError(self.error, os.strerror(self.error))
        return super().write(descriptor, data)

    def truncate(self, descriptor: int, size: int) -> None:
        self._count("truncate")
        super().truncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        self._count("sync")
        super().sync(descriptor)

    def sync_folder(self, path: Path) -> None:
        self._count("sync_folder")
        super().sync_folder(path)

    def close(self, descriptor: int) -> None:
        self.open_descriptors.discard(descriptor)
        super().close(descriptor)


@dataclass
class SlowSyncFs(OsFileSystem):
    """A disk whose sync hangs until ``go`` is set."""

    go: threading.Event = field(default_factory=threading.Event)
    syncs: int = field(default=0, init=False)

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        if self.syncs > 1:  # the first belongs to the creation of the journal
            assert self.go.wait(30)
        super().sync(descriptor)
