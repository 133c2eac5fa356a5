"""``export`` and ``annotate``: a recording for other programs, and what people add to it afterwards.

Knows formats by name and where they go. A recording is never changed; nothing that exists is overwritten.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from acquisition.books.annotations import annotate as add_annotation
from acquisition.books.chain import BookBroken, BookUnwritable
from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.options import said
from amperfuse.commands.sessions import Session, must_be_session
from amperfuse.console import Ended, for_people, say, tell
from amperfuse.plain_text import safe
from drivers.clock import SystemClock


class Format(Enum):
    """What a recording can be written as."""

    NWB = "nwb"
    CSV = "csv"
    MAT = "mat"
    EDF = "edf"


@for_people
def export(
    session: Session,
    to: Annotated[Format, typer.Option("--to", help="nwb, csv (a folder of tables), mat (MATLAB) or edf (EDF+).")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PATH", help="File, or folder for csv; without it, beside the session's folder."),
    ] = None,
) -> None:
    """Write a recording in another format. The recording stays as it is, nothing that exists is overwritten."""
    must_be_session(session)
    from analysis.review import open_recording  # noqa: PLC0415 - loads what 'stop' must not wait for

    recording = open_recording(session)
    name = session.resolve().name
    target = out or session.resolve().parent / (f"{name}-csv" if to is Format.CSV else f"{name}.{to.value}")
    if target.exists():
        raise Ended(f"{safe(str(target))} is there already; nothing was written.", ExitCode.REFUSED_INPUT)
    if recording.problem:
        tell(f"this recording is not whole: {safe(recording.problem)}")
    try:
        written = _writer(to)(recording, target)
    except ValueError as error:
        raise Ended(f"It cannot be written as {to.value}: {error}.", ExitCode.REFUSED_INPUT) from error
    except OSError as error:
        said_why = error.strerror or str(error)
        raise Ended(f"{safe(str(target))} cannot be written: {said_why}. The recording is untouched.",
                    ExitCode.REFUSED_INPUT) from error  # fmt: skip
    if recording.data.header.mark:
        tell(recording.status)
    for path in written:
        say(safe(str(path)))


def _writer(to: Format) -> Callable[..., list[Path]]:
    """Return the writer; each loads libraries that others do not need."""
    module, name = {
        Format.NWB: ("nwb", "export_nwb"),
        Format.CSV: ("tables", "export_csv"),
        Format.MAT: ("mat", "export_mat"),
        Format.EDF: ("edf", "export_edf"),
    }[to]
    writer: Callable[..., list[Path]] = getattr(import_module(f"analysis.export.{module}"), name)
    return writer


@for_people
def annotate(  # noqa: PLR0917 - a command's options
    session: Session,
    text: Annotated[str, typer.Option("--text", help="What is to be said.")],
    at_s: Annotated[float, typer.Option("--at", metavar="SECONDS", help="When, s after the session began.")] = 0.0,
    until_s: Annotated[
        float | None, typer.Option("--until", metavar="SECONDS", help="End of the stretch; without it, an instant.")
    ] = None,
    channel: Annotated[str, typer.Option(metavar="NAME", help="INSTRUMENT.CHANNEL; without it, all.")] = "",
    blank: Annotated[
        bool, typer.Option("--blank", help="An artefact: the stretch is not measured. Its samples stay.")
    ] = False,
    withdraws: Annotated[
        int | None, typer.Option("--withdraws", metavar="N", help="Number of an annotation that does not hold.")
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so; without it, the user's name.")] = "",
) -> None:
    """Add an annotation to a recording. Annotations are added, never overwritten; one can withdraw another."""
    must_be_session(session)
    from analysis.review import open_recording  # noqa: PLC0415 - loads what 'stop' must not wait for

    channels = open_recording(session).channels
    if channel and channel not in channels:
        raise Ended(f"There is no channel {safe(channel)!r}; there are: {safe(', '.join(channels))}.",
                    ExitCode.REFUSED_INPUT)  # fmt: skip
    try:
        made = add_annotation(
            session, said(text, "--text"), said(by or getpass.getuser(), "--by"), SystemClock().wall_ns(),
            start_s=at_s, end_s=until_s, channel=channel, blank=blank, withdraws=withdraws,
        )  # fmt: skip
    except ValueError as error:
        raise Ended(f"Nothing was added: {error}.", ExitCode.REFUSED_INPUT) from error
    except (BookBroken, BookUnwritable) as error:
        raise Ended(f"Nothing was added: {error}", ExitCode.VERIFICATION_FAILED) from error
    say(f"annotation {made.number} is added")
