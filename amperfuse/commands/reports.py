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
def report(  # noqa: PLR0917 - typer gives them by name
    session: Session,
    stimulus: Annotated[
        str, typer.Option("--stimulus", metavar="MARK", help="Text of the marks at which release was evoked.")
    ] = "",
    drug: Annotated[
        str, typer.Option("--drug", metavar="PUMP", help="Whose first arrival parts before and after.")
    ] = "",
    channel: Annotated[
        str,
        typer.Option("--channel", metavar="NAME", help="INSTRUMENT.CHANNEL; else every site with a sentinel."),
    ] = "",
    sentinel: Annotated[
        str, typer.Option("--sentinel", metavar="NAME", help="What is subtracted from --channel; 'none' for nothing.")
    ] = "",
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="A..B", help="Baseline of a response, s after its stimulus.")
    ] = "-10..0",
    search: Annotated[
        str, typer.Option("--search", metavar="A..B", help="Where its peak is looked for, s after its stimulus.")
    ] = "0..15",
    until: Annotated[float, typer.Option("--until", metavar="S", help="Its end, s after its stimulus.")] = 60.0,
    direction: Annotated[str, typer.Option("--direction", metavar="up|down|either", help="Where it points.")] = "up",
    smooth: Annotated[
        float, typer.Option("--smooth", metavar="S", help="Centred mean before a peak is picked, s; 0 for none.")
    ] = 1.0,
    before: Annotated[
        str, typer.Option("--before", metavar="A..B", help="Compared stretch, min after the drug's arrival.")
    ] = "-30..0",
    after: Annotated[str, typer.Option("--after", metavar="A..B", help="The stretch compared with it.")] = "10..30",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="An existing folder; without it, the session's own.")
    ] = None,
) -> None:
    """Write report.html and report.pdf of a session: what was given, evoked and found, with everything to prove it."""
    must_be_session(session)
    folder = out or session
    if not folder.is_dir():
        raise Ended(f"{safe(str(folder))} is no folder.", ExitCode.REFUSED_INPUT)
    from analysis.measuring import read_measuring  # noqa: PLC0415 - loads what 'stop' must not wait for
    from analysis.report.files import write_report  # noqa: PLC0415 - the same
    from analysis.review import open_recording  # noqa: PLC0415 - the same

    recording = open_recording(session)
    tell("SIMULATED: nothing in this recording was measured" if recording.simulated else "reading the recording ...")
    try:
        measuring = read_measuring(
            channel=channel, sentinel=sentinel, baseline=baseline, search=search, until=f"{until:g}",
            direction=direction, smoothing=f"{smooth:g}", before=before, after=after,
        )  # fmt: skip
        written = write_report(recording, folder, stimulus, drug, measuring)
    except ValueError as error:
        raise Ended(f"Nothing was written: {error}.", ExitCode.REFUSED_INPUT) from error
    for path in written:
        say(safe(str(path)))
