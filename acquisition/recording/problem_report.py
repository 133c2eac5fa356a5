"""A report of what went wrong in a session, for strangers: no samples, no names of people or animals (X18).

Knows what a developer needs (versions, instruments, events, logs) and which words of a session are names or were typed
freely. Does not send anything and does not read the samples. What it cannot know is a name inside a label or an
instrument's name: the report is plain text so that a person reads it before it goes out.
"""

from __future__ import annotations

import getpass
import json
import platform
import re
import socket
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from acquisition.events import Event, EventKind
from acquisition.recording.session_data import SessionData, read_session
from acquisition.recording.verify import verify

PACKAGES = ("amperfuse", "pyserial", "PyQt6", "pyqtgraph", "numpy", "h5py", "pynwb", "pydantic")
LOGS = ("archiver.log", "engine.log", "engine-crash.txt")
MAX_EVENTS, MAX_WIRE, MAX_LOG_BYTES, MAX_FILE_BYTES = 3000, 200, 100_000, 1_000_000
TYPED = {EventKind.NOTE, EventKind.OPERATOR}
"""Kinds whose text a person typed, or may have typed."""
NAMES_OF_PEOPLE = frozenset({"by", "operator", "witness", "registrant", "experimenter", "approved_by", "accepted_by"})
FREE_TEXT = frozenset({"description", "reason", "note", "subject_id", "id", "name"})
DEVICES = ("pumps", "potentiostats")


def problem_report(session_dir: Path) -> str:
    """Return the report on ``session_dir`` as plain text.

    Raises what ``read_session`` raises. Logs that are missing are left out; of long ones the end is taken.
    """
    session = read_session(session_dir)
    plan = dict(session.header.plan)
    logs = {name: _tail(session_dir / name) for name in LOGS}
    parts = [
        _part("Amperfuse problem report", _about(session)),
        _part("verify", verify(session_dir).text()),
        _part("instruments", json.dumps({key: plan.get(key) for key in DEVICES}, indent=1, sort_keys=True)),
        _part("steps", json.dumps(plan.get("steps"), sort_keys=True)),
        _part("events", "\n".join(_events(session))),
        *(_part(name, text) for name, text in logs.items() if text),
    ]
    return without(names(session, session_dir), "\n".join(parts))


def names(session: SessionData, session_dir: Path) -> dict[str, str]:
    """Return what must not stand in the report, each with the word that takes its place."""
    found: dict[str, str] = {}

    def hide(word: str, as_what: str) -> None:
        if len(word.strip()) > 1:
            found.setdefault(word.strip(), f"[{as_what}]")

    hide(session.header.session_id, "session")
    hide(session_dir.resolve().name, "session")
    typed = [*_texts(_without_devices(session.header.plan)), *_texts(_protocol(session_dir))]
    said = [pair for event in session.events for pair in _texts(event.data) if pair[0] in NAMES_OF_PEOPLE]
    for key, value in [*typed, *said]:
        if key in NAMES_OF_PEOPLE and value not in ("plan", "operator"):
            hide(value, "person")
            for word in value.split():
                hide(word, "person")
        elif key in FREE_TEXT:
            hide(value, "animal" if key in ("subject_id", "id") else "text")
    for parent in (session_dir.resolve().parent, Path.home()):
        hide(str(parent), "folder")
    hide(_user(), "person")
    hide(socket.gethostname(), "computer")
    return found


def without(hidden: Mapping[str, str], text: str) -> str:
    """Return ``text`` with every hidden word replaced, in whatever case it stands; longer ones first."""
    if not hidden:
        return text
    words = sorted(hidden, key=len, reverse=True)
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in words), re.IGNORECASE)
    by_folded = {word.casefold(): token for word, token in hidden.items()}
    return pattern.sub(lambda match: by_folded.get(match.group().casefold(), "[text]"), text)


def _about(session: SessionData) -> str:
    header = session.header
    return "\n".join(
        [
            "Without samples and without the names that are known to be names. READ IT before you send it: a name",
            "inside a label, or in what an instrument is called, is not known to be one.",
            f"{header.mark}session, {header.software}, plan {header.plan_sha256}",
            f"closed: {session.close.outcome if session.close else 'no, it was interrupted'}; {session.problem}",
            f"Python {sys.version.split()[0]} on {platform.system()} {platform.release()} {platform.machine()}",
            ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
            *(f"{name}: {len(data.t_ns)} samples" for name, data in session.streams.items()),
        ]
    )


def _events(session: SessionData) -> Iterator[str]:
    wire = [event for event in session.events if event.kind is EventKind.WIRE]
    others = [event for event in session.events if event.kind is not EventKind.WIRE]
    left_out = len(session.events) - len(wire[-MAX_WIRE:]) - len(others[-MAX_EVENTS:])
    yield f"{left_out} earlier ones are left out"
    chosen = [*others[-MAX_EVENTS:], *wire[-MAX_WIRE:]]
    for event in sorted(chosen, key=lambda event: event.t_ns):
        yield _event(event, session.header.started_ns)


def _event(event: Event, started_ns: int) -> str:
    if event.kind in TYPED or event.data.get("by") == "operator":
        text, data = f"[typed, {len(event.text)} characters]", {"what": event.data.get("what")}
    else:
        text, data = event.text, dict(event.data)
    said = json.dumps(text, ensure_ascii=True)
    return f"{(event.t_ns - started_ns) / 1e9:12.3f} s {event.kind.value} {event.source} {said} {json.dumps(data)}"


def _without_devices(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in plan.items() if key not in (*DEVICES, "steps")}


def _protocol(session_dir: Path) -> dict[str, Any]:
    """Return what was typed into the protocol: the plan keeps who overrode a limit only inside a sentence."""
    path = session_dir / "protocol.toml"
    try:
        with path.open("rb") as file:
            typed = tomllib.loads(file.read(MAX_FILE_BYTES).decode())
    except (OSError, ValueError):
        return {}
    return {key: typed[key] for key in ("protocol", "subject", "soft_limit_overrides") if key in typed}


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in nested JSON with the key it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for inner, one in value.items():
            yield from _texts(one, str(inner))
    elif isinstance(value, Iterable) and not isinstance(value, bytes):
        for one in value:
            yield from _texts(one, key)


def _part(title: str, text: str) -> str:
    return f"== {title} ==\n{text}\n"


def _tail(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MAX_LOG_BYTES))
        return file.read(MAX_LOG_BYTES).decode("utf-8", "replace")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
