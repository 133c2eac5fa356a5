"""``import``: text that another system recorded, as a session that says where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acquisition.importing.mapping import load_mapping
from acquisition.importing.session import import_recording
from acquisition.recording.manifest import is_done
from acquisition.recording.records import RecordingFailed
from acquisition.recording.verify import session_fingerprint
from acquisition.service.assembly import software
from amperfuse.commands.options import writable
from amperfuse.console import for_people, say, tell
from amperfuse.plain_text import safe
from amperfuse.rehearsing import close_archive


@for_people
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Delimited text with one row per sample.")],
    mapping: Annotated[
        Path, typer.Option("--mapping", metavar="MAP", help="What its columns are (TOML).", show_default=False)
    ],
    to: Annotated[
        Path,
        typer.Option("--to", metavar="DIR", help="The session's folder; must not exist.", callback=writable),
    ],
) -> None:
    """Make a session of a recording that another system exported as text. Nothing half-written is left."""
    described = load_mapping(mapping)
    mark = "SIMULATED, " if described.file.recording.simulated else ""
    tell(f"{mark}importing {safe(file.name)} ...")
    done = import_recording(file, described, to, software(), _finish)
    say(
        f"{mark}IMPORTED: {done.rows} rows, {done.marks} marks, {done.gaps} gaps, {done.measurements} measurements; "
        f"times at most {done.worst_time_s * 1e3:g} ms beside those of the file"
    )
    say(f"session {safe(str(done.session_dir))}, fingerprint {session_fingerprint(done.session_dir)}")


def _finish(session_dir: Path) -> None:
    close_archive(session_dir)
    if not is_done(session_dir):
        raise RecordingFailed("The NWB file could not be closed; nothing of the import is kept.")
