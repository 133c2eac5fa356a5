"""``study status``: where a study stands, and the ARRIVE checklist, as text and as a page.

Knows how both are asked for and told. Tells no group.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.study_options import Dir, kept
from amperfuse.console import Ended, say, tell


@kept
def status(
    folder: Dir,
    sessions: Annotated[
        Path | None,
        typer.Option("--sessions", metavar="DIR", help="Where the recordings are, if not as in study.toml."),
    ] = None,
    arrive: Annotated[
        bool, typer.Option("--arrive", help="The ARRIVE 2.0 checklist: what there is, what lacks.")
    ] = False,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="With --arrive: write it as a new .html file, too.")
    ] = None,
) -> None:
    """Tell where a study stands, without any group. Ends with 0 when it is complete, with 15 when animals are to do."""
    from analysis.sections import text_lines  # noqa: PLC0415 - scipy takes long to load, for one command
    from analysis.study import arrive as checklist  # noqa: PLC0415 - the same
    from analysis.study.allocating import must_be_drawn  # noqa: PLC0415 - the same
    from analysis.study.sealed import FOLDER, slots_of  # noqa: PLC0415 - the same
    from analysis.study.sessions import sessions_of  # noqa: PLC0415 - the same
    from analysis.study.status import sections, status_of  # noqa: PLC0415 - the same
    from analysis.study.study_book import read_log  # noqa: PLC0415 - the same
    from analysis.study.study_file import load_study  # noqa: PLC0415 - the same

    if page is not None and not arrive:
        raise Ended("--page goes with --arrive.", ExitCode.REFUSED_INPUT)
    study = load_study(folder)
    log = read_log(study)
    drawn = must_be_drawn(log)
    if (study.folder / FOLDER).exists():
        slots_of(study, drawn)  # a sealed folder that was changed is not passed over
    found = sessions_of(study, log, sessions)
    now = status_of(study, log, found)
    shown = list(sections(study, log, now))
    if arrive:
        shown = [checklist.section(checklist.checklist(study, log, found))]
    for one in shown:
        for line in text_lines(one):
            say(line)
    if page is not None:
        with page.open("x", encoding="utf-8") as file:
            file.write(checklist.as_html(study, log, found))
        tell(f"{page} is written.")
    if not now.is_complete:
        raise typer.Exit(ExitCode.INCOMPLETE)
