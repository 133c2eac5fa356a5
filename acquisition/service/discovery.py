"""Where the running engine is found, and that there is only one of it (R56).

Knows the runtime directory, the file that names the running engine, its key file and the lock. Does not know what
is said over the connection. Everything in the directory can be read by this user only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from acquisition.wire_facts import PROTOCOL_VERSION
from drivers import os_support

RUNTIME_DIR_VARIABLE = "AMPERFUSE_RUNTIME_DIR"
"""Set it to keep an engine apart from the user's usual one (tests do)."""
RECORD_NAME = "engine.json"
LOCK_NAME = "engine.lock"


class NoEngine(Exception):
    """No engine is running."""


class EngineUnclear(NoEngine):
    """None can be asked, but one was here, or may be: nobody knows what its pumps do."""


class EngineAlreadyRunning(Exception):
    """Another engine of this user is running; only one may hold pumps."""


@dataclass(frozen=True)
class EngineRecord:
    """How to reach a running engine. Written by the engine when it is ready to listen."""

    pid: int
    address: str
    family: str
    key_file: Path
    session_dir: Path
    simulated: bool
    protocol_version: int = PROTOCOL_VERSION

    @property
    def after_a_crash(self) -> str:
        """Return the command for the session of an engine that died: pumps first, where there are real ones."""
        return f"amperfuse {'recover' if self.simulated else 'reconcile'} {self.session_dir}"

    def read_key(self) -> bytes:
        """Return the key that proves a client belongs to this user. Raises EngineUnclear when it is gone."""
        try:
            return self.key_file.read_bytes()
        except OSError as error:
            raise EngineUnclear(
                f"the engine's key file cannot be read ({error.strerror}); it may just have ended"
            ) from error


def runtime_dir() -> Path:
    """Return the directory of the running engine's files, made for this user only if it is not there.

    Raises PermissionError when others could put something there: then it could be a trap (X11).
    """
    chosen = os.environ.get(RUNTIME_DIR_VARIABLE)
    if not chosen:
        return os_support.runtime_dir()
    path = Path(chosen)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    os_support.check_private(path)
    return path


def new_key(directory: Path) -> Path:
    """Write a fresh random key and return its file."""
    path = directory / "engine.key"
    os_support.private_file(path, os.urandom(32))  # what ``secrets`` gives; it takes as long to load as STOP to send
    return path


def publish(record: EngineRecord, directory: Path) -> None:
    """Tell the other processes of this user where the engine is."""
    os_support.private_file(directory / RECORD_NAME, json.dumps(asdict(record), indent=1, default=str).encode())


def withdraw(directory: Path, pid: int) -> None:
    """Remove the record and key of engine ``pid``; leaves those of another engine alone."""
    try:
        record = _read(directory)
    except NoEngine:
        return
    if record.pid == pid:
        (directory / RECORD_NAME).unlink(missing_ok=True)
        record.key_file.unlink(missing_ok=True)


def find_engine(directory: Path | None = None) -> EngineRecord:
    """Return how to reach the running engine. Raises NoEngine; EngineUnclear for one that died."""
    record = _read(directory or runtime_dir())
    if not os_support.process_alive(record.pid):
        raise EngineUnclear(
            f"no engine is running; the last one (process {record.pid}) ended without cleaning up. "
            f"Its session is in {record.session_dir}: look at the pumps, then run: {record.after_a_crash}"
        )
    return record


def _read(directory: Path) -> EngineRecord:
    try:
        return _parsed(json.loads((directory / RECORD_NAME).read_bytes()))
    except FileNotFoundError as error:
        raise NoEngine("no engine is running") from error
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise EngineUnclear(f"no engine can be found: {directory / RECORD_NAME} is not readable") from error


def _parsed(found: object) -> EngineRecord:
    """Return the record that JSON holds; keys of later versions are passed over. Raises ValueError, TypeError."""
    if not isinstance(found, dict):
        raise TypeError("no record")
    given = {field.name: found[field.name] for field in fields(EngineRecord) if field.name in found}
    for name, kind in _KINDS.items():
        if type(given.get(name, kind())) is not kind:
            raise TypeError(name)
    paths = {name: Path(given[name]) for name in ("key_file", "session_dir") if isinstance(given.get(name), str)}
    return EngineRecord(**{**given, **paths})


_KINDS: dict[str, type] = {
    "pid": int,
    "address": str,
    "family": str,
    "key_file": str,
    "session_dir": str,
    "simulated": bool,
    "protocol_version": int,
}


@contextmanager
def only_engine(directory: Path) -> Iterator[None]:
    """Hold the lock that lets one engine per user run (R56). Raises EngineAlreadyRunning at once if it is held."""
    import filelock  # noqa: PLC0415 - who looks for an engine to stop it must not wait for this

    lock = filelock.FileLock(directory / LOCK_NAME, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise EngineAlreadyRunning(
            "an engine is already running for this user, and only one may hold pumps. "
            "'amperfuse status' tells what it does, 'amperfuse gui' opens its window, 'amperfuse finish' ends it."
        ) from error
    try:
        yield
    finally:
        lock.release()
