"""``study sheet`` and ``study unblind``: what opens the seal. Both are in the book before they tell.

Knows how a secret is told and to which file it goes. What is opened, and when that is refused, is ``analysis.study``'s.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.options import said
from amperfuse.commands.study_options import By, Dir, kept
from amperfuse.console import Ended, say, tell
from drivers.clock import SystemClock

if TYPE_CHECKING:
    from analysis.study.unblinding import Revealed


@kept
def sheet(
    folder: Dir,
    to: Annotated[
        Path, typer.Option("--to", metavar="FILE", help="A new .html (to print) or .csv file, outside of the study.")
    ],
    by: By,
) -> None:
    """Write which solution goes into which syringe, for the one person who fills them. The book keeps who took it."""
    from acquisition.experiment.rig import load_rig  # noqa: PLC0415 - scipy takes long to load, for one command
    from analysis.study import pharmacy  # noqa: PLC0415 - the same
    from analysis.study.study_file import load_study  # noqa: PLC0415 - the same
    from analysis.study.unblinding import take_sheet  # noqa: PLC0415 - the same

    if to.suffix not in (".html", ".csv"):
        raise Ended("--to must end in .html or .csv.", ExitCode.REFUSED_INPUT)
    study, who = load_study(folder), said(by, "--by")
    if to.resolve().is_relative_to(folder.resolve()):
        raise Ended("--to must be outside of the study's folder: everybody may read that.", ExitCode.REFUSED_INPUT)
    simulated = load_rig(study.rig).simulated == "all"
    handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # before the book: a sheet that cannot be is none
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        shown = take_sheet(study, to.name, by=who, wall_ns=SystemClock().wall_ns())
        text = (
            pharmacy.as_csv(shown) if to.suffix == ".csv" else pharmacy.as_html(study, shown, who, simulated=simulated)
        )
        file.write(text)
    tell(f"{to} is written, for {who} alone. It tells every group: print it, then delete it from this computer.")


@kept
def unblind(
    folder: Dir,
    by: By,
    animal: Annotated[str, typer.Argument(metavar="[ANIMAL]", help="The animal's name, or its code.")] = "",
    everybody: Annotated[bool, typer.Option("--all", help="Everybody, once the analysis is locked.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the book.")] = "",
) -> None:
    """Tell what one animal is given (an emergency: always possible), or everybody at the end. The book keeps it."""
    from acquisition.service.unblinding import note_in_session  # noqa: PLC0415 - the same
    from analysis.study.pharmacy import solution_text  # noqa: PLC0415 - scipy takes long to load, for one command
    from analysis.study.study_file import load_study  # noqa: PLC0415 - the same
    from analysis.study.unblinding import unblind_all, unblind_one  # noqa: PLC0415 - the same

    if bool(animal) == everybody:
        raise Ended("Give one ANIMAL, or --all.", ExitCode.REFUSED_INPUT)
    study, who, now_ns = load_study(folder), said(by, "--by"), SystemClock().wall_ns()

    def told(one: Revealed) -> str:
        syringes = "; ".join(f"{barrel}: {solution_text(syringe)}" for barrel, syringe in one.syringes.items())
        return f"{one.animal or '(no animal)'}, code {one.code}: group {one.group}; {syringes}"

    if everybody:
        sequence, shown = unblind_all(study, by=who, reason=reason.strip(), wall_ns=now_ns)
        for each in shown:
            say(told(each))
        say(f"seed of the sequence: {sequence.seed}")
        return
    why = said(reason, "--reason")
    one = unblind_one(study, animal, by=who, reason=why, wall_ns=now_ns)
    say(told(one), style="bold")
    if trouble := note_in_session(f"UNBLINDED {one.code} by {who}: {why}"):
        tell(f"The running session has not noted it ({trouble}): write a note there.", style="bold red")
    for doubt in one.doubts:
        tell(doubt, style="bold red")
    if one.doubts:
        raise typer.Exit(ExitCode.VERIFICATION_FAILED)
