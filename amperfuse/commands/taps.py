"""``tap``: writes down what a program and an instrument say to each other; or takes it out of a recorded session.

Knows what a person may ask for and which words they get. The passing of bytes is ``drivers.tap``'s.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from acquisition.recording.wire_log import extract_transcript
from acquisition.service.exit_codes import ExitCode
from amperfuse.console import Ended, for_people, say, tell
from amperfuse.plain_text import safe
from drivers.clock import SystemClock
from drivers.endpoints import Endpoint, endpoint, signals_set
from drivers.replay import is_replay_url
from drivers.serial_port import SerialOpener, is_simulated_url
from drivers.tap import Tap
from drivers.transcripts import TranscriptHeader, TranscriptWriter
from drivers.transport import LineSettings

FRAMES: dict[str, tuple[Literal["N", "E", "O"], Literal[1, 2]]] = {
    "8N1": ("N", 1),
    "8N2": ("N", 2),
    "8E1": ("E", 1),
    "8E2": ("E", 2),
    "8O1": ("O", 1),
    "8O2": ("O", 2),
}


@for_people
def tap(
    url: Annotated[str | None, typer.Argument(help="The instrument's port, or sim://NAME, or replay://FILE.")] = None,
    *,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="The transcript; never written over.")] = None,
    pty: Annotated[Path | None, typer.Option(metavar="PATH", help="Serve the program here: a link to a pty.")] = None,
    tcp: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Serve the program here; port 0: any.")] = None,
    baud: Annotated[int, typer.Option(min=110, max=4_000_000, help="Speed of the instrument's line.")] = 9600,
    frame: Annotated[str, typer.Option(metavar="8N1", help="Data bits, parity, stop bits of that line.")] = "8N1",
    simulated: Annotated[bool, typer.Option("--simulated", help="Mark the transcript as SIMULATED.")] = False,
    from_session: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Take the talk out of a recorded session instead.")
    ] = None,
    instrument: Annotated[str | None, typer.Option(metavar="NAME", help="Which one, with --from-session.")] = None,
) -> None:
    """Write down every byte between a program and an instrument, until Ctrl-C. Prints 'ready ENDPOINT'."""
    if from_session is not None:
        if url is not None or pty is not None or tcp is not None or instrument is None or to is None:
            raise Ended(
                "--from-session DIR needs --instrument NAME and --to FILE, and no port.", ExitCode.REFUSED_INPUT
            )
        _extract(from_session, instrument, to)
        return
    if url is None or (to is None and not is_replay_url(url)):
        raise Ended("Give the instrument's port and --to FILE.", ExitCode.REFUSED_INPUT)
    if frame not in FRAMES:
        raise Ended(f"--frame is one of {', '.join(FRAMES)}.", ExitCode.REFUSED_INPUT)
    header = TranscriptHeader(url, SystemClock().wall_ns(), baud, frame, simulated or is_simulated_url(url))
    try:
        client = endpoint(pty, tcp)
    except ValueError as error:
        raise Ended(str(error), ExitCode.REFUSED_INPUT) from error
    _tap(header, LineSettings(baud, *FRAMES[frame]), to, client)


def _tap(header: TranscriptHeader, settings: LineSettings, to: Path | None, client: Endpoint) -> None:
    clock, stop = SystemClock(), threading.Event()
    line = SerialOpener(clock).open(header.url, settings)
    try:
        transcript = None
        if to is not None:
            began = replace(header, began_wall_ns=clock.wall_ns())
            transcript = TranscriptWriter.create(to, began, clock)
        tapped = Tap(line, client, transcript, clock, _say_failed)
        with signals_set(stop):
            tell(f"{'SIMULATED ' if header.simulated else ''}{header.url}, until Ctrl-C")
            try:
                print(f"ready {safe(client.appear())}", flush=True)  # noqa: T201 - other programs read it
                tapped.run(stop)
            finally:
                client.vanish()
    except OSError as error:
        raise Ended(
            f"{error.strerror or error}: {error.filename or ''}".rstrip(": "), ExitCode.REFUSED_INPUT
        ) from error
    finally:
        line.close()
    if tapped.failed:
        raise Ended(f"The transcript is not whole: {tapped.failed}", ExitCode.RECORDING_FAILED)
    if to is not None:
        say(str(to))


def _say_failed(why: str) -> None:
    tell(f"THE TRANSCRIPT CANNOT BE WRITTEN ANY MORE ({why}). The bytes still pass.", style="bold red")


def _extract(session: Path, instrument: str, to: Path) -> None:
    try:
        lines = extract_transcript(session, instrument, to)
    except FileNotFoundError as error:
        raise Ended(f"There is no journal in {session}.", ExitCode.REFUSED_INPUT) from error
    except FileExistsError as error:
        raise Ended(f"{to} exists already; transcripts are never written over.", ExitCode.REFUSED_INPUT) from error
    except ValueError as error:
        raise Ended(str(error), ExitCode.REFUSED_INPUT) from error
    say(f"{to}: {lines} lines")
