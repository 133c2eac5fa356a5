"""``report``: what a session was and what it shows, as one page and one PDF to hand on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.sessions import Session, must_be_session
from amperfuse.console import Ended, for_people, say, tell
from amperfuse.plain_text import safe


@for_people
def report(
    session: Session,
    stimulus: Annotated[
        str, typer.Option("--stimulus", metavar="MARK", help="Text of the marks at which release was evoked.")
    ] = "",
    drug: Annotated[
        str, typer.Option("--drug", metavar="PUMP", help="Whose first arrival parts before and after.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="An existing folder; without it, the session's own.")
    ] = None,
) -> None:
    """Write report.html and report.pdf of a session: what was given, evoked and found, with everything to prove it."""
    must_be_session(session)
    folder = out or session
    if not folder.is_dir():
        raise Ended(f"{safe(str(folder))} is no folder.", ExitCode.REFUSED_INPUT)
    from analysis.report.files import write_report  # noqa: PLC0415 - loads what 'stop' must not wait for
    from analysis.review import open_recording  # noqa: PLC0415 - the same

    recording = open_recording(session)
    tell("SIMULATED: nothing in this recording was measured" if recording.simulated else "reading the recording ...")
    try:
        written = write_report(recording, folder, stimulus, drug)
    except ValueError as error:
        raise Ended(f"Nothing was written: {error}.", ExitCode.REFUSED_INPUT) from error
    for path in written:
        say(safe(str(path)))
