"""``calibrate``: a calibration, guided through the window or, step by step, on this terminal.

Knows how a person at a beaker is talked to. The session is an ordinary one; what comes of it is ``calibration fit``.
"""

from __future__ import annotations

import typer

from acquisition.experiment.problems import Problem, RefusedInput
from acquisition.experiment.protocol import load_protocol
from acquisition.messages import StepView
from acquisition.service.exit_codes import ExitCode
from acquisition.service.launch import EngineOptions, start_engine
from amperfuse.commands.display import need_window
from amperfuse.commands.experiments import Headless, show_window
from amperfuse.commands.follow import follow
from amperfuse.commands.options import DEFAULT_OUT, Out, Protocol, Rig
from amperfuse.commands.unfinished import tell_unfinished
from amperfuse.console import Ended, for_people, say, tell
from amperfuse.plain_text import safe


@for_people
def calibrate(protocol: Protocol, rig: Rig, out: Out = DEFAULT_OUT, headless: Headless = False) -> None:
    """Calibrate a probe in a beaker: says what to pipette and when. With --headless, step by step on this terminal."""
    beaker = load_protocol(protocol).beaker
    if beaker is None:
        sentence = "this protocol has no [calibration]: it is run with 'amperfuse run'."
        raise RefusedInput([Problem(str(protocol), 0, "calibration", sentence)])
    tell_unfinished()
    if not headless:
        need_window("Use --headless: the steps are asked for on this terminal.")
    options = EngineOptions(protocol, rig, out.absolute(), autostart=headless, finish_when_done=headless)
    tell("starting the engine: reading the files, asking every instrument who it is ...")
    record = start_engine(options)
    if headless:
        follow(record, ask_on_terminal)
        say(f"Now: amperfuse calibration fit {safe(str(record.session_dir))}")
        return
    say(f"After its end: amperfuse calibration fit {safe(str(record.session_dir))}")
    show_window()


def ask_on_terminal(step: StepView, mark: str) -> None:
    """Show a step and wait for Enter: that moment is the mark. Raises Ended where nobody can press it."""
    said = safe(step.label).replace("Press Continue", "Press Enter")
    try:
        typer.prompt(f"{mark}{said}. Enter", default="", show_default=False, prompt_suffix=" ", err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except EOFError as error:
        raise Ended(
            "There is nobody to ask on this terminal. The session goes on: 'amperfuse continue' for each step.",
            ExitCode.REFUSED_COMMAND,
        ) from error
