"""``unfinished`` and ``reconcile``: sessions that nobody closed, what became of their pumps, and a person's decision.

Knows how they are told and asked about. What is done to pumps, books and files is ``acquisition.service.reconcile``'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acquisition.books import sessions
from acquisition.books.chain import BookBroken, BookUnwritable
from acquisition.books.sessions import OpenSession
from acquisition.service import discovery
from acquisition.service.discovery import NoEngine, find_engine
from acquisition.service.exit_codes import ExitCode
from acquisition.service.pump_check import Ports
from acquisition.service.reconcile import QUESTION, Reconciliation, hours_ago, how_to_answer
from acquisition.service.reconcile import reconcile as bring_to_an_end
from amperfuse.commands.options import said
from amperfuse.console import Ended, for_people, say, tell
from drivers.clock import SystemClock
from drivers.serial_port import SerialOpener
from gui.presenters.unfinished import Unfinished

Which = Annotated[
    str, typer.Argument(metavar="SESSION", help="Name or folder of the session, as 'unfinished' lists it.")
]
Stands = Annotated[
    list[str] | None,
    typer.Option("--stands", metavar="PUMP", help="A pump that cannot be asked: you looked, and it stands still."),
]


@for_people
def unfinished() -> None:
    """List real sessions of this computer that were not closed. Touches no pump."""
    waiting = _waiting()
    for line in _lines(waiting):
        say(line)
    if waiting:
        raise Ended("A person must look at them: amperfuse reconcile SESSION", ExitCode.UNFINISHED)
    tell("Every real session of this computer was closed, or a person has answered for it.")


@for_people
def reconcile(
    session: Which,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides: a person's name.")] = "",
    decision: Annotated[str, typer.Option("--decision", metavar="TEXT", help="What is to be done now.")] = "",
    stands: Stands = None,
) -> None:
    """Ask and STOP every pump of an unfinished session, book what it gave, close its recording; then ask you."""
    if bool(by) != bool(decision):
        raise Ended("--by and --decision go together: a person decides something.", ExitCode.REFUSED_INPUT)
    with discovery.only_engine(discovery.runtime_dir()):
        open_ = _chosen(session)
        tell("asking and stopping the pumps, then booking, then closing the recording ...")
        clock = SystemClock()
        try:
            (done,) = bring_to_an_end([open_], Ports(SerialOpener(clock), clock), all_pumps=True)
            say(done.text())
            if not by:
                raise Ended(f"{QUESTION}\n{how_to_answer(open_)}", ExitCode.UNFINISHED)
            _must_stand(done, stands or [])
            looked = f" (by eye, standing still: {', '.join(stands)})" if stands else ""
            sessions.answered(
                open_.session,
                by=said(by, "--by"),
                decision=said(decision, "--decision") + looked,
                wall_ns=clock.wall_ns(),
            )
        except (BookBroken, BookUnwritable) as error:
            raise Ended(str(error), ExitCode.VERIFICATION_FAILED) from error
    say(f"{by} has answered for {open_.session}: {decision}. Nothing was resumed.", style="bold green")


def tell_unfinished() -> None:
    """Say, before anything else, which sessions wait for a person."""
    try:
        waiting = _waiting()
    except Ended as broken:  # a window must open all the same; a real run is refused by the engine
        tell(str(broken), "bold red")
        return
    if waiting:
        tell("\n".join([*_lines(waiting), "'amperfuse reconcile SESSION' stops their pumps and asks you."]), "bold red")


def for_the_window() -> tuple[Unfinished, ...]:
    """Return what stands across the window: every session that waits for a person, or why nobody can tell."""
    try:
        waiting = _waiting()
    except Ended as broken:
        todo = "No real run starts until this is mended: docs/how-to/after-a-crash.md, When something is missing."
        what = "NOBODY CAN TELL WHETHER A SESSION ENDED BADLY: its pumps may still run"
        return (Unfinished(what, str(broken), todo, "amperfuse unfinished", "register of sessions"),)
    now_ns = SystemClock().wall_ns()
    return tuple(_as_banner(item, now_ns) for item in waiting)


def _as_banner(item: OpenSession, now_ns: int) -> Unfinished:
    pumps = ", ".join(f"{pump.name} on {pump.url}" for pump in item.pumps) or "none"
    asked = [line.strip() for line in item.found.splitlines() if line.startswith("  pump ") or "NOT KNOWN" in line]
    found = f"When they were asked: {'; '.join(asked)}" if asked else "Nobody has asked them since: THEY MAY STILL RUN."
    short = f"{item.session}, animal {item.animal or 'none'}"
    return Unfinished(
        what=f"SESSION NEVER CLOSED: {short}, begun {hours_ago(item, now_ns):.1f} h ago",
        so_what=f"Pumps: {pumps}. {found}",
        do_what="First the animal, then its pumps: press STOP on each that runs, or clamp its line. Then, while no "
        "session runs, type in a terminal:",
        command=f"amperfuse reconcile {item.session}",
        short=short,
    )


def _waiting() -> tuple[OpenSession, ...]:
    """Return the unfinished sessions; the one that runs now is none of them."""
    try:
        running: Path | None = find_engine().session_dir.resolve()
    except NoEngine:
        running = None
    try:
        return tuple(item for item in sessions.unfinished() if item.session_dir.resolve() != running)
    except BookBroken as error:
        raise Ended(str(error), ExitCode.VERIFICATION_FAILED) from error


def _lines(waiting: tuple[OpenSession, ...]) -> list[str]:
    now_ns = SystemClock().wall_ns()
    return [
        f"UNFINISHED: {item.session}, animal {item.animal or 'none'}, opened {hours_ago(item, now_ns):.1f} h ago, "
        f"pumps {', '.join(f'{pump.name} on {pump.url}' for pump in item.pumps) or 'none'}: in {item.session_dir}"
        for item in waiting
    ]


def _chosen(name: str) -> OpenSession:
    waiting = _waiting()
    found = [item for item in waiting if name == item.session or Path(name).resolve() == item.session_dir.resolve()]
    if not found:
        names = ", ".join(item.session for item in waiting) or "none is"
        raise Ended(f"{name} is no unfinished session. Unfinished: {names}.", ExitCode.REFUSED_INPUT)
    return found[0]


def _must_stand(done: Reconciliation, stands: list[str]) -> None:
    strange = sorted(set(stands) - {finding.pump for finding in done.pumps})
    if strange:
        raise Ended(f"--stands: the session has no pump {', '.join(strange)}.", ExitCode.REFUSED_INPUT)
    open_pumps = [pump for pump in done.moving if pump not in stands]
    if open_pumps:
        raise Ended(
            f"{', '.join(open_pumps)}: NOT CONFIRMED STOPPED. Go there, press STOP on it, clamp the line. When you "
            "have seen that it stands still, add: " + " ".join(f"--stands {pump}" for pump in open_pumps),
            ExitCode.NOT_CONFIRMED_STOPPED,
        )
