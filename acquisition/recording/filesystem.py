"""The handful of file operations that recordings and books are made of, as an object that a test can make fail at the
n-th call.

Knows the operating system's file calls and what their failures mean to a person. Does not know what is written.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from drivers.os_support import durable_directory, durable_sync, free_bytes, open_append_flags


class FileSystem(Protocol):
    """What a journal or book needs from a disk. Every method may raise OSError."""

    def create_folder(self, path: Path) -> None:
        """Create a folder that does not exist yet; its name is on the disk when this returns."""
        ...

    def create(self, path: Path) -> int:
        """Create a file that does not exist yet and return a descriptor that only appends."""
        ...

    def append(self, path: Path) -> int:
        """Open an existing file and return a descriptor that only appends."""
        ...

    def write(self, descriptor: int, data: bytes) -> int:
        """Write ``data`` with one system call; return how much of it was taken."""
        ...

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut the file to ``size`` bytes."""
        ...

    def sync(self, descriptor: int) -> None:
        """Return when everything written is on the disk."""
        ...

    def sync_folder(self, path: Path) -> None:
        """Return when the folder's entries are on the disk."""
        ...

    def close(self, descriptor: int) -> None:
        """Close the descriptor."""
        ...

    def free_bytes(self, path: Path) -> int:
        """Return how much room is left on the disk that holds ``path``."""
        ...


class OsFileSystem:
    """The machine's own disk."""

    def create_folder(self, path: Path) -> None:
        path.mkdir()
        self.sync_folder(path.parent)

    def create(self, path: Path) -> int:
        return os.open(path, open_append_flags() | os.O_EXCL, 0o644)

    def append(self, path: Path) -> int:
        return os.open(path, open_append_flags() & ~os.O_CREAT)

    def write(self, descriptor: int, data: bytes) -> int:
        return os.write(descriptor, data)

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        durable_sync(descriptor)

    def sync_folder(self, path: Path) -> None:
        durable_directory(path)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def free_bytes(self, path: Path) -> int:
        return free_bytes(path)


def make_folders(fs: FileSystem, path: Path) -> None:
    """Create a folder and those it lies in, as far as they do not exist: what is stored there survives a power cut only
    if their names do. Raises OSError.
    """
    if path.is_dir():
        return
    make_folders(fs, path.parent)
    with suppress(FileExistsError):  # somebody else made it meanwhile
        fs.create_folder(path)


def write_whole(fs: FileSystem, path: Path, data: bytes) -> None:
    """Write a new file, its content and name on the disk when this returns. Raises FileExistsError, OSError."""
    descriptor = fs.create(path)
    try:
        rest = data
        while rest:
            rest = rest[fs.write(descriptor, rest) :]
        fs.sync(descriptor)
    finally:
        fs.close(descriptor)
    fs.sync_folder(path.parent)


_ADVICE = {
    errno.ENOSPC: "the disk is full: free space on it (delete or move other files)",
    getattr(errno, "EDQUOT", -1): "your disk quota is used up: free space in your own files",
    errno.EFBIG: "the file has reached the size the system allows: raise the limit",
    errno.EIO: "the disk reports an error: check its cable and health, plan to end the session",
    errno.EROFS: "the disk became read-only: check its cable and health",
    errno.EACCES: "another program or a permission blocks the file: close viewers and sync tools that hold it",
}


def explain(error: OSError, path: Path) -> str:
    """Say for a person what failed on which file, what it means for the recording, and what to do."""
    advice = _ADVICE.get(error.errno or 0, "check the disk")
    return (
        f"Recording cannot write {path.name} in {path.parent}: {error.strerror or error}. What to do: {advice}. "
        "Nothing already stored is lost."
    )
