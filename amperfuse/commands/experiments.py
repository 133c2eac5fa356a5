"""``run``, ``demo`` and ``gui``: an engine of its own, and a window on it or a line of text about it.

Knows which of the three is wanted and what a person sees meanwhile. The engine lives on whatever happens here.
"""

from __future__ import annotations

import getpass
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from acquisition.experiment.compile import load_experiment
from acquisition.service.discovery import NoEngine, find_engine
from acquisition.service.exit_codes import ExitCode
from acquisition.service.launch import EngineOptions, start_engine
from amperfuse.commands.display import need_window, open_window, why_no_window
from amperfuse.commands.follow import follow
from amperfuse.commands.options import DEFAULT_OUT, Out, Protocol, Rig, said
from amperfuse.commands.rehearsals import report_lines, run_rehearsal
from amperfuse.commands.unfinished import for_the_window, tell_unfinished
from amperfuse.console import Ended, for_people, say, tell
from amperfuse.rehearsing import Wanted

DEMO_SPEED = 60.0
Syringes = Annotated[
    list[str] | None,
    typer.Option(
        "--syringe", metavar="PUMP=NAME", help="The syringe you see in this pump now; asked for where an animal is."
    ),
]
Unattended = Annotated[
    str,
    typer.Option(
        "--unattended-by",
        metavar="NAME",
        help="With --headless: who decides that infusions start also with nobody watching.",
    ),
]
Headless = Annotated[bool, typer.Option("--headless", help="Without a window.")]


@for_people
def run(  # noqa: PLR0917 - typer gives them by name
    protocol: Protocol,
    rig: Rig,
    out: Out = DEFAULT_OUT,
    headless: Headless = False,
    syringe: Syringes = None,
    unattended_by: Unattended = "",
) -> None:
    """Run an experiment. With a window you press Start; --headless starts, follows and ends by itself."""
    tell_unfinished()
    if not headless:
        need_window("Use --headless, or open the window on a computer with a display.")
    # absolute: a window or a terminal in another folder must find the session by what the engine says
    name = _decider(unattended_by, headless=headless)
    options = EngineOptions(
        protocol,
        rig,
        out.absolute(),
        autostart=headless,
        finish_when_done=headless,
        unattended_by=name,
        syringes=tuple(syringe or ()),
    )
    tell("starting the engine: reading the files, asking every instrument who it is ...")
    record = start_engine(options)
    if headless:
        follow(record)
        return
    show_window()


@for_people
def demo(
    speed: Annotated[
        float | None,
        typer.Option(min=0.1, max=1000.0, help=f"Times real time, with the window. [default: {DEMO_SPEED:g}]"),
    ] = None,
    headless: Headless = False,
    out: Out = DEFAULT_OUT,
) -> None:
    """Show a two-hour experiment on a simulated rig: in the window, or without one in virtual time."""
    protocol, rig = demo_files()
    reason = None if headless else why_no_window()
    if speed is not None and (headless or reason is not None):
        why = "it goes with --headless only as fast as the computer can" if headless else reason
        raise Ended(f"--speed is for the window: {why}", ExitCode.REFUSED_INPUT)
    if headless or reason is not None:
        if reason is not None:
            tell(f"{reason}\nRunning the demo without a window instead.")
        for line in report_lines(run_rehearsal(Wanted(load_experiment(protocol, rig), out, 1))):
            say(line)
        return
    if _simulated_engine_runs():
        tell("SIMULATED: a simulated engine is running already; this is its window")
    else:
        tell("SIMULATED: starting an engine on a simulated rig ...")
        chosen = DEMO_SPEED if speed is None else speed
        start_engine(EngineOptions(protocol, rig, out.absolute(), autostart=True, speed=chosen))
    show_window()


@for_people
def gui() -> None:
    """Open the window on the running engine, or wait for one."""
    tell_unfinished()
    need_window("'amperfuse status' and 'amperfuse stop' work without a window.")
    show_window()


def _decider(name: str, *, headless: bool) -> str:
    """Return who decided that nobody has to watch; empty for nobody. Raises Ended where it cannot be that."""
    if not name:
        return ""
    if not headless:
        raise Ended("--unattended-by goes with --headless; the window asks beside Start.", ExitCode.REFUSED_INPUT)
    by = said(name, "--unattended-by")
    tell(f"UNATTENDED, as {by} decided: if the animal is unwell, a line is loose or a mouse wakes, nobody sees it.")
    return by


def _simulated_engine_runs() -> bool:
    try:
        return find_engine().simulated
    except NoEngine:
        return False


def demo_files() -> tuple[Path, Path]:
    """Return the protocol and the rig of the demo."""
    data = resources.files("amperfuse").joinpath("data")
    return Path(str(data.joinpath("demo-protocol.toml"))), Path(str(data.joinpath("demo-rig.toml")))


def show_window() -> None:
    """Show the window until it is closed, and say what goes on. Raises Exit when it failed."""
    tell("Ctrl-C here closes the window only; the engine and its pumps go on. 'amperfuse stop' stops the pumps.")
    code = open_window(getpass.getuser(), for_the_window)
    tell(
        "The window is closed. The engine goes on: 'amperfuse gui' opens it again, 'amperfuse stop' stops the pumps, "
        "'amperfuse finish' ends a session that has stopped."
    )
    if code:
        raise typer.Exit(code)
