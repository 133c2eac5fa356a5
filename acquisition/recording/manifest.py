"""Which files a session has, when it is finished, and the hashes that say so.

Knows names and hashes. Imports neither HDF5 nor NWB, so that whoever asks only about these starts quickly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from acquisition.recording.frames import CloseRecord
from acquisition.recording.journal import JOURNAL_NAME
from drivers.os_support import durable_directory, durable_sync

NWB_NAME = "session.nwb"
MANIFEST_NAME = "session.sha256"
FINISHING_NAME = "session.nwb.finishing"
"""Lies beside the file while it is brought into its closed form: that is not crash-safe, so who finds it rebuilds."""
ARCHIVER_LOCK_NAME = ".archiver.lock"
_LONGEST_MANIFEST_BYTES = 64 * 1024
_CHUNK_BYTES = 4 * 1024 * 1024


def is_done(session_dir: Path) -> bool:
    """Tell whether the file was closed: then it has a manifest."""
    return (session_dir / MANIFEST_NAME).exists() and not (session_dir / FINISHING_NAME).exists()


def write_manifest(session_dir: Path, closed: CloseRecord) -> None:
    """Write the hashes of every file of the session, in the format of ``sha256sum``, with the chain's head."""
    lines = [
        f"# hash chain of {closed.events} events ends in {closed.chain_head}",
        f"# {closed.records + 1} records, closing record included; session {closed.outcome}",
        *(f"{file_hash(path)}  {path.name}" for path in _session_files(session_dir)),
    ]
    building = session_dir / f"{MANIFEST_NAME}.new"
    with building.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        durable_sync(file.fileno())
    building.replace(session_dir / MANIFEST_NAME)
    durable_directory(session_dir)


def read_manifest(session_dir: Path) -> dict[str, str]:
    """Return file name to hash. Raises FileNotFoundError, ValueError for what cannot be a manifest."""
    path = session_dir / MANIFEST_NAME
    if not path.is_file():  # a pipe would be read for ever
        raise FileNotFoundError(f"{path} is not a file")
    if path.stat().st_size > _LONGEST_MANIFEST_BYTES:
        raise ValueError(f"{path.name} is too long to be a list of a session's files")
    pairs = [line.split("  ", 1) for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    listed = {pair[1]: pair[0] for pair in pairs if len(pair) == 2}
    if outside := [name for name in listed if Path(name).name != name]:
        raise ValueError(f"{path.name} lists a file outside of the session: {outside[0]!r}")
    return listed


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _session_files(session_dir: Path) -> Iterator[Path]:
    names = [JOURNAL_NAME, NWB_NAME, f"{JOURNAL_NAME}.torn", *sorted(path.name for path in session_dir.glob("*.toml"))]
    return (session_dir / name for name in names if (session_dir / name).is_file())
