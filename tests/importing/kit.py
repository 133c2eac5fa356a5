"""Texts of other systems with their mappings, and the way into a session without the NWB file, which takes seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from acquisition.importing.mapping import load_mapping
from acquisition.importing.session import Imported, import_recording
from analysis.review import Recording, open_recording

MAPPING = """
[recording]
name = "old days"
system = "OldSense 1"
started = "2026-03-02T14:05:00+01:00"
simulated = false

[subject]
id = "m7"
species = "mouse"

[text]
{text}

[time]
interval = "100 ms"
{time}

[potentiostats.old]
potential = "700 mV"

[[potentiostats.old.channels]]
name = "glu"
column = "glu"
unit = "{unit}"
role = "glutamate"
range = "100 nA"
{channel}
{more}
"""
TIME = 'column = "t"'


def mapping(
    folder: Path, *, text: str = "", time: str = TIME, unit: str = "nA", channel: str = "", more: str = ""
) -> Path:
    path = folder / "map.toml"
    content = MAPPING.format(text=text, time=time, unit=unit, channel=channel, more=more)
    path.write_text(content, encoding="utf-8")
    return path


def rows(times_s: Sequence[float], values: Sequence[object] | None = None) -> str:
    values = range(len(times_s)) if values is None else values
    return "t,glu\n" + "".join(f"{t!r},{value}\n" for t, value in zip(times_s, values, strict=True))


def brought(folder: Path, content: str | bytes, map_path: Path | None = None, to: str = "session") -> Imported:
    """Import ``content`` and return what was said of it; its NWB file is left out."""
    source = folder / "old.txt"
    source.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    wanted = load_mapping(map_path or mapping(folder))
    return import_recording(source, wanted, folder / to, "amperfuse test", lambda _folder: None)


def recorded(folder: Path, to: str = "session") -> Recording:
    return open_recording(folder / to)
