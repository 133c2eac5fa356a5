"""``verify``, ``recover``, ``problem-report``: is this what was recorded, what is left of it, what to tell others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.problem_report import problem_report as report_problem
from acquisition.recording.reader import JournalReader
from acquisition.recording.recover import recover as recover_session
from acquisition.recording.verify import session_fingerprint
from acquisition.recording.verify import verify as verify_session
from acquisition.service.exit_codes import ExitCode
from amperfuse.console import Ended, for_people, say, tell
from amperfuse.plain_text import safe

Session = Annotated[Path, typer.Argument(metavar="SESSION", help="The folder of a session.", show_default=False)]


@for_people
def verify(session: Session) -> None:
    """Check a recording: journal, hash chain, manifest, and the NWB file row by row."""
    must_be_session(session)
    tell(f"checking {session} ...")
    report = verify_session(session)
    say(report.text())
    if report.ok:
        mark = _mark(session) and f"{_mark(session)}session, "
        say(f"{mark}fingerprint {session_fingerprint(session)} (samples, doses and events)")
    if not report.ok:
        raise Ended("It does not pass. 'amperfuse recover' repairs what can be.", ExitCode.VERIFICATION_FAILED)
    tell("everything is as it was recorded")


@for_people
def recover(session: Session) -> None:
    """Close an interrupted recording and bring its NWB file up to the journal. Loses nothing; may be run again."""
    must_be_session(session)
    tell(f"recovering {session} ...")
    say(recover_session(session).text())


@for_people
def problem_report(
    session: Session,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it here; without it, it is printed.")] = None,
) -> None:
    """Make a text for whoever mends the program: versions, instruments, events, logs; no samples, no known names."""
    must_be_session(session)
    text = report_problem(session)
    if out is None:
        say(text)
        return
    with out.open("x", encoding="utf-8") as file:
        file.write(safe(text, lines=True))
    tell(f"{safe(str(out))} is written. Read it before you send it: names inside labels are not known to be names.")


def _mark(session: Path) -> str:
    reader = JournalReader(session / JOURNAL_NAME)
    next(iter(reader.tail()), None)
    return reader.header.mark if reader.header is not None else ""


def must_be_session(session: Path) -> None:
    """Raise Ended unless the folder holds a journal."""
    if not (session / JOURNAL_NAME).is_file():
        what = "is not a session: it holds no" if session.is_dir() else "is not a folder with a"
        raise Ended(f"{safe(str(session))} {what} {JOURNAL_NAME}.", ExitCode.REFUSED_INPUT)
